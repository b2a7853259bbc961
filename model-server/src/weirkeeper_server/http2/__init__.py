"""HTTP/2 on the side of a server (RFC 9113), without a socket and without a meaning: bytes to streams, and back."""
