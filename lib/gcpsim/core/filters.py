"""The filters of Google's list methods: a text compiles to a predicate over documents.

AIP-160 (`name = "x" AND (labels.k:* OR size > 3)`; juxtaposed terms are AND, OR binds first), with
what Cloud Logging adds (`=~`, bare words, ordered severities, times) and Cloud Monitoring's
functions (`one_of("a", "b")`); and Compute Engine's old regular expressions (`name eq '.*x'`).
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Doc = dict[str, Any]
Predicate = Callable[[Doc], bool]
_TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[(),])|(?P<op>=~|!~|!=|<=|>=|=|<|>|:)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>[^\s(),=<>!:"']+))"""
)
_COMPARE = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_OLD = re.compile(r"\(?\s*([A-Za-z0-9_.]+)\s+(eq|ne)\s+(.+?)\s*\)?$")


class FilterError(ValueError):
    """A filter that can't be read."""


def compile_filter(
    text: str,
    *,
    ranks: Mapping[str, Sequence[str]] | None = None,
    bare: bool = False,
    old_style: bool = True,
) -> Predicate:
    """The predicate of a filter; FilterError when it is not one. An empty filter matches all.

    `ranks` orders the values of enums by field; `bare` is Logging's dialect: a word alone matches
    any value, and a comparison takes a list of values.
    """
    if not text.strip():
        return lambda doc: True
    if old_style and re.search(r"\s(eq|ne)\s", text):
        return _old_style(text)
    parser = _Parser(_tokens(text), ranks or {}, bare)
    predicate = parser.expression()
    if parser.rest():
        raise FilterError(f"unexpected {parser.rest()[0][1]!r}")
    return predicate


def value_at(doc: Any, path: str) -> list[Any]:
    """All values at a dotted path; lists are searched through."""
    found = [doc]
    for part in path.split("."):
        following: list[Any] = []
        for item in found:
            for one in item if isinstance(item, list) else [item]:
                if isinstance(one, dict) and part in one:
                    following.append(one[part])
        found = following
    flat: list[Any] = []
    for item in found:
        flat.extend(item if isinstance(item, list) else [item])
    return flat


def _old_style(text: str) -> Predicate:
    if re.search(r"[^!<>]=[^=]| AND | OR |:\*", text):
        raise FilterError("eq and ne may not be mixed with other operators")
    clauses = (
        re.findall(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)", text) if text.startswith("(") else [text]
    )
    predicates = []
    for clause in clauses:
        match = _OLD.fullmatch(clause.strip())
        if match is None:
            raise FilterError(clause)
        field, verb, raw = match.groups()
        raw = raw.strip("'\"")
        try:
            pattern = re.compile(raw)
        except re.error as error:
            raise FilterError(str(error)) from None
        predicates.append(_regex(field, pattern, verb == "eq"))
    return lambda doc: all(predicate(doc) for predicate in predicates)


def _regex(field: str, pattern: re.Pattern[str], wanted: bool) -> Predicate:
    def test(doc: Doc) -> bool:
        values = value_at(doc, field)
        hit = any(pattern.fullmatch(_text(value)) for value in values)
        return hit == wanted

    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"unexpected {text[at:]!r}")
        at = match.end()
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind == "text":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        tokens.append((kind, value))
    return tokens


