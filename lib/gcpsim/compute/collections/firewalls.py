"""Firewall rules, and the question they answer, with firewall policies: who may reach a port?"""

import ipaddress
import re
from functools import lru_cache

from gcpsim.compute.collections.firewall_policies import of_network
from gcpsim.compute.collections.organization_policies import above
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.errors import invalid, required
from gcpsim.core.paths import project_of

PROTOCOLS = ("tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all")


def prepare(draft: Draft) -> None:
    body = draft.body
    body.setdefault("network", links.link(f"projects/{draft.project}/global/networks/default"))
    draft.compute.resolve("resource.network", body["network"], draft.project, ("networks",))
    body.setdefault("description", "")
    body.setdefault("direction", "INGRESS")
    body.setdefault("priority", 1000)
    body.setdefault("disabled", False)
    body.setdefault("logConfig", {"enable": False})
    body["enableLogging"] = bool(body["logConfig"].get("enable"))
    if not 0 <= body["priority"] <= 65535:
        raise invalid("resource.priority", body["priority"], "Must be between 0 and 65535.")
    if body.get("allowed") and body.get("denied"):
        raise invalid("resource.denied", "", "Only one of allowed and denied may be specified.")
    if not body.get("allowed") and not body.get("denied"):
        raise required("resource.allowed")
    for field in ("allowed", "denied"):
        for index, rule in enumerate(body.get(field) or []):
            _protocol(f"resource.{field}[{index}]", rule)
    _sides(body)


def _sides(body: Doc) -> None:
    ingress = body["direction"] == "INGRESS"
    wrong = (
        ("destinationRanges",)
        if ingress
        else ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    )
    for field in wrong:
        if body.get(field) and not (ingress and field == "destinationRanges"):
            raise invalid(
                f"resource.{field}", "", f"Not allowed for direction {body['direction']}."
            )
    if ingress and not any(
        body.get(f) for f in ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    ):
        body["sourceRanges"] = ["0.0.0.0/0"]
    if not ingress and not body.get("destinationRanges"):
        body["destinationRanges"] = ["0.0.0.0/0"]
    for field in ("sourceRanges", "destinationRanges"):
        for index, text in enumerate(body.get(field) or []):
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise invalid(
                    f"resource.{field}[{index}]", text, "Must be a valid CIDR address range."
                ) from None
    tags = body.get("targetTags") or body.get("sourceTags")
    accounts = body.get("targetServiceAccounts") or body.get("sourceServiceAccounts")
    if tags and accounts:
        raise invalid(
            "resource.targetServiceAccounts",
            "",
            "Tags and service accounts may not be used together.",
        )
    for field in ("targetTags", "sourceTags"):
        for index, tag in enumerate(body.get(field) or []):
            if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", tag):
                raise links.malformed_name(
                    f"resource.{field}[{index}]", tag, "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
                )


def _protocol(where: str, rule: Doc) -> None:
    protocol = rule.get("IPProtocol")
    if not protocol:
        raise required(f"{where}.IPProtocol")
    if protocol.lower() not in PROTOCOLS and not (protocol.isdigit() and int(protocol) <= 255):
        raise invalid(
            f"{where}.IPProtocol", protocol, "Must be a well known protocol or a protocol number."
        )
    rule["IPProtocol"] = protocol.lower()
    if rule.get("ports") and rule["IPProtocol"] not in ("tcp", "udp", "sctp", "6", "17", "132"):
        raise invalid(
            f"{where}.ports",
            rule["ports"][0],
            f"Ports may not be specified for protocol {protocol}.",
        )
    for index, text in enumerate(rule.get("ports") or []):
        low, _, high = text.partition("-")
        high = high or low
        if not (low.isdigit() and high.isdigit() and int(low) <= int(high) <= 65535):
            raise invalid(f"{where}.ports[{index}]", text, "Must be a port or a range of ports.")


Asked = tuple[str, frozenset[str], int, frozenset[str]]


def of_instance(instance: Doc | None) -> tuple[frozenset[str], frozenset[str]]:
    """What rules aim at an instance by: its network tags, and the emails of its accounts."""
    doc = instance or {}
    tags = frozenset((doc.get("tags") or {}).get("items") or ())
    return tags, frozenset(str(one["email"]) for one in doc.get("serviceAccounts") or ())


