"""How well a radio emitter could be heard: free-space loss, noise, margin, and the horizon.

Free space is Recommendation ITU-R P.525: no clutter, no hills, no rain or gas (less than 2 dB below 10 GHz,
more above). An answer is therefore an upper bound of what is usually heard (one time in ten P.528's loss lies
up to 6.2 dB under free space: `signals` bounds with both), and more: from 20 km one receiver hears every
emitter of some 800,000 km², so what is loud enough to hear need not be told apart from the rest. Beyond the
horizon the loss grows by 25–30 dB within some tens of kilometres (Recommendation ITU-R P.528); free space
says nothing there and the answer is NaN with the status BEYOND_HORIZON, though a radar of megawatts is still
heard.

Frequencies are in hertz, powers in dBm or dBW, gains in dBi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, OverflightError

Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

# Speed of light in vacuum, exact: SI Brochure (9th edition), 2.2.
LIGHT_MPS: Final = 299_792_458.0
# Boltzmann's constant, exact: SI Brochure (9th edition), 2.2; in dBW/(K Hz) it is -228.6.
BOLTZMANN_JPK: Final = 1.380649e-23
BOLTZMANN_DB: Final = 10.0 * math.log10(BOLTZMANN_JPK)
# Reference temperature of noise figures: IEEE Std 686; Recommendation ITU-R P.372.
STANDARD_K: Final = 290.0
DBM_PER_DBW: Final = 30.0
# Where radio ends: ITU Radio Regulations, 1.5.
MOST_RADIO_HZ: Final = 3e12
# Far more than any transmitter's, and than the arithmetic overflows at.
MOST_DBM: Final = 300.0
# From here on gas and rain are more than the uncertainty of the rest.
CLEAR_AIR_HZ: Final = 10e9

HEARD, TOO_WEAK, BEYOND_HORIZON, NOT_KNOWN = range(4)
MARGIN_STATUS: Final = (
    "heard",
    "too weak",
    "beyond the horizon: not assessed",
    "a value is not a number",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """A transmitter on the ground, as given by the user.

    `eirp_dbm` is what it radiates toward the balloon, `duty` the share of the time that it is on. `alt_m` is
    that of its antenna, above sea level.
    """

    id: str
    name: str
    lon_deg: float
    lat_deg: float
    frequency_hz: float
    eirp_dbm: float
    bandwidth_hz: float
    alt_m: float = 0.0
    duty: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("frequency_hz", "bandwidth_hz"):
            _check_positive(f"emitter '{self.id}'", name, getattr(self, name))
        if not 0.0 <= self.duty <= 1.0:
            _refuse(f"emitter '{self.id}'", "duty", self.duty, "Give a share of the time, 0 to 1.")
        if self.frequency_hz > MOST_RADIO_HZ:
            remedy = "Radio ends at 3 THz: give hertz below it."
            _refuse(f"emitter '{self.id}'", "frequency_hz", self.frequency_hz, remedy)
        if not abs(self.eirp_dbm) <= MOST_DBM:
            remedy = f"Give a power in dBm, {-MOST_DBM:g} to {MOST_DBM:g}."
            _refuse(f"emitter '{self.id}'", "eirp_dbm", self.eirp_dbm, remedy)
        if not (math.isfinite(self.lon_deg) and abs(self.lat_deg) <= 90.0):
            place = (self.lon_deg, self.lat_deg)
            _refuse(f"emitter '{self.id}'", "lat_deg", place, "Give a longitude and a latitude within ±90.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A receiver on the balloon, as assumed by whoever asks.

    It hears from `low_hz` to `high_hz`, in the emitter's own bandwidth, when the signal stands `needed_db`
    above the noise.
    """

    id: str
    low_hz: float
    high_hz: float
    gain_dbi: float = 0.0
    noise_figure_db: float = 3.0
    needed_db: float = 10.0

    def __post_init__(self) -> None:
        _check_positive(f"receiver '{self.id}'", "low_hz", self.low_hz)
        if not self.low_hz < self.high_hz < math.inf:
            _refuse(f"receiver '{self.id}'", "high_hz", self.high_hz, "Give a frequency above low_hz.")
        if not (self.noise_figure_db >= 0.0 and math.isfinite(self.noise_figure_db)):
            _refuse(f"receiver '{self.id}'", "noise_figure_db", self.noise_figure_db, "Give zero or more.")
        for name in ("gain_dbi", "needed_db"):
            if not math.isfinite(getattr(self, name)):
                _refuse(f"receiver '{self.id}'", name, getattr(self, name), "Give a finite number.")

    def tunes(self, emitter: Emitter) -> bool:
        """Say whether the emitter's frequency is within the receiver's range."""
        return self.low_hz <= emitter.frequency_hz <= self.high_hz


class Margin(NamedTuple):
    """How far a signal stands above what is needed: arrays of one shape, NaN where not assessed."""

    margin_db: Float64s
    status: Codes


def _check_positive(who: str, name: str, value: float) -> None:
    if not (value > 0.0 and math.isfinite(value)):
        _refuse(who, name, value, "Give a finite number above zero.")


def _refuse(who: str, name: str, value: object, remedy: str) -> None:
    raise InputError(f"{who}: it is {value!r}", field=name, remedy=remedy)


