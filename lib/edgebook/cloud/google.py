"""One place for everything that reads or writes a single resource of Google's services.

Chooses the writer by the kind's API, and finds a resource by its key. It must not know plans.
"""

from typing import Any
from urllib.parse import quote

from edgebook.base.errors import ApiError
from edgebook.cloud import refusals
from edgebook.cloud.certificates import CertificateWriter
from edgebook.cloud.compute import ComputeWriter
from edgebook.cloud.dns import DnsWriter
from edgebook.cloud.wire import Wire
from edgebook.model.kinds import Api, kind_of, path
from edgebook.model.paths import record_of
from edgebook.model.values import ResourceKey

PREFIX = {Api.COMPUTE: "compute/v1/", Api.DNS: "dns/v1/", Api.CERTIFICATE_MANAGER: "v1/"}


class Cloud:
    """Readers and writers over one connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.compute = ComputeWriter(wire)
        self.certificates = CertificateWriter(wire)
        self.dns = DnsWriter(wire)

    def fetch(self, key: ResourceKey) -> dict[str, Any] | None:
        """The resource as it is now, or None."""
        kind = kind_of(key)
        if kind.api is Api.DNS and kind.name == "dnsRecordSet":
            name, type_ = record_of(key.name)
            where = f"dns/v1/{key.scope}/rrsets/{quote(name, safe='*._-')}/{type_}"
        else:
            where = PREFIX[kind.api] + path(key)
        return self.wire.find(kind.api.value, where)

    def delete(self, key: ResourceKey, *, request_id: str = "") -> None:
        """Delete and wait; a resource that is gone already is fine."""
        kind = kind_of(key)
        try:
            if kind.api is Api.COMPUTE:
                operation = self.compute.start(
                    key.kind, "delete", key.name, scope=key.scope, request_id=request_id
                )
                self.compute.finish(operation, method="DELETE", path=path(key))
            elif kind.api is Api.CERTIFICATE_MANAGER:
                operation = self.certificates.start(key.kind, "delete", key.name, scope=key.scope)
                self.certificates.finish(operation, method="DELETE", path=path(key))
            else:
                live = self.fetch(key)
                if live is not None:
                    change = self.dns.change(key.scope, additions=[], deletions=[live])
                    self.dns.finish(key.scope, change)
        except ApiError as error:
            if not refusals.not_there(error):
                raise
