"""A self-managed certificate is exchanged in place: the same name, a new chain and a new key.

The chain is read from a file and is public. The key is only named (an environment variable or a
secret of Secret Manager) and read at the moment of the call; it is in no plan and in no record.
Certificate Manager refuses a key that does not belong to the chain, and then nothing has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edgebook.base.errors import RefusedError, UsageError
from edgebook.desired import Desired
from edgebook.model.hostnames import covered
from edgebook.model.values import Live, Ownership, Resource, SecretRef, Step
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.types import Spec

ROTATE = "rotate"
TAKES = ("chain", "key")


@dataclass(frozen=True)
class Rotation:
    """A chain as the API prints it, what it says, and where its key is."""

    chain: str
    key: SecretRef
    names: tuple[str, ...]
    begins: datetime
    expires: datetime


def asked(options: Mapping[str, Any]) -> Rotation | None:
    """None when no chain is given. Raises UsageError for what is no chain, or names no key."""
    if stray := sorted(set(options) - set(TAKES)):
        what = f"certificates takes no {', '.join(stray)}"
        raise UsageError(
            what, where="book.move", why=f"it takes {', '.join(TAKES)}, proxies, classic, soak"
        )
    chain, key = str(options.get("chain") or ""), str(options.get("key") or "")
    if not chain and not key:
        return None
    if not chain or not key:
        missing = "key" if chain else "chain"
        raise UsageError(
            "Half of a certificate",
            where=missing,
            why="a chain and its key are exchanged together",
            next="give both: -p chain FILE -p key env:NAME",
        )
    return _read(chain, _reference(key))


def alone(wanted: Rotation | None) -> None:
    """Raises UsageError when a chain is given beside another move of certificates."""
    if wanted is not None:
        raise UsageError(
            "Two moves at once",
            where="chain",
            why="proxies are named too",
            next="exchange the chain first, then leave the classic certificates",
        )


def _reference(text: str) -> SecretRef:
    if found := SecretRef.named(text):
        return found
    raise UsageError(
        "Not a place of a secret",  # the text is not repeated: it may be the key itself
        where="key",
        why="it is env:NAME, or projects/PROJECT/secrets/NAME in Secret Manager",
        next="put the key there, and give its name; if it was pasted here, have a new one issued",
    )


def _read(file: str, key: SecretRef) -> Rotation:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        chain = x509.load_pem_x509_certificates(Path(file).read_bytes())
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        what = "No certificate chain in PEM, with the names in it"
        way = "give the leaf certificate and those that signed it, in PEM; nothing was changed"
        raise UsageError(what, where=file, why=str(error), next=way) from None
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    found = tuple(sorted(names.get_values_for_type(x509.DNSName)))
    leaf = chain[0]
    return Rotation(text, key, found, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def ladder(spec: Spec, desired: Desired, live: Live, wanted: Rotation) -> Ladder:
    """One stage, or none when the chain is there already."""
    name = spec.certificate.name if spec.certificate else ""
    found = next((k for k in live if k.kind == "certificate" and k.name == name), None)
    if found is None or "selfManaged" not in live[found].body:
        raise RefusedError(
            "No self-managed certificate to rotate",
            where="certificate.name",
            why=f"{name or 'none'} is {'managed by Google' if found else 'not there'}",
            next="managed ones are renewed by Google; for another one, give it another "
            "certificate.name and plan without chain and key",
        )

    def at(chain: str) -> Desired:
        body = {"pemCertificate": chain, "selfManaged": {"pemPrivateKey": wanted.key}}
        until = f"valid until {wanted.expires:%Y-%m-%d}"
        one = Resource("certificate", name, found.scope, body, Step.CERTIFICATE,
                       ownership=Ownership.ADOPTED, what=until)  # fmt: skip
        return replace(desired, resources=(one,), kept=frozenset(live), reports=())

    now = str(live[found].body.get("pemCertificate") or "")
    stages = [Stage(START, "as it is", at(now))]
    if now != wanted.chain:
        gate = Gate(spread_s=SPREAD, judged=True)
        what = f"{name} serves the new chain, valid until {wanted.expires:%Y-%m-%d}"
        stages.append(Stage(ROTATE, what, at(wanted.chain), gate=gate))
    title = f"rotate certificate {name}"
    return Ladder(
        "certificates",
        title if len(stages) > 1 else f"{title}: nothing to do",
        tuple(stages),
        ("no way back by itself: to serve the old chain again, give its file and key",),
        front_door=desired.front_door,
        environment=spec.environment.value,
    )


def require(spec: Spec, wanted: Rotation, now: datetime) -> None:
    """Raises RefusedError for a chain that clients would refuse. `now` has a time zone."""
    problems = [
        f"{name}: no name of the chain covers it"
        for name in sorted(set(spec.hostnames) - set(covered(spec.hostnames, wanted.names)))
    ]
    if wanted.expires <= now:
        problems.append(f"it expired on {wanted.expires:%Y-%m-%d}")
    if wanted.begins > now:
        problems.append(f"it is not valid before {wanted.begins:%Y-%m-%dT%H:%MZ}")
    if problems:
        raise RefusedError(
            "The new chain would fail handshakes",
            where="chain",
            why="\n".join(problems),
            next="have it issued for all hostnames of the params; nothing was changed",
        )
