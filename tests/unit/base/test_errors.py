"""Errors as people and schedulers get them."""

from edgebook.base.errors import ConnectError


def test_a_ring_of_causes_has_an_end():
    """Threads that share an error, and raise it while they handle what it caused, make one."""
    first, second = ConnectError("gone"), ValueError("handled")
    first.__cause__, second.__context__ = second, first
    assert first.without_secrets() is first
