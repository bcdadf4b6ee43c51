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


def test_service_accounts_are_made_given_policies_and_deleted(sim: Any, project: str) -> None:
    email = f"night-runs@{project}.iam.gserviceaccount.com"
    name = f"projects/{project}/serviceAccounts/{email}"
    with build(sim, "iam", "v1") as iam:
        accounts = iam.projects().serviceAccounts()
        place = {"name": f"projects/{project}"}
        made = {"accountId": "night-runs", "serviceAccount": {"displayName": "Night"}}
        account = accounts.create(**place, body=made).execute()
        assert (account["name"], account["displayName"]) == (name, "Night")
        assert email in [one["email"] for one in accounts.list(**place).execute()["accounts"]]
        for body, code, words in (
            (made, 409, "already exists within project"),
            ({"accountId": "me"}, 400, "Invalid service account ID"),
        ):
            with pytest.raises(errors.HttpError, match=words) as caught:
                accounts.create(**place, body=body).execute()
            assert caught.value.resp.status == code
        binding = {"role": "roles/iam.workloadIdentityUser", "members": ["user:a@example.com"]}
        policy = {"policy": {"bindings": [binding]}}
        accounts.setIamPolicy(resource=name, body=policy).execute()
        assert accounts.getIamPolicy(resource=name).execute()["bindings"] == [binding]
        accounts.delete(name=name).execute()
        with pytest.raises(errors.HttpError, match="Unknown service account"):
            accounts.get(name=name).execute()
        ours = f"projects/{project}/serviceAccounts/rehearsal@{project}.iam.gserviceaccount.com"
        with pytest.raises(errors.HttpError, match="can't be deleted"):
            accounts.delete(name=ours).execute()


def test_what_libraries_ask_in_the_background_is_not_there(sim: Any) -> None:
    path = "/v1/projects/-/serviceAccounts/a@example.com/allowedLocations"
    host = {"Host": "iamcredentials.googleapis.com"}
    assert sim.http("GET", path, headers=host)[0] == 404
    assert sim.http("GET", path)[0] == 404
