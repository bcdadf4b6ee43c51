"""Step 1: the global addresses, and the records that point at them."""

from collections.abc import Iterator

from edgebook.desired.context import Context, merged
from edgebook.model.values import Ownership, Resource
from edgebook.params.types import IpVersion

RECORD_TYPES = {IpVersion.IPV4: "A", IpVersion.IPV6: "AAAA"}


def resources(context: Context) -> Iterator[Resource]:
    spec = context.spec
    for version in context.ip_versions:
        name = context.names.address(version)
        if spec.address.adopt:
            yield context.existing("address", name)
            continue
        body = {"name": name, "addressType": "EXTERNAL", "ipVersion": version.value}
        what = f"global {version.replace('IPV', 'IPv')} address"
        yield context.resource("address", name, merged(body, spec.address.api), what=what)
    yield from records(context)


def records(context: Context) -> Iterator[Resource]:
    """A and AAAA of every hostname; those that point elsewhere are changed on `take_over` only."""
    dns = context.spec.dns
    if dns is None:
        return
    for hostname in sorted(set(context.spec.hostnames)):
        for version in context.ip_versions:
            kind = RECORD_TYPES[version]
            address = context.address(version)
            body = {
                "name": f"{hostname}.",
                "type": kind,
                "ttl": int(dns.ttl),
                "rrdatas": [address],
            }
            taken = hostname in dns.take_over
            yield context.resource(
                "dnsRecordSet",
                f"{hostname}./{kind}",
                body,
                scope=context.names.zone(hostname),
                what=f"{kind} to address {address.name}, TTL {dns.ttl}",
                ownership=Ownership.ADOPTED if taken else Ownership.CREATED,
            )
