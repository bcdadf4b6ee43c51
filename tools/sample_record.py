"""Make docs/sample-record anew: one rehearsal, executed and sealed, as the documentation shows it.

nbval compares it with a rehearsal of today in `make test`. Run this after a change of what the
notebooks show, look at the difference, and commit it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "sample-record"


def main() -> int:
    shutil.rmtree(TARGET, ignore_errors=True)
    command = [Path(sys.executable).with_name("edgebook"), "rehearse"]
    command += ["--params", "params/rehearsal.yaml", "--records", "docs/sample-record"]
    # The front door only, at once: nothing of what is shown may depend on timing.
    command += ["--story", "build", "--time-scale", "0"]
    named = {"LOGNAME": "ada", "USER": "ada"}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env={**clean, **named})
    (TARGET / ".lock").unlink(missing_ok=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
