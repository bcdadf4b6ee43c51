"""The shapes of objects and the words that every room of the API server uses."""
