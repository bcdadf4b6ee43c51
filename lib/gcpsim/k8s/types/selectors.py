"""Label and field selectors, from their query-string grammar to a test on objects.

`k=v, k!=v, k in (a, b), k notin (a), k, !k`. Fields are dotted paths; which ones a resource
supports is the API's own table, an unsupported one is a 400 as there.
"""

import re
from collections.abc import Callable
from typing import Any

from gcpsim.k8s.types.status import bad_request

Doc = dict[str, Any]
Test = Callable[[Doc], bool]

SET_BASED = re.compile(r"^\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
EQUALITY = re.compile(r"^\s*([^\s!=,()]+)\s*(==|!=|=)\s*([^\s!=,()]*)\s*$")
EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=,()]+)\s*$")
KEY = re.compile(r"^([a-z0-9A-Z.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")

FIELDS: dict[str, set[str]] = {
    "pods": {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    },
    "nodes": {"spec.unschedulable"},
    "namespaces": {"status.phase"},
    "services": {"spec.clusterIP", "spec.type"},
    "secrets": {"type"},
    "replicasets": {"status.replicas"},
    "replicationcontrollers": {"status.replicas"},
    "jobs": {"status.successful"},
    "events": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    },
}


def label_test(selector: str | dict[str, str] | None) -> Test | None:
    """A test on objects for a selector string or a plain dict of labels; None matches all."""
    if not selector:
        return None
    if isinstance(selector, dict):
        return _all_labels(list(selector.items()))
    requirements = [_requirement(text) for text in _split(selector)]

    def test(obj: Doc) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return test


def _all_labels(wanted: list[tuple[str, str]]) -> Test:
    """A test for labels that must all be there; the one that controllers run on every object."""
    (key, value), *more = wanted

    def test(obj: Doc) -> bool:
        labels = obj["metadata"].get("labels")
        if labels is None or labels.get(key) != value:
            return False
        return all(labels.get(name) == text for name, text in more)

    return test


def selector_test(selector: Doc | None) -> Callable[[dict[str, str]], bool]:
    """A test on labels for a LabelSelector object; an empty one matches all, None nothing."""
    if selector is None:
        return lambda labels: False
    wanted = (selector.get("matchLabels") or {}).items()
    requirements = [
        _by_operator(item["key"], item["operator"], set(item.get("values") or ()))
        for item in selector.get("matchExpressions") or ()
    ]
    return lambda labels: wanted <= labels.items() and all(test(labels) for test in requirements)


def field_test(selector: str | None, key: str, custom: bool = False) -> Test | None:
    """A test on objects for a field selector; 400 for fields that the resource does not offer."""
    if not selector:
        return None
    allowed = {"metadata.name", "metadata.namespace"} | FIELDS.get(key, set())
    tests = []
    for part in selector.split(","):
        if not part.strip():
            continue
        match = re.match(r"^\s*([^=!\s]+)\s*(==|!=|=)\s*(.*?)\s*$", part)
        if not match:
            raise bad_request(f"invalid field selector: {part.strip()!r}".replace("'", '"'))
        path, operator, value = match.groups()
        if path not in allowed:
            raise bad_request(f"field label not supported: {path}")
        tests.append((path.split("."), operator != "!=", value))

    def test(obj: Doc) -> bool:
        return all((_field(obj, path) == value) is same for path, same, value in tests)

    return test


def _field(obj: Doc, path: list[str]) -> str:
    value: Any = obj
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return "false" if path[-1] in ("unschedulable", "hostNetwork") else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if path == ["source"]:
        return str(value.get("component", ""))
    return str(value)


def _split(selector: str) -> list[str]:
    parts, depth, part = [], 0, ""
    for char in selector:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    return [*parts, part]


def _requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if match := SET_BASED.match(text):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        return _checked(key, "In" if operator == "in" else "NotIn", values)
    if match := EQUALITY.match(text):
        key, operator, value = match.groups()
        return _checked(key, "NotIn" if operator == "!=" else "In", {value})
    if match := EXISTS.match(text):
        absent, key = match.groups()
        return _checked(key, "DoesNotExist" if absent else "Exists", set())
    raise bad_request(
        f'unable to parse requirement: found "{text.strip()}", expected: a label selector such as '
        "key=value, key!=value, key in (a, b), key notin (a, b), key or !key"
    )


def _checked(key: str, operator: str, values: set[str]) -> Callable[[dict[str, str]], bool]:
    if not KEY.match(key):
        raise bad_request(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": name part must consist '
            "of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character"
        )
    for value in sorted(values):
        if not VALUE.match(value):
            raise bad_request(
                f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": a '
                "valid label must be an empty string or consist of alphanumeric characters, '-', "
                "'_' or '.', and must start and end with an alphanumeric character"
            )
    return _by_operator(key, operator, values)


def _by_operator(key: str, operator: str, values: set[str]) -> Callable[[dict[str, str]], bool]:
    if operator == "In":
        return lambda labels: labels.get(key) in values
    if operator == "NotIn":
        return lambda labels: key not in labels or labels[key] not in values
    if operator == "Exists":
        return lambda labels: key in labels
    return lambda labels: key not in labels
