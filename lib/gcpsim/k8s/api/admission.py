"""Admission by webhooks: what a request's writes are asked about, and what the answers mean.

A write is one transaction that nothing may wait in. So it ends with Unanswered where a webhook has
to be asked; when the answers are there (`hookcalls`), the request is carried out anew, and finds
them. Two answers for one question never differ: they are kept for as long as the request lasts.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson

from gcpsim.k8s.api.form import in_version
from gcpsim.k8s.objects import hooks, policies
from gcpsim.k8s.objects.hooks import Hook, Write
from gcpsim.k8s.objects.rbac import User
from gcpsim.k8s.patch import patches
from gcpsim.k8s.types import cel
from gcpsim.k8s.types.decode import WrongType, decode
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import StatusError
from gcpsim.k8s.types.store import Objects
from gcpsim.k8s.types.structural import type_of

Doc = dict[str, Any]
ASKED = 3  # times that one webhook is asked because others wrote meanwhile
PASSING = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "generation")
OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook said; `error` is why it could not be asked."""

    error: str = ""
    allowed: bool = True
    status: Doc = field(default_factory=dict)
    patch: Any = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A webhook, and the AdmissionReview to send."""

    key: tuple[str, ...]
    hook: Hook
    review: Doc


class Unanswered(Exception):
    """Webhooks have to be asked before the write can be decided."""

    def __init__(self, questions: list[Question]) -> None:
        super().__init__(", ".join(one.hook.name for one in questions))
        self.questions = questions


class Review:
    """The webhooks of one request: `answers` fill while it is carried out again and again."""

    def __init__(self, cluster: Objects, user: User, version: str = "", *, dry_run: bool) -> None:
        self.cluster, self.user, self.version, self.dry_run = cluster, user, version, dry_run
        self.answers: dict[tuple[str, ...], Answer] = {}
        self.warnings: list[str] = []
        self._asked: dict[tuple[str, ...], int] = {}
        self._last: dict[tuple[str, ...], Answer] = {}

    def take(self, question: Question, answer: Answer) -> None:
        """An answer has come."""
        name = question.key[:-1]
        self.answers[question.key] = self._last[name] = answer
        self._asked[name] = self._asked.get(name, 0) + 1

    def mutated(self, resource: Resource, subresource: str, new: Doc, old: Doc | None) -> Doc:
        """The object as mutating webhooks would have it."""
        if not hooks.any_of(self.cluster, "mutating"):
            return new
        write = self._write(resource, subresource, new, old)
        left: list[tuple[Hook, Doc]] = []
        for hook in hooks.concerned(self.cluster, "mutating", write):
            new = self._patched(hook, self._write(resource, subresource, new, old))
            left.append((hook, new))
        for hook, seen in left:
            if hook.body.get("reinvocationPolicy") == "IfNeeded" and seen != new:
                new = self._patched(hook, self._write(resource, subresource, new, old))
        return new

    def check(self, resource: Resource, subresource: str, new: Doc | None, old: Doc | None) -> None:
        """StatusError when a validating webhook refuses."""
        if new is None:
            self._ask_about_deletion(resource, subresource, old)
        write = self._write(resource, subresource, new, old)
        policies.check(self.cluster, write, self.warnings)
        if not hooks.any_of(self.cluster, "validating"):
            return
        open_questions: list[Question] = []
        found = list(hooks.concerned(self.cluster, "validating", write))
        for hook in found:
            try:
                self._decided("validating", hook, write)
            except Unanswered as more:
                open_questions += more.questions
        if open_questions:
            raise Unanswered(open_questions)

    def _ask_about_deletion(self, resource: Resource, subresource: str, old: Doc | None) -> None:
        """Mutating webhooks may refuse a deletion; there is nothing to change."""
        if hooks.any_of(self.cluster, "mutating"):
            write = self._write(resource, subresource, None, old)
            for hook in hooks.concerned(self.cluster, "mutating", write):
                self._decided("mutating", hook, write)

    def _write(
        self, resource: Resource, subresource: str, new: Doc | None, old: Doc | None
    ) -> Write:
        operation = "DELETE" if new is None else "CREATE" if old is None else "UPDATE"
        version = self.version if self.version in resource.versions else resource.version
        return Write(operation, resource, version, subresource, self.user, new, old, self.dry_run)

    def _patched(self, hook: Hook, write: Write) -> Doc:
        assert write.new is not None
        answer = self._decided("mutating", hook, write)
        if answer is None or answer.patch is None:
            return write.new
        shown = in_version(write.new, write.resource, hook.version)
        try:
            changed = patches.json_patch(shown, answer.patch)
            cleaned: Doc = decode(type_of(write.resource), changed).value
        except (StatusError, WrongType) as error:
            raise internal(f"{error}") from error
        cleaned["apiVersion"], cleaned["kind"] = write.resource.api_version, write.resource.kind
        return cleaned

    def _decided(self, kind: str, hook: Hook, write: Write) -> Answer | None:
        """Its answer when it allows the write; None when it is passed over. StatusError when it
        refuses, Unanswered when it has to be asked."""
        request = _request(hook, write)
        try:
            if not hooks.conditions_hold(hook, request):
                return None
        except cel.Missing as error:
            if hook.ignored:
                return None
            why = f'failed to evaluate match conditions of webhook "{hook.name}": {error}'
            raise StatusError(403, "Forbidden", why) from error
        if write.dry_run and hook.body["sideEffects"] not in ("None", "NoneOnDryRun"):
            raise StatusError(
                400, "BadRequest", f'admission webhook "{hook.name}" does not support dry run'
            )
        answer = self._answer(kind, hook, request)
        self.warnings += [one for one in answer.warnings if one not in self.warnings]
        if answer.error:
            if hook.ignored:
                return None
            raise internal(f'failed calling webhook "{hook.name}": {answer.error}')
        if not answer.allowed:
            raise denied(hook.name, answer.status)
        return answer

    def _answer(self, kind: str, hook: Hook, request: Doc) -> Answer:
        lasting = _lasting(request)
        name = (kind, hook.configuration, hook.name, lasting["namespace"], lasting["name"])
        digest = orjson.dumps(lasting, option=orjson.OPT_SORT_KEYS).decode()
        key = (*name, digest)
        if key in self.answers:
            return self.answers[key]
        if self._asked.get(name, 0) >= ASKED:
            return self._last[name]
        version = next(v for v in hook.body["admissionReviewVersions"] if v in ("v1", "v1beta1"))
        review = {
            "kind": "AdmissionReview",
            "apiVersion": f"admission.k8s.io/{version}",
            "request": {"uid": str(uuid.uuid4()), **request},
        }
        raise Unanswered([Question(key, hook, review)])


def _request(hook: Hook, write: Write) -> Doc:
    """The request of an AdmissionReview, but for its uid."""
    resource, found = write.resource, write.object["metadata"]
    asked = (resource.group, write.version)
    read = (resource.group, hook.version)
    request: Doc = {
        "kind": _triple("kind", read, resource.kind),
        "resource": _triple("resource", read, resource.plural),
        "requestKind": _triple("kind", asked, resource.kind),
        "requestResource": _triple("resource", asked, resource.plural),
        "name": found.get("name") or "",
        "namespace": write.namespace,
        "operation": write.operation,
        "userInfo": {"username": write.user.name, "groups": list(write.user.groups)},
        "object": _shown(write.new, write, hook),
        "oldObject": _shown(write.old, write, hook),
        "dryRun": write.dry_run,
        "options": {"kind": OPTIONS[write.operation], "apiVersion": "meta.k8s.io/v1"},
    }
    if write.subresource:
        request |= {"subResource": write.subresource, "requestSubResource": write.subresource}
    return request


def _triple(last: str, version: tuple[str, str], name: str) -> Doc:
    return {"group": version[0], "version": version[1], last: name}


def _shown(obj: Doc | None, write: Write, hook: Hook) -> Doc | None:
    return None if obj is None else in_version(obj, write.resource, hook.version)


def _lasting(request: Doc) -> Doc:
    """The request without what differs each time that it is carried out."""
    found = dict(request)
    for name in ("object", "oldObject"):
        if found[name] is not None:
            metadata = dict(found[name]["metadata"])
            passing = (*PASSING, "name") if metadata.get("generateName") else PASSING
            kept = {key: value for key, value in metadata.items() if key not in passing}
            found[name] = {**found[name], "metadata": kept}
            if passing is not PASSING:
                found["name"] = ""
    return found


def internal(why: str) -> StatusError:
    """500, as the API server has it when something that it needs fails."""
    details = {"causes": [{"message": why}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {why}", details=details)


def denied(name: str, said: Doc) -> StatusError:
    """A webhook's refusal, in its own words."""
    start = f'admission webhook "{name}" denied the request'
    message, reason = str(said.get("message") or ""), str(said.get("reason") or "")
    why = message or reason
    code = said.get("code")
    return StatusError(
        code if isinstance(code, int) and 400 <= code < 600 else 400,
        reason,
        f"{start}: {why}" if why else f"{start} without explanation",
        details=said.get("details") if isinstance(said.get("details"), dict) else None,
    )
