"""Clients that nobody here wrote: google-api-python-client, with its own discovery and retries."""

from typing import Any

import pytest


@pytest.fixture
def discovered(gce: Any) -> Any:
    """`googleapiclient`'s compute, from the document that comes with it."""
    import httplib2
    from google.auth.credentials import AnonymousCredentials
    from google_auth_httplib2 import AuthorizedHttp
    from googleapiclient.discovery import build

    client = build(
        "compute",
        "v1",
        static_discovery=True,
        client_options={"api_endpoint": f"{gce.sim.url}/compute/v1/"},
        http=AuthorizedHttp(AnonymousCredentials(), http=httplib2.Http()),
    )
    yield client
    client.close()


def test_a_chain(gce: Any, discovered: Any) -> None:
    project = gce.project

    def done(operation: dict[str, Any]) -> None:
        answer = (
            discovered.globalOperations()
            .wait(project=project, operation=operation["name"])
            .execute()
        )
        assert answer["status"] == "DONE"
        assert "error" not in answer

    done(discovered.globalAddresses().insert(project=project, body={"name": "ip"}).execute())
    check = {"name": "hc", "type": "HTTP", "httpHealthCheck": {"port": 80}}
    done(discovered.healthChecks().insert(project=project, body=check).execute())
    link = discovered.healthChecks().get(project=project, healthCheck="hc").execute()["selfLink"]
    service = {"name": "bs", "healthChecks": [link], "loadBalancingScheme": "EXTERNAL_MANAGED"}
    services = discovered.backendServices()
    done(services.insert(project=project, body=service).execute())
    doc = services.get(project=project, backendService="bs").execute()
    doc["timeoutSec"] = 77
    done(services.update(project=project, backendService="bs", body=doc).execute())
    assert services.get(project=project, backendService="bs").execute()["timeoutSec"] == 77
    request = services.list(project=project, maxResults=1)
    names = []
    while request is not None:
        page = request.execute()
        names += [item["name"] for item in page.get("items", [])]
        request = services.list_next(request, page)
    assert names == ["bs"]


def test_errors_and_batches(gce: Any, discovered: Any) -> None:
    from googleapiclient.errors import HttpError
    from googleapiclient.http import BatchHttpRequest

    with pytest.raises(HttpError) as missing:
        discovered.urlMaps().get(project=gce.project, urlMap="none").execute()
    assert missing.value.status_code == 404
    assert missing.value.error_details[0]["reason"] == "notFound"
    answers: list[Any] = []
    # This client takes the batch address from Google's document; only the proxy redirects that.
    batch = BatchHttpRequest(
        callback=lambda number, answer, error: answers.append(answer or error),
        batch_uri=f"{gce.sim.url}/batch/compute/v1",
    )
    for name in ("one", "two"):
        body = {"name": name}
        batch.add(discovered.globalAddresses().insert(project=gce.project, body=body))
    batch.add(discovered.urlMaps().get(project=gce.project, urlMap="none"))
    batch.execute()
    kinds = [getattr(answer, "status_code", None) or answer["kind"] for answer in answers]
    assert kinds == ["compute#operation", "compute#operation", 404]
