"""Where Google's proxies and probes come from. Source: its page "Firewall rules" of load balancing.

`FRONT_ENDS` are those of the load balancers that end connections, `NODE_PROBES` those that probe
nodes behind passthrough ones: GKE opens both for Services of type LoadBalancer.
"""

PROBES = "35.191.0.0/16"
FRONT_ENDS = ("130.211.0.0/22", PROBES)
NODE_PROBES = (*FRONT_ENDS, "209.85.152.0/22", "209.85.204.0/22")
