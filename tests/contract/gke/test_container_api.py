"""The GKE API, through Google's own discovery client."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from googleapiclient import discovery, errors

PROJECT = "shop-rehearsal"
PARENT = f"projects/{PROJECT}/locations"


@pytest.fixture
def gke(stage: Callable[..., Any]) -> Any:
    sim = stage("empty").sim
    import google_auth_httplib2
    import httplib2
    from google.auth.credentials import AnonymousCredentials

    http = google_auth_httplib2.AuthorizedHttp(AnonymousCredentials(), httplib2.Http())
    with discovery.build(
        "container", "v1", http=http, client_options={"api_endpoint": sim.url}
    ) as made:
        yield made


def test_clusters_of_all_locations(gke: Any) -> None:
    clusters = gke.projects().locations().clusters()
    found = clusters.list(parent=f"{PARENT}/-").execute()["clusters"]
    assert [(c["name"], c["location"], c["status"]) for c in found] == [
        ("blue", "us-central1", "RUNNING"),
        ("green", "europe-west1", "RUNNING"),
    ]
    only = clusters.list(parent=f"{PARENT}/europe-west1").execute()["clusters"]
    assert [c["name"] for c in only] == ["green"]
    assert clusters.list(parent=f"{PARENT}/asia-east1").execute() == {}
    assert clusters.list(parent="projects/other-project/locations/-").execute() == {}


def test_a_cluster_can_be_reached_with_what_it_says(gke: Any) -> None:
    import ssl
    import urllib.request

    name = f"{PARENT}/us-central1/clusters/blue"
    blue = gke.projects().locations().clusters().get(name=name).execute()
    assert blue["locations"] == ["us-central1-a", "us-central1-b", "us-central1-c"]
    assert blue["ipAllocationPolicy"]["useIpAliases"] is True
    assert blue["currentNodeCount"] == 3
    assert blue["workloadIdentityConfig"] == {"workloadPool": f"{PROJECT}.svc.id.goog"}
    (pool,) = blue["nodePools"]
    assert "tags" not in pool["config"]
    assert blue["selfLink"].endswith(name)
    ca = base64.b64decode(blue["masterAuth"]["clusterCaCertificate"]).decode()
    x509.load_pem_x509_certificate(ca.encode())
    context = ssl.create_default_context(cadata=ca)
    request = urllib.request.Request(
        f"https://{blue['endpoint']}/api/v1/nodes", headers={"Authorization": "Bearer any"}
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(request, timeout=30) as answer:
        assert answer.status == 200


def test_node_pools_operations_and_versions(gke: Any) -> None:
    locations = gke.projects().locations()
    pools = locations.clusters().nodePools()
    parent = f"{PARENT}/us-central1/clusters/blue"
    assert [p["name"] for p in pools.list(parent=parent).execute()["nodePools"]] == ["default-pool"]
    valid = locations.getServerConfig(name=f"{PARENT}/us-central1").execute()["validNodeVersions"]
    assert locations.operations().list(parent=f"{PARENT}/-").execute() == {}
    name = f"{parent}/nodePools/default-pool"
    started = pools.update(name=name, body={"nodeVersion": valid[1]}).execute()
    assert (started["operationType"], started["status"]) == ("UPGRADE_NODES", "RUNNING")
    again = locations.operations().get(name=f"{PARENT}/us-central1/operations/{started['name']}")
    assert again.execute()["status"] == "RUNNING"
    with pytest.raises(errors.HttpError) as refused:
        pools.update(name=name, body={"nodeVersion": valid[1]}).execute()
    assert refused.value.status_code == 400


def test_what_is_not_there_is_not_found(gke: Any) -> None:
    clusters = gke.projects().locations().clusters()
    with pytest.raises(errors.HttpError) as absent:
        clusters.get(name=f"{PARENT}/us-central1/clusters/green").execute()
    assert absent.value.status_code == 404
    assert "Not found: projects/shop-rehearsal/locations/us-central1/clusters/green" in str(
        absent.value
    )
    with pytest.raises(errors.HttpError) as later:
        clusters.getJwks(parent=f"{PARENT}/us-central1/clusters/blue").execute()
    assert later.value.status_code == 400
