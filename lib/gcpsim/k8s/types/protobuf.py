"""Kubernetes' protobuf bodies: what kubectl create sends, read into the JSON that they mean.

The envelope (`k8s\\0`, then runtime.Unknown) names the kind; the messages below are those that
kubectl's create, autoscale, auth and token commands send, by the field numbers of Kubernetes' own
generated.proto files. Numbers that the tables don't have are skipped, as protobuf readers do.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Doc = dict[str, Any]
MAGIC = b"k8s\0"
DEEPEST = 30
STR, INT, BOOL, BYTES, TIME, QUANTITY, INT_OR_STRING = (
    "string", "int", "bool", "bytes", "time", "quantity", "int-or-string",
)  # fmt: skip


class Unreadable(ValueError):
    """A body that is no protobuf, or of a kind that the tables don't have."""


# message -> {number: (field, type)}; [T] is repeated, {T} a map from strings.
MESSAGES: dict[str, dict[int, tuple[str, Any]]] = {
    "ObjectMeta": {
        1: ("name", STR), 2: ("generateName", STR), 3: ("namespace", STR), 5: ("uid", STR),
        6: ("resourceVersion", STR), 8: ("creationTimestamp", TIME), 11: ("labels", {STR}),
        12: ("annotations", {STR}), 13: ("ownerReferences", ["OwnerReference"]),
        14: ("finalizers", [STR]),
    },
    "OwnerReference": {
        1: ("kind", STR), 3: ("name", STR), 4: ("uid", STR), 5: ("apiVersion", STR),
        6: ("controller", BOOL), 7: ("blockOwnerDeletion", BOOL),
    },
    "DeleteOptions": {
        1: ("gracePeriodSeconds", INT), 3: ("orphanDependents", BOOL),
        4: ("propagationPolicy", STR), 5: ("dryRun", [STR]),
    },
    "LabelSelector": {1: ("matchLabels", {STR}), 2: ("matchExpressions", ["Requirement"])},
    "Requirement": {1: ("key", STR), 2: ("operator", STR), 3: ("values", [STR])},
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "NamespaceSpec")},
    "NamespaceSpec": {1: ("finalizers", [STR])},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"), 2: ("data", {STR}), 3: ("binaryData", {BYTES}),
        4: ("immutable", BOOL),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"), 2: ("data", {BYTES}), 3: ("type", STR),
        4: ("stringData", {STR}), 5: ("immutable", BOOL),
    },
    "ServiceAccount": {
        1: ("metadata", "ObjectMeta"), 3: ("imagePullSecrets", ["Reference"]),
        4: ("automountServiceAccountToken", BOOL),
    },
    "Reference": {1: ("name", STR)},
    "Service": {1: ("metadata", "ObjectMeta"), 2: ("spec", "ServiceSpec")},
    "ServiceSpec": {
        1: ("ports", ["ServicePort"]), 2: ("selector", {STR}), 3: ("clusterIP", STR),
        4: ("type", STR), 5: ("externalIPs", [STR]), 7: ("sessionAffinity", STR),
        8: ("loadBalancerIP", STR), 10: ("externalName", STR), 11: ("externalTrafficPolicy", STR),
        13: ("publishNotReadyAddresses", BOOL), 17: ("ipFamilyPolicy", STR),
        18: ("clusterIPs", [STR]), 19: ("ipFamilies", [STR]), 21: ("loadBalancerClass", STR),
        22: ("internalTrafficPolicy", STR),
    },
    "ServicePort": {
        1: ("name", STR), 2: ("protocol", STR), 3: ("port", INT), 4: ("targetPort", INT_OR_STRING),
        5: ("nodePort", INT), 6: ("appProtocol", STR),
    },
    "Pod": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", ["Container"]), 3: ("restartPolicy", STR),
        4: ("terminationGracePeriodSeconds", INT), 5: ("activeDeadlineSeconds", INT),
        6: ("dnsPolicy", STR), 7: ("nodeSelector", {STR}), 8: ("serviceAccountName", STR),
        9: ("serviceAccount", STR), 10: ("nodeName", STR), 11: ("hostNetwork", BOOL),
        20: ("initContainers", ["Container"]), 24: ("priorityClassName", STR),
    },
    "Container": {
        1: ("name", STR), 2: ("image", STR), 3: ("command", [STR]), 4: ("args", [STR]),
        5: ("workingDir", STR), 6: ("ports", ["ContainerPort"]), 7: ("env", ["EnvVar"]),
        8: ("resources", "Resources"), 14: ("imagePullPolicy", STR), 16: ("stdin", BOOL),
        18: ("tty", BOOL),
    },
    "ContainerPort": {
        1: ("name", STR), 2: ("hostPort", INT), 3: ("containerPort", INT), 4: ("protocol", STR),
    },
    "EnvVar": {1: ("name", STR), 2: ("value", STR)},
    "Resources": {1: ("limits", {QUANTITY}), 2: ("requests", {QUANTITY})},
    "Deployment": {1: ("metadata", "ObjectMeta"), 2: ("spec", "DeploymentSpec")},
    "DeploymentSpec": {
        1: ("replicas", INT), 2: ("selector", "LabelSelector"), 3: ("template", "PodTemplateSpec"),
        4: ("strategy", "DeploymentStrategy"), 5: ("minReadySeconds", INT),
        6: ("revisionHistoryLimit", INT), 7: ("paused", BOOL), 9: ("progressDeadlineSeconds", INT),
    },
    "DeploymentStrategy": {1: ("type", STR), 2: ("rollingUpdate", "RollingUpdate")},
    "RollingUpdate": {1: ("maxUnavailable", INT_OR_STRING), 2: ("maxSurge", INT_OR_STRING)},
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec")},
    "JobSpec": {
        1: ("parallelism", INT), 2: ("completions", INT), 3: ("activeDeadlineSeconds", INT),
        4: ("selector", "LabelSelector"), 5: ("manualSelector", BOOL),
        6: ("template", "PodTemplateSpec"), 7: ("backoffLimit", INT),
        8: ("ttlSecondsAfterFinished", INT), 10: ("suspend", BOOL),
    },
    "CronJob": {1: ("metadata", "ObjectMeta"), 2: ("spec", "CronJobSpec")},
    "CronJobSpec": {
        1: ("schedule", STR), 2: ("startingDeadlineSeconds", INT), 3: ("concurrencyPolicy", STR),
        4: ("suspend", BOOL), 5: ("jobTemplate", "JobTemplate"),
        6: ("successfulJobsHistoryLimit", INT), 7: ("failedJobsHistoryLimit", INT),
        8: ("timeZone", STR),
    },
    "JobTemplate": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec")},
    "Ingress": {1: ("metadata", "ObjectMeta"), 2: ("spec", "IngressSpec")},
    "IngressSpec": {
        1: ("defaultBackend", "IngressBackend"), 2: ("tls", ["IngressTLS"]),
        3: ("rules", ["IngressRule"]), 4: ("ingressClassName", STR),
    },
    "IngressTLS": {1: ("hosts", [STR]), 2: ("secretName", STR)},
    "IngressRule": {1: ("host", STR), 2: ("", "IngressRuleValue")},
    "IngressRuleValue": {1: ("http", "HTTPIngressRule")},
    "HTTPIngressRule": {1: ("paths", ["HTTPIngressPath"])},
    "HTTPIngressPath": {1: ("path", STR), 2: ("backend", "IngressBackend"), 3: ("pathType", STR)},
    "IngressBackend": {4: ("service", "IngressService")},
    "IngressService": {1: ("name", STR), 2: ("port", "BackendPort")},
    "BackendPort": {1: ("name", STR), 2: ("number", INT)},
    "Role": {1: ("metadata", "ObjectMeta"), 2: ("rules", ["PolicyRule"])},
    "ClusterRole": {1: ("metadata", "ObjectMeta"), 2: ("rules", ["PolicyRule"])},
    "PolicyRule": {
        1: ("verbs", [STR]), 2: ("apiGroups", [STR]), 3: ("resources", [STR]),
        4: ("resourceNames", [STR]), 5: ("nonResourceURLs", [STR]),
    },
    "RoleBinding": {
        1: ("metadata", "ObjectMeta"), 2: ("subjects", ["Subject"]), 3: ("roleRef", "RoleRef"),
    },
    "ClusterRoleBinding": {
        1: ("metadata", "ObjectMeta"), 2: ("subjects", ["Subject"]), 3: ("roleRef", "RoleRef"),
    },
    "Subject": {1: ("kind", STR), 2: ("apiGroup", STR), 3: ("name", STR), 4: ("namespace", STR)},
    "RoleRef": {1: ("apiGroup", STR), 2: ("kind", STR), 3: ("name", STR)},
    "ResourceQuota": {1: ("metadata", "ObjectMeta"), 2: ("spec", "QuotaSpec")},
    "QuotaSpec": {
        1: ("hard", {QUANTITY}), 2: ("scopes", [STR]), 3: ("scopeSelector", "ScopeSelector"),
    },
    "ScopeSelector": {1: ("matchExpressions", ["ScopeRequirement"])},
    "ScopeRequirement": {1: ("scopeName", STR), 2: ("operator", STR), 3: ("values", [STR])},
    "CertificateSigningRequest": {
        1: ("metadata", "ObjectMeta"), 2: ("spec", "SigningSpec"), 3: ("status", "SigningStatus"),
    },
    "SigningSpec": {
        1: ("request", BYTES), 2: ("username", STR), 3: ("uid", STR), 4: ("groups", [STR]),
        5: ("usages", [STR]), 7: ("signerName", STR), 8: ("expirationSeconds", INT),
    },
    "SigningStatus": {1: ("conditions", ["SigningCondition"]), 2: ("certificate", BYTES)},
    "SigningCondition": {
        1: ("type", STR), 2: ("reason", STR), 3: ("message", STR), 4: ("lastUpdateTime", TIME),
        5: ("lastTransitionTime", TIME), 6: ("status", STR),
    },
    "PodDisruptionBudget": {1: ("metadata", "ObjectMeta"), 2: ("spec", "BudgetSpec")},
    "BudgetSpec": {
        1: ("minAvailable", INT_OR_STRING), 2: ("selector", "LabelSelector"),
        3: ("maxUnavailable", INT_OR_STRING),
    },
    "PriorityClass": {
        1: ("metadata", "ObjectMeta"), 2: ("value", INT), 3: ("globalDefault", BOOL),
        4: ("description", STR), 5: ("preemptionPolicy", STR),
    },
    "TokenRequest": {1: ("metadata", "ObjectMeta"), 2: ("spec", "TokenRequestSpec")},
    "TokenRequestSpec": {1: ("audiences", [STR]), 4: ("expirationSeconds", INT)},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "AccessSpec")},
    "SelfSubjectRulesReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "RulesSpec")},
    "RulesSpec": {1: ("namespace", STR)},
    "SubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SubjectAccessSpec")},
    "LocalSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SubjectAccessSpec")},
    "SubjectAccessSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "PathAttributes"), 3: ("user", STR), 4: ("groups", [STR]),
    },
    "TokenReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "TokenReviewSpec")},
    "TokenReviewSpec": {1: ("token", STR), 2: ("audiences", [STR])},
    "AccessSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "PathAttributes"),
    },
    "ResourceAttributes": {
        1: ("namespace", STR), 2: ("verb", STR), 3: ("group", STR), 4: ("version", STR),
        5: ("resource", STR), 6: ("subresource", STR), 7: ("name", STR),
    },
    "PathAttributes": {1: ("path", STR), 2: ("verb", STR)},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta")},
    "HorizontalPodAutoscaler": {1: ("metadata", "ObjectMeta"), 2: ("spec", "AutoscalerSpec")},
    "AutoscalerSpec": {
        1: ("scaleTargetRef", "CrossReference"), 2: ("minReplicas", INT), 3: ("maxReplicas", INT),
        4: ("metrics", ["MetricSpec"]),
    },
    "CrossReference": {1: ("kind", STR), 2: ("name", STR), 3: ("apiVersion", STR)},
    "MetricSpec": {1: ("type", STR), 4: ("resource", "ResourceMetric")},
    "ResourceMetric": {1: ("name", STR), 2: ("target", "MetricTarget")},
    "MetricTarget": {
        1: ("type", STR), 2: ("value", QUANTITY), 3: ("averageValue", QUANTITY),
        4: ("averageUtilization", INT),
    },
    "Scale": {1: ("metadata", "ObjectMeta"), 2: ("spec", "ScaleSpec")},
    "ScaleSpec": {1: ("replicas", INT)},
}  # fmt: skip
# autoscaling/v1 has a number where v2 has a list of metrics.
OF_VERSION = {
    ("autoscaling/v1", "AutoscalerSpec"): {4: ("targetCPUUtilizationPercentage", INT)},
}
WRITTEN_ALWAYS = {"PriorityClass": {"value": 0}, "ScaleSpec": {"replicas": 0}}


