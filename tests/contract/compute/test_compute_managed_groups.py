"""Managed instance groups that people make: templates, images, machines that come and go."""

from typing import Any

import pytest
from gcpsim.core.errors import ApiError
from google.api_core.exceptions import BadRequest
from google.cloud import compute_v1

P = "projects/shop"
ZONE = f"{P}/zones/us-central1-a"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
TEMPLATE = {
    "name": "web",
    "properties": {
        "machineType": "e2-small",
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE}}],
        "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{}]}],
        "tags": {"items": ["web"]},
        "metadata": {"items": [{"key": "startup-script", "value": "true"}]},
        "labels": {"app": "web"},
    },
}
GROUP = {"name": "web", "instanceTemplate": "global/instanceTemplates/web", "targetSize": 2}
GROUPS = f"{ZONE}/instanceGroupManagers"


def ask(cloud: Any, path: str, **query: str) -> Any:
    return cloud.request("compute", "GET", path, **query)


def post(cloud: Any, path: str, body: Any = None, **query: str) -> Any:
    return cloud.request("compute", "POST", path, body, **query)


def refused(cloud: Any, method: str, path: str, body: Any = None, **query: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        cloud.request("compute", method, path, body, **query)
    return caught.value


def managed(cloud: Any, path: str = f"{GROUPS}/web") -> list[dict[str, Any]]:
    found = post(cloud, f"{path}/listManagedInstances")
    return sorted(found.get("managedInstances", []), key=lambda one: str(one["name"]))


@pytest.fixture
def web(cloud: Any) -> Any:
    """A template and a group `web` of two machines that run."""
    post(cloud, f"{P}/global/instanceTemplates", TEMPLATE)
    cloud.advance(60)
    post(cloud, GROUPS, GROUP)
    cloud.advance(60)
    return cloud


def test_the_newest_image_of_a_family(gce: Any) -> None:
    images = gce.client(compute_v1.ImagesClient)
    image = images.get_from_family(project="debian-cloud", family="debian-12")
    assert image.family == "debian-12" and image.name.startswith("debian-12-bookworm-v20")
    assert (image.status, image.disk_size_gb, image.architecture) == ("READY", 10, "X86_64")
    assert images.get(project="debian-cloud", image=image.name) == image
    listed = images.list(request={"project": "debian-cloud", "filter": "family=debian-12"})
    assert [one.name for one in listed] == [image.name]
    gce.project = "debian-cloud"
    wanted = f"The resource '{IMAGE[:-2]}9' was not found"
    assert gce.refused("GET", "global/images/family/debian-9") == (404, "notFound", wanted)


@pytest.mark.parametrize(
    ("missing", "code", "words"),
    [
        ({"machineType": None}, "required", "'resource.properties.machineType' not specified"),
        ({"disks": []}, "invalid", "No disks are specified."),
        ({"networkInterfaces": []}, "invalid", "At least one network interface is required."),
        (
            {"disks": [{"initializeParams": {"sourceImage": IMAGE + "3"}}]},
            "invalid",
            "The referenced image resource cannot be found.",
        ),
        (
            {"networkInterfaces": [{"network": "global/networks/none"}]},
            "invalid",
            "The referenced network resource cannot be found.",
        ),
    ],
)
def test_templates_that_are_refused(gce: Any, missing: Any, code: str, words: str) -> None:
    body = {**TEMPLATE, "properties": {**TEMPLATE["properties"], **missing}}  # type: ignore[dict-item]
    _, reason, message = gce.refused("POST", "global/instanceTemplates", body)
    assert reason == code and message.endswith(words)


def test_the_life_of_a_group_by_the_client(gce: Any) -> None:
    templates = gce.client(compute_v1.InstanceTemplatesClient)
    managers = gce.client(compute_v1.InstanceGroupManagersClient)
    project, zone = gce.project, "us-central1-a"
    at = {"project": project, "zone": zone}
    body = compute_v1.InstanceTemplate.from_json(compute_v1.InstanceTemplate.to_json(
        compute_v1.InstanceTemplate(name="web", properties=compute_v1.InstanceProperties(
            machine_type="e2-small",
            disks=[{"boot": True, "initialize_params": {"source_image": IMAGE}}],
            network_interfaces=[{"network": "global/networks/default"}]))))  # fmt: skip
    templates.insert(project=project, instance_template_resource=body).result()
    group = compute_v1.InstanceGroupManager(
        name="web", instance_template="global/instanceTemplates/web", target_size=3
    )
    made = managers.insert(**at, instance_group_manager_resource=group)
    assert made.operation_type == "compute.instanceGroupManagers.insert"
    made.result()
    one = {**at, "instance_group_manager": "web"}
    shown = managers.get(**one)
    assert (shown.base_instance_name, shown.target_size, shown.current_actions.none) == (
        "web",
        3,
        3,
    )
    assert shown.status.is_stable and shown.status.version_target.is_reached
    instances = list(managers.list_managed_instances(**one))
    assert [(found.current_action, found.instance_status) for found in instances] == [
        ("NONE", "RUNNING")
    ] * 3

    groups = gce.client(compute_v1.InstanceGroupsClient)
    ports = compute_v1.InstanceGroupsSetNamedPortsRequest(
        named_ports=[{"name": "http", "port": 80}]
    )
    named = {**at, "instance_group": "web"}
    groups.set_named_ports(**named, instance_groups_set_named_ports_request_resource=ports).result()
    assert groups.get(**named).size == 3
    assert [(port.name, port.port) for port in managers.get(**one).named_ports] == [("http", 80)]

    gce.health_check()
    link = f"zones/{zone}/instanceGroups/web"
    gce.backend_service(healthChecks=["global/healthChecks/hc"], backends=[{"group": link}])
    with pytest.raises(BadRequest) as caught:
        managers.delete(**one)
    user = gce.path("global/backendServices/bs")
    manager = gce.path(link.replace("instanceGroups", "instanceGroupManagers"))
    assert caught.value.errors[0]["message"] == (
        f"The instance_group_manager resource '{manager}' is already being used by '{user}'"
    )
    used = r"instance_template resource .*/instanceTemplates/web' is already being used by .*/web'"
    with pytest.raises(BadRequest, match=used):
        templates.delete(project=project, instance_template="web")
    gce.do("DELETE", "global/backendServices/bs")
    managers.delete(**one).result()
    templates.delete(project=project, instance_template="web").result()
    assert gce.ask("GET", link)[0] == 404
    assert "items" not in gce.get(f"zones/{zone}/instances")


def test_machines_come_after_the_operation(web: Any) -> None:
    post(web, f"{GROUPS}/web/resize", size="4")
    web.advance(7)
    shown = ask(web, f"{GROUPS}/web")
    assert (shown["targetSize"], shown["status"]["isStable"]) == (4, False)
    assert (shown["currentActions"]["none"], shown["currentActions"]["creating"]) == (2, 2)
    states = sorted((one["currentAction"], one["instanceStatus"]) for one in managed(web))
    assert states == [("CREATING", "STAGING")] * 2 + [("NONE", "RUNNING")] * 2
    web.advance(30)
    assert ask(web, f"{GROUPS}/web")["currentActions"]["none"] == 4
    post(web, f"{GROUPS}/web/resize", size="1")
    web.advance(7)
    assert sorted(one["currentAction"] for one in managed(web)) == ["DELETING"] * 3 + ["NONE"]
    web.advance(60)
    (left,) = managed(web)
    instance = ask(web, left["instance"].partition("/compute/v1/")[2])
    items = {one["key"]: one["value"] for one in instance["metadata"]["items"]}
    assert items["created-by"].endswith("/zones/us-central1-a/instanceGroupManagers/web")
    assert items["startup-script"] == "true" and instance["labels"] == {"app": "web"}
    assert instance["machineType"].endswith("/zones/us-central1-a/machineTypes/e2-small")


def test_a_lost_machine_is_made_again(web: Any) -> None:
    first, second = managed(web)
    web.request("compute", "DELETE", first["instance"].partition("/compute/v1/")[2])
    web.advance(120)
    names = {one["name"] for one in managed(web)}
    assert len(names) == 2 and second["name"] in names and first["name"] not in names
    post(web, f"{GROUPS}/web/deleteInstances", {"instances": [second["instance"]]})
    web.advance(120)
    assert ask(web, f"{GROUPS}/web")["targetSize"] == 1
    (third,) = managed(web)
    post(web, f"{GROUPS}/web/abandonInstances", {"instances": [third["instance"]]})
    web.advance(120)
    assert managed(web) == [] and len(ask(web, f"{ZONE}/instances")["items"]) == 1
    assert refused(
        web, "POST", f"{GROUPS}/web/deleteInstances", {"instances": [third["instance"]]}
    ).message.endswith("The instance does not belong to the managed group.")


def test_another_template(web: Any) -> None:
    post(web, f"{P}/global/instanceTemplates", {**TEMPLATE, "name": "new"})
    web.advance(60)
    new = {"instanceTemplate": f"{P}/global/instanceTemplates/new"}
    post(web, f"{GROUPS}/web/setInstanceTemplate", new)
    web.advance(60)
    before = [one["name"] for one in managed(web)]
    assert ask(web, f"{GROUPS}/web")["status"]["versionTarget"] == {"isReached": False}
    web.request("compute", "DELETE", f"{P}/global/instanceTemplates/web")
    web.request("compute", "PATCH", f"{GROUPS}/web", {"updatePolicy": {"type": "PROACTIVE"}})
    web.advance(300)
    after = managed(web)
    assert len(after) == 2 and not {one["name"] for one in after} & set(before)
    assert {one["version"]["instanceTemplate"].rpartition("/")[2] for one in after} == {"new"}
    assert ask(web, f"{GROUPS}/web")["status"]["versionTarget"] == {"isReached": True}


def test_a_regional_group_is_spread_over_zones(web: Any) -> None:
    region = f"{P}/regions/us-central1/instanceGroupManagers"
    post(web, region, {**GROUP, "targetSize": 4})
    web.advance(60)
    zones = [one["instance"].partition("/zones/")[2][:13] for one in managed(web, f"{region}/web")]
    assert sorted(zones) == ["us-central1-a"] * 2 + ["us-central1-b", "us-central1-c"]
    assert ask(web, f"{P}/regions/us-central1/instanceGroups/web")["size"] == 4
    assert len(managed(web)) == 2
    shown = ask(web, f"{region}/web")
    assert shown["distributionPolicy"]["targetShape"] == "EVEN"
    assert shown["updatePolicy"]["maxSurge"] == {"fixed": 3, "calculated": 3}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"targetSize": None}, 400, "Required field 'resource.targetSize' not specified"),
        ({"targetSize": 1001}, 400, "Must be between 0 and 1000."),
        ({"instanceTemplate": None}, 400, "'resource.instanceTemplate' not specified"),
        (
            {"instanceTemplate": "global/instanceTemplates/no"},
            404,
            "instanceTemplates/no' was not found",
        ),
        ({"name": "web"}, 409, "instanceGroupManagers/web' already exists"),
        ({"name": "plain"}, 409, "instanceGroups/plain' already exists"),
    ],
)
def test_groups_that_are_refused(web: Any, body: Any, code: int, words: str) -> None:
    post(web, f"{ZONE}/instanceGroups", {"name": "plain"})
    web.advance(60)
    given = {
        key: value for key, value in {**GROUP, "name": "x", **body}.items() if value is not None
    }
    error = refused(web, "POST", GROUPS, given)
    assert error.code == code and error.message.endswith(words)


