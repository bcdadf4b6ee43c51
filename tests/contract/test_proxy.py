"""Way B: Google's own clients with no option at all, through HTTPS_PROXY from the ready line."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

UNMODIFIED = """
import json
from google.cloud import certificate_manager_v1, compute_v1, dns

project = "proxied"
addresses = compute_v1.GlobalAddressesClient()
operation = addresses.insert(project=project, address_resource=compute_v1.Address(name="ip"))
operation.result(timeout=30)
found = addresses.get(project=project, address="ip")
zone = dns.Client(project=project).zone("zone", "example.com.", "d")
zone.create()
maps = certificate_manager_v1.CertificateManagerClient(transport="rest")
parent = f"projects/{project}/locations/global"
made = maps.create_certificate_map(
    parent=parent,
    certificate_map_id="map",
    certificate_map=certificate_manager_v1.CertificateMap(),
).result(timeout=30)
import urllib.request
# where clients from before oauth2.googleapis.com ask for tokens
url = "https://accounts.google.com/o/oauth2/token"
with urllib.request.urlopen(url, b"grant_type=x", timeout=30) as answer:
    assert json.load(answer)["token_type"] == "Bearer"
print(json.dumps({"status": found.status, "link": found.self_link, "map": made.name}))
"""


def test_unmodified_clients(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--time-scale", "10", "--require-auth", "--no-dataplane")
    done = subprocess.run(
        [sys.executable, "-c", UNMODIFIED],
        env={**os.environ, **sim.ready["env"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "status": "RESERVED",
        "link": "https://www.googleapis.com/compute/v1/projects/proxied/global/addresses/ip",
        "map": "projects/proxied/locations/global/certificateMaps/map",
    }
    methods = {(row["collection"], row["method"]) for row in sim.admin("GET", "calls")["counts"]}
    # The polls went here too: these clients would send them to Google otherwise.
    assert {("globalAddresses", "insert"), ("globalOperations", "get")} <= methods
    assert ("managedZones", "create") in methods


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"CONNECT example.com:443 HTTP/1.1", b"403"),
        (b"CONNECT googleapis.com.evil.example:443 HTTP/1.1", b"403"),
        (b"CONNECT 192.0.2.1:443 HTTP/1.1", b"403"),
        (b"GET http://compute.googleapis.com/ HTTP/1.1", b"405"),
        (b"nonsense", b"405"),
    ],
)
def test_nothing_is_forwarded_elsewhere(sim: Any, line: bytes, status: bytes) -> None:
    address = urlsplit(sim.ready["proxy"])
    with socket.create_connection((address.hostname, address.port), timeout=10) as proxy:
        proxy.sendall(line + b"\r\nHost: x\r\n\r\n")
        answer = b""
        while chunk := proxy.recv(4096):
            answer += chunk
    assert answer.split(b" ")[1] == status
