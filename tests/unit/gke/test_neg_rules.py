"""The NEG annotation's grammar, NEG names, and whose a NEG is: pure rules."""

import hashlib

import pytest
from gcpsim.gke.neg import names
from gcpsim.gke.neg.annotation import NegAnnotation, NegError, parse
from gcpsim.gke.neg.endpoints import of_slice
from gcpsim.gke.neg.source import AnnotationSource

UID = "12345678-aaaa-bbbb-cccc-1234567890ab"
ZONES = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"exposed_ports":{"443":{"name":"neg"}}}', NegAnnotation(exposed={443: "neg"})),
        ('{"exposed_ports":{"443":{},"80":null}}', NegAnnotation(exposed={443: "", 80: ""})),
        ('{"ingress": true}', NegAnnotation(ingress=True)),
        ('{"ingress":false,"future":[1]}', NegAnnotation()),
        ('{"exposed_ports":{"1":{"unknown":2}}}', NegAnnotation(exposed={1: ""})),
        (
            '{"exposed_ports":{"80":{}},"zones":["*"]}',
            NegAnnotation(exposed={80: ""}, zones=("*",)),
        ),
        ("null", NegAnnotation()),
        ("{}", NegAnnotation()),
    ],
)
def test_what_the_annotation_may_say(text: str, expected: NegAnnotation) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"443"',
        "{443: {}}",
        '{"exposed_ports":[443]}',
        '{"exposed_ports":{"http":{}}}',
        '{"exposed_ports":{"1.5":{}}}',
        '{"exposed_ports":{"2147483648":{}}}',
        '{"exposed_ports":{"443":"neg"}}',
        '{"exposed_ports":{"443":{"name":7}}}',
        '{"ingress":"yes"}',
        '{"zones":"*"}',
        '{"zones":[1]}',
    ],
)
def test_every_mistake_has_one_message(text: str) -> None:
    with pytest.raises(NegError, match=r"^NEG annotation is invalid\.$"):
        parse(text)


def test_a_generated_name() -> None:
    digest = hashlib.sha256(b"12345678;shop;api;8080").hexdigest()[:8]
    assert names.generated(UID, "shop", "api", 8080) == f"k8s1-12345678-shop-api-8080-{digest}"


def test_long_names_are_trimmed_evenly_to_what_google_allows() -> None:
    name = names.generated(UID, "n" * 60, "s" * 30, 8080)
    assert len(name) <= 63
    fields = name.split("-")[2:-1]
    assert sum(map(len, fields)) == 38
    assert len(fields[0]) > len(fields[1]) > len(fields[2])
    assert names.trimmed(38, "short", "names", "80") == ["short", "names", "80"]


def test_whose_a_neg_is() -> None:
    mine = names.Description(UID, "shop", "api", "8080")
    assert str(mine) == (
        f'{{"cluster-uid":"{UID}","namespace":"shop","service-name":"api","port":"8080"}}'
    )
    assert names.Description.read(str(mine)) == mine
    ours = ("neg", True, "europe-west1-b", mine)
    assert names.collision(*ours, str(mine)) == ""
    assert names.collision(*ours, "by hand") == "", "a malformed description counts as ours"
    assert names.collision(*ours, "") == "found a custom named neg neg with an empty description"
    assert names.collision("k8s1-x", False, "europe-west1-b", mine, "") == ""
    foreign = names.Description("other", "shop", "api", "8080")
    assert names.collision(*ours, str(foreign)) == (
        "found conflicting description in neg neg: expected description of NEG object "
        f'"europe-west1-b"/"neg" to be {mine}, but got {foreign}'
    )
    sibling = names.Description(UID, "shop", "web", "80")
    assert "another syncer" in names.collision(*ours, str(sibling))


def service(annotation: str, **spec: object) -> dict[str, object]:
    port = {"name": "http", "port": 8080}
    return {
        "metadata": {
            "name": "api",
            "namespace": "shop",
            "annotations": {"cloud.google.com/neg": annotation},
        },
        "spec": {"ports": [port], "clusterIP": "34.118.224.9", **spec},
    }


def test_zones_to_be_provisioned_beforehand() -> None:
    source = AnnotationSource(UID, ZONES)
    wish = '{"exposed_ports":{"8080":{"name":"n"}},"zones":%s}'
    assert source.read(service(wish % '["*"]')).zones == tuple(ZONES)
    assert source.read(service(wish % '["europe-west1-d"]')).zones == ("europe-west1-d",)
    wrong = source.read(service(wish % '["us-east1-b"]'))
    assert wrong.zones == () and wrong.negs
    assert wrong.complaint == (
        "Ignore zone pre-provisioning annotation err: incorrect value: "
        'zone "us-east1-b" is not in the cluster\'s region zones'
    )


def test_ipv6_only_services_are_refused() -> None:
    source = AnnotationSource(UID, ZONES)
    with pytest.raises(NegError, match="NEG is not supported for ipv6 only service"):
        source.read(service('{"exposed_ports":{"8080":{}}}', ipFamilies=["IPv6"]))


def test_endpoints_of_a_slice() -> None:
    def endpoint(ip: str, **more: object) -> dict[str, object]:
        target = {"kind": "Pod", "namespace": "shop", "name": f"api-{ip}"}
        return {"addresses": [ip], "nodeName": "node-1", "targetRef": target, **more}

    piece = {
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8443}, {"name": "metrics", "port": 9090}],
        "endpoints": [
            endpoint("10.0.0.1", conditions={"ready": True}),
            endpoint("10.0.0.2", conditions={"ready": False, "serving": False}),
            endpoint("10.0.0.3", conditions={"ready": False, "terminating": True}),
            endpoint("10.0.0.4", nodeName=None),
            endpoint("10.0.0.5", targetRef=None),
        ],
    }
    found = [tuple(each) for each, _ in of_slice(piece, "http")]
    assert found == [("node-1", "10.0.0.1", 8443), ("node-1", "10.0.0.2", 8443)]
    assert of_slice(piece, "https") == []
    assert of_slice({**piece, "addressType": "IPv6"}, "http") == []
