"""A self-managed certificate is exchanged in place; its key is nowhere but in the call."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from edgebook.base.errors import RefusedError, StepFailed, UsageError

from tests.contract.edgebook.conftest import Shop

NAMES = ("shop.example.com", "*.shop.example.com")
CERTIFICATES = "/v1/projects/shop-rehearsal/locations/global/certificates"
NOW = datetime.now(UTC)


def pair(names: tuple[str, ...] = NAMES, days: int = 900, begins: int = -900) -> tuple[str, str]:
    """A chain and its key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    built = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret = key.private_bytes(serialization.Encoding.PEM, *form).decode()
    return built.public_bytes(serialization.Encoding.PEM).decode(), secret


@pytest.fixture(scope="module")
def site(quiet_shop: Shop) -> Shop:
    chain, key = pair()
    own = {"selfManaged": {"pemCertificate": chain, "pemPrivateKey": key}}
    posted = quiet_shop.sim.http("POST", f"{CERTIFICATES}?certificateId=own", own)
    assert posted[0] == 200
    quiet_shop.sim.advance(60)
    return quiet_shop


def rotate(site: Shop, chain: str, key: str = "env:NEW_KEY", name: str = "own") -> Any:
    path = Path(site.folder) / "chain.pem"
    path.write_text(chain)
    certificate = {"name": name, "adopt": True}
    return site.book(certificate=certificate).move("certificates", chain=str(path), key=key)


def serving(site: Shop) -> str:
    return str(site.sim.http("GET", f"{CERTIFICATES}/own")[1]["pemCertificate"])


def test_it_is_exchanged_and_the_second_plan_is_empty(
    site: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, key = pair()
    monkeypatch.setenv("NEW_KEY", key)
    move = rotate(site, chain)
    planned = move.plan()
    moved = move.apply("apply", planned.hash, show_progress=False)
    assert serving(site) == chain
    assert [stage["name"] for stage in planned.to_json()["stages"]] == ["rotate"]
    assert "nothing to do" in moved.data["standing"]
    assert rotate(site, chain).plan().to_json()["left"] == 0
    body = key.split("\n")[1]
    assert body not in json.dumps(planned.to_json()) + json.dumps(moved.data)
    left = [p for p in Path(site.folder).parent.rglob("*") if p.is_file()]
    assert not [p for p in left if body.encode() in p.read_bytes()]


def test_a_key_of_another_chain_changes_nothing(
    site: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = serving(site)
    monkeypatch.setenv("NEW_KEY", pair()[1])
    with pytest.raises(StepFailed, match="does not match"):
        rotate(site, pair()[0]).apply("apply", "auto", show_progress=False)
    assert serving(site) == before


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (pair(NAMES[:1])[0], "no name of the chain covers it"),
        (pair(days=-1)[0], "it expired on"),
        (pair(begins=800)[0], "not valid before"),
    ],
)
def test_what_clients_would_refuse_is_refused(site: Shop, chain: str, words: str) -> None:
    before = serving(site)
    with pytest.raises(RefusedError, match="would fail handshakes") as refused:
        rotate(site, chain).apply("apply", "auto", show_progress=False)
    assert words in refused.value.why and serving(site) == before


def test_wrong_wishes(site: Shop) -> None:
    chain, key = pair()
    for options, words in (
        ({"chain": "x.pem"}, "Half of a certificate"),
        ({"key": "env:K"}, "Half of a certificate"),
        ({"chain": "gone.pem", "key": "env:K"}, "No certificate chain"),
        ({"speed": 1}, "takes no speed"),
    ):
        with pytest.raises(UsageError, match=words):
            site.book().move("certificates", **options)
    with pytest.raises(UsageError, match="Not a place of a secret") as refused:
        rotate(site, chain, key)
    assert key.split("\n")[1] not in str(refused.value)
    with pytest.raises(RefusedError, match="No self-managed certificate"):
        rotate(site, chain, name="other").plan()
