"""Stage directions for pods that misbehave: pod-slow, -fail, -hang, -refuse, -leak, -cut and such.

They write the annotations of `core.behaviour` on the pods, so that what is staged can be seen and
undone with kubectl as well. A pod is given by its name or by a pattern such as `storefront-*`.
"""

import fnmatch

from gcpsim.core import behaviour
from gcpsim.core.errors import ApiError
from gcpsim.gke.stage import Args, Stage, direction, plane_named
from gcpsim.k8s.controllers.objects import Obj, key_of
from gcpsim.k8s.controllers.plane import Plane

MOST_NAMED = 6
WHERE = ("cluster", "namespace", "pod")
# direction -> annotation, argument that sets it, and what it is without one
MOODS = {
    "pod-slow": ("slow", "by", "2s"),
    "pod-fail": ("fail", "status", "503"),
    "pod-hang": ("hang", "", "true"),
    "pod-refuse": ("refuse", "", "true"),
    "pod-leak": ("leak", "share", "5%"),
    "pod-cut": ("cut", "", "true"),
    "pod-close-early": ("keepalive", "after", "5s"),
    "pod-ignore-sigterm": ("ignore-sigterm", "", "true"),
    "pod-deny": ("deny", "text", "refused by gcpsim"),
    "pod-proxy-protocol": ("proxy-protocol", "mode", "on"),
}


def _enter(verb: str) -> None:
    name, argument, otherwise = MOODS[verb]

    @direction(verb, *WHERE, optional=(argument,) if argument else ())
    def set_mood(stage: Stage, args: Args) -> Obj:
        text = str(args.get(argument, otherwise))
        try:
            behaviour.checked(name, text)
        except ValueError as error:
            raise ApiError(400, f"{verb}: {error}", "invalid") from None
        return _annotate(stage, args, {behaviour.PREFIX + name: text})


def enter() -> None:
    """Have the directions known."""
    for verb in MOODS:
        _enter(verb)


@direction("pod-heal", *WHERE)
def heal(stage: Stage, args: Args) -> Obj:
    """All moods are over."""
    return _annotate(stage, args, {behaviour.PREFIX + name: None for name in behaviour.READERS})


def _annotate(stage: Stage, args: Args, notes: dict[str, str | None]) -> Obj:
    plane = plane_named(stage, args)
    pods = chosen(plane, args["namespace"], args["pod"])
    for pod in pods:
        meta = pod["metadata"]
        patch = {"metadata": {"annotations": notes}}
        plane.cluster.patch("pods", meta["namespace"], meta["name"], patch)
    said = {name.removeprefix(behaviour.PREFIX): value for name, value in notes.items() if value}
    return {"pods": [key_of(pod) for pod in pods], "behaviour": said or "healthy"}


def chosen(plane: Plane, namespace: str, pattern: str) -> list[Obj]:
    """Pods of a namespace by name or pattern, sorted; ApiError when there is none."""
    pods = sorted(plane.pods.in_namespace(namespace), key=key_of)
    found = [pod for pod in pods if fnmatch.fnmatchcase(pod["metadata"]["name"], pattern)]
    if not found:
        names = [pod["metadata"]["name"] for pod in pods]
        there = ", ".join(names[:MOST_NAMED]) or "none"
        if len(names) > MOST_NAMED:
            there += f" and {len(names) - MOST_NAMED} more"
        what = f"no pod {namespace}/{pattern} in cluster {plane.cluster.name}"
        raise ApiError(404, f"{what}; in {namespace}: {there}", "notFound")
    return found
