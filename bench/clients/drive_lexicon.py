"""lexicon's provider for Cloud DNS, by its command line: every type made, listed, changed, deleted."""

import os
import sys
from pathlib import Path

from _told import check, command, zone

LEXICON = str(Path(sys.executable).parent / "lexicon")
FILE = "file::" + os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
ROWS = {
    "A": ("host", "192.0.2.10"), "AAAA": ("host6", "2001:db8::10"),
    "CNAME": ("docs", "docs.example.net."), "TXT": ("_acme-challenge", "challengetoken"),
    "MX": ("mail", "10 mx.example.net."), "SRV": ("_sip._tcp", "10 60 5060 sip.example.net."),
    "CAA": ("caa", '0 issue "pki.goog"'), "NS": ("child", "ns1.example.net."),
    "SPF": ("spf", "v=spf1 -all"),
}  # fmt: skip


def lexicon(name: str, *words: str, **more: str) -> str:
    action, rest = words[0], words[1:]
    return command(name, LEXICON, "googleclouddns", action, "example.info", *rest,
                   f"--auth-service-account-info={FILE}", **more)  # fmt: skip


def main() -> None:
    check("zone", lambda: zone("lexicon", "example.info."))
    for kind, (name, content) in ROWS.items():
        if kind == "SPF":
            continue
        record = (f"--name={name}.example.info", f"--content={content}")
        lexicon(f"create {kind}", "create", kind, *record, says="True")
        lexicon(f"create {kind} again", "create", kind, *record, says="True")
        lexicon(f"list {kind}", "list", kind, record[0], says=name)
    lexicon("second A beside it", "create", "A", "--name=host", "--content=192.0.2.11", says="True")
    lexicon("both are listed", "list", "A", "--name=host", says="192.0.2.11")
    lexicon("delete one", "delete", "A", "--name=host", "--content=192.0.2.11", says="True")
    lexicon("delete one that is gone", "delete", "A", "--name=host", "--content=192.0.2.11")
    lexicon("the other stays", "list", "A", "--name=host", says="192.0.2.10")
    listed = lexicon("list TXT", "list", "TXT", "--output=JSON")
    identity = listed[listed.find('"id": "') + 7 :].split('"')[0]
    lexicon("update by id", "update", "--identifier=" + identity, "TXT",
            "--name=_acme-challenge", "--content=newtoken", says="True")  # fmt: skip
    lexicon("list what was updated", "list", "TXT", says="newtoken")
    lexicon("delete all of a type", "delete", "TXT", says="True")
    lexicon("nothing is left", "list", "TXT", lacks="newtoken")
    command("a zone that nobody has", LEXICON, "googleclouddns", "list", "example.biz", "A",
            f"--auth-service-account-info={FILE}", fails=True)  # fmt: skip


main()
