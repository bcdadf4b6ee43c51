"""Secrets never reach a record: redaction at write, and a scan that refuses to seal."""

import base64
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from edgebook.records import Draft, FolderArchive, Redactor, environment_secrets, marked_secrets
from edgebook.records.draft import SecretsFound, quarantine

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----"
SECRETS = {
    "private key": PEM,
    "private key of a kind": PEM.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
    "private key cut off": PEM[:60],
    "private key in JSON": json.dumps({"private_key": PEM}),
    "private key in base64": base64.b64encode(PEM.encode()).decode(),
    "access token": "ya29.a0AfB_byC-x1y2z3x1y2z3",
    "refresh token": "1//0gabcdefghijklmnopqrstuv-x",
    "bearer": "Authorization: Bearer abcdef0123456789.-_~+/==",
    "basic": "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "service account token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl-_x",
    "kubeconfig": "    token: abcdefghijklmnopqrstuvwxyz0123456789",
    "client key": "client-key-data: " + base64.b64encode(PEM.encode()).decode(),
    "URL": "https://user:hunter2-and-more@example.com/x",
    "API key": "AIza" + "x" * 35,
    "GitHub": "ghp_" + "a1" * 18,
    "JSON password": '{"password": "correct horse"}',
}
HARMLESS = [
    CERTIFICATE,
    base64.b64encode(CERTIFICATE.encode()).decode(),
    "gcloud auth print-access-token",
    "token: known after the cluster exists",
    "Bearer tokens never reach a record",
    "SHA-256 " + "5f0c2a91" * 8,
    "https://compute.googleapis.com/compute/v1/projects/p/global/addresses/a",
    "fingerprint: 'x1kqWwJ3kMo='",
    "CNAME 0e40fc77-a37d-4eb8-8fe1-eea2e18d12d9.4.authorize.certificatemanager.goog.",
]


@pytest.mark.parametrize("kind", SECRETS)
def test_shapes_of_secrets_are_redacted_and_found(kind: str) -> None:
    text = f"before {SECRETS[kind]} after"
    redactor = Redactor()
    assert redactor.scan("a.ipynb", text)
    assert redactor.scan("a.ipynb", json.dumps({"cells": [{"source": text}]}))
    redacted = redactor.text(text)
    assert "[redacted: " in redacted
    assert redacted.startswith("before ")
    assert not redactor.scan("a.ipynb", redacted)
    assert redactor.text(redacted) == redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text
    assert not Redactor().scan("a", text)


def test_known_values_are_redacted_in_every_form_under_their_name() -> None:
    value = 'p&ss "word"/42'
    redactor = Redactor({"DB_PASSWORD": value})
    forms = [value, base64.b64encode(value.encode()).decode(), json.dumps(value)[1:-1],
             "p%26ss%20%22word%22%2F42", "p&amp;ss &quot;word&quot;/42"]  # fmt: skip
    for form in forms:
        assert redactor.text(f"<{form}>") == "<[redacted: DB_PASSWORD]>"
        assert redactor.scan("x", f"<{form}>")


def test_colours_do_not_hide_a_secret() -> None:
    text = "\x1b[31mya29.a0AfB\x1b[0m_byC-x1y2z3x1y2z3"
    assert Redactor().scan("x", text)
    assert "byC" not in Redactor().text(text)


def test_secret_looking_names_of_variables_and_params() -> None:
    environ = {"DB_PASSWORD": "correct horse", "API_TOKEN": "abcdef12", "HOME": "/home/ada",
               "SSH_PRIVATE_KEY": "/home/ada/.ssh/key", "SHORT_TOKEN": "x"}  # fmt: skip
    assert environment_secrets(environ) == {
        "DB_PASSWORD": "correct horse", "API_TOKEN": "abcdef12",
    }  # fmt: skip
    params = {"notify": {"webhook_token": "abc-def-ghi"}, "list": [{"password": "hunter2!"}]}
    assert marked_secrets(params) == {
        "notify.webhook_token": "abc-def-ghi", "list[0].password": "hunter2!",
    }  # fmt: skip


def executed(secret: str) -> str:
    cell = nbformat.v4.new_code_cell(
        f"connect({secret!r})",
        outputs=[
            nbformat.v4.new_output("stream", name="stdout", text=secret[: len(secret) // 2]),
            nbformat.v4.new_output("stream", name="stdout", text=secret[len(secret) // 2 :]),
            nbformat.v4.new_output("execute_result", data={"text/html": f"<b>{secret}</b>"}),
            nbformat.v4.new_output(
                "error", ename="E", evalue=secret, traceback=[f"\x1b[31m{secret}\x1b[0m"]
            ),
        ],
    )
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata={"note": secret}))


@pytest.mark.parametrize("kind", ["private key", "access token", "bearer", "service account token"])
def test_a_notebook_is_redacted_when_it_is_written(kind: str, tmp_path: Path) -> None:
    draft = Draft.start(FolderArchive(tmp_path), now=NOW, redactor=Redactor({"K": "s3cret-value"}))
    draft.write_notebook("a.ipynb", executed(SECRETS[kind]))
    draft.write_notebook("b.ipynb", executed("s3cret-value"))
    for name in ("a.ipynb", "b.ipynb"):
        text = (draft.folder / name).read_text()
        assert not draft.redactor.scan(name, text)
        assert "[redacted: " in text


def test_the_scan_refuses_to_seal_and_takes_the_draft_out_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    archive = FolderArchive(tmp_path / "records")
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    (draft.folder / "odd.json").write_text(json.dumps({"hidden": SECRETS["access token"]}))
    with pytest.raises(SecretsFound) as caught:
        draft.seal({"status": "succeeded", "steps": []})
    assert "odd.json: Google access token" in str(caught.value)
    assert SECRETS["access token"] not in str(caught.value)
    assert archive.change_ids() == []
    assert (quarantine() / draft.change_id / "odd.json").exists()
    assert stat.S_IMODE(os.stat(quarantine()).st_mode) == 0o700  # noqa: PTH116


def test_the_journal_and_the_facts_are_redacted_when_sealed(tmp_path: Path) -> None:
    draft = Draft.start(FolderArchive(tmp_path), now=NOW, redactor=Redactor())
    event = {"event": "error", "why": f"401 with {SECRETS['bearer']}"}
    draft.journal.write_text(json.dumps(event) + "\n" + '{"cut off')
    who = {"user": "ada", "host": SECRETS["access token"]}
    record = draft.seal({"status": "failed", "steps": [], "who": who})
    assert "[redacted: bearer token]" in (draft.folder / "journal.jsonl").read_text()
    assert record.data["who"]["host"] == "[redacted: Google access token]"
