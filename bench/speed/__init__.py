"""How fast, how small: the service beside what one would run in its place, in the same minutes."""
