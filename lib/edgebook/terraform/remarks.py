"""What the comments of an exported file say: what its first plan will show, and what is missing.

Google's provider shows changes after an import although nothing differs. Each is said where a file
has it, so that a plan with anything else is read as what it is. Decides nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from edgebook.base.text import counted
from edgebook.model.kinds import named
from edgebook.model.values import Action, Plan
from edgebook.terraform.hcl import Block

WRITTEN = "Written by `edgebook export --format terraform`. Plan it first."
NOTHING = "After the import it should change nothing."
CHANGES = "After the import it sets in place what the provider can't read back, and nothing else:"
# Blocks whose absent arguments have defaults in the provider, which Google does not return.
FILLED = {
    "circuit_breakers": frozenset(
        {"max_connections", "max_pending_requests", "max_requests", "max_retries"}
    ),
    "outlier_detection": frozenset(
        {
            "consecutive_errors",
            "consecutive_gateway_failure",
            "enforcing_consecutive_errors",
            "enforcing_consecutive_gateway_failure",
            "enforcing_success_rate",
            "max_ejection_percent",
            "success_rate_minimum_hosts",
            "success_rate_request_volume",
            "success_rate_stdev_factor",
        }
    ),
}


def head(imported: Sequence[Block], unfinished: Sequence[str] = ()) -> str:
    """The head of the file, one line for each kind of change that its first plan shows."""
    if not imported:
        return WRITTEN
    changes = [f"- {line}" for line in _changes(imported)]
    if unfinished:
        return "\n".join([WRITTEN, *unfinished, *changes])
    return "\n".join([WRITTEN, CHANGES, *changes] if changes else [f"{WRITTEN} {NOTHING}"])


def unfinished(plan: Plan) -> list[str]:
    """What exists and is not as the params want it, and what of it Terraform does not know."""
    changes = [change for change in plan.to_do if change.action is not Action.CREATE]
    if not changes:
        return []
    gone = {named(change.key) for change in changes if change.action is Action.DELETE}
    other = {named(change.key) for change in changes} - gone
    found = ["Not all is as the params want it: apply the plan first, and export again."]
    if other:
        found.append(f"Terraform would change at once, in no order: {', '.join(sorted(other))}.")
    if gone:
        found.append(f"It knows nothing of what is left over: {', '.join(sorted(gone))}.")
    return found


def _changes(imported: Sequence[Block]) -> Iterator[str]:
    labelled = sum("labels" in resource.values for resource in imported)
    if labelled:
        yield f"labels of {counted(labelled, 'resource')}: an import leaves them empty in the state"
    for resource in imported:
        where = ".".join(resource.labels)
        for block in resource.blocks:
            if block.type == "iap" and "oauth2_client_secret" in block.values:
                yield f"{where}: iap.oauth2_client_secret, of which only a hash can be read"
            absent = sorted(FILLED.get(block.type, frozenset()) - set(block.values))
            if absent:
                yield f"{where}: {block.type} ({', '.join(absent)}), to the provider's defaults"


def left_out(arguments: Iterable[str]) -> str:
    """Above a resource whose body has fields that the provider does not know."""
    names = sorted(set(arguments))
    if not names:
        return ""
    return f"Left out, since the provider has no such argument: {', '.join(names)}."
