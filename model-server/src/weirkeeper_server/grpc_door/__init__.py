"""gRPC for calls with one message each way, over our own HTTP/2: calls in, statuses, limits and time-outs."""
