"""Clusters, through the official clients."""
