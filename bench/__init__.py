"""Measures the running service. A developer's tool; the service never imports it."""
