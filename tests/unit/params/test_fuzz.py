"""Whatever stands in a params file: it is read, or what is wrong is said; nothing else happens."""

import copy
from typing import Any

import yaml
from edgebook.desired import desired
from edgebook.params import ParamsError, load
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.ideal_cloud import observe
from tests.unit.params_edits import REHEARSAL, ROOT

TREES = [
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (REHEARSAL, ROOT / "params" / "example.yaml")
]
WORDS = st.sampled_from(
    ["web", "blue", "HTTPS", "shop.example.com", "*", "", "projects/p", "60s", "/x"]
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 70000), st.floats(), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(WORDS | st.sampled_from(["api"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found = []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        found.append((tree, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TREES), st.data())
def test_any_value_anywhere(tree: Any, data: st.DataObject) -> None:
    tree = copy.deepcopy(tree)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(tree)))
        if data.draw(st.booleans()):
            container[key] = data.draw(ANYTHING)
        elif isinstance(container, dict):
            del container[key]
    text = yaml.safe_dump(tree, sort_keys=False)
    try:
        spec = load(text, "params/x.yaml")
    except ParamsError as error:
        assert error.problems
        assert str(error).startswith("params/x.yaml: ")
        return
    # What was accepted can be turned into resources.
    desired(spec, observe(spec, clusters=()))


@settings(max_examples=150, deadline=None)
@example("<<:")
@given(st.text(alphabet=":{}[]-\n &*!|>'\"#%@`,abc<0", max_size=60))
def test_any_text(text: str) -> None:
    try:
        load(text, "params/x.yaml")
    except ParamsError as error:
        assert error.problems
