"""A GKE cluster's Kubernetes API: objects in the store, served as kubectl and clients expect it.

`cluster` is the in-process API that controllers use, `http` the same over the wire.
"""
