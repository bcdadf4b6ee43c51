"""Changes lines of core modules, one at a time: do the tests of their room notice?

    .venv/bin/python tools/mutate.py [--count 60] [--seconds 900] [--seed 1] [MODULE ...]

A mutation is a comparison or a condition swapped, a constant changed, or a statement left out. It
is made in a copy of lib/, so that the tree stays as it is. The run ends after --seconds; a mutation
that is being tried then does not count. Survivors are said as they are found and in a table at the
end; the exit code is 1 when fewer than 95 % were noticed.
"""

import argparse
import ast
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
WANTED = 0.95
_ticks = itertools.count(1)
GUARDS = ("strict", "frozen")  # arguments of zip and dataclass
PATIENCE = 180  # seconds for one run of tests
CORE = (
    "plan/order.py", "apply/proofs.py", "desired/address.py", "desired/backends.py",
    "desired/certificate.py", "desired/firewall.py", "desired/frontends.py", "desired/routing.py",
    "model/hostnames.py", "model/links.py", "model/marks.py", "plan/attachments.py",
    "plan/backend_changes.py", "plan/compare.py", "plan/diff.py", "plan/disruption.py",
    "plan/dns_answers.py", "plan/dns_records.py", "plan/firewall_changes.py", "plan/holders.py",
    "plan/leaks.py", "plan/make.py", "plan/teardown.py", "verify/causes.py",
    "verify/firewall_rules.py", "verify/firewalling.py", "verify/following.py",
)  # fmt: skip
SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Gt: ast.LtE,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: what is done to which node of a module, by its number in `_nodes`."""

    module: str
    line: int
    way: str
    shown: str
    number: int

    @property
    def what(self) -> str:
        return f"{self.way}: {self.shown}"

    def text(self) -> str:
        """The module's whole new text."""
        tree = _tree(self.module)
        if not _change(tree, _nodes(tree)[self.number], self.way):
            raise LookupError(f"{self.module}:{self.line} {self.what} is in no list of statements")
        return ast.unparse(tree)

    @property
    def room(self) -> str:
        return self.module.partition("/")[0]


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutation of a module."""
    for number, node in enumerate(_nodes(_tree(module))):
        for way in _ways(node):
            yield Mutant(module, node.lineno, way, _short(node), number)


def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / "lib" / "edgebook" / module).read_text(encoding="utf-8"))


def _nodes(tree: ast.Module) -> list[ast.stmt | ast.expr]:
    """Statements and expressions, but for what only guards: assertions, `strict` and `frozen`."""
    found: list[ast.stmt | ast.expr] = []
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop(0)
        if isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg in GUARDS):
            continue
        if isinstance(node, ast.stmt | ast.expr):
            found.append(node)
        left.extend(ast.iter_child_nodes(node))
    return found


def _ways(node: ast.stmt | ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield "comparison swapped"
    elif isinstance(node, ast.BoolOp):
        yield "and/or swapped"
    elif isinstance(node, ast.If | ast.IfExp):
        yield "condition negated"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
        yield "constant changed"
    elif (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Call)
    ) or isinstance(node, ast.AugAssign):
        yield "statement left out"


def _change(tree: ast.Module, node: ast.stmt | ast.expr, what: str) -> bool:
    if what == "comparison swapped":
        assert isinstance(node, ast.Compare)
        node.ops[0] = SWAPPED[type(node.ops[0])]()
    elif what == "and/or swapped":
        assert isinstance(node, ast.BoolOp)
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif what == "condition negated":
        assert isinstance(node, ast.If | ast.IfExp)
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif what == "constant changed":
        assert isinstance(node, ast.Constant)
        node.value = not node.value if isinstance(node.value, bool) else int(node.value) + 1
    else:
        return _without(tree, node)
    return True


def _without(tree: ast.Module, node: ast.stmt | ast.expr) -> bool:
    """Leave a statement out; a generator must stay one."""
    for parent in ast.walk(tree):
        for body in (getattr(parent, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list) and any(item is node for item in body):
                index = next(i for i, item in enumerate(body) if item is node)
                body[index : index + 1] = (
                    ast.parse("if False:\n    yield").body
                    if isinstance(getattr(node, "value", None), ast.Yield | ast.YieldFrom)
                    else [ast.Pass()]
                )
                return True
    return False


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) < 60 else f"{text[:57]}..."


def noticed(mutant: Mutant, lib: Path, seconds: float) -> bool | None:
    """Whether a test of the mutant's room fails; None when `seconds` are too few to tell.

    Tests that hang for PATIENCE have noticed it.
    """
    target = lib / "edgebook" / mutant.module
    kept = target.read_text(encoding="utf-8")
    _write(target, mutant.text())
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
               *_tests(mutant)]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(lib)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # the copy is compiled once
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, timeout=min(PATIENCE, seconds)
        )
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True if seconds >= PATIENCE else None
    finally:
        _write(target, kept)


def _tests(mutant: Mutant) -> list[str]:
    """The tests of its room; those of the module's name and the cases first: they tell sooner."""
    folder = ROOT / "tests" / "unit" / mutant.room
    first = (folder / f"test_{Path(mutant.module).stem}.py", folder / "test_cases.py")
    return [str(path) for path in (*filter(Path.exists, first), folder)]


def _write(target: Path, text: str) -> None:
    """With a time of its own: by time and size Python knows whether bytecode is stale."""
    target.write_text(text, encoding="utf-8")
    moment = time.time_ns() + next(_ticks) * 1_000_000_000
    os.utime(target, ns=(moment, moment))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "modules", nargs="*", default=[], metavar="MODULE", help="plan/diff.py, ..."
    )
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    found = [m for module in args.modules or CORE for m in mutants(module)]
    chosen = random.Random(args.seed).sample(found, min(args.count, len(found)))
    began, made, survived = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        lib = Path(folder) / "lib"
        shutil.copytree(ROOT / "lib", lib, ignore=shutil.ignore_patterns("__pycache__"))
        for mutant in chosen:
            left = args.seconds - (time.monotonic() - began)
            seen = noticed(mutant, lib, left) if left > 0 else None
            if seen is None:
                break
            made += 1
            if not seen:
                survived.append(mutant)
                print(f"survived: {mutant.module}:{mutant.line} {mutant.what}", flush=True)
    return _told(made, len(found), survived)


def _told(made: int, possible: int, survived: list[Mutant]) -> int:
    share = 1 - len(survived) / made if made else 0.0
    table = Table(title=f"{made} of {possible} mutations made, {share:.0%} noticed")
    for name in ("survived", "line", "what"):
        table.add_column(name)
    for mutant in sorted(survived, key=lambda m: (m.module, m.line)):
        table.add_row(mutant.module, str(mutant.line), mutant.what)
    Console(width=120).print(table)
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
