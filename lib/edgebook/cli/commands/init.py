"""`edgebook init`: a first params file, by asking for what cannot be guessed."""

import argparse
import contextlib
import json
import re
import sys
from pathlib import Path

import yaml

from edgebook.base.errors import EXIT_OK, ParamsError, UsageError

HELP = "write a first params file, by asking"
EPILOG = """Every question has an option, so that it can be answered without being asked.
What it writes is checked like any other params file; edit it freely afterwards."""
WORD = re.compile(r"[\w./:-]+")
# option: (question, default)
QUESTIONS = {
    "environment": ("Where: simulator or google-cloud", "simulator"),
    "project": ("Google Cloud project", ""),
    "name": ("Name of the front door (lower case)", "shop"),
    "hostnames": ("Hostnames, with commas between", ""),
    "zone": ("Cloud DNS managed zone of these names", ""),
    "cluster": ("GKE cluster: a kubeconfig context, or LOCATION/NAME", ""),
    "service": (
        "Service behind it: NAMESPACE/SERVICE:PORT",
        "ingress-nginx/ingress-nginx-controller:443",
    ),
    "health": ("Path that answers 200 when a pod is well", "/healthz"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--params", default="params/first.yaml", metavar="FILE",
                        help="where to write it (default %(default)s)")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="also over a file that is there")
    for name, (question, default) in QUESTIONS.items():
        said = f"{question} (default {default})" if default else question
        parser.add_argument(f"--{name}", metavar="TEXT", help=said)


def run(args: argparse.Namespace) -> int:
    from edgebook import params
    from edgebook.base import paste

    path = Path(args.params)
    if path.exists() and not args.overwrite:
        raise UsageError(f"{path} exists", where="--params", next="another file, or --overwrite")
    answers = {name: _answer(args, name) for name in QUESTIONS}
    text = draft(answers)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    try:
        params.load_file(str(path))
    except ParamsError as error:
        print(error, file=sys.stderr)
        print(f"{path} is written as you said; mend these lines in it.", file=sys.stderr)
        return error.exit_code
    print(f"{path} is written. Next: {paste.line('plan', '--params', str(path))}")
    return EXIT_OK


def _answer(args: argparse.Namespace, name: str) -> str:
    """The option, else the answer of whoever sits there, else the default.

    Who sits there is asked again where there is no default, until the input ends (Ctrl-D).
    """
    question, default = QUESTIONS[name]
    given = getattr(args, name)
    if given is None and sys.stdin.isatty():
        with contextlib.suppress(EOFError):
            given = _asked(f"{question} [{default}]: " if default else f"{question}: ", default)
    given = (given or default).strip()
    if not given:
        raise UsageError(
            f"Not answered: {question}", where=f"--{name}", next="give it as an option"
        )
    return given


def _asked(prompt: str, default: str) -> str:
    while not (given := input(prompt).strip() or default):
        print("this one has no default", file=sys.stderr)
    return given


def draft(answers: dict[str, str]) -> str:
    """A params file of these answers, in the order in which one reads it."""
    namespace, _, rest = answers["service"].partition("/")
    service, _, port = rest.partition(":")
    if not (namespace and service and port.isdigit()):
        why = f"{answers['service']!r}; NAMESPACE/SERVICE:PORT"
        raise UsageError("Not a Service", where="--service", why=why)
    name = answers["name"]
    hosts = ", ".join(json.dumps(host.strip()) for host in answers["hostnames"].split(","))
    secure = port in ("443", "8443")
    protocol = "HTTPS" if secure else "HTTP"
    neg = f"namespace: {_word(namespace)}, service: {_word(service)}, port: {port}, "
    neg += f"name: {_word(f'{name}-web')}"
    return f"""\
# A first front door, written by `edgebook init`. All there is to say: params/example.yaml.
environment: {_word(answers["environment"])}            # simulator | google-cloud
project: {_word(answers["project"])}
network: default
address: {{name: {_word(f"{name}-edge")}, ip_versions: [IPV4]}}
dns:
  zone: {_word(answers["zone"])}               # Cloud DNS managed zone
  ttl: 300
hostnames: [{hosts}]
certificate: {{name: {_word(name)}, authorization: PER_PROJECT_RECORD}}
frontends:
  - {{name: web, protocol: HTTPS, port: 443, redirect_http: true}}
routes:
  - {{hosts: [{hosts}], default: web}}
backends:
  web:
    protocol: {protocol}
    health_check: {{type: {protocol}, path: {_word(answers["health"])}}}
    neg: {{{neg}}}
    balancing: {{mode: RATE, max_rate_per_endpoint: 100}}
    draining: 60s
    active: [main]
clusters:
  main: {_cluster(answers)}
safety: {{max_deletes: 2, allow_replace: false}}
"""


def _cluster(answers: dict[str, str]) -> str:
    given = answers["cluster"]
    location, slash, cluster = given.partition("/")
    if not slash:
        return f"{{context: {_word(given)}}}"
    names = (answers["project"], location, cluster)
    project, location, cluster = map(_word, names)
    return f"{{project: {project}, location: {location}, name: {cluster}}}"


def _word(text: str) -> str:
    """An answer as YAML: as it was given, or quoted where it would say anything else."""
    try:
        same = bool(WORD.fullmatch(text)) and yaml.safe_load(text) == text
    except yaml.YAMLError:
        same = False
    return text if same else json.dumps(text)
