"""Desired against live: what would change, in which words, what an approval covers. Pure."""
