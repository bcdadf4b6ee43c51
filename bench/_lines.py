"""Lines of gcloud as tutorials print them, run in their order, and what was refused.

Only lines that begin with gcloud or kubectl, and NAME=value, are run; the rest of a `.gcloud` file
is prose. Each file has a project of its own, whose id is in PROJECT_ID and PROJECT.
"""

import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

LIMIT = ">= 100"
BESIDE = 2
PATIENCE = 1800
RUN = re.compile(r"(gcloud|kubectl)\s|(export\s+)?[A-Za-z_]\w*=")
SHELL = """\
gcloud() { command gcloud --quiet "$@"; }
line() {
  local number=$1 status
  eval "$2" >"$OUT/$number.out" 2>"$OUT/$number.err"
  status=$?
  echo $status >"$OUT/$number.rc"
}
"""


def refused(folder: Path) -> set[tuple[str, str]]:
    """What is refused by the real ones too: (file, Kind/name or the number of a line)."""
    path = folder / "refused.txt"
    if not path.exists():
        return set()
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {(words[0], words[1]) for words in lines if len(words) > 1}


def logical(text: str) -> dict[int, str]:
    """Number of its first line to a whole line, continued ones put together."""
    found, whole, began = {}, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        began = began if whole else number
        whole += line.rstrip()
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        plain = whole.strip().removeprefix("$ ")
        if RUN.match(plain):
            found[began] = plain
        whole = ""
    return found


def _one(path: Path, number: int, env: dict[str, str]) -> list[tuple[int, str, int, str]]:
    lines, project = logical(path.read_text(encoding="utf-8")), f"corpus-{number:03}"
    with tempfile.TemporaryDirectory() as place:
        body = SHELL + "".join(f"line {n} {_quoted(line)}\n" for n, line in lines.items())
        mine = {**os.environ, **env, "OUT": place, "PROJECT_ID": project, "PROJECT": project}
        mine |= {"CLOUDSDK_CORE_PROJECT": project, "GOOGLE_CLOUD_PROJECT": project}
        mine |= {"PROJECT_NUMBER": "123456789012", "CLOUDSDK_CORE_VERBOSITY": "error"}
        subprocess.run(["bash", "-c", body], env=mine, timeout=PATIENCE, check=False)
        done = []
        for n, line in lines.items():
            code = int((Path(place) / f"{n}.rc").read_text())
            done.append((n, line, code, (Path(place) / f"{n}.err").read_text().strip()))
    return done


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"


def run(folder: Path, env: dict[str, str], real: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """A row: the share of lines that are answered as Google answers them."""
    wanted = os.environ.get("FILES", "")
    paths = [p for p in sorted(folder.rglob("*.gcloud")) if wanted in str(p.relative_to(folder))]
    count = accepted = right = 0
    with ThreadPoolExecutor(BESIDE) as pool:
        futures = {pool.submit(_one, path, at, env): path for at, path in enumerate(paths)}
        for future in as_completed(futures):
            file = str(futures[future].relative_to(folder))
            for number, line, code, said in future.result():
                if not line.startswith(("gcloud", "kubectl")):
                    continue
                count, accepted = count + 1, accepted + (code == 0)
                expected = (file, str(number)) in real
                right += (code != 0) is expected
                if (code != 0) is not expected:
                    print(f"  {file}:{number} exit {code}: {line[:300]}\n      {said[:500]}")
            print(f"{file}: {count} lines so far", flush=True)
    if not count:
        return []
    print(f"{count} lines of gcloud and kubectl, {accepted} accepted")
    share = 100 * right / count
    return [{"what": f"{count} gcloud lines", "measured": share, "unit": "%", "limit": LIMIT}]
