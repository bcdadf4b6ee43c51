"""Whether a domain of a certificate is authorized now, and if not, why: what DNS answers decides.

Google's public CA asks for the CNAME of the DNS authorization (or, without one, for a load balancer
that serves the certificate), for CAA that allows pki.goog, and for moderation. Stage direction
`certificates` can rate-limit domains.
"""

from __future__ import annotations

from typing import Any

from gcpsim.certs import names
from gcpsim.certs.holdings import Holdings
from gcpsim.certs.serving import Serving
from gcpsim.core.errors import ApiError

Doc = dict[str, Any]
ISSUER = "pki.goog"
# Requests for one domain within an hour, before the CA says to slow down (assumed).
REQUESTS_AN_HOUR = 50
HOUR = 3600


class Checks:
    """Verdicts on domains."""

    def __init__(self, holdings: Holdings, serving: Serving) -> None:
        self._serving = serving
        self._holdings = holdings
        self._world = holdings.world
        self._requests = holdings.world.store.table("certs/requests")
        self._limited = holdings.world.store.table("certs/limited")

    def direct(self, args: Doc) -> Doc:
        """Stage direction: {"rate_limit": [domains], "allow": [domains]}."""
        lists_of_text = all(
            isinstance(given, list) and all(isinstance(one, str) for one in given)
            for given in args.values()
        )
        if set(args) - {"rate_limit", "allow"} or not lists_of_text:
            why = f"certificates: give rate_limit and allow as lists of domains, not {args!r}"
            raise ApiError(400, why, "invalid")
        for domain in args.get("rate_limit", []):
            self._limited.put(domain.lower(), {})
        for domain in args.get("allow", []):
            self._limited.delete(domain.lower())
            self._requests.delete(domain.lower())
        return {"rate_limited": sorted(self._limited)}

    def note_request(self, name: str) -> None:
        """Count a request for each domain of a certificate, for the rate limit."""
        now = self._world.clock.now()
        for domain in self._holdings.require(name)["managed"]["domains"]:
            before = (self._requests.get(domain) or {"times": []})["times"]
            recent = [time for time in before if time > now - HOUR]
            self._requests.put(domain, {"times": [*recent, now]})

    def needs_authorization(self, certificate: Doc) -> bool:
        """Private certificates (with an issuance config) prove nothing to the public."""
        return "issuanceConfig" not in certificate["managed"]

    def attempt(self, name: str, certificate: Doc) -> list[Doc]:
        """One authorizationAttemptInfo for each domain, in order."""
        if not self.needs_authorization(certificate):
            return []
        now = self._holdings.now_text()
        return [
            {"domain": domain, "attemptTime": now} | self._verdict(name, certificate, domain)
            for domain in certificate["managed"]["domains"]
        ]

    def _verdict(self, name: str, certificate: Doc, domain: str) -> Doc:
        times = (self._requests.get(domain) or {"times": []})["times"]
        recent = [time for time in times if time > self._world.clock.now() - HOUR]
        if domain in self._limited or len(recent) > REQUESTS_AN_HOUR:
            return _failed(
                "RATE_LIMITED",
                f"Issuance for {domain} is rate limited by the certificate authority. Try again "
                "later.",
            )
        if certificate["managed"].get("dnsAuthorizations"):
            failure = self._cname(certificate, domain)
        else:
            failure = self._load_balancer(name, domain)
        return failure or self._caa(domain) or {"state": "AUTHORIZED"}

    def _cname(self, certificate: Doc, domain: str) -> Doc | None:
        record = self._record(certificate, domain.removeprefix("*."))
        chain = self._world.dns.lookup.cname_chain(record["name"]) if self._world.dns else []
        if record["data"] in chain:
            return None
        seen = f"resolves to {chain[0]}" if chain else "was not found"
        # Empty lists are never printed.
        resolved = {"resolvedData": chain} if chain else {}
        return _failed(
            "CONFIG",
            f"The CNAME record {record['name']} {seen}, but must lead to {record['data']}",
            {
                "cname": {
                    "name": record["name"],
                    "expectedData": record["data"],
                    **resolved,
                },
                "issues": ["CNAME_MISMATCH"],
            },
        )

    def _record(self, certificate: Doc, domain: str) -> Doc:
        store = self._world.store
        for text in certificate["managed"]["dnsAuthorizations"]:
            authorization = self._holdings.require(names.by_id(store, text))
            if authorization["domain"] == domain:
                record: Doc = authorization["dnsResourceRecord"]
                return record
        raise AssertionError(f"a certificate without authorization for {domain}")

    def _caa(self, domain: str) -> Doc | None:
        if self._world.dns is None:
            return None
        where, found = self._world.dns.lookup.caa(domain)
        issue = [value for tag, value in found if tag == "issue"]
        wild = [value for tag, value in found if tag == "issuewild"]
        relevant = wild if domain.startswith("*.") and wild else issue
        if not relevant or any(value.split(";")[0].strip() == ISSUER for value in relevant):
            return None
        shown = ", ".join(sorted(relevant))
        return _failed("CAA", f"The CAA records of {where} allow {shown}, which excludes {ISSUER}.")

    def _load_balancer(self, name: str, domain: str) -> Doc | None:
        resolved = self._world.dns.lookup.addresses(domain) if self._world.dns else []
        serving, elsewhere = self._serving.addresses(name)
        if serving & set(resolved):
            return None
        issues = []
        if not resolved:
            issues.append("NO_RESOLVED_IPS")
        if not serving and not elsewhere:
            issues.append("CERTIFICATE_NOT_ATTACHED")
        elif resolved:
            alternative = bool(elsewhere & set(resolved))
            issues.append(
                "RESOLVED_TO_SERVING_ON_ALT_PORTS" if alternative else "RESOLVED_TO_NOT_SERVING"
            )
        return _failed(
            "CONFIG",
            f"{domain} does not lead to a load balancer that serves this certificate on port 443.",
            {
                "ips": {
                    "resolved": resolved,
                    "serving": sorted(serving),
                    "servingOnAltPorts": sorted(elsewhere),
                },
                "issues": issues,
            },
        )


def _failed(reason: str, details: str, troubleshooting: Doc | None = None) -> Doc:
    out: Doc = {"state": "FAILED", "failureReason": reason, "details": details}
    return out | ({"troubleshooting": troubleshooting} if troubleshooting else {})
