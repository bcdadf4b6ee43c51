"""Jobs: pods until so many succeeded or too many failed; CronJobs make Jobs by the clock.

Containers here have nothing to do: the pod of a Job succeeds a moment after it started.
"""

from gcpsim.k8s.controllers import cron, templates
from gcpsim.k8s.controllers.objects import (
    Obj,
    controller_of,
    deleting,
    is_true,
    key_of,
    owner_reference,
    seconds_of,
    split,
    stamp,
    uid_of,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "job-controller"
MOST_AT_ONCE = 250  # pods of one Job


class JobController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe("jobs", lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("pods", self._follow)
        for job in self.cluster.list("jobs"):
            self.worker.mark(key_of(job))

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        owner = controller_of(pod)
        if owner is not None and owner["kind"] == "Job":
            self.worker.mark(f"{pod['metadata']['namespace']}/{owner['name']}")

    def reconcile(self, key: str) -> None:
        job = self.cluster.get("jobs", *split(key))
        if job is None or deleting(job):
            return
        if is_true(job, "Complete") or is_true(job, "Failed"):
            self._expire(key, job)
            return
        pods = templates.mine(self.plane, job)
        phases = [(pod.get("status") or {}).get("phase") for pod in pods]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        active = [p for p, phase in zip(pods, phases, strict=True) if _is_active(p, phase)]
        spec = job["spec"]
        wanted = int(spec.get("completions") or 1)
        if failed > int(spec.get("backoffLimit", 6)):
            self._end(job, active, "Failed", "BackoffLimitExceeded", succeeded, failed)
        elif succeeded >= wanted:
            self._end(job, active, "Complete", "CompletionsReached", succeeded, failed)
        else:
            if not spec.get("suspend"):
                parallel = min(int(spec.get("parallelism", 1)), MOST_AT_ONCE)
                for _ in range(min(parallel, wanted - succeeded) - len(active)):
                    labels = {} if spec.get("selector") else _labels(job)
                    pod = templates.pod_of(job, labels=labels)
                    active.append(templates.create(self.plane, job, pod, COMPONENT))
            self._report(job, active, succeeded, failed, [])

    def _end(
        self, job: Obj, active: list[Obj], kind: str, reason: str, succeeded: int, failed: int
    ) -> None:
        for pod in active:
            templates.delete(self.plane, job, pod, COMPONENT)
        now = self.plane.now()
        conditions = with_condition([], kind, "True", now, reason=reason)
        self._report(job, [], succeeded, failed, conditions)
        event = ("Normal", "Completed", "Job completed")
        if kind == "Failed":
            event = ("Warning", reason, "Job has reached the specified backoff limit")
        self.plane.event(job, *event, COMPONENT)

    def _report(
        self, job: Obj, active: list[Obj], succeeded: int, failed: int, conditions: list[Obj]
    ) -> None:
        old = job.get("status") or {}
        now = stamp(self.plane.now())
        ready = sum(1 for pod in active if is_true(pod, "Ready"))
        status: Obj = {"startTime": old.get("startTime") or now, "ready": ready}
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
        status |= {name: count for name, count in counts.items() if count}
        if conditions:
            status["conditions"] = conditions
            if conditions[-1]["type"] == "Complete":
                status["completionTime"] = now
        self.plane.change("jobs", job, {**status, "uncountedTerminatedPods": {}})

    def _expire(self, key: str, job: Obj) -> None:
        after = job["spec"].get("ttlSecondsAfterFinished")
        if after is None:
            return
        ended = max(seconds_of(c["lastTransitionTime"]) for c in job["status"]["conditions"])
        if self.plane.now() >= ended + float(after):
            self.cluster.delete("jobs", *split(key))
        else:
            self.worker.mark_at(ended + float(after), key)


class CronJobController:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self.cluster.subscribe("cronjobs", lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("jobs", self._follow)
        for found in self.cluster.list("cronjobs"):
            self.worker.mark(key_of(found))

    def _follow(self, event: str, job: Obj, old: Obj | None) -> None:
        owner = controller_of(job)
        if owner is not None and owner["kind"] == "CronJob":
            self.worker.mark(f"{job['metadata']['namespace']}/{owner['name']}")

    def reconcile(self, key: str) -> None:
        found = self.cluster.get("cronjobs", *split(key))
        if found is None or deleting(found):
            return
        jobs = self._jobs(found)
        active = [
            job for job in jobs if not is_true(job, "Complete") and not is_true(job, "Failed")
        ]
        self._prune(found, jobs)
        spec, now = found["spec"], self.plane.now()
        schedule = cron.parse(spec["schedule"])
        status = dict(found.get("status") or {})
        last = seconds_of(status.get("lastScheduleTime") or found["metadata"]["creationTimestamp"])
        due = schedule.after(last) if schedule is not None else None
        if due is not None and due <= now and not spec.get("suspend"):
            # Those that were missed meanwhile are not caught up with, but for the latest.
            while (following := schedule.after(due) if schedule else None) and following <= now:
                due = following
            if self._may_start(found, active):
                active.append(self._start(found, due))
            status["lastScheduleTime"] = stamp(due)
            due = following
        if due is not None:
            self.worker.mark_at(max(due, now + 1.0), key)
        status["active"] = [_reference(job) for job in active]
        if not active:
            del status["active"]
        self.plane.change("cronjobs", found, status)

    def _jobs(self, found: Obj) -> list[Obj]:
        namespace, uid = found["metadata"]["namespace"], uid_of(found)
        jobs = [j for j in self.cluster.list("jobs", namespace) if _owner(j) == uid]
        return sorted(jobs, key=lambda job: str(job["metadata"]["name"]))

    def _may_start(self, found: Obj, active: list[Obj]) -> bool:
        policy = found["spec"].get("concurrencyPolicy", "Allow")
        if policy == "Replace":
            for job in active:
                meta = job["metadata"]
                self.cluster.delete("jobs", meta["namespace"], meta["name"])
            active.clear()
        return policy != "Forbid" or not active

    def _start(self, found: Obj, due: float) -> Obj:
        meta, template = found["metadata"], found["spec"]["jobTemplate"]
        given = template.get("metadata") or {}
        name = f"{meta['name'][:52]}-{int(due // 60)}"
        body = {
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": given.get("labels") or {},
                "annotations": {
                    **(given.get("annotations") or {}),
                    "batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(due),
                },
                "ownerReferences": [owner_reference(found)],
            },
            "spec": template["spec"],
        }
        known = self.cluster.get("jobs", meta["namespace"], name)
        job = known or self.cluster.create("jobs", body)
        text = f"Created job {name}"
        self.plane.event(found, "Normal", "SuccessfulCreate", text, "cronjob-controller")
        return job

    def _prune(self, found: Obj, jobs: list[Obj]) -> None:
        spec = found["spec"]
        for kind, field in (
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ):
            over = [job for job in jobs if is_true(job, kind)]
            keep = int(spec.get(field, 1))
            for job in over[: max(0, len(over) - keep)]:
                meta = job["metadata"]
                self.cluster.delete("jobs", meta["namespace"], meta["name"])


def _is_active(pod: Obj, phase: str | None) -> bool:
    return phase not in ("Succeeded", "Failed") and not deleting(pod)


def _labels(job: Obj) -> dict[str, str]:
    """Of a Job from a state folder in which Jobs had no selector."""
    name, uid = job["metadata"]["name"], uid_of(job)
    return {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }


def _owner(job: Obj) -> str:
    owner = controller_of(job)
    return owner["uid"] if owner else ""


def _reference(job: Obj) -> Obj:
    meta = job["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
