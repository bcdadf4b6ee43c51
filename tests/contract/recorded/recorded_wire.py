"""Plain requests as recorded clients made them: no library between the test and the wire."""

from typing import Any


class Wire:
    """One project of one simulator. Paths are below projects/<project>/ of Compute Engine."""

    def __init__(self, sim: Any, project: str) -> None:
        self.sim = sim
        self.project = project

    def ask(self, verb: str, path: str, body: Any = None, version: str = "v1") -> tuple[int, Any]:
        url = f"/compute/{version}/projects/{self.project}" + (f"/{path}" if path else "")
        answer: tuple[int, Any] = self.sim.http(verb, url, body)
        return answer

    def get(self, path: str) -> Any:
        status, body = self.ask("GET", path)
        assert status == 200, body
        return body

    def do(self, verb: str, path: str, body: Any = None) -> Any:
        """A mutation that must be accepted; gives its operation."""
        status, operation = self.ask(verb, path, body)
        assert status == 200, operation
        return operation

    def make(self, collection: str, **body: Any) -> Any:
        """Insert a resource and read it back."""
        operation = self.do("POST", collection, body)
        assert operation["status"] == "DONE", operation
        assert "error" not in operation, operation
        return self.get(f"{collection}/{body['name']}")

    def refusal(self, verb: str, path: str, body: Any = None) -> Any:
        """The `error` of a request that must be refused."""
        status, answer = self.ask(verb, path, body)
        assert status >= 400, answer
        assert answer["error"]["code"] == status
        return answer["error"]

    def link(self, path: str, version: str = "v1") -> str:
        return f"https://www.googleapis.com/compute/{version}/projects/{self.project}/{path}"
