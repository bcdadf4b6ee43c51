"""What the cloud, the clusters and other people call things is data, in every sink.

Hostile strings go in where they can stand, and every place where people look is looked at.
"""

import json
import re
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.base.text import plain, plain_lines
from edgebook.records import FolderArchive, load_records
from edgebook.show.grid import Row
from edgebook.show.tables import Table
from edgebook.terraform import hcl

HOSTILE = (
    "\x1b[2J\x1b[1;1HPlan: nothing to do",
    "\x1b]0;owned\x07",
    "\x1b]8;;https://evil.example.com\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred",
    "a\rb",
    "two\nlines\n  create  address  x",
    "\u202egnp.exe",
    "\u200bzero\u2066width",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "${file(\"/etc/passwd\")}%{ if true }",
    "'; DROP TABLE x; --",
    "../../../etc/passwd",
    "$(rm -rf /)`id`",
    "# heading\n| a | b |\n[x](javascript:alert(1))",
    "\x00nul",
    "\ud800lonely",
    "=HYPERLINK(\"http://evil\")",
    "!!python/object/apply:os.system ['id']",
)  # fmt: skip
ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
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
    assert not ACTS.search(shown)
    assert shown.count("\n") <= 3 + 2 * text.count("\n")
    page = table._repr_html_()
    assert "<script>alert" not in page and "<img src=x" not in page and "<svg onload" not in page
    said = str(EdgebookError(text, where=text, why=text, next=text))
    assert not ACTS.search(said)
    assert not ACTS.search(plain(text)) and "\n" not in plain(text)
    assert not ACTS.search(plain_lines(text))
    written = hcl.render([hcl.Block("resource", ("a", text), {"name": text}, comment=text)])
    assert not ACTS.search(written)
    code = "\n".join(line for line in written.splitlines() if not line.startswith("#"))
    assert "${" not in code.replace("$${", "") and "%{" not in code.replace("%%{", "")


def test_what_the_cloud_says_is_data_in_plan_and_record(shop: Any) -> None:
    book = shop.stand()
    wire = book.door.wire
    for text in HOSTILE[:2] + HOSTILE[8:11]:
        path = "compute/v1/projects/shop-rehearsal/global/backendServices/shop-web"
        live = wire.get("compute", path)
        body = {"customRequestHeaders": [f"X-A: {text}"], "fingerprint": live["fingerprint"]}
        wire.request("compute", "PATCH", path, body=body)
        plan = shop.book().plan()
        assert not ACTS.search(str(plan))
        assert "<script>alert" not in plan._repr_html_() and "<img src=x" not in plan._repr_html_()
    shop.book().apply("apply", "auto", show_progress=False)
    archive = FolderArchive(shop.folder / "records")
    record = load_records(archive)[-1]
    for name in record.files:
        text = archive.read(f"{record.change_id}/{name}") or ""
        assert "\x1b" not in text, name
        assert name.endswith(".html") is False or "<script>alert(1)" not in text, name


def test_annotations_of_odd_shapes_are_read_planned_and_torn_down(shop: Any) -> None:
    book = shop.stand()
    cluster = book.door.reader.cluster("blue")
    path = "api/v1/namespaces/shop/services/api"
    for text in ODD:
        cluster.patch(path, {"metadata": {"annotations": {"cloud.google.com/neg": text}}})
        try:
            assert not ACTS.search(str(shop.book().plan()))
            assert not ACTS.search(str(shop.book().teardown().plan()))
        except EdgebookError as error:
            assert not ACTS.search(str(error)), text
    shop.book().teardown().apply("apply", "auto", show_progress=False)
