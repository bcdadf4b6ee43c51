"""Front doors for the benchmarks, made through the API of a simulator."""

import datetime
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.gcpsim import PROJECT, Connection

ZONE = "us-central1-a"
ROOT = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/"
SCHEME = "EXTERNAL_MANAGED"


class Door:
    """Services `bs-N` with a URL map `um-N`, and rules `r-N` before them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        check = {"type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}
        self._make("global/healthChecks", name="hc", **check)
        self._make(
            "global/firewalls",
            name="front",
            allowed=[{"IPProtocol": "tcp"}],
            sourceRanges=["35.191.0.0/16", "130.211.0.0/22"],
        )

    def service(self, number: int, endpoints: int, *, socket: str = "") -> None:
        """A service with endpoints 10.250.N.*; with `socket` that process answers for them."""
        group = f"zones/{ZONE}/networkEndpointGroups/n-{number}"
        self._make(f"zones/{ZONE}/networkEndpointGroups", name=f"n-{number}")
        self._make(
            f"zones/{ZONE}/instances",
            name=f"i-{number}",
            machineType=f"zones/{ZONE}/machineTypes/e2-medium",
            networkInterfaces=[{"aliasIpRanges": [{"ipCidrRange": f"10.250.{number}.0/24"}]}],
        )
        ips = [f"10.250.{number}.{last + 1}" for last in range(endpoints)]
        if socket:
            for ip in ips:
                served = {"ip": ip, "port": 8080, "socket": socket}
                self._connection.admin("POST", "stage/endpoint", {"ip": ip, "answer": "ok"})
                self._connection.admin("POST", "stage/endpoint-serve", served)
        listed = [{"instance": f"i-{number}", "ipAddress": ip, "port": 8080} for ip in ips]
        self._connection.ask(
            "POST", f"{group}/attachNetworkEndpoints", {"networkEndpoints": listed}
        )
        self._make(
            "global/backendServices",
            name=f"bs-{number}",
            protocol="HTTP",
            loadBalancingScheme=SCHEME,
            healthChecks=["global/healthChecks/hc"],
            backends=[self._backend(number)],
        )
        self._make(
            "global/urlMaps",
            name=f"um-{number}",
            defaultService=f"global/backendServices/bs-{number}",
        )

    def rule(self, number: int, service: int, *, tls: bool = False) -> tuple[str, str]:
        """A rule before a service; with `tls` its certificate and key (else empty)."""
        kind = "targetHttpsProxies" if tls else "targetHttpProxies"
        body: dict[str, Any] = {"urlMap": f"global/urlMaps/um-{service}"}
        pair = ("", "")
        if tls:
            pair = certificate(f"host-{number}.example.com")
            own = {"certificate": pair[0], "privateKey": pair[1]}
            self._make("global/sslCertificates", name=f"c-{number}", **own)
            body["sslCertificates"] = [f"global/sslCertificates/c-{number}"]
        self._make(f"global/{kind}", name=f"p-{number}", **body)
        self._make(
            "global/forwardingRules",
            name=f"r-{number}",
            loadBalancingScheme=SCHEME,
            target=f"global/{kind}/p-{number}",
            portRange="443" if tls else "80",
        )
        return pair

    def swap(self, service: int, group: int) -> None:
        """The service has the endpoints of another group from now on."""
        body = {"backends": [self._backend(group)]}
        self._connection.ask("PATCH", f"global/backendServices/bs-{service}", body)

    def reach(self, rule: str) -> tuple[str, int]:
        """Where a rule is served at the last location by name."""
        rows = json.loads(self._connection.ask("GET", "reach", root="/_sim/"))
        (found,) = [
            row["connect"]
            for row in rows
            if row["rule"].endswith(f"/{rule}") and row["location"] == "us-central1"
        ]
        host, _, port = found.rpartition(":")
        return host, int(port)

    def _backend(self, number: int) -> dict[str, Any]:
        group = f"{ROOT}zones/{ZONE}/networkEndpointGroups/n-{number}"
        return {"group": group, "balancingMode": "RATE", "maxRatePerEndpoint": 1e6}

    def _make(self, collection: str, **body: Any) -> None:
        self._connection.ask("POST", collection, body)


def certificate(host: str) -> tuple[str, str]:
    """(certificate, key) for a host name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
