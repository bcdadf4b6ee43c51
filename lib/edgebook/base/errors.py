"""Every error that edgebook raises on purpose: what, where, why, next, and an exit code.

    EdgebookError             1    something failed
    ├── UsageError            2    the command line or a call is wrong
    │   └── ParamsError       2    a params file is wrong: all its problems at once
    ├── RefusedError          3    edgebook will not do it
    │   ├── ApprovalError     3    not approved, or the plan is not the approved one
    │   ├── SafetyError       3    more deletes or replacements than the params allow
    │   ├── OwnershipError    3    it belongs to somebody else
    │   ├── WrongWorld        3    params of Google Cloud where everything leads to a simulator
    │   └── LockedError       5    another run holds this front door: later it may go
    ├── ConnectError          1    no credentials, or something cannot be reached
    ├── AccessError           1    a permission is missing or an API is disabled
    ├── ApiError              1    Google Cloud or Kubernetes answered with an error
    ├── StepFailed            1    a step or one of its gates failed
    └── InterruptedRun      130    stopped by hand; the journal says where

Exit code 0 is success; `edgebook plan --detailed-exitcode` ends with 4 when there are changes,
`edgebook status` with 6 when the front door is not healthy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from edgebook.base.shapes import hide
from edgebook.base.text import plain, safe

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_CHANGES = 4
EXIT_LOCKED = 5
EXIT_UNHEALTHY = 6
EXIT_INTERRUPTED = 130


class EdgebookError(Exception):
    """What went wrong (kind, name), where (file and key, or API call), why, and what is next."""

    exit_code = EXIT_FAILED

    def __init__(self, what: str, *, where: str = "", why: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next = next

    def __str__(self) -> str:
        lines = [plain(self.what)]
        for label in ("where", "why", "next"):
            if text := getattr(self, label):
                first, *rest = str(text).splitlines()
                lines.append(f"  {label:<7} {first}")
                lines.extend(f"          {line}" for line in rest)
        return safe("\n".join(lines))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: an operator needs the words, not our frames."""
        return str(self).splitlines()

    def to_json(self) -> dict[str, Any]:
        return {
            "error": type(self).__name__,
            "what": safe(self.what),
            "where": safe(self.where),
            "why": safe(self.why),
            "next": safe(self.next),
        }

    def without_secrets(self) -> Self:
        """The same, without a cause that holds a secret: whoever logs tracebacks logs causes."""
        error: BaseException = self
        seen = {id(self)}  # threads that share an error make rings of causes
        while (cause := error.__cause__ or error.__context__) is not None and id(cause) not in seen:
            seen.add(id(cause))
            if not isinstance(cause, EdgebookError) and hide(str(cause)) != str(cause):
                error.__cause__ = error.__context__ = None
                break
            error = cause
        return self


class UsageError(EdgebookError):
    exit_code = EXIT_USAGE


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a params file; line 0 means the file as a whole."""

    line: int
    path: str
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "path": self.path, "text": self.text}


class ParamsError(UsageError):
    """All problems of one params file, sorted by line."""

    def __init__(self, file: str, problems: Sequence[Problem], schema: str = "") -> None:
        self.file = file
        self.problems = tuple(sorted(problems))
        self.schema = schema
        count = len(self.problems)
        super().__init__(f"{file}: {count} problem{'s' if count != 1 else ''}", where=file)

    def __str__(self) -> str:
        numbers = [f"line {problem.line}" if problem.line else "" for problem in self.problems]
        width = max((len(number) for number in numbers), default=0)
        lines = [self.what]
        for number, problem in zip(numbers, self.problems, strict=True):
            path = f"{problem.path}   " if problem.path else ""
            lines.append(f"  {number:<{width}}  {path}{problem.text}")
        schema = f" Schema: {self.schema}" if self.schema else ""
        lines.append(f"Nothing was changed.{schema}")
        return safe("\n".join(lines))

    def to_json(self) -> dict[str, Any]:
        problems = [problem.to_json() for problem in self.problems]
        return super().to_json() | {"file": self.file, "problems": problems}


class RefusedError(EdgebookError):
    exit_code = EXIT_REFUSED


class ApprovalError(RefusedError):
    """Not approved, or the plan of now differs from the approved one."""


class SafetyError(RefusedError):
    """More would be deleted or replaced than the params' `safety` allows."""


class OwnershipError(RefusedError):
    """It is neither marked as ours nor adopted by the params."""


class WrongWorld(RefusedError):
    """The params are for Google Cloud, the shell or its credentials are a simulator's."""


class LockedError(RefusedError):
    """Another run holds this front door, or has taken it over; nothing is wrong with this one."""

    exit_code = EXIT_LOCKED


class ConnectError(EdgebookError):
    """No usable credentials, or an endpoint or a cluster cannot be reached."""


class AccessError(EdgebookError):
    """A permission is missing or an API is disabled."""


class ApiError(EdgebookError):
    """An error answer. Decide by `reason` (Compute, DNS) or `status` (google.rpc), not by `code`.

    `operation` is set when the error came inside a finished operation.
    """

    def __init__(
        self,
        what: str,
        *,
        code: int = 0,
        reason: str = "",
        status: str = "",
        message: str = "",
        method: str = "",
        path: str = "",
        operation: str = "",
        details: Sequence[Any] = (),
        next: str = "",
    ) -> None:
        super().__init__(what, where=f"{method} {path}".strip(), why=message, next=next)
        self.code = code
        self.reason = reason
        self.status = status
        self.message = message
        self.method = method
        self.path = path
        self.operation = operation
        self.details = tuple(details)

    def to_json(self) -> dict[str, Any]:
        seen = {"code": self.code, "reason": self.reason, "status": self.status}
        return super().to_json() | seen | {"operation": self.operation}


class StepFailed(EdgebookError):
    """A step or a gate failed; `state` says what is done, what is not, and where traffic flows."""

    def __init__(
        self,
        what: str,
        *,
        step: str = "",
        where: str = "",
        why: str = "",
        seen: str = "",
        next: str = "",
        state: str = "",
    ) -> None:
        super().__init__(what, where=where, why=why, next=next)
        self.step = step
        self.seen = seen
        self.state = state
        self.outcome: Any = None  # what was done or checked, to be shown before the words

    def __str__(self) -> str:
        lines = [plain(self.what)]
        for label in ("where", "why", "seen", "next", "state"):
            if text := getattr(self, label):
                first, *rest = str(text).splitlines()
                lines.append(f"  {label:<7} {first}")
                lines.extend(f"          {line}" for line in rest)
        return safe("\n".join(lines))

    def to_json(self) -> dict[str, Any]:
        said = {"step": self.step, "seen": safe(self.seen), "state": safe(self.state)}
        return super().to_json() | said


class InterruptedRun(EdgebookError):
    exit_code = EXIT_INTERRUPTED
