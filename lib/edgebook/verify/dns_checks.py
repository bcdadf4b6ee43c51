"""Checks of names: address records, validation CNAMEs, CAA, and the delegation of the zone."""

from collections.abc import Iterable, Iterator

from edgebook.model.hostnames import Hostname
from edgebook.model.paths import name_of, record_of
from edgebook.model.values import BY_HAND, CheckResult, Step
from edgebook.params.types import IpVersion
from edgebook.plan.dns_records import MOVED, STAYS, WRITTEN_BACK
from edgebook.plan.strayed import LOST, held
from edgebook.verify import failures
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, joined, probe_name, result
from edgebook.verify.lookup import LOOK, Reply

PKI = "pki.goog"
KNOWN_TAGS = ("issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail",
              "issuevmc")  # fmt: skip
ALSO = "take the other addresses out of the record, when the way to them is not meant to stay"
LOST_WAY = (
    "run 10 address and DNS, which reserves another one; then set the record to it at once by hand "
    "(nobody is served by the old one), or let the cut-over move it"
)
LED_OFF_WAY = (
    "when it came here before: set the record back to the front door's address; else the cut-over "
    "moves it"
)
RECORDS = {IpVersion.IPV4: "A", IpVersion.IPV6: "AAAA"}


def zone(facts: Facts) -> Iterator[CheckResult]:
    """The managed zones exist, hold the hostnames, and their parents delegate to them."""
    if not facts.zone:
        why = "the params name none: 10 and 20 say which records to set at your provider"
        yield result(SKIPPED, "DNS zone", "-", why, step=Step.ADDRESS_AND_DNS)
    for scope in facts.names.zones():
        yield from _zone(facts, scope)


def _zone(facts: Facts, scope: str) -> Iterator[CheckResult]:
    name = name_of(scope)
    found = facts.reader.one("dns", f"dns/v1/{scope}").result()
    if found is None:
        remedy = f"`{facts.names.make_zone(scope)}`, or correct dns.zone in the params"
        yield result(
            FAILED, "DNS zone exists", name, "not found", remedy, step=Step.ADDRESS_AND_DNS
        )
        return
    suffix = str(found["dnsName"])
    if found.get("visibility") == "private":
        why = "it is a private zone: its records are seen inside its networks only"
        remedy = "name a public zone of the same domain under dns.zone"
        yield result(FAILED, "DNS zone is public", name, why, remedy, step=Step.ADDRESS_AND_DNS)
    mine = [h for h in facts.spec.hostnames if facts.names.zone(h) == scope]
    outside = [h for h in mine if not Hostname(h).under(suffix)]
    yield result(
        FAILED if outside else OK,
        "DNS zone holds the names",
        name,
        f"{joined(outside)} not under {suffix}" if outside else suffix,
        "correct the hostnames, or name their own zone under dns.zones" if outside else "",
        step=Step.ADDRESS_AND_DNS,
    )
    if found.get("visibility") != "private":
        yield _delegation(facts, name, suffix, found.get("nameServers") or ())


def _delegation(facts: Facts, name: str, suffix: str, servers: tuple[str, ...]) -> CheckResult:
    check = "zone is delegated"
    step = Step.ADDRESS_AND_DNS
    reply = facts.lookup.resolved(suffix, "NS")
    if facts.reader.wire.connection.dns_by_api:
        return result(
            SKIPPED, check, suffix, "no DNS server here: the parent is not asked", step=step
        )
    wanted, seen = set(servers), set(reply.values)
    if seen and seen <= wanted:
        return result(OK, check, suffix, f"{len(seen)} of {len(wanted)} name servers", step=step)
    if reply.silent:
        return result(UNCERTAIN, check, suffix, f"{reply.server}: {reply.problem}", LOOK, step=step)
    trouble = failures.ZONE_NOT_DELEGATED
    asked = joined(seen) if seen else reply.problem
    reason = f"the Internet asks {asked}, the zone is on {joined(wanted)}"
    return result(FAILED, check, suffix, reason, trouble.remedy, step=step)