def test_the_group_beside_a_manager_is_the_managers(web: Any) -> None:
    group = f"{ZONE}/instanceGroups/web"
    (first, _) = managed(web)
    instance = {"instances": [{"instance": first["instance"]}]}
    for method, path, body in (
        ("DELETE", group, None),
        ("POST", f"{group}/removeInstances", instance),
    ):
        error = refused(web, method, path, body)
        assert error.message == (
            f"The instance_group resource '{group}' is already being used by '{GROUPS}/web'"
        )
    assert ask(web, group)["description"].startswith("This instance group is controlled by ")
    stale = {"namedPorts": [{"name": "a", "port": 1}], "fingerprint": "AAAAAAAAAAA="}
    assert refused(web, "POST", f"{group}/setNamedPorts", stale).code == 412


def test_a_machine_over_quota_is_told_as_an_error_of_the_group(web: Any) -> None:
    web.world.options.enforce_quotas = True
    web.world.store.table("compute/quotas").put("shop", {"INSTANCES": 3})
    assert ask(web, f"{GROUPS}/web/listErrors") == {}
    post(web, f"{GROUPS}/web/resize", size="5")
    web.advance(60)
    shown = ask(web, f"{GROUPS}/web")
    assert (shown["targetSize"], shown["currentActions"]["creating"], len(managed(web))) == (
        5,
        2,
        3,
    )
    (item,) = ask(web, f"{GROUPS}/web/listErrors")["items"]
    assert item["error"]["code"] == "QUOTA_EXCEEDED"
    assert (
        item["error"]["message"] == "Quota 'INSTANCES' exceeded.  Limit: 3.0 in region us-central1."
    )
    assert item["instanceActionDetails"]["action"] == "CREATING"


