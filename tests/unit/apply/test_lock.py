"""The lease."""

from edgebook.apply.lock import Holder


def test_holders_of_a_lease_fit_into_a_label():
    me = Holder.me()
    assert Holder.parse(me.text()) == me
    assert len(me.text()) <= 63
    assert not me.gone(me)
    assert Holder(me.host, 4194304, "x", 1).gone(me)
    assert not Holder("elsewhere", 4194304, "x", 1).gone(me)
    assert Holder.parse("nonsense") is None
