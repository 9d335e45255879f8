"""A made-up catalogue: flights of a programme, a hobby balloon, a weather balloon, times that slipped."""

from __future__ import annotations

import numpy as np
import xarray as xr

from overflight.programme.catalogue import parse_catalogue
from overflight.programme.records import Catalogue
from overflight.records import make_ensemble
from overflight.times import parse_utc

HEAD = (
    "id,group,event,time_start,time_end,lat_deg,lon_deg,radius_km,attribution,url,text,confidence,"
    "standing,kind,area,where,number,flight\n"
)
ROWS = (
    "A1,alpha,sighting,2020-01-01T00:10Z,2020-01-02T00:00Z,39,-98,50,,u1,One,high,attributed,,USA,land,,\n"
    "B1,beta,sighting,2021-01-01,2021-01-03,0,-40,10,,u2,Another,high,attributed,,USA,near,,\n"
    "C1,gamma,sighting,2022-01-01,2022-01-03,40,-100,10,,u3,A toy,high,attributed,hobby,USA,land,,\n"
    "D1,delta,sighting,2022-06-01,2022-06-03,40,-100,10,,u4,A sonde,high,,weather,USA,land,,\n"
    "E1,epsilon,sighting,2022-09-01,2022-09-03,40,-100,10,,u5,Who knows,high,suspected,,USA,land,,\n"
)


def catalogue(rows: str = ROWS) -> Catalogue:
    return parse_catalogue(HEAD + rows)


def backward(lon_deg: float, lat_deg: float, *, spread_deg: float = 1.5, seed: int = 0) -> xr.Dataset:
    """An ensemble flown backward from 40 degrees east of a place to the place, where it stays."""
    rng = np.random.default_rng(seed)
    members, times = 200, 24
    share = np.minimum(np.linspace(0.0, 2.0, times), 1.0)[::-1]
    ends = rng.normal(size=(2, members, 1)) * spread_deg
    start = parse_utc("2023-01-01T00:00Z")
    state = np.zeros((members, times))
    return make_ensemble(
        kind="origin",
        time_s=start + np.arange(times) * 3600.0,
        lon_deg=lon_deg + ends[0] + 40.0 * (1.0 - share),
        lat_deg=lat_deg + ends[1] + 0.0 * share,
        alt_m=state + 18_000.0,
        pressure_pa=state + 7_500.0,
        status=state.astype(int),
    )
