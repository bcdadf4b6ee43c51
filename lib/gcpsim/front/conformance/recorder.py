"""Runs the script against Google Cloud (or a simulator), keeps the answers, always cleans up."""

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gcpsim.front.conformance import redact
from gcpsim.front.conformance.script import STEPS, Step

ROOTS = {
    "compute": "https://compute.googleapis.com/compute/v1/",
    "dns": "https://dns.googleapis.com/dns/v1/",
    "certificatemanager": "https://certificatemanager.googleapis.com/v1/",
}
FORMAT = 1
LONGEST = 300.0  # seconds to wait for one operation
PATIENCE = 120.0  # seconds to delete one thing
Send = Callable[[str, str, Any], tuple[int, Any]]


@dataclass(frozen=True)
class Target:
    """Where the calls go: roots by service, headers with credentials, seconds between two looks."""

    roots: dict[str, str]
    headers: dict[str, str]
    pause: float = 2.0

    def send(self, service: str, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, JSON or None) of one call."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(self.roots[service] + path, raw, headers, method=verb)
        opener = urllib.request.build_opener()
        if any(root.startswith("http://127.") for root in self.roots.values()):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            content = error.read()
            with contextlib.suppress(ValueError):
                return error.code, json.loads(content)
            return error.code, {"not JSON": content[:200].decode("utf-8", "replace")}


def simulator(url: str) -> Target:
    """A running simulator."""
    base = url.rstrip("/")
    roots = {"compute": f"{base}/compute/v1/", "dns": f"{base}/dns/v1/"}
    return Target({**roots, "certificatemanager": f"{base}/v1/"}, {}, pause=0.05)


def google_cloud() -> Target:
    """Google Cloud, with application default credentials."""
    import google.auth
    import google.auth.transport.requests

    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials, _ = google.auth.default(scopes=scopes)
    credentials.refresh(google.auth.transport.requests.Request())
    return Target(ROOTS, {"Authorization": f"Bearer {credentials.token}"})


def record(
    target: Target, project: str, *, number: str = "", say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Run all steps; what was made is deleted whatever happens. Gives the recording.

    `left` in it is what could not be deleted; it is said, too.
    """
    kept: list[dict[str, Any]] = []
    made: list[tuple[str, str]] = []
    left: list[str] = []
    try:
        for step in STEPS:
            kept.append(_step(target, step, project, number, made))
            say(f"  {kept[-1]['status']} {step.service} {step.name}")
    finally:
        left += _clean_up(target, made, say)
    return {"format": FORMAT, "steps": kept, "left": left}


def _step(
    target: Target, step: Step, project: str, number: str, made: list[tuple[str, str]]
) -> dict[str, Any]:
    """One call as it is kept. What it makes is noted before: an answer may get lost."""
    mine = (step.service, _filled(step.clean, project))
    if step.clean:
        made.append(mine)
    path, body = _filled(step.path, project), _filled(step.body, project)
    status, answer = target.send(step.service, step.verb, path, body)
    if step.clean and 400 <= status < 500:
        made.remove(mine)  # refused: a thing of that name is somebody else's
    end = _finished(target, step, answer) if status == 200 else None
    return {
        "name": step.name,
        "status": status,
        "answer": redact.clean(answer, project, number),
        "end": redact.clean(end, project, number),
    }


def _clean_up(target: Target, made: list[tuple[str, str]], say: Callable[[str], None]) -> list[str]:
    """Delete what was made, last things first; gives what is still there."""
    left = [path for service, path in reversed(made) if not _deleted(target, service, path)]
    say(f"cleaned up {len(made) - len(left)} of {len(made)}")
    for path in left:
        say(f"  LEFT BEHIND, delete it by hand: {path}")
    return left


def _filled(value: Any, project: str) -> Any:
    text = json.dumps(value).replace("{p}", project)
    return json.loads(text)


def _finished(target: Target, step: Step, answer: Any) -> Any:
    """How the operation that a step began ended: its error, or {}; None when there was none."""
    deadline = time.monotonic() + LONGEST
    while isinstance(answer, dict):
        compute = answer.get("kind") == "compute#operation"
        lro = step.service == "certificatemanager" and "/operations/" in str(answer.get("name"))
        if not compute and not lro:
            return None
        if answer.get("status") == "DONE" or answer.get("done"):
            return {key: answer[key] for key in ("error", "httpErrorMessage") if key in answer}
        if time.monotonic() > deadline:
            return {"error": "it did not end"}
        time.sleep(target.pause)
        path = answer["name"] if lro else str(answer["selfLink"]).partition("/compute/v1/")[2]
        _, answer = target.send(step.service, "GET", path)
    return None


def _deleted(target: Target, service: str, path: str) -> bool:
    """Delete one thing, patiently: it may be on its way in, what held it on its way out."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, answer = target.send(service, "DELETE", path)
            if status in (401, 403):
                return False
            if status in (200, 204, 404):
                step = Step("", service, "DELETE", path)
                end = _finished(target, step, answer) if status == 200 else None
                if not (end or {}).get("error"):
                    return True
        time.sleep(target.pause)
    return False
