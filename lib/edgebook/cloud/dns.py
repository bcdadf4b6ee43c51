"""Writes to Cloud DNS: one change per record set, by Google's own client where it can.

That client knows neither routing policies nor a record set's other fields, so a record set with
more than name, type, TTL and data goes as raw JSON over the same connection. A change is awaited
until Cloud DNS says done; whether name servers answer it is for `verify` to see.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from edgebook.cloud import polls
from edgebook.cloud.answers import Garbled
from edgebook.cloud.lightimport import IMPORTING
from edgebook.cloud.wire import Wire
from edgebook.model.paths import name_of, project_of

PLAIN = {"name", "type", "ttl", "rrdatas", "kind", "signatureRrdatas"}
CHANGE_SECONDS = 900.0


class DnsWriter:
    """Starts changes of one zone at a time, and waits for them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def change(
        self,
        scope: str,
        *,
        additions: list[Mapping[str, Any]],
        deletions: list[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """One atomic change of the zone `projects/P/managedZones/Z`; the answered change.

        Deletions must be the live record sets to the letter, TTL included.
        """
        path = f"dns/v1/{scope}/changes"
        additions = [{k: v for k, v in rrset.items() if v is not None} for rrset in additions]
        extra = {key for rrset in (*additions, *deletions) for key in rrset} - PLAIN
        if extra:
            self.wire.connection.before_write()
            body = {"additions": list(additions), "deletions": list(deletions)}
            return self.wire.request("dns", "POST", path, body=body, check=_refuse_other)

        def once() -> dict[str, Any]:
            self.wire.connection.before_write()
            zone = self._client(project_of(scope)).zone(name_of(scope))
            changes = zone.changes()
            for add, rrsets in (
                (changes.add_record_set, additions),
                (changes.delete_record_set, deletions),
            ):
                for rrset in rrsets:
                    add(
                        zone.resource_record_set(
                            rrset["name"], rrset["type"], int(rrset["ttl"]), list(rrset["rrdatas"])
                        )
                    )
            changes.create()
            answered = {"id": changes.name, "status": changes.status}
            _refuse_other(answered)
            return answered

        return self.wire.attempt(once, method="POST", path=path)

    def finish(self, scope: str, change: dict[str, Any]) -> dict[str, Any]:
        """Wait until Cloud DNS has sent the change to its name servers."""
        path = f"dns/v1/{scope}/changes/{change['id']}"
        return polls.until(
            lambda said: said.get("status") == "done",
            change,
            lambda said: self.wire.request("dns", "GET", path, check=_refuse_other),
            method="POST",
            path=path,
            clock=self.wire.clock,
            seconds=CHANGE_SECONDS,
        )

    def _client(self, project: str) -> Any:
        if project not in self._clients:
            with IMPORTING:
                from google.cloud import dns

            connection = self.wire.connection
            self._clients[project] = dns.Client(
                project=project,
                credentials=connection.credentials,
                client_options=connection.client_options("dns"),
                _http=connection.session,  # refuses what is no answer, as for reads
            )
        return self._clients[project]


def _refuse_other(said: Mapping[str, Any]) -> None:
    if said.get("id") in (None, "") or said.get("status") not in ("pending", "done"):
        raise Garbled("an object without id and status instead of a change")
