"""What Cloud DNS holds: zones, record sets, changes under way, and what name servers serve of them.

Per zone id: `dns/rrsets/<id>` is what the API holds, `dns/served/<id>` what name servers answer,
`dns/changes/<id>` the way from one to the other. A change is held at once and served when done.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from gcpsim.core import iam
from gcpsim.core.clock import rfc3339
from gcpsim.core.service import Request
from gcpsim.core.store import Table
from gcpsim.core.world import World
from gcpsim.dns import keys, records, refusals
from gcpsim.dns.policies import Policies

Doc = dict[str, Any]
CHANGES_KEPT, SLACK = 2_000, 200  # of a zone's history


class Holdings:
    """The tables of Cloud DNS. `generation` grows whenever what is served may have changed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.generation = 0
        self.policies = Policies(world)
        self.iam = iam.Policies(world, "dns")
        self._zones = world.store.table("dns/zones")
        self._ids: dict[str, str] | None = None
        world.store.rolled_back.append(lambda touched: self.touch())

    def resume(self) -> None:
        """Re-arm the changes and operations that were under way."""
        for zone in self._zones.values():
            self._keep_keys(zone)
            for change in self.changes(zone).values():
                if change["status"] == "pending":
                    self._finish_later(zone["id"], change["id"])
            for operation in self.operations(zone).values():
                if operation["status"] == "pending":
                    self._finish_operation_later(zone["id"], operation["id"])
        self.touch()

    def touch(self) -> None:
        """Forget what was derived from the tables."""
        self.generation += 1
        self._ids = None

    @property
    def undelegated(self) -> set[str]:
        """The domains, or zones as `project/name`, that no registrar or parent points to."""
        return set(self.world.store.table("dns/undelegated"))

    @property
    def failing(self) -> set[str]:
        """The domains, or zones as `project/name`, whose name servers answer SERVFAIL."""
        return set(self.world.store.table("dns/failing"))

    def all_zones(self) -> list[tuple[str, Doc]]:
        """(`project/name`, zone) of every project."""
        return self._zones.items()

    def rrsets(self, zone: Doc) -> Table:
        return self.world.store.table(f"dns/rrsets/{zone['id']}")

    def served(self, zone: Doc) -> Table:
        return self.world.store.table(f"dns/served/{zone['id']}")

    def changes(self, zone: Doc) -> Table:
        return self.world.store.table(f"dns/changes/{zone['id']}")

    def operations(self, zone: Doc) -> Table:
        return self.world.store.table(f"dns/operations/{zone['id']}")

    def zone_key(self, project: str, zone: str) -> str:
        """The key of a zone given by name or numeric id; ApiError 404."""
        key = f"{project}/{zone}"
        if key in self._zones:
            return key
        if zone.isdigit():
            if self._ids is None:
                self._ids = {doc["id"]: at for at, doc in self._zones.items()}
            found = self._ids.get(zone, "")
            if found.startswith(project + "/"):
                return found
        raise refusals.missing("parameters.managedZone", zone)

    def zone(self, project: str, zone: str) -> Doc:
        found = self._zones.get(self.zone_key(project, zone))
        assert found is not None
        return found

    def put_zone(self, key: str, zone: Doc) -> None:
        self._zones.put(key, zone)
        self._keep_keys(zone)
        self.touch()

    def keys(self, zone: Doc) -> list[Doc]:
        """The keys of a zone by their ids, with the private halves; none while DNSSEC is off."""
        return self._keys(zone).values()

    def _keys(self, zone: Doc) -> Table:
        return self.world.store.table(f"dns/keys/{zone['id']}")

    def _keep_keys(self, zone: Doc) -> None:
        """Keys while its DNSSEC is on, new ones when it is switched on again."""
        table = self._keys(zone)
        if not keys.signed(zone):
            for identity in table.keys():  # noqa: SIM118
                table.delete(identity)
        elif not len(table):
            for kept in keys.new(zone, rfc3339(self.world.clock.now())):
                table.put(kept["key"]["id"], kept)

    def drop_zone(self, key: str) -> None:
        zone = self._zones.get(key)
        assert zone is not None
        for table in (
            self.rrsets(zone),
            self.served(zone),
            self.changes(zone),
            self.operations(zone),
            self._keys(zone),
        ):
            for entry in table.keys():  # noqa: SIM118
                table.delete(entry)
        self._zones.delete(key)
        self.touch()

    def record_change(self, zone: Doc, additions: list[Doc], deletions: list[Doc]) -> Doc:
        """Hold a checked change at once, serve it when it is done."""
        table = self.rrsets(zone)
        for rrset in deletions:
            table.delete(records.key_of(rrset))
        for rrset in additions:
            table.put(records.key_of(rrset), rrset)
        change: Doc = {
            "kind": "dns#change",
            "id": str(self.world.store.next_number(f"dns/changes/{zone['id']}")),
            "startTime": rfc3339(self.world.clock.now()),
            "status": "pending",
            "additions": additions,
            "deletions": deletions,
        }
        history = self.changes(zone)
        history.put(change["id"], change)
        if len(history) > CHANGES_KEPT + SLACK:
            for old in sorted(history.keys(), key=int)[1 : SLACK + 1]:
                history.delete(old)
        self._finish_later(zone["id"], change["id"])
        return change

    def record_operation(self, request: Request, old: Doc | None, new: Doc, type_: str) -> Doc:
        """Note an operation on a zone; it is done after a moment."""
        number = self.world.store.next_number("dns/operations")
        digest = hashlib.sha256(f"{new['id']}/{number}".encode()).hexdigest()
        context = {"newValue": new} | ({"oldValue": old} if old else {})
        operation: Doc = {
            "kind": "dns#operation",
            "id": request.query.get("clientOperationId")
            or f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
            "startTime": rfc3339(self.world.clock.now()),
            "status": "pending",
            "type": type_,
            "user": request.call.user,
            "zoneContext": context,
        }
        kept = self.operations(new)
        kept.put(operation["id"], operation)
        for forgotten in kept.keys()[: max(0, len(kept) - CHANGES_KEPT)]:
            kept.delete(forgotten)
        self._finish_operation_later(new["id"], operation["id"])
        return operation

    def once(self, request: Request, work: Callable[[], Doc]) -> Doc:
        """Do the work, or repeat the answer when its clientOperationId was seen with this body."""
        identity = request.query.get("clientOperationId")
        if not identity:
            return work()
        table = self.world.store.table("dns/client-operations")
        key = f"{request.call.path} {identity}"
        digest = hashlib.sha256(request.call.body).hexdigest()
        known = table.get(key)
        if known is not None:
            if known["digest"] != digest:
                raise refusals.exists("parameters.clientOperationId", identity)
            return dict(known["answer"])
        answer = work()
        table.put(key, {"digest": digest, "answer": answer})
        return answer

    def _finish_later(self, zone_id: str, change_id: str) -> None:
        self.world.clock.after(
            self.world.duration("dns.change"), lambda: self._finish(zone_id, change_id)
        )

    def _finish(self, zone_id: str, change_id: str) -> None:
        """Serve a change and every one before it: name servers see changes in order."""
        store = self.world.store
        table = store.table(f"dns/changes/{zone_id}")
        served = store.table(f"dns/served/{zone_id}")
        last = table.get(change_id)
        if last is None or last["status"] == "done":
            return
        for number in range(int(change_id), -1, -1):
            change = table.get(str(number))
            if change is None or change["status"] == "done":
                break
        for later in range(number, int(change_id) + 1):
            change = table.get(str(later))
            if change is None or change["status"] == "done":
                continue
            for rrset in change["deletions"]:
                served.delete(records.key_of(rrset))
            for rrset in change["additions"]:
                served.put(records.key_of(rrset), rrset)
            table.put(str(later), change | {"status": "done"})
        self.touch()

    def _finish_operation_later(self, zone_id: str, operation_id: str) -> None:
        def finish() -> None:
            table = self.world.store.table(f"dns/operations/{zone_id}")
            operation = table.get(operation_id)
            if operation is not None:
                table.put(operation_id, operation | {"status": "done"})

        self.world.clock.after(self.world.duration("dns.zone"), finish)
