"""A kind is a row: what every row must have, and a new one that works everywhere at once."""

from dataclasses import replace
from typing import Any

import pytest
from edgebook.cloud.compute import service_of
from edgebook.cloud.lightimport import compute_service, compute_types
from edgebook.desired import Desired
from edgebook.desired.context import Context
from edgebook.live.project import listed
from edgebook.model import kinds
from edgebook.model.kinds import KINDS, Api, Kind, Update
from edgebook.model.observed import Observed
from edgebook.model.values import Action, Plan, Resource, Step
from edgebook.params.apitypes import schemas
from edgebook.plan import teardown
from edgebook.plan.diff import diff
from edgebook.terraform import export
from edgebook.terraform.arguments import ARGUMENTS, KNOWN
from edgebook.terraform.types import exported, type_of
from edgebook.verify.preflight_access import needed

from tests.unit.ideal_cloud import IdealCloud
from tests.unit.params_edits import spec_of

DELETABLE = sorted(name for name, kind in KINDS.items() if kind.deletable)
BY_SCOPE = ("certificateMapEntry", "dnsRecordSet")  # read for the maps and zones that matter


@pytest.mark.parametrize("name", DELETABLE)
def test_whatever_edgebook_may_delete_is_read_written_checked_and_exported(name: str) -> None:
    kind = KINDS[name]
    assert name in listed(kind.api) or name in BY_SCOPE
    assert kind.permissions and set(kind.needed) <= {p for ps in needed().values() for p in ps}
    assert exported(name) and type_of(name).name.startswith("google_")
    assert kind.replacing and kind.noun
    if kind.api is Api.COMPUTE:
        assert kind.schema in schemas("compute")
        assert kind.quotas
        service = service_of(name)
        assert compute_service(service.module, service.client)
        assert hasattr(compute_types(), f"Insert{service.singular}Request")


BUCKET = kinds._compute(
    "backendBucket",
    "backendBuckets",
    "backend bucket",
    "BackendBucket",
    Step.FRONTENDS,
    update=Update.PATCH,
    listed=True,
    quotas=("BACKEND_BUCKETS",),
    permissions=("create", "use"),
    terraform="google_compute_backend_bucket",
    deleting="its files are no longer served",
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Kind:
    """The row, for the time of a test."""
    assert "backendBucket" not in KINDS, "it is real now: choose another kind for this test"
    monkeypatch.setitem(KINDS, "backendBucket", BUCKET)  # type: ignore[arg-type]
    known = {"name": KNOWN, "bucket_name": KNOWN, "description": KNOWN, "project": KNOWN}
    monkeypatch.setitem(ARGUMENTS, BUCKET.terraform, known)  # type: ignore[arg-type]
    return BUCKET


def wanted(**body: Any) -> Desired:
    """The function in desired/: one resource."""
    context = Context(spec_of({}), Observed())
    name = "shop-files"
    found: Resource = context.resource("backendBucket", name, {"name": name, **body}, what="files")
    return Desired("shop", (found,))


def test_a_new_kind_is_a_row_and_a_function(bucket: Kind) -> None:
    cloud, seen = IdealCloud(), Observed()
    first = wanted(bucketName="files")

    def planned(target: Desired) -> Plan:
        return Plan(tuple(diff(target, cloud.live, seen)), "shop")

    plan = planned(first)
    assert [(c.action, c.step) for c in plan.to_do] == [(Action.CREATE, Step.FRONTENDS)]
    cloud.apply(plan, seen)
    assert planned(first).empty

    changed = planned(wanted(bucketName="other"))
    assert [(c.action, c.fields) for c in changed.to_do] == [(Action.UPDATE, ("bucketName",))]

    gone = planned(replace(first, resources=()))
    assert [(c.action, c.disrupts) for c in gone.to_do] == [
        (Action.DELETE, "its files are no longer served")
    ]
    down = teardown.plan(first, cloud.live)
    assert [(c.action, c.key.kind) for c in down.to_do] == [(Action.DELETE, "backendBucket")]


def test_a_new_kind_is_read_written_counted_and_exported(bucket: Kind) -> None:
    assert "backendBucket" in listed(Api.COMPUTE)
    service = service_of("backendBucket")
    assert compute_service(service.module, service.client).__name__ == "BackendBucketsClient"
    assert hasattr(compute_types(), f"Insert{service.singular}Request")
    assert bucket.needed == ("compute.backendBuckets.create", "compute.backendBuckets.use")
    assert set(bucket.needed) <= set(needed()["roles/compute.loadBalancerAdmin"])
    main = export(wanted(bucketName="files"), {}, Observed(), Plan(), project="p")["main.tf"]
    assert 'resource "google_compute_backend_bucket" "shop_files"' in main
    assert 'bucket_name = "files"' in " ".join(main.split())
