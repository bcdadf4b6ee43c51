"""Cut-over, failover, upgrade and retirement of one site, in the order of its life.

The tests build on each other as the site's days do, on one simulator without traffic; what traffic
sees of them is the rehearsal's to prove.
"""

from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import RefusedError, StepFailed, UsageError

from tests.contract.edgebook.conftest import Shop

OLD_RECORDS = ["admin.shop.example.com.", "shop.example.com.", "www.shop.example.com."]


@pytest.fixture(scope="module")
def site(quiet_shop: Shop) -> Shop:
    quiet_shop.stand()
    return quiet_shop


def move(site: Any, name: str, **options: Any) -> Any:
    return site.book().move(name, **options)


def done(site: Any, name: str, mode: str = "apply", **options: Any) -> str:
    """Where it stands afterwards."""
    moved = move(site, name, **options).apply(mode, "auto", show_progress=False)
    return str(moved.data["standing"])


def records(site: Any) -> dict[str, Any]:
    """Name -> its A record."""
    live = site.book().door.read().live
    return {
        str(item.body["name"]): item.body
        for key, item in live.items()
        if key.kind == "dnsRecordSet" and item.body.get("type") == "A"
    }


def capacities(site: Any, service: str) -> dict[str, float]:
    """Region -> capacity of a backend service's entries."""
    for key, item in site.book().door.read().live.items():
        if key.kind == "backendService" and key.name == service:
            return {
                str(e["group"]).split("/zones/")[1].split("/")[0][:-2]: e.get("capacityScaler", 1)
                for e in item.body.get("backends") or ()
            }
    return {}


def test_names_move_and_come_back_and_move(site: Any) -> None:
    before = records(site)
    old = before["shop.example.com."]["rrdatas"]
    assert done(site, "cut-over", soak="1m").endswith("(all), 100 %")
    after = records(site)
    assert all(after[name]["rrdatas"] != old and after[name]["ttl"] == 60 for name in OLD_RECORDS)
    assert done(site, "cut-over", "back", soak="1m") == "not begun"
    assert all(records(site)[name]["rrdatas"] == old for name in OLD_RECORDS)
    assert {name: r["ttl"] for name, r in records(site).items()} == {
        name: r["ttl"] for name, r in before.items()
    }
    assert done(site, "cut-over", soak="1m", steps=[100]).endswith("(all), 100 %")


def test_names_stay_while_records_of_others_would_lead_them_back(site: Any) -> None:
    done(site, "cut-over", "back", steps=[100])
    path = "/dns/v1/projects/shop-rehearsal/managedZones/shop-example/changes"
    strange = [
        {"name": "shop.example.com.", "type": kind, "ttl": 300, "rrdatas": [data]}
        for kind, data in (
            ("CAA", '0 issue "letsencrypt.org"'),
            ("AAAA", "2001:db8::7"),
            ("TXT", '"heritage=external-dns,external-dns/owner=x"'),
        )
    ]
    assert site.sim.http("POST", path, {"additions": strange})[0] == 200
    before = records(site)
    with pytest.raises(RefusedError, match="cannot move yet") as refused:
        done(site, "cut-over", steps=[100])
    assert records(site) == before
    assert site.sim.http("POST", path, {"deletions": strange})[0] == 200
    for words in (
        "AAAA record to 2001:db8::7",
        "external-dns (owner x) owns",
        "CAA record keeps Google from",
    ):
        assert words in refused.value.why
    done(site, "cut-over", steps=[100])


def test_nothing_is_retired_that_is_asked_for(site: Any) -> None:
    done(site, "cut-over", "back", steps=[100])
    with pytest.raises(RefusedError, match="still in use") as refused:
        done(site, "retire", quiet="5m")
    assert "shop.example.com still points at" in refused.value.why
    done(site, "cut-over", steps=[100], soak="1m")


def test_zones_and_certificates_have_nothing_to_do_on_a_whole_front_door(site: Any) -> None:
    assert done(site, "zones") == "nothing to do"
    assert done(site, "certificates") == "nothing to do"
    with pytest.raises(UsageError, match="takes no"):
        move(site, "zones", speed=3)


