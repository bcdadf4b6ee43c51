"""A hundred forms in which secrets turn up, found; and what only looks like one."""

import json
from pathlib import Path

import pytest
from edgebook.base.shapes import hide
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.params import ParamsError, load
from edgebook.records import Redactor

from tests.unit.secret_forms import FORMS, A, H

ROOT = Path(__file__).parents[3]
HARMLESS = (
    "sha256:" + H[:64],
    f"commit {H[:40]}",
    "the secret of projects/p/secrets/s/versions/3",
    "client_secret: projects/p/secrets/iap/versions/latest",
    "nextPageToken: page 2 of 3",
    "key: shop/web, token bucket, password policy",
    "session_affinity: GENERATED_COOKIE",
    "affinityCookieTtlSec: 3600",
    "https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/shop",
    "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/m",
    "ada@example.com approved 5f0c2a91",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    "ed25519:" + "A" * 43 + "=",
    "author: ada, authorization: PER_PROJECT_RECORD",
    "projects/123456789012/locations/us-central1/clusters/blue",
    "X-Client-Geo-Location: {client_region}",
    "SkipList-SKU: a",
    "task-" + "a" * 40,
)


def found(text: str) -> bool:
    redactor = Redactor()
    hidden = redactor.text(f"before {text} after")
    return "[redacted" in hidden and bool(redactor.scan("x", text)) and hidden.endswith(" after")


def test_at_least_97_of_100_forms_are_found() -> None:
    assert len(FORMS) >= 100
    missed = [
        name for name, text in FORMS.items() if "[redacted" not in hide(f"before {text} after")
    ]
    assert len(missed) <= 3 * len(FORMS) // 100, missed
    unseen = [n for n, text in FORMS.items() if n not in missed and not Redactor().scan("x", text)]
    assert unseen == []


@pytest.mark.parametrize("joint", ["\n", " "])
def test_what_is_found_by_itself_is_found_in_the_midst_of_a_long_page(joint: str) -> None:
    """Rules look only near the parts that make them worth their time."""
    page = "".join(f"row {number} of Table, 200 OK, EVEN\u0130\n" for number in range(300))
    plain = page.replace("\u0130", "")
    for name, text in FORMS.items():
        if "[redacted" in hide(f"before{joint}{text}{joint}after"):
            for around in (plain, page):
                assert "[redacted" in hide(around + joint + text + joint + around), name
    assert hide(plain) == plain


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert hide(text) == text


def test_nothing_in_the_sample_records_is_an_alarm() -> None:
    redactor = Redactor()
    for path in sorted((ROOT / "docs").glob("sample-*/**/*")):
        if path.is_file():
            assert redactor.scan(path.name, path.read_text(encoding="utf-8")) == [], path


def test_known_values_are_found_inside_of_what_was_encoded_as_a_whole() -> None:
    import base64

    redactor = Redactor({"DB": "correct-horse-battery"})
    for ahead in ("", "x", "xy", "xyz"):
        text = base64.b64encode(f"{ahead}correct-horse-battery and more".encode()).decode()
        assert "[redacted: DB]" in redactor.text(text), ahead


def test_params_that_hold_a_secret_are_refused_without_repeating_it() -> None:
    text = (ROOT / "params" / "rehearsal.yaml").read_text()
    text += f'labels: {{team: edge}}\nurl_map_api: {{description: "Bearer {A[:30]}"}}\n'
    with pytest.raises(ParamsError) as refused:
        load(text, "params.yaml")
    assert "looks like a secret (bearer token)" in str(refused.value)
    assert A[:30] not in str(refused.value)


def test_a_secret_that_is_live_is_not_in_a_plan_whose_hash_stays_the_same_in_a_record() -> None:
    """Else a run could not be gone on with: its plan would look edited."""
    change = Change(
        Action.UPDATE,
        ResourceKey("backendService", "projects/p/global", "shop-web"),
        Step.BACKENDS,
        f"customRequestHeaders: X-Api-Key: {A[:30]} -> none",
        before={"customRequestHeaders": [f"X-Api-Key: {A[:30]}"]},
        fields=("customRequestHeaders",),
    )
    plan = Plan((change,), "shop", "simulator")
    assert A[:30] not in json.dumps(plan.to_json())
    assert Plan.from_json(Redactor().document(plan.to_json())).hash == plan.hash
