"""JSON that anybody may have written: whatever is wrong with it is one kind of error."""

import json
from typing import Any


def from_json(text: str | bytes) -> Any:
    """What a text says as JSON; ValueError for all that is none, thousands of levels included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested thousands of levels deep") from None
