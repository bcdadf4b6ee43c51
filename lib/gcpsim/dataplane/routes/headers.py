"""Custom headers: Google's variables in braces, as Envoy's commands."""

import re

from gcpsim.dataplane.routes.documents import Doc
from gcpsim.dataplane.routes.envoy import APPEND, OVERWRITE, added, literal

# What Envoy knows. Variables about the client's place and device are unknown here, hence empty.
VARIABLES = {
    "client_ip_address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "client_port": "%DOWNSTREAM_REMOTE_PORT%",
    "client_protocol": "%PROTOCOL%",
    "client_region": "%METADATA(LISTENER:gcpsim:country)%",
    "origin_request_header": "%REQ(ORIGIN)%",
    "server_ip_address": "%METADATA(LISTENER:gcpsim:ip)%",
    "server_port": "%METADATA(LISTENER:gcpsim:port)%",
    "tls_cipher_suite": "%DOWNSTREAM_TLS_CIPHER%",
    "tls_ja3_fingerprint": "%TLS_JA3_FINGERPRINT%",
    "tls_ja4_fingerprint": "%TLS_JA4_FINGERPRINT%",
    "tls_sni_hostname": "%REQUESTED_SERVER_NAME%",
    "tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "client_encrypted": "%METADATA(LISTENER:gcpsim:encrypted)%",
}
_PARTS = re.compile(r"\{\{|\{([a-z0-9_]+)\}")


def value(text: str) -> str:
    """A header value with its variables; an unknown one is empty, `{{` is a brace."""

    out, at = [], 0
    for found in _PARTS.finditer(text):
        out.append(literal(text[at : found.start()]))
        out.append("{" if found.group(1) is None else VARIABLES.get(found.group(1), ""))
        at = found.end()
    return "".join(out) + literal(text[at:])


def custom(lines: list[str] | None) -> list[Doc]:
    """customRequestHeaders and customResponseHeaders of a backend service: `Name:value` lines."""
    out = []
    for line in lines or []:
        name, _, text = line.partition(":")
        out.append(added(name.strip().lower(), value(text.strip())))
    return out


def action(doc: Doc | None) -> Doc:
    """A headerAction as the four fields of a route, virtual host or route configuration."""
    doc = doc or {}
    out: Doc = {}
    for side in ("request", "response"):
        adds = doc.get(f"{side}HeadersToAdd")
        if adds:
            out[f"{side}_headers_to_add"] = [
                added(
                    one["headerName"].lower(),
                    value(one.get("headerValue", "")),
                    OVERWRITE if one.get("replace") else APPEND,
                )
                for one in adds
            ]
        removes = doc.get(f"{side}HeadersToRemove")
        if removes:
            out[f"{side}_headers_to_remove"] = [name.lower() for name in removes]
    return out


def joined(*parts: Doc) -> Doc:
    """Several of such fields as one, in the order in which they are applied."""
    out: Doc = {}
    for part in parts:
        for name, items in part.items():
            out[name] = out.get(name, []) + items
    return out
