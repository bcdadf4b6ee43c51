"""Google Kubernetes Engine: clusters, their nodes, and what GKE's own controllers do in Google Cloud.

Everything in Compute Engine and Cloud DNS goes through those services' APIs, in process.
"""
