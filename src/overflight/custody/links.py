"""Links home: what services and radio links could carry, where they reach, and when they fail.

A `Service` has a ceiling: the most that its operator sells to one terminal. `provenance` says how far to
trust the number: 'source' read at the place named, 'secondary' read at second hand, 'known' common knowledge
that wants checking against the operator's sheet, 'assumed' the user's own. A message service's ceiling is its
largest message at its least interval. No terminal reaches its ceiling for days; what comes out is a bound,
not a forecast.

A `LineOfSight` link is a budget: free space to a ground station above the radio horizon, and the DVB-S2
modulation and code that its signal bears. Outages are drawn: an alternating renewal process with exponential
times of working and of failing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, LimitError, OverflightError
from overflight.exposure.geometry import RADIO, look
from overflight.exposure.radio import carrier_to_noise_dbhz, free_space_loss_db

Float64s = npt.NDArray[np.float64]
Provenance = Literal["source", "secondary", "known", "assumed"]

BITS: Final = 8.0
MAX_OUTAGES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a service works, inclusive; from `west_deg` eastward to `east_deg`, over the date line or not."""

    west_deg: float = -180.0
    east_deg: float = 180.0
    south_deg: float = -90.0
    north_deg: float = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A satellite service: `up_bps` from the terminal and `down_bps` to it, bits a second of the user.

    For messages of `message_bytes` at most every `message_period_s` the rate is their quotient.
    `time_up_s` and `time_down_s` are mean times of working and failing, infinite and zero for none.
    """

    id: str
    name: str
    up_bps: float
    down_bps: float
    provenance: Provenance
    source: str
    message_bytes: int | None = None
    message_period_s: float | None = None
    where: Box = Box()
    time_up_s: float = math.inf
    time_down_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("up_bps", "down_bps", "time_down_s"):
            value = getattr(self, name)
            if not (value >= 0.0 and math.isfinite(value)):
                _refuse(self.id, name, value, "Give a finite number, zero or more.")
        _check_outages(self.id, self.time_up_s, self.time_down_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOfSight:
    """A radio link straight to a ground station, worked with DVB-S2 at the rate that its signal bears.

    `eirp_dbw` of the balloon toward the station, `gain_over_noise_dbpk` (G/T, dB/K) of the station,
    `symbols_hz` the symbol rate; `margin_db` is kept against fading and pointing. `least_elevation_deg` is
    apparent.
    """

    id: str
    name: str
    lon_deg: float
    lat_deg: float
    alt_m: float
    frequency_hz: float
    eirp_dbw: float
    gain_over_noise_dbpk: float
    symbols_hz: float
    margin_db: float = 3.0
    least_elevation_deg: float = 0.0
    time_up_s: float = math.inf
    time_down_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frequency_hz", "symbols_hz"):
            value = getattr(self, name)
            if not (value > 0.0 and math.isfinite(value)):
                _refuse(self.id, name, value, "Give a finite number above zero.")
        for name in ("eirp_dbw", "gain_over_noise_dbpk", "margin_db", "least_elevation_deg"):
            if not math.isfinite(getattr(self, name)):
                _refuse(self.id, name, getattr(self, name), "Give a finite number.")
        _check_outages(self.id, self.time_up_s, self.time_down_s)


Link = Service | LineOfSight


def _refuse(who: str, name: str, value: object, remedy: str) -> None:
    raise InputError(f"link '{who}': it is {value!r}", field=name, remedy=remedy)


def _check_outages(who: str, time_up_s: float, time_down_s: float) -> None:
    if not time_up_s > 0.0:
        _refuse(
            who, "time_up_s", time_up_s, "Give a mean time of working above zero; infinite for none failing."
        )
    if not 0.0 <= time_down_s < math.inf:
        _refuse(who, "time_down_s", time_down_s, "Give a mean time of failing, zero or more.")


def _messages(
    service_id: str,
    name: str,
    message_bytes: int,
    period_s: float,
    source: str,
    where: Box | None = None,
    provenance: Provenance = "source",
) -> Service:
    rate = message_bytes * BITS / period_s
    return Service(
        id=service_id,
        name=name,
        up_bps=rate,
        down_bps=rate,
        provenance=provenance,
        source=source,
        message_bytes=message_bytes,
        message_period_s=period_s,
        where=where or Box(),
    )


def _stream(
    service_id: str,
    name: str,
    up_bps: float,
    down_bps: float,
    provenance: Provenance,
    source: str,
    where: Box | None = None,
) -> Service:
    return Service(
        id=service_id,
        name=name,
        up_bps=up_bps,
        down_bps=down_bps,
        provenance=provenance,
        source=source,
        where=where or Box(),
    )


# A geostationary satellite stands less than 5 degrees high beyond 76 degrees of latitude, wherever it is.
NOT_POLAR: Final = Box(south_deg=-76.0, north_deg=76.0)
# Service area of BeiDou's regional messages, 75-135 E, 10-55 N: known, to be checked in its standard.
CHINA_REGION: Final = Box(west_deg=75.0, east_deg=135.0, south_deg=10.0, north_deg=55.0)

_CERTUS = (
    "Iridium Certus classes; the range of 88 to 704 kbit/s read at second hand, see the operator's sheet"
)
SERVICES: Final[Mapping[str, Service]] = MappingProxyType(
    {
        service.id: service
        for service in (
            _stream(
                "iridium_rudics",
                "Iridium circuit or RUDICS",
                2400.0,
                2400.0,
                "source",
                "mailasail; NAL Research",
            ),
            _messages(
                "iridium_sbd", "Iridium short burst data", 1960, 20.0, "NAL Research, network reference"
            ),
            _stream(
                "certus_100",
                "Iridium Certus 100 (9770)",
                22e3,
                88e3,
                "secondary",
                "resellers' sheets of the 9770",
            ),
            _stream("certus_200", "Iridium Certus 200", 176e3, 176e3, "known", _CERTUS),
            _stream("certus_350", "Iridium Certus 350", 352e3, 352e3, "known", _CERTUS),
            _stream("certus_700", "Iridium Certus 700", 352e3, 704e3, "known", _CERTUS),
            _stream(
                "bgan_streaming",
                "BGAN streaming",
                256e3,
                256e3,
                "source",
                "BGAN classes of 8 to 256 kbit/s",
                NOT_POLAR,
            ),
            _stream(
                "bgan_background",
                "BGAN background",
                492e3,
                492e3,
                "known",
                "about 400 read, 492 known",
                NOT_POLAR,
            ),
            _messages(
                "beidou_regional",
                "BeiDou-3 regional messages",
                1750,
                60.0,
                "at most 14,000 bit a message: spaceintelreport; one a minute assumed",
                CHINA_REGION,
            ),
            _messages(
                "beidou_global",
                "BeiDou-3 global messages",
                70,
                60.0,
                "560 bit a message: spaceintelreport; one a minute assumed",
            ),
        )
    }
)


def service(name: str) -> Service:
    """Return a service of the table by its id. Raises InputError that lists the ids."""
    if name not in SERVICES:
        raise InputError(f"'{name}' is not a service", field="link", remedy=f"Known: {', '.join(SERVICES)}.")
    return SERVICES[name]


def volume_bytes(link: Service, duration_s: float) -> float:
    """Return what a service carries home at its ceiling, bytes, if it works all the time."""
    if not duration_s >= 0.0:
        raise OverflightError(f"a duration of {duration_s!r} s", remedy="Give seconds, zero or more.")
    return link.up_bps / BITS * duration_s


# --- DVB-S2 ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Modcod:
    """A modulation and code of DVB-S2: bits a symbol and the least Es/N0 that it needs."""

    name: str
    efficiency: float
    needed_db: float


def _modcods(modulation: str, rows: str) -> list[Modcod]:
    cells = [row.split() for row in rows.split(",")]
    return [Modcod(f"{modulation} {code}", float(bits), float(needed)) for code, bits, needed in cells]


# ETSI EN 302 307-1, table 13: ideal Es/N0 for quasi error-free reception, normal frames, no pilots.
DVB_S2: Final[tuple[Modcod, ...]] = (
    *_modcods(
        "QPSK",
        "1/4 .490243 -2.35, 1/3 .656448 -1.24, 2/5 .789412 -.30, 1/2 .988858 1.00, 3/5 1.188304 2.23,"
        "2/3 1.322253 3.10, 3/4 1.487473 4.03, 4/5 1.587196 4.68, 5/6 1.654663 5.18, 8/9 1.766451 6.20,"
        "9/10 1.788612 6.42",
    ),
    *_modcods(
        "8PSK",
        "3/5 1.779991 5.50, 2/3 1.980636 6.62, 3/4 2.228124 7.91, 5/6 2.478562 9.35, 8/9 2.646012 10.69,"
        "9/10 2.679207 10.98",
    ),
    *_modcods(
        "16APSK",
        "2/3 2.637201 8.97, 3/4 2.966728 10.21, 4/5 3.165623 11.03, 5/6 3.300184 11.61, 8/9 3.523143 12.89,"
        "9/10 3.567342 13.13",
    ),
    *_modcods(
        "32APSK",
        "3/4 3.703295 12.73, 4/5 3.951571 13.64, 5/6 4.119540 14.28, 8/9 4.397854 15.69, 9/10 4.453027 16.05",
    ),
)


def _best(table: tuple[Modcod, ...]) -> tuple[Float64s, Float64s]:
    """Needed Es/N0 in rising order, and the most bits a symbol that it bears, with 0 below all."""
    rows = sorted(table, key=lambda row: row.needed_db)
    needed = np.array([row.needed_db for row in rows])
    bits = np.maximum.accumulate([0.0, *(row.efficiency for row in rows)])
    return needed, np.asarray(bits, dtype=np.float64)


_NEEDED_DB, _BITS_PER_SYMBOL = _best(DVB_S2)


def dvbs2_efficiency(es_over_noise_db: npt.ArrayLike) -> Float64s:
    """Return the bits a symbol of the best modulation and code for an Es/N0, 0 where none works."""
    strength = np.asarray(es_over_noise_db, dtype=np.float64)
    found = _BITS_PER_SYMBOL[np.searchsorted(_NEEDED_DB, strength, side="right")]
    return np.where(np.isnan(strength), np.nan, found)


def line_rate_bps(link: LineOfSight, range_m: npt.ArrayLike) -> Float64s:
    """Return the user's bits a second of a line-of-sight link at a range, wherever the horizon is."""
    loss = free_space_loss_db(link.frequency_hz, range_m) + link.margin_db
    strength = carrier_to_noise_dbhz(link.eirp_dbw, loss, link.gain_over_noise_dbpk)
    return np.asarray(link.symbols_hz * dvbs2_efficiency(strength - 10.0 * math.log10(link.symbols_hz)))


