"""The record of a run: where particles were at the kept times, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.trajectories.stops import END_CODES

Floats = npt.NDArray[np.floating]
Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

# What `Tracks.status` may say of a particle that is on its way; any other value is its `end_code`.
ALOFT = 0
NOT_YET = -1
AIR_HELD = -2
NO_MORE = -3
STATUS: dict[int, str] = {
    ALOFT: "on its way",
    NOT_YET: "has not begun",
    AIR_HELD: "on its way below the lowest level of the winds, in the wind of that level",
    NO_MORE: "reached the end of the run, and has no more steps",
    **{code: text for code, text in END_CODES.items() if code},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """Positions of N particles at K kept times, and the N ends.

    `time_s` (K,) in the order of the run, falling when it goes backward; (N, K) where every step was kept,
    and then NaN, with all else, after the last step of a particle (`NO_MORE` where it reached the end).
    `lon_deg` in [-180, 180), `lat_deg`, `alt_m` above WGS-84 and `pressure_pa` (N, K) are NaN before a
    particle begins and after it ends; at the time of its end they are its end. `status` (N, K) is a code of
    `STATUS`: 0 on its way, negative as named there, else the particle has ended with that code. `stage`
    (N, K) is the index of its stage.

    `end_time_s`, `end_lon_deg`, `end_lat_deg`, `end_alt_m`, `end_pressure_pa` (N,) are the last state that
    is known, whatever ended it; `end_code` (N,) says what did, in the words of `stops.END_CODES`;
    `end_stage` (N,) is the stage it was in. `notes` say what was assumed.
    """

    time_s: Float64s
    lon_deg: Floats
    lat_deg: Floats
    alt_m: Floats
    pressure_pa: Floats
    status: Codes
    stage: Codes
    end_time_s: Float64s
    end_lon_deg: Float64s
    end_lat_deg: Float64s
    end_alt_m: Float64s
    end_pressure_pa: Float64s
    end_code: Codes
    end_stage: Codes
    notes: tuple[str, ...] = ()

    def count_ends(self) -> dict[str, int]:
        """Return how many particles ended in which way, in words, the most frequent first."""
        codes, counts = np.unique(self.end_code, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {END_CODES[int(codes[i])]: int(counts[i]) for i in order}
