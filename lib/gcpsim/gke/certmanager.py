"""cert-manager's stand-in: Certificates by HTTP-01 become Secrets with real X.509 certificates.

An order passes when every name leads to this cluster's ingress controller; otherwise the challenge
stays pending, as with Let's Encrypt. Where traffic flows, a visitor really asks for the challenge
on port 80; else the names must resolve to the address at which the controller is published.
Wildcards cannot be had by HTTP-01. Certificates are renewed before they expire. The local authority
signs.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from gcpsim.certs.authority import Authority
from gcpsim.gke.ingress import PUBLISHED
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    key_of,
    owner_reference,
    seconds_of,
    split,
    stamp,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

DAY = 86400.0
LIFE = 90 * DAY  # Let's Encrypt
CHECK = 10.0  # seconds between self checks of a challenge
COMPONENT = "cert-manager-certificates"
SHIM = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
GROUP = "cert-manager.io"
ACME = "/.well-known/acme-challenge/"
PENDING = "Waiting for HTTP-01 challenge propagation"
Visitor = Callable[[str, str, str, Callable[[str], None]], None]


class CertManager:
    """Issues and renews the Certificates of one cluster. `backdate` makes new ones that old (s).

    `challenges` are pending ones, "host/token" -> answer; `challenged` is told when they change.
    `visitor(host, path, answer, done)` asks for one, and says why that failed or "".
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.authority = Authority(plane.world)
        self.backdate = 0.0
        self.worker = plane.worker("cert-manager.lag", self.reconcile)
        self.challenges: dict[str, str] = {}
        self.challenged: list[Callable[[], None]] = []
        self.visitor: Visitor | None = None
        self._visits: dict[str, str | None] = {}
        self._ordered: set[str] = set()
        for resource in ("certificates", "issuers", "clusterissuers", "ingresses"):
            self.cluster.subscribe(resource, self._marker(resource))
            for obj in self.cluster.list(resource):
                self.worker.mark(f"{resource} {key_of(obj)}")
        self.cluster.subscribe("secrets", self._follow_secret)

    def _marker(self, resource: str) -> Callable[[str, Obj, Obj | None], None]:
        def changed(event: str, obj: Obj, old: Obj | None) -> None:
            if event != "DELETED":
                self.worker.mark(f"{resource} {key_of(obj)}")

        return changed

    def _follow_secret(self, event: str, secret: Obj, old: Obj | None) -> None:
        name = annotations_of(secret).get("cert-manager.io/certificate-name")
        if name and event == "DELETED":
            self.worker.mark(f"certificates {secret['metadata']['namespace']}/{name}")

    def reconcile(self, task: str) -> None:
        resource, _, key = task.partition(" ")
        obj = self.cluster.get(resource, *split(key))
        if obj is None:
            return
        if resource == "ingresses":
            self._shim(obj)
        elif resource == "certificates":
            self._certificate(key, obj)
        else:
            self._issuer(resource, obj)

    def _issuer(self, resource: str, issuer: Obj) -> None:
        status = issuer.get("status") or {}
        conditions = with_condition(
            status.get("conditions") or [], "Ready", "True", self.plane.now(),
            reason="ACMEAccountRegistered",
            message="The ACME account was registered with the ACME server",
            observedGeneration=issuer["metadata"].get("generation", 1),
        )  # fmt: skip
        server = ((issuer.get("spec") or {}).get("acme") or {}).get("server", "")
        account = f"{server.rpartition('/')[0]}/acct/1" if server else ""
        self.plane.change(resource, issuer, {"acme": {"uri": account}, "conditions": conditions})

    def _shim(self, ingress: Obj) -> None:
        """Ingresses with an issuer annotation get a Certificate per TLS entry."""
        found = [
            (name, annotations_of(ingress)[name])
            for name in SHIM
            if name in annotations_of(ingress)
        ]
        if not found:
            return
        kind = "ClusterIssuer" if found[0][0] == SHIM[0] else "Issuer"
        meta = ingress["metadata"]
        for entry in ingress["spec"].get("tls") or ():
            secret, hosts = entry.get("secretName"), entry.get("hosts")
            if (
                not secret
                or not hosts
                or self.cluster.get("certificates", meta["namespace"], secret)
            ):
                continue
            spec = {
                "secretName": secret,
                "dnsNames": list(hosts),
                "issuerRef": {"name": found[0][1], "kind": kind, "group": GROUP},
                "usages": ["digital signature", "key encipherment"],
            }
            self.cluster.create(
                "certificates",
                {
                    "metadata": {
                        "name": secret,
                        "namespace": meta["namespace"],
                        "ownerReferences": [owner_reference(ingress)],
                    },
                    "spec": spec,
                },
            )

    def _certificate(self, key: str, certificate: Obj) -> None:
        namespace = split(key)[0]
        now, spec = self.plane.now(), certificate["spec"]
        secret = self.cluster.get("secrets", namespace, spec["secretName"])
        status = certificate.get("status") or {}
        names = annotations_of(secret or {"metadata": {}}).get("cert-manager.io/alt-names", "")
        right = secret is not None and names == ",".join(sorted(_names(spec)))
        renewal = seconds_of(status.get("renewalTime"))
        if right and renewal and now < renewal:
            self.worker.mark_at(renewal, f"certificates {key}")
            return
        if key in self._ordered or not _names(spec):
            return
        reason = "Renewing" if right else "DoesNotExist"
        text = (
            f"Renewing certificate as renewal was scheduled at {status.get('renewalTime')}"
            if right
            else "Issuing certificate as Secret does not exist"
        )
        if not any(c["type"] == "Issuing" for c in status.get("conditions") or ()):
            self.plane.event(certificate, "Normal", "Issuing", text, COMPONENT)
        self._say(certificate, issuing=(reason, text), ready=right)
        problem = self._challenge(key, spec)
        if problem:
            self.plane.event(certificate, "Normal", "Pending", problem, "cert-manager-challenges")
            self.worker.mark_at(now + CHECK, f"certificates {key}")
            return
        self._ordered.add(key)
        self.plane.clock.after(self.plane.wait("cert-manager.issue"), lambda: self._issue(key))

    def _challenge(self, key: str, spec: Obj) -> str:
        """Why an HTTP-01 challenge cannot pass now; "" when all do."""
        service = self.cluster.get("services", *PUBLISHED) or {}
        found = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        mine = {item.get("ip") for item in found}
        dns = self.plane.world.dns
        for domain in _names(spec):
            if domain.startswith("*."):
                return (
                    "Failed to determine a valid solver configuration for the set of domains on "
                    f'the Order: no configured challenge solvers can be used for "{domain}"'
                )
            addresses = dns.lookup.addresses(domain) if dns is not None else []
            if not addresses:
                return (
                    f"{PENDING}: failed to perform self check GET "
                    f"request 'http://{domain}{ACME}': no such host"
                )
            problem = ""
            if self.visitor is not None:
                problem = self._visit(self.visitor, key, domain)
            elif not mine.intersection(addresses):
                problem = f"wrong status code '404', expected '200': {domain} is "
                problem += ", ".join(addresses)
            if problem:
                return f"{PENDING}: {problem}"
        return ""

    def _visit(self, visitor: Visitor, key: str, domain: str) -> str:
        """What a visitor last said about a challenge; it is sent again when that was a failure."""
        token = _secret(f"{self.cluster.uid}/{key}/{domain}")
        name, answer = f"{domain}/{token}", f"{token}.{_secret(self.cluster.uid)}"
        if self.challenges.get(name) != answer:
            self.challenges[name] = answer
            for observer in self.challenged:
                observer()
        said = self._visits.pop(name, "unasked")
        if said == "":
            self._visits[name] = ""
            return ""
        if said is None:
            self._visits[name] = None  # under way
            return f"{domain} is being asked"

        def done(why: str) -> None:
            self._visits[name] = why
            if not why:
                self.worker.mark(f"certificates {key}")

        self._visits[name] = None
        visitor(domain, ACME + token, answer, done)
        return f"{domain} is being asked" if said == "unasked" else str(said)

    def _solved(self, domains: list[str]) -> None:
        """The challenges of an order are over."""
        for name in [name for name in self.challenges if name.partition("/")[0] in domains]:
            del self.challenges[name]
            self._visits.pop(name, None)
        for observer in self.challenged:
            observer()

    def _issue(self, key: str) -> None:
        self._ordered.discard(key)
        certificate = self.cluster.get("certificates", *split(key))
        if certificate is None:
            return
        spec = certificate["spec"]
        if not _names(spec):  # taken away since it was ordered
            return
        self._solved(_names(spec))
        start = self.plane.now() - self.backdate
        life = min(_seconds(spec.get("duration")) or LIFE, LIFE)
        chain, private = self.authority.leaf(
            _names(spec),
            datetime.fromtimestamp(int(start), UTC),
            datetime.fromtimestamp(int(start + life), UTC),
        )
        self._store(certificate, chain, private)
        renewal = start + life - (_seconds(spec.get("renewBefore")) or life / 3)
        self._say(certificate, dates=(start, start + life, renewal), ready=True)
        text = "The certificate has been successfully issued"
        self.plane.event(certificate, "Normal", "Issuing", text, COMPONENT)

    def _store(self, certificate: Obj, chain: str, private: str) -> None:
        meta, spec = certificate["metadata"], certificate["spec"]
        issuer = spec["issuerRef"]
        secret = {
            "metadata": {
                "name": spec["secretName"],
                "namespace": meta["namespace"],
                "labels": {"controller.cert-manager.io/fao": "true"},
                "annotations": {
                    "cert-manager.io/alt-names": ",".join(sorted(_names(spec))),
                    "cert-manager.io/certificate-name": meta["name"],
                    "cert-manager.io/common-name": spec.get("commonName") or _names(spec)[0],
                    "cert-manager.io/ip-sans": "",
                    "cert-manager.io/issuer-group": issuer.get("group", GROUP),
                    "cert-manager.io/issuer-kind": issuer.get("kind", "Issuer"),
                    "cert-manager.io/issuer-name": issuer["name"],
                    "cert-manager.io/uri-sans": "",
                },
            },
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": base64.b64encode(chain.encode()).decode(),
                "tls.key": base64.b64encode(private.encode()).decode(),
            },
        }
        if self.cluster.get("secrets", meta["namespace"], spec["secretName"]) is None:
            self.cluster.create("secrets", secret)
        else:
            self.cluster.update("secrets", secret)

    def _say(
        self,
        certificate: Obj,
        *,
        ready: bool,
        issuing: tuple[str, str] | None = None,
        dates: tuple[float, float, float] | None = None,
    ) -> None:
        now, status = self.plane.now(), dict(certificate.get("status") or {})
        generation = certificate["metadata"].get("generation", 1)
        conditions = [c for c in status.get("conditions") or [] if c["type"] != "Issuing"]
        reason, text = issuing or ("", "")
        if ready:
            reason, text = "Ready", "Certificate is up to date and has not expired"
        conditions = with_condition(
            conditions, "Ready", "True" if ready else "False", now,
            reason=reason, message=text, observedGeneration=generation,
        )  # fmt: skip
        if issuing:
            conditions = with_condition(
                conditions, "Issuing", "True", now,
                reason=issuing[0], message=issuing[1], observedGeneration=generation,
            )  # fmt: skip
        status["conditions"] = conditions
        if dates:
            names = ("notBefore", "notAfter", "renewalTime")
            status |= dict(zip(names, map(stamp, dates), strict=True))
            status["revision"] = status.get("revision", 0) + 1
        self.plane.change("certificates", certificate, status)


def _secret(seed: str) -> str:
    """A token, or the thumbprint of an account's key: 43 letters of base64."""
    digest = hashlib.sha256(seed.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _names(spec: Obj) -> list[str]:
    """What a certificate is for; nothing is issued for a spec that names nothing."""
    names = list(spec.get("dnsNames") or ())
    common = spec.get("commonName")
    return names or ([str(common)] if common else [])


def _seconds(text: str | None) -> float:
    """A Go duration such as 2160h or 360h0m0s."""
    total, number = 0.0, ""
    for letter in text or "":
        if letter in "0123456789.":
            number += letter
        elif letter in "hms":
            total += float(number or 0) * {"h": 3600.0, "m": 60.0, "s": 1.0}[letter]
            number = ""
    return total