def free_space_loss_db(frequency_hz: npt.ArrayLike, range_m: npt.ArrayLike) -> Float64s:
    """Return the basic transmission loss in free space, 20 log₁₀(4π d f / c) (P.525, equation 4).

    NaN where the range is not above zero. Nearer than a wavelength it means nothing.
    """
    frequency, away = np.asarray(frequency_hz, dtype=np.float64), np.asarray(range_m, dtype=np.float64)
    if not (frequency > 0).all():
        raise OverflightError("a frequency is not above zero", remedy="Give hertz.")
    return np.asarray(
        20.0 * np.log10(4.0 * math.pi / LIGHT_MPS * frequency * np.where(away > 0, away, np.nan))
    )


def range_for_loss_m(frequency_hz: npt.ArrayLike, loss_db: npt.ArrayLike) -> Float64s:
    """Return the distance at which free space takes a loss, the inverse of `free_space_loss_db`."""
    wave = LIGHT_MPS / np.asarray(frequency_hz, dtype=np.float64)
    return np.asarray(wave / (4.0 * math.pi) * 10.0 ** (np.asarray(loss_db, dtype=np.float64) / 20.0))


def noise_dbm(
    bandwidth_hz: npt.ArrayLike, noise_figure_db: npt.ArrayLike = 0.0, temperature_k: float = STANDARD_K
) -> Float64s:
    """Return the noise power of a receiver whose antenna sees `temperature_k`, k T B F.

    At the standard temperature this is the definition of the noise figure; at others F - 1 of it is added.
    """
    bandwidth = np.asarray(bandwidth_hz, dtype=np.float64)
    if not (bandwidth > 0).all() or temperature_k < 0:
        raise OverflightError(
            "a bandwidth is not above zero, or a temperature below", remedy="Give hertz, kelvin."
        )
    figure = 10.0 ** (np.asarray(noise_figure_db, dtype=np.float64) / 10.0)
    kelvin = temperature_k + STANDARD_K * (figure - 1.0)
    return np.asarray(10.0 * np.log10(BOLTZMANN_JPK * kelvin * bandwidth) + DBM_PER_DBW)


def sensitivity_dbm(receiver: Receiver, bandwidth_hz: npt.ArrayLike) -> Float64s:
    """Return the least power at the antenna's terminals that a receiver hears in a bandwidth."""
    return noise_dbm(bandwidth_hz, receiver.noise_figure_db) + receiver.needed_db


def received_dbm(
    eirp_dbm: npt.ArrayLike,
    frequency_hz: npt.ArrayLike,
    range_m: npt.ArrayLike,
    gain_dbi: npt.ArrayLike = 0.0,
) -> Float64s:
    """Return the power that an antenna takes from an emitter over free space."""
    loss = free_space_loss_db(frequency_hz, range_m)
    return np.asarray(np.asarray(eirp_dbm) - loss + np.asarray(gain_dbi))


def margin(
    receiver: Receiver, emitter: Emitter, range_m: npt.ArrayLike, apparent_elevation_deg: npt.ArrayLike
) -> Margin:
    """Return by how much a receiver hears an emitter at ranges and elevations, an upper bound.

    `apparent_elevation_deg` is the receiver's as the emitter sees it through the air
    (`geometry.look` with RADIO); below 0 nothing is assessed. An emitter out of tune has no margin anywhere.
    """
    away, up = np.broadcast_arrays(
        np.asarray(range_m, dtype=np.float64), np.asarray(apparent_elevation_deg, dtype=np.float64)
    )
    taken = received_dbm(emitter.eirp_dbm, emitter.frequency_hz, away, receiver.gain_dbi)
    above = taken - sensitivity_dbm(receiver, emitter.bandwidth_hz)
    if not receiver.tunes(emitter):
        above = np.full(above.shape, -np.inf)
    status = np.where(above >= 0, HEARD, TOO_WEAK)
    status = np.where(up < 0, BEYOND_HORIZON, status)
    status = np.where(np.isfinite(up) & (away > 0), status, NOT_KNOWN).astype(np.int8)
    return Margin(np.where(status <= TOO_WEAK, above, np.nan), status)


def advantage_db(near_m: npt.ArrayLike, far_m: npt.ArrayLike) -> Float64s:
    """Return how much louder the same emitter is at one range than at another, in free space."""
    return np.asarray(
        20.0 * np.log10(np.asarray(far_m, dtype=np.float64) / np.asarray(near_m, dtype=np.float64))
    )


# --- links -----------------------------------------------------------------------------------------------


def carrier_to_noise_dbhz(
    eirp_dbw: npt.ArrayLike, loss_db: npt.ArrayLike, gain_over_noise_dbpk: npt.ArrayLike
) -> Float64s:
    """Return C/N0 of a link in dBHz from its EIRP (dBW), all losses and the receiver's G/T (dB/K)."""
    total = np.asarray(eirp_dbw, dtype=np.float64) - np.asarray(loss_db) + np.asarray(gain_over_noise_dbpk)
    return np.asarray(total - BOLTZMANN_DB)


def capacity_bps(bandwidth_hz: npt.ArrayLike, snr_db: npt.ArrayLike) -> Float64s:
    """Return the most bits a second that a band carries without error, B log₂(1 + S/N) (C. Shannon 1949)."""
    ratio = 10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10.0)
    return np.asarray(np.asarray(bandwidth_hz, dtype=np.float64) * np.log2(1.0 + ratio))


def wideband_capacity_bps(carrier_to_noise: npt.ArrayLike) -> Float64s:
    """Return the limit of `capacity_bps` for any bandwidth at a C/N0 in dBHz: (C/N0) / ln 2."""
    return np.asarray(10.0 ** (np.asarray(carrier_to_noise, dtype=np.float64) / 10.0) / math.log(2.0))
