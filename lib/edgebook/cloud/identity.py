"""Who runs this, as their credentials prove it: service account, Google account, OIDC subject.

What cannot be proven (the simulator, credentials without an address) is the user name of the
system, and says so. Nothing here decides what that person may do.
"""

import base64
import getpass
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from google.auth.credentials import AnonymousCredentials

from edgebook.base.errors import EdgebookError
from edgebook.cloud.connect import Connection
from edgebook.model.people import Person

TOKEN_INFO = "https://oauth2.googleapis.com/tokeninfo"
SECONDS = 10.0
GITHUB = ".actions.githubusercontent.com"


def identity(connection: Connection, environ: Mapping[str, str] = os.environ) -> Person:
    """The author of what is run over this connection; asked once per connection."""
    if connection.identity is None:
        found = _of_pipeline(environ) or _of_google(connection.credentials, connection)
        connection.identity = found or local_user()
    return connection.identity


def local_user() -> Person:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Person(name, "user name of the system, not proven")


def oidc_token(audience: str, environ: Mapping[str, str] = os.environ) -> str:
    """An identity token of the pipeline that this runs in; "" when there is none."""
    url, bearer = (environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    host = urlsplit(url).hostname or ""
    if not bearer or not url.startswith("https://") or not host.endswith(GITHUB):
        return ""
    try:
        answer = requests.get(
            url,
            params={"audience": audience},
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=SECONDS,
        )
        return str(answer.json()["value"]) if answer.status_code == 200 else ""
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return ""


def _of_pipeline(environ: Mapping[str, str]) -> Person | None:
    claims = _claims(oidc_token("edgebook", environ))
    if not claims.get("sub"):
        return None
    return Person(str(claims["sub"]), f"OIDC subject at {claims.get('iss', '')}", proven=True)


def _of_google(credentials: Any, connection: Connection) -> Person | None:
    if isinstance(credentials, AnonymousCredentials):
        return None
    for name in ("service_account_email", "signer_email"):
        address = getattr(credentials, name, None)
        if address and address != "default":
            return Person(str(address), "service account of the credentials", proven=True)
    try:
        body = {"access_token": connection.token()}
        answer = requests.post(TOKEN_INFO, data=body, timeout=SECONDS)
        said = answer.json() if answer.status_code == 200 else {}
    except (EdgebookError, requests.RequestException, ValueError):
        return None
    address = said.get("email") if isinstance(said, dict) else None
    if not address:
        return None
    return Person(str(address), "Google account of the credentials", proven=True)


def _claims(token: str) -> dict[str, Any]:
    """What a token says; it came from its issuer over TLS, so that its signature adds nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
