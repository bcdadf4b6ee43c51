"""lexicon's provider for Cloud DNS: records of every type made, listed, changed, deleted."""

import os
from typing import Any

from _told import check, zone
from lexicon.client import Client
from lexicon.config import ConfigResolver

DOMAIN = "example.info"
FILE = "file::" + os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
ROWS = {
    "A": ("host", "192.0.2.10"), "AAAA": ("host6", "2001:db8::10"),
    "CNAME": ("docs", "docs.example.net."), "TXT": ("_acme-challenge", "challengetoken"),
    "MX": ("mail", "10 mx.example.net."), "SRV": ("_sip._tcp", "10 60 5060 sip.example.net."),
    "CAA": ("caa", '0 issue "pki.goog"'), "NS": ("child", "ns1.example.net."),
}  # fmt: skip


def client(domain: str) -> Any:
    options = {"provider_name": "googleclouddns", "domain": domain,
               "googleclouddns": {"auth_service_account_info": FILE}}  # fmt: skip
    return Client(ConfigResolver().with_dict(options))


def refused() -> bool:
    try:
        with client("example.biz"):
            return False
    except Exception as error:
        return "zone" in str(error).lower() or "domain" in str(error).lower()


def _life(dns: Any, kind: str, full: str, content: str) -> None:
    check(f"create {kind}", lambda: dns.create_record(kind, full, content))
    check(f"create {kind} again", lambda: dns.create_record(kind, full, content))
    check(f"list {kind}", lambda: len(dns.list_records(kind, full)) == 1)
    check(f"list {kind} by content", lambda: len(dns.list_records(kind, full, content)) == 1)


def main() -> None:
    check("zone", lambda: zone("lexicon", f"{DOMAIN}."))
    with client(DOMAIN) as dns:
        for kind, (name, content) in ROWS.items():
            _life(dns, kind, f"{name}.{DOMAIN}", content)
        check("second A", lambda: dns.create_record("A", f"host.{DOMAIN}", "192.0.2.11"))
        check("both", lambda: len(dns.list_records("A", f"host.{DOMAIN}")) == 2)
        check("delete one", lambda: dns.delete_record(None, "A", f"host.{DOMAIN}", "192.0.2.11"))
        check("the other stays", lambda: [one["content"] for one in dns.list_records("A")]
              == ["192.0.2.10"])  # fmt: skip
        (found,) = dns.list_records("TXT") or [{"id": ""}]
        check("update by id", lambda: dns.update_record(
            found["id"], "TXT", f"_acme-challenge.{DOMAIN}", "newtoken"))  # fmt: skip
        check("updated", lambda: [one["content"] for one in dns.list_records("TXT")]
              == ["newtoken"])  # fmt: skip
        check("delete by type", lambda: dns.delete_record(None, "TXT"))
        check("nothing is left", lambda: dns.list_records("TXT") == [])
    check("a zone that nobody has", refused)


main()