# --- over a flight ---------------------------------------------------------------------------------------


def rate_bps(link: Link, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, alt_m: npt.ArrayLike) -> Float64s:
    """Return what a link carries home from places (T,), bits a second, leaving outages aside.

    Zero out of its reach, and where the place is not known.
    """
    lon, lat, alt = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(lon_deg, lat_deg, alt_m))
    if isinstance(link, Service):
        return np.where(_within(link.where, lon, lat), link.up_bps, 0.0)
    seen = look(
        lon,
        lat,
        alt,
        [link.lon_deg],
        [link.lat_deg],
        [link.alt_m],
        air=RADIO,
        horizon_deg=link.least_elevation_deg,
    )
    up = seen.status[0] == 0
    rate = line_rate_bps(link, np.where(up & (seen.range_m[0] > 0), seen.range_m[0], np.nan))
    return np.where(up & np.isfinite(rate), rate, 0.0)


def _within(where: Box, lon: Float64s, lat: Float64s) -> npt.NDArray[np.bool_]:
    width = where.east_deg - where.west_deg
    # A box of a whole turn holds every meridian, whatever the remainder of 360 is.
    along = (lon - where.west_deg) % 360.0 <= (width if 0.0 <= width <= 360.0 else width % 360.0)
    known = np.isfinite(lon) & np.isfinite(lat)
    return np.asarray(
        known & (along | (width >= 360.0)) & (lat >= where.south_deg) & (lat <= where.north_deg)
    )


