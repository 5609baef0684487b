"""What the use cases return: frozen answers in plain units (bytes, seconds, UTC datetimes)."""
