"""Before a change: whether the meter and Google's logs will be able to tell what users see of it.

Nothing here fails a preflight: what cannot be seen is said beforehand, so that nobody takes silence
for success afterwards.
"""

from collections.abc import Iterator

from edgebook.front_door import FrontDoor, Moment
from edgebook.model.values import CheckResult
from edgebook.params.types import Environment
from edgebook.traffic import Protocol
from edgebook.traffic.desk import current
from edgebook.traffic.logs import blindness
from edgebook.traffic.steady import steady
from edgebook.traffic.streaks import Streak
from edgebook.traffic.targets import LOCAL, POLITE
from edgebook.traffic.users import ROLES
from edgebook.verify.facts import OK, UNCERTAIN, joined, result
from edgebook.verify.watching import watched

PERMISSIONS = {"logging": "logging.logEntries.list", "monitoring": "monitoring.timeSeries.list"}
PATIENCE = 4.0


def real_users(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """Logs and metrics of the load balancer can be read, and have every failure."""
    check, project = "real users are seen", door.spec.project
    body = {"permissions": sorted(PERMISSIONS.values())}
    path = f"v3/projects/{project}:testIamPermissions"
    said = door.wire.request("cloudresourcemanager", "POST", path, body=body)
    granted = set(said.get("permissions") or ())
    for service, permission in sorted(PERMISSIONS.items()):
        if permission in granted:
            yield result(OK, check, service, permission)
        else:
            why = f"{permission} is missing: records will not have what {service} says"
            yield result(UNCERTAIN, check, service, why, f"grant {ROLES[service]} on {project}")
    ours = {door.names.backend_service(name) for name in door.spec.backends}
    live = {
        key.name: item.body for key, item in moment.live.items() if key.kind == "backendService"
    }
    for name in sorted(ours & set(live)):
        if why := blindness(name, live[name]):
            remedy = "logging: {sample_rate: 1.0} in the backend's params, before the change"
            yield result(UNCERTAIN, check, name, why, remedy)


def reached(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """What serves already can be reached from here: what cannot is not counted later."""
    check, connection = "the meter reaches", door.connection
    if not connection.data_plane:
        return
    found = watched(door)
    targets = [target for target in found.targets if target.protocol is not Protocol.DNS]
    rate = LOCAL if door.spec.environment is Environment.SIMULATOR else POLITE
    streaks = steady(
        targets, connection.reach, rate=rate, patience=PATIENCE, wanted=1, shared=current()
    )
    names: dict[str, list[Streak]] = {}
    for streak in streaks:
        target = streak.series.target
        name = f"{target.frontend} {target.hostname or target.ip}:{target.port}"
        names.setdefault(name, []).append(streak)
    silent = {name: found for name, found in names.items() if not any(s.answered for s in found)}
    for name, mute in sorted(silent.items()):
        why = f"{joined({s.failure or 'no answer' for s in mute})}: it is not counted"
        remedy = "run from where the site can be reached: a firewall or proxy may be between"
        yield result(UNCERTAIN, check, name, why, remedy)
    if good := sorted(set(names) - set(silent)):
        yield result(OK, check, door.names.front_door, joined(good))
