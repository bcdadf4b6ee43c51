"""Bodies as messages of Google's clients."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import json_format

from edgebook.base.errors import UsageError


def filled(message: Callable[[], Any], body: Mapping[str, Any], what: str, api: str) -> Any:
    """The body as the client's message; UsageError when it has a field that the client lacks.

    `message`: the client's class, `what` and `api` as people call them.
    """
    made = message()
    # The newer clients wrap protobuf's message, the one of Compute Engine's types too.
    inner = getattr(message, "pb", lambda wrapped: wrapped)(made)
    try:
        json_format.ParseDict(dict(body), inner)
    except json_format.ParseError as error:
        raise UsageError(
            f"{what} has a field or value that {api} does not know",
            why=str(error),
            next="check the keys under `api:` in the params",
        ) from error
    return made
