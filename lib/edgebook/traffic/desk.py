"""One watch for several processes: the run holds it, its notebooks' kernels ask over a socket.

A Desk answers JSON lines on a Unix socket that only its user can open; EDGEBOOK_METER names it. A
RemoteWatch has what a step needs of a Watch. Marks and windows are in monotonic seconds, which all
processes of a machine share.
"""

import contextlib
import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.cloud.reach import Way
from edgebook.traffic.samples import Mark
from edgebook.traffic.statistics import Statistics
from edgebook.traffic.streaks import streaks
from edgebook.traffic.values import Target
from edgebook.traffic.watch import Watch

VARIABLE = "EDGEBOOK_METER"
PATIENCE = 30.0


class Desk:
    """Answers for a watch, until `close`."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._folder = tempfile.mkdtemp(prefix="edgebook-")  # only its user may enter
        self.path = str(Path(self._folder) / "meter")
        watched = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    self.wfile.write(json.dumps(watched.answer(json.loads(line))).encode() + b"\n")

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(self.path, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def answer(self, asked: Mapping[str, Any]) -> Any:
        watch, verb = self._watch, asked["verb"]
        if verb == "mark":
            mark = watch.mark(asked["text"], key=asked["key"])
            return {"at": mark.at}
        if verb == "window":
            return watch.window(asked["since"], asked["until"]).to_json()
        if verb == "streaks":
            found = streaks(watch.log, asked["since"])
            return [streak.to_json() for _, streak in sorted(found.items())]
        if verb == "add":
            ways: dict[tuple[str, int], list[Way]] = {}
            for ip, port, *way in asked["ways"]:
                ways.setdefault((ip, port), []).append(Way(*way))
            targets = [Target.from_json(item) for item in asked["targets"]]
            watch.add(targets, ways=ways, rates=asked["rates"])
        elif verb == "drop":
            watch.drop(*asked["frontends"])
        elif verb == "hurry":
            watch.hurry(asked["longest"])
        elif verb == "judged":
            watch.judged = asked["until"]
        return {"began": watch.began, "judged": watch.judged}

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with contextlib.suppress(OSError):
            Path(self.path).unlink()
            Path(self._folder).rmdir()


class RemoteWatch:
    """A watch that another process holds."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.began = float(self._ask({"verb": "hello"})["began"])

    def add(
        self,
        targets: Iterable[Target],
        *,
        ways: Mapping[tuple[str, int], Iterable[Way]] | None = None,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        told = [
            [ip, port, way.location, way.host, way.port]
            for (ip, port), found in (ways or {}).items()
            for way in found
        ]
        made = [target.to_json() for target in targets]
        self._ask({"verb": "add", "targets": made, "ways": told, "rates": dict(rates or {})})

    @property
    def judged(self) -> float:
        return float(self._ask({"verb": "hello"})["judged"])

    @judged.setter
    def judged(self, until: float) -> None:
        self._ask({"verb": "judged", "until": until})

    def hurry(self, longest: float | None) -> None:
        """No series waits longer than so many seconds; None: at the allowed pace."""
        self._ask({"verb": "hurry", "longest": longest})

    def streaks(self, since: float) -> list[dict[str, Any]]:
        """What each series saw since then, in JSON."""
        return list(self._ask({"verb": "streaks", "since": since}))

    def drop(self, *frontends: str) -> None:
        self._ask({"verb": "drop", "frontends": list(frontends)})

    def mark(self, text: str, *, key: str = "") -> Mark:
        return Mark(float(self._ask({"verb": "mark", "text": text, "key": key})["at"]), text, key)

    def window(self, since: float | None = None, until: float | None = None) -> Statistics:
        said = self._ask({"verb": "window", "since": since, "until": until})
        return Statistics.from_json(said)

    def _ask(self, question: Mapping[str, Any]) -> Any:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(PATIENCE)
                line.connect(self._path)
                line.sendall(json.dumps(question).encode() + b"\n")
                with line.makefile("rb") as answers:
                    return json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise EdgebookError(
                "The meter of this run does not answer",
                where=self._path,
                why=str(error),
                next="run again; what was seen until now is in the record",
            ) from error


def current(make: Callable[[str], RemoteWatch] = RemoteWatch) -> RemoteWatch | None:
    """The watch of the run that this process belongs to, if there is one."""
    path = os.environ.get(VARIABLE, "")
    return make(path) if path and Path(path).exists() else None
