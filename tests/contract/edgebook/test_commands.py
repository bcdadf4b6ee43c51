"""The commands as pipelines use them: exit codes, JSON, and a simulator that starts by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from edgebook import cli
from edgebook.base.errors import ConnectError, RefusedError, UsageError
from edgebook.cloud.connect import connect
from edgebook.model.signatures import make_key, public_name

from tests.unit.cli.test_printed_commands import words_of

EDGEBOOK = Path(sys.executable).with_name("edgebook")


def edgebook(capsys, *words):
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_an_old_hash_is_answered_with_what_came_since(shop, capsys):
    """`plan` keeps what it showed, so that apply, run and a move say what differs from it."""
    params = shop.file()
    approved = json.loads(edgebook(capsys, "plan", "--params", params, "--json")[1])["hash"][:8]
    changed = shop.file("changed.yaml", hostnames=[*shop.params()["hostnames"], "new.example.com"])
    for door in ("apply", "run"):
        code, out, err = edgebook(capsys, door, "--params", changed, "--approve", approved)
        assert code == 3
        told = out + err
        assert "Plan refused: it is not the approved one" in told
        assert "map entry new-example-com: create: " in told
        assert "health check" not in told, "what was approved is no difference"


def test_plan_apply_status_teardown(shop, capsys):
    params = shop.file()
    code, out, _ = edgebook(capsys, "plan", "--params", params, "--json")
    plan = json.loads(out)
    assert code == 0 and len(plan["hash"]) == 64
    assert {change["action"] for change in plan["changes"]} <= {"create", "report"}

    code, _, err = edgebook(capsys, "apply", "--params", params, "--approve", "0123456789")
    assert code == 3 and "not the approved one" in err

    code, out, _ = edgebook(
        capsys, "apply", "--params", params, "--approve", plan["hash"][:8], "--json"
    )
    done = json.loads(out)
    assert code == 0 and {change["status"] for change in done["changes"]} == {"done"}

    code, out, _ = edgebook(capsys, "plan", "--params", params, "--detailed-exitcode")
    assert code == 0

    code, out, _ = edgebook(capsys, "status", "--params", params)
    assert code == 0 and "HEALTHY" in out and "nothing to change" in out
    code, out, _ = edgebook(capsys, "status", "--params", params, "--json")
    assert json.loads(out)["changes"] == 0

    code, out, _ = edgebook(capsys, "teardown", "--params", params, "--json")
    down = json.loads(out)
    assert code == 0 and {c["action"] for c in down["changes"]} == {"delete"}
    code, out, _ = edgebook(
        capsys, "teardown", "--params", params, "--approve", down["hash"][:12], "--quiet"
    )
    assert code == 0 and "changes done" in out
    code, out, _ = edgebook(capsys, "status", "--params", params, "--leaks")
    assert code == 0 and "nothing is left over" in out


def test_one_step_and_an_approved_file(shop, capsys):
    params, file = shop.file(), shop.folder / "plan.json"
    edgebook(capsys, "plan", "--params", params, "--step", "firewall", "--out", file)
    code, out, _ = edgebook(
        capsys, "apply", "--params", params, "--step", "firewall", "--approve", file, "--quiet"
    )
    assert code == 0 and "firewall rule" in out


def test_two_people_sign_a_plan_and_its_teardown(shop, capsys, monkeypatch):
    """Where params ask for two: what a plan says is what they do, and one alone gets nowhere."""
    monkeypatch.chdir(shop.folder)
    keys = {name: make_key(shop.folder / f"{name}.pem") for name in ("ana", "ben", "eve")}
    listed = {name: public_name(keys[name]) for name in ("ana", "ben")}
    params = shop.file(safety={"approvals": 2, "approvers": listed})

    def sign(file, name, key="", out="approval.json"):
        return edgebook(capsys, "approve", file, "--as", name, "--key", f"{key or name}.pem",
                        "--out", out)  # fmt: skip

    for words, way_on in (
        (["plan", "--params", params, "--step", "firewall"], "apply"),
        (["teardown", "--params", params, "--step", "firewall"], "teardown"),
    ):
        code, out, _ = edgebook(capsys, *words, "--out", "plan.json")
        said = " ".join(out.split())
        assert (
            code == 0 and "2 people must approve it" in said and "the first of ana and ben" in said
        )
        assert said.endswith("--approve approval.json"), "no hash: it would be refused"

        for name, key, why in (("eve", "", "eve is not there"), ("ana", "eve", "this one is")):
            code, _, err = sign("plan.json", name, key)
            assert code == 2 and why in err and not Path("approval.json").exists()
        _, out, _ = sign("plan.json", "ana")
        assert "1 of 2 people" in out and "sign as well (ben)" in out and "Next" not in out

        carry = [way_on, *words[1:], "--quiet", "--approve", "approval.json"]
        code, _, err = edgebook(capsys, *carry)
        assert code == 3 and "1 of 2" in err and "ben signs it" in err

        code, out, _ = sign("approval.json", "ben")
        (line,) = [line for line in out.splitlines() if line.startswith("Next: ")]
        assert words_of(line.removeprefix("Next: "))[:2] == [way_on, "--params"]
        code, out, _ = edgebook(capsys, *carry)
        assert code == 0 and "firewall rule" in out
        Path("approval.json").unlink()


def test_a_failed_apply_ends_with_1_and_says_why_in_json(shop, capsys):
    message = "Quota 'URL_MAPS' exceeded.  Limit: 5.0 globally."
    shop.fault(service="compute", method="POST", collection="urlMaps", code=403, times=0,
               reason="quotaExceeded", message=message)  # fmt: skip
    code, out, err = edgebook(
        capsys, "apply", "--params", shop.file(), "--approve", "auto", "--json"
    )
    assert code == 1 and "URL_MAPS" in err
    assert json.loads(out)["state"].endswith("run it again to go on")


def test_expired_credentials(shop, capsys):
    shop.fault(verb="GET", code=401, reason="authError", message="Invalid Credentials", times=0)
    code, _, err = edgebook(capsys, "plan", "--params", shop.file())
    assert code == 1 and "expired" in err and "gcloud auth" in err


def test_a_simulator_is_started_when_there_is_none_and_ends_with_us(tmp_path):
    params = Path(__file__).parents[3] / "params" / "rehearsal.yaml"
    env = {key: value for key, value in os.environ.items() if not key.startswith("GCPSIM")}
    env["EDGEBOOK_STATE"] = str(tmp_path)
    done = subprocess.run(
        [EDGEBOOK, "plan", "--params", params, "--json"],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changes"]
    left = [p for p in psutil.process_iter(["cmdline"]) if _of(p, str(tmp_path))]
    assert left == []
    assert not list(tmp_path.glob("gcpsim-*.pid"))


def _of(process, folder):
    return any(folder in word for word in process.info["cmdline"] or ())


def test_no_credentials_for_google_cloud(monkeypatch, tmp_path):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ConnectError, match="No application default credentials") as failed:
        connect("google-cloud", "p")
    assert "gcloud auth application-default login" in failed.value.next


def test_a_simulators_exports_are_in_the_way_of_google_cloud(monkeypatch, shop):
    """False evidence: a plan of the simulator that is sealed as Google Cloud's."""
    exported = shop.sim.ready["env"]
    for name, value in exported.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RefusedError) as refused:
        connect("google-cloud", "p")
    for name in ("GCPSIM_URL", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "KUBECONFIG"):
        assert f"{name}={exported[name]}" in refused.value.why
        assert name in refused.value.next
    monkeypatch.setenv("GCPSIM_URL", "")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(RefusedError, match="credentials are a simulator's"):
        connect("google-cloud", "p")


