"""Network endpoint groups: what a group must be by its type and place. Endpoints: neg_endpoints."""

from gcpsim.compute.collections import neg_endpoints
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.errors import invalid, required
from gcpsim.core.paths import cut_scope, name_of

TYPES = {
    "zones": ("GCE_VM_IP_PORT", "GCE_VM_IP", "NON_GCP_PRIVATE_IP_PORT"),
    "global": ("INTERNET_FQDN_PORT", "INTERNET_IP_PORT"),
    "regions": (
        "SERVERLESS",
        "PRIVATE_SERVICE_CONNECT",
        "INTERNET_FQDN_PORT",
        "INTERNET_IP_PORT",
        "GCE_VM_IP_PORTMAP",
    ),
}
NAMES = {"zones": "zonal", "global": "global", "regions": "regional"}
SERVERLESS = ("cloudRun", "appEngine", "cloudFunction", "serverlessDeployment")


def prepare(draft: Draft) -> None:
    body = draft.body
    kind = body.setdefault("networkEndpointType", "GCE_VM_IP_PORT")
    place, _ = cut_scope(draft.scope)
    if kind not in TYPES[place]:
        raise invalid(
            "resource.networkEndpointType",
            kind,
            f"Not supported for a {NAMES[place]} network endpoint group.",
        )
    if place != "zones":
        _elsewhere(draft, kind)
        return
    port = body.get("defaultPort")
    if port is not None and not 1 <= port <= 65535:
        raise invalid("resource.defaultPort", port, "Must be between 1 and 65535.")
    if not body.get("network"):
        body["network"] = links.link(f"projects/{draft.project}/global/networks/default")
        draft.compute.resolve("resource.network", body["network"], draft.project, ("networks",))
    if not body.get("subnetwork") and kind != "NON_GCP_PRIVATE_IP_PORT":
        network = name_of(body["network"])
        region = draft.scope.removeprefix("zones/").rsplit("-", 1)[0]
        path = f"projects/{draft.project}/regions/{region}/subnetworks/{network}"
        if draft.compute.get(path) is None:
            raise required("resource.subnetwork")
        body["subnetwork"] = links.link(path)


def _elsewhere(draft: Draft, kind: str) -> None:
    """Groups of endpoints outside of the VPC: on the internet, serverless, of another producer."""
    body = draft.body
    if kind == "SERVERLESS":
        targets = [name for name in SERVERLESS if body.get(name) is not None]
        if len(targets) != 1:
            why = f"Exactly one of {', '.join(SERVERLESS)} must be set."
            raise invalid("resource", ", ".join(targets), why)
    if kind == "PRIVATE_SERVICE_CONNECT" and not body.get("pscTargetService"):
        raise required("resource.pscTargetService")
    if kind.startswith("INTERNET") and body.get("subnetwork"):
        why = "Not allowed for endpoints on the internet."
        raise invalid("resource.subnetwork", body["subnetwork"], why)


def view(compute: Resources, path: str, doc: Doc) -> None:
    doc["size"] = sum(
        1 for one in neg_endpoints.endpoints(compute, path) if not one.get("draining")
    )
    # A field older than the documents, with links of the beta version (both seen in recordings).
    old = {name: doc[name] for name in ("network", "subnetwork", "zone") if name in doc}
    beta = {name: link.replace("/compute/v1/", "/compute/beta/") for name, link in old.items()}
    port = {"defaultPort": doc["defaultPort"]} if "defaultPort" in doc else {}
    doc["loadBalancer"] = {**port, **beta}


def forget(compute: Resources, path: str, doc: Doc | None) -> None:
    if doc is None:
        compute.world.store.table("compute/endpoints").delete(path)


NETWORK_ENDPOINT_GROUPS = Kind(
    "networkEndpointGroups",
    "NetworkEndpointGroup",
    "network_endpoint_group",
    scopes=("zones", "global", "regions"),
    refs=(("network", ("networks",)), ("subnetwork", ("subnetworks",))),
    prepare=prepare,
    view=view,
    after=forget,
    verbs={
        "attachNetworkEndpoints": neg_endpoints.attach,
        "detachNetworkEndpoints": neg_endpoints.detach,
        "listNetworkEndpoints": neg_endpoints.list_endpoints,
    },
    effects={"attach": neg_endpoints.attached, "detach": neg_endpoints.detached},
)
