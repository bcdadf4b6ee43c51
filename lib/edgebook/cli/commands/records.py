"""`edgebook records list | show | verify | diff | index`: browse and check the change records."""

import argparse
import json
from typing import Any

from edgebook.base.errors import EXIT_FAILED, EXIT_OK
from edgebook.base.text import counted, plain

HELP = "list, show, verify and compare change records"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--records", default="records", metavar="PLACE", help="folder or URL of the records"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    places = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    places.add_argument("--records", metavar="PLACE", help="folder or URL of the records")
    places.add_argument("--json", action="store_true", help="for machines")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[places], help="all records, the newest last")
    show = actions.add_parser(
        "show", parents=[places], help="one record: what was done, what failed, how to go on"
    )
    show.add_argument("change_id")
    show.add_argument("--traffic", action="store_true", help="what users saw, and each failure")
    verify = actions.add_parser(
        "verify", parents=[places], help="find any edited, missing, added or moved file"
    )
    verify.add_argument(
        "--head", default="", metavar="HASH", help="a record's hash that must be in the chain"
    )
    verify.add_argument(
        "--params", default="", metavar="FILE", help="params that name signers and the anchor"
    )
    verify.add_argument(
        "--signer", action="append", default=[], metavar="KEY", help="a public key to trust"
    )
    verify.add_argument(
        "--anchor", default="", metavar="PLACE", help="a file, a bucket's URL, or git"
    )
    verify.add_argument(
        "--identity", default="", metavar="WHO", help="the pipeline that sealed all (keyless)"
    )
    verify.add_argument(
        "--issuer", default="", metavar="URL", help="who vouches for it: the two go together"
    )
    anchor = actions.add_parser(
        "anchor", parents=[places], help="note the head of the chain elsewhere"
    )
    anchor.add_argument("place", metavar="PLACE", help="a file, a bucket's URL, or git for a tag")
    diff = actions.add_parser(
        "diff", parents=[places], help="what differs between two, by step and resource"
    )
    diff.add_argument("left")
    diff.add_argument("right")
    actions.add_parser("index", parents=[places], help="make index.html anew from the records")


def run(args: argparse.Namespace) -> int:
    from edgebook import records
    from edgebook.records.leftovers import seal_leftovers

    archive = records.open_archive(args.records)
    seal_leftovers(archive)
    match args.action:
        case "list":
            return _list(args, archive)
        case "show":
            return _show(args, archive)
        case "verify":
            return _verify(args, archive)
        case "anchor":
            return _anchor(args, archive)
        case "diff":
            return _diff(args, archive)
        case _:
            from edgebook.records.archive import INDEX
            from edgebook.records.index import archive_page

            archive.write(INDEX, archive_page(records.load_records(archive)))
            print(archive.where(INDEX))
            return EXIT_OK


def _list(args: argparse.Namespace, archive: Any) -> int:
    from edgebook import records
    from edgebook.records.pages import duration, instant

    found = records.load_records(archive)
    if args.json:
        print(json.dumps([_brief(record) for record in found], indent=1))
        return EXIT_OK
    rows = [
        [
            record.change_id,
            record.status,
            instant(record.data.get("started", "")),
            duration(record.data.get("seconds")),
            (record.data.get("who") or {}).get("user") or "",
            record.data.get("front_door", ""),
            counted(len(record.changes), "change"),
            f"at {record.failed_step['title']}" if record.failed_step else "",
        ]
        for record in found
    ]
    _table(rows)
    sealed = {record.change_id for record in found}
    for change_id in archive.change_ids():
        if change_id not in sealed:
            print(f"{change_id}  not sealed: still running, or killed")
    if not archive.change_ids():
        print(f"No records in {archive.location}")
    return EXIT_OK


