"""Paths are cut into pieces in one place, and each piece is the right one."""

import re
from pathlib import Path

import pytest
from gcpsim.compute.engine.catalog import region_of_scope
from gcpsim.core import paths

LIB = Path(__file__).resolve().parents[3] / "lib" / "gcpsim"
NEG = "projects/p/zones/europe-west1-b/networkEndpointGroups/n"
LINK = f"https://www.googleapis.com/compute/v1/{NEG}"
ENTRY = "projects/p/locations/global/certificateMaps/m/certificateMapEntries/e"
CUT = re.compile(r"""\.(?:r?split|r?partition)\(["']/["']""")
# What is cut there is no path of Google's resources: keys, versions and request paths of
# Kubernetes, templates of methods, user agents, images, address ranges, URLs.
OTHERS = {
    "core/calls.py", "core/discovery.py", "core/paths.py", "dataplane/ingress.py",
    "dataplane/pods.py", "dataplane/routes/expressions.py", "front/routing.py",
    "gke/certmanager.py", "gke/neg/zones.py", "k8s/api/call.py", "k8s/api/discovery.py",
    "k8s/api/hookcalls.py", "k8s/api/http.py", "k8s/api/openapi.py",
    "k8s/api/verbs.py", "k8s/controllers/cron.py",
    "k8s/controllers/objects.py", "k8s/objects/hooks.py", "k8s/patch/patches.py",
    "k8s/rules/poddefaults.py", "k8s/types/names.py", "k8s/types/registry.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "path", "piece"),
    [
        (paths.name_of, LINK, "n"),
        (paths.name_of, "default", "default"),
        (paths.parent_of, NEG, "projects/p/zones/europe-west1-b/networkEndpointGroups"),
        (paths.parent_of, "default", ""),
        (paths.collection_of, NEG, "networkEndpointGroups"),
        (paths.collection_of, ENTRY, "certificateMapEntries"),
        (paths.project_of, LINK, "p"),
        (paths.project_of, "projects", ""),
        (paths.zone_of, LINK, "europe-west1-b"),
        (paths.zone_of, "projects/p/regions/r/addresses/a", ""),
        (paths.region_of, "projects/p/regions/r/addresses/a", "r"),
        (paths.region_of, "projects/p/global/addresses/a", ""),
        (paths.location_of, ENTRY, "global"),
        (paths.place_of, NEG, "projects/p/zones/europe-west1-b"),
        (paths.place_of, ENTRY, "projects/p/locations/global"),
        (paths.short, NEG, "networkEndpointGroups/n"),
        (paths.cut_scope, "global", ("global", "")),
        (paths.cut_scope, "regions/r", ("regions", "r")),
        (region_of_scope, "global", ""),
        (region_of_scope, "regions/europe-west1", "europe-west1"),
        (region_of_scope, "zones/europe-west1-b", "europe-west1"),
    ],
)
def test_a_piece_of_a_path(cut, path, piece):
    assert cut(path) == piece


def test_a_path_in_another_project_is_the_same_otherwise():
    assert paths.with_project(ENTRY, "7") == ENTRY.replace("projects/p/", "projects/7/")
    assert paths.with_project("projects/p", "7") == "projects/7"


def test_links_and_scopes_are_cut_nowhere_else():
    found = {
        str(path.relative_to(LIB))
        for path in LIB.rglob("*.py")
        if CUT.search(path.read_text(encoding="utf-8"))
    }
    assert found == OTHERS
