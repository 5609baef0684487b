"""A small service that asks the model cache about a text; docs/integration.md explains it."""
