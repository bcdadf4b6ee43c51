"""What kubectl shows of kinds, cell by cell."""

from typing import Any

import pytest
from gcpsim.k8s.print.columns import COLUMNS

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
]  # fmt: skip


@pytest.mark.parametrize(("kind", "obj", "wanted"), SHOWN, ids=lambda one: str(one)[:24])
def test_cells(kind: str, obj: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = {column.name: column.cell({**META, **obj}, NOW) for column in COLUMNS[kind]}
    assert {name: found[name] for name in wanted} == wanted
