"""The verbs of resources: get, list, create, update, patch, delete, and which requests are watches.

Each function takes a located Call and answers code, body and content type; writes happen in the
transaction that the caller holds. Subresources other than status are in `subresources`.
"""

from typing import Any

from gcpsim.k8s.api import listing, notices, reviews, subresources
from gcpsim.k8s.api.bodies import accepted, option_object
from gcpsim.k8s.api.call import Call, parsed
from gcpsim.k8s.api.form import JSON, form_of, in_version, shaped
from gcpsim.k8s.api.tracking import owner_of, tracker
from gcpsim.k8s.api.watching import Plan
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.patch import apply, patches
from gcpsim.k8s.types import status
from gcpsim.k8s.types.conversion import field_selector, stored
from gcpsim.k8s.types.registry import Resource, stored_as
from gcpsim.k8s.types.selectors import field_test, label_test
from gcpsim.k8s.types.status import StatusError, bad_request
from gcpsim.k8s.types.structural import type_of

Doc = dict[str, Any]
Reply = tuple[int, Any, str]

PATCH_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
UPDATED = ("", "finalize", "resize", "status")  # of which PUT and PATCH are ordinary updates
POLICIES = ("", "Background", "Foreground", "Orphan")


def respond(cluster: Cluster, call: Call) -> Reply:
    """Answer a request to a resource; StatusError for every refusal."""
    resource = _resource(cluster, call)
    if call.subresource not in UPDATED:
        return subresources.respond(cluster, call, resource)
    if call.subresource and call.subresource not in resource.subresources:
        raise status.no_such_path()
    if call.method in ("GET", "HEAD"):
        notices.deprecated(cluster, call, resource)
        _allow(resource, "get" if call.name else "list")
        return (
            _get(cluster, call, resource) if call.name else listing.respond(cluster, call, resource)
        )
    if resource.namespaced and not call.namespace:
        raise status.method_not_allowed()
    if call.method == "POST" and not call.name:
        _allow(resource, "create")
        return create(cluster, call, resource)
    if call.method == "DELETE" and not call.subresource:
        return delete(cluster, call, resource)
    if call.method == "PUT" and call.name:
        _allow(resource, "update")
        return _put(cluster, call, resource)
    if call.method == "PATCH" and call.name:
        _allow(resource, "patch")
        return _patch(cluster, call, resource)
    raise status.method_not_allowed()


def watch_plan(cluster: Cluster, call: Call) -> Plan | None:
    """What to watch, when the request is a watch."""
    if not (call.watch and call.plural and call.method == "GET" and not call.subresource):
        return None
    resource = _resource(cluster, call)
    _allow(resource, "watch")
    fields = field_selector(resource, call.query.get("fieldSelector", ""))
    if call.name:
        fields = f"{fields},metadata.name={call.name}".lstrip(",")
    initial = call.query.get("sendInitialEvents")
    if initial is not None and call.query.get("resourceVersionMatch") != "NotOlderThan":
        raise listing.bad_list_option(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan"
        )
    return Plan(
        resource,
        call.version,
        call.namespace,
        label_test(call.query.get("labelSelector")),
        field_test(fields, resource.key),
        listing.asked_version(call),
        form_of(call),
        bookmarks=call.flag("allowWatchBookmarks"),
        initial=None if initial is None else call.flag("sendInitialEvents"),
        seconds=call.number("timeoutSeconds"),
    )


def _resource(cluster: Cluster, call: Call) -> Resource:
    resource = cluster.registry.by_path(call.group, call.version, call.plural)
    if resource is None or (call.namespace and not resource.namespaced):
        raise status.no_such_path()
    if call.name and resource.namespaced and not call.namespace:
        raise status.no_such_path()
    return resource


def _allow(resource: Resource, verb: str) -> None:
    if verb not in resource.verbs:
        raise status.method_not_allowed()


