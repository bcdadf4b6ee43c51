"""A secret that the cloud holds or answers with reaches no sink: each is looked at.

Planted in custom headers that are live and in an error's message; then
everything that commands print, and every file that they write, is searched.
"""

import json
import traceback
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError, StepFailed
from edgebook.cli.line import main

A = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3kL5mN7pQ9rS1tU3v"
HEADER, MESSAGE, TRACE = A[:30], "ghp_" + A[4:40], "glpat-" + A[2:22]
SERVICES = "compute/v1/projects/shop-rehearsal/global/backendServices"


def found(where: str, text: str) -> list[str]:
    return [f"{where}: {name}" for name in (HEADER, MESSAGE, TRACE) if name in text]


def test_a_secret_of_the_cloud_reaches_no_sink(shop: Any, capsys: Any) -> None:
    file, out = shop.file(), shop.folder / "plan.json"
    common = ["--params", file]
    assert main(["apply", *common, "--approve", "auto"]) == 0
    wire = shop.book().door.wire
    live = wire.get("compute", f"{SERVICES}/shop-web")
    body = {
        "customRequestHeaders": [f"X-Api-Key: {HEADER}"],
        "customResponseHeaders": [f"X-Trace: {TRACE}"],
        "fingerprint": live["fingerprint"],
    }
    wire.request("compute", "PATCH", f"{SERVICES}/shop-web", body=body)
    seen: list[str] = []
    capsys.readouterr()

    def told(where: str) -> None:
        said = capsys.readouterr()
        seen.extend(found(where, said.out + said.err))

    for words in (
        ["plan", *common, "--out", str(out)],
        ["plan", *common, "--json"],
        ["status", *common],
        ["status", *common, "--json"],
        ["teardown", *common, "-v"],
        ["plan", *common, "-v"],
        ["export", *common, "--out", str(shop.folder / "terraform"), "--backends", "owned"],
    ):
        main(words)
        told(" ".join(words[:1] + words[3:4]))
    seen += found("plan in a notebook", shop.book().plan()._repr_html_())
    shop.fault(service="compute", method="PATCH", collection="backendServices", code=400,
               reason="invalid", message=f"no such header {MESSAGE}", times=0)  # fmt: skip
    assert main(["apply", *common, "--approve", "auto"]) == 1
    told("a failed apply")
    assert main(["apply", *common, "--approve", "auto", "--json"]) == 1
    told("a failed apply for machines")
    try:
        shop.book().apply("apply", "auto", show_progress=False)
    except (EdgebookError, StepFailed) as error:
        seen += found("an error", str(error) + json.dumps(error.to_json()))
        seen += found("an error in a notebook", "".join(error._render_traceback_()))
        seen += found("what Airflow logs of it", "".join(traceback.format_exception(error)))
    shop.calm()
    assert main(["apply", *common, "--approve", str(out)]) == 0, "the plan file still approves"
    told("an apply")
    assert (shop.folder / "terraform").is_dir()
    files = [path for path in Path(shop.folder).rglob("*") if path.is_file()]
    assert {"plan.json", "record.json", "index.html"} <= {path.name for path in files}
    for path in files:
        seen += found(str(path.relative_to(shop.folder)), path.read_text(errors="replace"))
    assert not seen, "\n".join(seen)
