"""Answers without what differs from call to call, and without what tells whose project it was."""

import re
from typing import Any

OPAQUE = {"fingerprint", "labelFingerprint", "etag", "id", "targetId", "user", "clientOperationId"}
PATTERNS = (
    (re.compile(r"[0-9a-z-]+\.\d+\.authorize\.certificatemanager\.goog\."), "{target}"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})"), "{time}"),
    (re.compile(r"(?<=PROJECT:)\d+|(?<=projects/)\d{9,}"), "{number}"),
    (re.compile(r"operation-[0-9a-f]+(?:-[0-9a-f]+){2,3}"), "{operation}"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "{ip}"),
    (re.compile(r"\b[a-z]+-[0-9a-z]+\.googledomains\.com\."), "{server}"),
    (re.compile(r"ns-cloud-[a-e]\d\."), "{server}."),
    (re.compile(r"https?://[^/\s\"']+/compute/v1/"), "{compute}/"),
    (re.compile(r"https?://[^/\s\"']+/(?=v1/|dns/)"), "{root}/"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b"), "{uuid}"),
)
LEFT_OUT = {"nameServers"}  # which of five letters is chance
# How far something was when it was looked at is chance as well.
PASSING = {"progress", "status", "startTime", "endTime", "insertTime"}
UNDER_WAY = {"compute#operation", "dns#change", "dns#operation"}


def clean(value: Any, project: str, number: str) -> Any:
    """A JSON answer as it is kept: stable, sorted, and nobody's."""
    if isinstance(value, dict):
        left_out = LEFT_OUT | (PASSING if value.get("kind") in UNDER_WAY else set())
        return {
            key: "{opaque}" if key in OPAQUE else clean(item, project, number)
            for key, item in sorted(value.items())
            if key not in left_out
        }
    if isinstance(value, list):
        return [clean(item, project, number) for item in value]
    return text(value, project, number) if isinstance(value, str) else value


def text(value: str, project: str, number: str) -> str:
    for pattern, instead in PATTERNS:
        value = pattern.sub(instead, value)
    for name, instead in ((project, "{p}"), (number, "{number}")):
        if name:
            whole = rf"(?<![A-Za-z0-9-]){re.escape(name)}(?![A-Za-z0-9-])"
            value = re.sub(whole, instead, value)
    return value
