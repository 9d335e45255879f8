"""The made sky: its mean, its reach, its seed; the sky that is given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overflight.errors import CoverageError, InputError
from overflight.twin.sky import CloudField, CloudGrid, Sky, overhead

# Places and times far beyond the reach of one weather: 0.5 degree is 55 km of a reach of 30 km.
FAR = CloudField(mean_cover=0.35, reach_m=30e3, time_s=600.0)
LON, LAT = (a.ravel() for a in np.meshgrid(np.arange(0.0, 40.0, 0.5), np.arange(-20.0, 20.0, 0.5)))


def test_a_clear_sky_hides_nothing() -> None:
    found = overhead(Sky(), 0.0, LON, LAT, seed=1)
    assert not found.hidden.any()
    assert not found.cover.any()


@pytest.mark.parametrize("mean", [0.1, 0.35, 0.8])
def test_the_mean_cover_is_the_one_asked_for(mean: float) -> None:
    """Over 40 skies of 6400 places; what is hidden has the same mean."""
    sky = Sky(clouds=CloudField(mean_cover=mean, reach_m=30e3, time_s=600.0))
    found = [overhead(sky, 1e9 + 1e5 * n, LON, LAT, seed=n) for n in range(40)]
    assert np.mean([f.cover.mean() for f in found]) == pytest.approx(mean, abs=0.02)
    assert np.mean([f.hidden.mean() for f in found]) == pytest.approx(mean, abs=0.02)


def test_never_and_always() -> None:
    assert not overhead(Sky(clouds=CloudField(mean_cover=0.0)), 0.0, LON, LAT, seed=1).hidden.any()
    assert overhead(Sky(clouds=CloudField(mean_cover=1.0)), 0.0, LON, LAT, seed=1).hidden.all()


def test_weather_reaches_as_far_as_it_is_said_to() -> None:
    """One reach away the correlation of the field is exp(-1/2) = 0.61; that of the cover is near it."""
    sky = Sky(clouds=CloudField(mean_cover=0.5, reach_m=30e3, time_s=600.0))
    covers = []
    for n in range(30):
        away = [
            overhead(sky, 0.0, LON, LAT + shift, seed=n).cover for shift in (0.0, 30.0 / 111.2, 120.0 / 111.2)
        ]
        covers.append([np.corrcoef(away[0], a)[0, 1] for a in away[1:]])
    near, far = np.mean(covers, axis=0)
    assert near == pytest.approx(math.exp(-0.5), abs=0.06)
    assert abs(far) < 0.06


def test_the_sky_is_that_of_its_seed_place_and_time() -> None:
    sky = Sky(clouds=FAR)
    whole, again = (overhead(sky, 1e9, LON, LAT, seed=4) for _ in range(2))
    np.testing.assert_array_equal(whole.cover, again.cover)
    part = overhead(sky, 1e9, LON[7:9], LAT[7:9], seed=4)
    np.testing.assert_array_equal(part.hidden, whole.hidden[7:9])
    np.testing.assert_allclose(overhead(sky, 1e9, LON[:9] + 360.0, LAT[:9], seed=4).cover, whole.cover[:9])
    assert (overhead(sky, 1e9, LON, LAT, seed=5).hidden != whole.hidden).any()


def grid(cover: np.ndarray | None = None) -> CloudGrid:
    values = np.zeros((2, 2, 3)) if cover is None else cover
    values[:, :, 2] = 1.0
    return CloudGrid(
        time_s=np.array([0.0, 3600.0]),
        lat_deg=np.array([40.0, 50.0]),
        lon_deg=np.array([170.0, 180.0, 190.0]),
        cover=values,
    )


def test_a_given_cover_is_linear_between_its_nodes_and_over_the_date_line() -> None:
    found = overhead(Sky(clouds=grid()), 1800.0, [170.0, 180.0, -175.0, 190.0], 45.0, seed=1)
    np.testing.assert_allclose(found.cover, [0.0, 0.0, 0.5, 1.0])
    assert found.hidden[[0, 3]].tolist() == [False, True]


def test_a_given_cover_does_not_reach_further() -> None:
    with pytest.raises(CoverageError, match="time"):
        overhead(Sky(clouds=grid()), 4000.0, 175.0, 45.0, seed=1)
    with pytest.raises(CoverageError, match="lat"):
        overhead(Sky(clouds=grid()), 0.0, 175.0, 51.0, seed=1)
    with pytest.raises(CoverageError, match="lon"):
        overhead(Sky(clouds=grid()), 0.0, 169.0, 45.0, seed=1)


@pytest.mark.parametrize("field", ["mean_cover", "share", "reach_m", "time_s", "fine_reach_m", "fine_time_s"])
def test_a_field_that_cannot_be_is_refused(field: str) -> None:
    with pytest.raises(InputError, match=field):
        CloudField(**{"mean_cover": 0.5, field: -1.0})
    with pytest.raises(InputError, match=field):
        CloudField(**{"mean_cover": 0.5, field: math.nan})


def test_a_grid_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        grid(np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="percent"):
        grid(np.full((2, 2, 3), 50.0))
    with pytest.raises(InputError, match="rise"):
        CloudGrid(time_s=np.zeros(2), lat_deg=np.zeros(1), lon_deg=np.zeros(1), cover=np.zeros((2, 1, 1)))
    with pytest.raises(InputError, match="visibility"):
        Sky(visibility_m=0.0)
