"""The verdict: on made evidence, and on made flights whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_steering import HOUR, PLAIN, flown, made_fixes, made_grid, turning
from made_weighed import ABLE, UNABLE, made_filtered, made_weighed

from overflight.errors import InputError
from overflight.reconstruct.guided import evidence_error
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import make_air
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.settle import weigh_until_settled
from overflight.steer.verdict import BEATEN, MISSED, THRESHOLD, Verdict, judge

PARTICLES = 4000


@pytest.mark.parametrize(
    ("log_evidence", "word"),
    [((9, 9, 0, 0, 0), "drifted"), ((0, 0, 9, 0, 0), "steered"), ((0, 0, 0, 0, 12), "not moved by wind")],
)
def test_the_word_follows_the_posterior(log_evidence: tuple[int, ...], word: str) -> None:
    verdict = judge(made_weighed(log_evidence))
    assert verdict.word == word
    assert sum(verdict.p) == pytest.approx(1.0)


def test_even_odds_tell_nothing() -> None:
    verdict = judge(made_weighed())
    assert verdict.word == "cannot tell"
    assert verdict.reasons


def test_the_lower_end_must_stay_above_even_odds() -> None:
    # 0.93 for steered: sure with a small error of the evidence, not with a large one.
    assert judge(made_weighed((0, 0, 3, 3, 0), se=0.05)).word == "steered"
    uncertain = judge(made_weighed((0, 0, 5, 5, 0), se=3.0))
    assert uncertain.p_steered > 0.85
    assert uncertain.word == "cannot tell"
    assert "More particles" in " ".join(uncertain.reasons)


def test_a_rival_that_few_particles_carry_is_not_beaten_by_little() -> None:
    told = ((0.0, 0.1), (3.0, 2.0), (8.0, 0.1), (8.0, 0.1), (0.0, 0.1))
    rivals = [made_filtered(value, se) for value, se in told]
    near = judge(made_weighed(filtered=rivals))
    assert near.word == "cannot tell"
    assert "by the sun or by a leak" in " ".join(near.reasons)
    rivals[1] = made_filtered(-40.0, 2.0)
    assert judge(made_weighed(filtered=rivals)).word == "steered"
    rivals[1] = made_filtered(3.0, 0.9)
    assert judge(made_weighed(filtered=rivals)).word == "steered"


def test_what_batches_of_scattered_evidence_miss_is_counted_as_theirs() -> None:
    """Of log-normal weights the mean lies s²/2 above the middle: three errors of a few batches fall short."""
    rng = np.random.default_rng(1)
    scatter, by_errors, by_squares = 9.0, 0, 0
    for _ in range(400):
        log_z = scatter * rng.standard_normal(8) - math.log(8)
        error = evidence_error(log_z, np.ones(8))
        short = 0.5 * scatter**2 - float(np.logaddexp.reduce(log_z))
        by_errors += short > BEATEN * error
        by_squares += short > MISSED * error**2
    assert by_errors > 0.85 * 400
    # The middle of what is likely: half of the time it is still too little.
    assert abs(by_squares - 200) < 40


def test_an_evidence_with_a_large_error_is_beaten_by_its_square_or_by_a_hundred_nats() -> None:
    # SHAB 14V, a passive balloon, afloat with its heights: three errors behind, and no account was computed.
    told = ((-263.0, 44.0), (-157.4, 20.5), (-79.4, 11.3), (-720.0, 21.0), (-131.6, 13.7))
    assert judge(made_weighed(filtered=[made_filtered(*one) for one in told])).word == "cannot tell"
    # Its heights hidden: 21 nats behind, with an error of 4.5, another seed of which had 30 more.
    told = ((-283.9, 4.5), (-288.2, 3.6), (-262.4, 1.7), (-267.9, 7.1), (-304.2, 3.4))
    assert judge(made_weighed(filtered=[made_filtered(*one) for one in told])).word == "cannot tell"
    # SHAB 12V, which was steered: 480 nats behind.
    told = ((-900.0, 45.0), (-800.0, 30.0), (-320.0, 6.0), (-1200.0, 25.0), (-950.0, 30.0))
    assert judge(made_weighed(filtered=[made_filtered(*one) for one in told])).word == "steered"


def test_steering_is_not_found_where_the_drift_was_not_computed_at_all() -> None:
    # A sounding balloon that climbs through winds of the season: every evidence hangs on one particle.
    told = ((-554.0, 100.0), (-400.0, 100.0), (-305.0, 100.0), (-638.0, 100.0), (-399.0, 100.0))
    verdict = judge(made_weighed(filtered=[made_filtered(value, se) for value, se in told]))
    assert verdict.p_steered > 0.99
    assert verdict.word == "cannot tell"
    # A balloon whose vent was commanded, with its heights.
    told = ((-1361.0, 100.0), (-881.0, 87.0), (-338.0, 9.8), (-1114.0, 0.7), (-963.0, 39.0))
    assert judge(made_weighed(filtered=[made_filtered(value, se) for value, se in told])).word == "steered"


@pytest.mark.parametrize(("hours", "word"), [(2.0, "cannot tell"), (8.0, "steered")])
def test_steering_is_not_told_from_what_winds_leave_out_within_a_few_hours(hours: float, word: str) -> None:
    verdict = judge(made_weighed((0, 0, 9, 0, 0), reach=replace(ABLE, hours=hours)))
    assert verdict.word == word
    assert ("span 2.0 h" in " ".join(verdict.reasons)) == (word == "cannot tell")
    # What no wind moved is told by its speed, and may be told sooner.
    assert judge(made_weighed((0, 0, 0, 0, 12), reach=replace(ABLE, hours=2.0))).word == "not moved by wind"


def test_two_ways_not_to_drift_that_are_not_told_apart_are_named_together() -> None:
    verdict = judge(made_weighed((0, 0, 4, 4, 6.5)))
    assert max(verdict.p[1:]) < THRESHOLD < 0.85 < sum(verdict.p[1:])
    assert verdict.word == "did not drift"
    assert "these data do not settle" in verdict.reasons[1]
    # Where a drift is as likely as either, its odds against both together are even at best.
    assert judge(made_weighed((4, 4, 4, 4, 5))).word == "cannot tell"
    # A drift that few particles carry is not beaten by this.
    rivals = [made_filtered(value, se) for value, se in ((0, 2.0), (0, 0.1), (4, 0.1), (4, 0.1), (6.5, 0.1))]
    held = judge(made_weighed(filtered=rivals))
    assert held.word == "cannot tell"
    assert "that it did not drift is" in held.reasons[0]
    assert "does not stand" in held.reasons[0]
    assert "Few particles" in held.reasons[1]


@pytest.mark.parametrize("log_evidence", [(0, 0, 4, 4, 6.3), (0, 0, 4, 4, 6.6), (0, 0, 4, 4, 9.0)])
def test_a_side_that_winds_refuse_does_not_count_towards_not_drifting(log_evidence) -> None:
    # Whichever of the two is the likelier: what is not wind in the track is too small for these winds.
    near = replace(ABLE, wind_mps=3.0, off_wind_mps=1.0)
    verdict = judge(made_weighed(log_evidence, reach=near))
    assert verdict.word == "cannot tell"
    assert verdict.refused == ("not wind",)
    assert judge(made_weighed(log_evidence)).word != "cannot tell"


def test_what_is_held_back_is_not_said_in_words_of_likelihood() -> None:
    near = replace(ABLE, wind_mps=3.0, off_wind_mps=1.0)
    verdict = judge(made_weighed((0, 0, 0, 0, 20), reach=near))
    assert verdict.word == "cannot tell"
    text = " ".join(verdict.reasons)
    assert "does not stand" in text
    assert "certain" not in text
    assert "passes" not in text


@pytest.mark.parametrize("steered_and_not_wind", [(9, 9, 0), (0, 0, 3.5), (0, 0, 8), (4, 4, 5)])
def test_nothing_is_found_against_no_rival(steered_and_not_wind) -> None:
    weighed = made_weighed((0, 0, *steered_and_not_wind))
    kept = [2, 3, 4]
    alone = replace(
        weighed,
        hypotheses=tuple(weighed.hypotheses[i] for i in kept),
        log_evidence=weighed.log_evidence[kept],
        se=weighed.se[kept],
        posterior=weighed.posterior[kept] / weighed.posterior[kept].sum(),
    )
    verdict = judge(alone)
    assert verdict.word == "cannot tell"
    assert "Nothing was weighed by which it drifted" in " ".join(verdict.reasons)


def test_data_that_could_not_tell_do_not() -> None:
    drift = judge(made_weighed((9, 9, 0, 0, 0), reach=UNABLE))
    assert drift.word == "cannot tell"
    assert "could hardly have told" in " ".join(drift.reasons)
    steered = judge(made_weighed((0, 0, 9, 9, 0), reach=UNABLE), winds_used="prior")
    assert steered.word == "cannot tell"
    assert "could hardly have told" in " ".join(steered.reasons)


def test_that_no_wind_moved_it_needs_no_reach_of_steering() -> None:
    assert judge(made_weighed((0, 0, 0, 0, 12), reach=UNABLE)).word == "not moved by wind"


@pytest.mark.parametrize(("track_mps", "word"), [(30.0, "cannot tell"), (150.0, "not moved by wind")])
def test_a_climatology_lets_a_track_fail_by_its_speed_alone(track_mps: float, word: str) -> None:
    reach = replace(UNABLE, track_mps=track_mps, winds_reach_mps=80.0)
    verdict = judge(made_weighed((0, 0, 0, 0, 12), reach=reach), winds_used="prior")
    assert verdict.word == word


@pytest.mark.parametrize(("off_wind_mps", "word"), [(4.0, "cannot tell"), (30.0, "not moved by wind")])
def test_a_track_that_keeps_to_a_wind_is_not_said_to_owe_it_nothing(off_wind_mps: float, word: str) -> None:
    verdict = judge(
        made_weighed((0, 0, 0, 0, 12), reach=replace(ABLE, wind_mps=3.0, off_wind_mps=off_wind_mps))
    )
    assert verdict.word == word
    assert ("too small for them to tell" in " ".join(verdict.reasons)) == (word == "cannot tell")


@pytest.mark.parametrize("threshold", [0.5, 1.0, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        judge(made_weighed(), threshold=threshold)


# --- made flights through a wind that turns through all directions in 9 km of height


def verdict_on(fixes, sd_mps: float, winds_used: str = "files", belief=None) -> Verdict:
    air = make_air(PLAIN, made_grid(turning, sd_mps))
    weighed, _ = weigh_until_settled(
        DEFAULT_HYPOTHESES, fixes, air, belief or WindErrorBelief(), PLAIN, particles=PARTICLES, seed=1,
        winds_used=winds_used,
    )  # fmt: skip
    return judge(weighed, winds_used=winds_used)


def flight(sd_mps: float, **how):
    air = make_air(PLAIN, made_grid(turning, sd_mps))
    return flown(air, error_mps=sd_mps, **how)


def test_a_drifting_flight_is_called_drifted() -> None:
    fixes = flight(0.5, hours=144, every_h=2, seed=1, heights=True)
    assert verdict_on(fixes, 0.5).word == "drifted"


def test_a_drifting_flight_without_heights_is_never_called_steered() -> None:
    for seed in (1, 2):
        assert verdict_on(flight(1.0, hours=72, every_h=1, seed=seed), 1.0).word != "steered"


def test_propulsion_across_the_wind_is_called_steered() -> None:
    fixes = flight(1.0, hours=72, every_h=1, seed=1, push=lambda t: (0.0, 8.0 if 12 < t < 48 else 0.0))
    verdict = verdict_on(fixes, 1.0)
    assert verdict.word == "steered"
    assert verdict.log_odds > 3.0


def test_altitude_control_is_called_steered_though_no_height_is_known() -> None:
    fixes = flight(
        1.0, hours=72, every_h=1, seed=1, alt_km=lambda t: 18.0 if t < 20 else 20.5 if t < 45 else 16.0
    )
    assert verdict_on(fixes, 1.0).word == "steered"


def test_a_straight_fast_track_is_called_not_moved_by_wind() -> None:
    rng = np.random.default_rng(3)
    hours = np.arange(0.0, 48.1)
    x, y = 250.0 * hours + 5.0 * rng.standard_normal(49), 65.0 * hours + 5.0 * rng.standard_normal(49)
    assert verdict_on(made_fixes(hours * HOUR, x, y), 1.0).word == "not moved by wind"


def test_a_straight_track_across_the_winds_is_called_not_moved_by_wind_once_its_rivals_are_computed() -> None:
    rng = np.random.default_rng(3)
    hours = np.arange(0.0, 48.1)
    # At 150 km/h across it might be an engine that holds its course, and few particles can tell.
    x, y = 220.0 * hours + 5.0 * rng.standard_normal(49), 65.0 * hours + 5.0 * rng.standard_normal(49)
    verdict = verdict_on(made_fixes(hours * HOUR, x, y), 1.0)
    assert verdict.p_not_wind > 0.99
    assert verdict.word == "not moved by wind"


def test_that_no_wind_moved_it_is_not_said_against_steering_that_was_not_computed() -> None:
    told = ((-40.0, 0.1), (-40.0, 0.1), (-2.0, 3.0), (-40.0, 0.1), (8.0, 0.1))
    verdict = judge(made_weighed(filtered=[made_filtered(value, se) for value, se in told]))
    # That it drifted was computed well, and is beaten; how else it moved is open.
    assert verdict.word == "did not drift"
    assert "Few particles carry" in verdict.reasons[-1]
    assert "steered by changes of height" in verdict.reasons[-1]


def test_the_climatology_cannot_tell() -> None:
    # The prior's numbers: 9 m/s of spread that last for 39 h, a fifth of it fast, and 14 km of mixing.
    prior = WindErrorBelief(time_s=39 * HOUR, fast_share=0.2, mixing_km=14.0, height_scale_m=3840.0)
    fixes = flight(6.0, hours=72, every_h=6, seed=1, push=lambda t: (0.0, 8.0 if 12 < t < 48 else 0.0))
    verdict = verdict_on(fixes, 9.0, "prior", prior)
    assert verdict.word == "cannot tell"
    assert "climatology" in " ".join(verdict.reasons)
