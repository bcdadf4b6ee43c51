"""What the cloud, the clusters and other people call things is data, in every sink.

Hostile strings go in where they can stand, and every place where people look is looked at.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.base.text import plain, still
from edgebook.moves.catalog import MOVES
from edgebook.records import FolderArchive, load_records
from edgebook.show import terminal
from edgebook.show.grid import Grid, Grids, Row
from edgebook.show.tables import Table
from edgebook.terraform import hcl

from tests.contract.edgebook.garbling import GarblingProxy
from tests.unit.hostile import HOSTILE, SAID, acts, acts_in_page

ODD = (
    "", "[]", '"text"', "null", "7", "{", "true", "{}", '{"exposed_ports": []}',
    '{"exposed_ports": null}', '{"exposed_ports": "443"}', '{"exposed_ports": {"443": []}}',
    '{"exposed_ports": {"443": {"name": 5}}}', '{"exposed_ports": {"443": {"name": null}}}',
    '{"exposed_ports": {"\\u001b[2J": {"name": "\\u001b[2J"}}}', '{"ingress": "yes"}',
    '{"ingress": true, "exposed_ports": {"443": {"name": "shop-web"}}}', "\x1b[2J",
    json.dumps({"exposed_ports": {str(port): {} for port in range(300)}}),
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_acts_in_a_terminal_a_page_or_hcl(text: str) -> None:
    table = Table(("name", "what"), (Row({"name": text, "what": text}),), title=text, notes=(text,))
    shown = str(table)
    assert not acts(shown)
    assert shown.count("\n") <= 3 + 2 * text.count("\n")
    assert acts_in_page(table._repr_html_()) == []
    said = str(EdgebookError(text, where=text, why=text, next=text))
    assert not acts(said)
    assert not acts(plain(text)) and "\n" not in plain(text)
    written = hcl.render([hcl.Block("resource", ("a", text), {"name": text}, comment=text)])
    assert not acts(still(written))
    code = "\n".join(line for line in written.splitlines() if not line.startswith("#"))
    assert "${" not in code.replace("$${", "") and "%{" not in code.replace("%%{", "")


def test_what_the_cloud_says_is_data_in_plan_and_record(shop: Any) -> None:
    book = shop.stand()
    wire = book.door.wire
    for text in HOSTILE[:2] + HOSTILE[10:13]:
        path = "compute/v1/projects/shop-rehearsal/global/backendServices/shop-web"
        live = wire.get("compute", path)
        body = {"customRequestHeaders": [f"X-A: {text}"], "fingerprint": live["fingerprint"]}
        wire.request("compute", "PATCH", path, body=body)
        plan = shop.book().plan()
        assert not acts(str(plan))
        assert acts_in_page(plan._repr_html_()) == []
    shop.book().apply("apply", "auto", show_progress=False)
    archive = FolderArchive(shop.folder / "records")
    record = load_records(archive)[-1]
    for name in record.files:
        text = archive.read(f"{record.change_id}/{name}") or ""
        assert "\x1b" not in text, name
        assert name.endswith(".html") is False or "<forged" not in text, name


PROSE = re.compile(r"\s")
OWN = re.compile(
    r"edgebook|kubernetes\.io(?!/last-change)|service-name|^app$|cloud\.google\.com/neg"
)


def hostile(said: Any, path: str = "") -> Any:
    """An answer in which every prose, and what people may write of their own, ends with harm."""
    if isinstance(said, str):
        return said + SAID if PROSE.search(said) else said
    if isinstance(said, list):
        return [hostile(item, path) for item in said]
    if not isinstance(said, dict):
        return said
    found = {name: hostile(value, name) for name, value in said.items()}
    if path in ("labels", "annotations"):
        found = {name: said[name] if OWN.search(name) else found[name] for name in said}
        found["x"] = SAID
    return found


def shown(book: Any) -> Iterator[tuple[str, Any]]:
    """Everything that a book shows without changing anything, by its name."""
    for name in ("preflight", "plan", "verify", "certificates", "endpoints", "dns", "frontends",
                 "firewall", "backends", "status", "topology", "expiry", "leaks"):  # fmt: skip
        yield name, getattr(book, name)
    yield "teardown", lambda: book.teardown().plan()
    for name in MOVES:
        yield name, lambda name=name: book.move(name).plan()


def test_what_the_wire_says_is_data_in_everything_that_is_shown(
    shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptions, labels, annotations, conditions, events, messages: all hostile at once."""
    shop.stand()
    proxy = GarblingProxy(shop.sim.ready, tmp_path)
    monkeypatch.setenv("GCPSIM_URL", proxy.url)
    proxy.spoken = hostile
    found = []
    try:
        for name, show in shown(shop.book()):
            try:
                one = show()
                texts = (str(one), terminal.render(one, width=80, verbose=True)
                         if isinstance(one, Grid | Grids) else str(one))  # fmt: skip
                found += [(name, bad) for bad in acts_in_page(one._repr_html_())[:2]]
                found += [(name, bad) for bad in acts(still(json.dumps(one.to_json())))[:2]]
            except EdgebookError as error:
                texts = str(error), still(json.dumps(error.to_json()))
            found += [(name, bad) for text in texts for bad in acts(text)[:2]]
    finally:
        proxy.stop()
    assert found == []
    assert proxy.said > 100, "answers were hostile"


def test_annotations_of_odd_shapes_are_read_planned_and_torn_down(shop: Any) -> None:
    book = shop.stand()
    cluster = book.door.reader.cluster("blue")
    path = "api/v1/namespaces/shop/services/api"
    for text in ODD:
        cluster.patch(path, {"metadata": {"annotations": {"cloud.google.com/neg": text}}})
        try:
            assert not acts(str(shop.book().plan()))
            assert not acts(str(shop.book().teardown().plan()))
        except EdgebookError as error:
            assert not acts(str(error)), text
    shop.book().teardown().apply("apply", "auto", show_progress=False)
