"""The words of changes: values, record sets, NEGs, as they stand in a sentence. Pure."""

from collections.abc import Mapping
from typing import Any

from edgebook.model.links import canonical
from edgebook.model.paths import name_of, project_of, zone_of
from edgebook.model.record_sets import answers
from edgebook.model.values import ResourceKey, to_json
from edgebook.plan import details
from edgebook.plan.attachments import Attachments

TOLD = 3


def shown(value: Any) -> str:
    """A value in a sentence: links by their last part, long lists by their length."""
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return name_of(value) if value.startswith("projects/") else value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if len(value) <= 4:
            return ", ".join(sorted(shown(item) for item in value))
        return f"{len(value)} items"
    if isinstance(value, list) and all("IPProtocol" in item for item in value):
        return ", ".join(f"{r['IPProtocol']}:{','.join(r.get('ports') or ())}" for r in value)
    if isinstance(value, list):
        return f"{len(value)} item{'s' if len(value) != 1 else ''}"
    return (
        "a block"
        if isinstance(value, Mapping)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def inside(path: str, before: Any, after: Any) -> str:
    """What differs within a list or a block, as far as a sentence can hold it."""
    found = sorted(details.leaves(before, to_json(after), path))
    said = [str(leaf) for leaf in found[:TOLD]]
    more = len(found) - len(said)
    return ", ".join([*said, f"{more} more"] if more else said) or f"{path}: changed"


def record(body: Mapping[str, Any]) -> str:
    """A record set in words: where it leads, whatever rule decides."""
    data = ", ".join(str(item) for item in body.get("rrdatas") or ()) or policy(body)
    return f"{body.get('type')} to {data}, TTL {body.get('ttl')}"


def policy(body: Mapping[str, Any]) -> str:
    """A record set's routing policy in words: its kind, and all that it may answer."""
    found = body.get("routingPolicy") or {}
    kind = next((name for name in ("wrr", "geo", "primaryBackup") if found.get(name)), "")
    values = ", ".join(sorted(answers(found)))
    return f"a routing policy ({kind} of {values})" if values else "a routing policy"


def attaching(seen: Attachments) -> str:
    parts = []
    for cluster in sorted({seen.clusters[canonical(neg.link)] for neg in seen.missing}):
        zones = [n.zone for n in seen.missing if seen.clusters[canonical(n.link)] == cluster]
        parts.append(f"attach {', '.join(sorted(zones))} of {cluster}")
    parts += [f"attach the NEGs of {cluster} when GKE has made them" for cluster in seen.waiting]
    if seen.changed:
        count = len(seen.changed)
        parts.append(f"balancing of {count} NEG{'s' if count != 1 else ''}")
    return "; ".join(parts)


def detaching(seen: Attachments) -> str:
    """What is taken out, and why."""
    zones = sorted(zone_of(str(entry.get("group", ""))) for entry in seen.stale)
    of = f" of {', '.join(seen.serving)}" if seen.serving else ""
    names = sorted({name_of(str(entry.get("group", ""))) for entry in seen.stale})
    return f"detach {', '.join(names)} {', '.join(zones)}{of}"


def held(key: ResourceKey, holders: str, *, unread: bool) -> str:
    """What stays since others hold it; `unread`: a rule of a cluster that is not read."""
    text = f"no longer in the params, but held by {holders}: left alone until that lets go"
    if unread:
        line = f"gcloud compute firewall-rules delete {key.name} --project {project_of(key.scope)}"
        text += f"; its cluster is not read, and when no pods of theirs are in it: `{line}`"
    return text
