import time

import pytest

from vae_export.bench.timing import Timing, interleave


class Clock:
    """Time that passes only where a subject says so."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def subject(self, log, name, *seconds):
        steps = iter(seconds[:-1])

        def run():
            log.append(name)
            self.now += next(steps, seconds[-1])

        return run


def test_every_subject_is_timed_in_every_round_in_another_order(monkeypatch):
    clock, log = Clock(monkeypatch), []
    subjects = {name: clock.subject(log, name, 0.02) for name in "abc"}
    timings = interleave(subjects, rounds=4)
    assert "".join(log) == "aaa" + "bbb" + "ccc" + "abc" + "bca" + "cab" + "abc"
    assert {timing.calls for timing in timings.values()} == {1}
    assert timings["b"].median == pytest.approx(0.02, rel=1e-9, abs=0)


def test_short_calls_are_timed_in_blocks(monkeypatch):
    clock, log = Clock(monkeypatch), []
    timing = interleave({"a": clock.subject(log, "a", 0.001)}, rounds=2)["a"]
    assert timing.calls == 5
    assert timing.median == pytest.approx(0.001, rel=1e-9, abs=0)
    assert len(log) == pytest.approx(50 + 2 * 5, rel=0, abs=1)


def test_the_first_calls_do_not_count_and_the_spread_is_that_of_the_quartiles(monkeypatch):
    clock = Clock(monkeypatch)
    subject = clock.subject([], "a", 5.0, 5.0, 5.0, 1.0, 2.0, 3.0, 4.0, 99.0)
    timing = interleave({"a": subject}, rounds=5)["a"]
    assert (timing.low, timing.median, timing.high, len(timing.seconds)) == (2.0, 3.0, 4.0, 5)
    assert timing.spread == pytest.approx(1 / 3, rel=1e-9, abs=0)


def test_a_machine_that_changes_its_speed_does_not_change_the_ratio():
    slow, fast = (Timing(tuple(factor * s for s in (1, 1, 5, 5, 5)), 1) for factor in (2.0, 1.0))
    assert slow.ratio_to(fast) == 2.0
    assert Timing((2.0, 2.0, 2.0, 10.0, 10.0), 1).ratio_to(fast) == 2.0


def test_progress_is_told():
    told = []
    interleave({"a": lambda: None}, 3, told.append)
    assert told == [0, 1, 2]


def test_one_round_has_no_spread():
    with pytest.raises(ValueError, match=r"^rounds: got 1, expected at least 2$"):
        interleave({"a": lambda: None}, 1)
