"""Whose a resource is."""

from edgebook.model.marks import description, owner


def test_the_mark_is_read_from_labels_and_from_the_description() -> None:
    assert owner({"labels": {"edgebook": "shop"}}) == "shop"
    assert owner({"description": description("shop", "made for the shop")}) == "shop"
    assert owner({"description": "front door shop"}) == ""
    assert owner({}) == ""
