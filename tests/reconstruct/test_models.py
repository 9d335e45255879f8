"""Models of motion: what is refused, and the numbers they become."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.reconstruct import models
from overflight.reconstruct.models import ROW, MotionModel, WindErrorBelief, coded_model


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizontal": "rowed"},
        {"vertical": "up"},
        {"ascent": "perhaps"},
        {"level_m": (float("nan"), 1.0)},
        {"level_m": (18_000.0, -1.0)},
        {"level_m": (180_000.0, 1.0)},
        {"control_m": (20_000.0, 15_000.0)},
        {"command_h": (0.0, 10.0)},
        {"wander_m": -1.0},
        {"wander_h": 0.0},
        {"burst_share": 1.5},
        {"on_share": (0.5, 1.5)},
    ],
    ids=str,
)
def test_a_model_that_cannot_be_is_refused_by_name(wrong) -> None:
    with pytest.raises(InputError) as error:
        MotionModel(id="made", **wrong)
    assert next(iter(wrong)) in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_s": 0.0},
        {"factor": float("inf")},
        {"fast_share": 1.2},
        {"mixing_km": -1.0},
        {"height_scale_m": 0.0},
    ],
    ids=str,
)
def test_a_belief_that_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        WindErrorBelief(**wrong)


def test_every_number_of_a_model_has_its_row() -> None:
    numbers = {
        f.name
        for f in dataclasses.fields(MotionModel)
        if not isinstance(getattr(MotionModel(id="x"), f.name), str)
    }
    assert numbers == set(models.ROWS)


def test_codes_and_ranges_are_those_of_the_model() -> None:
    coded = coded_model(
        MotionModel(id="x", horizontal="free", vertical="control", descent="never", wander_m=50.0)
    )
    assert coded.ints.tolist() == [2, 3, 0, 2]
    assert coded.ranges[ROW["wander_m"]].tolist() == [50.0, 50.0]
    assert coded.ranges[ROW["control_m"]].tolist() == [14_000.0, 24_000.0]


def test_the_mean_square_of_a_log_normal_mixing() -> None:
    belief = WindErrorBelief(mixing_km=2.0, mixing_log_sd=0.7)
    drawn = 2.0 * np.exp(0.7 * np.random.default_rng(1).standard_normal(2_000_000))
    assert belief.mixing_rms_km == pytest.approx(math.sqrt((drawn**2).mean()), rel=0.01)
