"""Google Kubernetes Engine: clusters, nodes, and what GKE's controllers do in Google Cloud.

Everything in Compute Engine and Cloud DNS goes through those services' APIs, in process.
"""
