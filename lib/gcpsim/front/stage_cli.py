"""Stage directions on the command line: what happens to clusters, zones, nodes and pods.

Each verb posts its arguments to /_sim/stage/<direction> and prints what the simulator did.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verb:
    """One command: the direction it gives, what it needs, what it may take, and its help."""

    direction: str
    needed: tuple[str, ...]
    about: str
    optional: tuple[str, ...] = ()


DOMAIN = ("domain",)  # its name, or a zone as PROJECT/ZONE
POD = ("cluster", "namespace", "pod")  # the pod's name, or a pattern such as 'web-*'

NOUNS: dict[str, dict[str, Verb]] = {
    "cluster": {
        "down": Verb(
            "cluster-down", ("cluster",), "its Kubernetes API goes away, pods keep running"
        ),
        "up": Verb("cluster-up", ("cluster",), "its Kubernetes API is back"),
        "negs-stop": Verb("negs-stop", ("cluster",), "its NEGs follow the pods no more"),
        "negs-go": Verb("negs-go", ("cluster",), "its NEGs follow the pods again"),
    },
    "region": {
        "down": Verb("region-down", ("region",), "all its zones stop, and the clusters' APIs"),
        "up": Verb("region-up", ("region",), "all its zones are back"),
    },
    "zone": {
        "down": Verb("zone-down", ("zone",), "all its machines stop"),
        "up": Verb("zone-up", ("zone",), "its machines are back"),
    },
    "node": {
        "add": Verb(
            "node-add", ("cluster", "zone"), "a node appears, also in a new zone", ("pool",)
        ),
        "down": Verb("node-down", ("cluster", "node"), "the machine stops"),
        "remove": Verb("node-remove", ("cluster", "node"), "deleted without a drain"),
        "up": Verb("node-up", ("cluster", "node"), "the machine is back"),
        "upgrade": Verb(
            "node-upgrade", ("cluster",), "one by one, with surge and drain", ("pool", "version")
        ),
    },
    "pod": {
        "crash": Verb(
            "pod-crash",
            ("cluster", "namespace", "pod"),
            "a container ends with an error",
            ("container",),
        ),
        "slow": Verb("pod-slow", POD, "answers later (2s, or --by)", ("by",)),
        "fail": Verb(
            "pod-fail",
            POD,
            "answers with an error (503, or --status; 200: a wrong page)",
            ("status",),
        ),
        "hang": Verb("pod-hang", POD, "takes requests and never answers"),
        "refuse": Verb("pod-refuse", POD, "refuses new connections"),
        "leak": Verb("pod-leak", POD, "drops some requests (5%%, or --share)", ("share",)),
        "cut": Verb("pod-cut", POD, "breaks off in the middle of its answers"),
        "close-early": Verb(
            "pod-close-early", POD, "ends idle connections early (5s, or --after)", ("after",)
        ),
        "deny": Verb("pod-deny", POD, "refuses what it is asked as a webhook (--text)", ("text",)),
        "ignore-sigterm": Verb("pod-ignore-sigterm", POD, "serves on until it is killed"),
        "proxy-protocol": Verb(
            "pod-proxy-protocol", POD, "wants a PROXY line (on, or --mode)", ("mode",)
        ),
        "heal": Verb("pod-heal", POD, "behaves again"),
    },
    "endpoint": {
        "serve": Verb(
            "endpoint-serve",
            ("ip", "port", "socket"),
            "a process at 127.x.y.z:PORT answers for an endpoint",
        ),
    },
    "location": {
        "delay": Verb("location-delay", ("location", "by"), "it learns changes later (30s, 5m)"),
        "certificate": Verb(
            "location-certificate",
            ("location", "certificate"),
            "wrong: it serves one that nobody trusts; right: its own again",
        ),
        "down": Verb("location-down", ("location",), "its front end goes away"),
        "up": Verb("location-up", ("location",), "its front end is back"),
    },
    "domain": {
        "undelegate": Verb("domain-undelegate", DOMAIN, "no parent points to its zone any more"),
        "delegate": Verb("domain-delegate", DOMAIN, "the parent points to its zone again"),
        "fail": Verb("domain-fail", DOMAIN, "its name servers answer SERVFAIL"),
        "heal": Verb("domain-heal", DOMAIN, "its name servers answer again"),
    },
    "resolver": {
        "flush": Verb("resolver-flush", ("resolver",), "it forgets all answers"),
        "list": Verb("resolver-list", (), "recursive resolvers with caches, and their addresses"),
        "set": Verb(
            "resolver-set",
            ("resolver",),
            "how long it keeps answers, in simulated seconds",
            ("minimum_ttl", "keeps"),
        ),
    },
    "deployment": {
        "rollout": Verb(
            "rollout",
            ("cluster", "namespace", "deployment"),
            "a new image, or a restart",
            ("image",),
        ),
        "load": Verb(
            "load",
            ("cluster", "namespace", "deployment", "cpu"),
            "what it has to do, in per cent of one pod's CPU request",
        ),
    },
}


def add_commands(commands: Any, ask: Callable[..., Any]) -> None:
    """Add `cluster`, `zone`, `node` and their like to the parser."""
    for noun, verbs in NOUNS.items():
        parser = commands.add_parser(noun, help=", ".join(verbs))
        actions = parser.add_subparsers(required=True, metavar="VERB")
        for name, verb in verbs.items():
            action = actions.add_parser(name, help=verb.about, description=verb.about)
            action.add_argument("--url", default="", help="the simulator")
            action.add_argument("--json", action="store_true", help="machine-readable output")
            for argument in verb.needed:
                action.add_argument(argument)
            for argument in verb.optional:
                action.add_argument(f"--{argument.replace('_', '-')}")
            action.set_defaults(run=_runner(ask, verb))


def _runner(ask: Callable[..., Any], verb: Verb) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        given = {name: getattr(arguments, name) for name in verb.needed + verb.optional}
        body = {name: value for name, value in given.items() if value is not None}
        done = ask(arguments.url, "POST", f"stage/{verb.direction}", body)
        if arguments.json:
            print(json.dumps(done))
            return 0
        for name, value in sorted(done.items()):
            print(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
        return 0

    return run
