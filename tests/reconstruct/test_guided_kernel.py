"""The filter's inner loops: the wind of a step against plain readings at its heights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_air import PLAIN, made_grid, wavy

from overflight.atmosphere import pressure_pa
from overflight.reconstruct.guided_kernel import SHEAR_KM, wind_of_step
from overflight.reconstruct.motion import KM_PER_DEG, LIN, make_air
from overflight.winds.interpolate import sample
from overflight.winds.slopes import SLOPES

HOUR = 3600.0
WAVES = made_grid(wavy, sd=(6.0, 4.0), time=(0.0, 24 * HOUR))


def ask(x: float, y: float, z: tuple[float, float], span: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    one, lin = np.full(LIN, np.nan), np.full(LIN, np.nan)
    wind_of_step(*make_air(PLAIN, WAVES), 5 * HOUR, x, y, *z, *span, one, lin, np.empty(SLOPES))
    return lin


def read(x: float, y: float, z_km: float) -> list[float]:
    """Read the field itself, in km/s: the frame's axes are those of the Earth, x counted at its equator."""
    wind = sample(WAVES, 5 * HOUR, pressure_pa(z_km * 1e3), y / KM_PER_DEG, x / KM_PER_DEG)
    u, v, u_sd, v_sd = (float(a) / 1e3 for a in (wind.u_mps, wind.v_mps, wind.u_sd_mps, wind.v_sd_mps))
    stretch = 1.0 / math.cos(math.radians(y / KM_PER_DEG))
    return [u * stretch, v, u_sd * stretch, v_sd]


@pytest.mark.parametrize("z", [(18.0, 18.0), (17.0, 17.0 + 0.9 * SHEAR_KM), (16.0, 20.0), (20.0, 15.5)])
def test_the_wind_of_a_step_is_the_mean_of_readings_at_its_heights(z):
    count = 1 + int(abs(z[1] - z[0]) / SHEAR_KM)
    for x in np.linspace(-4000.0, 4000.0, 9):
        lin = ask(x, 1111.0, z)
        heights = z[0] + (z[1] - z[0]) * (np.arange(count) + 0.5) / count
        wanted = np.mean([read(x, 1111.0, h) for h in heights], axis=0)
        # ln(pressure) comes from a table every 100 m: 1e-5 of it, times the slope of the wind with it.
        np.testing.assert_allclose(lin[[0, 1, 6, 9]], wanted, atol=2e-7)


def test_the_slopes_of_a_step_are_differences_of_readings():
    x, y, z, h = 321.0, 2200.0, 18.6, 0.2
    lin = ask(x, y, (z, z))
    for column, step in ((2, (h, 0.0, 0.0)), (3, (0.0, h, 0.0)), (10, (0.0, 0.0, h))):
        up, down = (read(x + s * step[0], y + s * step[1], z + s * step[2]) for s in (1, -1))
        slope = (np.array(up[:2]) - down[:2]) / (2 * h)
        got = lin[[column, column + 2]] if column < 10 else lin[[10, 11]]
        np.testing.assert_allclose(got, slope, rtol=3e-3, atol=5e-8 if column < 10 else 2e-6)


def test_a_change_of_height_late_in_a_step_reads_the_old_height_longer():
    x, z0, z1 = 777.0, 18.2, 18.8
    # From 0.6 to 1.0 of the step: the mean height has a fifth of the change in it.
    np.testing.assert_array_equal(ask(x, 0.0, (z0, z1), (0.6, 1.0)), ask(x, 0.0, (z0 + 0.2 * (z1 - z0),) * 2))
