"""Models of motion as the filter takes them, and what is believed of the wind error.

A `MotionModel` says what moves a flight sideways and what sets its height, with a prior for every number
that is not known. The equations stand in docs/motion-models.md. Models are data only: `guided.py` flies them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.reconstruct.motion import FAST_TIME_S
from overflight.winds.error import ANALYSIS_ERROR, ANALYSIS_LAGRANGIAN_S, STATED_SIZE_LOG_SD

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Range = tuple[float, float]
Horizontal = Literal["wind", "propelled", "free"]
Vertical = Literal["hold", "daynight", "leak", "control"]
Phase = Literal["auto", "always", "never", "maybe"]

HORIZONTAL: tuple[Horizontal, ...] = ("wind", "propelled", "free")
VERTICAL: tuple[Vertical, ...] = ("hold", "daynight", "leak", "control")
PHASES: tuple[Phase, ...] = ("auto", "always", "never", "maybe")
# What is stated of an error's memory holds for a process along a path. Errors are fields: met on a path that
# bends and stays they last longer, and for who takes them to be shorter than they are, a drift looks steered.
# One and one and a half were tried on made flights that the table of docs/steer-calibration.md leaves out.
MEMORY_SHARE = 1.5
# What is stated of mixing is the most that reports hours apart ask for; dense fixes show far less.
MIXING_SHARE = 0.3
# Of the stratosphere at 18-21 km: turns a scale in ln(pressure) into metres.
SCALE_HEIGHT_M = 6400.0
MAX_LEVEL_M = 50_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionModel:
    """How a flight may have moved. Pairs are ranges, drawn evenly in the logarithm where marked so.

    `level_m` is mean and standard deviation of the float level above the ellipsoid; `wander_m` is how far
    the height strays from it (one standard deviation) and `wander_h` how long it remembers that.

    - vertical 'daynight': higher by `amplitude_m` by day; 'leak': lower by `leak_m_per_day`. Both are
      Gaussian with the mean and the standard deviation of the even range. With 'daynight', `leak_share` of
      flights leak instead, and `ballast_share` sink as the sun does only until ballast has made up for it,
      with an e-folding time of `recovery_h` (log); half of a dusk has passed when the sun stands at
      `dusk_deg`, for an open balloon that was full by day sinks with the first heat it loses. Without that
      ballast they then float higher than the day before, by `rise_share` (log) of the fall. Both stray by
      `held_wander_m`.
    - vertical 'control': a level commanded within `control_m` (even) is held until the next command;
      `command_h` is the mean time between commands (log), `climb_mps` the speed there (log).
    - horizontal 'propelled': an air velocity, normal with `airspeed_mps` (log) on each axis, on for
    `on_share`
      of legs, drawn anew after a mean of `leg_h` (log). `course_share` of flights hold courses over the
      ground in place of directions through the air, all of the time: one begins with the wind's velocity and
      the engine's, `airspeed_mps` in all; then the wind along it changes the speed, and the wind across is
      made good but for a share (`course_slack`). A quarter of them are places that are kept.
    - horizontal 'free': not moved by the wind; leg velocities normal with `speed_mps` (log) on each axis,
    drawn
      anew after a mean of `leg_h`; about it the velocity strays by `stray_share` of the scale (log) and
      remembers that for `memory_h` (log).
    - ascent at `ascent_mps` from the first height, to the level or, for `burst_share` of flights, to a burst
    in
      `burst_m`; a flight afloat comes down after `float_h` (log); it falls at `descent_mps`, a sea-level
      speed. 'auto': where heights below 10 km show such a phase; where there are no heights, 'maybe' when
      fixes less than 45 minutes apart would show it, and nowhere when they are further apart. 'maybe': for
      `launch_share` of flights, from the ground; a fall may come at any time ('always' and 'maybe' alike).
    """

    id: str
    horizontal: Horizontal = "wind"
    vertical: Vertical = "hold"
    level_m: Range = (18_000.0, 4_000.0)
    wander_m: float = 600.0
    wander_h: float = 12.0
    amplitude_m: Range = (0.0, 2_000.0)
    leak_m_per_day: Range = (0.0, 1_500.0)
    leak_share: float = 0.0
    held_wander_m: float = 200.0
    ballast_share: float = 0.0
    recovery_h: Range = (1.0, 8.0)
    rise_share: Range = (0.1, 0.5)
    dusk_deg: Range = (-5.0, 12.0)
    control_m: Range = (14_000.0, 24_000.0)
    command_h: Range = (4.0, 48.0)
    climb_mps: Range = (0.3, 5.0)
    airspeed_mps: Range = (1.0, 15.0)
    leg_h: Range = (2.0, 24.0)
    on_share: Range = (0.2, 1.0)
    course_share: float = 0.0
    speed_mps: Range = (3.0, 100.0)
    memory_h: Range = (0.3, 6.0)
    stray_share: Range = (0.05, 0.5)
    ascent: Phase = "auto"
    descent: Phase = "auto"
    ascent_mps: Range = (1.0, 8.0)
    burst_m: Range = (18_000.0, 38_000.0)
    burst_share: float = 0.5
    launch_share: float = 0.5
    float_h: Range = (1.0, 240.0)
    descent_mps: Range = (0.5, 12.0)

    def __post_init__(self) -> None:
        for name, allowed in (
            ("horizontal", HORIZONTAL),
            ("vertical", VERTICAL),
            ("ascent", PHASES),
            ("descent", PHASES),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"{getattr(self, name)!r} is not known",
                    field=f"{self.id}.{name}",
                    remedy=f"Use one of {', '.join(allowed)}.",
                )
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple) and item.name not in ANGLES:
                _check_pair(f"{self.id}.{item.name}", value, positive=item.name in LOG_RANGES)
        low, high = self.dusk_deg
        if not -90.0 <= low <= high <= 90.0:
            raise InputError(
                f"the range is {self.dusk_deg!r}",
                field=f"{self.id}.dusk_deg",
                remedy="Give two elevations of the sun, -90 to 90, the lower first.",
            )
        _check_size(f"{self.id}.wander_m", self.wander_m, zero=True)
        _check_size(f"{self.id}.held_wander_m", self.held_wander_m, zero=True)
        _check_size(f"{self.id}.wander_h", self.wander_h)
        named = ("burst_share", "launch_share", "leak_share", "ballast_share", "course_share")
        shares = [(n, getattr(self, n)) for n in named] + [("on_share", x) for x in self.on_share]
        for name, share in [*shares, ("leak_share + ballast_share", self.leak_share + self.ballast_share)]:
            if not 0.0 <= share <= 1.0:
                raise InputError(f"the share is {share!r}", field=f"{self.id}.{name}", remedy="Give 0 to 1.")
        if max(self.level_m[0], *self.control_m, *self.burst_m) > MAX_LEVEL_M:
            raise InputError(
                f"a height is above {MAX_LEVEL_M:g} m",
                field=f"{self.id}.level_m, control_m, burst_m",
                remedy="Give metres; winds end there.",
            )


# Ranges drawn evenly in the logarithm; they must lie above zero.
LOG_RANGES = frozenset(
    {
        "command_h", "climb_mps", "airspeed_mps", "leg_h", "speed_mps", "memory_h", "stray_share", "float_h",
        "recovery_h", "rise_share",
    }
)  # fmt: skip
# Ranges of angles, which may lie below zero.
ANGLES = frozenset({"dusk_deg"})
# The rows of `CodedModel.ranges`.
ROWS = (
    "level_m", "wander_m", "wander_h", "amplitude_m", "leak_m_per_day", "leak_share", "held_wander_m",
    "ballast_share", "recovery_h", "rise_share", "dusk_deg", "control_m", "command_h", "climb_mps",
    "airspeed_mps", "leg_h", "on_share", "course_share", "speed_mps", "memory_h", "stray_share", "ascent_mps",
    "burst_m", "burst_share", "launch_share", "float_h", "descent_mps",
)  # fmt: skip
ROW = {name: i for i, name in enumerate(ROWS)}


class CodedModel(NamedTuple):
    """A model as numbers: codes of horizontal, vertical, ascent and descent (4,), ranges (P, 2) in `ROWS`."""

    ints: Int64s
    ranges: Float64s


def coded_model(model: MotionModel) -> CodedModel:
    """Return the model as numbers, lengths in the units of its fields."""
    ints = np.array(
        [
            HORIZONTAL.index(model.horizontal),
            VERTICAL.index(model.vertical),
            PHASES.index(model.ascent),
            PHASES.index(model.descent),
        ],
        np.int64,
    )
    values = [getattr(model, name) for name in ROWS]
    return CodedModel(ints, np.array([v if isinstance(v, tuple) else (v, v) for v in values], np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindErrorBelief:
    """What is believed of the wind error, and how surely.

    `factor` is the median of what the spread stated by the winds is multiplied by, log-normal with
    `factor_log_sd`; `time_s` is the median time over which the error met by the balloon forgets itself,
    log-normal with `time_log_sd`. The error of `smooth_share` of flights has a derivative in time (much as
    Matérn 3/2 has), that of the others is an Ornstein-Uhlenbeck process; which, is not known of one.
    `fast_share` of the variance forgets itself in `fast_time_s` instead. A change of the height, but for its
    wander about a level, by a scale with the median `height_scale_m`, log-normal with `height_log_sd`, leaves
    1/e of either part. Motion too fast for the
    winds adds to the place, per square root of an hour, a distance with the median `mixing_km`, log-normal
    with `mixing_log_sd`: were it fixed, dense and exact fixes would speak against the wind or for it.
    """

    factor: float = 1.0
    factor_log_sd: float = STATED_SIZE_LOG_SD
    time_s: float = MEMORY_SHARE * ANALYSIS_LAGRANGIAN_S
    time_log_sd: float = 0.6
    smooth_share: float = 0.5
    fast_share: float = 0.0
    fast_time_s: float = FAST_TIME_S
    height_scale_m: float = ANALYSIS_ERROR.log_pressure * SCALE_HEIGHT_M
    height_log_sd: float = 0.5
    mixing_km: float = 1.5
    mixing_log_sd: float = 1.0

    @property
    def mixing_rms_km(self) -> float:
        """Root of the mean square of the mixing, for sums of variances that do not draw it."""
        return self.mixing_km * math.exp(self.mixing_log_sd**2)

    def __post_init__(self) -> None:
        for name in ("factor", "time_s", "fast_time_s", "height_scale_m"):
            _check_size(name, getattr(self, name))
        for name in ("factor_log_sd", "time_log_sd", "height_log_sd", "mixing_km", "mixing_log_sd"):
            _check_size(name, getattr(self, name), zero=True)
        for name in ("fast_share", "smooth_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"the value is {getattr(self, name)!r}", field=name, remedy="Give 0 to 1.")


def _check_size(name: str, value: float, *, zero: bool = False) -> None:
    if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not zero):
        least = "zero or more" if zero else "a number above zero"
        raise InputError(f"the value is {value!r}", field=name, remedy=f"Give {least}.")


def _check_pair(name: str, pair: Range, *, positive: bool) -> None:
    """Refuse what is not a range; a level's second number is a standard deviation."""
    low, high = pair
    ordered = name.endswith("level_m") or low <= high
    if not (math.isfinite(low) and math.isfinite(high)) or min(low, high) < 0.0 or not ordered:
        raise InputError(
            f"the range is {pair!r}", field=name, remedy="Give two numbers from zero up, the lower first."
        )
    if positive and low <= 0.0:
        raise InputError(f"the range is {pair!r}", field=name, remedy="Its lower end must be above zero.")
