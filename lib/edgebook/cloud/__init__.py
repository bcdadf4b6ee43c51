"""The wire: the seam to simulator or Google Cloud, requests, operations, refusals, clusters."""
