"""Runs notebooks as one change: strict parameters, warm kernels, approval by hash, a sealed record.

papermill's own machinery executes and saves them; plain papermill and JupyterLab stay as good a way
to run each of them. Importing this package first loads jsonschema (which papermill and nbformat
need) without its optional rfc3987-syntax: that builds a grammar for a second and checks a format
that no notebook has.
"""

import sys

_GRAMMAR = "rfc3987_syntax"

if "jsonschema" not in sys.modules and _GRAMMAR not in sys.modules:
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    try:
        import jsonschema as jsonschema  # type: ignore[import-untyped]
    finally:
        del sys.modules[_GRAMMAR]
