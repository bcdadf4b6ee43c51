"""The status of a front door on one page: is it healthy, and if not, why not.

Nothing here reads, writes or waits; the tables are those of `views`.
"""

from edgebook.show.tables import Pages, Table
from edgebook.show.views import Memory, backends_short, certificates, dns, endpoints, frontends
from edgebook.verify.facts import Facts


def status(facts: Facts, memory: Memory) -> Pages:
    """Everything on one page, with whether it is healthy and, if not, why not."""
    plan = facts.plan
    left = f"{len(plan.to_do)} changes to make" if plan.to_do else "nothing to change"
    seen = endpoints(facts, memory)
    fronts, issued = frontends(facts), certificates(facts)
    problems = [*_not_listening(fronts), *_not_active(issued), *_not_healthy(seen)]
    if not seen.rows and not any(row.cells["address"] for row in fronts.rows):
        problems = ["it is not built"]
    tables = (
        fronts,
        issued,
        dns(facts),
        _titled(backends_short(facts, seen), f"backends: {seen.title}", seen.notes),
    )
    said = "healthy" if not problems else f"NOT HEALTHY: {'; '.join(problems)}"
    title = f"front door {facts.names.front_door} in {facts.spec.project}: {said}; {left}"
    data = {
        "front_door": facts.names.front_door,
        "healthy": not problems,
        "problems": problems,
        "changes": len(plan.to_do),
        "hash": plan.hash,
    }
    return Pages(tables, title, data=data)


def _not_listening(fronts: Table) -> list[str]:
    absent = sorted({str(r.cells["frontend"]) for r in fronts.rows if not r.cells["address"]})
    return [f"frontend {name} is not there" for name in absent]


def _not_active(issued: Table) -> list[str]:
    states = {str(r.cells["certificate"]): str(r.cells["state"]) for r in issued.rows}
    return [f"certificate {n}: {state}" for n, state in sorted(states.items()) if state != "ACTIVE"]


def _not_healthy(seen: Table) -> list[str]:
    good = sum(row.cells["health"] == "HEALTHY" for row in seen.rows)
    if not seen.rows:
        return ["no endpoint"]
    return [] if good == len(seen.rows) else [seen.title]


def _titled(table: Table, title: str, notes: tuple[str, ...] = ()) -> Table:
    return Table(table.columns, table.rows, title, notes=(*table.notes, *notes))
