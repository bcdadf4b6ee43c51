"""ServiceNetworkEndpointGroup objects: how they are made, what their status says. Pure.

The object is named like the NEG, carries a finalizer that holds it until its NEGs are gone, and
lists the NEG of every zone. It is patched as a whole, it has no status subresource.
"""

from gcpsim.core import paths
from gcpsim.gke.neg.annotation import NegError
from gcpsim.gke.neg.source import Wish
from gcpsim.k8s.controllers.objects import Obj, labels_of, owner_reference, stamp, with_condition

RESOURCE = "servicenetworkendpointgroups"
FINALIZER = "networking.gke.io/neg-finalizer"
MANAGED_BY = "networking.gke.io/managed-by"
SERVICE = "networking.gke.io/service-name"
PORT = "networking.gke.io/service-port"


def new(wish: Wish, service: Obj) -> Obj:
    return {
        "apiVersion": "networking.gke.io/v1beta1",
        "kind": "ServiceNetworkEndpointGroup",
        "metadata": {
            "name": wish.name,
            "namespace": wish.namespace,
            "labels": labels(wish),
            "finalizers": [FINALIZER],
            "ownerReferences": [
                owner_reference({**service, "apiVersion": "v1", "kind": "Service"}, blocks=False)
            ],
        },
        "spec": {},
    }


def labels(wish: Wish) -> dict[str, str]:
    return {MANAGED_BY: "neg-controller", SERVICE: wish.service, PORT: str(wish.port)}


def check_owner(found: Obj, wish: Wish) -> None:
    """NegError when another Service or port has taken the name."""
    have = labels_of(found)
    for key, value in labels(wish).items():
        if have.get(key) != value:
            raise NegError(
                f"Neg {wish.namespace}/{wish.name} has a label mismatch. Expected key {key} to "
                f"have the value {value} but found {have.get(key, '')}. Neg is likely taken by "
                f"{have.get(SERVICE, '')} service. Please remove previous neg before creating this "
                "configuration"
            )


def reference(neg: Obj, state: str = "ACTIVE") -> Obj:
    """One zone's entry in the status, from the NEG of the Compute API."""
    entry = {
        "id": str(neg["id"]),
        "selfLink": neg["selfLink"],
        "networkEndpointType": neg.get("networkEndpointType", "GCE_VM_IP_PORT"),
        "state": state,
    }
    return entry | ({"subnetURL": neg["subnetwork"]} if neg.get("subnetwork") else {})


def zone_of(entry: Obj) -> str:
    return paths.zone_of(str(entry["selfLink"]))


def references(old: list[Obj], current: dict[str, Obj], active: set[str]) -> list[Obj]:
    """The status list: NEGs of active zones, and those of zones left behind as INACTIVE."""
    found = {zone_of(entry): {**entry, "state": "INACTIVE"} for entry in old}
    for zone, neg in current.items():
        found[zone] = reference(neg, "ACTIVE" if zone in active else "INACTIVE")
    return [found[zone] for zone in sorted(found)]


def initialized(conditions: list[Obj], error: str, now: float) -> list[Obj]:
    reason = "NegInitializationFailed" if error else "NegInitializationSuccessful"
    return _condition(conditions, "Initialized", reason, error, now)


def synced(conditions: list[Obj], error: str, now: float) -> list[Obj]:
    reason = "NegSyncFailed" if error else "NegSyncSuccessful"
    return _condition(conditions, "Synced", reason, error, now)


def _condition(conditions: list[Obj], kind: str, reason: str, error: str, now: float) -> list[Obj]:
    status = "False" if error else "True"
    for item in conditions:
        same = (item["type"], item["status"], item.get("message", ""))
        if same == (kind, status, error):
            return conditions
    return with_condition(conditions, kind, status, now, reason=reason, message=error)


def synced_at(status: Obj, now: float) -> Obj:
    return {**status, "lastSyncTime": stamp(now)}
