"""The methods of Cloud DNS about keys of signed zones, policies of networks, and IAM policies."""

from __future__ import annotations

from typing import Any

from gcpsim.core.edge import Answer
from gcpsim.core.service import Request
from gcpsim.dns import keys, lists, refusals
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.methods import Handler, list_answer, zone_of


def keys_list(dns: Holdings, request: Request) -> Answer:
    found, token = lists.page(_keys(dns, request), lambda key: int(key["id"]), request.query)
    return list_answer("dnsKeysListResponse", "dnsKeys", found, token)


def keys_get(dns: Holdings, request: Request) -> Answer:
    wanted = request.params["dnsKeyId"]
    for key in _keys(dns, request):
        if key["id"] == wanted:
            return Answer(body=key)
    raise refusals.missing("parameters.dnsKeyId", wanted)


def _keys(dns: Holdings, request: Request) -> list[dict[str, Any]]:
    """The keys of a zone with the digests that `digestType` asks for, comma-separated."""
    asked = request.query.get("digestType", "")
    digests = [kind for kind in asked.split(",") if kind] or keys.RECOMMENDED
    if unknown := sorted(set(digests) - set(keys.DIGESTS)):
        raise refusals.invalid("parameters.digestType", unknown[0])
    zone = zone_of(dns, request)
    return [keys.shown(kept["key"], zone, digests) for kept in dns.keys(zone)]


def policies_create(dns: Holdings, request: Request) -> Answer:
    return Answer(body=dns.policies.create(request.project, request.call.json()))


def policies_get(dns: Holdings, request: Request) -> Answer:
    return Answer(body=dns.policies.find(request.project, request.params["policy"]))


def policies_list(dns: Holdings, request: Request) -> Answer:
    mine = dns.policies.of(request.project)
    found, token = lists.page(mine, lambda policy: policy["name"], request.query)
    return list_answer("policiesListResponse", "policies", found, token)


def policies_patch(dns: Holdings, request: Request) -> Answer:
    name = request.params["policy"]
    changed = dns.policies.change(request.project, name, request.call.json())
    return Answer(body={"policy": changed})


def policies_update(dns: Holdings, request: Request) -> Answer:
    """PUT: what is not sent is gone, as when gcloud takes the last network off."""
    name, given = request.params["policy"], request.call.json()
    changed = dns.policies.change(request.project, name, given, whole=True)
    return Answer(body={"policy": changed})


def policies_delete(dns: Holdings, request: Request) -> Answer:
    dns.policies.delete(request.project, request.params["policy"])
    return Answer(204)


def iam_get(dns: Holdings, request: Request) -> Answer:
    zone_of(dns, request)
    return Answer(body=dns.iam.read(_zone_path(request)))


def iam_set(dns: Holdings, request: Request) -> Answer:
    zone_of(dns, request)
    return Answer(body=dns.iam.write(_zone_path(request), request.call.json()))


def _zone_path(request: Request) -> str:
    """One path for both versions of the API."""
    return request.call.path.partition(":")[0].replace("/locations/global/", "/", 1)


IMPLEMENTED: dict[str, Handler] = {
    "dns.dnsKeys.get": keys_get,
    "dns.dnsKeys.list": keys_list,
    "dns.managedZones.getIamPolicy": iam_get,
    "dns.managedZones.setIamPolicy": iam_set,
    "dns.policies.create": policies_create,
    "dns.policies.delete": policies_delete,
    "dns.policies.get": policies_get,
    "dns.policies.list": policies_list,
    "dns.policies.patch": policies_patch,
    "dns.policies.update": policies_update,
}
