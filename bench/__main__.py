"""`make bench [ONLY=gcpsim]`: run the benchmarks and print each figure beside its limit.

`make bench ONLY=help` says what each measures, and which variables make it longer or shorter.

A benchmark is a module here with `run() -> list[dict]`: what, measured, unit, limit (with `<=` or
`>=` before the number). The exit code is 1 when a figure is beyond its limit.
"""

import ast
import importlib
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

LOAD = "load average {:.1f} on {} cores; figures are of this machine, now"


def within(measured: float, limit: str) -> bool:
    """Whether a figure keeps its limit, such as `<= 1.5`."""
    sign, _, number = limit.partition(" ")
    return measured <= float(number) if sign == "<=" else measured >= float(number)


def described(name: str) -> str:
    """What a benchmark says of itself, without running anything of it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def main(names: list[str]) -> int:
    console = Console(width=max(100, Console().width))
    found = sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
    )
    if names in (["help"], ["--help"]):
        for name in found:
            console.print(f"[bold]{name}[/]", described(name), "", sep="\n", highlight=False)
        return 0
    unknown = [name for name in names if name not in found]
    if unknown:
        console.print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(found)}")
        return 2
    table = Table(title="Benchmarks", caption=LOAD.format(os.getloadavg()[0], os.cpu_count()))
    for name in ("benchmark", "what", "measured", "unit", "limit", ""):
        table.add_column(name, justify="right" if name == "measured" else "left")
    missed = 0
    for name in names or found:
        for row in importlib.import_module(f"bench.{name}").run():
            kept = within(row["measured"], row["limit"])
            missed += not kept
            verdict = "[green]kept[/]" if kept else "[red]missed[/]"
            figure = (
                f"{row['measured']:,.3g}" if row["measured"] < 100 else f"{row['measured']:,.0f}"
            )
            table.add_row(name, row["what"], figure, row["unit"], row["limit"], verdict)
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
