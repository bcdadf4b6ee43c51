"""Compute Engine: one engine, a table of collections, and what each does differently."""
