"""`edgebook rehearse`: the whole change on a fresh simulator, from nothing to a sealed record."""

import argparse
import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebook.base.errors import EXIT_FAILED, EXIT_OK, RefusedError
from edgebook.cli.commands._stories import Chapter, built_already, stories

if TYPE_CHECKING:
    from edgebook.params import Spec
    from edgebook.records import Record
    from edgebook.runbook.kernels import WarmProcess
    from edgebook.runbook.request import Prepared, Request

LEASE_SECONDS = 150.0  # the chapter before may have left its lease to end by itself
HELP = "rehearse the whole change on a simulated Google Cloud"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--params",
        default="params/rehearsal.yaml",
        metavar="FILE",
        help="params with environment: simulator (default %(default)s)",
    )
    parser.add_argument(
        "--story",
        default="",
        choices=sorted(stories()),
        help="what is played after the front door is built; default: cut-over, swap, retirement",
    )
    parser.add_argument(
        "--built",
        action="store_true",
        help="begin with a front door that one apply has built, without notebooks and record",
    )
    parser.add_argument("--records", default="", metavar="PLACE", help="folder or URL")
    parser.add_argument(
        "--time-scale", type=float, metavar="N", help="times real time; default: the params'"
    )
    parser.add_argument("--change-id", default="", metavar="CHG", help="default: the next free one")
    parser.add_argument("--json", action="store_true", help="the summary for machines")


def run(args: argparse.Namespace) -> int:
    from edgebook.runbook.kernels import WarmProcess

    ready: dict[str, Any] = {}
    code = EXIT_OK
    warm = WarmProcess()  # imports are made once for all chapters
    with (
        contextlib.closing(warm),
        tempfile.TemporaryDirectory(prefix="edgebook-story-") as folder,
    ):
        chapters = stories()[args.story]()
        if args.built:
            chapters = built_already(chapters)
            _stand(args, ready, warm)
        for number, chapter in enumerate(chapters):
            file = _params(args.params, chapter, Path(folder) / f"chapter-{number}.yaml")
            code = _play(args, chapter, file, ready, warm, first=number == 0)
            if code != EXIT_OK:
                return code
    return code


def _stand(args: argparse.Namespace, ready: dict[str, Any], warm: "WarmProcess") -> None:
    """A simulator with the front door, whose steps overlap in one apply."""
    ready.update(start_simulator(_simulated(args.params), args.time_scale))
    warm.call(f"{__name__}:built", params_file=args.params)


def built(params_file: str) -> None:
    """One apply of everything, in the world that the environment names."""
    import edgebook

    edgebook.open(params_file).apply("apply", "auto", show_progress=False)


def _params(file: str, chapter: Chapter, other: Path) -> str:
    """The params file of a chapter: the given one, or a copy where it wants other values."""
    if not chapter.params:
        return file
    import yaml

    body = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    other.write_text(yaml.safe_dump({**body, **chapter.params}, sort_keys=False), encoding="utf-8")
    return str(other)


def _play(
    args: argparse.Namespace,
    chapter: Chapter,
    file: str,
    ready: dict[str, Any],
    warm: "WarmProcess",
    *,
    first: bool,
) -> int:
    """One chapter: one run, one record."""
    from edgebook.cli.commands.run import report, running, verdict
    from edgebook.runbook.request import Request

    request = Request(
        params_file=file,
        approve=("auto",),
        notebooks=chapter.notebooks,
        mode=chapter.mode,
        given=chapter.given,
        records=args.records,
        change_id=args.change_id if first else "",
        title=chapter.title,
        wait_lock=0.0 if first else LEASE_SECONDS,
    )
    with running(
        lambda: _prepared(request, args.time_scale, ready, first=first),
        json_wanted=args.json,
        title=lambda: _heading(chapter, ready, first=first, built=args.built),
        warm=warm,
    ) as (change, display):
        outcome = change.go()
        report(outcome, change.prepared.archive, display, json_wanted=args.json)
        whole = outcome.exit_code == EXIT_OK and first and not args.built
        gaps = unverified(outcome.record) if whole else []
        for gap in gaps:
            display.say(f"Not verified: {gap}", "red")
        if whole and not gaps and not args.story:
            display.say(
                "Next: make lab to walk through it, params/example.yaml for your own project."
            )
        verdict(outcome.record, display)
    return outcome.exit_code or (EXIT_FAILED if gaps else EXIT_OK)


def unverified(record: "Record") -> list[str]:
    """What keeps a rehearsal that ended well from being a success: checks that are not ok."""
    verify = [step for step in record.steps if step["step"] == "verify"]
    checks = [check for step in verify for check in step["checks"]]
    if not checks:
        return ["70 verify made no checks"]
    return [
        f"{check['check']}, {check['subject']}: {check['state']}, {check['reason']}"
        for check in checks
        if check["state"] in ("failed", "uncertain")
    ]


def start_simulator(spec: Any, time_scale: float | None, *, fresh: bool = True) -> dict[str, Any]:
    """Start gcpsim as the params say and make its environment ours; what it says when ready."""
    from edgebook.cloud import simulator

    scale = spec.simulator.time_scale if time_scale is None else time_scale
    ready = simulator.running(spec.simulator.scenario, scale, fresh=fresh, lasting=True)
    os.environ.update({name: str(value) for name, value in (ready.get("env") or {}).items()})
    os.environ["GCPSIM_URL"] = ready["url"]
    return ready


def _prepared(
    request: "Request", time_scale: float | None, ready: dict[str, Any], *, first: bool
) -> "Prepared":
    from edgebook.runbook.request import prepare

    spec = _simulated(request.params_file)
    prepared = prepare(request)
    if first and not ready:
        ready.update(start_simulator(spec, time_scale))
    return prepared


def _simulated(params_file: str) -> "Spec":
    """Params of a simulator; RefusedError for any other environment."""
    from edgebook import params

    spec = params.load_file(params_file)
    if spec.environment is not params.types.Environment.SIMULATOR:
        raise RefusedError(
            "A rehearsal changes nothing but the simulator",
            where=params_file,
            why=f"environment is {spec.environment.value}",
            next="rehearse with environment: simulator, then edgebook plan --params " + params_file,
        )
    return spec


def _heading(chapter: Chapter, ready: dict[str, Any], *, first: bool, built: bool) -> str:
    """What is said before a chapter: of the first one also in which world it is played."""
    world = [_title(ready)] if first else []
    return "\n".join(world if first and not built else [*world, chapter.title])


def _title(ready: dict[str, Any]) -> str:
    clusters = ready.get("clusters") or {}
    nodes = sum(_count(cluster, "nodes") for cluster in clusters.values())
    pods = sum(_count(cluster, "pods") for cluster in clusters.values())
    times = ready.get("time_scale", 1)
    scale = f"{times:g} x real time" if times else "without waiting"
    what = "Edgebook rehearsal: legacy shop -> global front door"
    return (
        f"{what}       simulated Google Cloud, {scale}, {len(clusters)} clusters, "
        f"{nodes} nodes, {pods} pods"
    )


def _count(cluster: dict[str, Any], kind: str) -> int:
    """How many nodes or pods a simulated cluster has."""
    import requests

    try:
        answer = requests.get(f"{cluster['server']}/api/v1/{kind}", timeout=10)
        return len(answer.json()["items"])
    except (requests.RequestException, ValueError, KeyError):
        return 0