def records(facts: Facts) -> Iterator[CheckResult]:
    """Every hostname answers the front door's address, at the name servers and by resolvers."""
    step = Step.ADDRESS_AND_DNS
    for hostname in sorted(set(facts.spec.hostnames)):
        for version in facts.versions:
            kind = RECORDS[version]
            check, address = f"{kind} record answers", facts.address(version)
            pending = facts.pending("dnsRecordSet", f"{hostname}./{kind}")
            if not address or pending:
                why = pending or "no address yet: 10 Address and DNS reserves it"
                yield result(SKIPPED, check, hostname, why, step=step)
                continue
            if not facts.zone:
                yield _elsewhere(facts, check, hostname, address)
                continue
            replies = facts.lookup.authoritative(probe_name(hostname), kind)
            yield _answered(facts, check, hostname, address, replies)


def beside(facts: Facts) -> Iterator[CheckResult]:
    """Records that stay beside ours and lead elsewhere, and who would write ours back."""
    named = {f"{hostname}." for hostname in facts.spec.hostnames}
    for change in facts.plan.reports:
        about = change.key.kind == "dnsRecordSet" and record_of(change.key.name)[0] in named
        if about and any(words in change.sentence for words in (STAYS, WRITTEN_BACK)):
            check = "nothing beside our records"
            yield result(
                UNCERTAIN, check, change.key.name, change.sentence, step=Step.ADDRESS_AND_DNS
            )


def lost(facts: Facts) -> Iterator[CheckResult]:
    """Names that answer with an IP that this front door may have had, and its project has not."""
    for change in facts.plan.reports:
        if change.key.kind == "dnsRecordSet" and LOST in change.sentence:
            yield result(FAILED, "names lead here", change.key.name, change.sentence, LOST_WAY,
                         step=Step.ADDRESS_AND_DNS)  # fmt: skip


def led_off(facts: Facts) -> Iterator[CheckResult]:
    """Names that lead out of the project though others come here: no cut-over leaves them so."""
    left = {c.key.name for c in facts.plan.reports if c.sentence.endswith(MOVED)}
    mine = held(facts.live, facts.observed)
    for version in facts.versions if left else ():
        kind, address = RECORDS[version], facts.address(version)
        names = sorted(set(facts.spec.hostnames)) if facts.zone and address else []
        found = {n: set(facts.lookup.resolved(probe_name(n), kind).values) for n in names}
        here = [name for name, values in found.items() if address in values]
        for name, values in found.items() if here else ():
            if f"{name}./{kind}" in left and values and not values & mine:
                why = f"leads to {joined(values)}, which this project does not have, though "
                why += f"{joined(here)} leads here: somebody led it away, or it is the cut-over"
                yield result(UNCERTAIN, "names lead here", name, why, LED_OFF_WAY,
                             step=Step.ADDRESS_AND_DNS)  # fmt: skip


def _elsewhere(facts: Facts, check: str, hostname: str, address: str) -> CheckResult:
    """Names at another provider are set by hand, when somebody is ready for it."""
    kind, step = check.split()[0], Step.ADDRESS_AND_DNS
    reply = facts.lookup.resolved(probe_name(hostname), kind)
    if address in reply.values:
        return result(OK, check, hostname, f"{address}, resolver", step=step)
    now = f"is {joined(reply.values)}" if reply.values else reply.problem or "is not there"
    why = f"the params name no DNS zone, and the record {now}"
    remedy = f"when you are ready, {BY_HAND}{hostname}. {kind} {address}"
    return result(SKIPPED, check, hostname, why, remedy, step=step)


def also(values: Iterable[str]) -> str:
    """What is wrong with a name that answers more addresses than ours."""
    return f"also answers {joined(values)}: clients take one of them, and some do not come here"


