"""What links could have carried over a flight, and what sensors could have collected meanwhile.

A ceiling says what could have been, never what was. Over a flight it is that of the members of its ensemble:
where each was, at the rate that the link gives there, without a break and without failing. It holds for that
ensemble, and for no other path. Of the hours that it worked and the flight does not tell of, nobody knows
where it was: they count at the fastest rate of the link. A line of sight ends at the radio horizon, so over
the interior of a continent it carries nothing to a station abroad, and what came home as it was made came
through relays.

The reference sensors are textbook sizes, not those of any payload: they give the scale that links are held
against. The ratio of the two is the result.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.custody.evidence import Artefact
from overflight.custody.links import (
    BITS,
    DVB_S2,
    SERVICES,
    LineOfSight,
    Link,
    Service,
    carried_bytes,
    rate_bps,
    volume_bytes,
)
from overflight.errors import InputError
from overflight.records import weighted_quantile
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]

DAYS: Final = 8.0


@dataclass(frozen=True, slots=True)
class ReferenceSensor:
    """A sensor of textbook size and what it makes, bits a second, before any compression it does not name."""

    id: str
    name: str
    artefact: Artefact
    rate_bps: float


REFERENCE_SENSORS: Final[Mapping[str, ReferenceSensor]] = MappingProxyType(
    {
        sensor.id: sensor
        for sensor in (
            ReferenceSensor("camera_61mp", "camera, 61 megapixels of 12 bit, one a second", "images", 732e6),
            ReferenceSensor("video_1080p", "compressed video, 1080p", "images", 4e6),
            ReferenceSensor(
                "iq_20ms", "receiver, 20 million samples a second of 2 × 16 bit", "signals", 640e6
            ),
            ReferenceSensor("iq_1ms", "receiver, 1 million samples a second of 2 × 16 bit", "signals", 32e6),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCeiling:
    """What a link could have carried home, bytes: quantiles over the members, and the `most` of any.

    `reach` is the median share of the time that it was in reach. Without an ensemble all are the ceiling of
    the whole time anywhere, and `over_path` is False. `untold_hours` is how many of the hours asked for the
    member told least of is not in the flight, and counts at `top_bps`.
    """

    id: str
    name: str
    top_bps: float
    provenance: str
    source: str
    p05: float
    p50: float
    p95: float
    most: float
    reach: float
    over_path: bool
    untold_hours: float = 0.0


def aloft_hours(ensemble: xr.Dataset) -> float:
    """Return how long the member that stayed up longest was aloft, hours."""
    time_s = ensemble_times(ensemble)
    up = np.isfinite(ensemble["lon"].values)
    spans = [time_s[row].max() - time_s[row].min() for row in up if row.any()]
    return max(spans, default=0.0) / HOUR_S


def ensemble_times(ensemble: xr.Dataset) -> Float64s:
    """Return the times of an ensemble, POSIX seconds (T,)."""
    return np.asarray(ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9)


def member_bytes(link: Link, ensemble: xr.Dataset) -> tuple[Float64s, Float64s, Float64s]:
    """Return, of each member (M,), the bytes that a link could have carried, its share in reach, its hours.

    Of each step the faster of its two ends counts: a station may rise at any moment of it. One that rises and
    sets within a step is not seen, nor a faster rate between: the samples must be closer than that.
    """
    time_s = ensemble_times(ensemble)
    lon, lat, alt = (ensemble[name].values.astype(np.float64) for name in ("lon", "lat", "alt_m"))
    carried, reach, hours = (np.zeros(len(lon)) for _ in range(3))
    for m in range(len(lon)):
        rate = rate_bps(link, lon[m], lat[m], alt[m])
        up = np.isfinite(lon[m])
        faster = np.append(np.maximum(rate[:-1], rate[1:]), 0.0)
        carried[m] = carried_bytes(faster, time_s)[-1]
        reach[m] = float((rate > 0.0).sum() / max(up.sum(), 1))
        hours[m] = float(np.diff(time_s)[up[:-1] & up[1:]].sum() / HOUR_S)
    return carried, reach, hours


def link_ceiling(link: Link, ensemble: xr.Dataset | None, hours: float | None = None) -> LinkCeiling:
    """Return what a link could have carried over a flight; without one, over `hours` anywhere in its reach.

    With a flight and `hours`, what a member's path lacks of them counts at the link's fastest rate, and no
    more than that rate over all of them. Raises InputError where neither a flight nor hours are given.
    """
    source = (link.provenance, link.source) if isinstance(link, Service) else ("assumed", "the account's own")
    top = link.up_bps if isinstance(link, Service) else _top_bps(link)
    make = functools.partial(
        LinkCeiling, id=link.id, name=link.name, top_bps=top, provenance=source[0], source=source[1]
    )
    if ensemble is not None:
        carried, reach, covered = member_bytes(link, ensemble)
        weight = ensemble["weight"].values
        untold = np.maximum((covered if hours is None else hours) - covered, 0.0)
        if hours is not None:
            untold_bytes = top / BITS * untold * HOUR_S
            carried = np.minimum(carried + untold_bytes, collected_bytes(top, hours))
        p05, p50, p95 = (float(x) for x in weighted_quantile(carried, weight, (0.05, 0.5, 0.95)))
        middle = float(weighted_quantile(reach, weight, (0.5,))[0])
        return make(
            p05=p05, p50=p50, p95=p95, most=float(carried[weight > 0].max()), reach=middle,
            over_path=True, untold_hours=float(untold[weight > 0].max()),
        )  # fmt: skip
    if hours is None:
        raise InputError(
            f"how long link '{link.id}' could work is not known",
            field="hours",
            remedy="Give hours, or a flight.",
        )
    if isinstance(link, LineOfSight):
        # Without a path nobody knows whether the station was in sight: no ceiling below the fastest code's.
        whole = collected_bytes(top, hours)
    else:
        whole = volume_bytes(link, hours * HOUR_S)
    return make(p05=whole, p50=whole, p95=whole, most=whole, reach=1.0, over_path=False)


def _top_bps(link: LineOfSight) -> float:
    """The fastest code of DVB-S2, wherever the signal bears it."""
    return link.symbols_hz * max(code.efficiency for code in DVB_S2)


def link_ceilings(
    links: Sequence[Link], ensemble: xr.Dataset | None, hours: float | None = None
) -> tuple[LinkCeiling, ...]:
    """Return the ceiling of each link, as `link_ceiling`."""
    return tuple(link_ceiling(link, ensemble, hours) for link in links)


def all_services(ensemble: xr.Dataset | None, hours: float | None = None) -> tuple[LinkCeiling, ...]:
    """Return the ceilings of every service of the table."""
    return link_ceilings(tuple(SERVICES.values()), ensemble, hours)


def collected_bytes(rate: float, hours: float) -> float:
    """Return what a sensor of `rate` bits a second makes in some hours, bytes."""
    return rate / BITS * hours * HOUR_S


def ratio_rows(ceilings: Sequence[LinkCeiling], hours: float) -> list[dict[str, float | str]]:
    """Return, of each link and reference sensor, what share of the sensor's data the link could carry.

    `live_s` is how many seconds a day of that sensor's data the link could bring home.
    """
    return [
        {
            "link": ceiling.id,
            "sensor": sensor.id,
            "carried_bytes": ceiling.most,
            "collected_bytes": (made := collected_bytes(sensor.rate_bps, hours)),
            "share": ceiling.most / made if made > 0.0 else 0.0,
            "live_s": DAY_S * min(ceiling.most / made, 1.0) if made > 0.0 else 0.0,
        }
        for ceiling in ceilings
        for sensor in REFERENCE_SENSORS.values()
    ]
