"""Answers that several services keep together, outside: the prediction cache's second level."""
