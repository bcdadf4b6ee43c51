"""What checks look at: the params, what should be, what is, and the small questions they share.

One Facts is one moment. A resource that the plan still creates is `pending`: a check of it is
skipped, not failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.desired import Desired, firewall
from edgebook.front_door import FrontDoor, Moment, cluster_path
from edgebook.live.reader import Reader
from edgebook.model.hostnames import Hostname
from edgebook.model.observed import Observed, ObservedCluster
from edgebook.model.paths import certificate_scope, compute_scope
from edgebook.model.values import Action, CheckResult, CheckState, Live, Plan, ResourceKey, Step
from edgebook.params.names import Names
from edgebook.params.types import IpVersion, Spec
from edgebook.verify.firewall_policies import Policies
from edgebook.verify.lookup import Lookup, lookup_for

OK, FAILED = CheckState.OK, CheckState.FAILED
SKIPPED, UNCERTAIN = CheckState.SKIPPED, CheckState.UNCERTAIN


@dataclass
class Facts:
    """Everything that was read, and the plan that follows from it."""

    spec: Spec
    desired: Desired
    observed: Observed
    live: Live
    plan: Plan
    reader: Reader

    @cached_property
    def names(self) -> Names:
        return Names(self.spec)

    @property
    def compute(self) -> str:
        return compute_scope(self.spec.project)

    @property
    def certificates(self) -> str:
        return certificate_scope(self.spec.project)

    @property
    def zone(self) -> str:
        """The scope of the first managed zone; empty when the params name none."""
        return next(iter(self.names.zones()), "")

    @cached_property
    def lookup(self) -> Lookup:
        if self.zone:
            return lookup_for(self.reader, *self.names.zones())
        return Lookup(self.reader.wire.connection)

    @cached_property
    def policies(self) -> Policies:
        """The firewall policies that the network stands under, read when they are first needed."""
        path = f"compute/v1/{firewall.network_path(self.spec)}"
        try:
            effective = self.reader.answer("compute", f"{path}/getEffectiveFirewalls").result()
            if not effective.get("firewallPolicys"):
                return Policies()
            return Policies.of(effective, self._order())
        except (AccessError, ApiError) as error:
            return Policies.not_read(error)

    def policies_of(self, cluster: ObservedCluster) -> Policies:
        """Those policies, and the ones of the network in the cluster's region, asked after them."""
        found = self.policies
        for region in sorted({zone.rpartition("-")[0] for zone in cluster.zones} - {""}):
            found = found.then(self._in_region(region))
        return found

    def _in_region(self, region: str) -> Policies:
        network = firewall.network_path(self.spec)
        place = f"compute/v1/{network.partition('/global/')[0]}/regions/{region}"
        path = f"{place}/firewallPolicies/getEffectiveFirewalls"
        try:
            effective = self.reader.answer("compute", path, network=network).result()
            mine = Policies.regional(effective, region)
            return Policies.of({"firewallPolicys": mine}, self._order()) if mine else Policies()
        except (AccessError, ApiError) as error:
            return Policies.not_read(error)

    def _order(self) -> str:
        """Whether the network's policies are asked before or after its own rules."""
        path = f"compute/v1/{firewall.network_path(self.spec)}"
        network = self.reader.one("compute", path).result() or {}
        return str(network.get("networkFirewallPolicyEnforcementOrder"))

    def gone(self, cluster: str) -> bool:
        """Whether GKE has no such cluster any more; false where that cannot be asked."""
        where = cluster_path(self.spec, cluster)
        try:
            return bool(where) and self.reader.one("container", f"v1/{where}").result() is None
        except (AccessError, ApiError, ConnectError):
            return False

    def body(self, kind: str, name: str, scope: str = "") -> Mapping[str, Any] | None:
        """A live resource, or None."""
        certificate = kind.startswith("cert") or kind == "dnsAuthorization"
        scope = scope or (self.certificates if certificate else self.compute)
        found = self.live.get(ResourceKey(kind, scope, name))
        return found.body if found else None

    def address(self, version: IpVersion) -> str:
        """The reserved IP; empty before it is there."""
        body = self.body("address", self.names.address(version)) or {}
        return str(body.get("address", ""))

    @property
    def versions(self) -> tuple[IpVersion, ...]:
        return tuple(sorted(set(self.spec.address.ip_versions)))

    @cached_property
    def _pending(self) -> dict[ResourceKey, Step]:
        made = (Action.CREATE, Action.REPLACE)
        return {
            change.key: change.step
            for change in self.plan.changes
            if change.action in made and not change.moves  # what moves is there, elsewhere
        }

    def pending(self, kind: str, name: str, scope: str = "") -> str:
        """Why a resource is not there yet ("20 Certificate creates it"); empty when it is due."""
        for key, step in self._pending.items():
            if (key.kind, key.name) == (kind, name) and (not scope or key.scope == scope):
                return f"not there yet: {step.number} {step.heading} creates it"
        return ""

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Hostnames without a wildcard's star, each once."""
        return tuple(sorted({Hostname(name).domain for name in self.spec.hostnames}))


def facts(door: FrontDoor, moment: Moment) -> Facts:
    """What checks look at, from one moment of a front door."""
    return Facts(
        door.spec, moment.desired, moment.observed, moment.live, moment.plan, moment.reader
    )


def probe_name(hostname: str) -> str:
    """A name that a record for `hostname` answers: for a wildcard, one below it."""
    return Hostname(hostname).probe


def result(
    state: CheckState,
    check: str,
    subject: str,
    reason: str = "",
    remedy: str = "",
    *,
    step: Step | None = None,
    **data: Any,
) -> CheckResult:
    return CheckResult(state, check, subject, reason, remedy, step, data)


def joined(values: Iterable[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"
