"""Paths are cut into pieces in one place, and each piece is the right one."""

import re
from pathlib import Path

import pytest
from edgebook.model import paths

LIB = Path(__file__).resolve().parents[3] / "lib" / "edgebook"
NEG = "https://www.googleapis.com/compute/v1/projects/p/zones/z/networkEndpointGroups/n"
CUT = re.compile(r"""\.(?:r?split|r?partition)\(["']/["']""")
# What is cut there is no path of Google's or ours: file names, URLs, `namespace/service`.
OTHERS = {
    "apply/leases.py", "cli/commands/init.py", "cloud/permissions.py", "live/clusters.py",
    "model/paths.py", "model/values.py", "params/checks.py", "records/buckets.py",
    "records/redact.py", "runbook/engine.py", "runbook/resume.py", "traffic/users.py",
    "traffic/values.py", "verify/foresight.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "path", "piece"),
    [
        (paths.name_of, NEG, "n"),
        (paths.name_of, "default", "default"),
        (paths.parent_of, "projects/p/global", "projects/p"),
        (paths.parent_of, "default", ""),
        (paths.project_of, NEG, "p"),
        (paths.project_of, "global/addresses/a", ""),
        (paths.project_of, "projects", ""),
        (paths.zone_of, NEG, "z"),
        (paths.zone_of, "projects/p/regions/r/networkEndpointGroups/n", ""),
        (paths.cluster_of, paths.namespace_scope("blue", "shop"), "blue"),
        (paths.namespace_of, paths.namespace_scope("blue", "shop"), "shop"),
        (paths.cluster_of, "projects/p/global", ""),
        (paths.name_of, paths.zone_scope("p", "shop"), "shop"),
        (paths.project_of, paths.compute_scope("p"), "p"),
        (paths.project_of, paths.certificate_scope("p"), "p"),
    ],
)
def test_a_piece_of_a_path(cut, path, piece):
    assert cut(path) == piece


def test_record_sets_have_a_domain_and_a_type():
    name = paths.record_name("*.example.com.", "AAAA")
    assert paths.record_of(name) == ("*.example.com.", "AAAA")
    assert paths.record_of("example.com.") == ("example.com.", "")


def test_links_and_scopes_are_cut_nowhere_else():
    found = {
        str(path.relative_to(LIB))
        for path in LIB.rglob("*.py")
        if CUT.search(path.read_text(encoding="utf-8"))
    }
    assert found == OTHERS
