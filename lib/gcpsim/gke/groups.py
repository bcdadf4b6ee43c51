"""Node pools as Compute Engine shows them: a managed group and a template for each zone.

The documents follow from the clusters each time they are asked for; nothing is stored. That a
group's instances are there is `fleet`'s work.
"""

from collections.abc import Callable, Iterator

from gcpsim.compute.collections.managed_groups import CONTROLLED
from gcpsim.compute.engine.derived import number_of
from gcpsim.compute.engine.links import link, path_of
from gcpsim.core.errors import ApiError, in_use, not_implemented
from gcpsim.core.paths import name_of, parent_of, project_of, zone_of
from gcpsim.gke import names
from gcpsim.gke.estate import Estate
from gcpsim.k8s.controllers.objects import Obj

MANAGERS = "instanceGroupManagers"
Rows = list[tuple[str, Obj]]


class NodeGroups:
    """Shows the node pools of all clusters in Compute Engine's collections."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        compute = estate.world.compute
        compute.derive(MANAGERS, self._each(_manager), _of_a_node_pool)
        compute.derive("instanceGroups", self._each(_group), _managed)
        compute.derive("instanceTemplates", self._each(_template), self._named)

    def _each(self, document: Callable[[Obj, Obj, str], Obj]) -> Callable[[str, str], Rows]:
        def rows(project: str, scope: str) -> Rows:
            found = []
            for cluster, pool, path in self._groups(project):
                doc = document(cluster, pool, path)
                where = path_of(doc["selfLink"])
                if not scope or f"projects/{project}/{scope}/" in where:
                    found.append((where, doc))
            return found

        return rows

    def _named(self, path: str) -> ApiError:
        """The refusal to delete a template: a node pool's groups name it."""
        groups = [group for _, _, group in self._groups(project_of(path))]
        user = next((group for group in groups if _template_path(group) == path), path)
        return in_use("instance_template", path, user)

    def _groups(self, project: str) -> Iterator[tuple[Obj, Obj, str]]:
        """Cluster, node pool and path of each managed group."""
        for _, cluster in sorted(self.estate.table.items()):
            if cluster["_project"] != project:
                continue
            for pool in cluster["nodePools"]:
                for url in pool.get("instanceGroupUrls") or ():
                    yield cluster, pool, path_of(url)


def _managed(path: str) -> ApiError:
    """The refusal to change a group that a manager has."""
    return in_use("instance_group", path, path.replace("/instanceGroups/", f"/{MANAGERS}/"))


def _of_a_node_pool(path: str) -> ApiError:
    """Google changes them, and GKE changes them back; here they follow from node pools alone."""
    return not_implemented(f"A change of {name_of(path)}, which a node pool of GKE has,")


def _head(kind: str, path: str, cluster: Obj) -> Obj:
    return {
        "kind": f"compute#{kind}",
        "id": number_of(path),
        "creationTimestamp": cluster["createTime"],
        "name": name_of(path),
        "selfLink": link(path),
    }


def _template_path(path: str) -> str:
    project = path.partition("/zones/")[0]
    return f"{project}/global/instanceTemplates/{name_of(path).removesuffix('-grp')}"


def _manager(cluster: Obj, pool: Obj, path: str) -> Obj:
    name, zone = name_of(path), parent_of(parent_of(path))
    return {
        **_head("instanceGroupManager", path, cluster),
        "zone": link(zone),
        "baseInstanceName": name.removesuffix("-grp"),
        "instanceTemplate": link(_template_path(path)),
        "instanceGroup": link(f"{zone}/instanceGroups/{name}"),
        "fingerprint": names.fingerprint(path, pool["etag"]),
        "status": {
            "allInstancesConfig": {"effective": True},
            "isStable": pool["status"] == "RUNNING",
            "stateful": {"hasStatefulConfig": False, "perInstanceConfigs": {"allEffective": True}},
            "versionTarget": {"isReached": True},
        },
        "updatePolicy": {
            "maxSurge": {"calculated": 1, "fixed": 1},
            "maxUnavailable": {"calculated": 1, "fixed": 1},
            "minimalAction": "REPLACE",
            "replacementMethod": "SUBSTITUTE",
            "type": "OPPORTUNISTIC",
        },
        "listManagedInstancesResults": "PAGELESS",
    }


def _group(cluster: Obj, pool: Obj, path: str) -> Obj:
    name, zone = name_of(path), parent_of(parent_of(path))
    return {
        **_head("instanceGroup", f"{zone}/instanceGroups/{name}", cluster),
        "description": CONTROLLED.format(name=name),
        "zone": link(zone),
        "network": _network(cluster),
        "subnetwork": _subnetwork(cluster),
        "fingerprint": names.fingerprint(path, "group"),
    }


def _template(cluster: Obj, pool: Obj, path: str) -> Obj:
    config, digest = pool["config"], cluster["id"][:8]
    zone = zone_of(path)
    facts = {"name": cluster["name"], "uid": cluster["id"], "location": cluster["location"]}
    metadata = {f"cluster-{key}": value for key, value in facts.items()}
    metadata |= config.get("metadata") or {}
    return {
        **_head("instanceTemplate", _template_path(path), cluster),
        "description": f"node pool {pool['name']} of cluster {cluster['name']} in {zone}",
        "properties": {
            "machineType": config["machineType"],
            "canIpForward": not cluster["ipAllocationPolicy"].get("useIpAliases", False),
            "disks": [
                {
                    "autoDelete": True,
                    "boot": True,
                    "index": 0,
                    "initializeParams": {
                        "diskSizeGb": str(config["diskSizeGb"]),
                        "diskType": config["diskType"],
                    },
                    "kind": "compute#attachedDisk",
                    "mode": "READ_WRITE",
                    "type": "PERSISTENT",
                }
            ],
            "labels": {
                "goog-gke-node": "",
                "goog-k8s-cluster-name": cluster["name"],
                "goog-k8s-cluster-location": cluster["location"],
                "goog-k8s-node-pool-name": pool["name"],
            },
            "metadata": {
                "kind": "compute#metadata",
                "items": [{"key": key, "value": value} for key, value in sorted(metadata.items())],
            },
            "networkInterfaces": [
                {
                    "kind": "compute#networkInterface",
                    "name": "nic0",
                    "network": _network(cluster),
                    "subnetwork": _subnetwork(cluster),
                }
            ],
            "serviceAccounts": [
                {"email": config["serviceAccount"], "scopes": list(config["oauthScopes"])}
            ],
            "tags": {"items": [names.node_tag(cluster["name"], digest)]},
        },
    }


def _network(cluster: Obj) -> str:
    return link(f"projects/{cluster['_project']}/global/networks/{cluster['network']}")


def _subnetwork(cluster: Obj) -> str:
    region = "-".join(cluster["location"].split("-")[:2])
    place = f"projects/{cluster['_project']}/regions/{region}"
    return link(f"{place}/subnetworks/{cluster['subnetwork']}")
