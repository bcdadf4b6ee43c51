"""A stage's changes as steps for a person: what to set where, in the order that is safe. Pure.

For the moment when the way back itself fails. The order is that of the clients: what takes traffic
is changed before what then has none, as far as it needs nothing that is yet to be made.
"""

from collections.abc import Iterable
from typing import Any

from edgebook.model.fields import top_of
from edgebook.model.kinds import noun, path
from edgebook.model.links import canonical, link
from edgebook.model.values import Action, Change, EachNeg, Live, Plan, Ref
from edgebook.plan.order import in_order

FIRST = ("dnsRecordSet", "backends", "urlMap")


def lines(plan: Plan, live: Live) -> list[str]:
    """One numbered line a change; `live` is what the plan was made against."""
    ordered = in_order(plan.to_do, live, first=FIRST)
    return [f"{number}. {_line(change)}" for number, change in enumerate(ordered, 1)]


def _line(change: Change) -> str:
    where = path(change.key) if "/" in path(change.key) else str(change.key)
    if change.action is Action.DELETE:
        return f"delete {noun(change.key)} {change.key.name} ({where})"
    values = ", ".join(_values(change))
    return f"{change.action.value} {noun(change.key)} {change.key.name} ({where}): {values}"


def _values(change: Change) -> Iterable[str]:
    names = {top_of(name) for name in change.fields} or set(change.after)
    for name in sorted(names - {"description", "labels"}):
        yield f"{name} = {_shown(change.after.get(name))}"


def _shown(value: Any) -> str:
    if isinstance(value, Ref):
        return canonical(link(value.key)) if value.field == "selfLink" else str(value.key)
    if isinstance(value, EachNeg):
        capacity = value.entry.get("capacityScaler")
        at = "" if capacity is None else f" at capacityScaler {capacity:g}"
        zones = (f"{zone} at {scaler:g}" for zone, scaler in sorted(value.capacities.items()))
        return ", ".join([f"NEG {value.name} of {value.cluster}{at}", *zones])
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value)