class _Parser:
    def __init__(
        self, tokens: list[tuple[str, str]], ranks: Mapping[str, Sequence[str]], bare: bool
    ) -> None:
        self._tokens = tokens
        self._ranks = ranks
        self._bare = bare
        self._at = 0

    def rest(self) -> list[tuple[str, str]]:
        return self._tokens[self._at :]

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def expression(self) -> Predicate:
        terms = [self._sequence()]
        while self._peek() == ("word", "AND"):
            self._next()
            terms.append(self._sequence())
        return terms[0] if len(terms) == 1 else lambda doc: all(term(doc) for term in terms)

    def _sequence(self) -> Predicate:
        factors = [self._factor()]
        while self._peek()[0] in ("paren", "word", "text") and self._peek() not in (
            ("paren", ")"),
            ("word", "AND"),
        ):
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else lambda doc: all(f(doc) for f in factors)

    def _factor(self) -> Predicate:
        terms = [self._term()]
        while self._peek() == ("word", "OR"):
            self._next()
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else lambda doc: any(term(doc) for term in terms)

    def _term(self) -> Predicate:
        token = self._peek()
        if token == ("word", "NOT") or (token[0] == "word" and token[1] == "-"):
            self._next()
            inner = self._term()
            return lambda doc: not inner(doc)
        if token == ("paren", "("):
            self._next()
            inner = self.expression()
            if self._next() != ("paren", ")"):
                raise FilterError("missing )")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        kind, field = self._next()
        if kind not in ("word", "text"):
            raise FilterError(f"expected a field, not {field!r}")
        if self._peek()[0] != "op":
            if self._bare:
                return lambda doc: _anywhere(doc, field.lower())
            raise FilterError(f"expected an operator after {field!r}")
        sign = self._next()[1]
        negated, field = field.startswith("-"), field.lstrip("-")
        tests = [
            _comparison(field, sign, value, quoted=kind == "text", ranks=self._ranks.get(field))
            for kind, value in self._values(field, sign)
        ]
        return lambda doc: any(test(doc) for test in tests) != negated

    def _values(self, field: str, sign: str) -> list[tuple[str, str]]:
        """One value, `(a OR b)`, or a function of values: `one_of("a", "b")`."""
        kind, value = self._next()
        if (kind, value) == ("paren", "(") and self._bare:  # Compute Engine has none
            return self._list("OR")
        if kind not in ("word", "text"):
            raise FilterError(f"expected a value after {field} {sign}")
        if kind == "word" and value in FUNCTIONS and self._peek() == ("paren", "("):
            self._next()
            return [("function", f"{value} {item}") for _, item in self._list(",")]
        return [(kind, value)]

    def _list(self, between: str) -> list[tuple[str, str]]:
        found = [self._next()]
        while self._peek()[1] == between:
            self._next()
            found.append(self._next())
        if self._next() != ("paren", ")") or any(k not in ("word", "text") for k, _ in found):
            raise FilterError("expected values and )")
        return found


FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "one_of": lambda one, value: one == value,
    "starts_with": lambda one, value: one.startswith(value),
    "ends_with": lambda one, value: one.endswith(value),
    "has_substring": lambda one, value: value in one,
    "monitoring.regex.full_match": lambda one, value: re.fullmatch(value, one) is not None,
}
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")


def _comparison(
    field: str, sign: str, value: str, *, quoted: bool, ranks: Sequence[str] | None = None
) -> Predicate:
    name, _, argument = value.partition(" ")
    if not quoted and argument and name in FUNCTIONS:
        hit = FUNCTIONS[name]
        return lambda doc: (
            any(hit(_text(one), argument) for one in value_at(doc, field)) == (sign == "=")
        )
    if sign in ("=~", "!~"):
        try:
            wanted = re.compile(value)
        except re.error as error:
            raise FilterError(str(error)) from None
        return lambda doc: (
            any(wanted.search(_text(one)) for one in value_at(doc, field)) == (sign == "=~")
        )
    if sign == ":":
        if value == "*":
            return lambda doc: bool(value_at(doc, field))
        return lambda doc: any(
            value.lower() in _text(one).lower() if not isinstance(one, dict) else value in one
            for one in value_at(doc, field)
        )
    if sign in _COMPARE:
        compare = _COMPARE[sign]
        return lambda doc: any(_ordered(compare, one, value, ranks) for one in value_at(doc, field))
    pattern = re.compile(".*".join(re.escape(part) for part in value.split("*")), re.IGNORECASE)

    def equal(doc: Doc) -> bool:
        return any(pattern.fullmatch(_text(one)) for one in value_at(doc, field))

    return equal if sign == "=" else lambda doc: not equal(doc)


def _ordered(
    compare: Callable[[Any, Any], bool], one: Any, value: str, ranks: Sequence[str] | None
) -> bool:
    if ranks and one in ranks and value in ranks:
        return bool(compare(ranks.index(one), ranks.index(value)))
    try:
        return bool(compare(float(one), float(value)))
    except (TypeError, ValueError):
        pass
    if _TIME.fullmatch(_text(one)) and _TIME.fullmatch(value):
        return bool(compare(_moment(_text(one)), _moment(value)))
    return bool(compare(_text(one), value))


def _moment(text: str) -> float:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.astimezone()).timestamp()


def _anywhere(value: Any, word: str) -> bool:
    """Whether a word occurs in any value of a document."""
    if isinstance(value, dict):
        return any(_anywhere(one, word) for one in value.values())
    if isinstance(value, list):
        return any(_anywhere(one, word) for one in value)
    return word in _text(value).lower()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