def test_a_zone_that_a_cluster_grows_into_is_attached(site: Any) -> None:
    place = {"cluster": "blue", "zone": "us-central1-f"}
    site.sim.admin("POST", "stage/node-add", place)
    kube = site.book().door.reader.cluster("blue")
    where = "apis/apps/v1/namespaces/shop/deployments/api"
    replicas = kube.find(where)["spec"]["replicas"]
    kube.patch(where, {"spec": {"replicas": replicas + 1}})
    site.sim.advance(300)
    planned = move(site, "zones").plan()
    assert "us-central1-f" in str(planned)
    assert done(site, "zones") == "nothing to do", "what was to do is done"
    groups = [
        str(e["group"])
        for key, item in site.book().door.read().live.items()
        if key.kind == "backendService" and key.name == "shop-api"
        for e in item.body["backends"]
    ]
    assert any("us-central1-f" in group for group in groups)


def test_a_new_hostname_is_issued_then_served_then_the_old_certificate_goes(site: Any) -> None:
    names = ["shop.example.com", "*.shop.example.com", "pay.example.com"]
    book = site.book(hostnames=names)
    planned = book.move("certificates").plan()
    stages = [stage["name"] for stage in planned.to_json()["stages"]]
    assert stages[:2] == ["issue", "serve"]
    moved = book.move("certificates").apply("apply", "auto", show_progress=False)
    assert moved.data["standing"]
    left = [c for c in book.door.read().plan.to_do if c.step.value.startswith("certificate")]
    assert left == []
    site.book().move("certificates").apply("apply", "auto", show_progress=False)


def test_a_lost_cluster_is_left_without_its_api_and_comes_back(site: Any) -> None:
    assert done(site, "failover", leave="us-central1").endswith("(leave)")
    assert capacities(site, "shop-web") == {"us-central1": 0, "europe-west1": 1}
    assert done(site, "failover", "back", leave="blue") == "not begun"
    assert set(capacities(site, "shop-web")) == {"us-central1"}
    both = {
        name: {**body, "active": ["blue", "green"]}
        for name, body in site.params()["backends"].items()
    }
    done(site, "swap", to="blue,green", soak="1m")
    site.sim.admin("POST", "stage/cluster-down", {"cluster": "blue"})
    calls = len(site.log())
    book = site.book(backends=both)
    book.move("failover", leave="blue").apply("apply", "auto", show_progress=False)
    writes = [c for c in site.log()[calls:] if c["verb"] == "PATCH"]
    assert len(writes) == 4, "one write a backend service"
    site.sim.admin("POST", "stage/cluster-up", {"cluster": "blue"})
    assert capacities(site, "shop-web") == {"us-central1": 0, "europe-west1": 1}
    book.move("failover", leave="blue").apply("back", "auto", show_progress=False)
    book.move("swap", to="blue", soak="1m").apply("apply", "auto", show_progress=False)
    assert set(capacities(site, "shop-web")) == {"us-central1"}


def zonal(site: Any, service: str) -> dict[str, float]:
    """Zone -> capacity of a backend service's entries."""
    body = site.sim.http("GET", f"/compute/v1/projects/shop-rehearsal/global/{service}")[1]
    return {str(e["group"]).split("/")[-3]: e["capacityScaler"] for e in body["backends"]}


