"""A front door of a project, small servers as its pods, and requests through it."""

import base64
import datetime
import http.client
import http.server
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.contract.rest import Compute

ADDRESSES = itertools.count()
US, EU = "us-central1", "europe-west1"


class Pod(http.server.ThreadingHTTPServer):
    """A server that tells who it is and what arrived; `status` and `hook` change what it does."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.name = name
        self.hook: Callable[[Any], bool] | None = None
        self.seen: list[str] = []
        self.arrived = threading.Condition()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def socket_address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def wait_for(self, request: str) -> None:
        """Until a request has arrived (`GET /path`)."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: request in self.seen, timeout=10), self.seen

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Pod

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.arrived:
            self.server.seen.append(f"{self.command} {self.path}")
            self.server.arrived.notify_all()
        if self.server.hook is not None and self.server.hook(self):
            return
        self.say({"body": body.decode()})

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def say(self, more: dict[str, Any], status: int = 200) -> None:
        answer = {
            "pod": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            **more,
        }
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *arguments: Any) -> None:
        """Nothing: tests read what is answered."""


class Answer:
    """An HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def pod(self) -> str:
        return str(self.json["pod"])

    @property
    def arrived(self) -> dict[str, str]:
        """The headers that arrived at the pod."""
        return dict(self.json["headers"])


def unverified() -> ssl.SSLContext:
    """A client that takes any certificate and any version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def pair(*hosts: str) -> tuple[str, str]:
    """(certificate, key) for host names, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hosts[0])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def names_in(der: bytes) -> list[str]:
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(names.value.get_values_for_type(x509.DNSName))


class Door(Compute):
    """A project with a front door, and requests through it."""

    def __init__(self, sim: Any, project: str) -> None:
        super().__init__(sim, project)
        self.pods: list[Pod] = []
        self.ips: dict[str, str] = {}

    def stop(self) -> None:
        for pod in self.pods:
            pod.stop()
        self.close()

    def pod(self, name: str, group: str = "neg", zone: str = "us-central1-a") -> Pod:
        """A pod that serves an endpoint of a group; its health is as the stage says: ok."""
        pod = Pod(name)
        self.pods.append(pod)
        ip = self.next_ip()
        self.ips[name] = ip
        self.endpoint(ip, 8080, pod.socket_address, group, zone, name)
        return pod

    @staticmethod
    def pair(*hosts: str) -> tuple[str, str]:
        """(certificate, key) signed by itself."""
        return pair(*hosts)

    def next_ip(self) -> str:
        """A pod address that no other test uses."""
        number = next(ADDRESSES)
        return f"10.250.{number // 250}.{number % 250 + 1}"

    def endpoint(self, ip: str, port: int, where: str, group: str, zone: str, name: str) -> None:
        self.instance(f"node-{name}", f"{ip}/32", zone)
        self.sim.admin("POST", "stage/endpoint", {"ip": ip, "answer": "ok"})
        served = {"ip": ip, "port": port, "socket": where}
        self.sim.admin("POST", "stage/endpoint-serve", served)
        self.do(
            "POST",
            f"zones/{zone}/networkEndpointGroups/{group}/attachNetworkEndpoints",
            {"networkEndpoints": [{"instance": f"node-{name}", "ipAddress": ip, "port": port}]},
        )

    def health(self, zone: str, group: str, service: str = "bs") -> dict[str, str]:
        """The state of each endpoint of a group by its address."""
        link = self.link(f"zones/{zone}/networkEndpointGroups/{group}")
        status, answer = self.ask(
            "POST", f"global/backendServices/{service}/getHealth", {"group": link}
        )
        assert status == 200, answer
        return {one["ipAddress"]: one["healthState"] for one in answer.get("healthStatus") or ()}

    def flowed(self, count: int) -> list[dict[str, Any]]:
        """The rows of this project in `gcpsim traffic`, once so many requests are told."""
        while True:
            rows = [
                one
                for one in self.sim.admin("GET", "traffic")["traffic"]
                if one["project"] == self.project
            ]
            if sum(one["count"] for one in rows) >= count:
                return rows

    def open_firewall(self) -> None:
        self.make(
            "global/firewalls",
            name="front",
            allowed=[{"IPProtocol": "tcp"}],
            sourceRanges=["35.191.0.0/16", "130.211.0.0/22"],
        )

    def backends(self, *groups: str, **more: Any) -> list[dict[str, Any]]:
        """RATE backends `zone/group` (the zone may be left out)."""
        out = []
        for text in groups:
            zone, _, group = text.rpartition("/")
            link = self.link(f"zones/{zone or 'us-central1-a'}/networkEndpointGroups/{group}")
            out.append({"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 1e4, **more})
        return out

    def service(self, name: str = "bs", *groups: str, **more: Any) -> str:
        body = {
            "protocol": "HTTP",
            "healthChecks": ["global/healthChecks/hc"],
            "backends": self.backends(*groups),
        }
        return self.backend_service(name, **{**body, **more})

    def rule(self, kind: str, proxy: str, port: int, name: str = "rule", **more: Any) -> str:
        body = {"loadBalancingScheme": "EXTERNAL_MANAGED", **more}
        target = f"global/{kind}/{proxy}"
        return self.make(
            "global/forwardingRules", name=name, target=target, portRange=str(port), **body
        )

    def certificate(self, name: str, *hosts: str) -> str:
        """A self-managed certificate of Certificate Manager; gives its name."""
        chain, key = pair(*hosts)
        body = {"selfManaged": {"pemCertificate": chain, "pemPrivateKey": key}}
        return self._certificates("certificates", "certificateId", name, body)

    def certificate_map(self, **entries: str) -> str:
        """A map whose entries are HOST=certificate (dots as `_`, PRIMARY for the default)."""
        made = self._certificates("certificateMaps", "certificateMapId", "map", {})
        for index, (host, certificate) in enumerate(sorted(entries.items())):
            self.entry(f"e{index}", host.replace("_", "."), certificate)
        return f"//certificatemanager.googleapis.com/{made}"

    def entry(self, name: str, host: str, certificate: str) -> str:
        match = {"matcher": "PRIMARY"} if host == "PRIMARY" else {"hostname": host}
        where = "certificateMaps/map/certificateMapEntries"
        body = {**match, "certificates": [certificate]}
        return self._certificates(where, "certificateMapEntryId", name, body)

    def _certificates(self, collection: str, id_field: str, name: str, body: Any) -> str:
        home = f"projects/{self.project}/locations/global"
        path = f"/v1/{home}/{collection}?{id_field}={name}"
        status, answer = self.sim.http("POST", path, body)
        assert status == 200, answer
        return f"{home}/{collection}/{name}"

    @property
    def domain(self) -> str:
        return f"{self.project}.example"

    def zone(self, **records: str) -> None:
        """A public zone for `domain`, with A records."""
        body = {"name": "zone", "dnsName": f"{self.domain}.", "description": "d"}
        self._dns("managedZones", body)
        for name, address in records.items():
            self.record(name, address)

    def record(self, name: str, data: str, kind: str = "A") -> None:
        full = name if name.endswith(".") else f"{name}.{self.domain}."
        body = {"name": full, "type": kind, "ttl": 60, "rrdatas": [data]}
        self._dns("managedZones/zone/rrsets", body)

    def _dns(self, collection: str, body: Any) -> None:
        path = f"/dns/v1/projects/{self.project}/{collection}"
        status, answer = self.sim.http("POST", path, body)
        assert status == 200, answer

    def managed_certificate(self, name: str, host: str) -> str:
        """A certificate of the simulated Google by DNS authorization; `zone` must exist."""
        made = self._certificates("dnsAuthorizations", "dnsAuthorizationId", name, {"domain": host})
        _, authorization = self.sim.http("GET", f"/v1/{made}")
        record = authorization["dnsResourceRecord"]
        self.record(record["name"], record["data"], record["type"])
        managed = {"domains": [host], "dnsAuthorizations": [made]}
        return self._certificates("certificates", "certificateId", name, {"managed": managed})

    def by_proxy(self, client: str, path: str = "/", *, at: str = US, rule: str = "rule") -> Answer:
        """A plain HTTP request through the proxy, as from a client's address."""
        address = self.get(f"global/forwardingRules/{rule}")["IPAddress"]
        proxy = urlsplit(self.sim.ready["proxy"])
        user = base64.b64encode(f"{at},{client}:".encode()).decode()
        connection = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=20)
        try:
            headers = {"Host": "shop.example.com", "Proxy-Authorization": f"Basic {user}"}
            connection.request("GET", f"http://{address}{path}", None, headers)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def https_door(self, certificate_map: str, service: str = "bs", **proxy: Any) -> str:
        self.url_map(service=f"global/backendServices/{service}")
        self.make(
            "global/targetHttpsProxies",
            name="proxy",
            urlMap="global/urlMaps/um",
            certificateMap=certificate_map,
            **proxy,
        )
        return self.rule("targetHttpsProxies", "proxy", 443)

    def handshake(
        self, server_name: str | None, *, at: str = US, rule: str = "rule", **limits: Any
    ) -> tuple[list[str], str]:
        """(names in the certificate that is served, TLS version); OSError when it fails."""
        context = unverified()
        for name, value in limits.items():
            if name == "ciphers":
                context.set_ciphers(value)
            else:
                setattr(context, name, value)
        with (
            socket.create_connection(self.reach(rule)[at], timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=server_name) as tls,
        ):
            raw = tls.getpeercert(binary_form=True)
            assert raw is not None
            return names_in(raw), tls.version() or ""

    def served_certificate(self, server_name: str, *, at: str = US, rule: str = "rule") -> bytes:
        """The certificate that is served, as DER."""
        with (
            socket.create_connection(self.reach(rule)[at], timeout=10) as plain,
            unverified().wrap_socket(plain, server_hostname=server_name) as tls,
        ):
            return tls.getpeercert(binary_form=True) or b""

    def reach(self, rule: str = "rule") -> dict[str, tuple[str, int]]:
        """location -> socket address of a forwarding rule of this project."""
        wanted = self.path(f"global/forwardingRules/{rule}")
        found = {}
        for one in self.sim.admin("GET", "reach"):
            if one["rule"] == wanted:
                host, _, port = one["connect"].rpartition(":")
                found[one["location"]] = (host, int(port))
        return found

    def connect(
        self, host: str = "shop.example.com", *, at: str = US, rule: str = "rule", tls: bool = False
    ) -> "Connection":
        """An HTTP/1.1 connection to a location's front end, over TLS with `host` when asked for."""
        return Connection(self.reach(rule)[at], host, tls)

    def fetch(
        self,
        path: str = "/",
        *,
        at: str = US,
        rule: str = "rule",
        host: str = "shop.example.com",
        tls: bool = False,
        **more: Any,
    ) -> Answer:
        """One HTTP request on a connection of its own."""
        connection = self.connect(host, at=at, rule=rule, tls=tls)
        try:
            return connection.get(path, **more)
        finally:
            connection.close()


class Connection:
    """Requests one after the other on one connection."""

    def __init__(self, address: tuple[str, int], host: str, tls: bool) -> None:
        self._host = host
        self._http = http.client.HTTPConnection(*address, timeout=20)
        if tls:
            plain = socket.create_connection(address, timeout=20)
            self._http.sock = unverified().wrap_socket(plain, server_hostname=host)

    def get(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        self._http.request(method, path, body, {"Host": self._host, **(headers or {})})
        answer = self._http.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())

    def close(self) -> None:
        self._http.close()
