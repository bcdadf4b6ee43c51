"""The Terraform export: whole files in tests/cases/terraform, in the layout of `terraform fmt`.

`.venv/bin/python -m tests.unit.terraform.test_terraform` writes them anew (and runs
`terraform fmt -check`).
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from edgebook.model.kinds import KINDS
from edgebook.model.values import ResourceKey
from edgebook.params import Spec, load_file
from edgebook.plan.make import make, wanted
from edgebook.terraform import export
from edgebook.terraform.hcl import Block, Expression, quoted, render

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import ROOT, spec_of

CASES = ROOT / "tests" / "cases" / "terraform"
REFRESH = ".venv/bin/python -m tests.unit.terraform.test_terraform"
ZONE = "projects/shop-rehearsal/managedZones/shop-example"


def files(spec: Spec, *, built: bool = True, **options: Any) -> dict[str, str]:
    observed = observe(spec, negs=True, clusters=spec.clusters)
    cloud = IdealCloud()
    if built:
        cloud.apply(make(spec, observed, {}), observed)
    return _export(spec, cloud, **options)


def _export(spec: Spec, cloud: IdealCloud, **options: Any) -> dict[str, str]:
    observed = observe(spec, negs=True, clusters=spec.clusters)
    plan = make(spec, observed, cloud.live)
    target = wanted(spec, observed, cloud.live)
    return export(target, cloud.live, observed, plan, project=spec.project, **options)


def example() -> Spec:
    return load_file(ROOT / "params" / "example.yaml")


def expected() -> dict[str, str]:
    found = {f"rehearsal-{name}": text for name, text in files(spec_of({})).items()}
    owned = files(example(), built=False, owned_backends=True)
    return {**found, "example-owned-main.tf": owned["main.tf"]}


@pytest.mark.parametrize("name", sorted(expected()))
def test_the_files_are_as_expected(name: str) -> None:
    assert (CASES / name).read_text(encoding="utf-8") == expected()[name], REFRESH


def test_what_does_not_exist_is_not_imported() -> None:
    assert files(spec_of({}), built=False)["imports.tf"] == ""


def test_every_reference_has_its_resource_and_labels_are_unique() -> None:
    for text in (files(spec_of({}))["main.tf"], files(example())["main.tf"]):
        made = re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)
        assert len(made) == len(set(made))
        used = set(re.findall(r"\b(google_\w+)\.(\w+)\.", text))
        assert used <= set(made)
        assert {kind for kind, _ in made} <= {kind.terraform for kind in KINDS.values()}


def test_every_import_has_its_resource() -> None:
    found = files(spec_of({}))
    made = set(re.findall(r'^resource "(\w+)" "(\w+)"', found["main.tf"], re.MULTILINE))
    imported = re.findall(r"to = (\w+)\.(\w+)", found["imports.tf"])
    assert set(imported) == made


def test_scheme_is_always_written_and_the_ip_version_never_replaces_a_rule() -> None:
    """Provider 8 changes the default of the scheme; ip_version would replace an imported rule."""
    text = files(spec_of({"address.ip_versions": ["IPV4", "IPV6"]}))["main.tf"]
    blocks = re.findall(r'resource "(\w+)" "\w+" \{\n(.*?)\n\}\n', text, re.DOTALL)
    for kind, inside in blocks:
        if kind in ("google_compute_global_forwarding_rule", "google_compute_backend_service"):
            assert re.search(r'load_balancing_scheme += "EXTERNAL_MANAGED"', inside)
        if kind == "google_compute_global_forwarding_rule":
            assert "ignore_changes = [ip_version]" in inside
        if kind == "google_compute_global_address":
            assert re.search(r'ip_version += "IPV[46]"', inside)


def test_records_that_point_elsewhere_are_not_handed_to_terraform() -> None:
    cloud = IdealCloud()
    body = {"name": "shop.example.com.", "type": "A", "ttl": 60, "rrdatas": ["198.51.100.7"]}
    cloud.put(ResourceKey("dnsRecordSet", ZONE, "shop.example.com./A"), body)
    found = _export(spec_of({}), cloud)
    assert '"shop.example.com."' not in found["main.tf"]
    assert '"*.shop.example.com."' in found["main.tf"]
    assert "rrsets" not in found["imports.tf"]


def test_a_secret_is_a_variable() -> None:
    text = files(example())["main.tf"]
    assert "oauth2_client_secret = var.iap_client" in text
    assert 'variable "iap_client"' in text
    assert re.search(r"sensitive += true", text)


def test_names_that_look_alike_stay_apart() -> None:
    hostnames = ["a-b.example.com", "a.b.example.com", "wildcard.b.example.com", "*.b.example.com"]
    edits = {"hostnames": hostnames, "routes.0.hosts": hostnames, "checks": "<gone>"}
    text = files(spec_of(edits))["main.tf"]
    made = re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)
    assert len(made) == len(set(made))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ('say "x"', r'"say \"x\""'),
        ("X: {client_region}", '"X: {client_region}"'),
        ("${var.x} %{if}", '"$${var.x} %%{if}"'),
        ("two\nlines", r'"two\nlines"'),
    ],
)
def test_text_is_never_a_template(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_values_are_aligned_and_groups_stand_apart() -> None:
    inner = Block("inner", (), {"a": 1})
    values = {"x": True, "longer": Expression("a.b"), "labels": {"k": "v", "a.b": "c"}}
    assert render([Block("resource", ("t", "n"), values, (inner, Block("empty")))]) == (
        'resource "t" "n" {\n'
        "  x      = true\n"
        "  longer = a.b\n"
        "\n"
        "  labels = {\n"
        '    "a.b" = "c"\n'
        '    k     = "v"\n'
        "  }\n"
        "\n"
        "  inner {\n"
        "    a = 1\n"
        "  }\n"
        "\n"
        "  empty {}\n"
        "}\n"
    )


if __name__ == "__main__":
    for file, content in expected().items():
        Path(CASES / file).write_text(content, encoding="utf-8")
    subprocess.run(["terraform", "fmt", "-check", "-diff", str(CASES)], check=True)
