"""Cloud Logging and Cloud Monitoring: what the front ends did, as Google tells it."""
