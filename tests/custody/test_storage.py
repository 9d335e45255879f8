"""Recorder and queue: by hand on small cases, against a plain second computation on many made ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.custody.storage import POLICIES, Kept, Policy, Recorder, keep_and_send, totals
from overflight.errors import InputError, LimitError, OverflightError

NO_LINK: tuple[list[float], list[float]] = ([], [])


def run(
    capacity: float,
    policy: Policy,
    items: list[tuple[float, int, int]],
    link: tuple[list[float], list[float]],
) -> Kept:
    """Items as (time, bytes, priority)."""
    time, size, priority = zip(*items, strict=True) if items else ((), (), ())
    return keep_and_send(Recorder(capacity_bytes=capacity, policy=policy), time, size, priority, *link)


def test_a_full_recorder_that_stops_refuses_what_comes() -> None:
    kept = run(250, "stop", [(0, 100, 0), (1, 100, 0), (2, 100, 0), (3, 50, 0)], NO_LINK)
    np.testing.assert_array_equal(kept.stored_at, [0, 1, np.nan, 3])
    np.testing.assert_array_equal(kept.lost_at, [np.nan, np.nan, 2, np.nan])


def test_the_oldest_are_overwritten_until_there_is_room() -> None:
    kept = run(250, "oldest", [(0, 100, 9), (1, 100, 0), (2, 200, 0), (3, 300, 0)], NO_LINK)
    np.testing.assert_array_equal(kept.stored_at, [0, 1, 2, np.nan])
    # The last is larger than the recorder: it is refused, and nothing is overwritten for it.
    np.testing.assert_array_equal(kept.lost_at, [2, 2, np.nan, 3])


def test_the_lowest_priority_is_overwritten_first_and_a_higher_one_never() -> None:
    items = [
        (0, 100, 2),
        (1, 100, 1),
        (2, 100, 1),
        (3, 100, 1),
        (4, 100, 2),
        (5, 100, 2),
        (6, 100, 1),
        (7, 100, 2),
    ]
    kept = run(300, "priority", items, NO_LINK)
    #   3 pushes 1 out, 4 pushes 2 out, 5 pushes 3 out, 6 may not, 7 pushes out the oldest of its own.
    np.testing.assert_array_equal(kept.lost_at, [7, 3, 4, 5, np.nan, np.nan, 6, np.nan])


def test_nothing_is_overwritten_for_what_then_finds_no_room() -> None:
    kept = run(300, "priority", [(0, 100, 1), (1, 200, 3), (2, 150, 2)], NO_LINK)
    np.testing.assert_array_equal(kept.lost_at, [np.nan, np.nan, 2])


def test_sending_copies_and_takes_the_time_of_the_link() -> None:
    """10 bytes a second from time 0; the second waits for the first."""
    kept = run(1e6, "stop", [(0, 100, 0), (1, 50, 0), (60, 100, 0)], ([0, 65], [0, 650]))
    np.testing.assert_allclose(kept.sent_at, [10, 15, np.nan])
    np.testing.assert_array_equal(kept.sent_bytes, [100, 50, 50])
    found = totals([100, 50, 100], kept)
    assert found == (250, 0, 50, 200, 0)
    assert (found.sent, found.stored) == (200, 250)


def test_a_higher_priority_goes_before_and_the_half_sent_goes_on() -> None:
    kept = run(1e6, "stop", [(0, 100, 1), (5, 100, 3), (6, 20, 2)], ([0, 100], [0, 1000]))
    # 50 of the first by 5 s, all of the second by 15, of the third by 17, the rest of the first by 22.
    np.testing.assert_allclose(kept.sent_at, [22, 15, 17])


def test_the_time_of_an_idle_link_is_not_saved_up() -> None:
    kept = run(1e6, "stop", [(0, 10, 0), (50, 100, 0)], ([0, 100], [0, 1000]))
    np.testing.assert_allclose(kept.sent_at, [1, 60])


def test_a_link_that_fails_holds_its_item_till_it_works_again() -> None:
    kept = run(1e6, "stop", [(0, 100, 0)], ([0, 5, 20, 100], [0, 50, 50, 850]))
    np.testing.assert_allclose(kept.sent_at, [25])


def test_what_is_overwritten_is_not_sent_any_further() -> None:
    kept = run(100, "oldest", [(0, 100, 0), (5, 100, 0)], ([0, 100], [0, 1000]))
    np.testing.assert_array_equal(kept.sent_bytes, [50, 100])
    np.testing.assert_allclose(kept.sent_at, [np.nan, 15])
    assert totals([100, 100], kept) == (200, 50, 0, 100, 50)


def test_without_a_recorder_the_link_holds_one_item() -> None:
    """The second comes while the first is on its way; the third finds the buffer free."""
    kept = run(0, "stop", [(0, 100, 0), (5, 100, 0), (20, 100, 0)], ([0, 100], [0, 1000]))
    assert np.isnan(kept.stored_at).all()
    np.testing.assert_allclose(kept.sent_at, [10, np.nan, 30])
    assert totals([100] * 3, kept) == (300, 200, 0, 0, 100)


def test_what_is_not_to_be_sent_is_kept_only() -> None:
    recorder = Recorder(capacity_bytes=100.0, policy="stop")
    kept = keep_and_send(recorder, [0, 1], [50, 50], [0, 0], [0, 100], [0, 1000], send=[False, True])
    np.testing.assert_allclose(kept.sent_at, [np.nan, 6])


def test_no_items_and_no_link() -> None:
    assert totals([], run(100, "oldest", [], NO_LINK)) == (0, 0, 0, 0, 0)
    kept = run(100, "oldest", [(0, 10, 0)], ([], []))
    assert totals([10], kept) == (10, 0, 10, 0, 0)


# --- against a second computation --------------------------------------------------------------------------


def plain(
    capacity: int, policy: Policy, items: list[tuple[int, int, int]], rate: list[int]
) -> tuple[list[bool], list[int]]:
    """What is there at the end and what was sent, a second at a time, with lists; `rate` bytes in each."""
    stored: list[int] = []
    sent = [0] * len(items)
    buffered: int | None = None
    waiting = list(enumerate(items))
    for second in range(len(rate)):
        while waiting and waiting[0][1][0] <= second:
            i, (_, size, level) = waiting.pop(0)
            used = sum(items[k][1] for k in stored)
            victims: list[int] = []
            if policy == "oldest" and size <= capacity:
                victims = list(stored)
            elif policy == "priority" and size <= capacity:
                victims = sorted((k for k in stored if items[k][2] <= level), key=lambda k: (items[k][2], k))
            if policy != "priority" or used - sum(items[k][1] for k in victims) + size <= capacity:
                for k in victims:
                    if used + size <= capacity:
                        break
                    stored.remove(k)
                    used -= items[k][1]
            if used + size <= capacity:
                stored.append(i)
            elif buffered is None or sent[buffered] == items[buffered][1]:
                buffered = i
        left = rate[second]
        queue = [*stored, *([buffered] if buffered is not None else [])]
        for k in sorted(queue, key=lambda k: (-items[k][2], k)):
            part = min(left, items[k][1] - sent[k])
            sent[k] += part
            left -= part
    return [i in stored for i in range(len(items))], sent


made_items = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 60), st.integers(0, 3)), max_size=25)


@given(
    made_items,
    st.integers(0, 150),
    st.sampled_from(POLICIES),
    st.lists(st.integers(0, 40), min_size=31, max_size=31),
)
def test_against_the_plain_way(
    items: list[tuple[int, int, int]], capacity: int, policy: Policy, rate: list[int]
) -> None:
    """Whole seconds and bytes; and the totals balance to the byte."""
    items.sort(key=lambda item: item[0])
    link = (list(range(32)), [0, *np.cumsum(rate)])
    kept = run(capacity, policy, items, link)
    there, sent = plain(capacity, policy, items, rate)
    np.testing.assert_array_equal(np.isfinite(kept.stored_at) & np.isnan(kept.lost_at), there)
    np.testing.assert_array_equal(kept.sent_bytes, sent)
    sizes = [size for _, size, _ in items]
    whole = [k for k, size in enumerate(sizes) if sent[k] == size]
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(kept.sent_at)), whole)
    found = totals(sizes, kept)
    assert found.sent_only + found.stored_only + found.both + found.lost == found.collected == sum(sizes)
    assert found.stored <= capacity
    assert found.sent <= sum(rate)
    assert (kept.sent_at[whole] >= [items[k][0] for k in whole]).all()


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("capacity", "policy"), [(-1.0, "stop"), (np.nan, "stop"), (1.0, "newest")])
def test_a_recorder_that_cannot_be_is_refused(capacity: float, policy: str) -> None:
    with pytest.raises(InputError):
        Recorder(capacity_bytes=capacity, policy=policy)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize(
    ("time", "size", "priority", "link", "word"),
    [
        ([1, 0], [1, 1], [0, 0], NO_LINK, "order"),
        ([0, np.nan], [1, 1], [0, 0], NO_LINK, "order"),
        ([0], [0], [0], NO_LINK, "above zero"),
        ([0], [-5], [0], NO_LINK, "above zero"),
        ([0], [1.5], [0], NO_LINK, "whole"),
        ([0], [1, 2], [0], NO_LINK, "differ"),
        ([0], [1], [0], ([0, 0], [0, 1]), "rise"),
        ([0], [1], [0], ([0, 1], [1, 0]), "fall"),
        ([0], [1], [0], ([0, 1], [0, np.nan]), "fall"),
        ([0], [1], [0], ([0, 1], [0]), "differ"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    time: list[float],
    size: list[float],
    priority: list[int],
    link: tuple[list[float], list[float]],
    word: str,
) -> None:
    with pytest.raises(OverflightError, match=word):
        keep_and_send(Recorder(capacity_bytes=10.0), time, size, priority, *link)


def test_more_than_a_number_can_count_is_refused() -> None:
    with pytest.raises(LimitError, match="petabytes"):
        run(1.0, "stop", [(0, 2**53, 0), (1, 2, 0)], NO_LINK)
    with pytest.raises(LimitError, match="priorities"):
        run(1.0, "stop", [(n, 1, n) for n in range(65)], NO_LINK)
