"""Where Google's health checks and proxies come from.

For global external Application and proxy Network Load Balancers with zonal NEGs. Source: Google's
page "Firewall rules" of Cloud Load Balancing.
"""

IPV4_RANGES = ("130.211.0.0/22", "35.191.0.0/16")
IPV6_RANGES = ("2600:2d00:1:1::/64", "2600:2d00:1:b029::/64")
