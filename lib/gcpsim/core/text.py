"""What requests say is told to whoever runs the simulator as data: nothing in it acts there."""

import logging

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # they print, and nothing is seen


def plain(text: object) -> str:
    """One line in which nothing acts on a terminal: requests are of anybody, and so are errors."""
    return "".join(_seen(c) for c in str(text))


def _seen(c: str) -> str:
    said = c.isprintable() and c not in BLANKS
    return c if said else c.encode("unicode_escape", "surrogatepass").decode()


class PlainLog(logging.Formatter):
    """A log of lines with a trace below, in which no message acts or makes a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord({**record.__dict__, "msg": plain(record.getMessage())})
        record.args = ()
        return super().format(record)

    def formatException(self, ei: object) -> str:  # noqa: N802
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join(f"  {plain(line)}" for line in lines)


def to_stderr() -> None:
    """From now on the log goes to standard error in that form."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainLog("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
