"""Passes: 273 payloads, 15 days, 100 sites, from 10 degrees up; and what skyfield finds on a sample of pairs.

Usage: python bench/passes.py [--data FOLDER] [--pairs 60] [--json bench/passes.json]

FOLDER (or OVERFLIGHT_TEST_DATA) holds tle/cn_payloads_2023-03-26.tle. Of its sets the first 273 in low orbits
are taken; the sites are drawn between 30 and 60 degrees north from a seed. The time is that of `find_passes`
as a script calls it, propagation included, after one call that compiles. A rise of skyfield's `find_events`
is missed when ours has none within 30 s. Half of the pairs are of the same sites, half of sites 60 to 89
degrees north and south, where passes are long and many graze.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numba
import numpy as np

from overflight import __version__
from overflight.compiled import workers
from overflight.places.sites import Site
from overflight.satellites.elements import read_elements
from overflight.satellites.orbits import Orbit, choose_orbits, satrec
from overflight.satellites.passes import find_passes
from overflight.times import parse_utc, to_datetime
from overflight.units import DAY_S

START = parse_utc("2023-03-26T00:00Z")
DAYS, SATELLITES, SITES, LEAST_DEG = 15.0, 273, 100, 10.0
SEED = 2023
MISSED_S = 30.0


def low_orbits(data: Path) -> list[Orbit]:
    sets = read_elements([data / "tle" / "cn_payloads_2023-03-26.tle"]).sets
    orbits = choose_orbits(sets, START, START + DAYS * DAY_S)
    return [o for o in orbits if o.sets[0].mean_alt_m < 2e6 and o.sets[0].eccentricity < 0.1][:SATELLITES]


def sites_of(low_deg: float, high_deg: float, count: int, rng: np.random.Generator) -> list[Site]:
    lon, lat = rng.uniform(-180.0, 180.0, count), rng.uniform(low_deg, high_deg, count)
    return [
        Site(id=f"S{i}", name=f"site {i}", lon_deg=float(a), lat_deg=float(b))
        for i, (a, b) in enumerate(zip(lon, lat, strict=True))
    ]


def speed(orbits: list[Orbit], sites: list[Site]) -> dict[str, float]:
    end = START + DAYS * DAY_S
    begun = time.perf_counter()
    find_passes(orbits[:1], sites[:1], START, START + DAY_S)
    first = time.perf_counter() - begun
    walls, cpus = [], []
    for _ in range(3):
        begun, cpu = time.perf_counter(), time.process_time()
        found = find_passes(orbits, sites, START, end, min_elevation_deg=LEAST_DEG)
        walls.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - cpu)
    return {
        "first_call_s": first,
        "wall_s": min(walls),
        "processor_s": min(cpus),
        "passes": int(found.rise_s.size),
        "hours": float((found.set_s - found.rise_s).sum() / 3600.0),
    }


def beside_skyfield(
    orbits: list[Orbit], sites: list[Site], pairs: int, rng: np.random.Generator
) -> dict[str, float]:
    from skyfield import VERSION
    from skyfield.api import EarthSatellite, load, wgs84

    scale = load.timescale(builtin=True)
    end = START + DAYS * DAY_S
    window = (scale.from_datetime(to_datetime(START)), scale.from_datetime(to_datetime(end)))
    rises = missed = extra = 0
    off: list[float] = []
    spent = 0.0
    for _ in range(pairs):
        orbit, site = orbits[int(rng.integers(len(orbits)))], sites[int(rng.integers(len(sites)))]
        satellite = EarthSatellite.from_satrec(satrec(orbit.sets[0]), scale)
        begun = time.perf_counter()
        times, events = satellite.find_events(
            wgs84.latlon(site.lat_deg, site.lon_deg), *window, altitude_degrees=LEAST_DEG
        )
        spent += time.perf_counter() - begun
        seconds = np.array([t.timestamp() for t in times.utc_datetime()])
        found = find_passes([orbit], [site], START, end, min_elevation_deg=LEAST_DEG)
        for event, ours in ((0, found.rise_s), (2, found.set_s)):
            theirs = seconds[events == event]
            away = np.abs(theirs[:, None] - ours).min(axis=1) if ours.size else np.full(theirs.size, np.inf)
            if event == 0:
                rises += theirs.size
                missed += int((away > MISSED_S).sum())
                inside = ours[(ours > START) & (ours < end)]
                extra += (
                    sum(np.abs(theirs - t).min() > MISSED_S for t in inside) if theirs.size else inside.size
                )
            off += [float(a) for a in away if a <= MISSED_S]
    return {
        "skyfield": ".".join(map(str, VERSION)),
        "pairs": pairs,
        "rises": rises,
        "missed": missed,
        "extra": int(extra),
        "off_s_p50_p95_p99_max": [float(q) for q in np.percentile(off, (50, 95, 99, 100))],
        "skyfield_s_a_pair": spent / pairs,
        "skyfield_s_for_all": spent / pairs * SATELLITES * SITES,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("OVERFLIGHT_TEST_DATA"))
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if asked.data is None:
        sys.exit("Give --data, or set OVERFLIGHT_TEST_DATA.")
    orbits = low_orbits(Path(asked.data))
    rng = np.random.default_rng(SEED)
    middle = sites_of(30.0, 60.0, SITES, rng)
    ends = sites_of(60.0, 89.0, SITES // 2, rng) + sites_of(-89.0, -60.0, SITES // 2, rng)
    result = {
        "question": f"{len(orbits)} payloads, {DAYS:g} days, {SITES} sites, from {LEAST_DEG:g} degrees up",
        "machine": f"{platform.machine()}, {workers()} cores, load {os.getloadavg()[0]:.1f} at the start",
        "versions": {"overflight": __version__, "numpy": np.__version__, "numba": numba.__version__},
        "speed": speed(orbits, middle),
        "beside_skyfield": beside_skyfield(orbits, middle, asked.pairs // 2, rng),
        "beside_skyfield_near_the_poles": beside_skyfield(orbits, ends, asked.pairs // 2, rng),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
