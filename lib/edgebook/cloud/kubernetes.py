"""Kubernetes clusters by kubeconfig context, or directly by project, location and name.

The official client reads the configuration, keeps credentials fresh and carries the requests;
answers are raw JSON, as everywhere in edgebook (its typed models refuse what they do not expect).
It must not know what the objects mean: that is `live` and `apply`.
"""

import base64
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3

from edgebook.base.clock import Cancelled
from edgebook.base.errors import AccessError, ApiError, ConnectError, EdgebookError
from edgebook.base.state import scratch
from edgebook.cloud import answers, refusals, retry
from edgebook.cloud.calls import bounded
from edgebook.cloud.connect import Connection
from edgebook.cloud.lightimport import IMPORTING
from edgebook.cloud.wire import Wire
from edgebook.model.paths import project_of

PAGE = "500"
POOL = 16
UNREACHED = ("connection", refusals.SILENT)
PAGES_AT_MOST = 2000
CONFIG_SECONDS = 60.0  # a kubeconfig may start a program that fetches a token
MERGE_PATCH = "application/merge-patch+json"
NO_SUCH_TYPE = "404 page not found"  # what the API server says of a path that it does not know


class KubeCluster:
    """One cluster under its name in the params."""

    def __init__(self, name: str, client: "Direct", connection: Connection, *, where: str) -> None:
        self.name = name
        self.where = where
        self._client = client
        self._connection = connection

    def list(
        self, path: str, *, labels: str = "", fields: str = "", missing_ok: bool = False
    ) -> Iterator[dict[str, Any]]:
        """All objects of a collection; with `missing_ok`, none when the type is not installed."""
        query = {"limit": PAGE}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        seen: set[str] = set()
        while True:
            try:
                page = self.request("GET", path, query=query, check=_refuse_no_list)
            except ApiError as error:
                if missing_ok and refusals.not_there(error):
                    return
                raise
            yield from page.get("items") or ()
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return
            if token in seen or len(seen) == PAGES_AT_MOST:
                raise ApiError(
                    f"Cluster {self.name}: a list does not end",
                    reason=refusals.GARBLED,
                    message=f"page {len(seen) + 1} leads to a page that was read already",
                    method="GET",
                    path=f"{self.where}/{path}",
                    next=refusals.LOOK_BETWEEN,
                )
            seen.add(token)
            query["continue"] = token

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None."""
        try:
            return self.request("GET", path, check=_refuse_no_object)
        except ApiError as error:
            if refusals.not_there(error):
                return None
            raise

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A merge patch; with metadata.resourceVersion in it, refused (409) when somebody wrote."""
        return self.request(
            "PATCH", path, body=body, content_type=MERGE_PATCH, check=_refuse_no_object
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        check: Callable[[dict[str, Any]], None] = lambda said: None,
    ) -> dict[str, Any]:
        """One request, repeated while its error passes by itself; `check` may refuse its answer."""

        def once() -> dict[str, Any]:
            if method != "GET":
                self._connection.before_write()
            said = self._once(method, path, query or {}, body, content_type)
            check(said)
            return said

        where = f"{self.where}/{path}"
        try:
            return retry.attempt(once, connection=self._connection, method=method, path=where)
        except ApiError as error:
            if error.reason in UNREACHED:
                raise self._unreachable(error) from error
            raise

    def _once(
        self, method: str, path: str, query: dict[str, str], body: Any, content_type: str
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json", **self._client.headers()}
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{self._client.host}/{path}" + (f"?{urlencode(query)}" if query else "")
        answer = self._client.pool.request(
            method,
            url,
            body=None if body is None else orjson.dumps(body),
            headers=headers,
            timeout=urllib3.Timeout(connect=5, read=self._connection.limits.one),
            retries=False,
            preload_content=False,
        )
        content = answers.read_whole(answer)
        if answer.status >= 400:
            raise self._refusal(answer.status, content, method, path)
        return answers.json_object(answer.status, content, answer.headers.get("Location") or "")

    def _refusal(self, code: int, content: bytes, method: str, path: str) -> EdgebookError:
        where = f"{method} {self.where}/{path}"
        try:
            said = orjson.loads(content)
        except ValueError:
            said = None
        text = answers.beginning(content)
        # Only the API server itself says Status; anything else is from somebody in between.
        genuine = isinstance(said, dict) and said.get("kind") == "Status"
        genuine = genuine or (code == 404 and text == NO_SUCH_TYPE)
        said = said if isinstance(said, dict) else {}
        message = str(said.get("message") or text)
        if not genuine and code != 401:
            return ApiError(
                f"Cluster {self.name}: HTTP {code} with what is no answer of its API",
                code=code,
                reason=refusals.GARBLED,
                message=text or "an empty body",
                method=method,
                path=f"{self.where}/{path}",
                next=refusals.LOOK_BETWEEN,
            )
        if code == 401:
            return ConnectError(
                f"Cluster {self.name} does not accept the credentials", where=where, why=message
            )
        if code == 403:
            return AccessError(
                f"A permission is missing in cluster {self.name}",
                where=where,
                why=message,
                next="grant roles/container.developer, or the RBAC verb named above",
            )
        return ApiError(
            f"Cluster {self.name}: {message}",
            code=code,
            reason=str(said.get("reason") or ""),
            message=message,
            method=method,
            path=f"{self.where}/{path}",
        )

    def _unreachable(self, error: ApiError) -> ConnectError:
        return ConnectError(
            f"Cluster {self.name} cannot be reached",
            where=self._client.host,
            why=error.message,
            next=f"check clusters.{self.name} in the params, the network path, and that it runs",
        )


@dataclass(frozen=True)
class Direct:
    """How a cluster is reached: its address, fresh headers for each request, and a pool."""

    host: str
    headers: Callable[[], Mapping[str, str]]
    pool: Any


def by_context(name: str, context: str, connection: Connection) -> KubeCluster:
    """The cluster that a kubeconfig context names."""
    where = f"clusters.{name}.context: {context}"

    def load() -> Any:
        # Two threads that import parts of this package at once can wait for each other forever.
        with IMPORTING:
            from kubernetes import config
            from kubernetes.client import ApiClient, Configuration

            for path in connection.kubeconfigs or (None,):
                settings = type.__call__(Configuration)
                try:
                    config.load_kube_config(
                        config_file=path,
                        context=context,
                        client_configuration=settings,
                        temp_file_path=str(scratch()),
                    )
                except config.ConfigException:
                    continue
                return ApiClient(configuration=settings)
        return None

    try:
        client = bounded(load, seconds=CONFIG_SECONDS, clock=connection.clock)
    except (Cancelled, EdgebookError):
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {answers.beginning(str(error))}"
        raise ConnectError(f"The kubeconfig of cluster {name} is of no use", where=where, why=why,
                           next=_write_context(context)) from error  # fmt: skip
    if client is None:
        files = ", ".join(connection.kubeconfigs) or "~/.kube/config"
        raise ConnectError(
            f"No kubeconfig context for cluster {name}",
            where=where,
            why=f"not found in {files}",
            next=f"{_write_context(context)}, or name the cluster by project, location and name",
        )
    settings = client.configuration

    def headers() -> Mapping[str, str]:
        return {item["key"]: item["value"] for item in settings.auth_settings().values()}

    direct = Direct(str(settings.host), headers, client.rest_client.pool_manager)
    return KubeCluster(name, direct, connection, where=direct.host)


def _write_context(context: str) -> str:
    """The line that writes a context anew; of one that gcloud did not name, what there is."""
    parts = context.split("_")
    if len(parts) == 4 and parts[0] == "gke":
        _, project, location, name = parts
        command = f"gcloud container clusters get-credentials {name} --location {location}"
        return f"`{command} --project {project}`"
    return "`kubectl config get-contexts` names those that are there: correct the params"


def by_location(name: str, path: str, wire: Wire) -> KubeCluster:
    """The cluster `projects/P/locations/L/clusters/C`, its endpoint and CA from the GKE API."""
    try:
        found = wire.request("container", "GET", f"v1/{path}", check=answers.named)
    except ApiError as error:
        if refusals.not_there(error):
            raise ConnectError(
                f"Cluster {name} does not exist",
                where=f"clusters.{name}: {path}",
                why=error.message,
                next=f"`gcloud container clusters list --project {project_of(path)}` names those "
                "that do",
            ) from error
        raise
    if found.get("status") not in {"RUNNING", "RECONCILING", None}:
        raise ConnectError(
            f"Cluster {name} is {found.get('status')}", where=path, why="it must be RUNNING"
        )
    return KubeCluster(name, _direct_client(found, wire.connection), wire.connection, where=path)


def _direct_client(found: dict[str, Any], connection: Connection) -> Direct:
    endpoint = str(found.get("endpoint") or "")
    host = endpoint if "://" in endpoint else f"https://{endpoint}"
    certificate = (found.get("masterAuth") or {}).get("clusterCaCertificate") or ""
    try:
        # With a CA of its own a cluster has no use for the machine's, which take long to load.
        context = ssl.create_default_context(cadata=base64.b64decode(certificate).decode() or None)
    except (ValueError, ssl.SSLError) as error:
        raise ConnectError(
            "The CA certificate of a cluster cannot be read",
            where=f"{host}: masterAuth.clusterCaCertificate",
            why=str(error),
        ) from error

    def headers() -> Mapping[str, str]:
        token = connection.token()
        return {"authorization": f"Bearer {token}"} if token else {}

    return Direct(host, headers, urllib3.PoolManager(ssl_context=context, maxsize=POOL))


def _refuse_no_list(page: Mapping[str, Any]) -> None:
    """Raise Garbled for what is no list of objects: a cluster that answers so is not empty."""
    items = page.get("items", ())
    if "items" not in page or not str(page.get("kind", "")).endswith("List"):
        raise answers.Garbled("an object without kind and items instead of a list")
    for item in items or ():
        _refuse_no_object(item)


def _refuse_no_object(item: Any) -> None:
    meta = item.get("metadata") if isinstance(item, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        raise answers.Garbled("something without metadata and name instead of an object")
