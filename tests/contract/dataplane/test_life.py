"""Processes of the data plane: they end with gcpsim, come back when they die, and say why."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.dataplane.doors import Door, pair


def children(sim: Any) -> list[psutil.Process]:
    return psutil.Process(sim.process.pid).children(recursive=True)


def test_nothing_outlives_a_kill(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--dataplane", "--time-scale", "0")
    started = children(sim)
    names = sorted(one.name() for one in started)
    assert "envoy" in names
    sim.kill()
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert not alive, names
    assert len(gone) == len(started)


def test_an_envoy_that_dies_comes_back(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--dataplane", "--time-scale", "0")
    door = Door(sim, "revived")
    door.open_firewall()
    check = {"portSpecification": "USE_SERVING_PORT"}
    door.make("global/healthChecks", name="hc", type="HTTP", httpHealthCheck=check)
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.http_door()
    assert door.fetch().status == 200
    envoys = [one for one in children(sim) if one.name() == "envoy"]
    (envoy,) = [one for one in envoys if any("us-central1" in word for word in one.cmdline())]
    os.kill(envoy.pid, signal.SIGKILL)
    psutil.wait_procs([envoy], timeout=10)
    answered = None
    while answered is None:  # each `reach` waits until the front ends have settled
        try:
            answered = door.fetch()
        except ConnectionRefusedError:
            continue
    assert answered.status == 200
    without_retries(door)
    door.stop()
    sim.stop()
    assert "the Envoy of us-central1 ended with -9" in sim.errors


def without_retries(door: Door) -> None:
    """The option: every request meets what is there."""
    other = door.pod("two")
    other.hook = lambda handler: setattr(handler, "close_connection", True) or True
    assert {door.fetch().status for _ in range(6)} == {200}
    door.sim.admin("POST", "options", {"retries": False})
    assert {door.fetch().status for _ in range(6)} == {200, 503}


def short_key(host: str) -> tuple[str, str]:
    """A certificate that Envoy does not take: its RSA key is too short."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    chain, _ = pair(host)
    like = x509.load_pem_x509_certificate(chain.encode())
    builder = x509.CertificateBuilder(
        like.issuer, like.subject, key.public_key(), like.serial_number,
        like.not_valid_before_utc, like.not_valid_after_utc, list(like.extensions),
    )  # fmt: skip
    made = builder.sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def test_what_envoy_refuses_is_named_and_the_last_good_serves_on(door: Any) -> None:
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.url_map()
    links = []
    for name, (chain, key) in (
        ("good", pair("a.example.com")),
        ("bad", short_key("a.example.com")),
    ):
        body = {"certificate": chain, "privateKey": key}
        links.append(door.link(door.make("global/sslCertificates", name=name, **body)))
    door.make(
        "global/targetHttpsProxies",
        name="proxy",
        urlMap="global/urlMaps/um",
        sslCertificates=links[:1],
    )
    door.rule("targetHttpsProxies", "proxy", 443)
    served = door.served_certificate("a.example.com")
    door.do(
        "POST",
        "targetHttpsProxies/proxy/setSslCertificates",
        {"sslCertificates": links[1:]},
    )
    door.reach()
    assert door.served_certificate("a.example.com") == served
    whys = {one["why"] for one in door.sim.admin("GET", "traffic")["refused"]}
    (why,) = [why for why in whys if "RSA" in why]
    assert why.startswith("targetHttpsProxies/proxy: ")
    assert "2048" in why


def test_without_an_envoy_all_else_goes_on(tmp_path: Any) -> None:
    """A platform for which there is none: said in one line."""
    code = (
        "import sys; from gcpsim.dataplane.envoy import process; process.binary = lambda: None; "
        "from gcpsim.front.cli import main; sys.exit(main(['serve', '--until-stdin-closes']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "gcpsim: no Envoy for this platform: no traffic through load balancers" in done.stderr
    assert '"dataplane":false' in done.stdout


def test_the_ready_line_says_what_there_is(plane_sim: Any, sim: Any) -> None:
    for one, on in ((plane_sim, True), (sim, False)):
        assert one.ready["dataplane"] is on
        assert one.ready["locations"] == (["europe-west1", "us-central1"] if on else [])
        assert one.ready["env"]["GCPSIM_DATAPLANE"] == ("true" if on else "false")
    assert sim.admin("GET", "reach") == []


def test_the_ready_line_says_where_to_connect(start_sim: Callable[..., Any], sim: Any) -> None:
    """Per address, port and location, as `gcpsim reach` does."""
    assert sim.ready["reach"] == []
    legacy = start_sim("--dataplane", "--scenario", "legacy", "--time-scale", "0")
    assert legacy.ready["reach"] == legacy.admin("GET", "reach")
    found = {(one["port"], one["location"]) for one in legacy.ready["reach"]}
    assert found == {(port, at) for port in (80, 443) for at in ("europe-west1", "us-central1")}
    for one in legacy.ready["reach"]:
        host, _, port = one["connect"].rpartition(":")
        socket.create_connection((host, int(port)), timeout=10).close()
