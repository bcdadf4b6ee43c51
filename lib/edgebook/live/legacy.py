"""What a cluster serves today without edgebook: load balancers, Ingress hosts, cert-manager.

For reports only ("to know"): nothing of it is ours to change. Every part may be missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from edgebook.base.clock import moment
from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.live.reader import Reader
from edgebook.model.hostnames import overlapping
from edgebook.model.paths import namespace_scope
from edgebook.model.values import Action, Change, ResourceKey, Step

INGRESSES = "apis/networking.k8s.io/v1/ingresses"
CERTIFICATES = "apis/cert-manager.io/v1/certificates"
ISSUERS = ("apis/cert-manager.io/v1/clusterissuers", "apis/cert-manager.io/v1/issuers")


@dataclass(frozen=True)
class LegacyCertificate:
    """A cert-manager Certificate."""

    cluster: str
    namespace: str
    name: str
    domains: tuple[str, ...]
    challenge: str  # HTTP-01, DNS-01 or ""
    expires: datetime | None


@dataclass(frozen=True)
class LegacyBalancer:
    """A Service of type LoadBalancer with the address it got."""

    cluster: str
    namespace: str
    name: str
    address: str
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Legacy:
    """The old world of some clusters."""

    certificates: tuple[LegacyCertificate, ...] = ()
    balancers: tuple[LegacyBalancer, ...] = ()
    hosts: Mapping[str, str] | None = None  # Ingress host -> cluster/namespace/Ingress

    @property
    def addresses(self) -> frozenset[str]:
        """The IPs that the load balancers got."""
        return frozenset(item.address for item in self.balancers if item.address)

    def notes(self, hostnames: tuple[str, ...], now: datetime) -> tuple[Change, ...]:
        """Reports about what concerns these hostnames; sorted by the plan."""
        return (*self._certificates(hostnames, now), *self._balancers(hostnames))

    def _certificates(self, hostnames: tuple[str, ...], now: datetime) -> Iterator[Change]:
        for item in self.certificates:
            if not overlapping(item.domains, hostnames):
                continue
            parts = [item.challenge] if item.challenge else []
            if item.expires:
                parts.append(f"expires in {(item.expires - now).days} days")
            where = f"cert-manager, {item.cluster}/{item.namespace}"
            sentence = f"{where}: {', '.join(parts) or 'not issued'}: left alone"
            scope = namespace_scope(item.cluster, item.namespace)
            key = ResourceKey("certificate", scope, item.name)
            yield Change(Action.REPORT, key, Step.CERTIFICATE, sentence)

    def _balancers(self, hostnames: tuple[str, ...]) -> Iterator[Change]:
        served = overlapping(self.hosts or {}, hostnames)
        for item in self.balancers:
            ports = ", ".join(str(port) for port in item.ports)
            sentence = f"{item.cluster}: passthrough load balancer on {item.address}, ports {ports}"
            if served:
                sentence += f"; Ingress serves {', '.join(served)}"
            scope = namespace_scope(item.cluster, item.namespace)
            key = ResourceKey("forwardingRule", scope, item.name)
            yield Change(Action.REPORT, key, Step.FRONTENDS, f"{sentence}: left alone")


def read_legacy(reader: Reader, clusters: tuple[str, ...]) -> Legacy:
    """What these clusters serve without edgebook; a cluster that does not answer is left out."""
    certificates: list[LegacyCertificate] = []
    balancers: list[LegacyBalancer] = []
    hosts: dict[str, str] = {}
    for cluster in clusters:
        for path in (INGRESSES, CERTIFICATES, *ISSUERS):
            reader.objects(cluster, path, missing_ok=True)
    for cluster in sorted(clusters):
        try:
            certificates += _certificates(reader, cluster)
            balancers += _balancers(reader, cluster)
            for item in reader.objects(cluster, INGRESSES, missing_ok=True).result():
                meta = item["metadata"]
                for rule in (item.get("spec") or {}).get("rules") or ():
                    if host := rule.get("host"):
                        hosts[str(host)] = f"{cluster}/{meta['namespace']}/{meta['name']}"
        except (ConnectError, AccessError, ApiError):
            continue
    return Legacy(tuple(certificates), tuple(balancers), hosts)


def _balancers(reader: Reader, cluster: str) -> Iterator[LegacyBalancer]:
    for item in reader.objects(cluster, "api/v1/services").result():
        spec, meta = item.get("spec") or {}, item["metadata"]
        if spec.get("type") != "LoadBalancer":
            continue
        ingress = ((item.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
        ports = tuple(int(port["port"]) for port in spec.get("ports") or ())
        yield LegacyBalancer(
            cluster, meta["namespace"], meta["name"], str(ingress[0].get("ip", "?")), ports
        )


def _certificates(reader: Reader, cluster: str) -> Iterator[LegacyCertificate]:
    solvers = {}
    for path in ISSUERS:
        for issuer in reader.objects(cluster, path, missing_ok=True).result():
            acme = (issuer.get("spec") or {}).get("acme") or {}
            kinds = {"HTTP-01" if "http01" in s else "DNS-01" for s in acme.get("solvers") or ()}
            solvers[issuer["metadata"]["name"]] = "/".join(sorted(kinds))
    for item in reader.objects(cluster, CERTIFICATES, missing_ok=True).result():
        spec, meta = item.get("spec") or {}, item["metadata"]
        until = (item.get("status") or {}).get("notAfter")
        yield LegacyCertificate(
            cluster,
            meta["namespace"],
            meta["name"],
            tuple(sorted(spec.get("dnsNames") or ())),
            solvers.get((spec.get("issuerRef") or {}).get("name", ""), ""),
            moment(until),
        )
