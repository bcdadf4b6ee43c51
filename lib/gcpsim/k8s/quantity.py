"""Kubernetes quantities as numbers: `250m`, `64Mi`, `1e3`."""

from fractions import Fraction

BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def amount(quantity: str) -> Fraction:
    """The value of a quantity that was checked when it was decoded; 0 for anything else."""
    text = str(quantity)
    try:
        if text[-2:] in BINARY:
            return Fraction(text[:-2]) * BINARY[text[-2:]]
        if text[-1:] in DECIMAL:
            return Fraction(text[:-1]) * Fraction(10) ** DECIMAL[text[-1]]
        mantissa, _, exponent = text.lower().partition("e")
        if abs(int(exponent or 0)) > 30:
            return Fraction(0)
        return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)
