"""When: read from draws that are known."""

from __future__ import annotations

import numpy as np
import pytest
from made_weighed import made_filtered, made_weighed

from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.steer.changepoints import Levels
from overflight.steer.when import COMMANDED, PUSH_X, X, change_rate, commands, kept_station, when

HOUR = 3600.0
NODES = np.arange(49) * HOUR


def draws(count: int = 40) -> np.ndarray:
    paths = np.zeros((count, NODES.size, 8))
    paths[:, :, COMMANDED] = 18.0
    return paths


def test_a_command_is_found_at_its_time() -> None:
    paths = draws()
    rng = np.random.default_rng(5)
    at = rng.integers(19, 22, len(paths))
    for m, k in enumerate(at):
        paths[m, k:, COMMANDED] = 20.0 + 0.01 * m
    (found,) = commands(Levels(NODES, paths[:, :, COMMANDED]))
    times = (at - 0.5) * HOUR
    assert found.time_s[1] == pytest.approx(np.median(times), abs=1.0)
    assert found.time_s[0] >= times.min()
    assert found.time_s[2] <= times.max()
    assert found.p == 1.0
    assert (found.from_m, found.to_m) == pytest.approx((18_000.0, 20_195.0))


def test_up_and_down_are_two_commands_in_order_of_time() -> None:
    paths = draws()
    wobble = 0.01 * np.arange(len(paths))[:, None]
    paths[:, 10:, COMMANDED] = 21.0 + wobble
    paths[:, 30:, COMMANDED] = 17.0 + wobble
    first, second = commands(Levels(NODES, paths[:, :, COMMANDED]))
    assert first.to_m > first.from_m
    assert second.to_m < second.from_m
    assert second.time_s[1] - first.time_s[1] == pytest.approx(20 * HOUR)


def test_a_climb_in_two_steps_is_one_command_and_one_of_the_next_day_another() -> None:
    paths = draws()
    wobble = 0.01 * np.arange(len(paths))[:, None]
    paths[:, 10:, COMMANDED] = 20.0 + wobble
    paths[:, 11:, COMMANDED] = 21.0 + wobble  # two kilometres at 0.3 m/s last for two hours
    paths[:, 30:, COMMANDED] = 22.0 + wobble
    first, second = commands(Levels(NODES, paths[:, :, COMMANDED]))
    assert (first.from_m, first.to_m) == pytest.approx((18_000.0, 21_195.0))
    assert first.time_s[1] == pytest.approx(9.5 * HOUR)
    assert second.time_s[1] == pytest.approx(29.5 * HOUR)


def test_what_few_draws_say_is_no_command() -> None:
    paths = draws()
    paths[:10, 20:, COMMANDED] = 20.0 + 0.01 * np.arange(10)[:, None]
    assert commands(Levels(NODES, paths[:, :, COMMANDED])) == ()


def test_draws_of_one_ancestor_prove_nothing() -> None:
    paths = draws()
    paths[:, 20:, COMMANDED] = 20.0
    assert commands(Levels(NODES, paths[:, :, COMMANDED])) == ()


def test_draws_of_one_ancestor_are_believed_where_the_heights_show_it() -> None:
    paths = draws()
    paths[:, 20:, COMMANDED] = 20.0

    def told(*alt_m: float) -> Fixes:
        frame = fit_frame([0.0, 1.0], [0.0, 0.0])
        time_s = np.array([18.0, 19.0, 20.4, 21.2]) * HOUR
        zero = np.zeros(4)
        return fixes_from_track(frame, time_s, zero, zero, sd_m=1e3, alt_m=alt_m, alt_sd_m=100.0)

    level = paths[:, :, COMMANDED]
    (found,) = commands(Levels(NODES, level), told(18e3, 18e3, 19e3, 20e3))
    assert found.lineages == 1
    assert found.time_s[1] == pytest.approx(19.5 * HOUR)
    assert commands(Levels(NODES, level), told(18e3, 18e3, 18.1e3, 18.4e3)) == ()  # within their errors
    assert commands(Levels(NODES, level), told(20e3, 20e3, 18e3, 18e3)) == ()  # the other way


def test_the_rate_counts_the_changes() -> None:
    paths = draws()
    paths[:, 24:, COMMANDED] = 20.0
    rate = change_rate(NODES, paths[:, :, COMMANDED])
    # One change for certain: the rate integrates to one.
    assert np.trapezoid(rate, NODES / HOUR) == pytest.approx(1.0, rel=0.02)
    assert rate[:20].max() == 0.0


def test_propulsion_counts_with_the_posterior() -> None:
    pushed = draws()
    pushed[:, :24, PUSH_X] = 6.0
    still = made_filtered(paths=draws(), node_s=NODES)
    filtered = [still, still, still, made_filtered(paths=pushed, node_s=NODES), still]
    found = when(made_weighed(filtered=filtered))
    prior = 0.2375
    assert found.p_propelled[5] == pytest.approx(prior, rel=1e-3)
    assert found.p_propelled[40] == 0.0
    assert found.propelled_share is not None
    assert found.propelled_share[1] == pytest.approx(23.5 / 48.0, abs=0.01)


def test_a_stay_is_found_and_a_passage_is_not() -> None:
    path = np.zeros((1, NODES.size, 8))
    path[0, :, X] = np.where(NODES < 20 * HOUR, 36e-3 * NODES, 36e-3 * 20 * HOUR)
    kept = kept_station(NODES, path, 50.0, 6.0)[0]
    assert kept[25:].all()
    assert not kept[:15].any()


def test_stations_carry_place_and_probability() -> None:
    still = made_filtered(paths=draws(), node_s=NODES)
    (stay,) = when(made_weighed(filtered=[still] * 5)).stations
    assert stay.p == pytest.approx(1.0)
    assert stay.speed_mps == 0.0
    assert (stay.time_start, stay.time_end) == (NODES[0], NODES[-1])
