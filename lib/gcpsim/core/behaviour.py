"""How a pod misbehaves: annotations on it, which `gcpsim pod slow|fail|...` write too. Pure.

One vocabulary for manifests, stage directions, the kubelet's stand-in and the farm. Times are those
of a connection: real seconds. Wrong values are refused with what is allowed; in a manifest they are
ignored, as annotations that nobody understands are.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PREFIX = "gcpsim.example.com/"
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PROXY_PROTOCOL = ("off", "on", "optional")


@dataclass(frozen=True)
class Behaviour:
    """`leak` is the share (0 to 1) of requests that are dropped without an answer.

    `cut`: answers end in the middle of their body, and streams when something is said on them.
    `deny` is what an admission webhook says when it refuses. `paths` are all that it knows, with
    commas; one that ends with * stands for all below it. Others are 404; empty: all are known.
    """

    slow: float = 0.0
    fail: int = 0
    hang: bool = False
    refuse: bool = False
    leak: float = 0.0
    cut: bool = False
    keepalive: float = 0.0
    ignore_sigterm: bool = False
    proxy_protocol: str = "off"
    deny: str = ""
    paths: str = ""

    def knows(self, path: str) -> bool:
        """Whether a request for this path, without its query, finds something."""
        known = [one.strip() for one in self.paths.split(",") if one.strip()]
        return not known or any(
            path.startswith(one[:-1]) if one.endswith("*") else path == one for one in known
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def passes_probe(self, timeout: float) -> bool:
        """Whether a probe that waits `timeout` seconds for its answer succeeds."""
        return not (self.fail >= 400 or self.hang or self.refuse) and self.slow < timeout


HEALTHY = Behaviour()


def seconds(text: str) -> float:
    """A duration such as 500ms, 2s, 1m; a bare number is seconds."""
    found = DURATION.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time such as 500ms, 2s, 1m")
    return float(found[1]) * UNITS[found[2] or "s"]


def _status(text: str) -> int:
    if text in ("true", ""):
        return 503
    if not text.isdigit() or not 200 <= int(text) <= 599:
        raise ValueError(f"{text!r} is not a status from 200 to 599")
    return int(text)


def _share(text: str) -> float:
    digits = text.removesuffix("%")
    if not digits.replace(".", "", 1).isdigit() or not 0 <= float(digits) <= 100:
        raise ValueError(f"{text!r} is not a share such as 5%")
    return float(digits) / 100


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _proxy(text: str) -> str:
    if text not in PROXY_PROTOCOL:
        raise ValueError(f"{text!r} is not one of {', '.join(PROXY_PROTOCOL)}")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("a refusal needs a text")
    return text


def _paths(text: str) -> str:
    if not all(one.strip().startswith("/") for one in text.split(",")):
        raise ValueError(f"{text!r} are not paths such as /, /healthz, /api/*")
    return text


READERS: dict[str, Any] = {
    "slow": seconds,
    "fail": _status,
    "hang": _flag,
    "refuse": _flag,
    "leak": _share,
    "cut": _flag,
    "keepalive": seconds,
    "ignore-sigterm": _flag,
    "proxy-protocol": _proxy,
    "deny": _text,
    "paths": _paths,
}


def checked(name: str, text: str) -> str:
    """The text of one setting, as an annotation carries it; ValueError says what is allowed."""
    reader = READERS.get(name)
    if reader is None:
        raise ValueError(f"no behaviour {name!r}; there are {', '.join(sorted(READERS))}")
    reader(text)
    return text


def read(annotations: Mapping[str, str]) -> Behaviour:
    """The behaviour that a pod's annotations ask for."""
    found: dict[str, Any] = {}
    for name, reader in READERS.items():
        text = annotations.get(PREFIX + name)
        if text is None:
            continue
        try:
            found[name.replace("-", "_")] = reader(text)
        except ValueError:
            continue
    return Behaviour(**found)
