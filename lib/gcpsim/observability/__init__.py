"""Cloud Logging and Cloud Monitoring: what the front ends did, as Google tells it.

The data plane tells `Observed` what it saw (gcpsim.core.seen); the two services answer from it.
Both count exactly what happened; logs are sampled as the backend service says. Neither is kept over
a restart.
"""
