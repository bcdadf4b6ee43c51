"""What must be true of the new side: each thing that is not, in one refusal."""

from dataclasses import replace

import pytest
from edgebook.base.errors import RefusedError
from edgebook.model.observed import Observed
from edgebook.moves import mechanics, requirements
from edgebook.moves.requirements import Pods
from edgebook.moves.wish import Wish
from edgebook.params import Spec

from tests.unit.ideal_cloud import observe
from tests.unit.params_edits import spec_of

WISH = Wish(to=("green",), backends=("web",))


def check(spec: Spec, seen: Observed, pods: dict[tuple[str, str], Pods], wish: Wish = WISH) -> str:
    """The refusal's reasons; "" when the new side may take over."""
    try:
        requirements.check(spec, seen, mechanics.sides(spec, wish), wish, pods)
    except RefusedError as error:
        return error.why
    return ""


def pods(blue: int, green: int) -> dict[tuple[str, str], Pods]:
    found = {"blue": Pods({"us-central1-a": blue}), "green": Pods({"europe-west1-b": green})}
    return {("web", cluster): one for cluster, one in found.items()}


def test_an_equal_side_may_take_over() -> None:
    spec = spec_of({})
    assert check(spec, observe(spec, negs=True), pods(6, 6)) == ""


def test_fewer_pods_are_refused_unless_allowed() -> None:
    spec = spec_of({})
    seen = observe(spec, negs=True)
    assert "3 ready pods of web, blue has 6" in check(spec, seen, pods(6, 3))
    assert check(spec, seen, pods(6, 3), replace(WISH, allow_fewer=True)) == ""
    assert "no pod of web is Ready" in check(
        spec, seen, pods(6, 0), replace(WISH, allow_fewer=True)
    )


def test_another_vpc_and_a_lost_api_are_named() -> None:
    spec = spec_of({})
    seen = observe(spec, negs=True)
    green = seen.clusters["green"]
    other = {**seen.clusters, "green": replace(green, network="other")}
    assert "VPC network other" in check(spec, replace(seen, clusters=other), pods(6, 6))
    lost = {**seen.clusters, "green": replace(green, reachable=False)}
    assert "does not answer" in check(spec, replace(seen, clusters=lost), pods(6, 6))


def test_a_backend_with_the_name_of_the_second_one_is_in_the_way() -> None:
    spec = spec_of({})
    spec = replace(spec, backends={**spec.backends, "web-next": spec.backends["api"]})
    assert "backends.web-next" in check(spec, observe(spec, negs=True), pods(6, 6))


def test_one_neg_name_in_two_clusters_of_a_region_is_a_mistake_of_the_params() -> None:
    from edgebook.base.errors import ParamsError

    with pytest.raises(ParamsError, match="us-central1"):
        spec_of({"clusters.green": {"project": "shop-rehearsal", "location": "us-central1",
                                    "name": "green"}})  # fmt: skip
