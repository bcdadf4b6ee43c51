"""Cells of kubectl's tables for what is counted, bound, signed, or extends the API server."""

from typing import Any

from gcpsim.k8s.print.cells import Cell, Doc, at
from gcpsim.k8s.print.shown import human
from gcpsim.k8s.types.names import group_of

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
SHOWN_METRICS = 2
UNKNOWN, NONE, UNSET = "<unknown>", "<none>", "<unset>"


def truth(*path: str, default: bool = False) -> Cell:
    """A boolean as the API server's printers write it."""

    def cell(obj: Doc, now: float) -> str:
        return str(bool(at(*path, default=default)(obj, now))).lower()

    return cell


def completions(obj: Doc, now: float) -> str:
    """Of a Job: without a wanted number, the pods at a time are told."""
    spec, done = obj.get("spec") or {}, (obj.get("status") or {}).get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    beside = int(spec.get("parallelism") or 1)
    return f"{done}/1 of {beside}" if beside > 1 else f"{done}/1"


def job_status(obj: Doc, now: float) -> str:
    found = {
        str(condition["type"])
        for condition in (obj.get("status") or {}).get("conditions") or ()
        if condition.get("status") == "True"
    }
    for name in ("Complete", "Failed"):
        if name in found:
            return name
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((name for name in ("Suspended", "FailureTarget") if name in found), "Running")


def quota(*, limits: bool) -> Cell:
    """`name: used/hard` of the limits, or of everything else."""

    def cell(obj: Doc, now: float) -> str:
        status = obj.get("status") or {}
        used = status.get("used") or {}
        return ", ".join(
            f"{name}: {used.get(name, 0)}/{hard}"
            for name, hard in sorted((status.get("hard") or {}).items())
            if name.startswith("limits.") == limits
        )

    return cell


def storage_class(obj: Doc, now: float) -> str:
    noted = (obj["metadata"].get("annotations") or {}).get(DEFAULT_CLASS)
    return f"{obj['metadata']['name']}{' (default)' if noted == 'true' else ''}"


def class_parameters(obj: Doc, now: float) -> str:
    """Of an IngressClass: `Kind.group/name`."""
    found = (obj.get("spec") or {}).get("parameters") or {}
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


def component(field: str, healthy: str = "") -> Cell:
    """Of a ComponentStatus's condition Healthy: a text, or with `healthy` what it means."""

    def cell(obj: Doc, now: float) -> str:
        for condition in obj.get("conditions") or ():
            if condition.get("type") == "Healthy":
                found = str(condition.get(field, ""))
                return ("Healthy" if found == healthy else "Unhealthy") if healthy else found
        return UNKNOWN if healthy else ""

    return cell


def parent(obj: Doc, now: float) -> str:
    """What has an IPAddress: `services/default/kubernetes`."""
    reference = (obj.get("spec") or {}).get("parentRef") or {}
    path = ("resource", "namespace", "name")
    where = "/".join(str(reference[name]) for name in path if reference.get(name))
    return f"{reference['group']}/{where}" if reference.get("group") else where


def subjects(kind: str) -> Cell:
    """Who is bound to a role, of one kind; ServiceAccounts with their namespace."""

    def cell(obj: Doc, now: float) -> str:
        return ", ".join(
            f"{one.get('namespace', '')}/{one['name']}" if kind == "ServiceAccount" else one["name"]
            for one in obj.get("subjects") or ()
            if one.get("kind") == kind
        )

    return cell


def signing_duration(obj: Doc, now: float) -> str:
    seconds = (obj.get("spec") or {}).get("expirationSeconds")
    return NONE if seconds is None else human(float(seconds))


def signing_condition(obj: Doc, now: float) -> str:
    """`Approved,Issued`: what was decided, and whether a certificate came of it."""
    status = obj.get("status") or {}
    found = {str(one["type"]) for one in status.get("conditions") or ()}
    told = "Denied" if "Denied" in found else "Approved" if "Approved" in found else "Pending"
    told += ",Failed" if "Failed" in found else ""
    return told + (",Issued" if status.get("certificate") else "")


def api_service(obj: Doc, now: float) -> str:
    found = (obj.get("spec") or {}).get("service")
    return f"{found.get('namespace')}/{found.get('name')}" if found else "Local"