def _get(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    asked = listing.asked_version(call)
    current = cluster.resource_version()
    if asked is not None and asked > current:
        raise status.too_large_resource_version(asked, current)
    obj = cluster.require(resource, call.namespace, call.name)
    return shaped(cluster, call, resource, obj, form_of(call))


def create(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    if call.query.get("force"):
        raise _patch_options("force: Forbidden: may not be specified for non-apply patch")
    if resource.verbs == ("create",):
        if resource.key == "bindings":
            return subresources.bind(cluster, call)
        return reviews.respond(cluster, call, resource, parsed(call))
    obj = stored(resource, accepted(call, resource, parsed(call)))
    _without_version(obj["metadata"])
    notices.without_effect(call, resource, obj)
    track = tracker(cluster, call, resource, obj)
    new = cluster.create(resource, obj, dry_run=call.dry_run, track=track, review=call.review)
    _, shape, kind = shaped(cluster, call, resource, new, form_of(call))
    return 201, shape, kind


def _without_version(metadata: Doc) -> None:
    version = str(metadata.get("resourceVersion") or "")
    if version.isdigit() and int(version):  # the storage passes over what is no version
        raise status.created_with_a_version()


def _put(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    obj = stored(resource, accepted(call, resource, parsed(call)))
    return _store(cluster, call, resource, obj)


def _store(cluster: Cluster, call: Call, resource: Resource, obj: Doc) -> Reply:
    notices.without_effect(call, resource, obj)
    new = cluster.update(
        resource,
        obj,
        call.subresource,
        dry_run=call.dry_run,
        track=tracker(cluster, call, resource),
        review=call.review,
    )
    return shaped(cluster, call, resource, new, form_of(call))


def _patch(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    kind = PATCH_TYPES.get(call.content_type)
    if kind is None or (kind == "strategic" and resource.crd is not None):
        listed = [name for name in PATCH_TYPES if "strategic" not in name or resource.crd is None]
        raise status.unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(sorted(listed))
        )
    patch = parsed(call)
    if kind == "apply":
        return _apply(cluster, call, resource, patch)
    if call.query.get("force"):
        raise _patch_options("force: Forbidden: may not be specified for non-apply patch")
    old = cluster.require(resource, call.namespace, call.name)
    shown = in_version(old, resource, call.version)
    if kind == "merge":
        new = patches.merge_patch(shown, patch)
    elif kind == "json":
        new = patches.json_patch(shown, patch)
    else:
        new = patches.strategic_merge(shown, patch, type_of(resource))
    obj = stored(resource, accepted(call, resource, new, patched=patch))
    if not isinstance(patch, dict) or "resourceVersion" not in (patch.get("metadata") or {}):
        obj["metadata"].setdefault("resourceVersion", old["metadata"]["resourceVersion"])
    return _store(cluster, call, resource, obj)


def _apply(cluster: Cluster, call: Call, resource: Resource, body: Any) -> Reply:
    if not call.query.get("fieldManager"):
        raise _patch_options("fieldManager: Required value: is required for apply patch")
    if isinstance(body, dict) and not (body.get("apiVersion") and body.get("kind")):
        raise bad_request("apiVersion and kind must be set in an apply configuration")
    config = stored(resource, accepted(call, resource, body, patched=body))
    if config["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if resource.has_status:
        keep = {"status"} if call.subresource == "status" else set(config) - {"status"}
        config = {k: v for k, v in config.items() if k in keep | {"apiVersion", "kind", "metadata"}}
    old = cluster.get(resource, call.namespace, call.name)
    notices.without_effect(call, resource, config)
    owner, kind = owner_of(call, resource, "Apply"), type_of(stored_as(resource))
    if old is None:
        if config["metadata"].get("uid"):
            raise status.conflict(
                resource.plural, resource.group, call.name, "uid mismatch: the object is gone"
            )
        if call.subresource:
            raise status.not_found(resource.plural, resource.group, call.name)
        _without_version(config["metadata"])
        new = apply.apply({**config, "metadata": {**config["metadata"]}}, config,
                          kind, owner, True, cluster.now())  # fmt: skip
        made = cluster.create(resource, new, dry_run=call.dry_run, review=call.review)
        _, shape, media = shaped(cluster, call, resource, made, form_of(call))
        return 201, shape, media
    version = config["metadata"].pop("resourceVersion", "")
    new = apply.apply(old, config, kind, owner, call.flag("force"), cluster.now())
    if version:
        new = {**new, "metadata": {**new["metadata"], "resourceVersion": version}}
    made = cluster.update(resource, new, call.subresource, dry_run=call.dry_run, review=call.review)
    return shaped(cluster, call, resource, made, form_of(call))


def delete(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    """One object, or all that a selector finds."""
    options = option_object(call, "V1DeleteOptions")
    grace, policy = _delete_options(call, options)
    before = options.get("preconditions") or {}
    dry_run = call.dry_run or options.get("dryRun") == ["All"]
    if not call.name:
        _allow(resource, "deletecollection")
        for key, obj in listing.items_of(cluster, call, resource, cluster.resource_version()):
            namespace = key.partition("/")[0] if resource.namespaced else None
            if call.review is not None:
                call.review.check(stored_as(resource), "", None, obj)
            name = obj["metadata"]["name"]
            cluster.delete(resource, namespace, name, grace_seconds=grace, propagation=policy,
                           dry_run=dry_run)  # fmt: skip
        return 200, status.success(resource.plural, resource.group), JSON
    _allow(resource, "delete")
    if call.review is not None:
        doomed = cluster.require(resource, call.namespace, call.name)
        call.review.check(stored_as(resource), "", None, doomed)
    gone = cluster.delete(
        resource,
        call.namespace,
        call.name,
        grace_seconds=grace,
        propagation=policy,
        uid=str(before.get("uid") or ""),
        version=str(before.get("resourceVersion") or ""),
        dry_run=dry_run,
    )
    left = cluster.get(resource, call.namespace, call.name) is not None
    if resource.returns_deleted or left:
        return shaped(cluster, call, resource, gone, form_of(call))
    uid = gone["metadata"]["uid"]
    return 200, status.success(resource.plural, resource.group, call.name, uid), JSON


def _delete_options(call: Call, options: Doc) -> tuple[int | None, str]:
    grace = options.get("gracePeriodSeconds")
    if grace is None and "gracePeriodSeconds" in call.query:
        grace = call.number("gracePeriodSeconds")
    policy = options.get("propagationPolicy") or call.query.get("propagationPolicy") or ""
    orphan = options.get("orphanDependents")
    if orphan is None and "orphanDependents" in call.query:
        orphan = call.flag("orphanDependents")
    if orphan is not None and not policy:
        policy = "Orphan" if orphan else "Background"
    if policy not in POLICIES:
        raise StatusError(
            422,
            "Invalid",
            f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: '
            f'"{policy}": supported values: "Background", "Foreground", "Orphan", "nil"',
        )
    return grace, policy


def _patch_options(why: str) -> StatusError:
    return StatusError(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {why}')
