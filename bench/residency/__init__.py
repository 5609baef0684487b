"""What keeping models in memory costs and saves, measured on real servers."""
