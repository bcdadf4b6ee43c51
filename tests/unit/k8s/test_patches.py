"""Patches and server-side apply, against plain models of what they mean."""

from typing import Any

import pytest
from gcpsim.k8s.patch import fieldsets, patches
from gcpsim.k8s.patch.apply import Owner, apply, track_update
from gcpsim.k8s.patch.fieldsets import fields_of, from_fields_v1, to_fields_v1
from gcpsim.k8s.types.documents import copy_of
from gcpsim.k8s.types.shapes import model
from gcpsim.k8s.types.status import StatusError
from hypothesis import given
from hypothesis import strategies as st

NOW = "2026-09-21T14:13:20Z"
names = st.sampled_from(["a", "b", "c", "d", "x/y", "~"])
scalars = st.one_of(st.booleans(), st.integers(-5, 5), st.sampled_from(["", "text"]))
documents = st.recursive(
    st.dictionaries(names, scalars, max_size=4),
    lambda inner: st.dictionaries(names, st.one_of(scalars, inner, st.lists(inner, max_size=3))),
    max_leaves=12,
)
labels = st.dictionaries(names, st.sampled_from(["1", "2"]), max_size=4)


def merge_patch_between(before: Any, after: Any) -> Any:
    """The merge patch that leads from one document to the other."""
    patch = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif isinstance(value, dict) and isinstance(before[name], dict):
            patch[name] = merge_patch_between(before[name], value)
        elif value != before[name] or type(value) is not type(before[name]):
            patch[name] = value
    return patch


@given(documents, documents)
def test_a_merge_patch_leads_from_any_document_to_any_other(before: Any, after: Any) -> None:
    kept = copy_of(before)
    patch = merge_patch_between(before, after)
    result = patches.merge_patch(before, patch)
    assert result == after
    assert patches.merge_patch(result, patch) == after
    assert before == kept


@given(documents, documents)
def test_a_json_patch_leads_from_any_document_to_any_other(before: Any, after: Any) -> None:
    import jsonpatch

    kept = copy_of(before)
    assert patches.json_patch(before, jsonpatch.make_patch(before, after).patch) == after
    assert before == kept


WORDS = ["add", "remove", "replace", "move", "copy", "test", "/a", "/a/0", "/a/-", "a", ""]
operations = st.dictionaries(
    st.sampled_from(["op", "path", "value", "from"]), st.one_of(scalars, st.sampled_from(WORDS))
)


@given(documents, st.lists(operations, max_size=4))
def test_a_wrong_json_patch_is_refused_and_nothing_else(before: Any, operations: Any) -> None:
    try:
        assert isinstance(patches.json_patch(before, operations), dict)
    except StatusError as error:
        assert error.code in (400, 422)


# Strategic merges, on the ports of a container, which merge by containerPort

PORTS = model("V1Container")
numbers = st.integers(1, 6)
port_lists = st.lists(numbers, unique=True, max_size=5).map(
    lambda found: [{"containerPort": number, "name": f"n{number}"} for number in found]
)


@given(port_lists, st.lists(st.tuples(numbers, st.sampled_from(["keep", "name", "delete"])),
                            unique_by=lambda pair: pair[0], max_size=5))  # fmt: skip
def test_strategic_list_merge_equals_a_merge_of_dicts(
    live: list[Any], changes: list[tuple[int, str]]
) -> None:
    expected = {port["containerPort"]: dict(port) for port in live}
    patch: list[Any] = []
    for number, action in changes:
        if action == "delete":
            expected.pop(number, None)
            patch.append({"containerPort": number, "$patch": "delete"})
        else:
            change = {"name": "new"} if action == "name" else {}
            expected.setdefault(number, {"containerPort": number}).update(change)
            patch.append({"containerPort": number, **change})
    result = patches.strategic_merge({"ports": live}, {"ports": patch}, PORTS)
    assert {port["containerPort"]: port for port in result["ports"]} == expected
    assert patches.strategic_merge(result, {"ports": patch}, PORTS) == result


