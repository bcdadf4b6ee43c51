"""Who is refused reads the very plan that was asked for, by the line that the refusal names.

Each refusal of an approval, by each door: its line is taken from what is printed, run as it stands,
and shows the hash that the refusal names. A ladder and a teardown have plans of their own.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.book import Book, open
from edgebook.model import signatures

from tests import yamls
from tests.contract.edgebook.test_pasted import pasted
from tests.contract.edgebook.test_printed import ran

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
SWAP = ["run", "operate/swap", "-p", "to", "green", "-p", "steps", "[50, 100]"]
SWAPPED = "plan operate/swap -p steps '[50, 100]' -p to green --params 'my params.yaml'"
BACKENDS = "teardown --params 'my params.yaml' --step backends"
FIREWALL = ["--step", "firewall"]
WRONG = "0123abcd"
# What is asked for, and the line that shows it, behind the program.
COMMANDS: dict[str, tuple[list[str], str]] = {
    "a change": (["run"], "plan --params 'my params.yaml'"),
    "one step": (["apply", *FIREWALL], "plan --params 'my params.yaml' --step firewall"),
    "a move": (SWAP, SWAPPED),
    "a move back": ([*SWAP, "--mode", "back"], SWAPPED),
    "a move by its file": (
        ["run", str(NOTEBOOKS / "operate" / "swap.ipynb"), *SWAP[2:]],
        SWAPPED,
    ),
    "a numbered move": (["run", "80_cut_over"], "plan 80_cut_over --params 'my params.yaml'"),
    "a teardown": (["teardown"], "teardown --params 'my params.yaml'"),
    "a part of it": (["teardown", "--step", "backends"], BACKENDS),
    "a teardown's notebook": (["run", "operate/teardown", "-p", "steps", "[backends]"], BACKENDS),
}
# A run is refused after it has planned, so only a move is also tried with another hash.
APPROVED = [
    *((asked, "" if words[0] == "run" else WRONG) for asked, (words, _) in COMMANDS.items()),
    ("a move", WRONG),
]


@dataclass(frozen=True)
class Here:
    """The folder where lines are pasted, and its shop."""

    shop: Any
    folder: Path

    def book(self, **safety: Any) -> Book:
        return open(self.file("my params.yaml", **safety))

    def file(self, name: str, **safety: Any) -> str:
        archive = {"archive": str(self.folder / "records")}
        body = self.shop.params(records=archive)
        body["safety"] = {**body["safety"], **safety}
        (self.folder / name).write_text(yamls.write(body))
        return name


@pytest.fixture(scope="module")
def here(quiet_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A front door that stands but for one firewall rule, so that there is something to do."""
    found = Here(quiet_shop, tmp_path_factory.mktemp("here"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found.folder)
        patch.setenv("PATH", "/usr/bin:/bin")
        book = found.book()
        book.apply("apply", "auto", show_progress=False)
        rules = [key for key in book.door.read().live if key.kind == "firewall"]
        ours = next(key for key in sorted(rules) if key.name.startswith("shop-allow"))
        where = f"compute/v1/{ours.scope}/firewalls/{ours.name}"
        book.door.wire.request("compute", "DELETE", where)
        yield found


def line_in(said: str) -> str:
    """The one line in backticks that shows a plan."""
    found = re.findall(r"`([^`]*edgebook (?:plan|teardown) [^`]*)`", said)
    assert len(set(found)) == 1, said
    return str(found[0])


def shows(line: str, hash_: str, capsys: Any) -> None:
    code, out, err = ran(shlex.split(line)[1:], capsys)
    assert code == 0, f"{line}\n{err}"
    assert hash_ in out, f"{line}\n{out}"


@pytest.mark.parametrize(("asked", "given"), APPROVED)
def test_the_line_of_a_refusal_shows_the_plan_that_it_refuses(
    asked: str, given: str, here: Here, capsys: Any
) -> None:
    words, behind = COMMANDS[asked]
    approval = ["--approve", given] if given else []
    code, out, err = ran([*words, "--params", here.file("my params.yaml"), *approval], capsys)
    said = out + err
    assert code == 3, said
    line = line_in(said)
    assert line.endswith(f"edgebook {behind}")
    (hash_,) = set(re.findall(r"--approve ([0-9a-f]{8})\b", said))
    assert hash_ != WRONG
    shows(line, hash_, capsys)


def test_it_is_pasted_into_a_shell_that_has_nothing_on_its_path(here: Here, capsys: Any) -> None:
    params = ["--params", here.file("my params.yaml")]
    _, _, err = ran([*SWAP, *params, "--approve", "nonsense"], capsys)
    done = pasted(line_in(err), here.shop, here.folder)
    assert done.returncode == 0 and "operate/swap" in done.stdout, done.stderr + done.stdout


@pytest.mark.parametrize("asked", COMMANDS)
def test_what_is_no_hash_is_told_the_line_that_shows_one(
    asked: str, here: Here, capsys: Any
) -> None:
    words, behind = COMMANDS[asked]
    params = ["--params", here.file("my params.yaml")]
    code, _, err = ran([*words, *params, "--approve", "nonsense"], capsys)
    assert code == 2 and "Not a plan's hash" in err
    assert line_in(err).endswith(f"edgebook {behind}")


ASKED: dict[str, Any] = {
    "one step": lambda book, given: book.step("firewall").apply("apply", given),
    "all of them": lambda book, given: book.apply("apply", given),
    "a move": lambda book, given: book.move("swap", to="green", steps=[50, 100]).apply(
        "apply", given
    ),
    "a teardown": lambda book, given: book.teardown().apply("apply", given),
    "a part of it": lambda book, given: book.teardown("backends").apply("apply", given),
}


@pytest.mark.parametrize("given", ["", WRONG, "nonsense"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_cell_is_told_the_line_and_what_to_write(
    asked: str, given: str, here: Here, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook runs in its own folder, and names its params from there."""
    (here.folder / "operate").mkdir(exist_ok=True)
    file = here.file("my params.yaml")
    monkeypatch.chdir(here.folder / "operate")
    with pytest.raises(EdgebookError) as refused:
        ASKED[asked](open(f"../{file}"), given)
    said = refused.value.next
    (hash_,) = re.findall(r'give approve = "([0-9a-f]{8})"', said)
    monkeypatch.chdir(here.folder)
    shows(line_in(said), hash_, capsys)


def test_too_many_deletes_name_the_line_that_plans_again(here: Here, capsys: Any) -> None:
    params = ["--params", here.file("tight.yaml", teardown=1)]
    (hash_,) = {json.loads(ran(["teardown", *params, "--json"], capsys)[1])["hash"][:8]}
    code, out, err = ran(["run", "operate/teardown", *params, "--approve", hash_], capsys)
    assert code == 3 and "safety.teardown" in out + err
    assert line_in(out + err).endswith("edgebook teardown --params tight.yaml")
    shows(line_in(ran(["teardown", *params], capsys)[1]), hash_, capsys)


def test_where_two_must_approve_each_line_leads_to_the_next(here: Here, capsys: Any) -> None:
    """From the refusal to the end of the move, by nothing but what is printed."""
    keys = {
        name: signatures.public_name(signatures.make_key(here.folder / f"{name}.pem"))
        for name in ("ann", "ben")
    }
    params = ["--params", here.file("two.yaml", approvals=2, approvers=keys)]
    code, out, err = ran([*SWAP, *params], capsys)
    assert code == 3
    made, first, second, carry = re.findall(r"`([^`]*edgebook [^`]*)`", out + err)
    shows(made, re.findall(r"([0-9a-f]{8}) is not approved", out + err)[0], capsys)
    for line, name in ((first, "ann"), (second, "ben")):
        own = {"NAME": name, "KEY.pem": f"{name}.pem"}
        words = [own.get(word, word) for word in shlex.split(line)[1:]]
        assert ran(words, capsys)[0] == 0, line
    assert ran(shlex.split(carry)[1:], capsys)[0] == 0
