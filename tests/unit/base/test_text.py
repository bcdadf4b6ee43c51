"""Words that are put together for people."""

import pytest
from edgebook.base.text import breakable, counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 changes"), (1, "1 change"), (2, "2 changes")])
def test_a_count_has_its_noun_in_number(number: int, said: str) -> None:
    assert counted(number, "change") == said


def test_long_names_may_be_broken_where_a_reader_would() -> None:
    name = "_acme-challenge_zuqhrwwdu4bypk7x.shop.example.com./CNAME"
    shown = breakable(f"delete {name} & go")
    assert shown.replace("<wbr>", "") == f"delete {name} &amp; go"
    assert "zuqhrwwdu4bypk7x.<wbr>shop.<wbr>example.<wbr>com./<wbr>CNAME" in shown
    assert breakable("shop.example.com <b>") == "shop.example.com &lt;b&gt;"
