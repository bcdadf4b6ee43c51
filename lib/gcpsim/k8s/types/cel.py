"""A part of CEL, the expression language of matchConditions: read once, evaluated on documents.

Literals, lists, fields, indexes, `has`, `size`, `in`, comparisons, `&&`, `||`, `!`, `? :`, and on
text startsWith, endsWith, contains, matches; on lists exists and all. Anything else is Unreadable;
a field that is not there is Missing, as it is an error there. It must never run anything.
"""

import re
from collections.abc import Callable
from typing import Any

Scope = dict[str, Any]
Term = Callable[[Scope], Any]
TOKEN = re.compile(
    r"""\s*(?:(&&|\|\||==|!=|<=|>=|[!<>()\[\],.?:+-])|([A-Za-z_][A-Za-z0-9_]*)"""
    r"""|([0-9]+)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
)
WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
DEEPEST = 50
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "in": lambda a, b: a in b,
}
TEXT: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
}


class Unreadable(Exception):
    """A part of the language that is not known here."""


class Missing(Exception):
    """A value that the expression asks for and the documents do not have."""


def read(text: str) -> Term:
    """The expression as a function of its variables; Unreadable names what is not known."""
    reader = _Reader(text)
    term = reader.choice()
    if reader.at < len(reader.tokens):
        raise Unreadable(f"{reader.tokens[reader.at]!r} in {text!r}")
    return term


def holds(text: str, scope: Scope) -> bool:
    """Whether an expression is true. Unreadable, or Missing when it can't be evaluated."""
    try:
        found = read(text)(scope)
    except (TypeError, re.error, AttributeError, RecursionError) as error:
        raise Missing(str(error)) from error
    if not isinstance(found, bool):
        raise Missing(f"{text!r} is neither true nor false")
    return found


class _Reader:
    """Recursive descent, from the loosest operator to the tightest."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.at, self.depth = 0, 0
        place, text = 0, text.rstrip()
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None:
                raise Unreadable(repr(text[place : place + 20]))
            self.tokens.append(found[0].strip())
            place = found.end()

    def choice(self) -> Term:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("brackets that are too deep")
        test = self._joined("||", lambda: self._joined("&&", self._compared))
        self.depth -= 1
        if not self._take("?"):
            return test
        first = self.choice()
        self._need(":")
        second = self.choice()
        return lambda scope: first(scope) if test(scope) else second(scope)

    def _joined(self, sign: str, part: Callable[[], Term]) -> Term:
        parts = [part()]
        while self._take(sign):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        wanted = sign == "||"
        return lambda scope: _either(parts, scope, wanted)

    def _compared(self) -> Term:
        left = self._prefixed()
        sign = self._peek()
        if sign not in COMPARE:
            return left
        self.at += 1
        right, compare = self._prefixed(), COMPARE[sign]
        return lambda scope: compare(left(scope), right(scope))

    def _prefixed(self) -> Term:
        if self._take("!"):
            inner = self._prefixed()
            return lambda scope: not _truth(inner(scope))
        return self._followed(self._primary())

    def _primary(self) -> Term:
        token = self._next()
        if token == "(":
            inner = self.choice()
            self._need(")")
            return inner
        if token == "[":
            items = self._arguments("]")
            return lambda scope: [item(scope) for item in items]
        if token[0] in "'\"":
            text = re.sub(r"\\(.)", r"\1", token[1:-1])
            return lambda scope: text
        if token.isdigit():
            number = int(token)
            return lambda scope: number
        if token in WORDS:
            value = WORDS[token]
            return lambda scope: value
        if token in ("has", "size") and self._take("("):
            inner = self._argument(")")
            return (lambda scope: _is_there(inner, scope)) if token == "has" else _size(inner)
        if token.isidentifier():
            return lambda scope: _field(scope, token)
        raise Unreadable(repr(token))

    def _followed(self, term: Term) -> Term:
        while True:
            if self._take("["):
                index = self._argument("]")
                term = _indexed(term, index)
            elif self._take("."):
                name = self._next()
                term = self._called(term, name) if self._take("(") else _named(term, name)
            else:
                return term

    def _called(self, term: Term, name: str) -> Term:
        if name == "size":
            self._need(")")
            return _size(term)
        if name in ("exists", "all"):
            variable = self._next()
            self._need(",")
            inner = self._argument(")")
            return _each(term, variable, inner, any if name == "exists" else all)
        if name not in TEXT:
            raise Unreadable(f"{name}()")
        given = self._argument(")")
        return lambda scope: TEXT[name](term(scope), given(scope))

    def _argument(self, end: str) -> Term:
        found = self._arguments(end)
        if len(found) != 1:
            raise Unreadable(f"{len(found)} arguments where one should be")
        return found[0]

    def _arguments(self, end: str) -> list[Term]:
        found: list[Term] = []
        while not self._take(end):
            if found:
                self._need(",")
            found.append(self.choice())
        return found

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise Unreadable("an expression that ends too early")
        self.at += 1
        return token

    def _take(self, token: str) -> bool:
        found = self._peek() == token
        self.at += found
        return found

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise Unreadable(f"{self._peek()!r} where {token!r} should be")


def _either(parts: list[Term], scope: Scope, wanted: bool) -> bool:
    """`||` (wanted: True) and `&&` (False): one that decides outweighs one that can't be told."""
    missing: Missing | None = None
    for part in parts:
        try:
            if _truth(part(scope)) is wanted:
                return wanted
        except Missing as error:
            missing = error
    if missing is not None:
        raise missing
    return not wanted


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Missing(f"{value!r} is neither true nor false")
    return value


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise Missing(f"no such key: {name}")
    return value[name]


def _named(term: Term, name: str) -> Term:
    return lambda scope: _field(term(scope), name)


def _indexed(term: Term, index: Term) -> Term:
    def found(scope: Scope) -> Any:
        try:
            return term(scope)[index(scope)]
        except (KeyError, IndexError) as error:
            raise Missing(f"no such key: {error}") from error

    return found


def _size(term: Term) -> Term:
    return lambda scope: len(term(scope))


def _is_there(term: Term, scope: Scope) -> bool:
    try:
        term(scope)
    except Missing:
        return False
    return True


def _each(term: Term, variable: str, inner: Term, over: Callable[[Any], bool]) -> Term:
    return lambda scope: over(_truth(inner({**scope, variable: one})) for one in term(scope))