def draw_outages(link: Link, time_start: float, time_end: float, rng: np.random.Generator) -> Float64s:
    """Draw when a link fails: intervals (K, 2), POSIX seconds in order, cut to the time asked for.

    The process is in its steady state at the beginning. Raises LimitError for more than a million outages.
    """
    if not time_end >= time_start:
        raise OverflightError("the time ends before it begins", remedy="Check the order of the times.")
    up, down, span = link.time_up_s, link.time_down_s, time_end - time_start
    if not math.isfinite(up) or down == 0.0:
        return np.empty((0, 2))
    if span / (up + down) * 2.0 > MAX_OUTAGES:
        raise LimitError(
            f"link '{link.id}' would fail {span / (up + down):.0f} times",
            remedy="Give longer times of working.",
        )
    failing = rng.random() < down / (up + down)
    lengths: list[Float64s] = []
    while sum(float(x.sum()) for x in lengths) <= span:
        lengths.append(rng.exponential((down, up) if failing else (up, down), size=(64, 2)).ravel())
    edges = time_start + np.concatenate([[0.0], np.cumsum(np.concatenate(lengths))])
    begin = 0 if failing else 1
    pairs = edges[begin : begin + (edges.size - begin) // 2 * 2].reshape(-1, 2)
    return np.asarray(np.minimum(pairs[pairs[:, 0] < time_end], time_end))


def carried_bytes(rate: npt.ArrayLike, time_s: npt.ArrayLike, outages: Float64s | None = None) -> Float64s:
    """Return what a link could have carried from the first time up to each, bytes (T,): never falling.

    `rate` (T,), bits a second, holds from each time to the next; outages are taken off to the second, as if
    the rest of a step ran at its rate.
    """
    times, bits = np.asarray(time_s, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    if times.ndim != 1 or times.size == 0 or bits.shape != times.shape or (np.diff(times) <= 0).any():
        raise OverflightError(
            "times and rates are not one rising row each", remedy="Give arrays (T,) of equal size."
        )
    if not (bits >= 0).all():
        raise OverflightError(
            "a rate is negative or not a number", remedy="Give bits a second, zero or more."
        )
    working = np.diff(times)
    if outages is not None and len(outages):
        edges = outages.ravel()
        lost = np.repeat(np.cumsum(outages[:, 1] - outages[:, 0]), 2)
        lost[0::2] -= outages[:, 1] - outages[:, 0]
        working = working - np.diff(np.interp(times, edges, lost))
    step = bits[:-1] / BITS * np.maximum(working, 0.0)
    return np.concatenate([[0.0], np.cumsum(step)])
