"""Envoy processes and how they are told what to serve (xDS over gRPC, one stream a location)."""
