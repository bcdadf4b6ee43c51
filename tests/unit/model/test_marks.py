"""Whose a resource is."""

from edgebook.model.kinds import KINDS
from edgebook.model.marks import description, marked, owner


def test_the_mark_is_read_from_labels_and_from_the_description() -> None:
    assert owner({"labels": {"edgebook": "shop"}}) == "shop"
    assert owner({"description": description("shop", "made for the shop")}) == "shop"
    assert owner({"description": "front door shop"}) == ""
    assert owner({}) == ""


def test_a_mark_follows_a_text_and_is_laid_into_labels_of_ours() -> None:
    assert description("shop") == "Kept by Edgebook (front door shop)"
    assert description("shop", "why") == "why - Kept by Edgebook (front door shop)"
    address = marked(KINDS["address"], {"labels": {"a": "1"}}, "shop", {"team": "edge"})
    assert address["labels"] == {"team": "edge", "a": "1", "edgebook": "shop"}
    assert owner(address) == "shop"
    rule = marked(KINDS["firewall"], {"description": "why"}, "shop", {"team": "edge"})
    assert "labels" not in rule and owner(rule) == "shop"
    assert marked(KINDS["dnsRecordSet"], {"ttl": 1}, "shop", {}) == {"ttl": 1}
