"""Step 2: DNS authorizations and their CNAMEs, the managed certificate, its map and entries.

A managed certificate's domains can't be changed, and a certificate in use can't be deleted. So when
the hostnames change, a second certificate is issued beside the first, the entries follow when it
is ACTIVE, and the first one goes last.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.desired.context import Context, merged
from edgebook.model import paths
from edgebook.model.hostnames import Hostname
from edgebook.model.values import Ref, Resource, ResourceKey, Step, Wait
from edgebook.params.names import LIMIT
from edgebook.params.types import Authorization, CertificateSpec

PRIMARY = "primary"


def resources(context: Context) -> Iterator[Resource]:
    certificate = context.spec.certificate
    if certificate is None:
        return
    if certificate.map:
        yield context.existing("certificateMap", certificate.map)
        return
    if certificate.adopt:
        yield context.existing("certificate", certificate.name)
    else:
        yield from _authorizations(context, certificate)
        yield _certificate(context, certificate)
    name = context.names.certificate_map()
    yield context.resource("certificateMap", name, {}, what="holds one entry per hostname")
    yield from _entries(context)


def certificate_name(context: Context) -> str:
    """The certificate that carries exactly our hostnames, or the name of the one to issue."""
    certificate = context.spec.certificate
    assert certificate is not None
    if certificate.adopt:
        return certificate.name
    wanted = content(_managed(context, certificate))
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:6]
    successor = f"{certificate.name[: LIMIT - 7].rstrip('-')}-{digest}"
    live = context.observed.certificates
    for name in (certificate.name, successor):
        if live.get(name) == wanted:
            return name
    return successor if certificate.name in live else certificate.name


def content(managed: Mapping[str, Any]) -> tuple[str, ...]:
    """What can't change in a certificate: its domains and the names of its authorizations."""
    names = (a.name if isinstance(a, Ref) else a for a in managed.get("dnsAuthorizations", ()))
    authorizations = {f"authorization {paths.name_of(name)}" for name in names}
    return tuple(sorted(set(managed.get("domains", ())) | authorizations))


def map_key(context: Context) -> ResourceKey:
    return context.ref("certificateMap", context.names.certificate_map()).key


def attachment_waits(context: Context) -> tuple[Wait, ...]:
    """What must be ACTIVE before a proxy may serve with the map."""
    certificate = context.spec.certificate
    if certificate is None or certificate.map:
        return ()
    keys = [context.ref("certificate", certificate_name(context)).key]
    scope = _entry_scope(context)
    for hostname in sorted(set(context.spec.hostnames)):
        keys.append(ResourceKey("certificateMapEntry", scope, context.names.map_entry(hostname)))
    keys.append(ResourceKey("certificateMapEntry", scope, PRIMARY))
    return tuple(Wait(key, "ACTIVE") for key in keys)


def _authorizations(context: Context, certificate: CertificateSpec) -> Iterator[Resource]:
    kind = certificate.authorization
    hostnames = set(context.spec.hostnames)
    for domain in sorted({Hostname(hostname).domain for hostname in hostnames}):
        name = context.names.authorization(domain, kind)
        names = sorted(name for name in hostnames if Hostname(name).domain == domain)
        both, only = len(names) == 2, names[0]
        what = f"authorize {domain}, also for *.{domain}" if both else f"authorize {only}"
        body = {"domain": domain, "type": kind.value}
        yield context.resource("dnsAuthorization", name, body, what=what)
        if context.spec.dns:
            yield _challenge(context, domain, context.ref("dnsAuthorization", name))


def record_name(domain: str, kind: Authorization) -> str:
    """The name of the authorization's record, as far as it is known before it exists."""
    middle = "" if kind is Authorization.FIXED_RECORD else "_*"
    return paths.record_name(f"_acme-challenge{middle}.{domain}.", "CNAME")


def _challenge(context: Context, domain: str, authorization: Ref) -> Resource:
    dns, certificate = context.spec.dns, context.spec.certificate
    assert dns is not None and certificate is not None
    key = authorization.key

    def known_after(field: str) -> Ref:
        return Ref(key.kind, key.name, key.scope, f"dnsResourceRecord.{field}")

    body = {
        "name": known_after("name"),
        "type": "CNAME",
        "ttl": int(dns.ttl),
        "rrdatas": [known_after("data")],
    }
    return context.resource(
        "dnsRecordSet",
        record_name(domain, certificate.authorization),
        body,
        scope=context.names.zone(domain),
        step=Step.CERTIFICATE,
        what=f'CNAME to (known after "DNS authorization {key.name}")',
    )


def _managed(context: Context, certificate: CertificateSpec) -> dict[str, Any]:
    hostnames = sorted(set(context.spec.hostnames))
    domains = sorted({Hostname(hostname).domain for hostname in hostnames})
    names = [context.names.authorization(d, certificate.authorization) for d in domains]
    return {
        "domains": hostnames,
        "dnsAuthorizations": [context.ref("dnsAuthorization", name) for name in names],
    }


def _certificate(context: Context, certificate: CertificateSpec) -> Resource:
    hostnames = sorted(set(context.spec.hostnames))
    domains = sorted({Hostname(hostname).domain for hostname in hostnames})
    body = {"managed": _managed(context, certificate)}
    depends: tuple[ResourceKey, ...] = ()
    dns = context.spec.dns
    if dns:
        depends = tuple(
            ResourceKey(
                "dnsRecordSet",
                context.names.zone(domain),
                record_name(domain, certificate.authorization),
            )
            for domain in domains
        )
    count = len(hostnames)
    return context.resource(
        "certificate",
        certificate_name(context),
        merged(body, certificate.api),
        what=f"managed, {count} domain{'s' if count != 1 else ''}, RSA-2048",
        depends=depends,
    )


def _entry_scope(context: Context) -> str:
    return f"{context.certificates}/certificateMaps/{context.names.certificate_map()}"


def _entries(context: Context) -> Iterator[Resource]:
    """One per hostname, and one for clients without SNI: without it, their handshakes are reset."""
    certificate = context.ref("certificate", certificate_name(context))
    hostnames = sorted(set(context.spec.hostnames))
    entries = [(context.names.map_entry(name), {"hostname": name}, name) for name in hostnames]
    entries.append((PRIMARY, {"matcher": "PRIMARY"}, "clients without SNI"))
    for name, match, who in entries:
        yield context.resource(
            "certificateMapEntry",
            name,
            {**match, "certificates": [certificate]},
            scope=_entry_scope(context),
            what=f"{who} -> certificate {certificate.name}",
            depends=(map_key(context),),
            update_waits=(Wait(certificate.key, "ACTIVE"),),
        )
