"""Kubernetes clusters by kubeconfig context, or directly by project, location and name.

The official client reads the configuration, keeps credentials fresh and carries the requests;
answers are raw JSON, as everywhere in edgebook (its typed models refuse what they do not expect).
It must not know what the objects mean: that is `live` and `apply`.
"""

import base64
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from edgebook.clock import backoff
from edgebook.cloud import refusals
from edgebook.cloud.connect import Connection
from edgebook.cloud.lightimport import IMPORTING
from edgebook.cloud.refusals import Passing
from edgebook.cloud.wire import Wire
from edgebook.errors import AccessError, ApiError, ConnectError, EdgebookError

TRIES = 4
PAGE = "500"
MERGE_PATCH = "application/merge-patch+json"


class KubeCluster:
    """One cluster under its name in the params."""

    def __init__(self, name: str, client: Any, connection: Connection, *, where: str) -> None:
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
        while True:
            try:
                page = self.request("GET", path, query=query)
            except ApiError as error:
                if missing_ok and error.code == 404:
                    return
                raise
            yield from page.get("items", [])
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A merge patch; with metadata.resourceVersion in it, refused (409) when somebody wrote."""
        return self.request("PATCH", path, body=body, content_type=MERGE_PATCH)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request, repeated while its error passes by itself."""
        for attempt in range(TRIES):
            try:
                return self._once(method, path, query or {}, body, content_type)
            except ApiError as error:
                last = attempt == TRIES - 1
                if refusals.passing(error) is Passing.NEVER or last:
                    if error.reason == "connection":
                        raise self._unreachable(error) from error
                    raise
                pause = backoff(attempt, first=0.5, limit=8)
                self._connection.on_retry(error, pause)
                self._connection.clock.wait(pause)
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, query: dict[str, str], body: Any, content_type: str
    ) -> dict[str, Any]:
        import urllib3

        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            configuration = self._client.configuration
            for setting in configuration.auth_settings().values():
                headers[setting["key"]] = setting["value"]
            url = f"{configuration.host}/{path}" + (f"?{urlencode(query)}" if query else "")
            answer = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else orjson.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=5, read=60),
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(
                f"Cluster {self.name} gave no answer",
                reason="connection",
                message=f"{type(error).__name__}: {error}",
                method=method,
                path=f"{self.where}/{path}",
            ) from error
        if answer.status >= 400:
            raise self._refusal(answer.status, answer.data, method, path)
        return orjson.loads(answer.data) if answer.data else {}

    def _refusal(self, code: int, content: bytes, method: str, path: str) -> EdgebookError:
        where = f"{method} {self.where}/{path}"
        try:
            said = orjson.loads(content)
        except ValueError:
            said = {}
        message = str(said.get("message") or content[:300].decode(errors="replace"))
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
            where=self._client.configuration.host,
            why=error.message,
            next=f"check clusters.{self.name} in the params, the network path, and that it runs",
        )


def by_context(name: str, context: str, connection: Connection) -> KubeCluster:
    """The cluster that a kubeconfig context names."""
    with IMPORTING:
        # Two threads that import parts of this package at once can wait for each other forever.
        from kubernetes import config

        for path in connection.kubeconfigs or (None,):
            try:
                client = config.new_client_from_config(config_file=path, context=context)
            except config.ConfigException:
                continue
            return KubeCluster(name, client, connection, where=client.configuration.host)
    files = ", ".join(connection.kubeconfigs) or "~/.kube/config"
    raise ConnectError(
        f"No kubeconfig context for cluster {name}",
        where=f"clusters.{name}.context: {context}",
        why=f"not found in {files}",
        next="gcloud container clusters get-credentials, or name the cluster by project, "
        "location and name",
    )


def by_location(name: str, path: str, wire: Wire) -> KubeCluster:
    """The cluster `projects/P/locations/L/clusters/C`, its endpoint and CA from the GKE API."""
    try:
        found = wire.get("container", f"v1/{path}")
    except ApiError as error:
        if refusals.not_there(error):
            raise ConnectError(
                f"Cluster {name} does not exist",
                where=f"clusters.{name}: {path}",
                why=error.message,
                next="gcloud container clusters list",
            ) from error
        raise
    if found.get("status") not in {"RUNNING", "RECONCILING", None}:
        raise ConnectError(
            f"Cluster {name} is {found.get('status')}", where=path, why="it must be RUNNING"
        )
    return KubeCluster(name, _direct_client(found, wire.connection), wire.connection, where=path)


def _direct_client(found: dict[str, Any], connection: Connection) -> Any:
    with IMPORTING:
        from kubernetes.client import ApiClient, Configuration

    endpoint = str(found.get("endpoint", ""))
    configuration = Configuration()
    configuration.host = endpoint if "://" in endpoint else f"https://{endpoint}"
    if certificate := (found.get("masterAuth") or {}).get("clusterCaCertificate"):
        handle = tempfile.NamedTemporaryFile(prefix="edgebook-ca-", suffix=".pem", delete=False)  # noqa: SIM115
        with handle:
            handle.write(base64.b64decode(certificate))
        configuration.ssl_ca_cert = str(Path(handle.name))

    def fresh(target: Any) -> None:
        if token := connection.token():
            target.api_key["authorization"] = f"Bearer {token}"

    configuration.refresh_api_key_hook = fresh
    fresh(configuration)
    return ApiClient(configuration)
