"""Each collection through its own official client: insert, get, list, conflict, delete, gone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1


@dataclass(frozen=True)
class Row:
    """A collection: its client, its resource class, and a body that needs nothing but `before`."""

    client: type
    resource: type
    body: dict[str, Any] = field(default_factory=dict)
    before: Callable[[Any], Any] = lambda gce: None
    place: dict[str, str] = field(default_factory=dict)
    argument: str = ""
    aggregated: bool = True


def services(gce: Any) -> None:
    gce.backend_service()
    gce.backend_service("tcp", protocol="TCP")
    gce.url_map()


def with_proxy(gce: Any) -> None:
    services(gce)
    gce.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")


REGION = {"region": "us-central1"}
ZONE = {"zone": "us-central1-a"}
TCP = {"allowed": [{"I_p_protocol": "tcp", "ports": ["443"]}]}
MANAGED = {"type_": "MANAGED", "managed": {"domains": ["a.example.com"]}}
RULE = {
    "target": "global/targetHttpProxies/proxy",
    "port_range": "80",
    "load_balancing_scheme": "EXTERNAL_MANAGED",
}
CHECK = {"type_": "TCP", "tcp_health_check": {}}
VM = {
    "machine_type": "zones/us-central1-a/machineTypes/e2-medium",
    "network_interfaces": [{"network": "global/networks/default"}],
}
SUBNET = {"network": "global/networks/default", "ip_cidr_range": "192.168.0.0/24"}
c = compute_v1
ROWS = [
    Row(c.GlobalAddressesClient, c.Address, aggregated=False),
    Row(c.AddressesClient, c.Address, place=REGION),
    Row(c.HealthChecksClient, c.HealthCheck, CHECK),
    Row(c.RegionHealthChecksClient, c.HealthCheck, CHECK, place=REGION, aggregated=False),
    Row(c.BackendServicesClient, c.BackendService),
    Row(c.RegionBackendServicesClient, c.BackendService, place=REGION, aggregated=False),
    Row(
        c.UrlMapsClient,
        c.UrlMap,
        {"default_service": "global/backendServices/bs"},
        lambda gce: gce.backend_service(),
    ),
    Row(c.TargetHttpProxiesClient, c.TargetHttpProxy, {"url_map": "global/urlMaps/um"}, services),
    Row(
        c.TargetTcpProxiesClient,
        c.TargetTcpProxy,
        {"service": "global/backendServices/tcp"},
        services,
    ),
    Row(c.GlobalForwardingRulesClient, c.ForwardingRule, RULE, with_proxy, aggregated=False),
    Row(c.FirewallsClient, c.Firewall, TCP, aggregated=False),
    Row(c.NetworkEndpointGroupsClient, c.NetworkEndpointGroup, place=ZONE),
    Row(c.SslPoliciesClient, c.SslPolicy),
    Row(c.SslCertificatesClient, c.SslCertificate, MANAGED),
    Row(c.SecurityPoliciesClient, c.SecurityPolicy),
    Row(c.NetworksClient, c.Network, {"auto_create_subnetworks": False}, aggregated=False),
    Row(c.SubnetworksClient, c.Subnetwork, SUBNET, place=REGION),
    Row(c.InstancesClient, c.Instance, VM, place=ZONE),
    Row(c.TargetPoolsClient, c.TargetPool, place=REGION),
]


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)[1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.client.__name__.removesuffix("Client"))
def test_life_of_a_resource(gce: Any, row: Row) -> None:
    row.before(gce)
    client = gce.client(row.client)
    argument = snake(row.resource.__name__)
    where = {"project": gce.project, **row.place}
    one = {**where, argument: "one"}
    resource = row.resource(name="one", description="first", **row.body)
    inserted = client.insert(**where, **{f"{argument}_resource": resource})
    assert inserted.result(timeout=10) is None
    assert inserted.error_code in (None, 0)

    found = client.get(**one)
    assert (found.name, found.description) == ("one", "first")
    assert found.id > 0
    assert found.self_link.startswith("https://www.googleapis.com/compute/v1/projects/")

    names = [item.name for item in client.list(**where)]
    assert names == sorted(names)
    assert "one" in names
    if row.aggregated:
        by_scope = client.aggregated_list(project=gce.project)
        seen = [
            item.name
            for _, scoped in by_scope
            for attribute in type(scoped).meta.fields
            if attribute != "warning"
            for item in getattr(scoped, attribute)
        ]
        assert "one" in seen

    with pytest.raises(exceptions.Conflict, match="already exists") as conflict:
        client.insert(**where, **{f"{argument}_resource": resource})
    assert conflict.value.errors[0]["reason"] == "alreadyExists"

    client.delete(**one).result(timeout=10)
    for call in (client.get, client.delete):
        with pytest.raises(exceptions.NotFound, match=r"/one' was not found") as missing:
            call(**one)
        assert missing.value.errors[0]["reason"] == "notFound"
    assert "one" not in [item.name for item in client.list(**where)]


CERTIFICATE = "global/sslCertificates/cert"


@pytest.mark.parametrize("kind", ["Https", "Ssl"])
def test_life_of_a_tls_proxy(gce: Any, kind: str) -> None:
    services(gce)
    gce.make(
        "global/sslCertificates", name="cert", type="MANAGED", managed={"domains": ["a.example"]}
    )
    resource_type = getattr(c, f"Target{kind}Proxy")
    client = gce.client(getattr(c, f"Target{kind}ProxiesClient"))
    argument = snake(resource_type.__name__)
    body = (
        {"url_map": "global/urlMaps/um"}
        if kind == "Https"
        else {"service": "global/backendServices/tcp"}
    )
    resource = resource_type(name="one", ssl_certificates=[CERTIFICATE], **body)
    client.insert(project=gce.project, **{f"{argument}_resource": resource}).result(timeout=10)
    found = client.get(project=gce.project, **{argument: "one"})
    assert list(found.ssl_certificates) == [gce.link(CERTIFICATE)]
    if kind == "Https":
        assert (found.quic_override, found.tls_early_data) == ("NONE", "DISABLED")
    else:
        assert found.proxy_header == "NONE"
    with pytest.raises(
        exceptions.BadRequest, match=r"ssl_certificate resource .* already being used"
    ):
        gce.client(c.SslCertificatesClient).delete(project=gce.project, ssl_certificate="cert")
    client.delete(project=gce.project, **{argument: "one"}).result(timeout=10)
    with pytest.raises(exceptions.NotFound):
        client.get(project=gce.project, **{argument: "one"})


def test_a_failed_operation_raises_from_the_client(gce: Any) -> None:
    gce.sim.admin(
        "POST",
        "faults",
        {
            "effect": "operation",
            "path": f"projects/{gce.project}/*",
            "error": "QUOTA_EXCEEDED",
            "message": "Quota 'STATIC_ADDRESSES' exceeded.  Limit: 21.0 globally.",
        },
    )
    client = gce.client(c.GlobalAddressesClient)
    operation = client.insert(project=gce.project, address_resource=c.Address(name="ip"))
    with pytest.raises(exceptions.Forbidden, match="STATIC_ADDRESSES") as failed:
        operation.result(timeout=10)
    assert failed.value.errors[0].code == "QUOTA_EXCEEDED"
    gce.refused("GET", "global/addresses/ip")