class Reach:
    """What decides about ingress to one network, ready to be asked many times.

    Hierarchical policies first; then its own rules, and the policies that it is associated with,
    globally and in the region of who is reached, before or after them.
    """

    def __init__(self, compute: Resources, network: str, region: str) -> None:
        project = project_of(links.path_of(network))
        rules = [
            rule
            for rule in compute.list(project, "firewalls")
            if rule["network"] == network
            and rule["direction"] == "INGRESS"
            and not rule["disabled"]
        ]
        # At equal priority a denial wins.
        self._rules = sorted(rules, key=lambda rule: (rule["priority"], "denied" not in rule))
        doc = compute.get(links.path_of(network))
        self._hierarchy = [_for(network, policy) for policy in above(compute, network)]
        self._policies = []
        if doc is not None:
            self._policies = of_network(compute, network) + of_network(compute, network, region)
        order = (doc or {}).get("networkFirewallPolicyEnforcementOrder")
        self._before = order == "BEFORE_CLASSIC_FIREWALL"
        self._known: dict[Asked, tuple[bool, str]] = {}

    def allows(
        self,
        source: str,
        tags: frozenset[str],
        port: int,
        accounts: frozenset[str] = frozenset(),
    ) -> tuple[bool, str]:
        """Whether tcp from all of `source` (a CIDR) reaches `port`, and the rule that decided.

        `tags` and `accounts` (emails) are the network tags and service accounts of the instance.
        """
        key = (source, tags, port, accounts)
        if key not in self._known:
            self._known[key] = self._decide(*key)
        return self._known[key]

    def _decide(
        self, source: str, tags: frozenset[str], port: int, accounts: frozenset[str]
    ) -> tuple[bool, str]:
        wanted = _network(source)
        said = _of_policies(self._hierarchy, wanted, port)
        if said is None and self._before:
            said = _of_policies(self._policies, wanted, port)
        said = said or self._of_rules(wanted, tags, port, accounts)
        if said is None and not self._before:
            said = _of_policies(self._policies, wanted, port)
        return said or (False, "implied deny ingress")

    def _of_rules(
        self, wanted: "Net", tags: frozenset[str], port: int, accounts: frozenset[str]
    ) -> tuple[bool, str] | None:
        for rule in self._rules:
            targets = rule.get("targetTags")
            if targets and not tags & set(targets):
                continue
            aimed = rule.get("targetServiceAccounts")
            if aimed and not accounts & set(aimed):
                continue
            ranges = [_network(text) for text in rule.get("sourceRanges") or []]
            denies = bool(rule.get("denied"))
            covers = any(_covers(one, wanted) for one in ranges)
            touches = any(_overlaps(one, wanted) for one in ranges)
            if not (touches if denies else covers):
                continue
            if any(
                _covers_port(part, port) for part in rule.get("denied") or rule.get("allowed") or []
            ):
                return not denies, str(rule["name"])
        return None


def _of_policies(policies: list[Doc], wanted: "Net", port: int) -> tuple[bool, str] | None:
    """What a policy says; None where all of them leave it to what is asked next."""
    for policy in policies:
        for rule in policy["rules"]:
            if not _speaks(rule, wanted, port):
                continue
            if rule["action"] == "goto_next":
                break
            called = policy.get("shortName") or policy["name"]
            name = f"rule {rule['priority']} of firewall policy {called}"
            return rule["action"] != "deny", name
    return None


def _for(network: str, policy: Doc) -> Doc:
    """A hierarchical policy with the rules that are for all networks, or for this one."""
    wanted = links.path_of(network)
    rules = [
        rule
        for rule in policy["rules"]
        if not (aimed := rule.get("targetResources"))
        or any(links.parse(text, "") == wanted for text in aimed)
    ]
    return {**policy, "rules": rules}


Net = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def _network(text: str) -> Net:
    return ipaddress.ip_network(text)


def _speaks(rule: Doc, wanted: "Net", port: int) -> bool:
    """Whether a policy's rule is about these addresses and that port; rules stand by priority."""
    aimed = rule.get("targetSecureTags") or rule.get("targetServiceAccounts")
    if rule["disabled"] or rule["direction"] != "INGRESS" or aimed:
        return False
    ranges = [_network(text) for text in rule["match"].get("srcIpRanges") or ()]
    near = _overlaps if rule["action"] == "deny" else _covers
    if not any(near(one, wanted) for one in ranges):
        return False
    return any(
        _covers_port(
            {"IPProtocol": config["ipProtocol"].lower(), "ports": config.get("ports")}, port
        )
        for config in rule["match"]["layer4Configs"]
    )


def _covers(outer: Net, inner: Net) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _overlaps(one: Net, other: Net) -> bool:
    return one.version == other.version and one.overlaps(other)


def _covers_port(part: Doc, port: int) -> bool:
    if part["IPProtocol"] not in ("tcp", "all", "6"):
        return False
    if not part.get("ports"):
        return True
    for text in part["ports"]:
        low, _, high = text.partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


FIREWALLS = Kind(
    "firewalls",
    "Firewall",
    "firewall",
    aggregated=False,
    patch=True,
    put=True,
    refs=(("network", ("networks",)),),
    prepare=prepare,
)
