"""Small made-up winds and flights that the tests of ensembles share."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from overflight.balloons.terms import ConstantPressure, Flight, Stage
from overflight.trajectories.ensemble import Start
from overflight.winds.grid import Grid

BEGIN_S = 1_675_000_800.0
FLOAT = Flight((Stage((ConstantPressure(),)),))
START = Start(lon_deg=179.0, lat_deg=40.0, time_s=BEGIN_S, pressure_pa=6000.0)


def make_winds(u_mps=10.0, v_mps=0.0, *, wavy=False, lon=None, days=3, sd_mps=None) -> Grid:
    """Return winds every 6 h on 5°: those of a solid body, or with waves."""
    time_s = BEGIN_S + np.arange(-days * 86400.0, days * 86400.0 + 1, 21600.0)
    pressure = np.array([1e3, 3e3, 5e3, 7e3, 1e4, 2e4, 5e4, 1.02e5])
    lat, lon_deg = np.arange(-90.0, 91.0, 5.0), np.arange(0.0, 360.0, 5.0) if lon is None else lon
    shape = (time_s.size, pressure.size, lat.size, lon_deg.size)
    cos, east = np.cos(np.radians(lat))[:, None], np.radians(lon_deg)[None, :]
    u, v = np.full(shape, u_mps) * cos, np.full(shape, v_mps) * cos
    if wavy:
        turn = np.linspace(0.0, 3.0, time_s.size)[:, None, None, None]
        u = u + 8.0 * np.sin(3 * east + turn) * cos
        v = v + 8.0 * np.cos(2 * east - turn) * cos
    spread = None if sd_mps is None else np.full(shape, sd_mps, np.float32)
    return Grid(
        time_s=time_s, pressure_pa=pressure, lat_deg=lat, lon_deg=lon_deg, u_mps=u.astype(np.float32),
        v_mps=v.astype(np.float32), u_sd_mps=spread, v_sd_mps=spread, periodic=lon is None, name="made winds",
    )  # fmt: skip


def digest_of(folder: Path) -> dict[str, str]:
    """Return the digest of every file under a folder by its relative path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