@given(port_lists, st.permutations([1, 2, 3, 4, 5, 6]), st.integers(0, 6))
def test_the_order_of_set_element_order_holds(
    live: list[Any], order: list[int], count: int
) -> None:
    wanted = order[:count]
    directive = {"$setElementOrder/ports": [{"containerPort": number} for number in wanted]}
    result = patches.strategic_merge({"ports": live}, directive, PORTS)
    left = [port["containerPort"] for port in result.get("ports", [])]
    before = [port["containerPort"] for port in live]
    assert sorted(left) == sorted(before)
    assert [number for number in left if number in wanted] == [n for n in wanted if n in before]
    unnamed = [number for number in before if number not in wanted]
    assert [number for number in left if number not in wanted] == unnamed


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
         {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
         {"strategy": {"type": "Recreate"}}),
        ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}},
         {"strategy": {"$patch": "replace", "type": "Recreate"}},
         {"strategy": {"type": "Recreate"}}),
        ({"strategy": {"type": "Recreate"}, "paused": True},
         {"strategy": {"$patch": "delete"}},
         {"paused": True}),
        ({"paused": True, "replicas": 1}, {"paused": None}, {"replicas": 1}),
        ({"selector": {"matchLabels": {"a": "1"}}}, {"selector": {"matchLabels": {"b": "2"}}},
         {"selector": {"matchLabels": {"a": "1", "b": "2"}}}),
    ],
)  # fmt: skip
def test_directives_on_maps(live: Any, patch: Any, expected: Any) -> None:
    assert patches.strategic_merge(live, patch, model("V1DeploymentSpec")) == expected


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        (["a", "b"], {"finalizers": ["c", "a"]}, ["a", "b", "c"]),
        (["a", "b"], {"$deleteFromPrimitiveList/finalizers": ["a"]}, ["b"]),
        (["a", "b"], {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"],
                      "$setElementOrder/finalizers": ["c", "b"]}, ["c", "b"]),
        (["a"], {"finalizers": None}, None),
    ],
)  # fmt: skip
def test_directives_on_lists_of_words(live: Any, patch: Any, expected: Any) -> None:
    result = patches.strategic_merge({"finalizers": live}, patch, model("V1ObjectMeta"))
    assert result.get("finalizers") == expected


def test_a_list_can_be_replaced_as_a_whole() -> None:
    live = {"ports": [{"containerPort": 1}, {"containerPort": 2}]}
    patch = {"ports": [{"$patch": "replace"}, {"containerPort": 3}]}
    assert patches.strategic_merge(live, patch, PORTS) == {"ports": [{"containerPort": 3}]}


# Field sets and server-side apply


@given(labels, port_lists)
def test_field_sets_survive_being_written(found: Any, ports: list[Any]) -> None:
    spec = {"containers": [{"name": "c", "ports": ports}], "nodeSelector": found}
    fields = fields_of({"metadata": {"labels": found}, "spec": spec}, model("V1Pod"))
    assert from_fields_v1(to_fields_v1(fields)) == fields


def owner(manager: str, operation: str = "Apply") -> Owner:
    return Owner(manager, operation, "v1")


def config(data: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "c"}, "data": data}


@given(
    st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), labels), min_size=1, max_size=6)
)
def test_forced_applies_follow_a_model_of_ownership(steps: list[tuple[str, Any]]) -> None:
    """Model: who holds which key. A manager's keys that it drops and nobody else holds, go."""
    live: dict[str, Any] = {"metadata": {"name": "c"}}
    data: dict[str, str] = {}
    held: dict[str, set[str]] = {}
    for manager, wanted in steps:
        live = apply(live, config(wanted), model("V1ConfigMap"), owner(manager), True, NOW)
        for other, keys in held.items():
            if other != manager:
                keys -= {key for key in wanted if data.get(key) != wanted[key]}
        dropped = held.get(manager, set()) - set(wanted)
        held[manager] = set(wanted)
        for key in dropped:
            if not any(key in keys for keys in held.values()):
                data.pop(key)
        data.update(wanted)
        assert live.get("data", {}) == data
        owned = {
            entry["manager"]: {
                path[1][2:] for path in from_fields_v1(entry["fieldsV1"]) if path[1:]
            }
            for entry in live["metadata"].get("managedFields", ())
        }
        assert {name: keys for name, keys in owned.items() if keys} == {
            name: keys for name, keys in held.items() if keys
        }


