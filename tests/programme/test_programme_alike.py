"""Resemblance and common origin against closed forms."""

from __future__ import annotations

import math

import made_programme as made
import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from overflight.errors import InputError, SolveError
from overflight.programme.origins import OriginGrid, combine, make_grid, origin_density, top_region
from overflight.programme.resemblance import MEASURES, Traits, likeness, likenesses, measure_log_ratio


def test_the_ratio_of_a_measure_is_that_of_two_normal_distributions() -> None:
    height = next(m for m in MEASURES if m.name == "height")
    variance, shared = height.among**2 + height.same**2, height.among**2
    for x, y in ((18.0, 18.5), (12.0, 36.0), (17.0, 17.0)):
        one = multivariate_normal([height.middle] * 2, [[variance, shared], [shared, variance]]).logpdf(
            [x, y]
        )
        two = norm(height.middle, math.sqrt(variance)).logpdf([x, y]).sum()
        assert measure_log_ratio(x, y, height) == pytest.approx(one - two)


def test_what_is_unknown_moves_nothing() -> None:
    nothing = likeness(Traits("a"), Traits("b"), prior=0.3)
    assert nothing.p == pytest.approx(0.3)
    assert nothing.reasons == ()
    assert set(nothing.unknown) == {"size", "height", "speed", "course", "what was seen of it"}
    half = likeness(Traits("a", size=40.0, seen=frozenset({"panels"})), Traits("b", height=18.0))
    assert half.p == pytest.approx(0.5)


def test_alike_is_probable_and_different_is_not() -> None:
    big = Traits("a", size=45.0, height=18.3, seen=frozenset({"sphere", "panels"}))
    like = Traits("b", size=42.0, height=18.0, seen=frozenset({"sphere", "panels"}))
    pico = Traits("c", size=0.8, height=11.9, seen=frozenset({"cylinder"}))
    assert likeness(big, like).p > 0.9 > 0.1 > likeness(big, pico).p
    assert likeness(big, like).p == pytest.approx(likeness(like, big).p)
    # Independent features of hearsay never come to more than twenty to one.
    assert likeness(big, like).p <= 20 / 21 + 1e-12


def test_one_likeness_is_a_coincidence() -> None:
    rows = "A1,a,sighting,2020,,,,,,u,White,high,,,,,,\nB1,b,sighting,2021,,,,,,v,White,high,,,,,,\n"
    assert likenesses(made.catalogue(rows).flights) == ()
    rows = rows.replace("White", "White sphere")
    assert [(p.a, p.b) for p in likenesses(made.catalogue(rows).flights)] == [("a", "b")]


def flat_grid() -> OriginGrid:
    grid = make_grid(step_deg=1.0, land_only=False)
    return OriginGrid(grid.lat_deg, grid.lon_deg, np.full(grid.area.shape, 1.0 / grid.area.size))


def bump(grid: OriginGrid, lon: float, lat: float, sd: float) -> np.ndarray:
    shape = np.exp(
        -0.5 * (((grid.lon_deg[None] - lon) / sd) ** 2 + ((grid.lat_deg[:, None] - lat) / sd) ** 2)
    )
    return np.asarray(shape / shape.sum())


def test_two_normal_densities_combine_as_the_closed_form_says() -> None:
    grid = flat_grid()
    sd, apart = 3.0, 4.0
    found = combine(
        {"a": bump(grid, 10.5, 20.5, sd), "b": bump(grid, 10.5 + apart, 20.5, sd)},
        grid,
        apart=0.0,
        places=grid.area,
    )
    # Evidence of one place over two: the number of cells times the overlap of the two densities.
    overlap = math.exp(-(apart**2) / (4 * sd**2)) / (4 * math.pi * sd**2)
    assert found.log_ratio == pytest.approx(math.log(grid.area.size * overlap), abs=1e-6)
    middle = (found.common.sum(axis=0) * grid.lon_deg).sum()
    assert middle == pytest.approx(10.5 + apart / 2, abs=1e-6)
    assert found.common.sum() == pytest.approx(1.0)


def test_a_flight_from_elsewhere_is_told_and_does_not_spoil_the_rest() -> None:
    grid = flat_grid()
    seen = {name: bump(grid, 110.5, 19.5, 3.0) for name in "abc"} | {"d": bump(grid, -100.5, 40.5, 3.0)}
    found = combine(seen, grid, apart=0.1, places=grid.area)
    assert (found.p_member[:3] > 0.95).all()
    assert found.p_member[3] < 0.01
    assert found.p_common > 0.95
    apart = combine({"a": seen["a"], "d": seen["d"]}, grid, apart=0.0, places=grid.area)
    assert apart.p_common < 1e-6


def test_flights_that_only_share_a_region_gain_little() -> None:
    grid = flat_grid()
    wide = {name: bump(grid, 110.5, 30.5, 12.0) for name in "ab"}
    narrow = {name: bump(grid, 110.5, 30.5, 1.5) for name in "ab"}
    assert combine(wide, grid).log_ratio < 1.0
    assert combine(narrow, grid).log_ratio > combine(wide, grid).log_ratio


def test_back_trajectories_find_the_place_they_were_made_from() -> None:
    grid = make_grid(step_deg=1.0, land_only=False)
    seen = {f"f{n}": origin_density(made.backward(110.0, 19.5, seed=n), grid) for n in range(3)}
    found = combine(seen, grid)
    row, column = np.unravel_index(int(found.common.argmax()), found.common.shape)
    assert abs(grid.lon_deg[column] - 110.0) <= 2.0
    assert abs(grid.lat_deg[row] - 19.5) <= 2.0
    assert found.common[top_region(found)].sum() >= 0.9
    assert found.p_common > 0.5


def test_a_launch_at_the_seam_is_one_place() -> None:
    grid = make_grid(step_deg=2.0, land_only=False)
    density = origin_density(made.backward(180.0, 50.0), grid)
    assert density.sum() == pytest.approx(1.0)
    west, east = density[:, grid.lon_deg < -178].sum(), density[:, grid.lon_deg > 178].sum()
    assert west == pytest.approx(east, rel=0.5)


def test_what_cannot_be_combined_is_refused() -> None:
    grid = flat_grid()
    with pytest.raises(InputError, match="1 flights"):
        combine({"a": bump(grid, 0.5, 0.5, 2.0)}, grid)
    with pytest.raises(InputError, match="shares"):
        combine({n: bump(grid, 0.5, 0.5, 2.0) for n in "ab"}, grid, apart=1.0)
    forecast = made.backward(0.0, 0.0)
    forecast.attrs["kind"] = "forecast"
    with pytest.raises(InputError, match="not an origin"):
        origin_density(forecast, grid)
    nowhere = {"a": bump(grid, 0.5, 0.5, 2.0), "b": np.zeros(grid.area.shape)}
    with pytest.raises(SolveError, match="flight b"):
        combine(nowhere, grid)


def test_of_many_flights_those_most_is_known_of_are_compared() -> None:
    row = "R{0},r{0},sighting,2020,,,,,,u{0},{1},high,,,,,,\n"
    rows = "".join(row.format(n, "White sphere" if n in (7, 900) else "White") for n in range(1_000))
    assert [(p.a, p.b) for p in likenesses(made.catalogue(rows).flights)] == [("r7", "r900")]
