"""HTTP/1.1 on a socket, without a framework: bytes to requests, turns, answers, limits and time-outs."""
