"""What kubectl shows of kinds, cell by cell."""

from typing import Any

import pytest
from gcpsim.k8s.print.columns import COLUMNS
from gcpsim.k8s.types.registry import BUILT_IN

META = {"metadata": {"name": "x", "creationTimestamp": "2026-11-27T08:00:00Z"}}
NOW = 1795771800.0  # 2026-11-27T09:30:00Z
SHOWN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "cronjobs",
        {"spec": {"schedule": "*/5 * * * *"}},
        {"Schedule": "*/5 * * * *", "Timezone": "<none>", "Suspend": "False", "Active": 0,
         "Last Schedule": "<none>", "Age": "90m"},
    ),
    (
        "persistentvolumes",
        {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                  "persistentVolumeReclaimPolicy": "Retain",
                  "claimRef": {"namespace": "shop", "name": "data"}},
         "status": {"phase": "Bound"}},
        {"Capacity": "1Gi", "Access Modes": "RWO,RWX", "Reclaim Policy": "Retain",
         "Status": "Bound", "Claim": "shop/data", "StorageClass": ""},
    ),
    ("persistentvolumeclaims", {"spec": {"accessModes": ["ReadWriteOnce"]}},
     {"Status": "Pending", "Access Modes": "RWO"}),
    ("validatingwebhookconfigurations", {"webhooks": [{}, {}]}, {"Webhooks": 2}),
    ("runtimeclasses", {"handler": "runsc"}, {"Handler": "runsc"}),
    ("limitranges", {}, {"Created At": "2026-11-27T08:00:00Z"}),
    ("persistentvolumeclaims", {"spec": {"volumeMode": "Filesystem"}},
     {"VolumeAttributesClass": "<unset>", "VolumeMode": "Filesystem"}),
    ("storageclasses",
     {"metadata": {**META["metadata"],
                   "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
      "provisioner": "pd.csi.storage.gke.io", "volumeBindingMode": "WaitForFirstConsumer",
      "allowVolumeExpansion": True},
     {"Name": "x (default)", "ReclaimPolicy": "Delete", "AllowVolumeExpansion": "true",
      "VolumeBindingMode": "WaitForFirstConsumer"}),
    ("storageclasses", {"provisioner": "p"}, {"Name": "x", "AllowVolumeExpansion": "false"}),
    ("resourcequotas",
     {"status": {"hard": {"pods": "10", "limits.cpu": "2", "requests.cpu": "1"},
                 "used": {"pods": "3", "limits.cpu": "500m"}}},
     {"Request": "pods: 3/10, requests.cpu: 0/1", "Limit": "limits.cpu: 500m/2"}),
    ("horizontalpodautoscalers",
     {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}, "metrics": [
         {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}},
         {"type": "Pods", "pods": {"target": {"averageValue": "100"}}},
         {"type": "External", "external": {"target": {"averageValue": "5"}}}]},
      "status": {"currentMetrics": [
          {"type": "Resource", "resource": {"current": {"averageUtilization": 40}}}]}},
     {"Targets": "cpu: 40%/80%, <unknown>/100 + 1 more...", "Reference": "Deployment/api"}),
    ("horizontalpodautoscalers",
     {"spec": {"metrics": [
         {"type": "External", "external": {"target": {"averageValue": "5"}}},
         {"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "1Gi"}}}]}},
     {"Targets": "<unknown>/5 (avg), memory: <unknown>/1Gi"}),
    ("horizontalpodautoscalers",
     {"spec": {"metrics": [{"type": "Object", "object": {"target": {"value": "7"}}}]},
      "status": {"currentMetrics": [{"type": "Object", "object": {"current": {"value": "3"}}}]}},
     {"Targets": "3/7"}),
    ("horizontalpodautoscalers", {"spec": {}}, {"Targets": "<none>"}),
    ("jobs", {"spec": {"parallelism": 3}, "status": {"succeeded": 2}},
     {"Completions": "2/1 of 3", "Status": "Running"}),
    ("jobs", {"spec": {"parallelism": 1}}, {"Completions": "0/1"}),
    ("jobs", {"spec": {"completions": 4, "parallelism": 2, "template": {"spec": {"containers": [
        {"name": "c", "image": "i"}]}}},
              "status": {"conditions": [{"type": "Suspended", "status": "True"}]}},
     {"Completions": "0/4", "Status": "Suspended", "Containers": "c", "Images": "i"}),
    ("jobs", {"metadata": {**META["metadata"], "deletionTimestamp": "2026-11-27T08:00:00Z"},
              "spec": {}},
     {"Status": "Terminating"}),
    ("cronjobs", {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [
        {"name": "c", "image": "i"}]}}}}}}, {"Containers": "c", "Images": "i"}),
    ("replicationcontrollers",
     {"spec": {"selector": {"app": "a"}, "template": {"spec": {"containers": [{"name": "c"}]}}}},
     {"Selector": "app=a", "Containers": "c"}),
    ("ingressclasses", {"spec": {"parameters": {"apiGroup": "k8s.example.com", "kind": "P",
                                                "name": "n"}}},
     {"Parameters": "P.k8s.example.com/n"}),
    ("ingressclasses", {"spec": {}}, {"Parameters": "<none>"}),
    ("certificatesigningrequests",
     {"spec": {"signerName": "s", "username": "ada", "expirationSeconds": 86400},
      "status": {"conditions": [{"type": "Approved"}], "certificate": "Zm9v"}},
     {"SignerName": "s", "Requestor": "ada", "RequestedDuration": "24h",
      "Condition": "Approved,Issued"}),
    ("certificatesigningrequests", {"spec": {}},
     {"RequestedDuration": "<none>", "Condition": "Pending"}),
    ("certificatesigningrequests", {"status": {"conditions": [{"type": "Denied"}]}},
     {"Condition": "Denied"}),
    ("apiservices", {"spec": {}, "status": {"conditions": [
        {"type": "Available", "status": "True", "reason": "Local"}]}},
     {"Service": "Local", "Available": "True"}),
    ("apiservices", {"spec": {"service": {"namespace": "m", "name": "s"}}, "status": {
        "conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}]}},
     {"Service": "m/s", "Available": "False (MissingEndpoints)"}),
    ("rolebindings",
     {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [
         {"kind": "User", "name": "ada"}, {"kind": "User", "name": "bob"},
         {"kind": "Group", "name": "g"},
         {"kind": "ServiceAccount", "namespace": "n", "name": "s"}]},
     {"Role": "Role/r", "Users": "ada, bob", "Groups": "g", "ServiceAccounts": "n/s"}),
    ("priorityclasses", {"value": 5, "preemptionPolicy": "Never"},
     {"Value": 5, "Global-Default": "false", "PreemptionPolicy": "Never"}),
    ("podtemplates", {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
        {"name": "c", "image": "i"}]}}},
     {"Containers": "c", "Images": "i", "Pod Labels": "a=b"}),
    ("controllerrevisions",
     {"metadata": {**META["metadata"], "ownerReferences": [
         {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": True}]},
      "revision": 3}, {"Controller": "statefulset.apps/db", "Revision": 3}),
    ("controllerrevisions", {"revision": 1}, {"Controller": "<none>"}),
    ("validatingadmissionpolicies",
     {"spec": {"validations": [{}], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}},
     {"Validations": 1, "ParamKind": "v1/ConfigMap"}),
    ("validatingadmissionpolicybindings",
     {"spec": {"policyName": "p", "paramRef": {"namespace": "n", "name": "c"}}},
     {"PolicyName": "p", "ParamRef": "n/c"}),
    ("validatingadmissionpolicybindings", {"spec": {}}, {"ParamRef": "<unset>"}),
    ("csidrivers", {"spec": {"volumeLifecycleModes": ["Persistent", "Ephemeral"]}},
     {"AttachRequired": "true", "PodInfoOnMount": "false", "TokenRequests": "<unset>",
      "Modes": "Persistent,Ephemeral"}),
    ("csinodes", {"spec": {"drivers": [{}, {}]}}, {"Drivers": 2}),
    ("volumeattachments",
     {"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
      "status": {"attached": True}},
     {"Attacher": "a", "PV": "v", "Node": "n", "Attached": "true"}),
    ("flowschemas",
     {"spec": {"priorityLevelConfiguration": {"name": "p"}, "matchingPrecedence": 9},
      "status": {"conditions": [{"type": "Dangling", "status": "False"}]}},
     {"PriorityLevel": "p", "MatchingPrecedence": 9, "DistinguisherMethod": "<none>",
      "MissingPL": "False"}),
    ("prioritylevelconfigurations",
     {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 30, "limitResponse": {
         "queuing": {"queues": 64, "handSize": 8, "queueLengthLimit": 50}}}}},
     {"Type": "Limited", "NominalConcurrencyShares": "30", "Queues": "64", "HandSize": "8",
      "QueueLengthLimit": "50"}),
]  # fmt: skip
KINDLESS = {  # kinds of which the API server's own printers show the name and the age only
    *(one.plural for one in BUILT_IN if one.verbs == ("create",)),
}


def test_every_kind_that_is_listed_has_its_columns() -> None:
    assert {one.plural for one in BUILT_IN} - KINDLESS == set(COLUMNS)


@pytest.mark.parametrize(("kind", "obj", "wanted"), SHOWN, ids=lambda one: str(one)[:24])
def test_cells(kind: str, obj: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = {column.name: column.cell({**META, **obj}, NOW) for column in COLUMNS[kind]}
    assert {name: found[name] for name in wanted} == wanted