def test_a_zone_is_left_though_gke_fills_it_again_and_comes_back(site: Any) -> None:
    """Also without the Kubernetes API; and what holds it is seen while Pods come and go there."""
    zone, service = "us-central1-a", "backendServices/shop-api"
    before = zonal(site, service)
    assert len(before) > 1 and set(before.values()) == {1}
    site.sim.admin("POST", "stage/zone-down", {"zone": zone})
    site.sim.admin("POST", "stage/cluster-down", {"cluster": "blue"})
    calls = len(site.log())
    assert done(site, "failover", leave=zone) == "at stage 1 of 1 (leave)"
    written = [c["path"] for c in site.log()[calls:] if c["verb"] == "PATCH"]
    assert len(written) == 4, "one write a backend service, and no other"
    assert zonal(site, service) == {**before, zone: 0}
    site.sim.admin("POST", "stage/cluster-up", {"cluster": "blue"})
    site.sim.advance(600)  # Pods are evicted, and started elsewhere
    assert move(site, "failover", leave=zone).verify().to_json()["title"].endswith(" ok")
    site.sim.admin("POST", "stage/zone-up", {"zone": zone})
    site.sim.advance(600)
    kube = site.book().door.reader.cluster("blue")
    where = "apis/apps/v1/namespaces/shop/deployments/api"
    replicas = kube.find(where)["spec"]["replicas"]
    kube.patch(where, {"spec": {"replicas": replicas + 4}})
    site.sim.advance(300)
    path = f"/compute/v1/projects/shop-rehearsal/zones/{zone}/networkEndpointGroups/shop-api"
    assert site.sim.http("GET", path)[1]["size"] > 0, "GKE has filled the zone's NEG again"
    assert zonal(site, service) == {**before, zone: 0}, "and it is still left"
    assert site.book().door.read().plan.only([]).empty, "which no ordinary plan undoes"
    assert done(site, "failover", "back", leave=zone) == "not begun"
    assert zonal(site, service) == before


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("failover", {"leave": "mars"}, "No cluster mars"),
        ("failover", {"leave": "blue,green"}, "Nowhere to go"),
        ("upgrade", {"cluster": "blue"}, "No version"),
        ("upgrade", {"cluster": "", "version": "1"}, "No cluster"),
        ("cut-over", {"steps": [5]}, "does not end at 100"),
        ("retire", {"quiet": "soon"}, "Not a duration"),
        ("fly", {}, "No move 'fly'"),
    ],
)
def test_wrong_wishes_are_refused(
    site: Any, name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        move(site, name, **options)


def test_an_upgrade_is_refused_while_pods_would_lose_requests(site: Any) -> None:
    wish = {"cluster": "blue", "version": "1.34.2-gke.1154000"}
    with pytest.raises(RefusedError, match="cannot be upgraded under traffic") as refused:
        done(site, "upgrade", **wish)
    assert "shop/postgres: no preStop" in refused.value.why
    assert "shop/storefront, behind ingress-nginx: no preStop" in refused.value.why
    assert "shop/api, behind" not in refused.value.why  # waits 60 s, and has its budget
    assert "still leads to" not in refused.value.why
    done(site, "cut-over", "back", steps=[100])
    with pytest.raises(RefusedError, match="cannot be upgraded under traffic") as refused:
        done(site, "upgrade", **wish)
    assert "shop.example.com still leads to 35." in refused.value.why.replace(
        "admin.shop.example.com, shop.example.com, www.shop.example.com", "shop.example.com"
    )
    assert "edgebook plan 80_cut_over" in refused.value.why
    done(site, "cut-over", steps=[100])
    standing = done(site, "upgrade", **wish, allow_loss=True)
    assert standing == "at stage 2 of 2 (pool default-pool)"
    assert done(site, "upgrade", **wish, allow_loss=True) == standing


def test_the_whole_of_the_old_side_goes_in_its_order(site: Any) -> None:
    done(site, "swap", to="green", soak="1m", steps=[100], allow_fewer=True)
    planned = move(site, "retire", quiet="5m", soak="1m").plan().to_json()
    assert [stage["name"] for stage in planned["stages"]] == [
        "NGINX to zero", "load balancer away", "TTL up", "clean up",
    ]  # fmt: skip
    kube = site.book().door.reader.cluster("blue")
    nginx = "apis/apps/v1/namespaces/ingress-nginx/deployments/ingress-nginx-controller"
    had = kube.find(nginx)["spec"]["replicas"]
    site.fault(service="kubernetes", verb="DELETE", code=403, reason="forbidden", times=0)
    with pytest.raises(StepFailed):
        done(site, "retire", quiet="5m", soak="1m")
    site.calm()
    assert done(site, "retire", "back", quiet="5m", soak="1m") == "not begun"
    assert kube.find(nginx)["spec"]["replicas"] == had
    assert done(site, "retire", quiet="5m", soak="1m") == "at stage 4 of 4 (clean up)"
    service = kube.find("api/v1/namespaces/ingress-nginx/services/ingress-nginx-controller")
    assert service["spec"]["type"] == "ClusterIP"
    assert kube.find("apis/networking.k8s.io/v1/namespaces/shop/ingresses/shop") is None
    assert records(site)["shop.example.com."]["ttl"] == 300
    assert site.book().door.read().plan.only([]).empty


def test_the_runbooks_are_where_the_messages_say() -> None:
    folder = Path(__file__).parents[3] / "notebooks"
    for name in ("80_cut_over", "90_retire", "operate/swap", "operate/failover"):
        assert (folder / f"{name}.ipynb").is_file()
