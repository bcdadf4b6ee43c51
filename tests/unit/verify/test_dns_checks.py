"""Checks of names."""

import pytest
from edgebook.verify.dns_checks import allows


@pytest.mark.parametrize(
    ("records", "wildcard", "expected"),
    [
        (('0 issue "pki.goog"',), False, True),
        (('0 issue "letsencrypt.org"',), False, False),
        (('0 issue "letsencrypt.org"', '0 issue "pki.goog"'), False, True),
        (('0 issue "pki.goog"', '0 issuewild ";"'), True, False),
        (('0 issue ";"', '0 issuewild "pki.goog"'), True, True),
        (('0 issue "pki.goog; cansignhttpexchanges=yes"',), False, True),
        (('0 iodef "mailto:a@b.c"',), False, True),
    ],
)
def test_caa(records, wildcard, expected):
    assert allows(records, wildcard=wildcard) is expected