def _show(args: argparse.Namespace, archive: Any) -> int:
    from edgebook import records
    from edgebook.records import traffic
    from edgebook.records.index import check_tally
    from edgebook.records.pages import duration, instant

    record = records.load_record(archive, args.change_id)
    data = record.data
    if args.traffic:
        return _traffic(args, data)
    if args.json:
        print(json.dumps({**data, "sha256": record.sha256}, indent=1))
        return EXIT_OK
    approval, who = data.get("approval") or {}, data.get("who") or {}
    given = data.get("params") or {}
    facts = {
        "what": data.get("title", ""),
        "result": record.status,
        "who": f"{who.get('user')} on {who.get('host')}",
        "when": f"{instant(data.get('started', ''))} UTC, {duration(data.get('seconds'))}",
        "where": f"{data.get('environment')}, project {data.get('project')}",
        "params": f"{given.get('file')} ({str(given.get('sha256') or '')[:8]})",
        "approved": f"{approval['hash'][:8]} by {approval['by']} ({approval['how']})"
        if approval
        else "no",
        "resumes": data.get("resumes", ""),
        "users": traffic.verdict(data)[0],
        "page": archive.where(f"{record.change_id}/index.html"),
    }
    print(record.change_id)
    for label, text in facts.items():
        if text:
            print(f"  {label:<9} {plain(text)}")
    rows = []
    for step in record.steps:
        checks = step.get("checks") or []
        changes = step.get("changes") or []
        rows.append(
            [
                step["title"],
                step["status"],
                duration(step.get("seconds")),
                counted(len(changes), "change") if changes else "",
                check_tally(checks) if checks else "",
                step.get("headline", ""),
            ]
        )
    _table(rows)
    for step in record.steps:
        for label, text in (step.get("error") or {}).items():
            first, *rest = str(text).splitlines() or [""]
            print(f"    {label:<7} {first}")
            for line in rest:
                print(f"            {line}")
    return EXIT_OK


def _traffic(args: argparse.Namespace, data: Any) -> int:
    from edgebook.records import traffic

    if args.json:
        print(json.dumps(data.get("traffic"), indent=1))
    else:
        print("\n".join(traffic.lines(data)))
    return EXIT_OK


def _anchor(args: argparse.Namespace, archive: Any) -> int:
    from edgebook import records
    from edgebook.records import anchors

    found = records.load_records(archive)
    verdict = records.verify_archive(archive)
    if not verdict.intact:
        print(verdict)
        return EXIT_FAILED
    print(f"number {found[-1].sequence} noted: {anchors.note(args.place, found[-1])}")
    return EXIT_OK


def _verify(args: argparse.Namespace, archive: Any) -> int:
    from edgebook import records
    from edgebook.records import anchors

    signers, anchor = {key: key for key in args.signer}, args.anchor
    if args.params:
        from edgebook import params

        spec = params.load_file(args.params).records
        signers, anchor = {**spec.signers, **signers}, anchor or spec.anchor
    anchored = anchors.read(anchor) if anchor else []
    verdict = records.verify_archive(
        archive,
        head=args.head,
        signers=signers or None,
        anchored=anchored,
        sealed_by=(args.identity, args.issuer) if args.identity or args.issuer else None,
    )
    if args.json:
        problems = [
            {"place": p.place, "text": p.text, "warning": p.warning} for p in verdict.problems
        ]
        said = {"intact": verdict.intact, "records": verdict.records, "head": verdict.head}
        looked = {"checked": list(verdict.checked), "unchecked": list(verdict.unchecked)}
        print(json.dumps({**said, **looked, "problems": problems}, indent=1))
    else:
        print(verdict)
        if verdict.head:
            print(f"head {verdict.head}")
        print(f"checked: {'; '.join(verdict.checked)}")
        if verdict.unchecked:
            print(f"not checked: {'; '.join(verdict.unchecked)}")
    return EXIT_OK if verdict.intact else EXIT_FAILED


def _diff(args: argparse.Namespace, archive: Any) -> int:
    from edgebook import records

    left, right = (records.load_record(archive, name) for name in (args.left, args.right))
    found = records.compare(left, right)
    if args.json:
        print(json.dumps([line.to_json() for line in found], indent=1))
        return EXIT_OK
    step = None
    for line in found:
        if line.step != step:
            step = line.step
            print(plain(step or "run"))
        print(f"  {plain(line.what)}")
        print(f"    {args.left}  {plain(line.left or '-')}")
        print(f"    {args.right}  {plain(line.right or '-')}")
    if not found:
        print("Nothing differs.")
    return EXIT_OK


def _brief(record: Any) -> dict[str, Any]:
    data = record.data
    names = ("change_id", "status", "started", "seconds", "environment", "project", "front_door")
    brief = {name: data.get(name) for name in names}
    plan = (data.get("plan") or {}).get("hash", "")
    return {
        **brief,
        "who": (data.get("who") or {}).get("user") or "",
        "plan": plan,
        "sha256": record.sha256,
    }


def _table(rows: list[list[str]]) -> None:
    if not rows:
        return
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width]
        print("  " + "  ".join(cells).rstrip())
