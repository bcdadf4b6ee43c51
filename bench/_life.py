"""A site's life under traffic: cut-over, upgrade, failover drill, swaps, and the retirement.

Swaps there and back are repeated until BENCH_REQUESTS were sent while traffic moved; each other
move is played once. What a person mends of the pods, so that nodes may be upgraded under traffic,
is done before anybody is counted.
"""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from edgebook.base.errors import StepFailed
from edgebook.traffic import Statistics

from bench._killing import QUICK
from bench._moving import REQUESTS, Row, say

TRIES = 3
GATE = "cloud.google.com/load-balancer-neg-ready"
ROLLED_OUT = 240.0  # of our seconds, until all pods of a cluster are the mended ones
SERVED = {  # Deployments that serve the front door, as `namespace/name`
    "ingress-nginx/ingress-nginx-controller", "iot/broker", "shop/api", "shop/postgres",
}  # fmt: skip
POOLER = "shop/postgres"
BEHIND = "shop/storefront"  # the pods that NGINX asks: a POST is lost with the pod that ends


class Life:
    """One site from its cut-over to the retirement of the old side; sums what the meter saw."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.sent = self.failed = self.cut = self.stopped = 0
        self.gap = 0.0

    def play(self) -> None:
        swap = {"to": "green", **QUICK}
        drill: dict[str, Any] = {"leave": "blue", "drill": True, "soak": "15s"}
        self.move("cut-over", steps=[50.0, 100.0], soak="15s", ttl="30s")
        self.move("upgrade", cluster="blue", version="newest", soak="15s")
        self.move("failover", **drill)
        self.move("failover", "back", **drill)
        while True:
            self.move("swap", **swap)
            if self.sent >= REQUESTS:
                break
            self.move("swap", **{**swap, "to": "blue"})
        self.move("retire", quiet="5m", soak="15s")

    def move(self, name: str, mode: str = "apply", **options: Any) -> None:
        began = time.monotonic()
        seen = self._carried_out(name, mode, options)
        self.sent += seen["sent"]
        self.failed += seen["failed"]
        self.cut += seen["cut_as_planned"]
        self.gap = max(self.gap, seen["longest_gap_s"])
        took = time.monotonic() - began
        words = f"{seen['failed']} of {seen['sent']:,} failed, {seen['cut_as_planned']} cut as "
        say(f"{name} {mode}: {words}planned, {took:.0f} s; {self.sent:,} sent so far")
        for failure in seen["failures"][:5]:
            say(f"  {failure['at']} {failure['frontend']} {failure['client']} {failure['detail']}")

    def _carried_out(self, name: str, mode: str, options: dict[str, Any]) -> Any:
        """A move that stopped has lost something; it goes on, so that the rest is measured too."""
        for left in reversed(range(TRIES)):
            try:
                move = self._book.move(name, **options)
                seen = move.apply(mode, "auto", show_progress=False).data["traffic"]
                return seen or Statistics().to_json()  # it was there already
            except StepFailed as error:
                self.stopped += 1
                say(f"{name} {mode} stopped: {error}")
                if not left:
                    raise
        raise AssertionError("unreachable")


def life(book: Any, row: Row) -> Iterator[dict[str, Any]]:
    mend(book.door.reader.cluster("blue"), gated=True)
    mend(book.door.reader.cluster("green"), gated=False)
    site = Life(book)
    site.play()
    yield row("requests sent while traffic moved", float(site.sent), "", f">= {REQUESTS or 1000}")
    yield row("requests failed of them", float(site.failed), "", "<= 0")
    yield row("moves that were stopped", float(site.stopped), "", "<= 0")
    yield row("long streams cut where the plan said so", float(site.cut), "", ">= 1")
    yield row("longest time without a success", site.gap, "s", "<= 5")


def mend(kube: Any, *, gated: bool) -> None:
    """What `operate/upgrade` asks of pods before nodes go under traffic; then all start anew.

    `gated`: its Services have NEGs already, so that new pods get Google's readiness gate.
    """
    kube.patch(
        "api/v1/namespaces/ingress-nginx/configmaps/ingress-nginx-controller",
        {"data": {"keep-alive": "650"}},
    )
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "postgres", "namespace": "shop"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "postgres"}}},
    }
    kube.request("POST", "apis/policy/v1/namespaces/shop/poddisruptionbudgets", body=budget)
    for served in sorted({*SERVED, BEHIND}):
        namespace, name = served.split("/")
        path = f"apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        template: dict[str, Any] = {"metadata": {"annotations": {"restarted-by": "bench"}}}
        spec: dict[str, Any] = {"template": template}
        if served == POOLER:
            containers = kube.find(path)["spec"]["template"]["spec"]["containers"]
            containers[0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 60}}}
            template["spec"] = {"terminationGracePeriodSeconds": 120, "containers": containers}
            spec |= {"replicas": 6, "strategy": {"rollingUpdate": {"maxUnavailable": 0}}}
        if served == BEHIND:
            containers = kube.find(path)["spec"]["template"]["spec"]["containers"]
            containers[0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 15}}}
            template["spec"] = {"containers": containers}
        kube.patch(path, {"spec": spec})
    _until(
        lambda: (
            all(_rolled_out(kube, served, gated) for served in SERVED)
            and _rolled_out(kube, BEHIND, gated=False)
        )
    )


def _rolled_out(kube: Any, served: str, gated: bool) -> bool:
    """All pods of a Deployment are of its newest kind, ready, and known to the load balancer."""
    namespace, name = served.split("/")
    found = kube.find(f"apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    wanted, status = found["spec"]["replicas"], found.get("status") or {}
    labels = found["spec"]["selector"]["matchLabels"]
    pods = [
        pod
        for pod in kube.list(f"api/v1/namespaces/{namespace}/pods")
        if labels.items() <= pod["metadata"]["labels"].items()
    ]
    gates = sum(
        any(gate["conditionType"] == GATE for gate in pod["spec"].get("readinessGates") or ())
        for pod in pods
    )
    ready = status.get("readyReplicas") == status.get("updatedReplicas") == wanted == len(pods)
    return ready and gates == (wanted if gated else 0)


def _until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + ROLLED_OUT
    while not condition():
        if time.monotonic() > ends:
            sys.exit("pods did not roll out in time")
        time.sleep(0.5)
