"""How long does sight take: members x times x sites, streamed, with refraction and a horizon by azimuth.

Usage: python bench/exposure.py [--share 0.1] [--json bench/exposure.json]

Beside it stands pymap3d's `geodetic2aer` over arrays, the peer: straight lines of sight alone, without
refraction, horizons, entries or probabilities; the ratio printed is that of its processor time a triple to
ours.

Asked are 10,000 members x 1,000 times x 100 sites, 10⁹ triples, within 60 s on two cores in 2 GB. Two scenes,
made: a flight of ten days from Alaska to the Atlantic over sites strewn along its way, and, as the worst
case, sites that have it in view all the time at elevations among those of their ridges. Every site has a
horizon of its own. Members are made block after block, as they would come from disk; the time to make them
is told apart. `--share` takes that part of the members, and the time for all is then extrapolated: the work
is the same for each member.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overflight import __version__
from overflight.compiled import workers
from overflight.exposure.view import BLOCK, Block, view_sites
from overflight.places.masks import AZIMUTHS, SiteMask
from overflight.places.sites import Site

MEMBERS, TIMES, SITES = 10_000, 1_000, 100
T0 = 1_674_864_000.0
DAYS = 10.0


class Made:
    """Blocks of made members; `seconds` is what making them took."""

    def __init__(self, scene: str, members: int, times: int) -> None:
        self.scene, self.members, self.times, self.seconds = scene, members, times, 0.0

    def __iter__(self) -> Iterator[Block]:
        rng = np.random.default_rng(3)
        share = np.linspace(0.0, 1.0, self.times)
        for begin in range(0, self.members, BLOCK):
            begun = time.perf_counter()
            count = min(BLOCK, self.members - begin)
            wave = rng.normal(size=(count, 4, 1)) * np.sin(np.pi * share * np.arange(1, 5)[:, None])
            drift, across = wave[:, :2].sum(axis=1), wave[:, 2:].sum(axis=1)
            if self.scene == "crossing":
                lon, lat = -165.0 + 90.0 * share + 2.0 * drift, 60.0 - 26.0 * share + 2.0 * across
            else:
                lon, lat = -110.0 + 0.5 * drift, 45.0 + 0.4 * across
            alt = 18_500.0 + 500.0 * drift
            self.seconds += time.perf_counter() - begun
            yield Block(lon, lat, alt, np.full(count, 1.0 / self.members))


def made_sites(scene: str, count: int) -> tuple[list[Site], dict[str, SiteMask]]:
    rng = np.random.default_rng(4)
    share = rng.uniform(0.0, 1.0, count)
    if scene == "crossing":
        lon, lat = -165.0 + 90.0 * share, 60.0 - 26.0 * share + rng.normal(0.0, 3.0, count)
    else:
        turn = rng.uniform(0.0, 2.0 * np.pi, count)
        lon, lat = -110.0 + 2.5 * np.cos(turn), 45.0 + 1.8 * np.sin(turn)
    azimuth = 360.0 / AZIMUTHS * np.arange(AZIMUTHS)
    sites, masks = [], {}
    for n in range(count):
        id_ = f"s{n}"
        sites.append(Site(id=id_, name=id_, lon_deg=float(lon[n]), lat_deg=float(lat[n]), alt_m=500.0))
        ridges = (
            1.0 + np.sin(np.radians(azimuth[:, None] * np.arange(1, 9)) + rng.uniform(0, 6, 8)).sum(1) / 3
        )
        masks[id_] = SiteMask(azimuth, np.clip(ridges, -0.5, 6.0), alt_m=500.0)
    return sites, masks


def measure(scene: str, members: int, times: int, sites: int) -> dict[str, Any]:
    places, masks = made_sites(scene, sites)
    blocks = Made(scene, members, times)
    time_s = T0 + np.linspace(0.0, DAYS * 86_400.0, times)
    begun, cpu = time.perf_counter(), time.process_time()
    views = view_sites(time_s, blocks, places, masks=masks)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    triples = members * times * sites
    return {
        "scene": scene, "members": members, "times": times, "sites": sites,
        "seconds": round(wall, 2), "of_which_making_members_s": round(blocks.seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "cpu_ns_a_triple": round(cpu / triples * 1e9, 1),
        "seconds_for_1e9": round(wall / triples * 1e9, 1),
        "in_view_share": round(float(views.probability.mean()), 4),
        "members_with_entry_or_exit": round(float(views.seen.mean()), 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def peer(points: int = 200_000) -> dict[str, Any] | None:
    """The processor time of pymap3d for a triple, nanoseconds; None where it is not installed."""
    try:
        import pymap3d
    except ImportError:
        return None
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(-130.0, -80.0, points), rng.uniform(30.0, 60.0, points)
    pymap3d.geodetic2aer(lat[:9], lon[:9], 18_500.0, 45.0, -110.0, 500.0)
    cpu = time.process_time()
    pymap3d.geodetic2aer(lat, lon, np.full(points, 18_500.0), 45.0, -110.0, 500.0)
    return {
        "pymap3d": pymap3d.__version__, "points": points,
        "cpu_ns_a_triple": round((time.process_time() - cpu) / points * 1e9, 1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="part of the members")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    measure("crossing", 4, 20, 2)  # compiles
    rows = []
    for scene in ("crossing", "all in view"):
        row = measure(scene, max(int(MEMBERS * asked.share), BLOCK), TIMES, SITES)
        rows.append(row)
        told = "" if asked.share >= 1.0 else " (extrapolated)"
        print(
            f"{scene:<12} {row['members']} x {row['times']} x {row['sites']}: {row['seconds']:.1f} s, "
            f"{row['seconds_for_1e9']:.1f} s for 1e9{told}; "
            f"{row['cpu_ns_a_triple']:.0f} ns of a core a triple; in view {row['in_view_share']:.0%}; "
            f"peak {row['peak_mb']} MB"
        )
    other = peer()
    if other is None:
        print("pymap3d, the peer, is not installed")
    else:
        for row in rows:
            ratio = other["cpu_ns_a_triple"] / row["cpu_ns_a_triple"]
            row["peer_ratio"] = round(ratio, 1)
            print(
                f"{row['scene']:<12} pymap3d's straight lines alone: {other['cpu_ns_a_triple']:.0f} ns of a "
                f"core a triple, {ratio:.1f} times ours"
            )
    result = {
        "version": __version__,
        "machine": f"{platform.machine()}, {workers()} cores used",
        "rows": rows,
        "peer": other,
    }
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
