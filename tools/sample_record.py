"""Make the sample records of docs/ anew: executed and sealed, as the pages show them.

docs/sample-record is one rehearsal that builds the front door, docs/sample-moves the life of it
afterwards: each move's runbook, on a simulator without traffic, and an old load balancer modernised
beside it. nbval compares them with what is shown today in `make test`. docs/sample-stories has what
`edgebook rehearse` plays once the front door stands, under traffic, every story with its records;
`make test` plays the stories and compares what may not differ. Run this after a change of what the
notebooks show, look at the difference, and commit it. `tools/sample_record.py record`, `moves` or
`stories` makes one of them only.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml
from edgebook.cli.commands._stories import Chapter, stories
from edgebook.runbook.sequence import front_door

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BUILT, MOVED = ROOT / "docs" / "sample-record", ROOT / "docs" / "sample-moves"
TOLD, CHAPTERS = ROOT / "docs" / "sample-stories", ROOT / "build" / "stories"
PARAMS = ["--params", "params/rehearsal.yaml"]
STEPS, SOAK = {"steps": "[50, 100]"}, {"soak": "15s"}
ZONE = {"leave": "us-central1-a", "drill": "true"}
BLUE = {"cluster": "blue"}
# A classic load balancer as somebody made it years ago, for the runbook that modernises it.
OLD = (
    ("healthChecks", {"name": "old", "type": "TCP", "tcpHealthCheck": {"port": 80}}),
    *(
        (
            "backendServices",
            {
                "name": name,
                "protocol": "HTTP",
                "loadBalancingScheme": "EXTERNAL",
                "healthChecks": ["global/healthChecks/old"],
            },
        )
        for name in ("old-web", "old-api")
    ),
    (
        "urlMaps",
        {
            "name": "old",
            "defaultService": "global/backendServices/old-web",
            "hostRules": [{"hosts": ["api.example.com"], "pathMatcher": "m"}],
            "pathMatchers": [{"name": "m", "defaultService": "global/backendServices/old-api"}],
        },
    ),
    ("targetHttpProxies", {"name": "old", "urlMap": "global/urlMaps/old"}),
    *(
        (
            "forwardingRules",
            {
                "name": f"old-{port}",
                "portRange": port,
                "IPProtocol": "TCP",
                "loadBalancingScheme": "EXTERNAL",
                "target": "global/targetHttpProxies/old",
            },
        )
        for port in ("80", "8080")
    ),
)
# Each a run with its own record: runbooks, what they are given, and the mode.
RUNS = (
    (
        "80_cut_over operate/zones operate/certificates operate/upgrade operate/failover",
        {**STEPS, **SOAK, **ZONE, **BLUE, "ttl": "30s", "version": "newest", "allow_loss": "true"},
        "apply",
    ),
    ("operate/failover", {**SOAK, **ZONE}, "back"),
    (
        "operate/swap 90_retire",
        {**STEPS, **SOAK, **BLUE, "to": "green", "patience": "2m", "quiet": "5m"},
        "apply",
    ),
    ("operate/scheme", {"rules": "old-80,old-8080", "steps": "[50]", "soak": "1m"}, "apply"),
)
PROJECT = "compute/v1/projects/shop-rehearsal/global"
QUIET = ["--time-scale", "0", "--no-dataplane"]
CARRYING = ["--time-scale", "180", "--dataplane"]


def environment(**more: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # lines to paste say `edgebook`
    return {**clean, "LOGNAME": "ada", "USER": "ada", "PATH": path, **more}


def edgebook(*words: str, **more: str) -> int:
    return subprocess.run([BIN / "edgebook", *words], cwd=ROOT, env=environment(**more)).returncode


def built() -> int:
    """The front door only, at once: nothing of what is shown may depend on timing."""
    shutil.rmtree(BUILT, ignore_errors=True)
    words = ["--records", "docs/sample-record", "--story", "build", "--time-scale", "0"]
    code = edgebook("rehearse", *PARAMS, *words)
    (BUILT / ".lock").unlink(missing_ok=True)
    return code


@contextmanager
def simulator(*options: str) -> Iterator[dict[str, str]]:
    """The legacy shop; the variables that lead to it."""
    words = [BIN / "gcpsim", "serve", "--scenario", "legacy", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield dict(json.loads(process.stdout.readline())["env"])
        finally:
            process.terminate()


def moved() -> int:
    """A front door that is there already, and what is done with it."""
    shutil.rmtree(MOVED, ignore_errors=True)
    with simulator(*QUIET) as world:
        return _moved(world)


def told() -> int:
    """Every story on a front door of its own, under traffic."""
    shutil.rmtree(TOLD, ignore_errors=True)
    code = 0
    for name, chapters in sorted(stories().items()):
        if name == "build":
            continue
        with simulator(*CARRYING) as world:
            code = code or edgebook("apply", "--quiet", "--approve", "auto", *PARAMS, **world)
            for number, chapter in enumerate(chapters()):
                code = code or _told(f"{name or 'whole'}-{number}", chapter, world)
    (TOLD / ".lock").unlink(missing_ok=True)
    return code


def _told(name: str, chapter: Chapter, world: dict[str, str]) -> int:
    """What a chapter does once the front door stands."""
    built = {path.name for path in front_door()}
    names = [os.path.relpath(path, ROOT) for path in chapter.notebooks if path.name not in built]
    if not names:
        return 0
    params = PARAMS
    if chapter.params:
        CHAPTERS.mkdir(parents=True, exist_ok=True)
        body = yaml.safe_load((ROOT / PARAMS[1]).read_text(encoding="utf-8"))
        file = CHAPTERS / f"{name}.yaml"
        file.write_text(yaml.safe_dump({**body, **chapter.params}, sort_keys=False))
        params = ["--params", str(file.relative_to(ROOT))]
    given = [word for item in chapter.given.items() for word in ("-p", item[0], _text(item[1]))]
    where = ["--records", "docs/sample-stories", "--mode", chapter.mode, "--wait-lock", "150"]
    return edgebook("run", *names, *params, *where, "--approve", "auto", *given, **world)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def make_old(url: str) -> None:
    """The old load balancer, in a simulator at that URL."""
    for collection, body in OLD:
        requests.post(f"{url}/{PROJECT}/{collection}", json=body, timeout=30).raise_for_status()


def _moved(world: dict[str, str]) -> int:
    make_old(world["GCPSIM_URL"])
    code = edgebook("apply", "--quiet", "--approve", "auto", *PARAMS, **world)
    for names, given, mode in RUNS:
        options = [word for item in given.items() for word in ("-p", *item)]
        where = ["--records", "docs/sample-moves", "--mode", mode, "--approve", "auto"]
        code = code or edgebook("run", *names.split(), *PARAMS, *where, *options, **world)
    (MOVED / ".lock").unlink(missing_ok=True)
    return code


def main() -> int:
    parts = {"record": built, "moves": moved, "stories": told}
    return next((code for name in sys.argv[1:] or parts if (code := parts[name]())), 0)


if __name__ == "__main__":
    sys.exit(main())
