"""Cloud DNS through Google's clients: google-cloud-dns, google-api-python-client, and gcloud."""

import json
import os
import subprocess
from typing import Any

import dns.message
import dns.query
import google.api_core.exceptions as refused
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery, errors


@pytest.fixture
def zone(sim: Any, project: str) -> Any:
    client = sim.dns(project)
    zone = client.zone("web", f"{project}.example.com.", "made by a test")
    zone.create()
    return zone


@pytest.fixture
def rest(sim: Any) -> Any:
    options = {"api_endpoint": sim.url}
    service = discovery.build(
        "dns", "v1", credentials=AnonymousCredentials(), client_options=options
    )
    yield service
    service.close()


def test_zone_life_by_google_cloud_dns(sim: Any, project: str, zone: Any) -> None:
    client = sim.dns(project)
    assert zone.zone_id.isdigit()
    assert len(zone.name_servers) == 4
    assert [one.name for one in client.list_zones()] == ["web"]
    assert client.zone("nope").exists() is False
    with pytest.raises(refused.Conflict):
        client.zone("web", f"{project}.example.com.", "again").create()
    assert client.quotas()["rrsetAdditionsPerChange"] == 1000
    zone.delete()
    assert client.zone("web").exists() is False
    with pytest.raises(refused.NotFound):
        zone.reload()


def test_changes_by_google_cloud_dns(sim: Any, project: str, zone: Any) -> None:
    name = f"www.{project}.example.com."
    record = zone.resource_record_set(name, "A", 300, ["192.0.2.1"])
    change = zone.changes()
    change.add_record_set(record)
    change.create()
    while change.status != "done":
        change.reload()
    found = {(one.name, one.record_type): one for one in zone.list_resource_record_sets()}
    assert found[name, "A"].rrdatas == ["192.0.2.1"]
    assert found[name, "A"].ttl == 300
    wrong = zone.changes()
    wrong.delete_record_set(zone.resource_record_set(name, "A", 60, ["192.0.2.1"]))
    with pytest.raises(refused.PreconditionFailed):
        wrong.create()
    twice = zone.changes()
    twice.add_record_set(record)
    with pytest.raises(refused.Conflict):
        twice.create()
    with pytest.raises(refused.BadRequest):
        zone.delete()
    back = zone.changes()
    back.delete_record_set(record)
    back.create()
    assert [one.name for one in zone.list_changes()] == ["0", "1", "2"]
    zone.delete()


def test_single_record_sets_by_google_api_python_client(rest: Any, project: str, zone: Any) -> None:
    sets = rest.resourceRecordSets()
    name = f"*.{project}.example.com."
    place = {"project": project, "managedZone": "web"}
    body = {"name": name, "type": "A", "ttl": 60, "rrdatas": ["192.0.2.1"]}
    created = sets.create(**place, body=body).execute()
    assert created["kind"] == "dns#resourceRecordSet"
    one = place | {"name": name, "type": "A"}
    assert sets.get(**one).execute() == created
    assert sets.patch(**one, body={"ttl": 5}).execute()["ttl"] == 5
    with pytest.raises(errors.HttpError) as caught:
        sets.create(**place, body=body).execute()
    assert caught.value.status_code == 409
    assert caught.value.error_details == [
        {
            "message": f"The resource 'entity.rrset' named '{name} (A)' already exists",
            "domain": "global",
            "reason": "alreadyExists",
        }
    ]
    assert sets.delete(**one).execute() == {}
    request = sets.list(**place, maxResults=1)
    pages = 0
    while request is not None:
        answer = request.execute()
        request = sets.list_next(request, answer)
        pages += 1
    assert pages == 2


def test_zone_updates_by_google_api_python_client(rest: Any, project: str, zone: Any) -> None:
    zones = rest.managedZones()
    place = {"project": project, "managedZone": "web"}
    operation = zones.patch(**place, body={"labels": {"a": "b"}}).execute()
    assert (operation["kind"], operation["type"]) == ("dns#operation", "update")
    found = rest.managedZoneOperations().get(**place, operation=operation["id"]).execute()
    assert found["zoneContext"]["newValue"]["labels"] == {"a": "b"}
    assert zones.get(**place).execute()["labels"] == {"a": "b"}
    with pytest.raises(errors.HttpError) as caught:
        rest.outboundEndpoints().list(parent=f"projects/{project}/locations/global").execute()
    assert caught.value.status_code == 400
    assert "dns.outboundEndpoints.list" in str(caught.value)


def test_the_dns_server_answers_what_the_api_was_told(sim: Any, project: str, zone: Any) -> None:
    change = zone.changes()
    name = f"www.{project}.example.com."
    change.add_record_set(zone.resource_record_set(name, "A", 300, ["192.0.2.77"]))
    change.create()
    host, _, port = sim.ready["env"]["GCPSIM_DNS"].partition(":")
    answer = dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5)
    assert answer.answer[0].to_text() == f"{name} 300 IN A 192.0.2.77"


def test_malformed_requests_get_googles_error_shape(sim: Any, project: str, zone: Any) -> None:
    path = f"/dns/v1/projects/{project}/managedZones/web/changes"
    for body, words in (
        (b"{", "Invalid JSON payload received"),
        (b"[]", "Invalid value"),
        (b'{"additions": {}}', "Invalid value at 'change.additions' (list)"),
        (b'{"additions": [5]}', "Invalid value at 'change.additions[0]'"),
        (b'{"additions": [{"ttl": "x"}]}', "Invalid value at 'change.additions[0].ttl'"),
    ):
        status, answer = sim.http("POST", path, body)
        assert status == 400
        assert words in answer["error"]["message"]
        assert answer["error"]["errors"][0]["domain"] == "global"


@pytest.mark.usefixtures("gcloud_program")
def test_gcloud_drives_zones_and_transactions(sim: Any, project: str, tmp_path: Any) -> None:
    env = {**os.environ, **sim.ready["env"], "CLOUDSDK_CONFIG": str(tmp_path)}

    def gcloud(*words: str) -> Any:
        command = ["gcloud", "dns", *words, f"--project={project}", "--format=json"]
        done = subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    domain = f"{project}.example.com."
    gcloud("managed-zones", "create", "web", f"--dns-name={domain}", "--description=d")
    www = f"www.{domain}"
    gcloud("record-sets", "create", www, "--zone=web", "--type=A", "--ttl=60", "--rrdatas=1.2.3.4")
    gcloud("record-sets", "update", www, "--zone=web", "--type=A", "--ttl=30", "--rrdatas=1.2.3.5")
    gcloud("record-sets", "transaction", "start", "--zone=web")
    target = ["--zone=web", f"--name=txt.{domain}", "--ttl=60", "--type=TXT", "hello world"]
    gcloud("record-sets", "transaction", "add", *target)
    gcloud("record-sets", "transaction", "execute", "--zone=web")
    listed = {
        (one["name"], one["type"]): one for one in gcloud("record-sets", "list", "--zone=web")
    }
    assert listed[www, "A"]["rrdatas"] == ["1.2.3.5"]
    assert (f"txt.{domain}", "TXT") in listed
    assert listed[domain, "SOA"]["rrdatas"][0].split()[2] == "2"
    gcloud("record-sets", "delete", www, "--zone=web", "--type=A")
    gcloud("record-sets", "delete", f"txt.{domain}", "--zone=web", "--type=TXT")
    gcloud("managed-zones", "delete", "web")
    assert gcloud("managed-zones", "list") == []
