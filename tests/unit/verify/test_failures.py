"""Known failures, recognised by what Google and GKE say."""

import pytest
from edgebook.base.errors import ApiError
from edgebook.model.values import Change, ResourceKey, Step
from edgebook.verify import failures


def error(code, reason="", status="", operation="", message=""):
    return ApiError(
        "x", code=code, reason=reason, status=status, operation=operation, message=message
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The network_endpoint_group resource 'n' is already being used by 'b'", 13),
        ("error processing service: NEG annotation is invalid.", 8),
        ('port 443 specified in "cloud.google.com/neg" doesn\'t exist in the service', 9),
        ("custom neg name cannot be used with ingress enabled", 10),
        ("found conflicting description in neg shop-web", 11),
        ("found a custom named neg x with an empty description", 11),
        ("Specified IP address 10.0.0.1 doesn't belong to the (sub)network default", 15),
        ("CONNECTION balancing mode is not supported for protocol HTTP", 16),
        ("Invalid fingerprint.", 18),
        ("The resource 'projects/p/global/backendServices/b' is not ready", 19),
        ("Specified IP address is in-use and would result in a conflict.", 20),
        ("the DNS name 'x.' may have either one CNAME resource record set or resource record sets "
         "of other types, but not both.", 24),
        ("Precondition not met for 'entity.change.deletions[0]'", 30),
        ("The 'entity.change.additions[0]' resource named 'a.' already exists.", 30),
        ("Quota exceeded for quota metric 'Queries'", 0),
    ],
)  # fmt: skip
def test_known_failures_are_recognised(text, number):
    found = failures.of_text(text)
    assert found is not None and found.number == number
    assert found.cause and found.remedy


def test_all_thirty_failures_are_in_the_catalogue():
    assert {failure.number for failure in failures.CATALOGUE} >= set(range(1, 31))


def attempt(reason, **more):
    return {"domain": "shop.example.com", "state": "FAILED", "failureReason": reason, **more}


@pytest.mark.parametrize(
    ("managed", "number", "final"),
    [
        ({"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("CAA")]}, 25, True),
        ({"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("CONFIG")]}, 23, False),
        ({"state": "FAILED", "authorizationAttemptInfo": [attempt("CONFIG")]}, 23, True),
        (
            {"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("RATE_LIMITED")]},
            26,
            True,
        ),
        ({"state": "PROVISIONING", "provisioningIssue": {"reason": "RATE_LIMITED"}}, 26, True),
    ],
)
def test_why_a_certificate_is_not_issued(managed, number, final):
    found = failures.of_certificate({"managed": managed})
    assert found is not None and (found.number, found.final) == (number, final)


def test_a_certificate_on_its_way_has_no_failure():
    assert failures.of_certificate({"managed": {"state": "PROVISIONING"}}) is None


def key(kind, name="n", scope="projects/p/global"):
    return ResourceKey(kind, scope, name)


def change(action, kind, name="n", **more):
    return Change(action, key(kind, name), Step.FRONTENDS, "", **more)


def test_an_entry_that_is_there_is_no_map_that_is_held() -> None:
    at = "projects/p/locations/global/certificateMaps/m"
    found = failures.of_text(f"can't delete '{at}': it contains entries")
    assert found is not None and found.number == 28
    assert failures.of_text(f"Resource '{at}/certificateMapEntries/e' already exists") is None
