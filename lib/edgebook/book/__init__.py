"""What notebooks and commands call: one params file as a Book, each call one value."""

from edgebook.book.book import Book
from edgebook.book.moves import Move
from edgebook.book.opening import (
    change_json,
    open,
    open_many,
    plan_change,
    plan_many,
    plan_move,
    plan_teardown,
)
from edgebook.book.steps import BookStep, Teardown

__all__ = [
    "Book",
    "BookStep",
    "Move",
    "Teardown",
    "change_json",
    "open",
    "open_many",
    "plan_change",
    "plan_many",
    "plan_move",
    "plan_teardown",
]
