"""`edgebook export`: the front door as Terraform, with import blocks, or as plain JSON."""

import argparse
import json
import sys
from pathlib import Path

from edgebook.base.errors import EXIT_OK, UsageError

HELP = "write the front door as Terraform, ready to be imported"
EPILOG = """terraform: main.tf, and imports.tf for what exists. Without --out both go to stdout.
backends ignore: Terraform leaves the entries of backend services to edgebook or to GKE.
backends owned: the zonal NEGs of now are written out; Terraform then wants to keep exactly those.
NEG annotations of Services are in Kubernetes and are not exported."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument("--format", choices=("terraform", "json"), default="terraform")
    parser.add_argument("--out", metavar="FOLDER", help="write files there instead of to stdout")
    parser.add_argument("--overwrite", action="store_true", help="also over files that are there")
    parser.add_argument("--backends", choices=("ignore", "owned"), default="ignore")
    parser.add_argument("--json", action="store_true", help="the same as --format json")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook import terraform
    from edgebook.terraform import remarks

    book = edgebook.open(args.params)
    moment = book.door.read()
    if args.json or args.format == "json":
        resources = [resource.to_json() for resource in moment.desired.resources]
        files = {"resources.json": json.dumps({"resources": resources}, indent=1) + "\n"}
    else:
        files = terraform.export(
            moment.desired,
            moment.live,
            moment.observed,
            moment.plan,
            project=book.spec.project,
            owned_backends=args.backends == "owned",
        )
    for line in remarks.unfinished(moment.plan):
        print(line, file=sys.stderr)
    if not args.out:
        sys.stdout.write("\n".join(files.values()))
        return EXIT_OK
    _write(Path(args.out), files, overwrite=args.overwrite)
    return EXIT_OK


def _write(folder: Path, files: dict[str, str], *, overwrite: bool) -> None:
    there = [str(folder / name) for name in files if (folder / name).exists()]
    if there and not overwrite:
        raise UsageError(f"{there[0]} exists", where="--out", next="another folder, or --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)
