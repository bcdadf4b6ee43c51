"""Print environment.yml: the same dependencies as requirements.lock, for conda.

conda brings Python and pip; pip installs the pinned, hashed lock and then this project. So there is
one source of versions. `make lock` refreshes the file and a test keeps it in step.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_version(pyproject: str) -> str:
    found = re.search(r'requires-python = ">=([0-9.]+)"', pyproject)
    if found is None:
        raise SystemExit("pyproject.toml: requires-python is missing")
    return found.group(1)


def environment() -> str:
    """The text of environment.yml."""
    version = python_version((ROOT / "pyproject.toml").read_text())
    return f"""\
# Made by tools/conda_environment.py (make lock). The versions stand in requirements.lock.
name: edgebook
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={version}
  - make
  - pip
  - pip:
      - --require-hashes
      - -r requirements.lock
"""


if __name__ == "__main__":
    print(environment(), end="")
