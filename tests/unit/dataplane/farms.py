"""A farm in this process, and clients of its pods."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gcpsim.core.behaviour import Behaviour
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.farm.farm import Farm

ABOUT = {
    "cluster": "blue", "location": "us-central1", "zone": "us-central1-a", "node": "node-1",
    "namespace": "shop",
}  # fmt: skip
KEY = "blue/shop/web-1"
_block = Block()


@cache
def certificate(name: str) -> tuple[str, str]:
    """A self-signed certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(pem).decode(), private.decode()


class Run:
    """A farm with what it told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._told = asyncio.Event()
        self.farm = Farm(self._tell)
        chain, private = certificate("pod.invalid")
        self.farm.order({"op": "certificate", "key": "", "chain": chain, "private": private})

    def _tell(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._told.set()

    async def heard(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event that is wanted, now or later."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                self._told.clear()
                await self._told.wait()

    def pod(
        self,
        key: str = KEY,
        *,
        ports: dict[int, str] | None = None,
        phase: str = "serving",
        behaviour: Behaviour | None = None,
        certificates: list[str] | None = None,
        ingress: str = "",
        routed: list[int] | None = None,
        ip: str = "10.8.0.2",
        pages: dict[int, list[str]] | None = None,
    ) -> dict[int, tuple[str, int]]:
        """Order a pod; where its ports are."""
        known = self.farm.pods.get(key)
        about = {**ABOUT, "pod": key.rpartition("/")[2], "ip": ip}
        order = {
            "op": "pod", "key": key, "address": known.address if known else _block.pod(),
            "about": about, "ports": {str(p): s for p, s in (ports or {8080: ""}).items()},
            "phase": phase, "behaviour": (behaviour or Behaviour()).to_json(),
            "pages": {str(p): found for p, found in (pages or {}).items()},
            "certificates": certificates or [], "ingress": ingress, "routed": routed or [],
        }  # fmt: skip
        self.farm.order(order)
        assert not [e for e in self.events if e["event"] == "trouble"], self.events
        return self.farm.pods[key].sockets()


def run(test: Callable[[Run], Awaitable[None]]) -> None:
    """Run a test in a loop of its own; every pod is killed afterwards."""

    async def main() -> None:
        farm = Run()
        try:
            async with asyncio.timeout(60):
                await test(farm)
        finally:
            farm.farm.close()
            await asyncio.sleep(0)

    asyncio.run(main())


async def ask(
    at: tuple[str, int], text: str, *, ssl: Any = None, name: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """One HTTP/1.1 request on a connection of its own: status, headers, body."""
    reader, writer = await asyncio.open_connection(
        *at, ssl=ssl, server_hostname=name if ssl else None
    )
    writer.write(text.encode())
    try:
        return await answer(reader)
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {}
    for line in head[1:]:
        key, _, value = line.partition(":")
        if key:
            headers[key.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split(" ")[1]), headers, body


async def get(at: tuple[str, int], path: str = "/", host: str = "shop.example.com") -> Any:
    """The JSON that a pod answers to a GET."""
    _, _, body = await ask(at, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
    return json.loads(body)
