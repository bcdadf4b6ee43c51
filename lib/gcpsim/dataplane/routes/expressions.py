"""Cloud Armor's rule language (a part of CEL) as Envoy's match predicates.

Carried: `&&`, `||`, `!`, brackets; inIpRange(origin.ip, 'range'); origin.region_code;
comparisons and contains, startsWith, endsWith, matches (with lower() and upper()) on request.path,
request.query, request.method and request.headers['name']; has(request.headers['name']).
"""

import re
from dataclasses import dataclass

from gcpsim.dataplane.routes.documents import Doc
from gcpsim.dataplane.routes.envoy import T

TOKEN = re.compile(
    r"""\s*(?:(&&|\|\||==|!=|!|\(|\)|\[|\]|,|\.)|([A-Za-z_][A-Za-z0-9_]*)|('[^']*'|"[^"]*"))"""
)
SOURCE = T + "envoy.extensions.matching.common_inputs.network.v3.SourceIPInput"
HEADER = T + "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
IP = T + "envoy.extensions.matching.input_matchers.ip.v3.Ip"
OPERATIONS = {
    "contains": ".*{}.*",
    "endsWith": ".*{}",
    "startsWith": "{}.*",
    "==": "{}",
    "!=": "{}",
}


class Unknown(Exception):
    """A part of the language that is not carried."""


def predicate(text: str, country: str = "") -> Doc:
    """The predicate of an expression, for clients of a country; Unknown names the first part that
    is not carried."""
    parser = _Parser(text, country)
    found = parser.either()
    if parser.peek():
        raise Unknown(parser.rest())
    return found


def anything() -> Doc:
    return _header(":method", ".*")


def in_ranges(ranges: list[str]) -> Doc:
    """Whether the client's address is in one of some ranges (or is one of some addresses)."""
    blocks = []
    for text in ranges:
        address, _, length = text.partition("/")
        bits = int(length) if length else (128 if ":" in address else 32)
        blocks.append({"address_prefix": address, "prefix_len": bits})
    matcher = {"@type": IP, "cidr_ranges": blocks, "stat_prefix": "armor"}
    return {
        "single_predicate": {
            "input": {"name": "source", "typed_config": {"@type": SOURCE}},
            "custom_match": {"name": "ip", "typed_config": matcher},
        }
    }


def _header(name: str, regex: str) -> Doc:
    return {
        "single_predicate": {
            "input": {"name": name, "typed_config": {"@type": HEADER, "header_name": name}},
            "value_match": {"safe_regex": {"google_re2": {}, "regex": f"(?s){regex}"}},
        }
    }


@dataclass
class _Field:
    """A text of the request: a header, and how a pattern for the text becomes one for it."""

    header: str
    frame: str = "{}"
    folded: bool = False

    def test(self, operation: str, value: str) -> Doc:
        if operation == "matches":
            inner = f"(?:{value})" if value.startswith("^") else f".*(?:{value.removesuffix('$')})"
            inner += "" if value.endswith("$") else ".*"
            inner = inner.replace("(?:^", "(?:", 1)
        else:
            inner = OPERATIONS[operation].format(re.escape(value))
        fold = "(?i)" if self.folded else ""
        found = _header(self.header, fold + self.frame.format(inner))
        return {"not_matcher": found} if operation == "!=" else found


class _Parser:
    def __init__(self, text: str, country: str) -> None:
        self._text = text
        self._country = country
        self._at = 0

    def peek(self) -> str:
        found = TOKEN.match(self._text, self._at)
        return found.group().strip() if found else self.rest()

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def take(self, wanted: str = "") -> str:
        found = TOKEN.match(self._text, self._at)
        if found is None or (wanted and found.group().strip() != wanted):
            raise Unknown(self.rest() or "(it ends too early)")
        self._at = found.end()
        return found.group().strip()

    def either(self) -> Doc:
        return self._list("||", self.both, "or_matcher")

    def both(self) -> Doc:
        return self._list("&&", self.single, "and_matcher")

    def _list(self, sign: str, part: "object", name: str) -> Doc:
        assert callable(part)
        found = [part()]
        while self.peek() == sign:
            self.take()
            found.append(part())
        return found[0] if len(found) == 1 else {name: {"predicate": found}}

    def single(self) -> Doc:
        token = self.peek()
        if token == "!":
            self.take()
            return {"not_matcher": self.single()}
        if token == "(":
            self.take()
            found = self.either()
            self.take(")")
            return found
        if token == "inIpRange":
            return self._range()
        if token == "has":
            self.take()
            self.take("(")
            field = self._field()
            self.take(")")
            return field.test("matches", "^.*$")
        if token == "origin":
            return self._origin()
        return self._test()

    def _origin(self) -> Doc:
        """origin.region_code, which is known beforehand: the same for all clients here."""
        for word in ("origin", ".", "region_code"):
            self.take(word)
        sign = self.take()
        if sign not in ("==", "!="):
            raise Unknown(sign)
        same = self._string() == self._country
        return anything() if same == (sign == "==") else {"not_matcher": anything()}

    def _range(self) -> Doc:
        for word in ("inIpRange", "(", "origin", ".", "ip", ","):
            self.take(word)
        text = self._string()
        self.take(")")
        return in_ranges([text])

    def _test(self) -> Doc:
        field = self._field()
        while self.peek() == ".":
            self.take()
            word = self.take()
            self.take("(")
            if word in ("lower", "upper"):
                self.take(")")
                field.folded = True
                continue
            if word not in OPERATIONS and word != "matches":
                raise Unknown(word)
            value = self._string()
            self.take(")")
            return field.test(word, value)
        sign = self.take()
        if sign not in ("==", "!="):
            raise Unknown(sign)
        return field.test(sign, self._string())

    def _field(self) -> _Field:
        start = self._at
        if self.take() != "request":
            self._at = start
            raise Unknown(self.rest())
        self.take(".")
        word = self.take()
        if word == "headers":
            self.take("[")
            name = self._string().lower()
            self.take("]")
            return _Field({"host": ":authority"}.get(name, name))
        fields = {
            "method": _Field(":method"),
            "path": _Field(":path", r"(?:{})(?:\?.*)?"),
            "query": _Field(":path", r"[^?]*\?(?:{})"),
        }
        if word not in fields:
            raise Unknown(f"request.{word}")
        return fields[word]

    def _string(self) -> str:
        token = self.take()
        if token[:1] not in ("'", '"'):
            raise Unknown(token)
        return token[1:-1]
