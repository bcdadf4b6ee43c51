"""What people wished of a resource of ours and the params do not mention: it stays, and is told.

Somebody may have set it by hand (Cloud Armor in an emergency), or the params had it once. Nothing
tells the two apart, so nothing is taken away in silence, and nothing stays in silence either.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.model import fields
from edgebook.model.fields import top_of
from edgebook.model.kinds import kind_of
from edgebook.model.marks import LABEL, owner
from edgebook.model.paths import name_of, project_of
from edgebook.model.values import Change, Live, LiveResource, Ownership, Resource
from edgebook.plan.changes import report
from edgebook.plan.compare import is_set

LEFT = "and not in the params: left as it is"  # what checks know such a report by

# By field: how it is taken off where no `api:` block of the params says it.
GCLOUD = {
    "securityPolicy": '--security-policy ""',
    "edgeSecurityPolicy": '--edge-security-policy ""',
    "sslPolicy": "--clear-ssl-policy",
}
PARAMS = {
    "iap.enabled": "`iap: {enabled: false}`",
    "cdnPolicy.defaultTtl": "`cdn.default_ttl`",
    "cdnPolicy.clientTtl": "`cdn.client_ttl`",
    "cdnPolicy.maxTtl": "`cdn.max_ttl`",
}
BLOCKS = {"urlMap": "url_map_api"}  # where the block is called otherwise
COMMANDS = {
    "backendService": "backend-services update {name} --global",
    "targetHttpsProxy": "target-https-proxies update {name} --global",
    "targetSslProxy": "target-ssl-proxies update {name}",
}


def unmentioned(resource: Resource, found: LiveResource) -> Iterator[Change]:
    """One report for everything that stays as somebody set it, of what edgebook created."""
    if resource.ownership is not Ownership.CREATED:
        return
    stays = {
        path: value
        for path, none in kind_of(resource.key).wishes.items()
        if not _mentioned(resource.body, path)
        and is_set(value := fields.at(found.body, path))
        and value != none
    }
    for path, value in sorted(stays.items()):
        text = f"{path} is {_shown(value)} {LEFT}"
        yield report(resource.key, resource.step, f"{text}; {_way(resource, path)}")


def labels_left(desired: Iterable[Resource], live: Live) -> Iterator[Change]:
    """Labels of ours that the params do not mention: they had them once, or others set them.

    One report a label, at the first resource that has it. Labels of tools that say whose they are
    (our own lease, Google's) are none of them.
    """
    found: dict[tuple[str, str], list[Resource]] = {}
    for resource in desired:
        item = live.get(resource.key)
        if item is None or not kind_of(resource.key).labels:
            continue
        mine = resource.body.get("labels") or {}
        if resource.ownership is Ownership.CREATED and owner(item.body) == mine.get(LABEL):
            for name, value in sorted((item.body.get("labels") or {}).items()):
                if name not in mine and not name.startswith((LABEL, "goog-")):
                    found.setdefault((name, str(value)), []).append(resource)
    for (name, value), resources in sorted(found.items()):
        first = resources[0]
        more = f" and of {len(resources) - 1} more" if len(resources) > 1 else ""
        text = (
            f"label {name}={value} of it{more} is not in the params: left as it is, since nothing "
            "tells who set it"
        )
        yield report(first.key, first.step, text)


def _mentioned(body: Mapping[str, Any], path: str) -> bool:
    top = top_of(path)
    if top == path:
        return path in body
    if top == "cdnPolicy" and top not in body:
        return True  # without CDN its policy says nothing
    inside = body.get(top)
    return isinstance(inside, Mapping) and path.partition(".")[2] in inside


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return "set"
    return name_of(value) if isinstance(value, str) else str(value)


def _way(resource: Resource, path: str) -> str:
    if flag := GCLOUD.get(path):
        command = COMMANDS[resource.kind].format(name=resource.name)
        project = project_of(resource.key.scope)
        return f"to take it off: `gcloud compute {command} --project {project} {flag}`"
    if wish := PARAMS.get(path):
        return f"{wish} in the params says otherwise"
    top = top_of(path)
    inner = f"{{{top}: null}}" if top == path else f"{{{path.partition('.')[2]}: null}}"
    return f"`{BLOCKS.get(resource.kind, 'api')}: {inner}` in the params takes it off"
