"""certbot's DNS plugin for Google: challenges put and taken away, with what is there kept."""

import os

from _told import check, zone
from certbot import errors
from certbot_dns_google._internal.dns_google import _GoogleClient
from googleapiclient import discovery

PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]
NAME = "_acme-challenge.example.com"


def refused(work: object) -> bool:
    try:
        work()  # type: ignore[operator]
    except errors.PluginError:
        return True
    return False


def main() -> None:
    dns = discovery.build("dns", "v1", cache_discovery=False)

    def values() -> list[str]:
        found = dns.resourceRecordSets().list(project=PROJECT, managedZone="certbot-com",
                                              name=NAME + ".", type="TXT").execute()  # fmt: skip
        return [value for one in found["rrsets"] for value in one["rrdatas"]]

    check("zone", lambda: zone("certbot-com", "example.com."))
    check("zone below it", lambda: zone("certbot-sub", "sub.example.com."))
    check("private zone", lambda: zone("certbot-in", "in.example.com.", visibility="private"))
    client = check("client by file",
                   lambda: _GoogleClient(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]))  # fmt: skip
    check("project of the file", lambda: client.project_id == PROJECT)
    check("client by default", lambda: _GoogleClient())
    check("client for another project",
          lambda: _GoogleClient(None, PROJECT).project_id == PROJECT)  # fmt: skip
    check("zone is found", lambda: client._find_managed_zone_id("example.com").isdigit())
    check("the longest zone is found", lambda: client._find_managed_zone_id("a.sub.example.com")
          != client._find_managed_zone_id("a.example.com"))  # fmt: skip
    check("no record yet", lambda: client.get_existing_txt_rrset(
        client._find_managed_zone_id("example.com"), NAME) is None)  # fmt: skip
    check("first challenge", lambda: client.add_txt_record("example.com", NAME, "one", 60))
    check("it is there", lambda: values() == ['"one"'])
    check("second beside it", lambda: client.add_txt_record("example.com", NAME, "two", 60))
    check("both are there", lambda: sorted(values()) == ['"one"', '"two"'])
    check("the same again", lambda: client.add_txt_record("example.com", NAME, "two", 60))
    check("one taken away", lambda: client.del_txt_record("example.com", NAME, "one", 60))
    check("the other stays", lambda: values() == ['"two"'])
    check("one that is not there", lambda: client.del_txt_record("example.com", NAME, "x", 60))
    check("the last taken away", lambda: client.del_txt_record("example.com", NAME, "two", 60))
    check("nothing is left", lambda: values() == [])
    check("a private zone is none", lambda: client._find_managed_zone_id("in.example.com")
          == client._find_managed_zone_id("example.com"))  # fmt: skip
    check(
        "a zone that nobody has is refused",
        lambda: refused(
            lambda: client.add_txt_record("example.net", "_acme-challenge.example.net", "x", 60)
        ),
    )
    check("a wrong file is refused", lambda: refused(lambda: _GoogleClient("/dev/null")))


main()
