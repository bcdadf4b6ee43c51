"""Ansible's collection google.cloud: a playbook run, run again (nothing changes), and undone."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from _told import check, command

PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
# module, its arguments; `@name` is the registered result of that row's resource
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("compute_network", {"name": "ans", "auto_create_subnetworks": False}),
    ("compute_subnetwork", {"name": "ans", "region": "us-central1", "network": "@compute_network",
                            "ip_cidr_range": "10.44.0.0/20"}),
    ("compute_firewall", {"name": "ans", "network": "@compute_network",
                          "allowed": [{"ip_protocol": "tcp", "ports": ["80", "443"]}],
                          "source_ranges": ["35.191.0.0/16", "130.211.0.0/22"]}),
    ("compute_global_address", {"name": "ans"}),
    ("compute_address", {"name": "ans", "region": "us-central1"}),
    ("compute_health_check", {"name": "ans", "type": "HTTP", "timeout_sec": 5,
                              "check_interval_sec": 5, "http_health_check": {"port": 80}}),
    ("compute_network_endpoint_group", {"name": "ans", "zone": "us-central1-a",
                                        "network": "@compute_network",
                                        "subnetwork": "@compute_subnetwork", "default_port": 80}),
    ("compute_backend_service", {"name": "ans", "protocol": "HTTP", "enable_cdn": False,
                                 "load_balancing_scheme": "EXTERNAL",
                                 "health_checks": ["{{ compute_health_check.selfLink }}"]}),
    ("compute_ssl_policy", {"name": "ans", "profile": "MODERN", "min_tls_version": "TLS_1_2"}),
    ("compute_url_map", {"name": "ans", "default_service": "@compute_backend_service",
                         "host_rules": [{"hosts": ["a.example.com"], "path_matcher": "a"}],
                         "path_matchers": [{"name": "a",
                                            "default_service": "@compute_backend_service"}]}),
    ("compute_target_http_proxy", {"name": "ans", "url_map": "@compute_url_map"}),
    ("compute_global_forwarding_rule", {"name": "ans", "ip_protocol": "TCP", "port_range": "80-80",
                                        "ip_address": "{{ compute_global_address.address }}",
                                        "target": "{{ compute_target_http_proxy.selfLink }}"}),
    ("compute_target_pool", {"name": "ans", "region": "us-central1"}),
    ("compute_route", {"name": "ans", "network": "@compute_network", "dest_range": "192.0.2.0/24",
                       "next_hop_gateway": "global/gateways/default-internet-gateway"}),
    ("dns_managed_zone", {"name": "ans", "dns_name": "ans.example.", "description": "d"}),
    ("dns_resource_record_set", {"name": "www.ans.example.", "managed_zone": "@dns_managed_zone",
                                 "type": "A", "ttl": 60, "target": ["192.0.2.1"]}),
]  # fmt: skip
INFOS = ("compute_network", "compute_firewall", "compute_global_address", "compute_health_check",
         "compute_backend_service", "compute_url_map", "compute_target_http_proxy",
         "compute_global_forwarding_rule", "compute_ssl_policy", "dns_managed_zone")  # fmt: skip


def main() -> None:
    common = {"project": os.environ["GOOGLE_CLOUD_PROJECT"], "auth_kind": "serviceaccount",
              "service_account_file": os.environ["GOOGLE_APPLICATION_CREDENTIALS"]}  # fmt: skip

    def task(module: str, given: dict[str, Any], state: str) -> dict[str, Any]:
        filled = {key: f"{{{{ {value[1:]} }}}}" if str(value).startswith("@") else value
                  for key, value in given.items()}  # fmt: skip
        for matcher in filled.get("path_matchers", ()):
            matcher["default_service"] = "{{ compute_backend_service }}"
        body = {f"google.cloud.gcp_{module}": {**filled, **common, "state": state},
                "name": f"{state} {module}"}  # fmt: skip
        return body | ({"register": module} if state == "present" else {})

    there = [task(module, dict(given), "present") for module, given in ROWS]
    gone = [task(module, dict(given), "absent") for module, given in reversed(ROWS)]
    infos = [{f"google.cloud.gcp_{name}_info": common, "name": f"info {name}"} for name in INFOS]
    with tempfile.TemporaryDirectory() as place:
        for title, tasks, changed in (
            ("made", there, True), ("again", there, False), ("read", infos, False),
            ("undone", there + gone, None),
        ):  # fmt: skip
            path = Path(place) / f"{title}.yml"
            play = {"hosts": "localhost", "gather_facts": False, "connection": "local",
                    "vars": {"ansible_python_interpreter": sys.executable},
                    "tasks": tasks}  # fmt: skip
            path.write_text(json.dumps([play]))
            os.environ["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
            said = command(f"playbook {title}", PLAYBOOK, str(path))
            found = _results(said)
            for name, result in found.items():
                ok = not result.get("failed") and changed in (None, result.get("changed"))
                check(f"{title}: {name}", lambda o=ok: o)
            check(f"{title}: all tasks ran", lambda f=found, t=tasks: len(f) == len(t))


def _results(said: str) -> dict[str, dict[str, Any]]:
    try:
        plays = json.loads(said[said.index("{") : said.rindex("}") + 1])["plays"]
    except ValueError:
        return {}
    return {one["task"]["name"]: one["hosts"]["localhost"]
            for play in plays for one in play["tasks"]}  # fmt: skip


main()
