"""What somebody could do to a keyless bundle, and what `edgebook records verify` says of it.

The bundles were good: a sigstore instance of the tests' own made them.
"""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edgebook.records.keyless import BUNDLE

from tests.unit.records.conftest import ONE, TWO, Said
from tests.unit.sigstore_instance import WHO


def bundle(place: Path, change_id: str = TWO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / change_id / BUNDLE).read_text())
    return found


def rewrite(place: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The second record's bundle, changed by somebody."""
    found = bundle(place)
    change(found)
    (place / TWO / BUNDLE).write_text(json.dumps(found))


def entry(found: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = found["verificationMaterial"]["tlogEntries"][0]
    return said


def edited(place: Path) -> None:
    path = place / TWO / "record.json"
    path.write_text(path.read_text().replace('"pipeline"', '"somebody"'))


def copied(place: Path) -> None:
    shutil.copy(place / ONE / BUNDLE, place / TWO / BUNDLE)


def cut(place: Path) -> None:
    text = (place / TWO / BUNDLE).read_text()
    (place / TWO / BUNDLE).write_text(text[: len(text) // 2])


def garbled(place: Path) -> None:
    (place / TWO / BUNDLE).write_bytes(b'{"mediaType": "\xff\x1b[31m\x00"}')


def nested(place: Path) -> None:
    (place / TWO / BUNDLE).write_text("[" * 100_000)


def signature_of_the_other(place: Path) -> None:
    other = bundle(place, ONE)["messageSignature"]["signature"]
    rewrite(place, lambda found: found["messageSignature"].update(signature=other))


def entry_of_the_other(place: Path) -> None:
    other = [entry(bundle(place, ONE))]
    rewrite(place, lambda found: found["verificationMaterial"].update(tlogEntries=other))


def certificate_of_nothing(place: Path) -> None:
    raw = {"rawBytes": base64.b64encode(b"no certificate").decode()}
    rewrite(place, lambda found: found["verificationMaterial"].update(certificate=raw))


def without_entry(place: Path) -> None:
    rewrite(place, lambda found: found["verificationMaterial"].update(tlogEntries=[]))


def without_promise(place: Path) -> None:
    rewrite(place, lambda found: entry(found).pop("inclusionPromise"))


def entry_of_another_time(place: Path) -> None:
    later = {"integratedTime": str(int(entry(bundle(place))["integratedTime"]) + 60)}
    rewrite(place, lambda found: entry(found).update(later))


def entry_after_the_certificate(place: Path) -> None:
    later = {"integratedTime": str(int(entry(bundle(place))["integratedTime"]) + 86_400)}
    rewrite(place, lambda found: entry(found).update(later))


def other_root(place: Path) -> None:
    proof = {"rootHash": base64.b64encode(bytes(32)).decode()}
    rewrite(place, lambda found: entry(found)["inclusionProof"].update(proof))


HARM: dict[str, tuple[Callable[[Path], None], str]] = {
    "the record is edited": (edited, "its bundle signs another text"),
    "another record's bundle": (copied, "its bundle signs another text"),
    "a cut bundle": (cut, "its bundle cannot be read"),
    "a garbled bundle": (garbled, "its bundle cannot be read"),
    "a nested bundle": (nested, "its bundle cannot be read"),
    "an empty bundle": (lambda at: (at / TWO / BUNDLE).write_text("") and None, "cannot be read"),
    "another signature": (signature_of_the_other, "not of the certificate's key"),
    "another log entry": (entry_of_the_other, "its log entry is another signature's"),
    "no certificate": (certificate_of_nothing, "its bundle cannot be read"),
    "no log entry": (without_entry, "no log entry that says when it was made"),
    "no time": (without_promise, "does not say when it was made"),
    "another time": (entry_of_another_time, "is not one of this instance's log"),
    "a time after the certificate": (entry_after_the_certificate, "no authority of this instance"),
    "another tree": (other_root, "is not one of this instance's log"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_bundle_that_proves_nothing_is_an_error_in_words(
    place: Path, verify: Said, harm: str
) -> None:
    work, words = HARM[harm]
    work(place)
    code, text = verify()
    assert code == 1
    [line] = [line for line in text.splitlines() if line.startswith(f"{TWO}: is not proven")]
    assert words in line and f"of {WHO}" in line and line.isprintable() and len(line) < 600
    assert f"{ONE}: is not proven" not in text
    assert f"keyless: 1 of 2 records by {WHO}" in text


def test_a_record_without_a_bundle_is_an_error(place: Path, verify: Said) -> None:
    (place / TWO / BUNDLE).unlink()
    code, text = verify()
    assert code == 1 and f"{TWO}: has no keyless signature" in text