def read(body: bytes) -> Doc:
    """The object in a protobuf body, as JSON has it; Unreadable otherwise."""
    if not body.startswith(MAGIC):
        raise Unreadable("it does not begin with the Kubernetes envelope")
    raw, version, kind = b"", "", ""
    for number, value in _fields(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            about = {n: v for n, v in _fields(value) if isinstance(v, bytes)}
            version, kind = (about.get(n, b"").decode("utf-8", "replace") for n in (1, 2))
        elif number == 2 and isinstance(value, bytes):
            raw = value
    if kind not in MESSAGES:
        named = f"{version} {kind}" if kind else "an object without a kind"
        raise Unreadable(f"{named} is not read from protobuf here")
    return {"apiVersion": version, "kind": kind, **_message(kind, raw, version, 0)}


def _message(name: str, raw: bytes, version: str, depth: int) -> Doc:
    if depth > DEEPEST:
        raise Unreadable("it is nested too deeply")
    table = {**MESSAGES[name], **OF_VERSION.get((version, name), {})}
    out: Doc = dict(WRITTEN_ALWAYS.get(name, {}))
    for number, value in _fields(raw):
        if number not in table:
            continue
        field, kind = table[number]
        if isinstance(kind, list):
            out.setdefault(field, []).append(_value(kind[0], value, version, depth))
        elif isinstance(kind, set):
            (inner,) = kind
            pair = dict(_fields(_bytes(value)))
            key = _bytes(pair.get(1, b"")).decode("utf-8", "replace")
            out.setdefault(field, {})[key] = _value(inner, pair.get(2, b""), version, depth)
        elif not field:
            out |= _value(kind, value, version, depth)
        else:
            found = _value(kind, value, version, depth)
            if found is not None and found != "":
                out[field] = found
    return out


def _value(kind: str, value: int | bytes, version: str, depth: int) -> Any:
    if kind == INT:
        number = int(value) if isinstance(value, int) else 0
        return number - (1 << 64) if number >= 1 << 63 else number
    if kind == BOOL:
        return bool(value)
    raw = _bytes(value)
    if kind == STR:
        return raw.decode("utf-8", "replace")
    if kind == BYTES:
        return base64.b64encode(raw).decode()
    if kind == QUANTITY:
        return _bytes(dict(_fields(raw)).get(1, b"0")).decode("utf-8", "replace")
    if kind == TIME:
        seconds = dict(_fields(raw)).get(1, 0)
        if not isinstance(seconds, int) or not 0 < seconds < 1 << 40:
            return None
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == INT_OR_STRING:
        parts = dict(_fields(raw))
        return _value(STR, parts.get(3, b""), version, depth) if parts.get(1) else parts.get(2, 0)
    return _message(kind, raw, version, depth + 1)


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise Unreadable("a number stands where text or a message belongs")
    return value


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field: an int for varints, bytes for the rest."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(raw, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise Unreadable(f"wire type {wire} is unknown")
        if at + size > len(raw):
            raise Unreadable("it is cut off")
        yield number, raw[at : at + size]
        at += size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            raise Unreadable("it is cut off")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Unreadable("a number is too long")
