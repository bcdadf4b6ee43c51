"""Who holds a lease, as it stands in labels and in a file of its own."""

import re
from pathlib import Path

import pytest
from edgebook.apply.leases import Holder

LABEL = re.compile(r"[a-z0-9_-]{1,63}")


def test_a_holder_fits_into_labels_and_is_known_to_live_or_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path))
    me, other = Holder.new(), Holder.new()
    assert me.id != other.id
    assert LABEL.fullmatch(me.id) and LABEL.fullmatch(me.who)
    assert not Holder.is_dead(me.id)
    other.drop()  # as the kernel does for a process that is killed
    assert Holder.is_dead(other.id)
    assert not Holder.is_dead("0" * 24)  # somebody elsewhere: nobody knows
    Holder.forget(other.id)
    assert not Holder.is_dead(other.id)
    me.leave()
    assert not Holder.is_dead(me.id)