def test_a_restart_finishes_what_was_under_way(web: Any) -> None:
    post(web, f"{GROUPS}/web/resize", size="3")
    web.advance(7)
    web.world.clock.clear()
    web.world.resume()
    web.advance(60)
    assert [one["currentAction"] for one in managed(web)] == ["NONE"] * 3


def test_an_autoscaler_keeps_a_group_in_its_bounds(web: Any) -> None:
    scalers = f"{ZONE}/autoscalers"
    policy = {"minNumReplicas": 3, "maxNumReplicas": 5}
    post(web, scalers, {"name": "s", "target": f"{GROUPS}/web", "autoscalingPolicy": policy})
    web.advance(120)
    found = ask(web, f"{scalers}/s")
    assert (found["status"], found["recommendedSize"]) == ("ACTIVE", 3)
    assert found["autoscalingPolicy"]["cpuUtilization"]["utilizationTarget"] == 0.6
    shown = ask(web, f"{GROUPS}/web")
    assert (shown["targetSize"], shown["status"]["autoscaler"]) == (3, found["selfLink"])
    assert len(managed(web)) == 3
    second = {"name": "t", "target": f"{GROUPS}/web", "autoscalingPolicy": policy}
    assert refused(web, "POST", scalers, second).code == 400
    fewer = {"autoscalingPolicy": {"minNumReplicas": 1, "maxNumReplicas": 2}}
    web.request("compute", "PATCH", scalers, fewer, autoscaler="s")
    web.advance(120)
    assert ask(web, f"{GROUPS}/web")["targetSize"] == len(managed(web)) == 2
    assert refused(web, "PATCH", scalers, fewer, autoscaler="none").code == 404
    error = refused(web, "DELETE", f"{GROUPS}/web")
    assert error.message.endswith(f"is already being used by '{scalers}/s'")
    web.request("compute", "DELETE", f"{scalers}/s")
    web.advance(60)
    assert "autoscaler" not in ask(web, f"{GROUPS}/web")["status"]


