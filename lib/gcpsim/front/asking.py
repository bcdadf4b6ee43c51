"""Talking to a running simulator: which one, with which token, and what it answered."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gcpsim.core.text import plain
from gcpsim.front import registry


class CommandError(Exception):
    """One line for the user, exit code 2."""


def find(url: str) -> str:
    """The running simulator: --url, GCPSIM_URL, or the only one that runs for this folder."""
    if url or os.environ.get("GCPSIM_URL"):
        return (url or os.environ["GCPSIM_URL"]).rstrip("/")
    found = registry.nearest(registry.running(), Path.cwd())
    if not found:
        raise CommandError("no simulator is running; start one with: gcpsim serve")
    if len(found) > 1:
        known = "; ".join(f"--url {_url(ready)} ({ready['place']})" for ready in found)
        raise CommandError(f"{len(found)} simulators are running; say which: {known}")
    return _url(found[0])


def _url(ready: dict[str, Any]) -> str:
    return str(ready["env"]["GCPSIM_URL"])


def token_of(url: str) -> str:
    """The token of the simulator at a URL: from the environment, or from what it wrote down."""
    if os.environ.get("GCPSIM_URL", "").rstrip("/") == url and os.environ.get("GCPSIM_TOKEN"):
        return os.environ["GCPSIM_TOKEN"]
    found = [ready for ready in registry.running() if _url(ready) == url]
    return str(found[0]["env"].get("GCPSIM_TOKEN", "")) if found else ""


def ask(url: str, verb: str, path: str, body: Any = None) -> Any:
    """One request to the stage door of a running simulator."""
    base = find(url)
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Gcpsim-Token": token_of(base)}
    request = urllib.request.Request(f"{base}/_sim/{path}", data, headers, method=verb)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=600
        ) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        try:
            why = json.loads(error.read())["error"]["message"]
        except (ValueError, KeyError):
            why = f"HTTP {error.code}"
        raise CommandError(why) from None
    except (OSError, ValueError) as error:
        raise CommandError(
            f"no simulator answers at {base}: {error}; start one with: gcpsim serve"
        ) from None


def show(rows: list[dict[str, Any]], columns: Sequence[str]) -> None:
    """Rows as an aligned table."""
    table = [list(columns)] + [[plain(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
