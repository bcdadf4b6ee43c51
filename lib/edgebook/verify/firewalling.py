"""What the network lets in to the pods, by the rules that were read, and why not.

One answer for checks, causes and views: which rule or policy decides, and what to do about it,
ourselves or by whoever keeps the firewall.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.desired import firewall
from edgebook.front_door import cluster_path
from edgebook.model.firewall_rules import (
    Answer,
    Verdict,
    evaluate,
    speaks_of,
)
from edgebook.model.links import canonical
from edgebook.model.observed import ObservedCluster
from edgebook.model.paths import name_of
from edgebook.model.ranges import IPV4_RANGES, IPV6_RANGES
from edgebook.params.types import IpVersion
from edgebook.verify import failures
from edgebook.verify.facts import Facts, joined
from edgebook.verify.failures import Failure
from edgebook.verify.firewall_policies import OF_NETWORKS, decide, policy_name, rule_of
from edgebook.verify.listening import Cause, not_listening, ports_of


@dataclass(frozen=True)
class Way:
    """What Google's ranges meet on their way to a port: the verdict, and the cause when closed."""

    verdict: Verdict
    rules: tuple[str, ...] = ()
    trouble: Failure | None = None
    words: str = ""
    policy: str = ""
    version: IpVersion = IpVersion.IPV4  # over which it is closed


def firewall_rules(facts: Facts) -> list[Mapping[str, Any]]:
    return [item.body for key, item in facts.live.items() if key.kind == "firewall"]


def network_name(facts: Facts) -> str:
    return name_of(facts.spec.network)


def ranges_of(cluster: ObservedCluster) -> tuple[str, ...]:
    return IPV4_RANGES + (IPV6_RANGES if cluster.ipv6 else ())


def answers(facts: Facts) -> Iterator[tuple[str, int, str, Answer]]:
    """(cluster, port, range of Google's, what the rules say) of everything that must be open."""
    for cluster in facts.observed.clusters.values():
        for port in firewall.ports(facts.spec, cluster):
            for source in ranges_of(cluster):
                yield cluster.name, port, source, _answer(facts, cluster, source, port)


def way_in(facts: Facts, cluster: ObservedCluster, port: int, *, address: str = "") -> Way:
    """Whether all of Google's ranges reach a port of this cluster's pods.

    With an `address`: those of its IP version, from which it is probed.
    """
    used: set[str] = set()
    for source in ranges_of(cluster):
        if address and _version(source) is not _version(address):
            continue
        answer = _answer(facts, cluster, source, port)
        if answer.verdict is not Verdict.ALLOWED:
            trouble, words = _closed(facts, cluster, source, port, answer)
            version = _version(source)
            return Way(answer.verdict, answer.rules, trouble, words, answer.policy, version)
        used.update(answer.by)
    return Way(Verdict.ALLOWED, tuple(sorted(used)))


