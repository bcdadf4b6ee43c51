"""Google's Compute Engine client without its 130 services: only the services that are asked for.

`import google.cloud.compute_v1` imports every service of the API (5 s of CPU). Here the package's
module is put in place with its real spec but its __init__ not yet run, so that one service can be
imported at a time (1.5 s, nearly all of it the message types). Whoever asks the package for a name
that only its __init__ defines gets it: the __init__ then runs. When any of this stops working, the
ordinary import is used: slower, never different. Decision 20 has the why.
"""

import contextlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

PACKAGE = "google.cloud.compute_v1"
# Threads that import modules with circular imports at the same time may deadlock: one at a time.
IMPORTING = threading.RLock()


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Inside, imports of these packages fail as where they are not installed, and others make do.

    For what another package would import and nobody here uses; decision 101 has the why.
    """
    with IMPORTING:
        absent = [name for name in names if name not in sys.modules]
        modules: dict[str, Any] = sys.modules
        modules.update(dict.fromkeys(absent))
        try:
            yield
        finally:
            for name in absent:
                del modules[name]


def compute_service(name: str, client: str) -> Any:
    """The client class of one service, e.g. ("backend_services", "BackendServicesClient")."""
    return getattr(_load(f"services.{name}"), client)


def compute_types() -> Any:
    """The module with all message types of Compute Engine."""
    return _load("types.compute")


def _load(submodule: str) -> ModuleType:
    with IMPORTING:
        if PACKAGE not in sys.modules:
            try:
                _place_package()
                return importlib.import_module(f"{PACKAGE}.{submodule}")
            except (ImportError, AttributeError):
                _forget()
                importlib.import_module(PACKAGE)
        return importlib.import_module(f"{PACKAGE}.{submodule}")


def _place_package() -> None:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{PACKAGE} is not installed")
    package = importlib.util.module_from_spec(spec)
    loader = spec.loader

    def on_demand(name: str) -> Any:
        """PEP 562: a submodule by that name, else whatever the package's own __init__ defines."""
        if name.startswith("__"):
            raise AttributeError(name)
        with IMPORTING:
            if importlib.util.find_spec(f"{PACKAGE}.{name}") is not None:
                return importlib.import_module(f"{PACKAGE}.{name}")
            package.__dict__.pop("__getattr__", None)
            loader.exec_module(package)
        return getattr(package, name)

    package.__dict__["__getattr__"] = on_demand
    sys.modules[PACKAGE] = package


def _forget() -> None:
    for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
