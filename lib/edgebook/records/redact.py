"""Keep secrets out of change records: redact when writing, scan before sealing, refuse when unsure.

Two kinds of secrets are known: values (of secret references and secret-looking environment
variables, also in base64) and shapes (tokens, private keys). Redaction replaces both everywhere in
a notebook or JSON document. The scan looks again at the bytes that would be archived, past escapes
and colours; what it finds is named by kind and place, never by value.
"""

import base64
import binascii
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from edgebook.base.parsing import from_json, json_lines
from edgebook.base.shapes import BASE64_PEM, hide, kinds

SHORTEST_SECRET = 6
SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY)$",
    re.IGNORECASE,
)
# A notebook is written after each of its cells, and mostly the same as before: what was looked at
# is remembered, many short texts and some long ones.
SHORT, SHORT_ONES, LONG_ONES = 512, 50_000, 200
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Finding:
    """A secret that was seen: its kind and where, not its value."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}"


class Redactor:
    """Replaces known secret values and known shapes of secrets by `[redacted: kind]`."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """`values` maps a secret's name (shown in the mark) to its value (never shown)."""
        forms: dict[str, str] = {}
        for name, value in (values or {}).items():
            for form in _forms(value):
                forms[form] = name
        self._names = forms
        longest_first = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self._short = lru_cache(SHORT_ONES)(self._redacted)
        self._long = lru_cache(LONG_ONES)(self._redacted)
        self._seen = lru_cache(SHORT_ONES)(self._found)

    def text(self, text: str) -> str:
        """The text without secrets; colours inside a secret do not hide it."""
        return self._short(text) if len(text) <= SHORT else self._long(text)

    def _redacted(self, text: str) -> str:
        if "\x1b[" in text and self._dirty(ANSI.sub("", text)) and not self._dirty(text):
            text = ANSI.sub("", text)
        if self._values is not None:
            text = self._values.sub(lambda m: f"[redacted: {self._names[m.group()]}]", text)
        return hide(BASE64_PEM.sub(_redact_base64, text))

    def document(self, value: Any) -> Any:
        """The same for every string, key or value, of a JSON document."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): (
                    "[redacted: value]"
                    if isinstance(item, str) and item and _is_secret_key(str(key), item)
                    else self.document(item)
                )
                for key, item in value.items()
            }
        return value

    def scan(self, place: str, text: str) -> list[Finding]:
        """What is still secret in a file's text, as it stands and past its escapes."""
        views = {text, html.unescape(text), ANSI.sub("", text)}
        views.update(_json_strings(text))
        found: set[str] = set()
        for view in views:
            found.update(self._seen(view) if len(view) <= SHORT else self._kinds(view))
        return [Finding(kind, place) for kind in sorted(found)]

    def cut(self, text: str) -> str:
        """The text without the strings or lines in which the scan still finds something.

        For what cannot be redacted and is kept all the same: more goes than the secret, never less.
        """
        document = _loads(text)
        if isinstance(document, list | dict):
            kept = json.dumps(self._cut_in(document), indent=1, ensure_ascii=False) + "\n"
        else:
            kept = "".join(map(self._cut_line, re.split(r"(?<=\n)", self.text(text))))
        left = self.scan("", kept)
        return f"{_mark(left)}\n" if left else kept

    def _cut_line(self, line: str) -> str:
        document = _loads(line)
        if isinstance(document, list | dict):
            return json.dumps(self._cut_in(document), ensure_ascii=False) + "\n"
        found = self.scan("", line)
        return f"{_mark(found)}\n" if found else line

    def _cut_in(self, value: Any) -> Any:
        """The same document; a string, or a list of a text's lines, goes as a whole."""
        if isinstance(value, str):
            found = self.scan("", self.text(value))
            return _mark(found) if found else self.text(value)
        if isinstance(value, list):
            lines = [self._cut_in(item) for item in value]
            found = self.scan("", json.dumps(lines)) if all(map(_is_text, lines)) else []
            return [_mark(found)] if found else lines
        if isinstance(value, dict):
            return {self._cut_in(key): self._cut_in(item) for key, item in value.items()}
        return value

    def _dirty(self, text: str) -> bool:
        return next(self._kinds(text), None) is not None

    def _found(self, text: str) -> tuple[str, ...]:
        return tuple(self._kinds(text))

    def _kinds(self, text: str) -> Iterator[str]:
        if self._values is not None:
            for match in self._values.finditer(text):
                yield f"the value of {self._names[match.group()]}"
        for match in BASE64_PEM.finditer(text):
            if _redact_base64(match) != match.group():
                yield "private key in base64"
        yield from kinds(text)


def environment_secrets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables that look like secrets by their name, as name -> value."""
    return {
        name: value
        for name, value in environ.items()
        if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET and not _is_path(value)
    }


def marked_secrets(values: Any, path: str = "") -> dict[str, str]:
    """Values of a params document under secret-looking keys, as key path -> value."""
    found: dict[str, str] = {}
    pairs: Iterable[tuple[str, Any]] = ()
    if isinstance(values, Mapping):
        pairs = ((f"{path}.{key}" if path else str(key), item) for key, item in values.items())
    elif isinstance(values, list):
        pairs = ((f"{path}[{number}]", item) for number, item in enumerate(values))
    for where, item in pairs:
        if isinstance(item, str):
            if SECRET_NAME.search(where) and len(item) >= SHORTEST_SECRET:
                found[where] = item
        else:
            found.update(marked_secrets(item, where))
    return found


def _forms(value: str) -> set[str]:
    """How a value may appear: as it is, in base64, in a URL, in JSON, in HTML."""
    if len(value) < SHORTEST_SECRET:
        return set()
    raw = value.encode()
    forms = {value, quote(value, safe=""), json.dumps(value)[1:-1], html.escape(value)}
    forms.update({base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()})
    # Inside something longer that was encoded as a whole, it begins at any of three places.
    for ahead in range(3):
        whole = base64.b64encode(b"\0" * ahead + raw).decode()
        cut = (0, 3, 2)[(ahead + len(raw)) % 3]  # what the bytes behind it would change
        inner = whole[-(-ahead * 8 // 6) : len(whole) - cut]
        forms.add(inner if len(inner) >= 2 * SHORTEST_SECRET else "")
    return {form for form in forms if len(form) >= SHORTEST_SECRET}


def _redact_base64(match: re.Match[str]) -> str:
    text = match.group()
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        decoded = base64.b64decode(text[: len(text) // 4 * 4])
    return "[redacted: private key in base64]" if b"PRIVATE KEY" in decoded else text


def _json_strings(text: str) -> Iterator[str]:
    """Every string inside a JSON document or JSON lines, unescaped; nothing for other text."""
    if not text.lstrip().startswith(("{", "[")):
        return
    for part in [text] if _loads(text) is not None else json_lines(text):
        stack = [_loads(part)]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                yield ANSI.sub("", item)
            elif isinstance(item, list):
                if item and all(isinstance(line, str) for line in item):
                    yield ANSI.sub("", "".join(item))
                stack.extend(item)
            elif isinstance(item, dict):
                stack.extend([*item.keys(), *item.values()])


def _mark(found: list[Finding]) -> str:
    return f"[redacted: {', '.join(sorted({finding.kind for finding in found}))}]"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _loads(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None


def _is_secret_key(key: str, value: str) -> bool:
    return bool(SECRET_NAME.search(key)) and len(value) >= SHORTEST_SECRET


def _is_path(value: str) -> bool:
    return value.startswith("/") and "\n" not in value and len(value.split("/")) > 2
