"""Watches, through the official client and over bare sockets where the wire matters."""

import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_objects import configmap, pod, running
from gcpsim.k8s.objects import history
from kubernetes import client as k8s
from kubernetes import watch
from kubernetes.client.exceptions import ApiException
from served import Api

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@contextlib.contextmanager
def lines(api: Api, path: str, accept: str = "application/json") -> Iterator[Iterator[Any]]:
    """The events of a watch as they come."""
    request = urllib.request.Request(api.url + path, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        yield (json.loads(line) for line in answer)


def named(events: Iterator[Any], count: int) -> list[tuple[str, str]]:
    found = [next(events) for _ in range(count)]
    return [(event["type"], event["object"]["metadata"]["name"]) for event in found]


def test_the_clients_watch_sees_what_is_there_and_what_changes(api: Api, client: Any) -> None:
    core = k8s.CoreV1Api(client)
    core.create_namespaced_pod("default", pod("p"))
    seen: list[tuple[str, str]] = []
    stream = watch.Watch()
    for event in stream.stream(core.list_namespaced_pod, "default", timeout_seconds=20):
        seen.append((event["type"], event["object"].status.phase))
        if len(seen) == 1:
            obj = api.cluster.get("pods", "default", "p")
            assert obj is not None
            api.cluster.update("pods", running(obj), "status")
        elif len(seen) == 2:
            api.cluster.delete("pods", "default", "p", grace_seconds=0)
        else:
            stream.stop()
    assert seen == [("ADDED", "Pending"), ("MODIFIED", "Running"), ("DELETED", "Running")]


def test_a_watch_continues_where_a_list_ended(api: Api) -> None:
    version = api.cluster.resource_version()
    api.cluster.create("configmaps", configmap("a"))
    api.cluster.create("secrets", {"metadata": {"name": "not-watched"}})
    api.cluster.delete("configmaps", "default", "a")
    path = f"/api/v1/configmaps?watch=1&resourceVersion={version}"
    with lines(api, path) as events:
        assert named(events, 2) == [("ADDED", "a"), ("DELETED", "a")]
        api.cluster.create("configmaps", configmap("b"))
        assert named(events, 1) == [("ADDED", "b")]


def test_a_selector_turns_changes_into_arrivals_and_departures(api: Api) -> None:
    api.cluster.create("pods", pod("p", {"app": "x"}))
    version = api.cluster.resource_version()
    path = (
        f"/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dx&resourceVersion={version}"
    )
    with lines(api, path) as events:
        for value in ("y", "x"):
            api.cluster.patch("pods", "default", "p", {"metadata": {"labels": {"app": value}}})
        api.cluster.patch("pods", "default", "p", {"metadata": {"labels": {"more": "1"}}})
        api.cluster.delete("pods", "default", "p", grace_seconds=0)
        seen = [next(events) for _ in range(4)]
    assert [event["type"] for event in seen] == ["DELETED", "ADDED", "MODIFIED", "DELETED"]
    gone = seen[0]["object"]["metadata"]
    assert gone["labels"] == {"app": "x"}
    assert int(gone["resourceVersion"]) == version + 1


def test_one_objects_watch_ends_with_its_deletion(api: Api) -> None:
    api.cluster.create("configmaps", configmap("a"))
    api.cluster.create("configmaps", configmap("b"))
    path = "/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%3Da"
    with lines(api, path) as events:
        assert named(events, 1) == [("ADDED", "a")]
        api.cluster.delete("configmaps", "default", "b")
        api.cluster.delete("configmaps", "default", "a")
        assert named(events, 1) == [("DELETED", "a")]


def test_a_forgotten_version_is_gone(
    api: Api, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEEP", 10)
    for number in range(40):
        api.cluster.create("configmaps", configmap(f"c{number}"))
    with lines(api, "/api/v1/configmaps?watch=1&resourceVersion=3") as events:
        event = next(events)
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert event["object"]["reason"] == "Expired"
    core = k8s.CoreV1Api(client)
    with pytest.raises(ApiException) as caught:
        for _ in watch.Watch().stream(
            core.list_config_map_for_all_namespaces, resource_version="3", timeout_seconds=5
        ):
            pass
    assert caught.value.status == 410


def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    api.cluster.create("configmaps", configmap("a"))
    path = (
        "/api/v1/namespaces/default/configmaps?watch=1&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    )
    with lines(api, path) as events:
        assert named(events, 2) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt")]
        bookmark = next(events)
    assert bookmark["type"] == "BOOKMARK"
    metadata = bookmark["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert metadata["resourceVersion"] == str(api.cluster.resource_version())


def test_a_watch_ends_in_time_with_a_last_bookmark(api: Api) -> None:
    with lines(api, "/api/v1/secrets?watch=1&timeoutSeconds=1&allowWatchBookmarks=1") as events:
        seen = [event["type"] for event in events]
    assert seen == ["BOOKMARK"]


def test_table_events_for_kubectl(api: Api) -> None:
    api.cluster.create("pods", pod("p"))
    with lines(api, "/api/v1/pods?watch=1", TABLE) as events:
        table = next(events)["object"]
    assert table["kind"] == "Table"
    assert table["rows"][0]["cells"][:4] == ["p", "0/1", "Pending", "0"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_what_was_rolled_back_is_not_watched(api: Api) -> None:
    version = api.cluster.resource_version()

    def fails() -> None:
        api.cluster.create("configmaps", configmap("never"))
        raise KeyError

    with pytest.raises(KeyError):
        api.world.transact(fails)
    api.world.transact(lambda: api.cluster.create("configmaps", configmap("real")))
    with lines(api, f"/api/v1/configmaps?watch=1&resourceVersion={version}") as events:
        assert named(events, 1) == [("ADDED", "real")]


def test_thirty_watches_lose_nothing(api: Api) -> None:
    count, watches = 600, 30
    seen: list[list[str]] = []
    ready = threading.Barrier(watches + 1)

    def follow() -> None:
        path = f"/api/v1/configmaps?watch=1&resourceVersion={api.cluster.resource_version()}"
        with lines(api, path) as events:
            ready.wait(20)
            seen.append([name for _, name in named(events, count)])

    threads = [threading.Thread(target=follow) for _ in range(watches)]
    for thread in threads:
        thread.start()
    ready.wait(20)
    expected = [f"c{number}" for number in range(count)]
    for name in expected:
        api.cluster.create("configmaps", configmap(name))
    for thread in threads:
        thread.join(60)
    assert seen == [expected] * watches


def test_a_cluster_that_goes_away_cuts_its_watches(api: Api) -> None:
    with lines(api, "/api/v1/secrets?watch=1") as events:
        api.cluster.api_available = False
        with pytest.raises((ConnectionError, OSError, StopIteration)):
            next(events)
    with pytest.raises(OSError):
        urllib.request.urlopen(api.url + "/version", timeout=5)
    api.cluster.api_available = True
    assert urllib.request.urlopen(api.url + "/readyz", timeout=5).read() == b"ok"
