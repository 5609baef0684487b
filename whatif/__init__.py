"""What would have been: recorded or made-up accesses replayed through the cache's real policy."""
