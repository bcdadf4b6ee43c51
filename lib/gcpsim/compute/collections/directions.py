"""Stage directions of Compute Engine: how an address answers, and what a project may have."""

from gcpsim.compute.collections.health import Health
from gcpsim.compute.engine.quotas import OVERRIDES
from gcpsim.compute.engine.resources import Doc
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World


class Directions:
    def __init__(self, world: World, health: Health) -> None:
        self.world = world
        self.health = health
        world.stage["endpoint"] = self.set_endpoint_answer
        world.stage["quota"] = self.set_quota

    def set_endpoint_answer(self, args: Doc) -> Doc:
        """{"ip", "port"?, "answer": ok, refused, timeout, ... or "" to forget}."""
        ip, answer = args.get("ip"), args.get("answer")
        if not isinstance(ip, str) or not isinstance(answer, str):
            raise ApiError(
                400, "endpoint: give ip and answer (ok, refused, timeout, ...)", "invalid"
            )
        key = f"{ip}:{args['port']}" if args.get("port") else ip
        if answer:
            self.health.answers.put(key, {"answer": answer})
        else:
            self.health.answers.delete(key)
        self.health.mark()
        return {key: answer}

    def set_quota(self, args: Doc) -> Doc:
        """{"project", "metric", "limit"}."""
        project, metric, limit = args.get("project"), args.get("metric"), args.get("limit")
        if (
            not isinstance(project, str)
            or not isinstance(metric, str)
            or not isinstance(limit, int | float)
        ):
            raise ApiError(400, "quota: give project, metric and limit", "invalid")
        own = self.world.store.table(OVERRIDES)
        own.put(project, {**(own.get(project) or {}), metric: limit})
        return own.get(project) or {}
