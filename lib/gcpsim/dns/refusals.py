"""Cloud DNS's refusals in its own words.

Sources: Google's LocalDnsHelper, the error-messages page of Cloud DNS, recorded answers and public
issue threads (the 409 texts). `where` is the path that Google prints, as in
`entity.change.additions[0]`.
"""

from collections.abc import Callable
from typing import TypeVar

from gcpsim.core.errors import ApiError

T = TypeVar("T")


class Gathered:
    """The refusals of one step over many record sets: all are named, the first one decides."""

    def __init__(self) -> None:
        self._errors: list[ApiError] = []

    def __enter__(self) -> "Gathered":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self._errors:
            self._errors[0].also = tuple(self._errors[1:])
            raise self._errors[0]

    def note(self, error: ApiError) -> None:
        self._errors.append(error)

    def run(self, check: Callable[..., T], *args: object) -> T | None:
        """What a check gives; None when it refused."""
        try:
            return check(*args)
        except ApiError as error:
            self.note(error)
            return None


def invalid(where: str, value: object) -> ApiError:
    return ApiError(400, f"Invalid value for '{where}': '{value}'", "invalid")


def required(where: str) -> ApiError:
    return ApiError(400, f"The '{where}' parameter is required but was missing.", "required")


def missing(where: str, name: str) -> ApiError:
    return ApiError(404, f"The '{where}' resource named '{name}' does not exist.", "notFound")


def exists(where: str, name: str) -> ApiError:
    return ApiError(409, f"The resource '{where}' named '{name}' already exists", "alreadyExists")


def precondition(where: str) -> ApiError:
    return ApiError(412, f"Precondition not met for '{where}'", "conditionNotMet")


def apex(where: str, type_: str) -> ApiError:
    return ApiError(
        400,
        f"The resource record set '{where}' is invalid because a zone must contain exactly one "
        f"resource record set of type '{type_}' at the apex.",
        "invalidZoneApex",
    )


def one_record(where: str, type_: str) -> ApiError:
    return ApiError(
        400,
        f"The resource record set '{where}' is only permitted to have one record because it is of "
        f"type '{type_}'.",
        "invalidRecordCount",
    )


def cname_conflict(where: str, name: str) -> ApiError:
    return ApiError(
        400,
        f"The resource record set '{where}' is invalid because the DNS name '{name}' may have "
        "either one CNAME resource record set or resource record sets of other types, but not "
        "both.",
        "cnameResourceRecordSetConflict",
    )


def cname_at_apex(where: str) -> ApiError:
    return ApiError(
        400,
        f"The resource record set '{where}' is invalid because a resource record set of type "
        "'CNAME' cannot exist alongside any other type at the zone apex.",
        "recordTypeDisallowedAtZoneApex",
    )


def wildcard(where: str, type_: str) -> ApiError:
    return ApiError(
        400,
        f"The resource record set '{where}' is invalid because a resource record set of type "
        f"'{type_}' cannot be a wildcard.",
        "wildcardNotAllowed",
    )


def not_empty(zone: str) -> ApiError:
    return ApiError(
        400,
        f"The resource named '{zone}' cannot be deleted because it contains one or more "
        "'resource records'.",
        "containerNotEmpty",
    )


def name_not_available(dns_name: str) -> ApiError:
    return ApiError(
        400,
        f"The '{dns_name}' managed zone is not available to be created.",
        "managedZoneDnsNameNotAvailable",
    )


def verify_ownership(dns_name: str) -> ApiError:
    domain = dns_name.rstrip(".")
    return ApiError(
        400,
        f"Please verify ownership of the '{domain}' domain (or a parent) at "
        "http://www.google.com/webmasters/verification/ and try again",
        "verifyManagedZoneDnsNameOwnership",
    )


def quota(where: str, metric: str, limit: int) -> ApiError:
    return ApiError(
        403,
        f"The value of '{where}' exceeds the quota '{metric}', which is {limit}.",
        "quotaExceeded",
    )
