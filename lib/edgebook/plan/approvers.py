"""Who approved: identities that can be checked, and how many of them the params ask for.

One approval is whoever runs the change, under the identity that their credentials prove. Where
`safety.approvals` asks for more, each further one is a statement signed with a key that the params
list under `safety.approvers`; whoever runs the change is its author, and no second person to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from edgebook.base import paste
from edgebook.base.errors import ApprovalError, UsageError
from edgebook.model import signatures
from edgebook.model.people import Person
from edgebook.params.types import SafetySpec
from edgebook.plan import lines

SIGNED = "approval.json"  # what messages call the file with the signatures
SKEW = timedelta(minutes=5)  # by which clocks of two machines may differ


@dataclass(frozen=True)
class Rules:
    """How many people must approve, whose signatures count (name -> public key), and how long."""

    approvals: int = 1
    approvers: Mapping[str, str] = field(default_factory=dict)
    days: int = 7

    @classmethod
    def of(cls, safety: SafetySpec) -> "Rules":
        """As the params have them."""
        return cls(safety.approvals, safety.approvers, safety.approval_days)


class Hashed(Protocol):
    """A plan, or what else is approved by a hash."""

    @property
    def environment(self) -> str: ...

    @property
    def front_door(self) -> str: ...


def statement(hash_: str, asked: Hashed, *, by: str, at: str) -> dict[str, str]:
    """What an approver signs: this plan, of this front door, there, then."""
    return {
        "approves": hash_,
        "environment": asked.environment,
        "front_door": asked.front_door,
        "by": by,
        "at": at,
    }


def statements(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The signed statements of an approval file; ValueError when it has none."""
    found = document["approvals"]
    if not isinstance(found, list) or not all(
        isinstance(item, dict) and isinstance(item.get("statement"), dict) for item in found
    ):
        raise ValueError("approvals are a list of signed statements")
    return tuple(found)


def require(
    signed: tuple[Mapping[str, Any], ...],
    author: Person,
    rules: Rules,
    hash_: str,
    asked: Hashed,
    now: datetime,
    *,
    made: lines.Words = ("plan", "--params", "FILE"),
) -> tuple[Person, ...]:
    """The people who approve; ApprovalError when they are too few, a signature is not true or old.

    `now` has a time zone. `made`: the words of the command that shows what is asked for.
    """
    again = lines.line((*made, "--out", "plan.json"))
    people = {_signer(item, rules, hash_, asked, now, again) for item in signed}
    others = {person for person in people if person.name != author.name}
    counts = author.proven or rules.approvals < 2
    approving = (author, *sorted(others)) if counts else tuple(sorted(people))
    count = len(approving)
    if count < rules.approvals:
        names = ", ".join(sorted(person.name for person in people)) or "nobody"
        unproven = "" if author.proven else "; who runs it is not proven, so does not count"
        raise ApprovalError(
            f"Not approved by enough people: {count} of {rules.approvals}",
            where="safety.approvals",
            why=f"signed by {names}, run by {author.name} ({author.proof}){unproven}",
            next=_one_more(signed, rules, again),
        )
    return approving


def how_signed(rules: SafetySpec | Rules, *words: str) -> str:
    """What a plan says where more than one person must approve; `words`: the command that makes it.

    Empty where one approval is enough.
    """
    if rules.approvals < 2:
        return ""
    sign = ("--as", "NAME", "--key", "KEY.pem", "--out", SIGNED)
    names = " and ".join(sorted(rules.approvers)) or "safety.approvers, which lists nobody yet,"
    return (
        f"{rules.approvals} people must approve it: `{paste.line(*words, '--out', 'plan.json')}`; "
        f"the first of {names} signs with `{paste.line('approve', 'plan.json', *sign)}`, "
        f"the next with `{paste.line('approve', SIGNED, *sign)}`"
    )


def handed_over(safety: SafetySpec, hash_: str) -> str:
    """What --approve is given: the hash, or the file that carries the signatures."""
    return SIGNED if safety.approvals > 1 else hash_


def listed(rules: Rules, name: str, key: str) -> None:
    """UsageError where a signature of that name with that public key would not count."""
    if rules.approvers.get(name) == key:
        return
    owner = next((one for one, its in rules.approvers.items() if its == key), "")
    if name not in rules.approvers:
        why = f"{name} is not there; there are: {', '.join(sorted(rules.approvers)) or 'none'}"
    else:
        why = f"the key of {name} there is {rules.approvers[name]}, this one is {key}"
    raise UsageError(
        "This signature would not count",
        where=f"safety.approvers.{name}",
        why=why + (f" (of {owner})" if owner else ""),
        next="sign with the key of that name, or have the key listed in the params and plan again; "
        "nothing was written",
    )


def _one_more(signed: tuple[Mapping[str, Any], ...], rules: Rules, again: str) -> str:
    """How the next person signs: on top of what is signed, since one file carries all of them."""
    names = {str(item["statement"].get("by", "")) for item in signed}
    left = ", ".join(sorted(set(rules.approvers) - names)) or "one more under safety.approvers"
    how = (
        "`edgebook approve approval.json --as NAME --key KEY.pem --out approval.json` "
        "(approval.json is the file that you gave with --approve)"
        if signed
        else "`edgebook approve plan.json --as NAME --key KEY.pem --out approval.json` "
        f"(plan.json is what `{again}` wrote)"
    )
    return f"{left} signs it: {how}, then give approval.json with --approve"


def _signer(
    item: Mapping[str, Any], rules: Rules, hash_: str, asked: Hashed, now: datetime, again: str
) -> Person:
    said = item["statement"]
    name = str(said.get("by", ""))
    problems = []
    if rules.approvers.get(name) != item.get("key"):
        problems.append(f"{name or 'nobody'} with this key is not listed under safety.approvers")
    if not signatures.verifies(said, item):
        problems.append("the signature is not true")
    if not str(said.get("approves", "")).startswith(hash_) or len(hash_) < 8:
        problems.append(f"it approves {str(said.get('approves'))[:12]}, not {hash_[:12]}")
    for field_name in ("environment", "front_door"):
        if said.get(field_name) != getattr(asked, field_name):
            problems.append(f"it is for {field_name} {said.get(field_name)}")
    problems += _age(str(said.get("at", "")), rules.days, now)
    if problems:
        raise ApprovalError(
            "An approval does not count",
            where=f"approval of {name}",
            why="\n".join(problems),
            next=f"plan again, read it, and have that plan signed: `{again}`, "
            "then `edgebook approve plan.json --as NAME --key KEY.pem --out approval.json`",
        )
    return Person(name, f"signature, {item['key']}", proven=True)


def _age(at: str, days: int, now: datetime) -> list[str]:
    """What is wrong with the time of a statement: none, of tomorrow, or too long ago."""
    try:
        signed = datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return [f"it does not say when it was signed: {at!r}"]
    if signed > now + SKEW:
        return [f"it was signed at {at}, which is not yet"]
    if now - signed > timedelta(days=days):
        return [f"it has expired: signed at {at}, and safety.approval_days is {days}"]
    return []