def available(obj: Doc, now: float) -> str:
    """Of an APIService; with its reason when it is not."""
    for one in (obj.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Available":
            told = str(one.get("status", ""))
            return told if told == "True" else f"{told} ({one.get('reason', '')})"
    return "Unknown"


def admission_parameters(obj: Doc, now: float) -> str:
    """The kind of parameters that a ValidatingAdmissionPolicy takes."""
    found = (obj.get("spec") or {}).get("paramKind")
    return f"{found.get('apiVersion')}/{found.get('kind')}" if found else UNSET


def admission_reference(obj: Doc, now: float) -> str:
    """The parameters that a binding gives: a name, with its namespace, or any."""
    found = (obj.get("spec") or {}).get("paramRef")
    if not found:
        return UNSET
    name = str(found.get("name") or "*")
    return f"{found['namespace']}/{name}" if found.get("namespace") else name


def audiences(obj: Doc, now: float) -> str:
    """Whose tokens a CSI driver asks for."""
    found = (obj.get("spec") or {}).get("tokenRequests") or ()
    return ",".join(str(one.get("audience", "")) for one in found) or UNSET


def modes(obj: Doc, now: float) -> str:
    return ",".join((obj.get("spec") or {}).get("volumeLifecycleModes") or ()) or NONE


def missing_level(obj: Doc, now: float) -> str:
    """Whether the priority level of a FlowSchema is not there; `?` while nobody has looked."""
    for one in (obj.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Dangling":
            return str(one.get("status"))
    return "?"


def shares(obj: Doc, now: float) -> str:
    spec = obj.get("spec") or {}
    found = (spec.get("limited") or spec.get("exempt") or {}).get("nominalConcurrencyShares")
    return NONE if found is None else str(found)


def queuing(field: str) -> Cell:
    """A number of how a priority level queues."""

    def cell(obj: Doc, now: float) -> str:
        limited = (obj.get("spec") or {}).get("limited") or {}
        found = ((limited.get("limitResponse") or {}).get("queuing") or {}).get(field)
        return NONE if found is None else str(found)

    return cell


def controller(obj: Doc, now: float) -> str:
    for one in obj["metadata"].get("ownerReferences") or ():
        if one.get("controller"):
            group = group_of(str(one.get("apiVersion", "")))
            kind = str(one.get("kind", "")).lower()
            return f"{kind}.{group}/{one.get('name')}" if group else f"{kind}/{one.get('name')}"
    return NONE


def metrics(obj: Doc, now: float) -> str:
    """What an autoscaler looks at, as `cpu: current/target`; two of them, then how many more."""
    specs = (obj.get("spec") or {}).get("metrics") or ()
    seen = (obj.get("status") or {}).get("currentMetrics") or ()
    found = [_metric(spec, seen[i] if i < len(seen) else {}) for i, spec in enumerate(specs)]
    more = f" + {len(found) - SHOWN_METRICS} more..." if len(found) > SHOWN_METRICS else ""
    return ", ".join(found[:SHOWN_METRICS]) + more if found else NONE


def _metric(spec: Doc, seen: Doc) -> str:
    kind = str(spec.get("type", ""))
    field = kind[:1].lower() + kind[1:]
    asked, now = spec.get(field) or {}, (seen.get(field) or {}).get("current") or {}
    target = asked.get("target") or {}
    if kind in ("Resource", "ContainerResource"):
        if target.get("averageValue") is not None:
            told = f"{_known(now.get('averageValue'))}/{target['averageValue']}"
        else:
            use, wish = now.get("averageUtilization"), target.get("averageUtilization")
            told = f"{_percent(use, UNKNOWN)}/{_percent(wish, '<auto>')}"
        return f"{asked.get('name', '')}: {told}"
    if target.get("averageValue") is not None:
        mark = "" if kind == "Pods" else " (avg)"
        return f"{_known(now.get('averageValue'))}/{target['averageValue']}{mark}"
    return f"{_known(now.get('value'))}/{target.get('value', '')}"


def _known(value: Any) -> str:
    return UNKNOWN if value is None else str(value)


def _percent(value: Any, absent: str) -> str:
    return absent if value is None else f"{value}%"
