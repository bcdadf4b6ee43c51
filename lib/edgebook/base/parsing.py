"""JSON that anybody may have written: whatever is wrong with it is one kind of error."""

import json
import re
from typing import Any

WHOLE = re.compile(r"\s*([0-9]{1,9})s?\s*")
HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a pair, or alone: then nobody can write it down


def from_json(text: str | bytes) -> Any:
    """What a text says as JSON; ValueError for all that is none, thousands of levels included."""
    try:
        said = json.loads(text)
        if HALF.search(text if isinstance(text, str) else text.decode(errors="replace")):
            json.dumps(said, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested thousands of levels deep") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character") from None
    return said


def whole(text: object, otherwise: int) -> int:
    """A number that people wrote down, in seconds too (`60s`); `otherwise` where it is none."""
    found = WHOLE.fullmatch(str(text))
    return int(found[1]) if found else otherwise


def json_lines(text: str) -> list[str]:
    """The lines of JSON lines: texts in them may hold what other formats break lines at."""
    return [line for line in text.split("\n") if line.strip()]
