"""Records that a pipeline seals, against a sigstore instance of the tests' own, over the wire.

Sigstore's own client makes and verifies the bundles; `edgebook records verify` says what it found.
The public service is not asked.
"""

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.cli import main
from edgebook.records import FolderArchive, keyless, load_record, verify_archive
from edgebook.records.keyless import BUNDLE

from tests.unit.records.conftest import ONE, THREE, TWO, Said, in_pipeline, seal
from tests.unit.sigstore_instance import ISSUER, WHO, Instance


def test_what_a_pipeline_sealed_is_proven_to_be_of_it(
    ours: Instance, place: Path, verify: Said
) -> None:
    asked = len(ours.asked)
    code, text = verify()
    assert code == 0, text
    assert "chain of 2 records intact" in text
    assert f"keyless: 2 of 2 records by {WHO}, as {ISSUER} says, by the keys of" in text
    assert f"by the keys of {ours.config}" in text
    assert "not checked: whose keys may sign (--signer KEY, --params FILE); anchors" in text
    assert len(ours.asked) == asked, "who verifies with an instance's keys asks nobody"
    code, text = verify("--json")
    said = json.loads(text)
    assert code == 0 and said["intact"] and not said["problems"]
    assert any(line.startswith("keyless: 2 of 2") for line in said["checked"])


def test_the_log_of_the_instance_took_each_record_once(ours: Instance, two: Path) -> None:
    logged = [json.loads(body)["spec"]["data"]["hash"]["value"] for body in ours.log.bodies]
    archive = FolderArchive(two)
    for change_id in (ONE, TWO):
        assert logged.count(load_record(archive, change_id).sha256) == 1


def test_bundles_that_nobody_asked_about_are_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["records", "verify", "--records", str(place)]) == 0
    text = capsys.readouterr().out
    assert "checked: hash chain\n" in text
    assert "2 keyless signatures (--identity WHO --issuer URL)" in text


@pytest.mark.parametrize(
    ("who", "issuer", "words"),
    [
        (WHO.replace("acme", "evil"), ISSUER, "another identity sealed it"),
        (WHO.upper(), ISSUER, "another identity sealed it"),
        (WHO, "https://gitlab.com", "another issuer vouches for who sealed it"),
    ],
)
def test_another_identity_or_issuer_is_an_error(
    verify: Said, who: str, issuer: str, words: str
) -> None:
    code, text = verify(who=who, issuer=issuer)
    assert code == 1
    for change_id in (ONE, TWO):
        assert f"{change_id}: is not proven to be of {who}: {words}" in text
    assert f"keyless: 0 of 2 records by {who}" in text and "BROKEN" in text


@pytest.mark.parametrize(("who", "issuer"), [("", ISSUER), (WHO, "")])
def test_half_of_whom_is_expected_is_a_mistake_of_the_line(
    verify: Said, who: str, issuer: str
) -> None:
    code, text = verify(who=who, issuer=issuer)
    assert code == 2
    assert "cannot be checked by half" in text and "--identity WHO --issuer URL" in text


def test_a_strangers_instance_proves_nothing(
    place: Path, verify: Said, strangers: Instance, monkeypatch: pytest.MonkeyPatch, ours: Instance
) -> None:
    in_pipeline(monkeypatch, strangers)
    seal(place)
    assert verify_archive(FolderArchive(place), only=THREE, sealed_by=(WHO, ISSUER)).intact
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(ours.config))
    code, text = verify()
    assert code == 1
    assert f"{THREE}: is not proven to be of {WHO}: no authority of this instance" in text
    assert f"keyless: 2 of 3 records by {WHO}" in text


def test_a_signature_that_the_log_took_after_the_certificate_expired_proves_nothing(
    place: Path, verify: Said, ours: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pipeline(monkeypatch, ours)
    monkeypatch.setattr(ours, "late", ours.life + timedelta(minutes=1))
    seal(place)
    code, text = verify()
    assert code == 1 and f"{THREE}: is not proven to be of" in text
    assert "no authority of this instance vouches for its certificate at that time" in text


def test_a_certificate_of_a_ct_log_that_is_not_trusted_makes_no_bundle(
    place: Path, strangers: Instance, ours: Instance, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    in_pipeline(monkeypatch, ours)
    mixed = ours.trust()
    mixed["trustedRoot"]["ctlogs"] = strangers.trust()["trustedRoot"]["ctlogs"]
    (tmp_path / "mixed.json").write_text(json.dumps(mixed))
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(tmp_path / "mixed.json"))
    seal(place)
    assert "has no keyless signature" in (said := capsys.readouterr().err) and "SCT" in said
    assert not (place / THREE / BUNDLE).exists()


@pytest.mark.parametrize("text", ["", "{}", '{"mediaType": 1}', "[]"])
def test_a_trust_config_that_is_none_is_told_once(
    verify: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    config = tmp_path / "none.json"
    config.write_text(text)
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(config))
    code, said = verify()
    assert code == 1
    assert said.count(f"{config}: its keys cannot be read") == 1
    assert f"{ONE}: cannot be checked" in said and f"{TWO}: cannot be checked" in said
    assert f"keyless: 0 of 2 records by {WHO}" in said


def test_nothing_of_the_token_is_kept_or_logged(
    place: Path, ours: Instance, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    token = in_pipeline(monkeypatch, ours)
    seal(place, title=f"sealed with {token}")
    assert (place / THREE / BUNDLE).exists()
    captured = capsys.readouterr()
    texts = [path.read_bytes().decode() for path in place.rglob("*") if path.is_file()]
    assert any("integrated" in record.getMessage() for record in caplog.records)
    for text in (*texts, captured.out, captured.err, caplog.text):
        for part in (token, *token.split(".")[1:]):
            assert part not in text


def test_a_service_that_repeats_the_token_in_its_refusal_does_not_get_it_printed(
    place: Path, strangers: Instance, ours: Instance, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    in_pipeline(monkeypatch, ours)
    token = strangers.token()  # its issuer is not the one that this instance knows
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    monkeypatch.setattr(ours, "echoes", True)
    archive = FolderArchive(place)
    seal(place)
    said = capsys.readouterr().err
    assert "error processing the identity token: Signature verification failed" in said
    assert "403" in said
    with pytest.raises(EdgebookError) as failed:
        keyless.sign(archive, load_record(archive, ONE), "{}")
    for text in (said, failed.value.why, json.dumps(failed.value.to_json())):
        assert token[:40] not in text and token.split(".")[1][:16] not in text


def test_an_expired_token_asks_nobody(
    place: Path, ours: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_pipeline(monkeypatch, ours, exp=1_700_000_000)
    asked = len(ours.asked)
    seal(place)
    said = capsys.readouterr().err
    assert "has no keyless signature" in said and "has expired" in said
    assert len(ours.asked) == asked
