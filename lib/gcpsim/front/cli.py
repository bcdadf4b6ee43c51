"""The command line of gcpsim: serve, and the commands that talk to a running simulator.

`serve` imports the server; the others only speak HTTP to the stage door, found by --url, GCPSIM_URL
or by the folder it was started in (`registry`). Wrong use is one line and exit code 2.
"""

import argparse
import asyncio
import difflib
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gcpsim.core.text import plain
from gcpsim.front.asking import CommandError, ask, show, token_of

FAULT_HELP = (
    "effect=http service=compute verb=POST collection=backendServices nth=2 times=1 code=503 "
    "reason=backendError ..."
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except CommandError as error:
        print("\n".join(map(plain, f"gcpsim: {error}".splitlines())), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        print(f"{self.prog}: {plain(message)} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gcpsim", description="A local Google Cloud and GKE to rehearse on.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _serve_options(commands.add_parser("serve", help="run a simulator in the foreground"))
    for name, run, about in (
        ("env", _env, "exports for a shell: gcloud, kubectl and the libraries then talk to it"),
        ("calls", _calls, "which client asked for what, and how often"),
        ("clock", _clock, "read, pause, scale or advance simulated time"),
        ("fault", _fault, "script a fault, list the faults, or clear them"),
        ("mark", _mark, "keep the world as it is now under a name, or list the marks"),
        ("reset", _reset, "go back to a mark, or to the world as it began"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument(
            "--url", default="", help="the simulator; default: GCPSIM_URL, or the one running"
        )
        command.add_argument("--json", action="store_true", help="machine-readable output")
        command.set_defaults(run=run)
        _COMMAND_OPTIONS[name](command)
    from gcpsim.front import conformance_cli, stage_cli, traffic_cli

    stage_cli.add_commands(commands, ask)
    traffic_cli.add_commands(commands, ask, show)
    conformance_cli.add_commands(commands)
    return parser


def _serve_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    add("--port", type=_port, default=0, help="0 takes a free one (default)")
    add(
        "--state",
        type=Path,
        default=None,
        metavar="DIR",
        help="keep all state here, restart from it",
    )
    add(
        "--scenario",
        default="",
        metavar="NAME",
        help="empty (default), greenfield, legacy, or a YAML file",
    )
    add("--time-scale", type=_scale, default=1.0, metavar="N", help="N times real time; 0: at once")
    add("--paused", action="store_true", help="start with the clock standing still")
    add(
        "--dataplane",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="real traffic through the load balancers (default)",
    )
    add(
        "--locations",
        type=_locations,
        default=(),
        metavar="REGION,...",
        help="where Google's front ends stand (default: the clusters' regions)",
    )
    add(
        "--proxy",
        type=_port,
        nargs="?",
        const=0,
        default=0,
        metavar="PORT",
        help="port of the CONNECT proxy (default: a free one)",
    )
    needs = "refuse requests without credentials; Kubernetes: let roles decide"
    add("--require-auth", action="store_true", help=needs)
    add("--quotas", action="store_true", help="enforce resource quotas and rate limits")
    add("--until-stdin-closes", action="store_true", help="stop when standard input closes")
    add(
        "--patience",
        type=_patience,
        default=30.0,
        metavar="SECONDS",
        help="real time until a connection must have asked something (default 30)",
    )
    add("--private", action="store_true", help="found by those only who are told its URL")
    command.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    if arguments.host not in ("127.0.0.1", "localhost", "::1") and not arguments.host.startswith(
        "127."
    ):
        raise CommandError(f"--host {arguments.host}: gcpsim listens on loopback addresses only")
    gc.disable()  # until the world is built: imports leave no cycles
    from gcpsim.core.errors import ApiError
    from gcpsim.core.store import StateError
    from gcpsim.front.build import Config
    from gcpsim.front.server import serve
    from gcpsim.scenarios import ScenarioError

    config = Config(
        host=arguments.host,
        port=arguments.port,
        proxy_port=arguments.proxy,
        state=arguments.state,
        scenario=arguments.scenario,
        time_scale=arguments.time_scale,
        paused=arguments.paused,
        require_auth=arguments.require_auth,
        quotas=arguments.quotas,
        until_stdin_closes=arguments.until_stdin_closes,
        dataplane=arguments.dataplane,
        locations=arguments.locations,
        patience=arguments.patience,
        private=arguments.private,
    )
    try:
        return asyncio.run(serve(config))
    except (StateError, ScenarioError, ApiError) as error:
        raise CommandError(str(error)) from None


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _patience(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 0.1 to 3600 seconds")
    return value


def _locations(text: str) -> tuple[str, ...]:
    from gcpsim.dataplane.geography import PLACES

    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in PLACES:
            near = difflib.get_close_matches(name, PLACES, 1) or ["us-central1"]
            raise argparse.ArgumentTypeError(f"{name!r} is not a region, such as {near[0]}")
    return names


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time scale (0 to 1000000)")
    return value


def _env(arguments: argparse.Namespace) -> int:
    from gcpsim.front.environment import exports

    env = ask(arguments.url, "GET", "ready")["env"]
    token = token_of(env["GCPSIM_URL"])
    env |= {"GCPSIM_TOKEN": token} if token else {}
    print(json.dumps(env) if arguments.json else exports(env))
    return 0


def _calls_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--log", action="store_true", help="each request in order")
    command.add_argument("--reset", action="store_true", help="forget the counts")


def _calls(arguments: argparse.Namespace) -> int:
    if arguments.reset:
        ask(arguments.url, "DELETE", "calls")
        return 0
    found = ask(arguments.url, "GET", "calls?log=true" if arguments.log else "calls")
    if arguments.json:
        print(json.dumps(found))
    elif arguments.log:
        show(found["log"], ("number", "client", "service", "verb", "path", "status"))
    else:
        show(found["counts"], ("client", "service", "collection", "method", "calls"))
        print(f"{found['total']} calls")
    return 0


def _clock_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--advance", type=_seconds, metavar="TIME", help="move forward: 90, 90s, 5m, 2h"
    )
    command.add_argument("--scale", type=_scale, metavar="N", help="N times real time; 0: at once")
    group = command.add_mutually_exclusive_group()
    group.add_argument("--pause", action="store_true", help="stand still")
    group.add_argument("--resume", action="store_true", help="go on")


def _seconds(text: str) -> float:
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:], 0)
    number = text[:-1] if unit else text
    try:
        return float(number) * (unit or 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 5m") from None


def _clock(arguments: argparse.Namespace) -> int:
    body: dict[str, Any] = {}
    if arguments.advance is not None:
        body["advance"] = arguments.advance
    if arguments.scale is not None:
        body["scale"] = arguments.scale
    if arguments.pause or arguments.resume:
        body["paused"] = arguments.pause
    clock = (
        ask(arguments.url, "POST", "clock", body) if body else ask(arguments.url, "GET", "clock")
    )
    if arguments.json:
        print(json.dumps(clock))
    else:
        state = "paused" if clock["paused"] else f"{clock['scale']:g} x real time"
        print(f"{clock['now']}  {state}")
    return 0


def _fault_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "settings",
        nargs="*",
        metavar="NAME=VALUE",
        help=FAULT_HELP,
    )
    command.add_argument("--clear", action="store_true", help="clear all faults")


def _fault(arguments: argparse.Namespace) -> int:
    if arguments.clear:
        ask(arguments.url, "DELETE", "faults")
        return 0
    if arguments.settings:
        body: dict[str, Any] = {}
        for setting in arguments.settings:
            name, sign, value = setting.partition("=")
            if not sign:
                raise CommandError(f"fault: {setting!r} is not NAME=VALUE")
            try:
                body[name] = json.loads(value)
            except ValueError:
                body[name] = value
        ask(arguments.url, "POST", "faults", body)
    faults = ask(arguments.url, "GET", "faults")["faults"]
    if arguments.json:
        print(json.dumps(faults))
    else:
        show(
            faults,
            (
                "id",
                "effect",
                "service",
                "verb",
                "collection",
                "method",
                "nth",
                "times",
                "code",
                "struck",
            ),
        )
    return 0


def _mark_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", default="", metavar="NAME", help="none: list the marks")


def _mark(arguments: argparse.Namespace) -> int:
    if arguments.name:
        found = ask(arguments.url, "POST", "mark", {"name": arguments.name})
    else:
        found = ask(arguments.url, "GET", "marks")
    print(json.dumps(found) if arguments.json else "\n".join(found["marks"]))
    return 0


def _reset_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("to", nargs="?", default="start", metavar="MARK", help="default: start")


def _reset(arguments: argparse.Namespace) -> int:
    """Everything that was made since is gone, faults too; simulated time goes on."""
    found = ask(arguments.url, "POST", "reset", {"to": arguments.to})
    print(json.dumps(found) if arguments.json else f"the world is as it was at {arguments.to}")
    return 0


_COMMAND_OPTIONS = {
    "env": lambda command: None,
    "calls": _calls_options,
    "clock": _clock_options,
    "fault": _fault_options,
    "mark": _mark_options,
    "reset": _reset_options,
}


if __name__ == "__main__":
    sys.exit(main())
