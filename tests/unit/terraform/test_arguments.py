"""The table of the provider's arguments: nothing outside it is written, and bounds follow from it.

`tests/cases/terraform/fields-without-argument.txt` lists what the API has and the provider
lacks: `.venv/bin/python -m tests.unit.terraform.test_arguments` writes it anew.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from edgebook.model.kinds import KINDS, Api
from edgebook.params import Spec, apitypes
from edgebook.terraform.arguments import ARGUMENTS, BELOW, KNOWN, number, since
from edgebook.terraform.types import exported, snake, type_of

from tests.unit.params_edits import GONE, ROOT, spec_of
from tests.unit.terraform.test_terraform import example, files

WITHOUT = ROOT / "tests" / "cases" / "terraform" / "fields-without-argument.txt"
VERSION = re.compile(r"\d+\.\d+\.\d+")
MATCHER = "wildcard-shop-example-com"
BETA = (
    "https://www.googleapis.com/compute/v1/projects/shop-rehearsal/global/backendServices/shop-api"
)


def written(text: str) -> Iterator[tuple[str, str]]:
    """(resource type, argument) of everything in a file: `("google_...", "backend.group")`."""
    place: list[str] = []
    for line in text.splitlines():
        if found := re.match(r'resource "(\w+)"', line):
            place = [found[1]]
        elif line == "}":
            place = []
        elif place and (found := re.match(r" +(\w+) (?:\{|= \{$)", line)):
            place.append(found[1])
            yield place[0], ".".join(place[1:])
            if line.endswith("{}"):
                place.pop()
        elif place and line.strip() == "}":
            place.pop()
        elif place and (found := re.match(r" +(\w+) +=", line)):
            yield place[0], ".".join([*place[1:], found[1]])


def used(text: str) -> set[tuple[str, str]]:
    """Without what is Terraform's own, and without the keys of labels."""
    found = set(written(text))
    return {
        (kind, argument)
        for kind, argument in found
        if not argument.startswith(("lifecycle", "labels."))
    }