def test_google_cloud_means_googles_own_addresses(monkeypatch, shop, tmp_path):
    monkeypatch.setenv("GCPSIM_URL", "")
    simulated = Path(shop.sim.ready["env"]["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()
    key = {**json.loads(simulated), "token_uri": "https://oauth2.googleapis.com/token"}
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    connection = connect("google-cloud", "p")
    assert connection.world.how == f"as {key['client_email']}"
    assert connection.endpoint("compute") == "https://compute.googleapis.com"
    assert not connection.allows_automatic_approval
    assert connection.data_plane and not connection.dns_by_api


def test_no_other_environment():
    with pytest.raises(UsageError, match="No environment"):
        connect("elsewhere", "p")


def test_operations_are_awaited_on_the_configured_host_only(start_sim, tmp_path, monkeypatch):
    """Realistic operations, and a proxy for the rest of the world that nobody listens on."""
    from edgebook.book import open as open_book

    sim = start_sim("--time-scale", "300", "--scenario", "legacy")
    monkeypatch.setenv("GCPSIM_URL", sim.url)
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    book = open_book(str(Path(__file__).parents[3] / "params" / "rehearsal.yaml"))
    book.apply("apply", "auto", show_progress=False)
    assert book.plan().empty
    log = sim.admin("GET", "calls?log=true")["log"]
    waits = [entry for entry in log if entry["method"] == "wait"]
    assert len(waits) > 10
    polls = [e for e in log if e["collection"].endswith("Operations") and e["method"] == "get"]
    assert polls == []
