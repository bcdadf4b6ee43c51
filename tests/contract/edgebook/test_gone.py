"""An application that is deleted while it is attached: its endpoints turn UNHEALTHY by themselves.

Asked over the wire, as Google is asked; nobody touches anything else in between. With a data plane
the same is seen in tests/contract/dataplane/test_endpoints_of_nobody.py.
"""

import json

import pytest
from edgebook import cli
from edgebook.base.errors import StepFailed

from tests.contract.edgebook.conftest import Shop

SERVICE = "/compute/v1/projects/shop-rehearsal/global/backendServices/shop-mqtt"


def states(shop: Shop) -> list[str]:
    """What Google says of every endpoint of the broker's backend service."""
    found = []
    for entry in shop.sim.http("GET", SERVICE)[1]["backends"]:
        _, answer = shop.sim.http("POST", f"{SERVICE}/getHealth", {"group": entry["group"]})
        found += [endpoint["healthState"] for endpoint in answer["healthStatus"]]
    return found


def test_endpoints_of_a_deleted_namespace_are_unhealthy_and_so_is_the_front_door(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    book = shop.stand()
    before = states(shop)
    assert set(before) == {"HEALTHY"}
    book.door.reader.cluster("blue").request("DELETE", "api/v1/namespaces/iot")
    shop.sim.advance(600)
    assert states(shop) == ["UNHEALTHY"] * len(before), "without any other change"
    code = cli.main(["status", "--params", shop.file(), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 6 and said["healthy"] is False
    assert any("Service iot/broker does not exist" in text for text in said["problems"])
    with pytest.raises(StepFailed) as failed:
        shop.book().verify()
    told = f"{failed.value} {failed.value.outcome}"
    assert "namespace iot waits for svcneg shop-mqtt" in told
    assert "must answer" not in told
