"""What may be a name: formats of object names, labels and ports, and how refusals put them."""

import functools
import re
from collections.abc import Callable

from gcpsim.k8s.types.status import Cause, invalid_value

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
VALUE = f"({QUALIFIED})?"

Rule = Callable[[str], str]


def _fits(pattern: str, text: str) -> bool:
    return _compiled(pattern)(text) is not None


@functools.cache
def _compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern).fullmatch


def subdomain(text: str) -> str:
    """Why a text is no RFC 1123 subdomain; empty when it is one."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    if _fits(SUBDOMAIN, text):
        return ""
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
        f"used for validation is '{SUBDOMAIN}')"
    )


def label(text: str) -> str:
    if len(text) > 63:
        return "must be no more than 63 characters"
    if _fits(LABEL, text):
        return ""
    return (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
        "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
        f"used for validation is '{LABEL}')"
    )


def label_1035(text: str) -> str:
    if len(text) > 63:
        return "must be no more than 63 characters"
    if _fits(LABEL_1035, text):
        return ""
    return (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        f"'abc-123', regex used for validation is '{LABEL_1035}')"
    )


def path_segment(text: str) -> str:
    if text in (".", ".."):
        return f"may not be '{text}'"
    found = [char for char in "/%" if char in text]
    return f"may not contain '{found[0]}'" if found else ""


@functools.lru_cache(maxsize=4096)
def qualified(text: str) -> str:
    """Why a text is no label or annotation key."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        why = subdomain(prefix.lower())
        if why:
            return "prefix part " + why
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if _fits(QUALIFIED, name):
        return ""
    return (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "
        f"used for validation is '{QUALIFIED}')"
    )


@functools.lru_cache(maxsize=4096)
def label_value(text: str) -> str:
    if len(text) > 63:
        return "must be no more than 63 characters"
    if _fits(VALUE, text):
        return ""
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        f"'my_value',  or '12345', regex used for validation is '{VALUE}')"
    )


def port_name(text: str) -> str:
    """Why a text is no IANA_SVC_NAME."""
    if len(text) > 15:
        return "must be no more than 15 characters"
    if not _fits("[-a-z0-9]+", text):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", text):
        return "must contain at least one letter (a-z)"
    if "--" in text:
        return "must not contain consecutive hyphens"
    if text[0] == "-" or text[-1] == "-":
        return "must not begin or end with a hyphen"
    return ""


def config_key(text: str) -> str:
    if len(text) > 253:
        return "must be no more than 253 characters"
    if _fits(r"[-._a-zA-Z0-9]+", text) and text not in (".", "..") and not text.startswith(".."):
        return ""
    return (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
        "'[-._a-zA-Z0-9]+')"
    )


def check(rule: Rule, field: str, text: str) -> list[Cause]:
    """The refusal of a text, if its rule has one."""
    why = rule(text)
    return [invalid_value(field, text, why)] if why else []


def labels_causes(field: str, labels: dict[str, str] | None) -> list[Cause]:
    causes = []
    for key, value in (labels or {}).items():
        causes += check(qualified, field, key)
        causes += check(label_value, field, value)
    return causes


def group_of(api_version: str) -> str:
    """The group of an apiVersion: `apps` of `apps/v1`, "" of `v1`."""
    return api_version.rpartition("/")[0]
