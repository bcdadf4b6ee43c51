"""Params YAML to Spec: `load` reads and checks a text, and raises one ParamsError with all of it.

Pure: no network, no Google packages. Where the text comes from (a file, a URL) is the caller's
business.
"""

from pathlib import Path

from edgebook.base.errors import ParamsError, Problem
from edgebook.base.shipped import params_file
from edgebook.params.checks import check
from edgebook.params.literals import secrets_in
from edgebook.params.reader import UNREAD, Reader
from edgebook.params.source import compose, lines_of
from edgebook.params.types import Spec

SCHEMA = "params/schema.json"

__all__ = ["SCHEMA", "ParamsError", "Problem", "Spec", "load", "load_file"]


def load(text: str, name: str) -> Spec:
    """The Spec of a params text; `name` is how messages call it. Raises ParamsError."""
    tree, problems = compose(text)
    if tree is None:
        raise ParamsError(name, problems, params_file(SCHEMA))
    reader = Reader()
    spec = reader.object(Spec, tree, "")
    found = problems + reader.problems
    if spec is not UNREAD:
        found.extend(check(spec, dict(lines_of(tree))))
    found += list(secrets_in(tree))
    if found:
        raise ParamsError(name, list(set(found)), params_file(SCHEMA))
    result: Spec = spec
    return result


def load_file(path: str | Path) -> Spec:
    """The Spec of a local params file."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        gone = isinstance(error, FileNotFoundError)
        way = f"; to write a first one: edgebook init --params {path}" if gone else ""
        raise ParamsError(str(path), [Problem(0, "", f"cannot be read: {reason}{way}")]) from error
    return load(text, str(path))
