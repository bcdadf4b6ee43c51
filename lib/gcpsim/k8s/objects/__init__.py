"""A cluster's objects as controllers use them, below the HTTP surface."""
