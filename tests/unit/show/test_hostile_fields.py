"""Every text of the cloud, the clusters and the params, hostile, in every sink that shows a plan.

The fields are those of a front door with many options as it is built, so that a new one is tried by
itself. `.venv/bin/python -m tests.unit.show.test_hostile_fields` prints how many there are by kind
and sink.
"""

import dataclasses
import io
import json
import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from edgebook.base.errors import EdgebookError
from edgebook.base.text import still
from edgebook.model.values import LiveResource
from edgebook.params import load
from edgebook.plan.live_index import IndexedLive
from edgebook.plan.make import make, refusal, wanted
from edgebook.show import pictures, terminal, views
from edgebook.show.tables import checks_table, plan_table
from edgebook.terraform import export
from edgebook.verify.facts import Facts

from tests.unit.desired.test_desired import MANY
from tests.unit.hostile import EVIL, SAID, SEEN, acts, acts_in_page, batches, leaves, poisoned
from tests.unit.params_edits import edited
from tests.unit.verify.test_cases import CHECKS, facts_of

Fields = list[tuple[str, list[str]]]  # a kind, and the paths that are tried at once
Seen = tuple[str, list[str]]  # a sink, and what acts in it


@cache
def built() -> Facts:
    return facts_of({"built": MANY})


def again(facts: Facts, **changed: Any) -> Facts:
    """The same front door after something else was read."""
    facts = dataclasses.replace(facts, **changed)
    live = IndexedLive(facts.live)
    target = wanted(facts.spec, facts.observed, live)
    plan = make(facts.spec, facts.observed, live, target=target)
    return dataclasses.replace(facts, desired=target, live=live, plan=plan)


def tables(facts: Facts) -> Iterator[Any]:
    yield plan_table("plan", facts.plan)
    yield views.frontends(facts)
    yield views.certificates(facts)
    yield views.endpoints(facts, {})
    yield views.firewall(facts)
    yield views.backends(facts)
    yield checks_table("checks", [result for check in CHECKS for result in check(facts)])


def sinks(facts: Facts) -> Iterator[Seen]:
    """What each sink says of a front door; a stop in words is what it says then."""
    for one in tables(facts):
        yield "terminal", acts(terminal.render(one, width=0, verbose=True))
        yield "terminal of 80", acts(terminal.render(one, width=80, colour=True, verbose=True))
        yield "notebook", acts_in_page(one._repr_html_())
        yield "for machines", _not_json(json.dumps(one.to_json()))
    yield "CSV", _formulas(plan_table("plan", facts.plan).to_csv() or "")
    if refused := refusal(facts.plan, facts.spec.safety, "p.yaml", made=("plan",)):
        yield "error", acts(str(refused))
    files = export(
        facts.desired, facts.live, facts.observed, facts.plan, project=facts.spec.project
    )
    for text in files.values():
        yield "Terraform", acts(still(text)) + _interpolations(text)


def _not_json(text: str) -> list[str]:
    said = still(text)
    assert json.loads(said) == json.loads(text)
    return acts(said)


def _formulas(text: str) -> list[str]:
    return re.findall(r"(?:^|,)\"?[=+@][A-Z]", io.StringIO(text).getvalue(), re.MULTILINE)


def _interpolations(text: str) -> list[str]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = re.findall(r"(?<!\$)\$\{[^}]*|(?<!%)%\{[^}]*", code)
    return [text for text in found if not re.fullmatch(r"\$\{(google|var)[\w.]+", text)]


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/edgebook/" in frame.filename]
    return f"{ours[-1].filename.split('/edgebook/')[-1]}:{ours[-1].lineno}" if ours else ""


def told(make_facts: Callable[[], Facts]) -> Iterator[Seen]:
    try:
        yield from sinks(make_facts())
    except EdgebookError as error:
        yield "error", acts(str(error))
        yield "error for machines", _not_json(json.dumps(error.to_json()))
        yield "error in a notebook", acts("\n".join(error._render_traceback_()))
    except Exception as error:
        yield "traceback", [f"{type(error).__name__}: {error}"[:80], _place(error)]


