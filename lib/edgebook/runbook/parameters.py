"""Strict parameters: what a notebook takes is read from its cell, and everything else is refused.

A comment `# a secret's place: ...` makes a parameter the name of a secret: a value that is none is
refused before a record begins, and not repeated, as it may be the secret itself.

The cell tagged `parameters` holds plain assignments of literals. The default gives the type, a
comment `# plan | apply` behind it the values that are allowed, and a default of None makes the
parameter required. papermill only warns about unknown names; here nothing runs with one.
"""

import ast
import difflib
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml

from edgebook.base.errors import UsageError
from edgebook.model.values import SecretRef

TAG = "parameters"
PLACE = "a secret's place"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook; `choices` is empty when any value of the type will do.

    `secret`: it says where a secret is, and never the secret. `about` is the comment behind it.
    """

    name: str
    default: Any
    choices: tuple[str, ...] = ()
    secret: bool = False
    about: str = ""

    @property
    def required(self) -> bool:
        return self.default is None


def read_parameters(path: Path) -> dict[str, Parameter]:
    """What a notebook takes. Raises UsageError unless it has one readable parameters cell."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise UsageError(f"No notebook {path}", next="ls notebooks/") from None
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise UsageError(f"{path} is not a notebook", why=str(error)) from None
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) != 1 or cells[0].cell_type != "code":
        seen = f"{len(cells)} cells are tagged {TAG!r}; one code cell must be"
        raise UsageError(
            "A notebook without a parameters cell" if not cells else "Odd parameters cells",
            where=str(path),
            why=seen,
            next="start new notebooks from notebooks/_template.ipynb",
        )
    return parse_parameters(cells[0].source, str(path))


def parse_parameters(source: str, where: str) -> dict[str, Parameter]:
    """The assignments of a parameters cell."""
    comments = _comments(source)
    found = {}
    try:
        for statement in ast.parse(source).body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    default = ast.literal_eval(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    default = ast.literal_eval(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=None):
                    default = None
                case _:
                    raise ValueError(f"line {statement.lineno} is no assignment of a literal")
            comment = comments.get(statement.lineno, "")
            words = comment.split("  ")[0].split("|")
            choices = tuple(word.strip() for word in words) if len(words) > 1 else ()
            found[name] = Parameter(name, default, choices, comment.startswith(PLACE), comment)
    except (SyntaxError, ValueError) as error:
        why = f"parameters are plain assignments of literals; {error}"
        raise UsageError("Parameters cell cannot be read", where=where, why=why) from None
    return found


def check(given: Mapping[str, Any], known: Mapping[str, Parameter], where: str) -> dict[str, Any]:
    """The given values, converted to the parameters' types; UsageError lists all that is wrong."""
    problems = []
    values = {}
    for name, value in sorted(given.items()):
        parameter = known.get(name)
        if parameter is None:
            problems.append(_unknown(name, known))
            continue
        try:
            values[name] = _convert(value, parameter)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    missing = [p for name, p in known.items() if p.required and name not in given]
    problems.extend(
        f"{p.name}: must be given" + (f": {p.about}" if p.about else "") for p in missing
    )
    if problems:
        title = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} with the parameters"
        give = " ".join(f"-p {p.name} VALUE" for p in missing)
        give = " ".join(f"-p {p.name} VALUE" for p in missing)
        way_on = f"nothing was run; give {give}" if give else "nothing was run"
        raise UsageError(title, where=where, why="\n".join(problems), next=way_on)
    return values


def from_file(path: Path) -> dict[str, Any]:
    """Parameters from a YAML file, as papermill's -f takes them."""
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(
            "Parameters file cannot be read", where=str(path), why=str(error)
        ) from None
    if not isinstance(values, dict):
        raise UsageError("Parameters file is no mapping", where=str(path), why="write name: value")
    return {str(name): value for name, value in values.items()}


def _convert(value: Any, parameter: Parameter) -> Any:
    if parameter.secret and value and SecretRef.named(str(value)) is None:
        raise ValueError("not the place of a secret: env:NAME, or projects/PROJECT/secrets/NAME")
    kind = type(parameter.default)
    if isinstance(value, str) and kind not in (str, type(None)):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{value!r} is no {kind.__name__}") from None
    if kind is str and isinstance(value, int | float):
        value = str(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is not type(None) and type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}, like the default {parameter.default!r}")
    if parameter.choices and str(value) not in parameter.choices:
        raise ValueError(f"{value!r}; allowed: {', '.join(parameter.choices)}")
    return value


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f'{name}: unknown parameter; did you mean "{near[0]}"?'
    return f"{name}: unknown parameter; it takes {', '.join(sorted(known))}"


def _comments(source: str) -> dict[int, str]:
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("# ")
    except (tokenize.TokenError, IndentationError):
        return {}
    return found
