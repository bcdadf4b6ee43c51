"""`gcpsim reach`, `traffic`, `health`, `pods`: where things are served, what flows, who is well."""

import argparse
import json
from collections.abc import Callable
from typing import Any

Ask = Callable[..., Any]
Show = Callable[..., None]


def add_commands(commands: Any, ask: Ask, show: Show) -> None:
    """Add these commands to the parser."""
    for name, run, about in (
        ("reach", _reach, "where each address, port and location is served on this machine"),
        ("traffic", _traffic, "what flowed, per rule, location and backend; what is refused"),
        ("health", _health, "what each prober saw of each endpoint, and why"),
        ("pods", _pods, "where each pod listens on this machine, and how it behaves"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--url", default="", help="the simulator")
        command.add_argument("--json", action="store_true", help="machine-readable output")
        command.set_defaults(run=_runner(run, ask, show))


def _runner(
    run: Callable[[argparse.Namespace, Ask, Show], int], ask: Ask, show: Show
) -> Callable[[argparse.Namespace], int]:
    return lambda arguments: run(arguments, ask, show)


def _nothing(arguments: argparse.Namespace, ask: Ask) -> str:
    """Why there can be nothing to show; "" where there is a data plane."""
    if ask(arguments.url, "GET", "ready").get("dataplane"):
        return ""
    why = "started with --no-dataplane, or without an Envoy for this platform"
    return f"this simulator carries no traffic: {why}"


def _reach(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    rows = ask(arguments.url, "GET", "reach")
    if arguments.json:
        print(json.dumps(rows))
    elif rows:
        show(rows, ("ip", "port", "protocol", "location", "connect", "rule"))
    else:
        print(_nothing(arguments, ask) or "no forwarding rule is served")
    return 0


def _health(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    rows = ask(arguments.url, "GET", "health")
    if arguments.json:
        print(json.dumps(rows))
    elif rows:
        show(rows, ("service", "group", "zone", "endpoint", "location", "state", "probe", "why"))
    else:
        probed = "nothing is probed: no forwarding rule leads to a backend service with endpoints"
        print(_nothing(arguments, ask) or probed)
    return 0


def _pods(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    rows = ask(arguments.url, "GET", "pods")
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        row["sockets"] = " ".join(row["sockets"].values())
        row["behaviour"] = " ".join(f"{k}={v}" for k, v in row["behaviour"].items()) or "-"
    show(rows, ("cluster", "namespace", "pod", "ip", "sockets", "phase", "behaviour"))
    return 0


def _traffic(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    found = ask(arguments.url, "GET", "traffic")
    if arguments.json:
        print(json.dumps(found))
        return 0
    if found["traffic"]:
        show(
            found["traffic"],
            ("rule", "location", "service", "backend", "outcome", "count", "rate", "project"),
        )
    else:
        print(_nothing(arguments, ask) or "nothing flowed yet")
    for one in found["refused"]:
        print(f"not served at {one['location']}: {one['why']}")
    return 0
