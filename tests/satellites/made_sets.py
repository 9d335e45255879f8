"""Element sets that belong to no real object, and the texts that hold them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from overflight.satellites.elements import ElementSet
from overflight.satellites.tle import ALPHA, checksum
from overflight.times import parse_utc
from overflight.units import DAY_S

EPOCH = "2023-02-01T00:00Z"
# A case of the day after, for the commands that ask about one.
CASE = """version = 1
[case]
title = "made"
start = 2023-02-01T12:00:00Z
end = 2023-02-02T12:00:00Z
[winds]
source = "prior-only"
[inputs]
sites = "sites.csv"
sightings = "sightings.csv"
"""


def made(
    catalog: int = 90001,
    *,
    name: str = "MADE 1",
    epoch: str = EPOCH,
    per_day: float = 15.0,
    inclination_deg: float = 97.6,
    node_deg: float = 120.0,
    anomaly_deg: float = 10.0,
    eccentricity: float = 0.001,
    number: int = 1,
) -> ElementSet:
    """A satellite in a low orbit near the poles, unless told otherwise."""
    return ElementSet(
        catalog=catalog,
        name=name,
        designator="2020-001A",
        epoch_s=parse_utc(epoch),
        mean_motion_degps=per_day * 360.0 / DAY_S,
        eccentricity=eccentricity,
        inclination_deg=inclination_deg,
        node_deg=node_deg,
        perigee_deg=90.0,
        anomaly_deg=anomaly_deg,
        bstar=1.1606e-5,
        number=number,
        revolution=100,
    )


def tle_lines(one: ElementSet) -> tuple[str, str]:
    """The two lines of a set."""
    moment = datetime.fromtimestamp(one.epoch_s, UTC)
    day = (moment - datetime(moment.year, 1, 1, tzinfo=UTC)) / timedelta(days=1) + 1.0
    places = f"{one.catalog:05d}"
    if one.catalog > 99_999:
        places = f"{ALPHA[one.catalog // 10_000 - 10]}{one.catalog % 10_000:04d}"
    first = f"1 {places}U 20001A   {moment:%y}{day:012.8f}  .00000000  00000+0  11606-4 0 {one.number:4d}"
    second = (
        f"2 {places} {one.inclination_deg:8.4f} {one.node_deg:8.4f} {round(one.eccentricity * 1e7):07d} "
        f"{one.perigee_deg:8.4f} {one.anomaly_deg:8.4f} {one.mean_motion_degps * DAY_S / 360.0:11.8f}"
        f"{one.revolution:5d}"
    )
    return f"{first}{checksum(first)}", f"{second}{checksum(second)}"


def tle_text(*sets: ElementSet) -> str:
    """Sets with a line of name each."""
    return "".join("\n".join((one.name, *tle_lines(one))) + "\n" for one in sets)


def omm(one: ElementSet, **changes: Any) -> dict[str, Any]:
    """A message as CelesTrak gives it."""
    moment = datetime.fromtimestamp(one.epoch_s, UTC)
    message = {
        "OBJECT_NAME": one.name,
        "OBJECT_ID": one.designator,
        "EPOCH": f"{moment:%Y-%m-%dT%H:%M:%S.%f}",
        "MEAN_MOTION": one.mean_motion_degps * DAY_S / 360.0,
        "ECCENTRICITY": one.eccentricity,
        "INCLINATION": one.inclination_deg,
        "RA_OF_ASC_NODE": one.node_deg,
        "ARG_OF_PERICENTER": one.perigee_deg,
        "MEAN_ANOMALY": one.anomaly_deg,
        "EPHEMERIS_TYPE": 0,
        "CLASSIFICATION_TYPE": "U",
        "NORAD_CAT_ID": one.catalog,
        "ELEMENT_SET_NO": one.number,
        "REV_AT_EPOCH": one.revolution,
        "BSTAR": one.bstar,
        "MEAN_MOTION_DOT": 0,
        "MEAN_MOTION_DDOT": 0,
    }
    return {k: v for k, v in {**message, **changes}.items() if v is not None}


def omm_json(*sets: ElementSet) -> str:
    return json.dumps([omm(one) for one in sets])


def omm_csv(*sets: ElementSet) -> str:
    rows = [omm(one) for one in sets]
    return "\n".join([",".join(rows[0]), *(",".join(str(v) for v in row.values()) for row in rows)]) + "\n"


def omm_xml(*sets: ElementSet) -> str:
    """An NDM document with one OMM a set."""
    bodies = []
    for one in sets:
        m = omm(one)
        about = "".join(f"<{k}>{m[k]}</{k}>" for k in ("OBJECT_NAME", "OBJECT_ID"))
        about += "<CENTER_NAME>EARTH</CENTER_NAME><REF_FRAME>TEME</REF_FRAME><TIME_SYSTEM>UTC</TIME_SYSTEM>"
        about += "<MEAN_ELEMENT_THEORY>SGP4</MEAN_ELEMENT_THEORY>"
        mean = ("EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE")
        mean += ("ARG_OF_PERICENTER", "MEAN_ANOMALY")
        rest = ("NORAD_CAT_ID", "ELEMENT_SET_NO", "REV_AT_EPOCH", "BSTAR")
        bodies.append(
            f"<omm><body>\n<segment><metadata>{about}</metadata><data><meanElements>"
            + "".join(f"<{k}>{m[k]}</{k}>" for k in mean)
            + "</meanElements><tleParameters>"
            + "".join(f"<{k}>{m[k]}</{k}>" for k in rest)
            + "</tleParameters></data></segment></body></omm>"
        )
    return '<?xml version="1.0" encoding="UTF-8"?>\n<ndm>' + "\n".join(bodies) + "</ndm>\n"
