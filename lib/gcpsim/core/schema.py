"""Request bodies against Google's schemas: types, enums, unknown names, output-only fields.

`read` gives back what the server would keep: numbers that came as strings become numbers, enum
numbers become names, output-only fields are dropped. It must not apply defaults or look at
other resources; that is the collections' business.
"""

import base64
import binascii
import re
from typing import Any

from gcpsim.core.discovery import Api, api
from gcpsim.core.errors import ApiError

# Enums whose proto numbers are not the positions in the document (certificate_manager_v1 types).
ENUM_NUMBERS = {
    "AuthorizationAttemptInfo.state": {
        0: "STATE_UNSPECIFIED",
        1: "AUTHORIZING",
        6: "AUTHORIZED",
        7: "FAILED",
    },
    "CertificateIssuanceConfig.keyAlgorithm": {
        0: "KEY_ALGORITHM_UNSPECIFIED",
        1: "RSA_2048",
        4: "ECDSA_P256",
    },
}
# Fields that real answers have though the documents lack them; clients send them back.
UNDOCUMENTED = {
    "Firewall": {"enableLogging"},
    "NetworkEndpointGroup": {"loadBalancer"},
    "SecurityPolicy": {"selfLinkWithId"},
    "SecurityPolicyRule": {"ruleNumber"},
}
INT_RANGE = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
OUTPUT_ONLY = re.compile(r"\[?output[ -]only\]?", re.IGNORECASE)


def is_output_only(field: dict[str, Any]) -> bool:
    """Whether only the server sets a field; the documents mark it in two ways."""
    if field.get("readOnly"):
        return True
    found = OUTPUT_ONLY.search(field.get("description", ""))
    return found is not None and found.start() < 40


def enum_numbers(schema: str, name: str, field: dict[str, Any]) -> dict[int, str]:
    return ENUM_NUMBERS.get(f"{schema}.{name}") or dict(enumerate(field["enum"]))


