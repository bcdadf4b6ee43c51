"""Small checks of what is really so: ok, failed, skipped or uncertain, with reason and remedy."""
