"""The facade that notebooks and commands use: a Book is one front door, a Step one of its six parts.

Every method is one call whose value shows itself: `_repr_html_` in JupyterLab, `str()` in a terminal,
`.frame` (pandas) for further work, `.to_json()` for machines. What fails raises an EdgebookError.
Only `apply` and `teardown(...).apply` write anything outside this process.
"""

from typing import Any

from edgebook.model import Step


class Book:
    """One params file, connected. Reads are made once per call and shared by what one call shows."""

    def step(self, name: str) -> "BookStep":
        """One of: address-and-dns, certificate, frontends, certificate-map, firewall, backends."""
        raise NotImplementedError

    def plan(self) -> Any:
        """All steps: a PlanView with `.hash`, `.empty`, `.plan` (model.Plan), `.steps` {step: hash}."""
        raise NotImplementedError

    def apply(self, mode: str, approve: str = "") -> Any:
        """The whole plan, all steps overlapping; like BookStep.apply."""
        raise NotImplementedError

    def preflight(self) -> Any:
        """Checks before anything is changed: credentials, permissions, APIs, quotas, clusters, DNS."""
        raise NotImplementedError

    def verify(self) -> Any:
        """All checks of all steps, a ChecksView; raises StepFailed when one failed."""
        raise NotImplementedError

    def certificates(self) -> Any:
        """domain, certificate, state, authorization, issue, expires (days), map entry, attached to."""
        raise NotImplementedError

    def endpoints(self) -> Any:
        """backend, cluster, zone, NEG, endpoint, health, since."""
        raise NotImplementedError

    def dns(self) -> Any:
        """name, type, TTL, wanted, answers, state."""
        raise NotImplementedError

    def frontends(self) -> Any:
        """frontend, protocol, address, port, target, backend, certificate map, TLS policy."""
        raise NotImplementedError

    def firewall(self) -> Any:
        """rule, cluster, ranges, ports, targets, verdict."""
        raise NotImplementedError

    def backends(self) -> Any:
        """backend, cluster, zone, NEG, balancing, capacity, endpoints, healthy, owner."""
        raise NotImplementedError

    def status(self) -> Any:
        """One summary of everything, made of the tables above."""
        raise NotImplementedError

    def topology(self) -> dict[str, Any]:
        """{"nodes": [{"id", "kind", "name", "state", ...}], "edges": [[from, to], ...]}"""
        raise NotImplementedError

    def expiry(self) -> Any:
        """domain, certificate, days left."""
        raise NotImplementedError

    def teardown(self, *steps: str) -> Any:
        """A Teardown with `.plan()` and `.apply(mode, approve)`; without steps, everything."""
        raise NotImplementedError


class BookStep:
    """One step of a Book."""

    name: Step

    def plan(self) -> Any:
        """What would change in this step: a PlanView with `.hash` and `.empty`. Writes nothing."""
        raise NotImplementedError

    def apply(self, mode: str, approve: str = "") -> Any:
        """With mode "plan": say what would be done. With "apply": do it, for this plan's hash only."""
        raise NotImplementedError

    def verify(self) -> Any:
        """The checks of this step, a ChecksView; raises StepFailed when one failed."""
        raise NotImplementedError


def open(params_file: str, *, change_id: str = "") -> Book:
    """Read the params and connect; everything wrong with them is listed at once (ParamsError)."""
    raise NotImplementedError


def plan_change(params_file: str) -> dict[str, Any]:
    """Pure JSON for another process: hash, changes (each with a digest), steps {step: {hash, changes}}."""
    raise NotImplementedError
