"""Find what the tests need beside Python (gcloud, kubectl, chromium, poppler), or install it.

`make test` runs this first. As root on Debian it asks apt for what is missing. What it can't get is
said here by name, and the tests that need it fail and say so again: nothing is skipped.
"""

import os
import shutil
import subprocess
import sys

# command -> (Debian packages that bring it, what needs it)
TOOLS = {
    "gcloud": (("google-cloud-cli",), "the test that builds the architecture with gcloud"),
    "kubectl": (("kubectl",), "the tests of the clusters with kubectl"),
    "chromium": (("chromium",), "the browser tests of JupyterLab and of the records"),
    "pdftotext": (("poppler-utils",), "the test of a record on paper"),
}


def missing() -> list[str]:
    return [name for name in TOOLS if shutil.which(name) is None]


def install(names: list[str]) -> None:
    """Ask apt for each tool by itself, so that one that is unknown does not stop the others."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment, **quiet)
    for name in names:
        print(f"installing {name} ...", flush=True)
        packages = TOOLS[name][0]
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        subprocess.run(command, check=False, env=environment, **quiet)


def main() -> int:
    wanted = missing()
    if wanted:
        install(wanted)
    for name in missing():
        print(f"{name} is not installed: {TOOLS[name][1]} will fail", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
