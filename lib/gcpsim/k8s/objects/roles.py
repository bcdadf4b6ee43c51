"""The roles and bindings of every new cluster: those that users bind, and what everyone may do.

They hold what their names promise, not each rule of the real ones. `admin`, `edit` and `view` are
put together from roles with their label, as on a real cluster.
"""

from typing import Any

from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

RBAC = "rbac.authorization.k8s.io"
EVERYTHING: Doc = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
SEEN = {
    "": ["configmaps", "endpoints", "events", "limitranges", "namespaces", "persistentvolumeclaims",
         "persistentvolumeclaims/status", "pods", "pods/log", "pods/status",
         "replicationcontrollers", "replicationcontrollers/scale", "resourcequotas",
         "resourcequotas/status", "serviceaccounts", "services", "services/status"],
    "apps": ["controllerrevisions", "daemonsets", "daemonsets/status", "deployments",
             "deployments/scale", "deployments/status", "replicasets", "replicasets/scale",
             "replicasets/status", "statefulsets", "statefulsets/scale", "statefulsets/status"],
    "autoscaling": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    "batch": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
    "policy": ["poddisruptionbudgets", "poddisruptionbudgets/status"],
}  # fmt: skip
NOT_WRITTEN = {"controllerrevisions", "limitranges", "namespaces", "resourcequotas", "pods/log",
               "endpointslices"}  # fmt: skip
PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
SERVED = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]


def install(cluster: Objects) -> None:
    """Create them in an empty cluster."""
    everywhere = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    _role(cluster, "cluster-admin", [EVERYTHING, everywhere])
    for name, rules in _parts().items():
        _role(cluster, f"system:aggregate-to-{name}", rules, _aggregates(name))
    for name, above in (("view", "edit"), ("edit", "admin"), ("admin", "")):
        labels = _aggregates(above) if above else {}
        _role(cluster, name, [], labels, selects=_aggregates(name))
    _role(cluster, "system:basic-user", [
        {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
         "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
        {"apiGroups": ["authentication.k8s.io"], "verbs": ["create"],
         "resources": ["selfsubjectreviews"]},
    ])  # fmt: skip
    _role(cluster, "system:discovery", [{"nonResourceURLs": PUBLIC + SERVED, "verbs": ["get"]}])
    _bind(cluster, "cluster-admin", "system:masters")
    _bind(cluster, "system:basic-user", "system:authenticated")
    _bind(cluster, "system:discovery", "system:authenticated")


def _parts() -> dict[str, list[Doc]]:
    """What `view`, `edit` and `admin` add to each other."""
    edited = [
        {"apiGroups": [group], "verbs": WRITE,
         "resources": [one for one in names if one not in NOT_WRITTEN and "/status" not in one]}
        for group, names in SEEN.items()
        if group != "discovery.k8s.io"
    ]  # fmt: skip
    secrets: Doc = {"apiGroups": [""], "resources": ["secrets"], "verbs": READ + WRITE}
    roles: Doc = {"apiGroups": [RBAC], "resources": ["rolebindings", "roles"],
                  "verbs": READ + WRITE}  # fmt: skip
    reviews: Doc = {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
                    "resources": ["localsubjectaccessreviews"]}  # fmt: skip
    account: Doc = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}
    token: Doc = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
    evict: Doc = {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}
    return {
        "view": [{"apiGroups": [group], "resources": names, "verbs": READ}
                 for group, names in SEEN.items()],
        "edit": [*edited, secrets, account, token, evict],
        "admin": [roles, reviews],
    }  # fmt: skip


def _aggregates(name: str) -> dict[str, str]:
    return {f"{RBAC}/aggregate-to-{name}": "true"}


def _role(
    cluster: Objects,
    name: str,
    rules: list[Doc],
    labels: dict[str, str] | None = None,
    selects: dict[str, str] | None = None,
) -> None:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults", **(labels or {})}
    body: Doc = {"metadata": {"name": name, "labels": labels}, "rules": rules}
    if selects:
        body["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": selects}]}
    cluster.create("clusterroles", body)


def _bind(cluster: Objects, role: str, group: str) -> None:
    body = {
        "metadata": {"name": role},
        "subjects": [{"kind": "Group", "name": group, "apiGroup": RBAC}],
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": RBAC},
    }
    cluster.create("clusterrolebindings", body)
