"""Checks of certificates and maps: issued, entries served, attached where they should be."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.desired.certificate import PRIMARY
from edgebook.model.hostnames import Hostname
from edgebook.model.paths import name_of
from edgebook.model.values import CheckResult, Step
from edgebook.verify import failures
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, joined, result


def certificates(facts: Facts) -> Iterator[CheckResult]:
    """Each of our certificates is ACTIVE and covers the hostnames."""
    check = "certificate ACTIVE"
    for name in certificate_names(facts):
        body = facts.body("certificate", name)
        if body is None:
            why = facts.pending("certificate", name)
            state = SKIPPED if why else FAILED
            yield result(state, check, name, why or "not found", step=Step.CERTIFICATE)
            continue
        managed = body.get("managed") or {}
        state_said = managed.get("state") or ("ACTIVE" if body.get("expireTime") else "UNKNOWN")
        if state_said == "ACTIVE":
            yield result(OK, check, name, joined(covered(body)), step=Step.CERTIFICATE)
            continue
        trouble = failures.of_certificate(body)
        if trouble and trouble.final:
            reason = f"{state_said}: {trouble.seen or trouble.cause}"
            yield result(FAILED, check, name, reason, trouble.remedy, step=Step.CERTIFICATE)
            continue
        attempts = managed.get("authorizationAttemptInfo") or ()
        granted = sum(item.get("state") == "AUTHORIZED" for item in attempts)
        domains = len(managed.get("domains") or ())
        reason = f"{state_said}, {granted} of {domains} domains AUTHORIZED; usually under 30 min"
        remedy = trouble.remedy if trouble else "40 waits for it"
        yield result(UNCERTAIN, check, name, reason, remedy, step=Step.CERTIFICATE)


def covers(facts: Facts) -> Iterator[CheckResult]:
    """Every hostname is in a certificate of the map's entry for it."""
    if facts.spec.certificate is None:
        return
    for hostname in sorted(set(facts.spec.hostnames)):
        entry = facts.names.map_entry(hostname)
        yield _entry(facts, hostname, entry)
    yield _entry(facts, "clients without SNI", PRIMARY)


def _entry(facts: Facts, subject: str, name: str) -> CheckResult:
    check, step = "map entry ACTIVE", Step.CERTIFICATE_MAP
    map_name = facts.names.certificate_map()
    scope = f"{facts.certificates}/certificateMaps/{map_name}"
    body = facts.body("certificateMapEntry", name, scope)
    if body is None:
        why = facts.pending("certificateMapEntry", name, scope)
        if facts.spec.certificate and facts.spec.certificate.map:
            return result(SKIPPED, check, subject, f"the map {map_name} is not ours", step=step)
        remedy = "" if why else "run 20 certificate"
        return result(
            SKIPPED if why else FAILED, check, subject, why or "no entry", remedy, step=step
        )
    if body.get("state") != "ACTIVE":
        trouble = failures.ENTRY_PENDING
        reason = f"{body.get('state')}: {trouble.cause}"
        return result(UNCERTAIN, check, subject, reason, trouble.remedy, step=step)
    return result(OK, check, subject, f"entry {name}", step=step)


def without_entry(facts: Facts) -> Iterator[CheckResult]:
    """Names that come here and no entry of the map in use covers; silent about others."""
    if facts.spec.certificate is None or facts.spec.certificate.map or not _in_use(facts):
        return
    check, remedy = "map entry", "run 20 certificate: it makes it"
    scope = f"{facts.certificates}/certificateMaps/{facts.names.certificate_map()}"

    there = [item.body for key, item in facts.live.items()
             if key.kind == "certificateMapEntry" and key.scope == scope]  # fmt: skip
    if facts.body("certificateMapEntry", PRIMARY, scope) is None:
        why = "the map has no entry for clients without a name of its own: they get no certificate"
        yield result(FAILED, check, PRIMARY, why, remedy, step=Step.CERTIFICATE_MAP)
    addresses = {facts.address(version) for version in facts.versions} - {""}
    for hostname in sorted(set(facts.spec.hostnames)):
        covered = any(Hostname(str(body.get("hostname", ""))).covers(hostname) for body in there)
        sets = [facts.body("dnsRecordSet", f"{hostname}./{kind}", facts.names.zone(hostname)) or {}
                for kind in ("A", "AAAA")]  # fmt: skip
        if not covered and any(addresses & set(one.get("rrdatas") or ()) for one in sets):
            why = "it comes here, and no entry of the map is for it: handshakes get another name's"
            yield result(FAILED, check, hostname, why, remedy, step=Step.CERTIFICATE_MAP)


def _in_use(facts: Facts) -> bool:
    """Whether a proxy of ours carries the map."""
    wanted, proxies = facts.names.certificate_map(), ("targetHttpsProxy", "targetSslProxy")
    carried = [facts.body(r.kind, r.name) or {}
               for r in facts.desired.resources if r.kind in proxies]  # fmt: skip
    return any(name_of(str(body.get("certificateMap", ""))) == wanted for body in carried)


def attached(facts: Facts) -> Iterator[CheckResult]:
    """Each TLS frontend's proxy carries the map, and the map says so itself."""
    step = Step.CERTIFICATE_MAP
    map_name = facts.names.certificate_map()
    for resource in facts.desired.resources:
        if resource.kind not in ("targetHttpsProxy", "targetSslProxy"):
            continue
        check = "map attached"
        body = facts.body(resource.kind, resource.name)
        if body is None:
            why = facts.pending(resource.kind, resource.name)
            state = SKIPPED if why else FAILED
            yield result(state, check, resource.name, why or "no such proxy", step=step)
            continue
        carried = name_of(str(body.get("certificateMap", "")))
        if carried != map_name:
            reason = f"the proxy has {carried or 'no map'} instead of {map_name}"
            yield result(FAILED, check, resource.name, reason, "run 40 certificate map", step=step)
            continue
        if resource.name in targets(facts.body("certificateMap", map_name) or {}):
            yield result(OK, check, resource.name, f"map {map_name}", step=step)
        else:
            reason = f"the proxy names map {map_name}, the map does not list the proxy yet"
            remedy = "it follows within minutes, once a forwarding rule leads to the proxy"
            yield result(UNCERTAIN, check, resource.name, reason, remedy, step=step)


def targets(certificate_map: Mapping[str, Any]) -> set[str]:
    """Names of the proxies that a map says it is attached to."""
    found = set()
    for target in certificate_map.get("gclbTargets") or ():
        link = target.get("targetHttpsProxy") or target.get("targetSslProxy") or ""
        found.add(name_of(str(link)))
    return found


def certificate_names(facts: Facts) -> list[str]:
    return sorted({r.name for r in facts.desired.resources if r.kind == "certificate"})


def covered(body: Mapping[str, Any]) -> list[str]:
    managed = body.get("managed") or {}
    return sorted(body.get("sanDnsnames") or managed.get("domains") or ())
