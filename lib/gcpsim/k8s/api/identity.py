"""Who a request comes from, whom it speaks for, and what it wants, in the words of RBAC.

A service account's token says who it is; any other token, and none where none is demanded, is the
owner of the simulated project, a member of system:masters.
"""

import base64
import binascii
from typing import Any

import orjson

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.objects import rbac
from gcpsim.k8s.objects.rbac import ACCOUNT, User, Wish
from gcpsim.k8s.types.status import StatusError, bad_request
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
AUTHENTICATED, MASTERS = "system:authenticated", "system:masters"
OWNER = User("gcpsim", (AUTHENTICATED, MASTERS))
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def verb(call: Call) -> str:
    """The Kubernetes verb of a request, e.g. `list`."""
    if call.method in ("GET", "HEAD"):
        if call.watch:
            return "watch"
        return "get" if call.name or not call.plural else "list"
    if call.method == "DELETE" and not call.name:
        return "deletecollection"
    return VERBS.get(call.method, call.method.lower())


def token(call: Call) -> str:
    """The bearer token, "" without one."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def user_of(given: str) -> User:
    """Whose token it is."""
    start, _, rest = given.partition(".")
    if start != "gcpsim" or not rest:
        return OWNER
    said = rest.partition(".")[0]
    try:
        name = orjson.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))["sub"]
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return OWNER
    return named(str(name))


def named(name: str, groups: tuple[str, ...] = ()) -> User:
    """A user by name; a service account is in its groups unless others are given."""
    if name.startswith(ACCOUNT) and name.count(":") == 3 and not groups:
        return rbac.account(*name.removeprefix(ACCOUNT).split(":"))
    extra = () if AUTHENTICATED in groups or name == "system:anonymous" else (AUTHENTICATED,)
    return User(name, (*groups, *extra))


def asking(cluster: Objects, call: Call, *, decided: bool) -> User:
    """Who asks, or is spoken for; when `decided`, 403 for who may not speak for others."""
    user = user_of(token(call))
    name = call.headers.get("impersonate-user", "")
    if not name:
        if call.speaks_for:
            raise bad_request("impersonating groups needs a user to impersonate")
        return user
    for resource, wanted in (("users", name), *(("groups", one) for one in call.speaks_for)):
        wish = Wish("impersonate", resource=resource, name=wanted)
        if name.startswith(ACCOUNT) and resource == "users" and name.count(":") == 3:
            namespace, short = name.removeprefix(ACCOUNT).split(":")
            wish = Wish("impersonate", "", "serviceaccounts", "", namespace, short)
        if decided:
            require(cluster, user, wish)
    return named(name, call.speaks_for)


def require(cluster: Objects, user: User, wish: Wish) -> None:
    """StatusError 403 for what no role allows."""
    if MASTERS in user.groups or rbac.allowed_by(cluster, user, wish):
        return
    called = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
    about = f'{called} "{wish.name}"' if wish.name else called
    start = "forbidden" if wish.path else f"{about} is forbidden"
    details = {"name": wish.name, "group": wish.group, "kind": wish.resource}
    shown = {key: value for key, value in details.items() if value}
    raise StatusError(403, "Forbidden", f"{start}: {wish.refused(user)}", details=shown)


def wish_of(call: Call) -> Wish:
    """What a request wants."""
    if not call.plural:
        return Wish(VERBS.get(call.method, "get"), path=call.path)
    namespace = call.namespace or (call.name if call.plural == "namespaces" else "")
    return Wish(verb(call), call.group, call.plural, call.part, namespace, call.name)
