"""Single gcloud lines that people type to look around: each with what it must show.

Everything is read from scenario `legacy`: two clusters with three nodes in each of three zones.
gcloud costs a second a command, so that some run beside each other.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

BESIDE = 3
GROUP = r"gke-blue-default-pool-[0-9a-f]{8}"
# gcloud's line, and regular expressions that its output must match; the first line with ! must not
LINES: dict[str, tuple[str, ...]] = {
    "container clusters list": (
        r"NAME +LOCATION +MASTER_VERSION +MASTER_IP +MACHINE_TYPE +NODE_VERSION +NUM_NODES +STATUS",
        r"blue +us-central1 +1\.33\S+ +127\.0\.0\.1:\d+ +e2-standard-4 +1\.33\S+ +9 +RUNNING",
    ),
    "container clusters describe blue --region=us-central1": (
        r"^name: blue$", r"^location: us-central1$", r"^status: RUNNING$", r"^nodePools:$",
    ),
    "container clusters describe none --region=us-central1": (
        r"code=404, message=Not found: projects/\S+/locations/us-central1/clusters/none\.",
    ),
    "container node-pools list --cluster=blue --region=us-central1": (
        r"NAME +MACHINE_TYPE +DISK_SIZE_GB +NODE_VERSION",
        r"default-pool +e2-standard-4 +100 +1\.33",
    ),
    "container node-pools describe default-pool --cluster=blue --region=us-central1": (
        r"^name: default-pool$", rf"instanceGroupManagers/{GROUP}-grp", r"^status: RUNNING$",
    ),
    "compute instance-groups managed list": (
        r"NAME +LOCATION +SCOPE +BASE_INSTANCE_NAME +SIZE +TARGET_SIZE +INSTANCE_TEMPLATE",
        rf"{GROUP}-grp +us-central1-a +zone +{GROUP} +3 +3 +{GROUP} +no",
    ),
    "compute instance-groups list --zones=us-central1-a": (
        rf"{GROUP}-grp +us-central1-a +zone +default +Yes +3",
    ),
    "compute instance-templates list": (rf"{GROUP} +e2-standard-4",),
    "compute disks list --zones=us-central1-b": (
        rf"{GROUP}-\w+ +us-central1-b +zone +100 +pd-balanced +READY",
    ),
    "compute machine-types list --zones=us-central1-a": (
        r"NAME +ZONE +CPUS +MEMORY_GB",
        r"e2-standard-4 +us-central1-a +4 +16\.00",
        r"e2-medium +us-central1-a +2 +4\.00",
    ),
    "compute machine-types describe n1-standard-1 --zone=us-central1-f": (
        r"^guestCpus: 1$", r"^memoryMb: 3840$", r"^zone: us-central1-f$",
    ),
    "compute machine-types describe e9-none --zone=us-central1-f": (
        r"The resource 'projects/\S+/zones/us-central1-f/machineTypes/e9-none' was not found",
    ),
    "compute routes list --filter=network=default": (
        r"NAME +NETWORK +DEST_RANGE +NEXT_HOP +PRIORITY",
        r"default-route-[0-9a-f]{16} +default +0\.0\.0\.0/0 +default-internet-gateway +1000",
        r"default-route-r-[0-9a-f]{16} +default +10\.128\.0\.0/20 +default +0",
    ),
    "iam service-accounts list": (
        r"DISPLAY NAME +EMAIL +DISABLED",
        r"Compute Engine default service account +\d+-compute@developer\.gserviceaccount\.com ",
    ),
    "iam service-accounts describe nobody@shop-rehearsal.iam.gserviceaccount.com": (
        r"NOT_FOUND: Unknown service account",
    ),
    "iam service-accounts create night-runs --format=value(email)": (
        r"^night-runs@shop-rehearsal\.iam\.gserviceaccount\.com$",
    ),
    "config get-value account": (r"^rehearsal@shop-rehearsal\.iam\.gserviceaccount\.com$",),
    "services enable trafficdirector.googleapis.com": (r"^$",),
    "projects get-iam-policy shop-rehearsal": (r"^bindings:$", r"role: roles/owner"),
    "logging read resource.type=http_load_balancer --limit=3": (r"^$",),
}  # fmt: skip
REFUSED = ("none", "e9-none", "nobody@")


@pytest.fixture(scope="module")
def gcloud(keep_sim: Callable[..., Any], tmp_path_factory: Any) -> Callable[..., Any]:
    """Run a line of gcloud with the environment that `gcpsim env` exports."""
    program = shutil.which("gcloud")
    if program is None:
        pytest.fail("gcloud is not installed: this test runs the real gcloud, put it in PATH")
    folder = tmp_path_factory.mktemp("gcloud")
    sim = keep_sim("--time-scale", "0", "--no-dataplane", "--scenario", "legacy")
    env = {**sim.ready["env"], "HOME": str(folder), "CLOUDSDK_CORE_VERBOSITY": "error"}
    env |= {"PATH": "/usr/bin:/bin:" + program.rsplit("/", 1)[0]}
    env |= {"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true"}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *line.split()], env=env, cwd=folder, capture_output=True, text=True,
            timeout=200, check=False,
        )  # fmt: skip

    run.sim, run.folder = sim, folder  # type: ignore[attr-defined]
    return run


def test_what_people_look_at(gcloud: Callable[..., Any]) -> None:
    with ThreadPoolExecutor(BESIDE) as beside:
        done = dict(zip(LINES, beside.map(gcloud, LINES), strict=True))
    for line, wanted in LINES.items():
        refused = any(part in line for part in REFUSED)
        said = done[line].stderr if refused else done[line].stdout
        assert (done[line].returncode != 0) is refused, f"{line}\n{done[line].stderr}"
        for pattern in wanted:
            assert re.search(pattern, said, re.MULTILINE), f"{line}\n{pattern}\n{said}"


def test_credentials_make_kubectl_work(gcloud: Callable[..., Any]) -> None:
    sim, config = gcloud.sim, gcloud.folder / "config"  # type: ignore[attr-defined]
    sim.ready["env"]["KUBECONFIG"] = str(config)
    env = {**sim.ready["env"], "HOME": str(config.parent), "PATH": "/usr/bin:/bin"}
    line = "gcloud container clusters get-credentials blue --region=us-central1"
    done = subprocess.run(
        ["bash", "-ec", f"{line} && kubectl get nodes -o json && kubectl config current-context"],
        env=env, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    nodes, _, context = done.stdout.rstrip().rpartition("\n")
    assert len(json.loads(nodes)["items"]) == 9
    assert context == "gke_shop-rehearsal_us-central1_blue"


# Lines that make a managed group, in their order, and what each must print
MANAGED: tuple[tuple[str, str], ...] = (
    ("instance-templates create web --machine-type=e2-small --tags=web"
     " --image-family=debian-12 --image-project=debian-cloud", r"^web +e2-small "),
    ("instance-groups managed create web --zone=us-central1-f --template=web --size=2",
     r"^web +us-central1-f +zone +web +0 +2 +web +no"),
    ("instance-groups managed set-named-ports web --zone=us-central1-f --named-ports=http:80", ""),
    ("instance-groups managed resize web --zone=us-central1-f --size=3", r"^targetSize: 3$"),
    ("instance-groups managed list-instances web --zone=us-central1-f",
     r"^web-\w{4} +us-central1-f +RUNNING +NONE +web"),
    ("instance-groups managed describe web --zone=us-central1-f", r"^- name: http\n  port: 80$"),
    ("instance-groups managed set-autoscaling web --zone=us-central1-f --min-num-replicas=2"
     " --max-num-replicas=4", r"^  maxNumReplicas: 4$"),
    ("instance-templates delete web", r"!is already being used by .*instanceGroupManagers/web'"),
    ("instance-groups managed delete web --zone=us-central1-f", ""),
    ("instance-templates delete web", ""),
)  # fmt: skip


def test_a_managed_group_is_made_and_taken_down(gcloud: Callable[..., Any]) -> None:
    for line, wanted in MANAGED:
        done = gcloud(f"compute {line}")
        refused = wanted.startswith("!")
        said = done.stderr if refused else done.stdout
        assert (done.returncode != 0) is refused, f"{line}\n{done.stderr}"
        assert re.search(wanted.removeprefix("!"), said, re.MULTILINE), f"{line}\n{said}"