class BodyReader:
    """Reads the bodies of one service. `root` is the name that error messages give the body."""

    def __init__(self, service: str, *, root: str = "resource", keep_output: bool = False) -> None:
        self.service = service
        self.api: Api = api(service)
        self.root = root
        self.keep_output = keep_output

    def read(self, schema: str, body: Any, where: str = "") -> dict[str, Any]:
        """The body as the server keeps it; ApiError 400 for what the schema does not allow."""
        if not isinstance(body, dict):
            raise self._payload(f"Invalid value ({_json_kind(body)}), expected an object.")
        return self._object(schema, self.api.schemas[schema], body, where)

    def _object(self, name: str, schema: dict[str, Any], value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._type_error(where, f"type.googleapis.com/{name}", value)
        if "properties" not in schema:
            extra = schema.get("additionalProperties")
            return {
                str(key): self._value(
                    name, str(key), extra or {"type": "any"}, item, f"{where}.{key}"
                )
                for key, item in value.items()
            }
        properties = schema["properties"]
        out: dict[str, Any] = {}
        for key, item in value.items():
            field = properties.get(key)
            if field is None:
                field = properties.get(_camel(key))
                key = _camel(key)
            if field is None:
                if key in UNDOCUMENTED.get(name, ()):
                    continue
                raise self._unknown(where, key)
            if not self.keep_output and is_output_only(field):
                continue
            path = f"{where}.{key}" if where else key
            if item is None:
                out[key] = None
            else:
                out[key] = self._value(name, key, field, item, path)
        return out

    def _value(self, owner: str, key: str, field: dict[str, Any], value: Any, where: str) -> Any:
        if "$ref" in field:
            return self._object(field["$ref"], self.api.schemas[field["$ref"]], value, where)
        kind = field.get("type", "any")
        if kind == "array":
            if not isinstance(value, list):
                raise self._type_error(where, "list", value)
            item = field["items"]
            return [
                self._value(owner, key, item, one, f"{where}[{index}]")
                for index, one in enumerate(value)
                if one is not None  # dropped unseen: Ansible sends one for a check that is not set
            ]
        if kind == "object":
            return self._object(owner, field, value, where)
        if kind == "boolean":
            if value in ("true", "false"):
                return value == "true"
            if not isinstance(value, bool):
                raise self._type_error(where, "TYPE_BOOL", value)
            return value
        if kind == "integer":
            return self._integer(field.get("format", "int32"), value, where)
        if kind == "number":
            return self._number(field.get("format", "double"), value, where)
        if kind == "string":
            return self._string(owner, key, field, value, where)
        return value

    def _string(self, owner: str, key: str, field: dict[str, Any], value: Any, where: str) -> Any:
        format = field.get("format", "")
        if format in ("int64", "uint64"):
            return str(self._integer(format, value, where))
        if "enum" in field:
            if isinstance(value, int) and not isinstance(value, bool):
                names = enum_numbers(owner, key, field)
                if value in names:
                    return names[value]
            if value not in field["enum"]:
                raise self._enum_error(owner, key, where, value)
            return value
        if not isinstance(value, str):
            raise self._type_error(where, "TYPE_STRING", value)
        if format == "byte":
            # Clients send both alphabets; the one that Google prints is kept, so that they compare.
            standard = value.replace("-", "+").replace("_", "/")
            try:
                raw = base64.b64decode(standard + "=" * (-len(value) % 4), validate=True)
            except (binascii.Error, ValueError):
                why = "Base64 decoding failed"
                raise self._type_error(where, "TYPE_BYTES", value, why) from None
            return base64.urlsafe_b64encode(raw).decode()
        return value

    def _integer(self, format: str, value: Any, where: str) -> int:
        type_name = f"TYPE_{format.upper()}"
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._type_error(where, type_name, value)
        low, high = INT_RANGE.get(format, INT_RANGE["int64"])
        if not low <= value <= high:
            raise self._type_error(where, type_name, value)
        return value

    def _number(self, format: str, value: Any, where: str) -> float | int:
        type_name = f"TYPE_{format.upper()}"
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self._type_error(where, type_name, value) from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._type_error(where, type_name, value)
        return value

    def _payload(self, message: str, field: str = "") -> ApiError:
        violation = {"description": message} | ({"field": field} if field else {})
        detail = {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [violation],
        }
        return ApiError(400, message, "badRequest", details=[detail])

    def _at(self, where: str) -> str:
        if not where:
            return self.root
        return f"{self.root}.{_snake(where)}" if self.root else _snake(where)

    def _unknown(self, where: str, key: str) -> ApiError:
        at = self._at(where)
        place = f" at '{at}'" if at else ""
        message = f'Invalid JSON payload received. Unknown name "{key}"{place}: Cannot find field.'
        return self._payload(message, at)

    def _type_error(self, where: str, type_name: str, value: Any, why: str = "") -> ApiError:
        shown = f'"{value}"' if isinstance(value, str) else _json_kind(value)
        tail = f", {why} for {shown}" if why else f", {shown}"
        at = self._at(where)
        return self._payload(f"Invalid value at '{at}' ({type_name}){tail}", at)

    def _enum_error(self, owner: str, key: str, where: str, value: Any) -> ApiError:
        if self.service in ("compute", "dns"):
            field = f"{self.root or 'resource'}.{where}"
            return ApiError(400, f"Invalid value for field '{field}': '{value}'. ", "invalid")
        type_name = f"type.googleapis.com/google.cloud.{self.service}.v1.{owner}.{_pascal(key)}"
        return self._type_error(where, type_name, value)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


def _snake(path: str) -> str:
    return re.sub(r"(?<=[A-Za-z0-9])([A-Z])", lambda match: "_" + match.group(1).lower(), path)


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        return "null"
    return "Starting an object on a scalar field" if isinstance(value, dict) else "array"
