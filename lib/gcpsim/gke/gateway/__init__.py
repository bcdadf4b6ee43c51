"""Gateways of GKE's class gke-l7-global-external-managed: what they are in Compute Engine."""
