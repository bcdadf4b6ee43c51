"""YAML read and written by libyaml: in a twentieth of the time that it takes in Python."""

from typing import Any

import yaml


def read(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def write(value: Any) -> str:
    """In the order of its keys."""
    return yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False)
