"""Opening a book, and plans as machines read them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgebook.base import paste
from edgebook.base.errors import WrongWorld
from edgebook.book.book import Book
from edgebook.cloud.identity import identity
from edgebook.front_door import FrontDoor
from edgebook.model.values import Plan, Step
from edgebook.params import load_file
from edgebook.show import display
from edgebook.show.banner import WrongBanner


def open(params_file: str, *, change_id: str = "") -> Book:
    """Read the params and connect; everything wrong with them is listed at once (ParamsError)."""
    try:
        book = Book(load_file(params_file), str(params_file), change_id=change_id)
        book.journal.write("world", step="", **book.world.to_json())
    except WrongWorld as error:
        error.next = paste.complete(error.next, paste.path(str(params_file)))
        display.show_now(WrongBanner(error))
        raise
    return book


def open_many(params_files: Iterable[str]) -> list[Book]:
    """Front doors of one environment and project that share one connection."""
    books = [Book(load_file(file), str(file)) for file in params_files]
    shared: dict[tuple[str, str], FrontDoor] = {}
    for book in books:
        key = (book.spec.environment.value, book.spec.project)
        first = shared.setdefault(key, book.door)
        if first is not book.door:
            book.door = FrontDoor(book.spec, book.file, share=first)
    return books


def plan_many(books: Iterable[Book]) -> dict[str, Plan]:
    """The plan of each front door by its file, from one reading of each project.

    Front doors share a reading when the same names mean the same clusters to them.
    """
    sharing: dict[Any, list[FrontDoor]] = {}
    for book in books:
        clusters = frozenset(book.spec.clusters.items())
        sharing.setdefault((id(book.door.wire), clusters), []).append(book.door)
    found: dict[str, Plan] = {}
    for doors in sharing.values():
        reader, live = doors[0].reader.again(), None
        zones = tuple(sorted({zone for door in doors for zone in door.zones}))
        maps = tuple(sorted({name for door in doors for name in door.maps}))
        for door in doors:
            reader.add_clusters(door.open_clusters())
            moment = door.read(reader, zones=zones, maps=maps, live=live)
            live, found[door.file] = moment.live, moment.plan
    return found


def plan_change(params_file: str) -> dict[str, Any]:
    """A whole change as JSON: hash, changes with their digests, and each step's hash and size.

    Besides, what a decision about its approval must know: which world it is, and who runs it.
    """
    door = open(params_file).door
    about = {
        "place": door.connection.place,
        "author": identity(door.connection).to_json(),
    }
    return {**change_json(door.read().plan), **about}


def plan_teardown(params_file: str, steps: Sequence[str] = ()) -> dict[str, Any]:
    """The same of a teardown: what its notebook will compare with what was approved."""
    book = open(params_file)
    found = book.teardown(*steps).plan().plan
    about = {
        "place": book.door.connection.place,
        "author": identity(book.door.connection).to_json(),
        "steps": {"teardown": {"hash": found.hash, "changes": len(found.to_do)}},
    }
    return {**found.to_json(), **about}


def change_json(plan: Plan) -> dict[str, Any]:
    """What `edgebook plan --json` prints."""
    changes = [{**change.to_json(), "digest": change.digest} for change in plan.changes]
    steps = {
        step.value: {"hash": plan.only(step).hash, "changes": len(plan.only(step).to_do)}
        for step in Step
    }
    return {**plan.to_json(), "changes": changes, "steps": steps}


def plan_move(params_file: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A move's ladder as JSON, with what a decision about its approval must know."""
    book = open(params_file)
    said = book.move(name, **options).plan().to_json()
    door = book.door
    return {
        **said,
        "steps": {},
        "rate": door.connection.clock.rate,
        "place": door.connection.place,
        "author": identity(door.connection).to_json(),
    }
