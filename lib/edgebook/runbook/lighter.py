"""papermill without what it imports for buckets: a run reads and writes here, records go by clients
of our own (`records.buckets`), and boto3 and gcsfs would cost each run two thirds of a second.

Whoever imported them before keeps them. It must not be in force for longer than the import.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

BUCKETS = ("boto3", "gcsfs")


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Inside, an import of these packages fails as where they are not installed."""
    absent = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]
