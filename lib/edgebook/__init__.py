"""Runbooks that put a global front door before GKE clusters, as a library.

    book = edgebook.open("params/rehearsal.yaml")
    book.step("certificate").plan()

`open` is imported when it is used, so that `import edgebook` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebook.book import Book, open, open_many, plan_change

__all__ = ["Book", "open", "open_many", "plan_change"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from edgebook import book

        return getattr(book, name)
    raise AttributeError(f"module 'edgebook' has no attribute {name!r}")
