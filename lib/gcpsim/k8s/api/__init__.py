"""The HTTP surface of an API server."""
