"""How a resource's document comes about: references resolved, hooks asked, stamped.

Insert, PATCH, PUT and setters, and whoever makes resources on Google's own account, all end here.
"""

from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.documents import get_path, set_path
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.clock import rfc3339
from gcpsim.core.paths import cut_scope
from gcpsim.core.schema import is_output_only


class Preparing(Resources):
    """Resources whose documents can be made."""

    def make(self, project: str, scope: str, collection: str, body: Doc) -> Doc:
        kind = self.kinds[collection]
        path = f"projects/{project}/{scope}/{collection}/{body['name']}"
        doc = self.prepared(kind, Draft(self, project, scope, body), path)
        self.born(kind, path, doc)
        if kind.after is not None:
            kind.after(self, path, doc)
        return doc

    def born(self, kind: Kind, path: str, doc: Doc) -> None:
        """Give a new resource what only the server sets, and store it."""
        doc["id"] = self.new_id()
        doc["creationTimestamp"] = rfc3339(self.world.clock.now(), offset=True)
        if kind.labels and not kind.labels_on_insert and links.split(path)[1] == "global":
            doc.pop("labels", None)
        self.stamp(kind, doc)
        self.put(path, doc)

    def prepared(self, kind: Kind, draft: Draft, path: str) -> Doc:
        draft.body = documents.shown(draft.body)
        for pattern, collections in kind.refs:
            for where, value in get_path(draft.body, pattern):
                managed = links.managed_certificate(value)
                if managed and "sslCertificates" in collections:
                    set_path(draft.body, where, managed)
                if not value or managed:
                    continue
                doc = self.resolve(f"resource.{where}", value, draft.project, collections)
                set_path(draft.body, where, doc["selfLink"])
        kind.prepare(draft)
        doc = {
            **documents.shown(draft.body),
            "kind": f"compute#{_kind_name(kind)}",
            "selfLink": links.link(path),
        }
        scope_kind, scope_name = cut_scope(draft.scope)
        if scope_kind == "regions":
            doc["region"] = links.link(f"projects/{draft.project}/regions/{scope_name}")
        elif scope_kind == "zones":
            doc["zone"] = links.link(f"projects/{draft.project}/zones/{scope_name}")
        return doc

    def stamp(self, kind: Kind, doc: Doc) -> None:
        if kind.fingerprint:
            doc["fingerprint"] = documents.fingerprint(doc, salt=self.new_id())
        if kind.labels and "labelFingerprint" not in doc:
            doc["labelFingerprint"] = documents.label_fingerprint(doc.get("labels"))

    def writable(self, kind: Kind, doc: Doc) -> Doc:
        return {key: value for key, value in doc.items() if not self._server_only(kind, key)}

    def _server_only(self, kind: Kind, key: str) -> bool:
        field = self.reader.api.schemas[kind.schema]["properties"].get(key)
        return (
            field is None
            or is_output_only(field)
            or key in ("fingerprint", "labelFingerprint", "labels")
        )


def _kind_name(kind: Kind) -> str:
    return kind.schema[0].lower() + kind.schema[1:]
