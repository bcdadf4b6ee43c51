"""How a script tells its checks."""

import json
import os
import subprocess
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any

PATIENCE = 1500  # seconds for one program: what only hangs meets it, on a busy machine too


def check(name: str, work: Callable[[], Any]) -> Any:
    """Do one thing; it passes unless it raises or gives False. Gives its value, or None."""
    try:
        value = work()
        ok, said = value is not False, ""
    except Exception:
        value, ok, said = None, False, traceback.format_exc()[-1500:]
    print(json.dumps({"check": name, "ok": ok, "said": said}), flush=True)
    return value


def zone(name: str, domain: str, **more: str) -> None:
    """A managed zone, made without any client."""
    place = f"{os.environ['GCPSIM_URL']}/dns/v1/projects/{os.environ['GOOGLE_CLOUD_PROJECT']}"
    body = json.dumps({"name": name, "dnsName": domain, "description": "zone", **more}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{place}/managedZones", body, headers, method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def command(name: str, *words: str, fails: bool = False, says: str = "", lacks: str = "") -> str:
    """Run a program to its end: its exit code, and words that its output has or lacks."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    output = done.stdout + done.stderr
    ok = ((done.returncode != 0) is fails) and says in output and not (lacks and lacks in output)
    said = "" if ok else f"exit {done.returncode}: {output[-1500:]}"
    print(json.dumps({"check": name, "ok": ok, "said": said}), flush=True)
    return output
