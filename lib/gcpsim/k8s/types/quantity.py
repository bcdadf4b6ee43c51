"""Kubernetes quantities: what `250m`, `64Mi` and `1e3` amount to, and how the API writes them.

The API keeps the family of the suffix (decimal, binary, exponent) and takes the largest suffix
that needs no fraction: `1000m` is stored as `1`, `0.5` as `500m`, `1024Mi` as `1Gi`.
"""

import math
import re
from fractions import Fraction

BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
POWERS = {suffix: power for power, suffix in DECIMAL.items()}
FORM = re.compile(
    r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,3}))?$"
)
NANO = Fraction(1, 10**9)


def is_quantity(text: str) -> bool:
    return FORM.match(text) is not None and len(text) < 64


def amount(text: str) -> Fraction:
    """The value of a quantity; 0 for what is none."""
    match = FORM.match(str(text))
    if match is None:
        return Fraction(0)
    number = Fraction(match["number"])
    if match["binary"]:
        return number * Fraction(1024 ** BINARY.index(match["binary"]))
    if match["exponent"]:
        return number * Fraction(10) ** max(-30, min(30, int(match["exponent"])))
    return number * Fraction(10) ** POWERS[match["decimal"] or ""]


def canonical(text: str) -> str:
    """A quantity as the API writes it."""
    match = FORM.match(text)
    assert match is not None
    value = amount(text)
    if value == 0:
        return "0"
    if match["binary"] and abs(value) >= 1024:
        return _binary(value)
    value = _rounded_away(value / NANO) * NANO
    power, count = _decimal(value)
    if match["exponent"]:
        return f"{count}e{power}" if power else str(count)
    return f"{count}{DECIMAL[power]}"


def _binary(value: Fraction) -> str:
    count, index = _rounded_away(value), 0
    while count % 1024 == 0 and index < len(BINARY) - 1:
        count, index = count // 1024, index + 1
    return f"{count}{BINARY[index]}"


def _decimal(value: Fraction) -> tuple[int, int]:
    """The largest power of a thousand that leaves a whole number, and that number."""
    power, count = -9, int(value / NANO)
    while count % 1000 == 0 and power < 18:
        count, power = count // 1000, power + 3
    return power, count


def _rounded_away(value: Fraction) -> int:
    return math.ceil(value) if value > 0 else math.floor(value)