def test_autoscalers_that_are_refused(web: Any) -> None:
    scalers, target = f"{ZONE}/autoscalers", f"{GROUPS}/web"
    for body, words in (
        ({"autoscalingPolicy": {"maxNumReplicas": 2}}, "'resource.target' not specified"),
        ({"target": target}, "'resource.autoscalingPolicy.maxNumReplicas' not specified"),
        (
            {"target": target, "autoscalingPolicy": {"minNumReplicas": 3, "maxNumReplicas": 2}},
            "Must not be less than minNumReplicas.",
        ),
    ):
        assert refused(web, "POST", scalers, {"name": "s", **body}).message.endswith(words)


def test_regional_and_zonal_managers_have_a_quota_each(web: Any) -> None:
    web.world.options.enforce_quotas = True
    limits = {"REGIONAL_INSTANCE_GROUP_MANAGERS": 1, "INSTANCE_GROUP_MANAGERS": 1}
    web.world.store.table("compute/quotas").put("shop", limits)
    region = f"{P}/regions/us-central1/instanceGroupManagers"
    post(web, region, {**GROUP, "name": "one"})
    for path, metric in ((GROUPS, "INSTANCE_GROUP_MANAGERS"),
                         (region, "REGIONAL_INSTANCE_GROUP_MANAGERS")):  # fmt: skip
        error = refused(web, "POST", path, {**GROUP, "name": "two"})
        assert error.message == f"Quota '{metric}' exceeded.  Limit: 1.0 in region us-central1."