def denied_ahead(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """(cluster, words, remedy) of rules that would deny though ours were there, as it is wished."""
    wished = [dict(r.body) | {"name": r.name, "network": network_name(facts)}
              for r in facts.desired.resources if r.kind == "firewall"]  # fmt: skip
    names = {rule["name"] for rule in wished}
    others = [rule for rule in firewall_rules(facts) if rule.get("name") not in names]
    for cluster in facts.observed.clusters.values():
        told = set()
        for port in firewall.ports(facts.spec, cluster):
            for source in ranges_of(cluster):
                answer = evaluate(
                    [*others, *wished],
                    network=network_name(facts),
                    source=source,
                    port=port,
                    tags=firewall.tags(facts.spec, cluster),
                    accounts=accounts_of(facts, cluster),
                )
                if answer.verdict is Verdict.DENIED and answer.rules[0] not in told:
                    told.add(answer.rules[0])
                    words = f"rule {answer.rules[0]} denies {source} to tcp:{port}, before ours"
                    yield cluster.name, words, _against(facts, answer.rules[0], beforehand=True)


def _answer(facts: Facts, cluster: ObservedCluster, source: str, port: int) -> Answer:
    network = network_name(facts)
    rules = evaluate(
        firewall_rules(facts),
        network=network,
        source=source,
        port=port,
        tags=firewall.tags(facts.spec, cluster),
        accounts=accounts_of(facts, cluster),
    )
    version = _version(source)
    comes = facts.pending("firewall", facts.names.firewall(cluster.name, version))
    policies = facts.policies_of(cluster)
    return decide(policies, rules, source=source, port=port, network=network, to_come=bool(comes))


def accounts_of(facts: Facts, cluster: ObservedCluster) -> tuple[str, ...] | None:
    """The service accounts of a cluster's nodes; None when they are not known, or not needed."""
    if not any(rule.get("targetServiceAccounts") for rule in firewall_rules(facts)):
        return None
    where = cluster_path(facts.spec, cluster.name)
    try:
        found = facts.reader.one("container", f"v1/{where}").result() if where else None
    except (AccessError, ApiError, ConnectError):
        return None
    pools = (found or {}).get("nodePools") or ()
    names = {str((pool.get("config") or {}).get("serviceAccount") or "") for pool in pools}
    return tuple(sorted(names - {""})) or None


def _closed(
    facts: Facts, cluster: ObservedCluster, source: str, port: int, answer: Answer
) -> tuple[Failure, str]:
    if answer.verdict is Verdict.UNSURE:
        what = "service accounts or secure tags" if answer.policy else "service accounts"
        words = f"{joined(answer.by)} aims at {what}"
        if answer.policy:
            return replace(failures.FIREWALL_MISSING, remedy="check it by hand"), words
        aimed = sorted({one for rule in firewall_rules(facts) if rule.get("name") in answer.rules
                        for one in rule.get("targetServiceAccounts") or ()})  # fmt: skip
        words += f" ({joined(aimed)}), and whether the nodes run as one of them is not known"
        remedy = (
            f"check it by hand: config.serviceAccount of the node pools of {cluster.name} tells"
        )
        return replace(failures.FIREWALL_MISSING, remedy=remedy), words
    if answer.policy:
        words = f"{answer.by[0]} denies {source} to tcp:{port}"
        remedy = _in_policy(facts, cluster, port, answer)
        return replace(failures.FIREWALL_POLICY, remedy=remedy), words
    version = _version(source)
    name = facts.names.firewall(cluster.name, version)
    rules = [r for r in firewall_rules(facts) if not _of_gke(str(r.get("name", "")))]
    near = speaks_of(
        [r for r in rules if not r.get("disabled")], source, firewall.tags(facts.spec, cluster)
    )
    unnamed: Cause | None = None
    if answer.verdict is Verdict.DENIED:
        trouble = failures.FIREWALL_DENIED
        words = f"rule {answer.rules[0]} denies {source} to tcp:{port}"
        remedy = _against(facts, answer.rules[0])
    elif facts.spec.firewall.manage and _rule(facts, name) is None:
        trouble = failures.FIREWALL_MISSING
        state = "gone" if was_open(facts, cluster, version) else "not there yet"
        pods = _pods_behind(facts, cluster, port)
        words = f"firewall rule {name} is {state}: probes cannot reach tcp:{port}{pods}"
        remedy = "run 50 firewall: it makes the rule" + (" anew" if state == "gone" else "")
    elif facts.spec.firewall.manage and (_rule(facts, name) or {}).get("disabled"):
        trouble = failures.FIREWALL_MISSING
        words = f"firewall rule {name} is disabled: probes cannot reach tcp:{port}"
        remedy = "run 50 firewall: it enables the rule; and find out who disabled it"
    elif near:
        trouble = failures.FIREWALL_WRONG_PORT
        words = f"{near[0]}, but the pods listen on {port}"
        remedy = trouble.remedy
        unnamed = _unnamed(facts, cluster, port)
    else:
        trouble = failures.FIREWALL_MISSING
        words, remedy = f"no rule allows {source} to tcp:{port}", trouble.remedy
    if not facts.spec.firewall.manage:
        lines = " ; ".join(rule_line(facts, cluster, port))
        remedy = f"firewall.manage is false: hand this to whoever keeps the firewall: `{lines}`"
    if unnamed:
        trouble, first = unnamed
        words = f"{first}; and tcp:{port} is closed ({near[0]})"
        remedy = f"{trouble.remedy}; only when they listen there: {remedy}"
    return replace(trouble, remedy=remedy), words


def _unnamed(facts: Facts, cluster: ObservedCluster, port: int) -> Cause | None:
    """What is wrong with a targetPort that no container of its Service names."""
    for backend in facts.spec.backends.values():
        neg = backend.neg
        service = cluster.service(neg.namespace, neg.service)
        if service and service.found and port in service.target_ports.get(neg.port, ()):
            ports = ports_of(facts, cluster.name, service)
            for cause in not_listening(ports, backend, f"{neg.namespace}/{neg.service}", port):
                if cause[0].title == failures.NOBODY_LISTENS.title:
                    return cause
    return None


def _version(address: str) -> IpVersion:
    return IpVersion.IPV6 if ":" in address else IpVersion.IPV4


def was_open(facts: Facts, cluster: ObservedCluster, version: IpVersion) -> bool:
    """Whether the ports of a cluster must have been open before.

    Its NEGs are attached; IPv6 is wanted only now where the rule for IPv4 stands alone.
    """
    before = _rule(facts, facts.names.firewall(cluster.name, IpVersion.IPV4))
    comes = version is IpVersion.IPV6 and before is not None
    return is_attached(facts, cluster) and not comes


def _rule(facts: Facts, name: str) -> Mapping[str, Any] | None:
    """A live rule, also one of a shared network's project."""
    return next((rule for rule in firewall_rules(facts) if rule.get("name") == name), None)


def is_attached(facts: Facts, cluster: ObservedCluster) -> bool:
    """Whether a backend service of ours has NEGs of this cluster: then its ports must be open."""
    ours = {canonical(neg.link) for service in cluster.services for neg in service.negs}
    services = [facts.names.backend_service(name) for name in facts.spec.backends]
    bodies = [facts.body("backendService", name) or {} for name in services]
    attached = {
        canonical(str(entry.get("group", "")))
        for body in bodies
        for entry in body.get("backends") or ()
    }
    return bool(ours & attached)


def _pods_behind(facts: Facts, cluster: ObservedCluster, port: int) -> str:
    """How many pods of ours are behind a port."""
    count = 0
    for backend in facts.spec.backends.values():
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        if service and port in service.target_ports.get(backend.neg.port, ()):
            count += len(service.pods)
    return f" of {count} pod{'' if count == 1 else 's'}" if count else ""


def _of_gke(name: str) -> bool:
    """Rules that GKE and new networks bring along say nothing about what is missing here."""
    return name.startswith(("gke-", "k8s-", "k8s2-", "default-allow-"))


def _against(facts: Facts, name: str, *, beforehand: bool = False) -> str:
    """How our rule comes before one that denies."""
    body = next((r for r in firewall_rules(facts) if r.get("name") == name), {})
    priority = int(body.get("priority", 1000))
    if priority == 0:
        return f"have {name} narrowed or deleted: it has the highest priority there is"
    run = "" if beforehand else " and run 50 firewall"
    return f"set firewall.priority below {priority}{run}, or have {name} narrowed"


def _in_policy(facts: Facts, cluster: ObservedCluster, port: int, answer: Answer) -> str:
    """The line that opens a port in a policy, for whoever keeps it: no rule of ours can."""
    policies = facts.policies_of(cluster)
    rule = rule_of(policies, answer)
    priority = int(rule.get("priority", 0))
    if priority == 0:
        return f"have {answer.rules[0]} narrowed or deleted: it has the highest priority there is"
    policy = next(one for one in policies.all if policy_name(one) == answer.policy)
    name = str(policy.get("name") or answer.policy)
    if policy.get("type") in OF_NETWORKS:
        command = f"network-firewall-policies rules create {priority - 1}"
        region = policy.get("region")
        scope = f"--firewall-policy-region {region}" if region else "--global-firewall-policy"
        where = f"--firewall-policy {name} {scope}"
    else:
        command, where = (
            f"firewall-policies rules create {priority - 1}",
            f"--firewall-policy {name}",
        )
    ports = sorted({port, *firewall.ports(facts.spec, cluster)})
    return (
        "hand this to whoever keeps that policy, where priority "
        f"{priority - 1} is free: `gcloud compute {command} {where} --direction INGRESS "
        f"--action allow --layer4-configs {','.join(f'tcp:{number}' for number in ports)} "
        f"--src-ip-ranges {','.join(ranges_of(cluster))}`"
    )


def rule_line(facts: Facts, cluster: ObservedCluster, port: int) -> Iterator[str]:
    """The gcloud line that opens a port, complete, for another team."""
    priority = facts.spec.firewall.priority
    ports = ",".join(
        f"tcp:{number}" for number in sorted({port, *firewall.ports(facts.spec, cluster)})
    )
    tags = ",".join(firewall.tags(facts.spec, cluster))
    for version, ranges in ((IpVersion.IPV4, IPV4_RANGES), (IpVersion.IPV6, IPV6_RANGES)):
        if version is IpVersion.IPV6 and not cluster.ipv6:
            continue
        name = facts.names.firewall(cluster.name, version)
        targets = f" --target-tags {tags}" if tags else ""
        yield (
            f"gcloud compute firewall-rules create {name} --network {network_name(facts)} "
            f"--direction INGRESS --action ALLOW --priority {priority} --rules {ports} "
            f"--source-ranges {','.join(ranges)}{targets}"
        )
