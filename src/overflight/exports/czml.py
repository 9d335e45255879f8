"""A flight ensemble as CZML 1.0, the JSON that CesiumJS plays: paths and regions that move with the clock.

Packets: `document` with the clock; `median` with its trail; a sample of the members, thin; one polygon for
each 50 and 90 % region, shown until the next. Positions are degrees and metres above WGS-84, times seconds
from the epoch that each packet states. Viewers render descriptions as HTML, so text from outside is escaped.
The same input gives the same bytes.
"""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overflight.exports.atomic import replace_bytes
from overflight.regions import Region, scenario_tracks, timed_regions
from overflight.times import from_datetime64, iso_utc
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Packet = dict[str, Any]
Float64s = npt.NDArray[np.float64]

MOST_MEMBERS = 40  # members shown: a viewer stays quick with some dozens of moving points
MOST_SAMPLES = 400  # positions of a member
PLACES = 4
MEDIAN_RGBA, MEMBER_RGBA = (122, 31, 75, 255), (138, 90, 118, 90)
REGION_RGBA = {0.5: (185, 106, 148, 110), 0.9: (217, 167, 194, 70)}


def write_czml(
    ensemble: xr.Dataset, path: str | Path, *, title: str = "Flight", step_s: float = 6 * HOUR_S
) -> None:
    """Write an ensemble as CZML, replacing `path` in one step. `step_s` is the time between regions."""
    text = json.dumps(czml(ensemble, title=title, step_s=step_s), allow_nan=False, separators=(",", ":"))
    # ASCII: no character of a name can break out of the text.
    replace_bytes(path, (text + "\n").encode("ascii"))


def czml(ensemble: xr.Dataset, *, title: str = "Flight", step_s: float = 6 * HOUR_S) -> list[Packet]:
    """Return the packets as Python values."""
    time_s = from_datetime64(ensemble["time"].values)
    span = f"{iso_utc(time_s[0])}/{iso_utc(time_s[-1])}"
    document = {
        "id": "document",
        "name": clean(title),
        "version": "1.0",
        "clock": {
            "interval": span,
            "currentTime": iso_utc(time_s[0]),
            # A run of any length plays in a minute or so.
            "multiplier": max(1, round(float(time_s[-1] - time_s[0]) / 60.0)),
            "range": "LOOP_STOP",
            "step": "SYSTEM_CLOCK_MULTIPLIER",
        },
    }
    return [document, *_medians(ensemble), *_members(ensemble, time_s), *_regions(ensemble, step_s)]


def clean(text: str) -> str:
    """Return text without characters that are not to be printed, escaped as HTML."""
    return html.escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _medians(ensemble: xr.Dataset) -> list[Packet]:
    packets = []
    for track in scenario_tracks(ensemble):
        words = clean(track.scenario.replace("_", " "))
        packets.append(
            {
                "id": f"median.{clean(track.scenario)}",
                "name": f"Median path ({words})",
                "description": f"Spatial median of the members of weight {track.weight:.2f}.",
                **_moving(track.time_s, track.lon_deg, track.lat_deg, track.alt_m),
                "point": {"pixelSize": 10, "color": _colour(MEDIAN_RGBA)},
                "path": _path(MEDIAN_RGBA, 3, track.time_s),
            }
        )
    return packets


def _members(ensemble: xr.Dataset, time_s: Float64s) -> list[Packet]:
    every = max(1, math.ceil(ensemble.sizes["member"] / MOST_MEMBERS))
    packets = []
    for index in range(0, ensemble.sizes["member"], every):
        lon, lat, alt = (ensemble[name].values[index].astype(float) for name in ("lon", "lat", "alt_m"))
        known = np.flatnonzero(np.isfinite(lon))
        if known.size < 2:
            continue
        thin = known[:: max(1, math.ceil(known.size / MOST_SAMPLES))]
        kept = thin if thin[-1] == known[-1] else np.append(thin, known[-1])
        packets.append(
            {
                "id": f"member.{index}",
                "name": f"Member {index}",
                **_moving(time_s[kept], lon[kept], lat[kept], alt[kept]),
                "point": {"pixelSize": 3, "color": _colour(MEMBER_RGBA)},
                "path": _path(MEMBER_RGBA, 1, time_s[kept]),
            }
        )
    return packets


def _moving(time_s: Float64s, lon: Float64s, lat: Float64s, alt: Float64s) -> Packet:
    rows = np.column_stack([time_s - time_s[0], lon, lat, alt])
    return {
        "availability": f"{iso_utc(time_s[0])}/{iso_utc(time_s[-1])}",
        "position": {
            "epoch": iso_utc(time_s[0]),
            "interpolationAlgorithm": "LINEAR",
            "cartographicDegrees": [
                part
                for t, x, y, z in rows.tolist()
                for part in (round(t, 3), round(x, PLACES), round(y, PLACES), round(z, 1))
            ],
        },
    }


def _path(rgba: tuple[int, int, int, int], width: int, time_s: Float64s) -> Packet:
    return {
        "material": {"solidColor": {"color": _colour(rgba)}},
        "width": width,
        "leadTime": 0,
        "trailTime": round(float(time_s[-1] - time_s[0])),
    }


def _regions(ensemble: xr.Dataset, step_s: float) -> list[Packet]:
    moments = list(timed_regions(ensemble, step_s=step_s))
    last = float(from_datetime64(ensemble["time"].values)[-1])
    packets = []
    for number, moment in enumerate(moments):
        until = moments[number + 1].time_s if number + 1 < len(moments) else max(last, moment.time_s)
        if not until > moment.time_s:
            continue
        for region in moment.regions:
            packets += _region(region, moment.time_s, until)
    return packets


def _region(region: Region, begin: float, end: float) -> list[Packet]:
    share = round(100 * region.level)
    packets = []
    for part, (outer, *holes) in enumerate(region.polygons):
        polygon: Packet = {
            "positions": {"cartographicDegrees": _ring(outer)},
            "material": {"solidColor": {"color": _colour(REGION_RGBA.get(region.level, MEMBER_RGBA))}},
            "height": 0,
        }
        if holes:
            polygon["holes"] = {"cartographicDegrees": [_ring(hole) for hole in holes]}
        packets.append(
            {
                "id": f"region.{iso_utc(begin)}.{share}.{part}",
                "name": f"{share} % at {iso_utc(begin)}",
                "availability": f"{iso_utc(begin)}/{iso_utc(end)}",
                "polygon": polygon,
            }
        )
    return packets


def _ring(ring: Float64s) -> list[float]:
    """Return a ring without its closing point, which CZML does not repeat; longitudes within ±180°."""
    lon, lat = ring[:, :-1]
    lon = (lon + 180.0) % 360.0 - 180.0
    return [
        v
        for x, y in zip(lon.tolist(), lat.tolist(), strict=True)
        for v in (round(x, PLACES), round(y, PLACES), 0)
    ]


def _colour(rgba: tuple[int, int, int, int]) -> Packet:
    return {"rgba": list(rgba)}
