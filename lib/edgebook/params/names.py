"""Names of all resources of a front door, derived from its Spec and from nothing else.

A name never depends on what exists or on the order of a list, so the same params always mean the
same resources. What can't be changed in place
or cleanly patched (a health check's type and port, an authorization's type)
is part of the name: the new one is created beside the old one, and traffic does not notice.
"""

import hashlib
import re
import shlex
from collections.abc import Iterator

from edgebook.model.hostnames import Hostname, common
from edgebook.model.paths import name_of, project_of, zone_scope
from edgebook.params.types import Authorization, FrontendSpec, IpVersion, Spec

LIMIT = 63
NEG_LIMIT = 56  # GKE appends 7 characters on additional subnets, and refuses longer custom names
_SUFFIX = re.compile(r"-(edge|ip|address)$")


def slug(hostname: str) -> str:
    """A hostname as a resource name, unambiguous.

    A dot becomes one hyphen and a hyphen two. Labels neither begin nor end with a hyphen, so a run
    of three is free to mark names that look like a wildcard's or begin with a digit.
    """
    text = Hostname(hostname).domain.replace("-", "--").replace(".", "-")
    if Hostname(hostname).wildcard:
        text = f"wildcard-{text}"
    elif not text[0].isalpha() or text.startswith("wildcard-"):
        text = f"h---{text}"
    if len(text) <= LIMIT - 6:  # room for -fixed
        return text
    digest = hashlib.sha256(hostname.encode()).hexdigest()[:8]
    return f"{text[: LIMIT - 15].rstrip('-')}-{digest}"


class Names:
    """The names of one front door's resources."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.front_door = spec.name or _SUFFIX.sub("", spec.address.name)

    def zone(self, hostname: str) -> str:
        """The scope of the managed zone that holds a hostname: the one with the nearest domain."""
        dns = self._spec.dns
        if dns is None:
            return ""
        holding = [(len(d), zone) for zone, d in dns.zones.items() if Hostname(hostname).under(d)]
        _, name = max(holding, default=(0, dns.zone))
        return zone_scope(dns.project or self._spec.project, name)

    def zones(self) -> tuple[str, ...]:
        """The scopes of all managed zones, the first one first."""
        dns = self._spec.dns
        if dns is None:
            return ()
        names = (dns.zone, *sorted(set(dns.zones) - {dns.zone}))
        return tuple(zone_scope(dns.project or self._spec.project, name) for name in names)

    def make_zone(self, scope: str) -> str:
        """The gcloud line that makes a managed zone which holds our hostnames, whole."""
        assert self._spec.dns is not None
        name, project = name_of(scope), project_of(scope)
        held = [hostname for hostname in self._spec.hostnames if self.zone(hostname) == scope]
        named = [domain for domain, zone in self._spec.dns.zones.items() if zone == name]
        domain = named[0] if named else common(held)
        return (
            f"gcloud dns managed-zones create {name} --project {project} --dns-name {domain}. "
            f"--description {shlex.quote(f'names of front door {self.front_door}')}"
        )

    def address(self, version: IpVersion) -> str:
        suffix = "-ipv6" if version is IpVersion.IPV6 else ""
        return f"{self._spec.address.name}{suffix}"

    def authorization(self, domain: str, kind: Authorization) -> str:
        suffix = "-fixed" if kind is Authorization.FIXED_RECORD else ""
        return f"{slug(domain)}{suffix}"

    def certificate_map(self) -> str:
        certificate = self._spec.certificate
        return (certificate and certificate.map) or self.front_door

    def map_entry(self, hostname: str) -> str:
        return slug(hostname)

    def health_check(self, backend: str) -> str:
        probe = self._spec.backends[backend].health_check
        port = f"-{probe.port}" if probe.port else ""
        return f"{self.front_door}-{backend}-{probe.type.lower()}{port}"

    def backend_service(self, backend: str) -> str:
        return f"{self.front_door}-{backend}"

    def url_map(self) -> str:
        return self.front_door

    def redirect(self, frontend: str) -> str:
        """The URL map, proxy and rule that redirect port 80 to a frontend."""
        return f"{self.front_door}-{frontend}-redirect"

    def frontend(self, frontend: str) -> str:
        """The target proxy and the SSL policy."""
        return f"{self.front_door}-{frontend}"

    def forwarding_rule(self, frontend: str, version: IpVersion, *, redirect: bool = False) -> str:
        base = self.redirect(frontend) if redirect else self.frontend(frontend)
        return f"{base}-ipv6" if version is IpVersion.IPV6 else base

    def firewall(self, cluster: str, version: IpVersion) -> str:
        base = f"{self.front_door}-allow-lb-{cluster}"
        return f"{base}-ipv6" if version is IpVersion.IPV6 else base

    def neg(self, backend: str, cluster: str) -> str:
        return self._spec.backends[backend].neg.name.replace("{cluster}", cluster)

    def derived(self) -> Iterator[tuple[str, str]]:
        """Every name with the key it comes from: for checking lengths."""
        for version in self._spec.address.ip_versions:
            yield self.address(version), "address.name"
        for backend in self._spec.backends:
            yield self.health_check(backend), f"backends.{backend}"
        for index, frontend in enumerate(self._spec.frontends):
            for version in self._spec.address.ip_versions:
                name = self._longest_rule(frontend, version)
                yield name, f"frontends[{index}].name"
        for cluster in self._spec.clusters:
            yield self.firewall(cluster, IpVersion.IPV6), f"clusters.{cluster}"

    def _longest_rule(self, frontend: FrontendSpec, version: IpVersion) -> str:
        return self.forwarding_rule(frontend.name, version, redirect=frontend.redirect_http)
