"""What exists without being created: regions and zones, and the quotas of a project.

Regions are Google Cloud's public ones, with the real zone letters. Quota metrics are the ones a
front door counts against (names from the discovery document).
"""

from gcpsim.core.paths import cut_scope

REGION_ZONES: dict[str, str] = {
    "africa-south1": "abc",
    "asia-east1": "abc",
    "asia-east2": "abc",
    "asia-northeast1": "abc",
    "asia-northeast2": "abc",
    "asia-northeast3": "abc",
    "asia-south1": "abc",
    "asia-south2": "abc",
    "asia-southeast1": "abc",
    "asia-southeast2": "abc",
    "australia-southeast1": "abc",
    "australia-southeast2": "abc",
    "europe-central2": "abc",
    "europe-north1": "abc",
    "europe-north2": "abc",
    "europe-southwest1": "abc",
    "europe-west1": "bcd",
    "europe-west10": "abc",
    "europe-west12": "abc",
    "europe-west2": "abc",
    "europe-west3": "abc",
    "europe-west4": "abc",
    "europe-west6": "abc",
    "europe-west8": "abc",
    "europe-west9": "abc",
    "me-central1": "abc",
    "me-central2": "abc",
    "me-west1": "abc",
    "northamerica-northeast1": "abc",
    "northamerica-northeast2": "abc",
    "northamerica-south1": "abc",
    "southamerica-east1": "abc",
    "southamerica-west1": "abc",
    "us-central1": "abcf",
    "us-east1": "bcd",
    "us-east4": "abc",
    "us-east5": "abc",
    "us-south1": "abc",
    "us-west1": "abc",
    "us-west2": "abc",
    "us-west3": "abc",
    "us-west4": "abc",
}
REGIONS = sorted(REGION_ZONES)
ZONES = sorted(f"{region}-{letter}" for region in REGIONS for letter in REGION_ZONES[region])

# Auto mode networks have one /20 a region, 10.N.0.0/20 (Google's page on auto mode IPv4 ranges).
AUTO_SECOND_BYTE: dict[str, int] = {
    "africa-south1": 218,
    "asia-east1": 140,
    "asia-east2": 170,
    "asia-northeast1": 146,
    "asia-northeast2": 174,
    "asia-northeast3": 178,
    "asia-south1": 160,
    "asia-south2": 190,
    "asia-southeast1": 148,
    "asia-southeast2": 184,
    "australia-southeast1": 152,
    "australia-southeast2": 192,
    "europe-central2": 186,
    "europe-north1": 166,
    "europe-north2": 226,
    "europe-southwest1": 204,
    "europe-west1": 132,
    "europe-west10": 214,
    "europe-west12": 210,
    "europe-west2": 154,
    "europe-west3": 156,
    "europe-west4": 164,
    "europe-west6": 172,
    "europe-west8": 198,
    "europe-west9": 200,
    "me-central1": 212,
    "me-central2": 216,
    "me-west1": 208,
    "northamerica-northeast1": 162,
    "northamerica-northeast2": 188,
    "northamerica-south1": 224,
    "southamerica-east1": 158,
    "southamerica-west1": 194,
    "us-central1": 128,
    "us-east1": 142,
    "us-east4": 150,
    "us-east5": 202,
    "us-south1": 206,
    "us-west1": 138,
    "us-west2": 168,
    "us-west3": 180,
    "us-west4": 182,
}