def leaves(shape: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, inner in shape.items():
        if isinstance(inner, str):
            yield f"{prefix}{name}"
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def api_fields(kind: str) -> Iterator[str]:
    """What the export would write of a body with every field of the API's type in it."""
    row, terraform = KINDS[kind], type_of(kind)
    types = apitypes.schemas("compute" if row.api is Api.COMPUTE else "certificatemanager")

    def walk(schema: Mapping[str, Any], pattern: str, at: str) -> Iterator[str]:
        schema = types[schema["$ref"]] if "$ref" in schema else schema
        for name, inner in schema.get("properties", {}).items():
            place = f"{pattern}{name}"
            if apitypes._output_only(inner) or place in terraform.dropped | row.server_set:
                continue
            argument = at + terraform.renamed.get(place, snake(name))
            lifted = place in terraform.lifted
            if not lifted:
                yield argument
            nested = inner.get("items", inner)
            if "properties" in nested or "$ref" in nested:
                dots = "[]." if "items" in inner else "."
                yield from walk(nested, place + dots, at if lifted else f"{argument}.")

    return walk(types[row.schema], "", "")


def without() -> str:
    rows = {
        f"{KINDS[kind].terraform}: {argument}"
        for kind in KINDS
        if exported(kind) and KINDS[kind].api in (Api.COMPUTE, Api.CERTIFICATE_MANAGER)
        for argument in api_fields(kind)
        if not since(KINDS[kind].terraform, argument)
    }
    # Of a block that is not there, the block is enough.
    return "".join(f"{row}\n" for row in sorted(rows) if row.rpartition(".")[0] not in rows)


MANY: Mapping[str, Any] = {
    "address.ip_versions": ["IPV4", "IPV6"],
    "backends.web.cdn": {"default_ttl": 60, "max_ttl": 90, "client_ttl": 30},
    "backends.web.security_policy": "armor",
    "backends.web.preference": {"blue": "PREFERRED"},
    "backends.api.session_affinity": "STRONG_COOKIE_AFFINITY",
    "backends.api.api": {"strongSessionAffinityCookie": {"name": "c", "ttl": {"seconds": "60"}}},
    "firewall.logging": True,
    "url_map_api": {"headerAction": {"requestHeadersToRemove": ["x-internal"]}},
    "routes.0.default": {"weights": {"web": 90, "api": 10}},
    "routes.0.paths": {
        "/a/*": {"backend": "api", "rewrite": {"prefix": "/"}, "api": {"timeout": {"seconds": 9}}},
        "/b": {"redirect": {"host": "shop.example.com", "path": "/c", "code": "302"}},
    },
}


def main(edits: Mapping[str, Any], **options: Any) -> str:
    return files(spec_of(edits), **options)["main.tf"]


@pytest.mark.parametrize("spec", [spec_of({}), example(), spec_of(MANY)], ids=["", "all", "many"])
def test_every_argument_is_in_the_table_and_within_the_bound(spec: Spec) -> None:
    text = files(spec, owned_backends=True)["main.tf"]
    bound = re.search(r'version = ">= ([\d.]+), < ([\d.]+)"', text)
    assert bound and bound[2] == BELOW
    versions = {pair: since(*pair) for pair in used(text)}
    assert len(versions) > 60
    assert not {pair for pair, version in versions.items() if not version}
    assert max(versions.values(), key=number) == bound[1]


def test_every_version_is_one_and_every_type_has_its_row() -> None:
    assert set(ARGUMENTS) == {kind.terraform for kind in KINDS.values() if kind.terraform}
    for kind, shape in ARGUMENTS.items():
        for argument in leaves(shape):
            version = since(kind, argument)
            assert VERSION.fullmatch(version)
            assert number(KNOWN) <= number(version) < number(BELOW)


def test_fields_of_the_api_that_no_argument_takes_are_known() -> None:
    assert WITHOUT.read_text(encoding="utf-8") == without(), (
        ".venv/bin/python -m tests.unit.terraform.test_arguments"
    )


@pytest.mark.parametrize(
    ("edits", "bound"),
    [
        ({}, "6.14.0"),
        ({"backends.web.preference": {"blue": "PREFERRED"}}, "6.31.0"),
        ({"backends.web.api": {"ipAddressSelectionPolicy": "IPV4_ONLY"}}, "6.14.0"),
        ({"backends.web.api": {"maxStreamDuration": {"seconds": "60"}}}, "6.31.0"),
        (
            {"url_map_api": {"defaultCustomErrorResponsePolicy": {"errorService": BETA}}},
            "6.41.0",
        ),
        ({"backends.web.api": {"tlsSettings": {"sni": "shop.example.com"}}}, "6.44.0"),
    ],
)
def test_the_bound_is_what_the_arguments_need(edits: Mapping[str, Any], bound: str) -> None:
    assert f'">= {bound}, < 8.0.0"' in main(edits, owned_backends=True)


def test_error_responses_have_the_providers_name() -> None:
    rule = {"matchResponseCodes": ["5xx"], "path": "/sorry"}
    policy = {"errorResponseRules": [rule]}
    text = main({"routes.0.api": {"defaultCustomErrorResponsePolicy": policy}})
    place = "path_matcher.default_custom_error_response_policy.error_response_rule.path"
    assert ("google_compute_url_map", place) in used(text)


def test_what_the_provider_lacks_is_left_out_and_said() -> None:
    text = main({"backends.web.api": {"dynamicForwarding": {"ipPortSelection": {"enabled": True}}}})
    assert "dynamic_forwarding {" not in text
    assert (
        "# Left out, since the provider has no such argument: dynamic_forwarding.\n"
        'resource "google_compute_backend_service" "shop_web" {' in text
    )


def test_route_rules_and_mirrors_point_to_resources() -> None:
    rules = [
        {"priority": 1, "matchRules": [{"prefixMatch": "/beta"}], "service": "api"},
        {
            "priority": 2,
            "matchRules": [{"prefixMatch": "/mirrored"}],
            "service": BETA,
            "routeAction": {"requestMirrorPolicy": {"backendService": "web"}},
        },
    ]
    mirror = {"requestMirrorPolicy": {"backendService": BETA.replace("shop-api", "others")}}
    edits = {"routes.0.api": {"routeRules": rules}, "routes.0.paths": GONE}
    default = {"backend": "web", "api": mirror}
    text = main({**edits, "routes.0.default": default, "checks": GONE})
    body = text[text.index('"google_compute_url_map" "shop" {') :]
    rule = body[body.index("route_rules {") :]
    assert rule.count("service  = google_compute_backend_service.shop_api.id") == 2
    assert "backend_service = google_compute_backend_service.shop_web.id" in rule
    assert "/backendServices/shop-" not in text
    assert text.count("/backendServices/others") == 2  # of somebody else: a link is all there is


def test_the_head_says_what_the_first_plan_changes_and_nothing_of_what_is_new() -> None:
    breakers = {"backends.web.api": {"circuitBreakers": {"maxRequests": 100}}}
    text = main({**breakers, "backends.api.iap": {"enabled": True, **IAP}})
    head = text[: text.index("terraform {")]
    assert "# - labels of 11 resources: an import leaves them empty in the state" in head
    assert "google_compute_backend_service.shop_api: iap.oauth2_client_secret" in head
    assert (
        "google_compute_backend_service.shop_web: circuit_breakers (max_connections,"
        " max_pending_requests, max_retries), to the provider's defaults" in head
    )
    assert main(breakers, built=False).startswith(
        "# Written by `edgebook export --format terraform`. Plan it first.\nterraform {"
    )


IAP = {"client_id": "1-a.apps.googleusercontent.com", "client_secret": {"env": "IAP_CLIENT"}}


if __name__ == "__main__":
    WITHOUT.write_text(without(), encoding="utf-8")
