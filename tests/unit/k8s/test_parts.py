"""Small parts of the simulated Kubernetes API, one table each."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gcpsim.core.clock import Clock
from gcpsim.core.store import Store
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.print.jsonpath import find
from gcpsim.k8s.print.shown import human, selector_text
from gcpsim.k8s.types.quantity import amount, canonical, is_quantity
from gcpsim.k8s.types.registry import BUILT_IN
from gcpsim.k8s.types.selectors import label_test, selector_test
from gcpsim.k8s.types.shapes import Type, model
from gcpsim.k8s.types.status import StatusError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"),
     (600, "10m"), (3 * 3600 - 1, "179m"), (3 * 3600, "3h"), (7 * 3600 + 60, "7h1m"),
     (8 * 3600, "8h"), (47 * 3600, "47h"), (48 * 3600, "2d"), (50 * 3600, "2d2h"),
     (8 * 86400, "8d"), (400 * 86400, "400d"), (800 * 86400, "2y70d"), (3000 * 86400, "8y")],
)  # fmt: skip
def test_ages(seconds: int, text: str) -> None:
    assert human(seconds) == text


@pytest.mark.parametrize(
    ("written", "stored"),
    [("1000m", "1"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("1024Mi", "1Gi"), ("64Mi", "64Mi"),
     ("2000", "2k"), ("1500", "1500"), ("0.5Ki", "512"), ("1e3", "1e3"), ("12e2", "1200"),
     ("0", "0"), ("100M", "100M"), ("-1", "-1"), ("0.1n", "1n"), ("1", "1"), ("250m", "250m")],
)  # fmt: skip
def test_quantities_are_stored_in_canonical_form(written: str, stored: str) -> None:
    assert canonical(written) == stored


@given(st.integers(-(10**6), 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3"]))
def test_canonical_quantities_keep_their_value(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert amount(canonical(text)) == amount(text)
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "--1", "1e", "Mi", "1" * 80])
def test_what_is_no_quantity(text: str) -> None:
    assert not is_quantity(text)


LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [("app=web", True), ("app==web", True), ("app!=web", False), ("other!=web", True),
     ("app", True), ("!app", False), ("!other", True), ("app in (web,api)", True),
     ("app notin (web)", False), ("other notin (web)", True), ("app=web,tier=back", False),
     (" app = web , tier in ( front ) ", True), ("app=", False), ("", True)],
)  # fmt: skip
def test_label_selectors(selector: str, matches: bool) -> None:
    test = label_test(selector)
    obj = {"metadata": {"name": "x", "labels": LABELS}}
    assert (test is None or test(obj)) is matches


@pytest.mark.parametrize("selector", ["app=web=x", "app in web", "=x", "a b", "app=web,", "app=-"])
def test_broken_label_selectors(selector: str) -> None:
    with pytest.raises(StatusError) as caught:
        label_test(selector)
    assert caught.value.code == 400


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")),
       st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=1))  # fmt: skip
def test_a_selector_object_and_its_text_agree(labels: Any, wanted: Any) -> None:
    selector = {"matchLabels": wanted}
    test = label_test(selector_text(selector))
    assert test is not None
    assert test({"metadata": {"labels": labels}}) is selector_test(selector)(labels)


@pytest.mark.parametrize(
    ("path", "values"),
    [(".a.b", [1]), (".list[0].n", ["x"]), (".list[*].n", ["x", "y"]), (".none", []),
     ('.list[?(@.n=="y")].v', [2]), (".a['b']", [1]), (".a\\.b", [3]), (".list[9]", [])],
)  # fmt: skip
def test_json_paths_of_printer_columns(path: str, values: list[Any]) -> None:
    doc = {"a": {"b": 1}, "a.b": 3, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]}
    assert find(doc, path) == values


def test_types_agree_with_the_clients_models() -> None:
    """The types are read from the models' source; here they are compared with the models."""
    from kubernetes import client

    seen: set[str] = set()

    def compare(type: Type) -> None:
        if type.kind == "object" and type.name and type.name not in seen:
            seen.add(type.name)
            cls = getattr(client, type.name)
            assert set(cls.attribute_map.values()) == set(type.fields), type.name
            needed = [name for name, field in cls.model_fields.items() if field.is_required()]
            assert len(needed) == len(type.required), type.name
            for field in type.fields.values():
                compare(field)
        if type.items is not None:
            compare(type.items)

    for resource in BUILT_IN:
        compare(model(resource.model))
    assert len(seen) > 300


def test_the_server_does_not_import_the_client() -> None:
    code = (
        "import sys; import gcpsim.k8s.api.http; from gcpsim.k8s.types.shapes import model; "
        "model('V1Pod').child('spec').fields; print('kubernetes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_cluster_is_as_it_was_after_a_restart(tmp_path: Path) -> None:
    def opened() -> tuple[Store, Cluster]:
        store, clock = Store(tmp_path), Clock(paused=True, start=1_790_000_000.0)
        made = Cluster("blue", project="p", location="us-central1", zones=["us-central1-a"],
                       store=store, clock=clock)  # fmt: skip
        store.commit()
        return store, made

    store, before = opened()
    before.create("configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}})
    store.commit()
    version = before.resource_version()
    before.create("configmaps", {"metadata": {"name": "unanswered"}})
    store.roll_back()
    store.close()
    store, after = opened()
    assert (after.uid, after.resource_version()) == (before.uid, version)
    assert after.list("configmaps", "default") == before.list("configmaps", "default")
    assert {item["metadata"]["name"] for item in after.list("customresourcedefinitions")} >= {
        "servicenetworkendpointgroups.networking.gke.io"
    }
    assert after.history.since("configmaps", version - 1) is None
    assert after.history.since("configmaps", version) == []
    store.close()


def test_a_roll_back_takes_new_kinds_and_events_with_it() -> None:
    store = Store()
    cluster = Cluster("blue", project="p", location="us-central1", zones=["us-central1-a"],
                      store=store, clock=Clock(paused=True, start=1_790_000_000.0))  # fmt: skip
    store.commit()
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    start = cluster.resource_version()
    cluster.create(
        "customresourcedefinitions", {"metadata": {"name": "widgets.example.com"}, "spec": spec}
    )
    cluster.create("widgets.example.com", {"metadata": {"name": "w"}})
    assert cluster.registry.by_path("example.com", "v1", "widgets") is not None
    store.roll_back()
    assert cluster.registry.by_path("example.com", "v1", "widgets") is None
    assert cluster.history.since("widgets.example.com", start) == []
    assert cluster.resource_version() == start