def answers_nothing(facts: Facts) -> Iterator[CheckResult]:
    """Names of our zone that resolvers find nothing at, or more than ours; silent about others."""
    for hostname in sorted(set(facts.spec.hostnames)) if facts.zone else ():
        for version in facts.versions:
            kind, address = RECORDS[version], facts.address(version)
            if not address or facts.pending("dnsRecordSet", f"{hostname}./{kind}"):
                continue
            reply, check = facts.lookup.resolved(probe_name(hostname), kind), f"{kind} record"
            if address in reply.values and len(reply.values) > 1:
                why = also(set(reply.values) - {address})
                yield result(UNCERTAIN, check, hostname, why, ALSO)
            elif not reply.values and _is_written(facts, hostname, kind):
                why = f"resolvers get no answer ({reply.problem}), though the record stands"
                remedy = LOOK if reply.silent else failures.ZONE_NOT_DELEGATED.remedy
                yield result(UNCERTAIN if reply.silent else FAILED, check, hostname, why, remedy)


def _is_written(facts: Facts, hostname: str, kind: str) -> bool:
    """Whether the record set stands in Cloud DNS."""
    return facts.body("dnsRecordSet", f"{hostname}./{kind}", facts.names.zone(hostname)) is not None


def _answered(
    facts: Facts, check: str, hostname: str, address: str, replies: list[Reply]
) -> CheckResult:
    step, kind = Step.ADDRESS_AND_DNS, check.split()[0]
    right = [reply for reply in replies if address in reply.values]
    beside = {value for reply in replies for value in reply.values} - {address}
    if right and len(right) == len(replies) and beside:
        return result(UNCERTAIN, check, hostname, also(beside), ALSO, step=step)
    if len(right) < len(replies):
        others = {value for reply in replies for value in reply.values} - {address}
        if others and not right:
            kept = f"{hostname}./{kind}" in {c.key.name for c in facts.plan.reports}
            reason = f"still points to {joined(others)}: left alone, it is the cut-over"
            remedy = "the cut-over is a runbook of its own; dns.take_over allows it"
            state = SKIPPED if kept else UNCERTAIN
            return result(state, check, hostname, reason, remedy, step=step)
        wrong = {reply.problem or joined(reply.values) for reply in replies if reply not in right}
        reason = f"{len(right)} of {len(replies)} {facts.lookup.source} answer it: {joined(wrong)}"
        state = UNCERTAIN if right else FAILED
        if all(reply.silent for reply in replies if reply not in right):
            return result(UNCERTAIN, check, hostname, reason, LOOK, step=step)
        remedy = "run 10 address and DNS" if state is FAILED else failures.DNS_STALE.remedy
        if state is FAILED and _is_written(facts, hostname, kind):
            reason += "; the record stands in the zone, so nobody asks that zone"
            remedy = failures.ZONE_NOT_DELEGATED.remedy
        return result(state, check, hostname, reason, remedy, step=step)
    cached = facts.lookup.resolved(probe_name(hostname), kind)
    if cached.values and address not in cached.values:
        reason = f"resolvers still answer {joined(cached.values)}"
        return result(UNCERTAIN, check, hostname, reason, failures.DNS_STALE.remedy, step=step)
    count = f"{len(right)} of {len(replies)} {facts.lookup.source}"
    said = facts.lookup.source if facts.reader.wire.connection.dns_by_api else count
    return result(OK, check, hostname, f"{address}, {said}", step=step)


def cnames(facts: Facts) -> Iterator[CheckResult]:
    """The validation CNAME of every authorization answers what Google expects."""
    step, check = Step.CERTIFICATE, "CNAME answers"
    for resource in facts.desired.resources:
        if resource.kind != "dnsAuthorization":
            continue
        domain = str(resource.body.get("domain", resource.name))
        body = facts.body("dnsAuthorization", resource.name)
        if body is None:
            why = facts.pending("dnsAuthorization", resource.name) or "not there"
            yield result(SKIPPED, check, domain, why, step=step)
            continue
        record = body.get("dnsResourceRecord") or {}
        name, data = str(record.get("name", "")), str(record.get("data", ""))
        replies = facts.lookup.authoritative(name, "CNAME") if facts.zone else []
        replies = replies or [facts.lookup.resolved(name, "CNAME")]
        right = [reply for reply in replies if data in reply.values]
        if replies and len(right) == len(replies):
            by_api = facts.reader.wire.connection.dns_by_api
            count = (
                facts.lookup.source if by_api else f"{len(right)} of {len(replies)} name servers"
            )
            yield result(OK, check, domain, count, step=step)
            continue
        seen = {value for reply in replies for value in reply.values or (reply.problem,)}
        reason = f"{name} should be {data}, is {joined(seen)}"
        if not facts.zone:
            remedy = f"{BY_HAND}{name} CNAME {data} ; 40 waits for it"
            yield result(UNCERTAIN, check, domain, reason, remedy, step=step)
            continue
        if all(reply.silent for reply in replies if reply not in right):
            yield result(UNCERTAIN, check, domain, reason, LOOK, step=step)
            continue
        yield result(FAILED, check, domain, reason, failures.CNAME_WRONG.remedy, step=step)