def live_fields() -> Fields:
    """Every text of every live resource, also of those that Edgebook leaves out."""
    found: dict[str, set[str]] = {}
    for key, item in built().live.items():
        more = {"description", "labels.x"}
        found.setdefault(key.kind, set()).update(more, leaves(item.body))
    return [
        (kind, part) for kind, paths in sorted(found.items()) for part in batches(sorted(paths), 3)
    ]


def of_live(kind: str, paths: list[str]) -> Facts:
    live = {}
    for key, item in built().live.items():
        body: Any = item.body
        if key.kind == kind:
            body = {"description": "", **body, "labels": {**(body.get("labels") or {}), "x": ""}}
            body = poisoned(body, paths, SAID)
        live[key] = LiveResource(key, body)
    return again(built(), live=live)


def observed_fields() -> Fields:
    clusters = built().observed.clusters
    fields = {path for one in clusters.values() for path in leaves(one)}
    of_params = {".name"}
    return [("clusters", [path]) for path in sorted(fields - of_params)]


def of_clusters(_: str, paths: list[str]) -> Facts:
    observed = built().observed
    clusters = {name: poisoned(one, paths, SAID) for name, one in observed.clusters.items()}
    return again(built(), observed=dataclasses.replace(observed, clusters=clusters))


def params_fields() -> Fields:
    found = sorted(set(leaves(yaml.safe_load(edited(MANY)))))
    return [(kind, [path]) for kind in ("params", "params with marks") for path in found]


def of_params(kind: str, paths: list[str]) -> Facts:
    text = SEEN if kind == "params" else EVIL
    said = poisoned(yaml.safe_load(edited(MANY)), paths, text)
    return again(built(), spec=load(yaml.safe_dump(said, allow_unicode=False), "p.yaml"))


GROUPS: dict[str, tuple[Callable[[], Fields], Callable[[str, list[str]], Facts]]] = {
    "live": (live_fields, of_live),
    "clusters": (observed_fields, of_clusters),
    "params": (params_fields, of_params),
}


def tried(group: str) -> Iterator[tuple[str, list[str], str, list[str]]]:
    """(kind, fields, sink, what acts there) of all fields of a group."""
    fields, make_facts = GROUPS[group]
    for kind, paths in fields():
        for sink, found in told(lambda kind=kind, paths=paths: make_facts(kind, paths)):
            yield kind, paths, sink, found


@pytest.mark.parametrize("group", GROUPS)
def test_no_field_acts_in_any_sink(group: str) -> None:
    found = [(kind, paths, sink, bad[:2]) for kind, paths, sink, bad in tried(group) if bad]
    assert found == []


def test_pictures_are_of_data() -> None:
    node = {"id": "a", "kind": EVIL, "name": EVIL, "state": EVIL, "detail": EVIL}
    row = {"domain": EVIL, "by": EVIL, "certificate": EVIL, "days": 3}
    nodes = [node, {**node, "id": "b", "detail": ""}]
    for one in (
        pictures.topology({"nodes": nodes, "edges": [("a", "b")]}),
        pictures.expiry([row]),
    ):
        assert acts(str(one)) == []
        assert acts_in_page(one._repr_html_()) == []
        assert "evil" in str(one) and "evil" in one._repr_html_()


def test_the_sinks_show_what_they_are_given() -> None:
    """A sink that leaves everything out would pass the test above."""
    shown = [str(one) + one._repr_html_() for one in tables(of_live("address", ["address"]))]
    assert "evil" in "".join(shown)


if __name__ == "__main__":
    counted: Counter[tuple[str, str]] = Counter()
    for group in GROUPS:
        for kind, paths, sink, bad in tried(group):
            counted[kind, sink] += len(paths)
            if bad:
                print(kind, paths, sink, bad)
    names = sorted({sink for _, sink in counted})
    print("kind".ljust(24), *names, sep="  ")
    for kind in sorted({kind for kind, _ in counted}):
        row = (str(counted[kind, sink]).rjust(len(sink)) for sink in names)
        print(kind.ljust(24), *row, sep="  ")
