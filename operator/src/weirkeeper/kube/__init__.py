"""Everything between us and the API server: client, cache, queue, executor, leader. Nobody else speaks to it."""
