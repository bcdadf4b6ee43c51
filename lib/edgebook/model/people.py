"""Somebody who runs, approves or signs: a name, and what proves that it is theirs."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Person:
    """A person or a pipeline; `proven` is False for what anybody could have typed."""

    name: str
    proof: str
    proven: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "proof": self.proof, "proven": self.proven}
