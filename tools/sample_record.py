"""Make docs/sample-record and docs/sample-moves anew: executed and sealed, as the pages show them.

The first is one rehearsal that builds the front door, the second the life of it afterwards: each
move's runbook, on a simulator without traffic, and an old load balancer modernised beside it. nbval
compares them with what is shown today in `make test`. Run this after a change of what the notebooks
show, look at the difference, and commit it. `tools/sample_record.py moves` makes the second only.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BUILT, MOVED = ROOT / "docs" / "sample-record", ROOT / "docs" / "sample-moves"
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
SIMULATOR = ["serve", "--scenario", "legacy", "--time-scale", "0", "--no-dataplane"]


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


def moved() -> int:
    """A front door that is there already, and what is done with it."""
    shutil.rmtree(MOVED, ignore_errors=True)
    with subprocess.Popen(
        [BIN / "gcpsim", *SIMULATOR], stdout=subprocess.PIPE, text=True, env=environment()
    ) as simulator:
        try:
            assert simulator.stdout is not None
            world = json.loads(simulator.stdout.readline())["env"]
            return _moved(world)
        finally:
            simulator.terminate()


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
    return moved() if sys.argv[1:] == ["moves"] else built() or moved()


if __name__ == "__main__":
    sys.exit(main())
