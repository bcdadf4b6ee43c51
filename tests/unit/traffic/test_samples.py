"""A log of samples is read while it grows: what comes meanwhile is for the next look."""

from edgebook.traffic.samples import Anchor, SampleLog
from edgebook.traffic.values import Client, Kind, Protocol, Series, Target


class Growing(SampleLog):
    """Somebody new answers, and somebody fails in a new way, in the midst of a look."""

    def planned_cuts(self) -> list[tuple[float, float, frozenset[str]]]:
        found = super().planned_cuts()
        self.extend([[2.0, 0, 0.1, "", "", f"green-{len(self)}"]])
        self.extend([[2.1, 0, 0.1, Kind.RESET.value, f"closed {len(self)}", "green"]])
        return found


def growing() -> Growing:
    made = Growing(Anchor(0.0, 0.0))
    target = Target("web", "shop.example.com", "203.0.113.1", 443, Protocol.HTTPS)
    made.add_series([Series(0, target, Client.STREAM, "", "127.0.0.1", 1, 1.0)])
    made.extend([[1.0, 0, 0.1, "", "", "blue"]])
    return made


def test_who_answers_for_the_first_time_meanwhile_is_seen_at_the_next_look() -> None:
    log = growing()
    assert [sample.who for sample in log.counted(0.0, 9.0)] == ["blue"]
    assert [sample.who for sample in log.counted(0.0, 9.0)] == ["blue", "green-1", "green"]
    assert log.cut_as_planned(0.0, 9.0) == 0


def test_a_look_at_everything_ends_where_it_began() -> None:
    log = growing()
    seen = []
    for sample in log.since(0.0):
        seen.append(sample.who)
        log.extend([[3.0, 0, 0.1, "", "", f"late-{len(seen)}"]])
    assert seen == ["blue"]
    assert [sample.who for sample in log.all()] == ["blue", "late-1"]
