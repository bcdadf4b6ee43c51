"""`edgebook records`, and the pictures, as people and machines read them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli import main
from edgebook.records import Draft, FolderArchive, Redactor
from edgebook.show import pictures


def step(status: str, **extra: Any) -> dict[str, Any]:
    change = {
        "action": "create",
        "kind": "firewall",
        "name": "shop-allow-lb",
        "sentence": "tcp:443",
    }
    return {"name": "50_firewall", "title": "50 firewall", "step": "firewall", "status": status,
            "seconds": 3.0, "changes": [change], "checks": [], "headline": "", **extra}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Two sealed records: one failed, one succeeded."""
    archive = FolderArchive(tmp_path / "records")
    error = {"what": "Port 8443 is closed", "next": "edgebook run --resume CHG-2026-11-23-001"}
    for status, done in (("failed", step("failed", error=error)), ("succeeded", step("ok"))):
        now = datetime(2026, 11, 23, tzinfo=UTC)
        draft = Draft.start(archive, now=now, redactor=Redactor())
        draft.seal(
            {
                "title": "shop", "status": status, "who": {"user": "ada", "host": "laptop"},
                "started": "2026-11-23T04:05:06Z", "finished": "2026-11-23T04:06:06Z",
                "seconds": 60, "environment": "simulator", "project": "p", "front_door": "edge",
                "params": {"file": "a.yaml", "sha256": "0" * 64}, "steps": [done],
            }
        )  # fmt: skip
    return str(archive.folder)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["records", *arguments])
    return code, capsys.readouterr().out


def test_list_and_show(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "--records", place, "list")
    assert code == 0
    assert text.splitlines()[0].split()[:2] == ["CHG-2026-11-23-001", "failed"]
    assert "at 50 firewall" in text.splitlines()[0]
    code, text = said(capsys, "--records", place, "show", "CHG-2026-11-23-001")
    assert "Port 8443 is closed" in text and "edgebook run --resume" in text
    code, text = said(capsys, "--records", place, "--json", "list")
    assert [record["status"] for record in json.loads(text)] == ["failed", "succeeded"]
    assert main(["records", "--records", place, "show", "CHG-2026-11-23-009"]) == 2
    assert said(capsys, "list", "--records", place, "--json") == (code, text)


def test_verify_tells_what_was_edited_and_fails(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(capsys, "--records", place, "verify")
    assert code == 0 and text.startswith("chain of 2 records intact\nhead ")
    page = Path(place) / "CHG-2026-11-23-001" / "index.html"
    page.write_text(page.read_text() + " ")
    code, text = said(capsys, "--records", place, "verify")
    assert code == 1
    assert "CHG-2026-11-23-001/index.html: was edited after it was sealed" in text
    code, text = said(capsys, "--records", place, "--json", "verify")
    assert json.loads(text)["intact"] is False


def test_diff_is_by_step_and_resource(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(
        capsys, "--records", place, "diff", "CHG-2026-11-23-001", "CHG-2026-11-23-002"
    )
    assert code == 0
    assert "50_firewall\n  failure\n    CHG-2026-11-23-001  Port 8443 is closed" in text
    assert "shop-allow-lb" not in text


def test_an_edited_index_is_made_anew(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    index = Path(place) / "index.html"
    before = index.read_text()
    index.write_text("nothing here")
    assert said(capsys, "--records", place, "verify")[0] == 1
    assert said(capsys, "--records", place, "index")[0] == 0
    assert index.read_text() == before


def test_the_topology_is_drawn_from_left_to_right_and_told_as_a_tree() -> None:
    nodes = [
        {"id": "d", "kind": "DNS name", "name": "shop.example.com", "state": "ACTIVE"},
        {"id": "a", "kind": "address", "name": "shop-edge", "detail": "203.0.113.10"},
        {"id": "n", "kind": "NEG", "name": "<shop-web>", "state": "UNHEALTHY", "detail": "0 of 8"},
    ]
    picture = pictures.topology({"nodes": nodes, "edges": [["d", "a"], ["a", "n"]]})
    assert str(picture).splitlines() == [
        "  DNS name shop.example.com  ACTIVE",
        "    address shop-edge  203.0.113.10",
        "      NEG <shop-web>  0 of 8",
    ]
    assert "&lt;shop-web&gt;" in picture.svg and "<shop-web>" not in picture.svg
    assert pictures.COLOURS["bad"] in picture.svg
    xs = [float(part.split('"')[0]) for part in picture.svg.split('<rect x="')[1:]]
    assert xs == sorted(xs) and len(set(xs)) == 3


def test_expiry_tells_days_or_that_nothing_is_issued() -> None:
    rows = [
        {"domain": "b.example.com", "certificate": "shop", "by": "Google", "days": None},
        {"domain": "a.example.com", "certificate": "shop", "by": "Google", "days": 12},
    ]
    picture = pictures.expiry(rows)
    assert str(picture).splitlines() == [
        "  a.example.com  Google shop  12 days",
        "  b.example.com  Google shop  not issued yet",
    ]
    assert pictures.COLOURS["warn"] in picture.svg
