"""Counts, gaps and unions; satellites whose phase is unknown are drawn, those known are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_sets import made

from overflight.places.sites import Site
from overflight.satellites.coverage import Coverage, _merged, counts_at, cover, covered_s, longest_gap_s
from overflight.satellites.elements import ElementSet
from overflight.times import parse_utc
from overflight.units import DAY_S

START = parse_utc("2023-02-01T00:00Z")
SITES = (
    Site(id="A", name="Here", lon_deg=-111.2, lat_deg=47.5),
    Site(id="POLE", name="Pole", lon_deg=0.0, lat_deg=90.0),
)


def covered(*sets: ElementSet, days: float = 2.0, draws: int = 12) -> Coverage:
    return cover(
        sets, SITES, START, START + days * DAY_S, min_elevation_deg=10.0, max_age_s=200 * DAY_S,
        draws=draws, seed=3,
    )  # fmt: skip


def test_fresh_elements_give_one_account() -> None:
    coverage = covered(made(), made(90_002, node_deg=10.0))
    assert (coverage.draws, coverage.loose.size) == (1, 0)
    counts = counts_at(coverage, 0)
    passes = coverage.computed
    mine = passes.site == 0
    assert counts.passes.tolist() == [mine.sum()]
    assert counts.view_s[0] == pytest.approx((passes.set_s - passes.rise_s)[mine].sum())
    assert counts.any_s[0] <= counts.view_s[0]
    assert passes.timed().all()


def test_old_elements_of_a_low_orbit_give_counts_and_no_times() -> None:
    old = made(90_002, per_day=15.4, epoch="2022-12-01T00:00Z")
    coverage = covered(made(), old)
    assert [one.timed for one in coverage.timing] == [True, False]
    assert (coverage.draws, coverage.loose.tolist()) == (12, [1])
    timed = coverage.computed.timed()
    assert np.array_equal(timed, coverage.computed.satellite == 0)
    counts = counts_at(coverage, 0)
    # The plane is known: the count hardly moves, the moments do.
    assert counts.passes.size == 12
    assert np.ptp(counts.passes) <= 4
    first = [one.rise_s[one.site == 0][0] for one in coverage.drawn]
    assert np.ptp(first) > 600.0


def test_the_same_seed_draws_the_same() -> None:
    old = made(per_day=15.4, epoch="2022-12-01T00:00Z")
    a, b = counts_at(covered(old), 1), counts_at(covered(old), 1)
    assert np.array_equal(a.view_s, b.view_s)


def test_elements_that_are_too_far_in_time_are_left_out_and_named() -> None:
    coverage = covered(made(), made(90_002, name="ANCIENT", epoch="2021-01-01T00:00Z"))
    assert coverage.too_old == ("90002 ANCIENT",)
    assert [o.catalog for o in coverage.computed.orbits] == [90_001]


def test_what_is_not_kept_is_not_counted() -> None:
    coverage = covered(made(), made(90_002, node_deg=10.0))
    none = counts_at(coverage, 0, lambda p: np.full((2, p.site.size), np.nan))
    assert (none.passes[0], none.any_s[0], none.longest_pass_s[0]) == (0.0, 0.0, 0.0)
    assert none.longest_gap_s[0] == 2.0 * DAY_S
    one = counts_at(coverage, 0, lambda p: np.where(p.satellite == 0, [p.rise_s, p.set_s], np.nan))
    assert 0 < one.passes[0] < counts_at(coverage, 0).passes[0]


spans = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 30)).map(lambda x: (float(x[0]), float(x[0] + x[1]))),
    max_size=12,
)


@given(spans)
def test_merged_intervals_are_the_union(rows: list[tuple[float, float]]) -> None:
    begin, end = (np.array([r[i] for r in rows]) for i in (0, 1))
    merged = _merged(begin, end)
    points = np.arange(0.0, 140.0) + 0.5
    told = np.zeros(points.size, dtype=bool)
    for a, b in rows:
        told |= (points > a) & (points < b)
    found = np.zeros(points.size, dtype=bool)
    for a, b in merged.T:
        found |= (points > a) & (points < b)
    assert np.array_equal(told, found)
    assert (merged[0, 1:] > merged[1, :-1]).all()
    assert covered_s(merged, np.arange(0.0, 141.0)).sum() == told.sum()
    runs = "".join("x" if t else " " for t in told).split("x")
    assert longest_gap_s(merged, 0.0, 140.0) == max(len(run) for run in runs)
