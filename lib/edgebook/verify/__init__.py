"""Small checks of what is really so: each ok, failed, skipped or uncertain, with reason and remedy."""
