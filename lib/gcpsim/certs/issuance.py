"""The life of a managed certificate on the clock: authorize, issue, renew; or fail and try again.

Authorization is decided by what DNS really answers: the CNAME of the DNS authorization, and CAA.
One domain that fails blocks the whole certificate. With time scale 0 a blocked one is looked at
again whenever things settle; otherwise it is tried again after a while, and given up in the end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gcpsim.certs.authority import Authority
from gcpsim.certs.checks import Checks
from gcpsim.certs.holdings import Holdings
from gcpsim.certs.operations import timestamp
from gcpsim.certs.serving import Serving

Doc = dict[str, Any]
LIFETIME = 90 * 86400
RENEW_BEFORE = 30 * 86400
ISSUE = "certificatemanager.certificate.issue"
ATTEMPT = "certificatemanager.authorization.attempt"
RETRY = "certificatemanager.authorization.retry"
RENEWAL_RETRY = "certificatemanager.renewal.retry"
GIVE_UP = "certificatemanager.authorization.giveup"


class Issuance:
    """State machines by certificate name.

    `certs/issuance` holds, per certificate: `phase` (authorizing, waiting, issuing, issued), `turn`
    (grows with each step, so that only the latest timer counts), `since` (start of this round), and
    `due` (when the step is to happen).
    """

    def __init__(self, holdings: Holdings, authority: Authority, serving: Serving) -> None:
        self._authority = authority
        self._holdings = holdings
        self._world = holdings.world
        self._states = holdings.world.store.table("certs/issuance")
        self.checks = Checks(holdings, serving)
        holdings.world.stage["certificates"] = self.checks.direct
        clock = holdings.world.clock
        clock.every(holdings.world.duration(RETRY), self._recheck)

    def begin(self, name: str) -> None:
        """A new certificate: first attempt."""
        self.checks.note_request(name)
        self._authorize(name, since=self._world.clock.now(), renewal=False)

    def stop(self, name: str) -> None:
        self._states.delete(name)

    def resume(self) -> None:
        now = self._world.clock.now()
        for name, state in self._states.items():
            left = max(0.0, state["due"] - now)
            if state["phase"] in ("authorizing", "issuing"):
                self._after(name, left, state["turn"])
            else:
                self._at(name, state["due"], state["turn"])

    def _authorize(self, name: str, *, since: float, renewal: bool) -> None:
        """Start a round of attempts; domains count as AUTHORIZING meanwhile."""
        doc = self._certificate(name)
        managed = doc["managed"] | {"state": "PROVISIONING"}
        if self.checks.needs_authorization(doc):
            managed["authorizationAttemptInfo"] = [
                {"domain": domain, "state": "AUTHORIZING"} for domain in managed["domains"]
            ]
        managed.pop("provisioningIssue", None)
        self._holdings.put(name, doc | {"managed": managed})
        seconds = self._world.duration(ATTEMPT)
        turn = self._step(name, "authorizing", seconds, since=since, renewal=renewal)
        self._after(name, seconds, turn)

    def _attempt(self, name: str, state: Doc, *, quiet: bool = False) -> bool:
        """Look at every domain; True when anything changed. `quiet`: a known failure is none."""
        doc = self._certificate(name)
        verdicts = self.checks.attempt(name, doc)
        before = doc["managed"].get("authorizationAttemptInfo", [])
        same = [_timeless(one) for one in verdicts] == [_timeless(one) for one in before]
        if all(one["state"] == "AUTHORIZED" for one in verdicts):
            managed = doc["managed"] | {"authorizationAttemptInfo": verdicts}
            if not verdicts:
                managed.pop("authorizationAttemptInfo")
            managed.pop("provisioningIssue", None)
            self._holdings.put(name, doc | {"managed": managed})
            seconds = self._world.duration(ISSUE)
            self._after(name, seconds, self._step(name, "issuing", seconds))
            return True
        if quiet and same:
            return False
        self._fail(name, doc, verdicts, state)
        return True

    def _fail(self, name: str, doc: Doc, verdicts: list[Doc], state: Doc) -> None:
        now = self._world.clock.now()
        reasons = {one.get("failureReason") for one in verdicts}
        reason = "RATE_LIMITED" if "RATE_LIMITED" in reasons else "AUTHORIZATION_ISSUE"
        issue = {
            "reason": reason,
            "details": next(one["details"] for one in verdicts if "details" in one),
        }
        managed = doc["managed"] | {
            "authorizationAttemptInfo": verdicts,
            "provisioningIssue": issue,
        }
        end = state["since"] + self._world.duration(GIVE_UP)
        if state["renewal"]:
            end = datetime.fromisoformat(doc["expireTime"]).timestamp()
        if now >= end:
            self._holdings.put(name, doc | {"managed": managed | {"state": "FAILED"}})
            self._states.delete(name)
            return
        self._holdings.put(name, doc | {"managed": managed})
        seconds = self._world.duration(RENEWAL_RETRY if state["renewal"] else RETRY)
        turn = self._step(name, "waiting", seconds)
        self._at(name, now + seconds, turn)

    def _issue(self, name: str) -> None:
        doc = self._certificate(name)
        now = self._world.clock.now()
        domains = doc["managed"]["domains"]
        expires = float(int(now + LIFETIME))
        chain, _ = self._authority.leaf(
            domains, datetime.fromtimestamp(int(now), UTC), datetime.fromtimestamp(expires, UTC)
        )
        self._holdings.put(
            name,
            doc
            | {
                "managed": doc["managed"] | {"state": "ACTIVE"},
                "sanDnsnames": domains,
                "expireTime": timestamp(expires),
                "pemCertificate": chain,
            },
        )
        wait = LIFETIME - RENEW_BEFORE
        turn = self._step(name, "issued", wait)
        self._at(name, now + wait, turn)

    def _run(self, name: str, turn: int) -> None:
        """A timer of a certificate came due; an older one than the latest does nothing."""
        state = self._states.get(name)
        if state is None or state["turn"] != turn:
            return
        if state["phase"] == "issuing":
            self._issue(name)
        elif state["phase"] == "issued":
            self._authorize(name, since=self._world.clock.now(), renewal=True)
        else:
            self._attempt(name, state)

    def _recheck(self) -> bool:
        """With time scale 0: try again those that wait for DNS or a load balancer."""
        if self._world.clock.scale:
            return False
        changed = False
        for name, state in self._states.items():
            if state["phase"] == "waiting":
                changed = self._attempt(name, state, quiet=True) or changed
        return changed

    def _step(self, name: str, phase: str, seconds: float, **more: Any) -> int:
        before = self._states.get(name) or {"turn": 0, "renewal": False, "since": 0.0}
        turn = int(before["turn"]) + 1
        due = self._world.clock.now() + seconds
        self._states.put(name, before | {"phase": phase, "turn": turn, "due": due} | more)
        return turn

    def _after(self, name: str, seconds: float, turn: int) -> None:
        self._world.clock.after(seconds, lambda: self._run(name, turn))

    def _at(self, name: str, when: float, turn: int) -> None:
        self._world.clock.at(when, lambda: self._run(name, turn))

    def _certificate(self, name: str) -> Doc:
        return self._holdings.require(name)


def _timeless(info: Doc) -> Doc:
    return {key: value for key, value in info.items() if key != "attemptTime"}
