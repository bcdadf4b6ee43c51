"""What a shell exports so that gcloud, kubectl and the official libraries talk to a simulator.

Credentials, trust bundles and kubeconfigs are files in the simulator's own folder, readable by
their owner only where they let somebody in. Nothing here opens a port.
"""

import base64
import json
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gcpsim.certs.authority import Authority
from gcpsim.front.build import Cloud

SERVICES = ("compute", "dns", "certificatemanager", "container")
ROOT_SERVICES = ("cloudresourcemanager", "serviceusage", "iam", "logging", "monitoring",
                 "networkservices")  # fmt: skip
DEFAULT_PROJECT = "gcpsim"


@dataclass(frozen=True)
class Doors:
    """Where a simulator listens: `url` of Google's services, `dns` as HOST:PORT, `proxy` as URL."""

    url: str
    dns: str
    proxy: str


def environment(
    cloud: Cloud, folder: Path, doors: Doors, servers: dict[str, str], *, dataplane: bool
) -> dict[str, str]:
    """Writes into `folder` what the clients want to read, and says what a shell exports.

    `servers`: the URL of each cluster's Kubernetes API.
    """
    authority = cloud.certificates.authority
    ca, bundle = folder / "ca.pem", folder / "ca-bundle.pem"
    ca.write_text(authority.ca_pem)
    bundle.write_text(_public_roots() + authority.ca_pem)
    project = next((c.project for c in cloud.gke.clusters.values()), DEFAULT_PROJECT)
    credentials = folder / "credentials.json"
    write_private(credentials, json.dumps(_service_account(authority, doors.url, project)))
    token = folder / "access-token"  # gcloud's plugin for kubectl needs one, any one
    write_private(token, "gcpsim-access-token")
    merged = folder / "kubeconfig.yaml"
    write_private(merged, yaml.safe_dump(kubeconfig(cloud, servers), sort_keys=False))
    overrides = {
        f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{doors.url}/"
        for name in (*SERVICES, *ROOT_SERVICES)
    }
    overrides["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"] = f"{doors.url}/compute/v1/"
    return {
        "GCPSIM_URL": doors.url,
        "GCPSIM_TOKEN": secrets.token_urlsafe(24),
        "GCPSIM_CA_FILE": str(ca),
        "GCPSIM_DATAPLANE": "true" if dataplane else "false",
        "GCPSIM_DNS": doors.dns,
        **dict(sorted(overrides.items())),
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_CORE_ACCOUNT": account(project),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_PROJECT": project,
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": project,
        "HTTPLIB2_CA_CERTS": str(bundle),
        "HTTPS_PROXY": doors.proxy,
        "KUBECONFIG": str(merged),
        "NO_PROXY": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": str(bundle),
        "SSL_CERT_FILE": str(bundle),
    }


def kubeconfig(cloud: Cloud, servers: dict[str, str]) -> dict[str, Any]:
    """A kubeconfig with GKE's context names, and each cluster's short name as a second one."""
    ca = base64.b64encode(cloud.certificates.authority.ca_pem.encode()).decode()
    clusters, users, contexts = [], [], []
    for name, server in servers.items():
        cluster = cloud.gke.clusters[name]
        long_name = f"gke_{cluster.project}_{cluster.location}_{name}"
        clusters.append(
            {"name": long_name, "cluster": {"server": server, "certificate-authority-data": ca}}
        )
        users.append({"name": long_name, "user": {"token": "gcpsim-access-token"}})
        context = {"cluster": long_name, "user": long_name}
        contexts += [{"name": long_name, "context": context}, {"name": name, "context": context}]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts[0]["name"] if contexts else "",
        "clusters": clusters,
        "users": users,
        "contexts": contexts,
    }


def account(project: str) -> str:
    """Whose credentials these are."""
    return f"rehearsal@{project}.iam.gserviceaccount.com"


def _service_account(authority: Authority, url: str, project: str) -> dict[str, str]:
    """Credentials that official libraries accept; their token comes from the simulator."""
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "gcpsim",
        "private_key": authority.service_account_key(),
        "client_email": account(project),
        "client_id": "100000000000000000000",
        "token_uri": f"{url}/token",
    }


def _public_roots() -> str:
    """The roots that the libraries trust anyway, so that a bundle of ours takes nothing away."""
    import certifi

    return Path(certifi.where()).read_text()


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, also while it is written."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def exports(env: dict[str, str]) -> str:
    """`export NAME=value` lines for a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in env.items())
