"""The form of an answer: the object itself, a Table for kubectl, or only its metadata.

The client's Accept header decides. Custom objects are shown in the version that was asked for.
"""

from dataclasses import dataclass
from typing import Any

from gcpsim.k8s.api.call import PROTOBUF, Call, media_types
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.print.shown import metadata_only
from gcpsim.k8s.print.tables import table
from gcpsim.k8s.types.conversion import shown
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import StatusError, bad_request

Doc = dict[str, Any]
Reply = tuple[int, Any, str]

JSON = "application/json"
ANSWERABLE = {JSON, "application/*", "*/*", ""}
METADATA = {"PartialObjectMetadata", "PartialObjectMetadataList"}


@dataclass(frozen=True, slots=True)
class Form:
    """`kind` is "", Table or PartialObjectMetadata; `include` is what a Table's rows carry."""

    kind: str = ""
    include: str = "Metadata"

    @property
    def content_type(self) -> str:
        if not self.kind:
            return JSON
        return f"{JSON};as={self.kind};v=v1;g=meta.k8s.io"


def form_of(call: Call) -> Form:
    """The first form in the Accept header that can be served; 406 when there is none."""
    accept = call.headers.get("accept", "")
    for name, options in media_types(accept):
        wanted = options.get("as", "")
        if name not in ANSWERABLE or (wanted and options.get("v") not in ("v1", "v1beta1")):
            continue
        if wanted == "Table":
            include = call.query.get("includeObject") or "Metadata"
            if include not in ("None", "Metadata", "Object"):
                raise bad_request(f"unrecognized includeObject value: {include!r}")
            return Form("Table", include)
        if wanted in METADATA:
            return Form("PartialObjectMetadata")
        if not wanted:
            return Form()
    if PROTOBUF in accept:
        message = "this simulator answers in JSON; kubectl and the clients accept it"
        raise StatusError(406, "NotAcceptable", message)
    message = "only the following media types are accepted: application/json"
    raise StatusError(406, "NotAcceptable", message)


def in_version(obj: Doc, resource: Resource, version: str) -> Doc:
    """The object as the asked version of its group names itself."""
    if resource.view:
        return shown(resource, obj)
    if version in (resource.version, ""):
        return obj
    return {**obj, "apiVersion": f"{resource.group}/{version}" if resource.group else version}


def shaped(cluster: Cluster, call: Call, resource: Resource, obj: Doc, form: Form) -> Reply:
    """One object as an answer."""
    if form.kind == "Table":
        about = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return 200, table(cluster, resource, [obj], about, form.include), form.content_type
    if form.kind:
        return 200, metadata_only(obj), form.content_type
    return 200, in_version(obj, resource, call.version), JSON


def shaped_list(
    cluster: Cluster, call: Call, resource: Resource, items: list[Doc], about: Doc, form: Form
) -> Reply:
    """A list as an answer."""
    if form.kind == "Table":
        return 200, table(cluster, resource, items, about, form.include), form.content_type
    if form.kind:
        body = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": about,
            "items": [metadata_only(item) for item in items],
        }
        return 200, body, f"{JSON};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    if resource.view or call.version != resource.version:
        items = [in_version(item, resource, call.version) for item in items]
    version = call.version
    body = {
        "kind": resource.kind + "List",
        "apiVersion": f"{resource.group}/{version}" if resource.group else version,
        "metadata": about,
        "items": items,
    }
    return 200, body, JSON
