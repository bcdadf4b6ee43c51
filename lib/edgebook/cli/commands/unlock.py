"""`edgebook unlock`: who holds a front door, and taking its lease from a run that is dead."""

import argparse
import json

from edgebook.base.errors import EXIT_OK, LockedError, UsageError
from edgebook.base.text import plain

HELP = "show who holds a front door; take the lease from a run that is surely dead"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument(
        "--holder", default="", metavar="ID", help="take the lease from this one and no other"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.apply import lock
    from edgebook.apply.flow import lease_key
    from edgebook.apply.leases import HOLDER

    door = edgebook.open(args.params).door
    key, ours = lease_key(door), not door.spec.address.adopt
    held = lock.leases(door.wire, key, ours=ours)
    if args.holder:
        if not HOLDER.fullmatch(args.holder):
            raise UsageError("Not a holder", where="--holder", why=f"{args.holder[:80]!r}")
        if not lock.unlock(door.wire, key, args.holder, ours=ours):
            why = "held by " + (", ".join(f"{one.by} ({one.who})" for one in held) or "nobody")
            raise LockedError("That holder has no lease here", where=args.params, why=why)
        print(f"{args.holder} holds nothing any more; its run stops before its next write.")
        print("The next run can start in 40 s.")
        return EXIT_OK
    said = [{"by": one.by, "who": one.who, "left_s": one.left, "at": one.name} for one in held]
    if args.json:
        print(json.dumps(said))
    elif not said:
        print("Nobody holds it.")
    for one in [] if args.json else held:
        print(plain(f"{one.by}: {one.who}, {one.ends}"))
        print(
            f"Next, only when it is dead: edgebook unlock --params {args.params} --holder {one.by}"
        )
    return EXIT_OK
