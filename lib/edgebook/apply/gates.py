"""What a change waits for besides other changes: states that Google or GKE reach by themselves.

An operation that is done says nothing about them: a certificate is issued, an entry served, a NEG
made and an endpoint found healthy minutes later. Each gate has a budget in the environment's
seconds, says how far it is, and fails with cause and remedy.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from edgebook.apply.values import SVCNEG
from edgebook.base.clock import Budget
from edgebook.base.errors import EdgebookError, StepFailed
from edgebook.cloud.google import Cloud
from edgebook.live.reader import Reader
from edgebook.model.kinds import noun
from edgebook.model.links import canonical
from edgebook.model.paths import cluster_of, namespace_of
from edgebook.model.values import Change, ResourceKey, Step, Wait
from edgebook.plan.proving import PROVEN, proof_name
from edgebook.verify import failures
from edgebook.verify.health import GroupHealth, read_health

CERTIFICATE_SECONDS = 3600
CONFIG_GRACE_SECONDS = 900
ENTRY_SECONDS = 600
SVCNEG_SECONDS = 600
HEALTH_SECONDS = 600
COLLECTION_SECONDS = 600
PATIENCE_SECONDS = 180  # for endpoints that serve nobody, before they are left out of a proof
PROBED_SECONDS = 60  # in which probes have found what is well

# Why endpoints are not healthy, and what it was seen by.
Explain = Callable[[ResourceKey, GroupHealth], tuple[failures.Failure, str]]


class Gates:
    """Waits for states; `say` gets one line of words each time something is looked at.

    `hurts` says what users notice, "" when they do not."""

    def __init__(
        self,
        cloud: Cloud,
        reader: Reader,
        say: Callable[[str], None],
        explain: Explain,
        hurts: Callable[[], str] = lambda: "",
        services: Iterable[str] = (),
    ) -> None:
        self._hurts = hurts
        self._proved = {proof_name(name): name for name in services}
        self._probed_anew = float("-inf")
        self._cloud = cloud
        self._reader = reader
        self._clock = cloud.wire.clock
        self._say = say
        self._explain = explain
        self.reached: list[str] = []  # what was worth waiting for, in words

    def wait(self, gate: Wait, change: Change) -> None:
        """Return when the state is reached; StepFailed when it will not be."""
        if gate.key.kind == "certificate":
            self._certificate(gate.key)
        elif gate.key.kind == "certificateMapEntry":
            self._entry(gate.key)
        elif gate.key.kind == "svcneg":
            self._svcneg(gate.key)
        elif gate.state == PROVEN:
            self._passed(gate.key)
        elif gate.key.kind == "backendService":
            self._proven(gate.key, change)
        else:
            raise EdgebookError(f"nobody knows how to wait for {gate.key} {gate.state}")

    def _proven(self, service: ResourceKey, change: Change) -> None:
        """All that stays attached is HEALTHY, so that what goes is missed by nobody."""
        live = self._cloud.fetch(service)
        if live is None:
            return
        going = {canonical(str(e["group"])) for e in change.before.get("backends") or ()}
        groups = [str(e["group"]) for e in live.get("backends") or ()]
        staying = [group for group in groups if canonical(group) not in going]
        if groups and not staying:
            raise _failed(Step.BACKENDS, service, "would be left without a NEG", failures.LAST_NEG)
        if staying:
            self.health(service, staying)

    def _passed(self, proof: ResourceKey) -> None:
        """All endpoints are HEALTHY by the proof's check; at least whoever is by that of now.

        Whoever serves nobody for the moment is waited for a while: it may be well again soon.
        """
        service = replace(proof, name=self._proved[proof.name])
        groups = [str(e["group"]) for e in (self._cloud.fetch(proof) or {}).get("backends") or ()]
        budget, serving = Budget(self._clock, HEALTH_SECONDS), set[tuple[str, str]]()
        while True:
            now = read_health(self._cloud.wire, service, groups)
            seen = read_health(self._cloud.wire, proof, groups)
            serving, passing = serving | _healthy(now), _healthy(seen)
            how = f"{len(passing)} of {len(now.endpoints)} endpoints"
            self._say(f"{service.name}: {how} pass the new health check")
            if len(passing) == len(now.endpoints) and seen.healthy == seen.total:
                return
            if budget.spent > PATIENCE_SECONDS and passing and serving <= passing:
                return
            if not budget.pause(most=10):
                trouble, words = self._explain(proof, seen)
                back = (
                    f"{service.name} is probed as before, and nobody noticed: put its health_check "
                    "right in the params, or back as it was, and apply"
                )
                trouble = replace(trouble, remedy=f"{trouble.remedy}\n{back}")
                how = f"keeps its health check: {how} pass the new one"
                raise _failed(Step.BACKENDS, service, how, trouble, words)

    def _certificate(self, key: ResourceKey) -> None:
        budget = Budget(self._clock, CERTIFICATE_SECONDS)
        while True:
            live = self._cloud.fetch(key) or {}
            if "managed" not in live and live.get("expireTime"):
                return  # an uploaded certificate has no state: it is usable at once
            managed = live.get("managed") or {}
            state = managed.get("state", "")
            if state == "ACTIVE":
                self._issued(key.name, round(budget.spent / 60))
                return
            attempts = managed.get("authorizationAttemptInfo") or ()
            granted = sum(item.get("state") == "AUTHORIZED" for item in attempts)
            domains = len(managed.get("domains") or attempts)
            trouble = failures.of_certificate(live)
            lacks = f"; {trouble.seen}" if trouble and trouble.seen else ""
            self._say(
                f"certificate {key.name}: {state or 'not there'}, "
                f"{granted} of {domains} domains AUTHORIZED{lacks}"
            )
            if trouble and (trouble.final or budget.spent > CONFIG_GRACE_SECONDS):
                raise _failed(Step.CERTIFICATE_MAP, key, "is not issued", trouble)
            if not budget.pause(share=0.02, most=10):
                raise _failed(
                    Step.CERTIFICATE_MAP,
                    key,
                    f"is {state or 'not there'} after {budget.seconds / 60:.0f} min",
                    trouble or failures.ISSUANCE_SLOW,
                )

    def _issued(self, name: str, minutes: int) -> None:
        waited = f" after {minutes} min" if minutes else ""
        if waited and self._clock.rate != 1.0:
            waited += " (simulated)"
        text = f"certificate {name} ACTIVE{waited}"
        self._say(text)
        # Several changes wait for it: whoever waited first, and longest, says how long.
        if not any(said.startswith(f"certificate {name} ") for said in self.reached):
            self.reached.append(text)

    def _entry(self, key: ResourceKey) -> None:
        budget = Budget(self._clock, ENTRY_SECONDS)
        while True:
            live = self._cloud.fetch(key) or {}
            if live.get("state") == "ACTIVE":
                return
            self._say(f"map entry {key.name}: {live.get('state') or 'not there'}")
            if not budget.pause(most=5):
                raise _failed(
                    Step.CERTIFICATE_MAP, key, "does not become ACTIVE", failures.ENTRY_PENDING
                )

    def _svcneg(self, key: ResourceKey) -> None:
        cluster, namespace = cluster_of(key.scope), namespace_of(key.scope)
        kube = self._reader.cluster(cluster)
        budget = Budget(self._clock, SVCNEG_SECONDS)
        while True:
            found = kube.find(SVCNEG.format(namespace, key.name))
            state, message = svcneg_state(found)
            if state == "ready":
                return
            self._say(f"svcneg {cluster}/{namespace}/{key.name}: {message}")
            trouble = failures.of_text(message)
            if (state == "failed" and trouble and trouble.final) or not budget.pause(most=10):
                if trouble is None:
                    message = _last_event(kube, namespace) or message
                    trouble = failures.of_text(message) or failures.NEG_NOT_SYNCED
                trouble = failures.of_neg(trouble, key.name)
                raise _failed(Step.BACKENDS, key, "is not synced", trouble, message)

    def collected(self, change: Change) -> None:
        """Wait until GKE has deleted the NEGs whose annotation was taken away (each 120 s)."""
        cluster, namespace = cluster_of(change.key.scope), namespace_of(change.key.scope)
        kube = self._reader.cluster(cluster)
        names = sorted(
            str(entry.get("name")) for entry in change.before.get("exposed_ports", {}).values()
        )
        budget = Budget(self._clock, COLLECTION_SECONDS)
        for name in names:
            while (found := kube.find(SVCNEG.format(namespace, name))) is not None:
                self._say(f"NEG {name} of {cluster}: waits for GKE's garbage collection")
                if not budget.pause(least=2, most=20):
                    refs = (found.get("status") or {}).get("networkEndpointGroups") or ()
                    seen = ", ".join(str(ref.get("selfLink", "")) for ref in refs)
                    raise _failed(
                        Step.BACKENDS, change.key, "still has its NEGs", failures.NEG_HELD, seen
                    )

    def probed_anew(self) -> None:
        """Probes changed: until they have been everywhere, health is what the old ones found."""
        self._probed_anew = self._clock.passed()

    def health(
        self, service: ResourceKey, groups: Iterable[str], parts: Iterable[frozenset[str]] = ()
    ) -> GroupHealth:
        """Wait until all endpoints of our groups are HEALTHY; needs a rule that leads to them.

        `parts` are links of groups that belong together, those of one cluster: each has endpoints.
        Not longer than probes need while it hurts: `hurts` says what users notice.
        """
        groups, parts = tuple(groups), tuple(parts)
        if (since := self._clock.passed() - self._probed_anew) < PROBED_SECONDS:
            self._say(f"{service.name}: probed anew")
            self._clock.wait(PROBED_SECONDS - since)
        budget = Budget(self._clock, HEALTH_SECONDS)
        while True:
            live = self._cloud.fetch(service) or {}
            seen = read_health(self._cloud.wire, service, groups)
            if not live.get("usedBy") and not seen.total:
                # Google evaluates no health until a forwarding rule references the chain.
                self._say(f"{service.name}: no frontend leads to it yet, so health is not known")
                return seen
            self._say(f"{service.name}: {seen.healthy} of {seen.total} endpoints HEALTHY")
            empty = {canonical(group) for group in seen.empty}
            if seen.total and seen.healthy == seen.total and not any(p <= empty for p in parts):
                return seen
            noticed = self._hurts() if budget.spent > PROBED_SECONDS else ""
            if noticed or not budget.pause(most=10):
                trouble, words = self._explain(service, seen)
                how = f"has {seen.healthy} of {seen.total} endpoints HEALTHY"
                if noticed:
                    how += f", and users notice: {noticed}"
                    back = "if that takes time, put back in the params what was changed, and apply"
                    trouble = replace(trouble, remedy=f"{trouble.remedy}\n{back}")
                raise _failed(Step.BACKENDS, service, how, trouble, words)


def _healthy(seen: GroupHealth) -> set[tuple[str, str]]:
    """The group and address of what is well."""
    return {
        (canonical(one.group), one.address) for one in seen.endpoints if one.health == "HEALTHY"
    }


def _failed(
    step: Step, key: ResourceKey, how: str, trouble: failures.Failure, seen: str = ""
) -> StepFailed:
    return StepFailed(
        f"{noun(key)} {key.name} {how}",
        step=step.value,
        where=key.scope,
        why=trouble.cause,
        seen=seen or trouble.seen,
        next=trouble.remedy,
    )


def svcneg_state(found: Mapping[str, Any] | None) -> tuple[str, str]:
    """ready, waiting or failed, and the words for it."""
    if found is None:
        return "waiting", "not created by GKE yet"
    status = found.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or ()}
    for name in ("Initialized", "Synced"):
        condition = conditions.get(name)
        if condition is None:
            return "waiting", f"not {name} yet"
        if condition.get("status") != "True":
            return "failed", f"{name} is {condition.get('status')}: {condition.get('message', '')}"
    refs = status.get("networkEndpointGroups") or ()
    active = [ref for ref in refs if (ref.get("state") or "ACTIVE") == "ACTIVE"]
    return ("ready", "") if active else ("waiting", "no zonal NEG is ACTIVE yet")


def _last_event(kube: Any, namespace: str) -> str:
    """The newest warning about a Service of the namespace: NEG problems are told there."""
    events = [
        item
        for item in kube.list(f"api/v1/namespaces/{namespace}/events", missing_ok=True)
        if item.get("type") == "Warning"
        and item.get("involvedObject", {}).get("kind") in ("Service", "ServiceNetworkEndpointGroup")
    ]
    events.sort(key=lambda item: str(item.get("lastTimestamp") or ""))
    return str(events[-1].get("message", "")) if events else ""
