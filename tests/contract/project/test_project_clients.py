"""Resource Manager and Service Usage through google-api-python-client."""

from typing import Any

import google.api_core.exceptions as refused
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery, errors


def build(sim: Any, name: str, version: str) -> Any:
    options = {"api_endpoint": sim.url}
    return discovery.build(
        name, version, credentials=AnonymousCredentials(), client_options=options
    )


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_permissions(sim: Any, project: str, version: str) -> None:
    body = {"permissions": ["dns.changes.create", "compute.urlMaps.get"]}
    resource = project if version == "v1" else f"projects/{project}"
    with build(sim, "cloudresourcemanager", version) as service:
        asked = service.projects().testIamPermissions(resource=resource, body=body)
        assert asked.execute() == body
        sim.admin("POST", "stage/permissions", {"project": project, "deny": ["dns.*"]})
        assert asked.execute() == {"permissions": ["compute.urlMaps.get"]}
    with pytest.raises(refused.Forbidden):
        sim.dns(project).zone("z", f"{project}.example.com.", "d").create()


@pytest.mark.parametrize(("version", "field"), [("v1", "lifecycleState"), ("v3", "state")])
def test_a_project(sim: Any, project: str, version: str, field: str) -> None:
    key = {"projectId": project} if version == "v1" else {"name": f"projects/{project}"}
    with build(sim, "cloudresourcemanager", version) as service:
        found = service.projects().get(**key).execute()
    assert (found["projectId"], found[field]) == (project, "ACTIVE")


def test_a_disabled_service_refuses_everything(sim: Any, project: str) -> None:
    name = f"projects/{project}/services/dns.googleapis.com"
    with build(sim, "serviceusage", "v1") as service:
        services = service.services()
        assert services.get(name=name).execute()["state"] == "ENABLED"
        operation = services.disable(name=name, body={}).execute()
        done = service.operations().get(name=operation["name"]).execute()
        assert done["done"] is True
        both = [name, f"projects/{project}/services/compute.googleapis.com"]
        got = services.batchGet(parent=f"projects/{project}", names=both).execute()
        assert [one["state"] for one in got["services"]] == ["DISABLED", "ENABLED"]
        with build(sim, "dns", "v1") as dns, pytest.raises(errors.HttpError) as caught:
            dns.managedZones().list(project=project).execute()
        assert caught.value.status_code == 403
        assert "Cloud DNS API has not been used in project" in str(caught.value)
        services.enable(name=name, body={}).execute()
        with build(sim, "dns", "v1") as dns:
            dns.managedZones().list(project=project).execute()


def test_a_permission_fault_strikes_the_call_that_needs_it_as_often_as_it_says(
    start_sim: Any, project: str
) -> None:
    sim = start_sim("--time-scale", "0")
    sim.admin("POST", "faults", {"effect": "permission", "permission": "dns.managedZones.create"})
    client = sim.dns(project)
    assert list(client.list_zones()) == []
    with pytest.raises(refused.Forbidden):
        client.zone("z", f"{project}.example.com.", "d").create()
    client.zone("z", f"{project}.example.com.", "d").create()


def test_what_libraries_ask_in_the_background_is_not_there(sim: Any) -> None:
    path = "/v1/projects/-/serviceAccounts/a@example.com/allowedLocations"
    host = {"Host": "iamcredentials.googleapis.com"}
    assert sim.http("GET", path, headers=host)[0] == 404
    assert sim.http("GET", path)[0] == 404