def caa(facts: Facts) -> Iterator[CheckResult]:
    """No CAA record on the way up forbids Google's certificate authority."""
    if facts.spec.certificate is None:
        return
    for domain in facts.domains:
        yield _caa(facts, domain)


def _caa(facts: Facts, domain: str) -> CheckResult:
    check, step = f"CAA allows {PKI}", Step.CERTIFICATE
    labels = domain.split(".")
    for index in range(len(labels) - 1):
        name = ".".join(labels[index:])
        reply = facts.lookup.resolved(name, "CAA")
        if not reply.values:
            if reply.problem not in ("NXDOMAIN", "no such record", ""):
                return result(UNCERTAIN, check, domain, f"{name}: {reply.problem}", step=step)
            continue
        wildcard = f"*.{domain}" in facts.spec.hostnames
        if allows(reply.values, wildcard=False) and (
            not wildcard or allows(reply.values, wildcard=True)
        ):
            why = (
                f"CAA of {name} {'names it' if PKI in _issuers(reply.values) else 'forbids nobody'}"
            )
            return result(OK, check, domain, why, step=step)
        remedy = _caa_way(name, reply.values, wildcard=wildcard)
        return result(FAILED, check, domain, f"{name}: {joined(reply.values)}", remedy, step=step)
    return result(OK, check, domain, "no CAA record up to the root", step=step)


def _caa_way(name: str, values: tuple[str, ...], *, wildcard: bool) -> str:
    """The records to add; what no authority knows, and must know, has to go instead."""
    if strange := unknown_and_critical(values):
        return f"delete {name}. CAA {strange[0]}: no authority knows that tag, and it is critical"
    tags = ["issue"] if not allows(values, wildcard=False) else []
    only = wildcard and not allows((*values, f'0 issue "{PKI}"'), wildcard=True)
    tags += ["issuewild"] if only else []
    first, *more = [failures.CAA_FORBIDS.remedy.replace(" issue ", f" {tag} ")
                    .replace("<domain>", name) for tag in tags or ["issue"]]  # fmt: skip
    return "; ".join([first, *(f"and {text}" for text in more)])


def unknown_and_critical(values: Iterable[str]) -> list[str]:
    """CAA records that keep every authority from issuing (RFC 8659, 4.5)."""
    parsed = [(value, value.split(None, 2)) for value in values]
    return sorted(
        value
        for value, parts in parsed
        if len(parts) == 3 and parts[0].isdecimal() and int(parts[0]) & 128
        and parts[1].lower() not in KNOWN_TAGS
    )  # fmt: skip


def _issuers(values: Iterable[str], *tags: str) -> set[str]:
    """Who may issue by records of these tags, or of either."""
    parsed = [value.split(None, 2) for value in values]
    return {
        parts[2].strip('"').split(";")[0].strip().lower()
        for parts in parsed
        if len(parts) == 3 and parts[1].lower() in (tags or ("issue", "issuewild"))
    }


def allows(values: tuple[str, ...], *, wildcard: bool) -> bool:
    """Whether these CAA records let pki.goog issue (RFC 8659: issuewild overrides issue)."""
    if unknown_and_critical(values):
        return False
    parsed = [value.split(None, 2) for value in values]
    tags = {parts[1].lower() for parts in parsed if len(parts) == 3}
    tag = "issuewild" if wildcard and "issuewild" in tags else "issue"
    return tag not in tags or PKI in _issuers(values, tag)
