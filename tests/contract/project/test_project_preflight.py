"""Projects, permissions and enabled services, as a preflight asks for them."""

from typing import Any

import pytest
from gcpsim.core import projects

NUMBER = projects.number("p")
RM, SU = "cloudresourcemanager", "serviceusage"


def test_any_project_exists(cloud: Any) -> None:
    project = cloud.request(RM, "GET", "projects/p")
    assert project["name"] == f"projects/{NUMBER}"
    assert (project["projectId"], project["state"]) == ("p", "ACTIVE")
    assert cloud.request(RM, "GET", f"projects/{NUMBER}")["projectId"] == "p"
    found = cloud.request(RM, "GET", "projects:search", query="projectId:p")["projects"]
    assert [one["projectId"] for one in found] == ["p"]


ASKED = ["compute.backendServices.get", "dns.changes.create", "certificatemanager.certs.create"]


def granted(cloud: Any, project: str = "p") -> list[str]:
    body = {"permissions": ASKED}
    answer = cloud.request(RM, "POST", f"projects/{project}:testIamPermissions", body)
    found: list[str] = answer.get("permissions", [])
    return found


def test_permissions_are_granted_unless_denied(cloud: Any) -> None:
    assert granted(cloud) == ASKED
    direct = cloud.world.stage["permissions"]
    direct({"project": "p", "deny": ["dns.*"]})
    assert granted(cloud) == [ASKED[0], ASKED[2]]
    assert granted(cloud, "q") == ASKED
    direct({"project": "*", "deny": ["*"]})
    assert granted(cloud, "q") == []
    direct({"project": "*", "allow": ["*"]})
    assert cloud.world.services[RM].granted("p", "dns.changes.create") is False


def test_permission_faults_show_in_the_answer_and_are_not_used_up_by_asking(cloud: Any) -> None:
    fault = {"effect": "permission", "permission": "compute.*"}
    cloud.world.faults.add(fault)
    for _ in range(2):
        assert granted(cloud) == ASKED[1:]
    cloud.world.faults.clear()
    assert granted(cloud) == ASKED


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Request contains an invalid argument."),
        ({"permissions": "x"}, "Request contains an invalid argument."),
        ({"permissions": ["compute.*"]}, "Permission wildcards are not allowed."),
        ({"permissions": ["a.b.c"] * 101}, "At most 100 permissions may be tested at once."),
    ],
)
def test_bad_permission_requests(cloud: Any, body: Any, message: str) -> None:
    error = cloud.refusal(RM, "POST", "projects/p:testIamPermissions", body)
    assert (error.code, error.status, error.message) == (400, "INVALID_ARGUMENT", message)


def test_stage_directions_check_their_arguments(cloud: Any) -> None:
    from gcpsim.core.errors import ApiError

    for verb, args in (
        ("permissions", {"deny": "dns.*"}),
        ("permissions", {"nope": []}),
        ("dns", {"undelegate": "x"}),
        ("certificates", {"rate_limit": "x"}),
        ("services", {"disable": ["x"]}),
    ):
        with pytest.raises(ApiError) as caught:
            cloud.world.stage[verb](args)
        assert caught.value.code == 400
        assert caught.value.message.startswith(f"{verb}: give ")


def test_services_are_enabled_until_disabled(cloud: Any) -> None:
    usage = cloud.world.services[SU]
    name = "projects/p/services/dns.googleapis.com"
    service = cloud.request(SU, "GET", name)
    assert service == {
        "name": f"projects/{NUMBER}/services/dns.googleapis.com",
        "config": {"name": "dns.googleapis.com", "title": "Cloud DNS API"},
        "state": "ENABLED",
        "parent": f"projects/{NUMBER}",
    }
    operation = cloud.request(SU, "POST", f"{name}:disable", {})
    assert operation["done"] is False
    assert usage.is_enabled("p", "dns.googleapis.com")
    cloud.advance(11)
    done = cloud.request(SU, "GET", operation["name"])
    assert done["done"] is True
    assert done["response"]["service"]["state"] == "DISABLED"
    assert not usage.is_enabled("p", "dns.googleapis.com")
    assert not usage.is_enabled(NUMBER, "dns.googleapis.com")
    off = cloud.request(SU, "GET", "projects/p/services", filter="state:DISABLED")["services"]
    assert [one["config"]["name"] for one in off] == ["dns.googleapis.com"]
    services = ["dns.googleapis.com", "compute.googleapis.com"]
    body = {"serviceIds": services}
    operation = cloud.request(SU, "POST", "projects/p/services:batchEnable", body)
    cloud.advance(11)
    done = cloud.request(SU, "GET", operation["name"])
    assert [one["state"] for one in done["response"]["services"]] == ["ENABLED", "ENABLED"]
    again = cloud.request(SU, "POST", f"{name}:enable", {})
    assert (again["name"], again["done"]) == ("operations/noop.DONE_OPERATION", True)


def test_service_lists_and_what_google_does_not_have(cloud: Any) -> None:
    first = cloud.request(SU, "GET", "projects/p/services", pageSize="10")
    rest = cloud.request(SU, "GET", "projects/p/services", pageToken=first["nextPageToken"])
    names = [one["config"]["name"] for one in first["services"] + rest["services"]]
    assert names == sorted(names)
    assert {"compute.googleapis.com", "container.googleapis.com"} <= set(names)
    both = "projects/p/services/dns.googleapis.com,projects/p/services/compute.googleapis.com"
    found = cloud.request(SU, "GET", "projects/p/services:batchGet", names=both)["services"]
    assert len(found) == 2
    error = cloud.refusal(SU, "GET", "projects/p/services/nope.googleapis.com")
    assert (error.code, error.status) == (403, "PERMISSION_DENIED")
    expected = "Not found or permission denied for service(s): nope.googleapis.com."
    assert error.message == expected


@pytest.mark.parametrize(
    ("service", "path"), [(RM, "projects/p/capabilityConfigs"), (SU, "operations")]
)
def test_methods_that_are_missing_here_say_so(cloud: Any, service: str, path: str) -> None:
    assert cloud.refusal(service, "GET", path).code == 400
