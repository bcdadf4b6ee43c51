"""What the API server fills in and what it refuses, by kind."""
