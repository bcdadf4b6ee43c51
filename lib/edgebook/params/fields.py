"""What a key of a params file may hold, said once: the reader and the JSON Schema come from it.

A params object is a frozen dataclass; each of its fields is made by `key`, with the sentence for
editors and the limits that the value must keep. Checks across fields stand in `checks`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

Seconds = NewType("Seconds", int)
"""A duration: 60, 60s, 10m or 1h in the params; whole seconds in the Spec."""

Percent = NewType("Percent", float)
"""A share: 50% in the params, 0.5 in the Spec."""

ApiFields = NewType("ApiFields", dict[str, Any])
"""Fields of Google's own resource, checked against the API's types."""


@dataclass(frozen=True)
class Pattern:
    """A regular expression with the words that people get to see."""

    regex: str
    words: str


NAME = Pattern(
    r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    "lower-case letters, digits and hyphens, first a letter, last no hyphen, at most 63",
)
PROJECT = Pattern(r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]", "a project id, such as shop-prod")
LABEL_NAME = Pattern(r"[a-z][-_a-z0-9]{0,62}", "a lower-case letter, then letters, digits, - or _")
SERVICE = Pattern(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", "a Kubernetes name")
HOSTNAME = Pattern(
    r"(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
    "a full name in lower case, such as shop.example.com or *.shop.example.com, no trailing dot",
)
NETWORK = Pattern(
    r"([a-z]([-a-z0-9]{0,61}[a-z0-9])?|projects/[^/]+/global/networks/[^/]+)",
    "a network's name, or projects/P/global/networks/N for a shared VPC",
)
NEG_NAME = Pattern(
    r"[a-z]([-a-z0-9]|\{cluster\}){0,61}",
    "a name of at most 63; {cluster} stands for the cluster's name",
)
LOCATION = Pattern(r"[a-z]+-[a-z]+\d+(-[a-z])?", "a region or a zone, such as europe-west1")
PATH_RULE = Pattern(r"/([^*?#]*|([^*?#]*/)?\*)", "a path such as /api, or /api/* with * only last")
URL_PATH = Pattern(r"/[^\s#]*", "a path that begins with /")
HEADER = Pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:.*", "Name: value")
SECRET = Pattern(
    r"projects/[^/]+/secrets/[^/]+/versions/[^/]+",
    "projects/P/secrets/S/versions/V of Secret Manager",
)
PERSON = Pattern(r"[^\s,]{1,100}", "a name or address without spaces")
PUBLIC_KEY = Pattern(r"ed25519:[A-Za-z0-9+/]{43}=", "ed25519: and 44 characters of base64")
ENVIRONMENT_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")


@dataclass(frozen=True)
class Rule:
    """The limits of one key."""

    doc: str
    pattern: Pattern | None = None
    keys: Pattern | None = None  # of a mapping's keys
    minimum: float | None = None
    maximum: float | None = None
    at_least: int = 0  # items of a list
    api: str = ""  # the API type that `api:` is checked against; empty: decided by a check
    shorthand: str = ""  # a plain string stands for an object with only this key


def key(doc: str, default: Any = dataclasses.MISSING, **limits: Any) -> Any:
    """A field of a params object; without `default` the key must be there."""
    metadata = {"rule": Rule(doc, **limits)}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def google(doc: str, type_name: str = "") -> Any:
    """An `api:` key: fields of Google's own resource; `type_name` is its type there."""
    return key(doc, {}, api=type_name)


def rule_of(field: "dataclasses.Field[Any]") -> Rule:
    rule: Rule = field.metadata["rule"]
    return rule


def required(field: "dataclasses.Field[Any]") -> bool:
    no_default = field.default is dataclasses.MISSING
    return no_default and field.default_factory is dataclasses.MISSING
