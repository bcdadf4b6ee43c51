"""Keyless signatures where the service is an instance of one's own, and is of no help.

The record is sealed all the same, the words come, and nothing waits beyond its limit. What an
instance that helps makes is in test_keyless_instance.py.
"""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import sigstore
from edgebook.base.errors import EdgebookError
from edgebook.records import Draft, FolderArchive, Redactor, keyless, load_record, verify_archive

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STORE = Path(str(sigstore.__file__)).parent / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
MEDIA = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
ISSUER, WHO = "https://gitlab.example.com", "https://gitlab.example.com/acme/shop//.gitlab-ci.yml"


class Refusing(BaseHTTPRequestHandler):
    """A service that knows nobody."""

    def do_POST(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b'{"code": 7, "message": "there was an error processing the identity"}')

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def instance(folder: Path, url: str) -> str:
    """A client trust config that leads here for everything."""
    config = json.loads((STORE / "signing_config.v0.2.json").read_text())
    for name in ("caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls"):
        for service in config.get(name, []):
            service["url"] = url
    root = json.loads((STORE / "trusted_root.json").read_text())
    path = folder / "instance.json"
    path.write_text(json.dumps({"mediaType": MEDIA, "trustedRoot": root, "signingConfig": config}))
    return str(path)


def token() -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": ISSUER,
        "aud": "sigstore",
        "sub": WHO,
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    }
    return jwt.encode(claims, "a key that nobody trusts, of 32 bytes", algorithm="HS256")


def sealed(folder: Path) -> FolderArchive:
    archive = FolderArchive(folder / "records")
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.seal({"status": "succeeded", "steps": []})
    return archive


def test_an_instance_that_refuses_leaves_a_sealed_record_and_words(
    refusing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token())
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", instance(tmp_path, refusing))
    archive = sealed(tmp_path)
    said = capsys.readouterr().err
    assert "is sealed, but has no keyless signature" in said
    assert "instance.json" in said and "EDGEBOOK_SIGNING_KEY" in said
    assert verify_archive(archive).intact
    verdict = verify_archive(archive, sealed_by=(WHO, ISSUER))
    assert not verdict.intact and "has no keyless signature" in str(verdict)


def test_an_instance_that_never_answers_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = sealed(tmp_path)
    record = load_record(archive, archive.change_ids()[0])
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", token())
        monkeypatch.setenv("EDGEBOOK_SIGSTORE", instance(tmp_path, url))
        with pytest.raises(EdgebookError, match="no keyless signature") as failed:
            keyless.sign(archive, record, "{}", seconds=0.5)
    assert "no answer within 0.5 s" in failed.value.why


def test_a_trust_config_that_is_none_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token())
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(tmp_path / "gone.json"))
    sealed(tmp_path)
    assert "gone.json" in capsys.readouterr().err
