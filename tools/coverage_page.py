"""Print docs/coverage.md: which methods of Google's documents gcpsim has, asked from its own code.

`make docs` writes the page; a test compares it with what this prints.
"""

from collections import defaultdict

from gcpsim.core.discovery import DOCUMENTS, Method, api
from gcpsim.core.service import RestService
from gcpsim.front.build import Config, build
from gcpsim.k8s.types.crds import PREINSTALLED
from gcpsim.k8s.types.registry import BUILT_IN, VIEWS, from_crd
from gcpsim.k8s.types.stored import STORED

TITLES = {
    "compute": "Compute Engine v1",
    "dns": "Cloud DNS v1",
    "certificatemanager": "Certificate Manager v1",
    "container": "Kubernetes Engine v1",
    "serviceusage": "Service Usage v1",
    "cloudresourcemanager": "Resource Manager v3",
    "iam": "Identity and Access Management v1",
    "logging": "Cloud Logging v2",
    "monitoring": "Cloud Monitoring v3",
    "networkservices": "Network Services v1",
}


def implemented() -> dict[str, dict[str, bool]]:
    """service -> method id -> whether gcpsim has it."""
    cloud = build(Config(paused=True))
    services = cloud.world.services

    def has(service: str, method: Method) -> bool:
        found = services[service]
        assert isinstance(found, RestService)
        return found.implements(method)

    return {
        service: {name: has(service, method) for name, method in api(service).methods.items()}
        for service in DOCUMENTS
    }


def page() -> str:
    """The whole page as Markdown."""
    lines = [
        "# What gcpsim covers",
        "",
        "Made by `make docs` from the code and Google's discovery documents. A method that exists",
        "in Google's documents but not here answers 400 with its name, not to be tried again.",
        "Collections with no method here are left out.",
    ]
    for service, methods in implemented().items():
        done = sum(methods.values())
        revision = api(service).document["revision"]
        lines += ["", f"## {TITLES[service]}", ""]
        lines.append(f"{done} of {len(methods)} methods (document revision {revision}).")
        lines += ["", "| collection | here | not here |", "|---|---|---|"]
        by_collection: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
        for name, present in methods.items():
            _, collection, method = name.rsplit(".", 2) if name.count(".") > 1 else ("", "", name)
            by_collection[collection or service][present].append(method)
        for collection, found in sorted(by_collection.items()):
            if found[True]:
                here, missing = (", ".join(sorted(found[which])) for which in (True, False))
                lines.append(f"| {collection} | {here} | {missing or '-'} |")
    return "\n".join([*lines, *kubernetes()]) + "\n"


def kubernetes() -> list[str]:
    """The kinds of each cluster's API, by group and version; GKE's own are defined by CRDs."""
    groups: dict[str, list[str]] = defaultdict(list)
    for resource in (*BUILT_IN, *VIEWS):
        reviews = resource.verbs == ("create",)
        named = ", ".join(resource.subresources)
        below = f" ({named})" if named and not reviews else ""
        groups[resource.api_version].append(resource.kind + below)
    for crd in PREINSTALLED:
        resource = from_crd(crd)
        for version in resource.versions:
            mark = "**" if crd in STORED else "*"
            groups[f"{resource.group}/{version}"].append(resource.kind + mark)
    lines = ["", "## Kubernetes API of each cluster", ""]
    lines.append(
        "Subresources in brackets. Kinds with a star are preinstalled CustomResources; those"
    )
    lines.append("with two are stored, listed and printed, and nothing acts on them.")
    lines += ["", "| group and version | kinds |", "|---|---|"]
    for version, kinds in sorted(groups.items()):
        lines.append(f"| {version} | {', '.join(sorted(kinds))} |")
    return lines


if __name__ == "__main__":
    print(page(), end="")