# metric -> (limit, collection counted); which of its resources, `quotas` knows. A zone has no quota
# of its own: what lies there is charged to its region (Google's page on load balancing quotas).
PROJECT_QUOTAS: dict[str, tuple[float, str]] = {
    "BACKEND_BUCKETS": (9.0, "backendBuckets"),
    "BACKEND_SERVICES": (50.0, "backendServices"),
    "FIREWALLS": (200.0, "firewalls"),
    "FORWARDING_RULES": (45.0, "forwardingRules"),
    "GLOBAL_EXTERNAL_MANAGED_BACKEND_SERVICES": (75.0, "backendServices"),
    "GLOBAL_EXTERNAL_MANAGED_FORWARDING_RULES": (45.0, "forwardingRules"),
    "GLOBAL_EXTERNAL_PROXY_LB_BACKEND_SERVICES": (75.0, "backendServices"),
    "HEALTH_CHECKS": (150.0, "healthChecks"),
    "INSTANCE_TEMPLATES": (300.0, "instanceTemplates"),
    "NETWORKS": (15.0, "networks"),
    "ROUTERS": (20.0, "routers"),
    "ROUTES": (250.0, "routes"),
    "SECURITY_POLICIES": (20.0, "securityPolicies"),
    "SSL_CERTIFICATES": (30.0, "sslCertificates"),
    "SSL_POLICIES": (10.0, "sslPolicies"),
    "STATIC_ADDRESSES": (21.0, "addresses"),
    "SUBNETWORKS": (275.0, "subnetworks"),
    "TARGET_HTTPS_PROXIES": (30.0, "targetHttpsProxies"),
    "TARGET_HTTP_PROXIES": (30.0, "targetHttpProxies"),
    "TARGET_POOLS": (150.0, "targetPools"),
    "TARGET_SSL_PROXIES": (30.0, "targetSslProxies"),
    "TARGET_TCP_PROXIES": (30.0, "targetTcpProxies"),
    "URL_MAPS": (30.0, "urlMaps"),
}
REGION_QUOTAS: dict[str, tuple[float, str]] = {
    "CPUS": (720.0, "instances"),
    "EXTERNAL_MANAGED_FORWARDING_RULES": (45.0, "forwardingRules"),
    "EXTERNAL_NETWORK_LB_FORWARDING_RULES": (45.0, "forwardingRules"),
    "INSTANCES": (720.0, "instances"),
    "INSTANCE_GROUPS": (100.0, "instanceGroups"),
    "INSTANCE_GROUP_MANAGERS": (50.0, "instanceGroupManagers"),
    "NETWORK_ENDPOINT_GROUPS": (100.0, "networkEndpointGroups"),
    "REGIONAL_EXTERNAL_MANAGED_BACKEND_SERVICES": (75.0, "backendServices"),
    "REGIONAL_EXTERNAL_NETWORK_LB_BACKEND_SERVICES": (75.0, "backendServices"),
    "REGIONAL_INSTANCE_GROUP_MANAGERS": (20.0, "instanceGroupManagers"),
    "REGIONAL_INTERNAL_LB_BACKEND_SERVICES": (75.0, "backendServices"),
    "REGIONAL_INTERNAL_MANAGED_BACKEND_SERVICES": (75.0, "backendServices"),
    "STATIC_ADDRESSES": (70.0, "addresses"),
}


def region_of(zone: str) -> str:
    return zone.rsplit("-", 1)[0]


def region_of_scope(scope: str) -> str:
    """The region of `regions/R` or `zones/Z`; empty for `global`."""
    kind, place = cut_scope(scope)
    return region_of(place) if kind == "zones" else place


def zones_of(region: str) -> list[str]:
    return [f"{region}-{letter}" for letter in REGION_ZONES.get(region, "")]


# Machine types: family -> (memory of a CPU in GB, numbers of CPUs)
FAMILIES: dict[str, tuple[float, tuple[int, ...]]] = {
    "c2-standard": (4, (4, 8, 16, 30, 60)),
    "c3-standard": (4, (4, 8, 22, 44, 88)),
    "e2-highcpu": (1, (2, 4, 8, 16, 32)),
    "e2-highmem": (8, (2, 4, 8, 16)),
    "e2-standard": (4, (2, 4, 8, 16, 32)),
    "n1-standard": (3.75, (1, 2, 4, 8, 16)),
    "n2-highcpu": (1, (2, 4, 8, 16)),
    "n2-highmem": (8, (2, 4, 8, 16)),
    "n2-standard": (4, (2, 4, 8, 16, 32)),
    "n2d-standard": (4, (2, 4, 8, 16)),
    "t2d-standard": (4, (1, 2, 4, 8)),
}
SHARED = {"e2-micro": (2, 1.0), "e2-small": (2, 2.0), "e2-medium": (2, 4.0),
          "f1-micro": (1, 0.6), "g1-small": (1, 1.7)}  # fmt: skip


def _sizes() -> dict[str, tuple[int, float]]:
    found = dict(SHARED)
    for family, (memory, counts) in FAMILIES.items():
        found |= {f"{family}-{count}": (count, count * memory) for count in counts}
    return dict(sorted(found.items()))


SIZES = _sizes()  # name -> (CPUs, memory in GB)