@given(labels, labels)
def test_an_unforced_apply_conflicts_exactly_where_values_differ(mine: Any, theirs: Any) -> None:
    live = apply({"metadata": {"name": "c"}}, config(theirs), model("V1ConfigMap"), owner("them"),
                 False, NOW)  # fmt: skip
    different = {key for key in mine if key in theirs and mine[key] != theirs[key]}
    try:
        apply(live, config(mine), model("V1ConfigMap"), owner("me"), False, NOW)
        assert not different
    except StatusError as error:
        fields = {cause["field"] for cause in error.details["causes"]}
        assert (error.code, fields) == (409, {f".data.{key}" for key in different})


def test_an_update_takes_the_fields_that_it_changes() -> None:
    live = apply({"metadata": {"name": "c"}}, config({"a": "1", "b": "1"}), model("V1ConfigMap"),
                 owner("one"), False, NOW)  # fmt: skip
    new = {**live, "metadata": {**live["metadata"]}, "data": {"a": "2", "c": "3"}}
    track_update(live, new, model("V1ConfigMap"), owner("two", "Update"), NOW)
    entries = {entry["manager"]: entry["fieldsV1"] for entry in new["metadata"]["managedFields"]}
    assert entries == {"two": {"f:data": {"f:a": {}, "f:c": {}}}}


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields}


def test_list_items_belong_to_who_applied_them() -> None:
    def spec(*containers: Any) -> dict[str, Any]:
        return {"metadata": {"name": "p"}, "spec": {"containers": list(containers)}}

    pod = model("V1Pod")
    web = container("web", image="w:1", ports=[{"containerPort": 80, "protocol": "TCP"}])
    live = apply({"metadata": {"name": "p"}}, spec(web), pod, owner("one"), False, NOW)
    live = apply(live, spec(container("proxy", image="p")), pod, owner("two"), False, NOW)
    live = apply(live, spec(container("web", image="w:2")), pod, owner("one"), False, NOW)
    web, proxy = container("web", image="w:2"), container("proxy", image="p")
    assert live["spec"]["containers"] == [web, proxy]
    live = apply(live, spec(), pod, owner("two"), False, NOW)
    assert [item["name"] for item in live["spec"]["containers"]] == ["web"]


def test_an_items_default_key_is_part_of_its_name() -> None:
    port = {"containerPort": 80}
    ports = PORTS.child("ports")
    assert fieldsets.item_key(port, ports) == 'k:{"containerPort":80,"protocol":"TCP"}'


def test_a_field_that_another_manager_set_inside_an_item_keeps_the_item() -> None:
    def spec(**fields: Any) -> dict[str, Any]:
        return {"metadata": {"name": "p"}, "spec": {"containers": [container("web", **fields)]}}

    pod = model("V1Pod")
    live = apply({"metadata": {"name": "p"}}, spec(image="w"), pod, owner("one"), False, NOW)
    live = apply(live, spec(tty=True), pod, owner("two"), False, NOW)
    empty = {"metadata": {"name": "p"}}
    live = apply(live, empty, pod, owner("one"), False, NOW)
    assert live["spec"]["containers"] == [container("web", tty=True)]
    live = apply(live, empty, pod, owner("two"), False, NOW)
    assert not live.get("spec", {}).get("containers")


def test_items_that_share_a_key_are_refused_when_applied_and_kept_when_live() -> None:
    pod = model("V1Pod")
    two = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    live = {"metadata": {"name": "p"}, "spec": {"containers": [container("web", env=two)]}}
    other = {"spec": {"containers": [container("web", env=[{"name": "B", "value": "3"}])]}}
    merged = apply(live, other, pod, owner("one"), False, NOW)
    names_now = [item["name"] for item in merged["spec"]["containers"][0]["env"]]
    assert names_now == ["A", "A", "B"]
    with pytest.raises(StatusError, match="duplicate entries for key"):
        apply(live, live, pod, owner("one"), False, NOW)


def test_removing_the_last_label_leaves_no_empty_map() -> None:
    maps = model("V1ConfigMap")
    labelled = {"metadata": {"name": "c", "labels": {"a": "1"}}}
    live = apply({"metadata": {"name": "c"}}, labelled, maps, owner("one"), False, NOW)
    live = apply(live, {"metadata": {"name": "c"}}, maps, owner("one"), False, NOW)
    assert "labels" not in live["metadata"]
