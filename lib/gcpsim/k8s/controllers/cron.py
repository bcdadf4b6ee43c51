"""Schedules of CronJobs: five fields or a name such as @hourly, in UTC. Pure."""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = {
    "@annually": "0 0 1 1 *",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@midnight": "0 0 * * *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@yearly": "0 0 1 1 *",
}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
FARTHEST = 366 * 5  # days


@dataclass(frozen=True)
class Schedule:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def after(self, seconds: float) -> float | None:
        """The next time after a moment (POSIX seconds), None when there is none in years."""
        at = datetime.fromtimestamp(seconds, UTC).replace(second=0, microsecond=0)
        at += timedelta(minutes=1)
        for _ in range(FARTHEST):
            if self._is_day(at):
                found = self._in_day(at)
                if found is not None:
                    return found.timestamp()
            at = (at + timedelta(days=1)).replace(hour=0, minute=0)
        return None

    def _in_day(self, at: datetime) -> datetime | None:
        for hour in sorted(hour for hour in self.hours if hour >= at.hour):
            first = at.minute if hour == at.hour else 0
            for minute in sorted(minute for minute in self.minutes if minute >= first):
                return at.replace(hour=hour, minute=minute)
        return None

    def _is_day(self, at: datetime) -> bool:
        if at.month not in self.months:
            return False
        day, weekday = at.day in self.days, (at.isoweekday() % 7) in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday


@functools.cache
def parse(text: str) -> Schedule | None:
    """The schedule; None for one that makes no sense."""
    fields = NAMES.get(text.strip(), text).split()
    if len(fields) != 5:
        return None
    try:
        sets = [_field(field, index) for index, field in enumerate(fields)]
    except ValueError:
        return None
    weekdays = frozenset(day % 7 for day in sets[4])
    any_day, any_weekday = fields[2][0] in "*?", fields[4][0] in "*?"
    return Schedule(sets[0], sets[1], sets[2], sets[3], weekdays, any_day, any_weekday)


def _field(text: str, index: int) -> frozenset[int]:
    low, high = RANGES[index]
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, index)
            end = _number(last, index) if dash else high if step else start
        every = int(step) if step else 1
        if not (low <= start <= end <= high) or every < 1:
            raise ValueError(text)
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str, index: int) -> int:
    names = MONTHS if index == 3 else DAYS if index == 4 else []
    if text.lower() in names:
        return names.index(text.lower()) + (1 if index == 3 else 0)
    return int(text)
