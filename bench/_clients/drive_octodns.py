"""octoDNS with its Google provider: zones planned, made, changed, planned empty, dumped."""

import os
import sys
import tempfile
from pathlib import Path

from _told import command

BIN = Path(sys.executable).parent
PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]
CONFIG = """\
providers:
  config:
    class: octodns.provider.yaml.YamlProvider
    directory: {folder}/zones
    default_ttl: 300
    enforce_order: false
  google:
    class: octodns_googlecloud.GoogleCloudProvider
    project: {project}
    credentials_file: {credentials}
zones:
  example.org.:
    sources: [config]
    targets: [google]
"""
ZONE = """\
'':
  - {type: A, values: [192.0.2.1, 192.0.2.2]}
  - {type: AAAA, value: '2001:db8::1'}
  - type: CAA
    values: [{flags: 0, tag: issue, value: pki.goog}]
  - type: MX
    values:
      - {preference: 10, exchange: mx1.example.org.}
      - {preference: 20, exchange: mx2.example.org.}
  - type: TXT
    values: ['v=spf1 -all', 'two words \\; quoted']
www: {type: CNAME, value: example.org.}
'*.wild': {type: A, value: 192.0.2.3}
sub:
  - {type: NS, values: [ns1.example.net., ns2.example.net.]}
  - type: DS
    value:
      {key_tag: 60485, algorithm: 5, digest_type: 1,
       digest: 2BB183AF5F22588179A53B0A98631FAD1A292118}
naptr:
  type: NAPTR
  value: {order: 100, preference: 10, flags: S, service: SIP+D2U, regexp: '!^.*$!!', replacement: .}
ptr: {type: PTR, value: host.example.org.}
_sip._tcp:
  type: SRV
  value: {priority: 10, weight: 60, port: 5060, target: sip.example.org.}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "zones").mkdir()
        zone = folder / "zones" / "example.org.yaml"
        zone.write_text(ZONE)
        config = folder / "config.yaml"
        credentials = os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
        config.write_text(CONFIG.format(folder=folder, project=PROJECT, credentials=credentials))
        sync = [str(BIN / "octodns-sync"), f"--config-file={config}"]
        command("plan of a new zone", *sync, says="Create")
        command("made", *sync, "--doit", says="12 total changes")
        command("second plan is empty", *sync, "--doit", says="No changes were planned")
        zone.write_text(ZONE.replace("192.0.2.3", "192.0.2.4").replace("ptr:", "other:"))
        command("changes are planned", *sync, says="Update")
        command("changed", *sync, "--doit", lacks="No changes")
        command("empty again", *sync, says="No changes were planned")
        dump = [str(BIN / "octodns-dump"), f"--config-file={config}", f"--output-dir={folder}/out"]
        command("dumped", *dump, "example.org.", "google")
        many = "".join(f"h{n}: {{type: A, value: 198.51.100.{n % 250}}}\n" for n in range(1200))
        zone.write_text(ZONE + many)
        command("1,200 records", *sync, "--doit", "--force")
        command("1,200 records read back", *sync, says="No changes were planned")
        zone.write_text("'': {type: A, value: 192.0.2.1}\n")
        command("too many deletes are refused", *sync, "--doit", fails=True, says="TooMuchChange")
        command("nearly everything deleted", *sync, "--doit", "--force")


main()
