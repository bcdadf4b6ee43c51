"""The quotas of a project in Cloud DNS, as projects.get tells them.

Source: the quotas page of Cloud DNS and answers of real projects as printed in public; the numbers
are the defaults of a new project.
"""

from typing import Any

QUOTA: dict[str, int] = {
    "dnsKeysPerManagedZone": 4,
    "gkeClustersPerManagedZone": 100,
    "gkeClustersPerPolicy": 100,
    "gkeClustersPerResponsePolicy": 100,
    "internetHealthChecksPerManagedZone": 100,
    "itemsPerRoutingPolicy": 100,
    "managedZones": 10_000,
    "managedZonesPerGkeCluster": 10_000,
    "managedZonesPerNetwork": 10_000,
    "nameserversPerDelegation": 8,
    "networksPerManagedZone": 100,
    "networksPerPolicy": 100,
    "networksPerResponsePolicy": 100,
    "peeringZonesPerTargetNetwork": 1_000,
    "policies": 100,
    "resourceRecordsPerRrset": 100,
    "responsePolicies": 100,
    "responsePolicyRulesPerResponsePolicy": 10_000,
    "rrsetAdditionsPerChange": 1_000,
    "rrsetDeletionsPerChange": 1_000,
    "rrsetsPerManagedZone": 10_000,
    "targetNameServersPerManagedZone": 50,
    "targetNameServersPerPolicy": 50,
    "totalRrdataSizePerChange": 100_000,
}
KEY_SPECS: list[dict[str, Any]] = [
    {
        "kind": "dns#dnsKeySpec",
        "keyType": kind,
        "algorithm": algorithm,
        "keyLength": length,
    }
    for kind in ("keySigning", "zoneSigning")
    for algorithm, lengths in (
        ("rsasha256", (1024, 2048)),
        ("rsasha512", (1024, 2048)),
        ("ecdsap256sha256", (256,)),
        ("ecdsap384sha384", (384,)),
    )
    for length in lengths
]


def project_quota() -> dict[str, Any]:
    return {"kind": "dns#quota"} | QUOTA | {"whitelistedKeySpecs": KEY_SPECS}
