"""Choose the winds of a case: its own files, then the cache, then the climatological prior. No socket.

The prior always stands behind: where gridded winds end, in place, height or time, it takes over with its
own spread, and the ensemble's status says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from overflight.case import Case
from overflight.errors import CaseError, CoverageError, LimitError, OverflightError
from overflight.times import short_utc
from overflight.units import DAY_S, HOUR_S
from overflight.winds import cache as wind_cache
from overflight.winds.error import ANALYSIS_ERROR, ANALYSIS_LAGRANGIAN_S, PRIOR_LAGRANGIAN_S
from overflight.winds.grid import Float32s, Grid
from overflight.winds.gridded import Box, read_grid
from overflight.winds.prior import prior_grid
from overflight.winds.source import WHOLE_ERROR

# Levels read from a file: from the tropopause to where stratospheric balloons float.
LEVELS_PA = (500.0, 35_000.0)
# A field whose times lie further apart than this leaves a balloon on its own for too long in between.
MAX_STEP_S = 2 * DAY_S
# Inertia-gravity waves and near-inertial motion: some 4 m/s that turn within hours and that no climatology
# and no 1 degree analysis holds (sondes forget their direction faster than ERA5 does, docs/winds-prior.md): a
# fifth of the prior's variance. What turns within the hour is a random walk: 4 m/s over an hour is 14 km. The
# evidence of the 2023 sightings does not tell shares and times apart, but is lower with less than 14 km
# (docs/reconstruction.md). An analysis with an error that turns in 10 h already holds most of it.
PRIOR_MIXING_KM, OWN_MIXING_KM = 14.0, 5.0
FAST_TIME_S = 6 * HOUR_S
PRIOR_FAST_SHARE, OWN_FAST_SHARE = 0.2, 0.0
# A file with less of the window than this is not what the case runs on.
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseWinds:
    """The winds a flight is reconstructed on.

    `own` is gridded data, None for the prior alone. `error_mps` is the standard deviation of its u and v
    beyond any spread it states, nothing where it states all of its error (`states_error`), and
    `error_stated` whether the case stated it, else it is that of analyses. `error_time_s` is the
    correlation time of the wind error as a balloon meets it. `fast_share` of the error's variance turns
    within `fast_time_s` instead, and `mixing_km` is what motion faster still adds to the position, per square
    root of an hour. `title` is for the reader; `files` are the names of what was read; `notes` what he should
    know. `hashes` maps the files of a cache's entry to the SHA-256 they were fetched with; those of the
    case's own files are the case's.
    """

    prior: Grid
    own: Grid | None = None
    error_mps: tuple[float, float] = (0.0, 0.0)
    error_stated: bool = False
    error_time_s: float = PRIOR_LAGRANGIAN_S
    mixing_km: float = PRIOR_MIXING_KM
    fast_time_s: float = FAST_TIME_S
    fast_share: float = PRIOR_FAST_SHARE
    used: Literal["prior", "files", "cache"] = "prior"
    title: str = "climatological prior"
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)


def choose_winds(
    case: Case,
    window: tuple[float, float] | None = None,
    *,
    box: Box | None = None,
    cache_dir: Path | None = None,
) -> CaseWinds:
    """Return what `[winds] source` allows and what covers the case.

    `window` (POSIX seconds) is the case's own when None; a backward run and a forecast need more. `box`
    (west, south, east, north) is what an entry of the cache must cover, and all that is read of a file too
    large to be read whole. `cache_dir` is the cache to look into for source 'auto'; the user's own when None.

    Raises
    ------
    CaseError
        `source = "files"` and there is no file.
    CoverageError
        `source = "files"` and no file reaches the window.
    InputError, LimitError
        A file of the case cannot be read, or not in this memory.
    """
    chosen = _chosen(case, window or (case.time_start, case.time_end), box, cache_dir)
    return chosen if case.winds.error_mps is None else _as_stated(chosen, case.winds.error_mps)


def _as_stated(chosen: CaseWinds, stated_mps: float) -> CaseWinds:
    """Give winds the error that the case states, where there is room for it."""
    if chosen.own is not None and any(chosen.error_mps):
        note = f"The case states an error of {stated_mps:g} m/s on each component of its winds."
        return replace(
            chosen, error_mps=(stated_mps, stated_mps), error_stated=True, notes=(*chosen.notes, note)
        )
    why = "state their own" if chosen.own is not None else "are those of the climatology"
    note = f"winds.error_mps = {stated_mps:g} of the case was left alone: the winds {why}."
    return replace(chosen, notes=(*chosen.notes, note))


def _chosen(case: Case, window: tuple[float, float], box: Box | None, cache_dir: Path | None) -> CaseWinds:
    prior = prior_grid(window[0] - DAY_S, window[1] + DAY_S)
    source, files = case.winds.source, case.winds.files
    if source == "prior-only":
        alone = (f"{len(files)} wind files lie in the case and were left alone: source is 'prior-only'.",)
        return CaseWinds(prior=prior, notes=alone if files else ())
    if source == "files" and not files:
        raise CaseError(
            "source is 'files' and the case has none",
            file=str(case.folder / "case.toml"),
            field="winds.source",
            remedy='Put a NetCDF, Zarr or GRIB2 file into the folder winds/, or use source = "auto".',
        )
    notes: tuple[str, ...] = ()
    if files:
        chosen = _from_files(files, window, box, prior, "files")
        if chosen.own is None and source == "files":
            raise CoverageError("; ".join(chosen.notes), remedy="Fetch winds for the window of the case.")
        if chosen.own is not None or source != "auto":
            return chosen
        notes = chosen.notes
    if source == "auto":
        cached = _from_cache(cache_dir or wind_cache.cache_folder(), window, box, prior)
        return replace(cached, notes=notes + cached.notes)
    return CaseWinds(prior=prior, notes=notes)


def _from_cache(cache_dir: Path, window: tuple[float, float], box: Box | None, prior: Grid) -> CaseWinds:
    notes: tuple[str, ...] = ()
    for entry in wind_cache.find(cache_dir, window, box):
        try:
            chosen = _from_files(wind_cache.entry_files(cache_dir, entry), window, box, prior, "cache")
        except OverflightError as error:
            # A damaged entry is no reason to fail while the prior can answer.
            notes += (f"Winds of the cache ({entry.id}) could not be used: {error}",)
            continue
        if chosen.own is not None:
            hashes = {f"{entry.id}/{file.name}": file.sha256 for file in entry.files}
            return replace(chosen, notes=notes + chosen.notes, hashes=hashes)
        notes += chosen.notes
    return CaseWinds(prior=prior, notes=notes)


def _from_files(
    files: Sequence[Path],
    window: tuple[float, float],
    box: Box | None,
    prior: Grid,
    used: Literal["files", "cache"],
) -> CaseWinds:
    grids: list[Grid] = []
    notes: list[str] = []
    for path in files:
        try:
            grids.append(_read(path, window, box, notes))
        except CoverageError as error:
            notes.append(f"{path.name} was left out: {error}")
    if not grids:
        return CaseWinds(prior=prior, notes=tuple(notes))
    own, left_out = join_in_time(grids)
    if beside := _beside(own, window, box):
        return CaseWinds(prior=prior, notes=(*notes, f"{own.name} was left out: {beside}."))
    notes += [f"{name} was left out: its grid differs from the others'." for name in left_out]
    notes += _coverage_notes(own, window)
    used_grids = [g for g in grids if g.name not in left_out]
    names = tuple(g.name for g in used_grids)
    stated = own.u_sd_mps is not None
    error_mps = (float(ANALYSIS_ERROR.sd_u_mps or 0.0), float(ANALYSIS_ERROR.sd_v_mps or 0.0))
    whole = [g for g in used_grids if states_error(g)]
    if len(whole) == len(used_grids):
        error_mps = (0.0, 0.0)
        spreads = [sd for g in whole for sd in (g.u_sd_mps, g.v_sd_mps) if sd is not None]
        middle = float(np.nanmedian([np.nanmedian(sd) for sd in spreads]))
        notes.append(f"The winds state their own error, {middle:.1f} m/s in the median; no other is added.")
    elif whole:
        named = ", ".join(g.name for g in whole)
        notes.append(f"Only {named} states its whole error: the error of analyses is added to all files.")
    return CaseWinds(
        prior=prior,
        own=own,
        error_mps=error_mps,
        error_time_s=ANALYSIS_LAGRANGIAN_S,
        mixing_km=OWN_MIXING_KM,
        fast_share=OWN_FAST_SHARE,
        used=used,
        title=f"gridded winds ({', '.join(names)})" + (" with their own spread" if stated else ""),
        files=names,
        notes=tuple(notes),
    )


def states_error(grid: Grid) -> bool:
    """Tell whether a grid says that its spread is all of its error, as our analyses of flights do.

    The spread of an ensemble's members is not that: what all members have wrong is not in it, nor is it in
    the uncertainty that reanalyses come with. Nor can a spread be all that is none at a node with a wind.
    """
    if grid.provenance.get("spread") != WHOLE_ERROR:
        return False
    known = np.isfinite(grid.u_mps) & np.isfinite(grid.v_mps)
    return all(sd is not None and bool((sd[known] > 0.0).all()) for sd in (grid.u_sd_mps, grid.v_sd_mps))


def _read(path: Path, window: tuple[float, float], box: Box | None, notes: list[str]) -> Grid:
    """Read a file whole, or about the flight where it is too large for this memory."""
    try:
        return read_grid(path, window=window, levels_pa=LEVELS_PA)
    except LimitError:
        if box is None:
            raise
        grid = read_grid(path, window=window, levels_pa=LEVELS_PA, box=box)
        notes.append(f"{path.name} is too large to be held whole; it was read about the sightings only.")
        return grid


def join_in_time(grids: Sequence[Grid]) -> tuple[Grid, tuple[str, ...]]:
    """Join grids of the same levels, rows and columns along time; return it and the names left out.

    Where grids differ, the largest set of equal ones wins. Where two hold the same time, the first does.
    """
    sets: list[list[Grid]] = []
    for grid in grids:
        for same in sets:
            if _same_axes(same[0], grid):
                same.append(grid)
                break
        else:
            sets.append([grid])
    best = max(sets, key=lambda same: sum(g.time_s.size for g in same))
    left_out = tuple(g.name for same in sets if same is not best for g in same)
    if len(best) == 1:
        return best[0], left_out
    times = np.concatenate([g.time_s for g in best])
    order = np.unique(times, return_index=True)[1]

    def merged(fields: Sequence[Float32s | None]) -> Float32s | None:
        held = [f for f in fields if f is not None]
        return np.concatenate(held)[order] if len(held) == len(fields) else None

    first = best[0]
    joined = Grid(
        time_s=times[order],
        pressure_pa=first.pressure_pa,
        lat_deg=first.lat_deg,
        lon_deg=first.lon_deg,
        periodic=first.periodic,
        name=", ".join(g.name for g in best),
        provenance=first.provenance,
        u_mps=np.concatenate([g.u_mps for g in best])[order],
        v_mps=np.concatenate([g.v_mps for g in best])[order],
        u_sd_mps=merged([g.u_sd_mps for g in best]),
        v_sd_mps=merged([g.v_sd_mps for g in best]),
        temperature_k=merged([g.temperature_k for g in best]),
        geopotential_m=merged([g.geopotential_m for g in best]),
    )
    return joined, left_out


def _beside(own: Grid, window: tuple[float, float], box: Box | None) -> str:
    """Say how a grid misses the flight, or nothing where it has something to tell of it."""
    shared = min(float(own.time_s[-1]), window[1]) - max(float(own.time_s[0]), window[0])
    if not own.steady and shared < LEAST_SHARE * (window[1] - window[0]):
        return f"it reaches over less than {LEAST_SHARE:.0%} of the time asked for"
    if box is None:
        return ""
    west, south, east, north = box
    if own.lat_deg[-1] < south or own.lat_deg[0] > north:
        return "it lies north or south of the flight"
    asked = west + np.linspace(0.0, (east - west) % 360.0 or 360.0, 73)
    span = float(own.lon_deg[-1] - own.lon_deg[0])
    if not own.periodic and not ((asked - own.lon_deg[0]) % 360.0 <= span).any():
        return "it lies east or west of the flight"
    return ""


def _same_axes(a: Grid, b: Grid) -> bool:
    pairs = ((a.pressure_pa, b.pressure_pa), (a.lat_deg, b.lat_deg), (a.lon_deg, b.lon_deg))
    spread = (a.u_sd_mps is None) == (b.u_sd_mps is None)
    return spread and all(x.shape == y.shape and np.allclose(x, y) for x, y in pairs)


def _coverage_notes(own: Grid, window: tuple[float, float]) -> list[str]:
    notes = []
    first, last = float(own.time_s[0]), float(own.time_s[-1])
    if first > window[0] or last < window[1]:
        notes.append(
            f"The gridded winds reach from {short_utc(first)} to {short_utc(last)}; before and after, "
            "the prior stands in."
        )
    if own.time_s.size > 1 and float(np.diff(own.time_s).max()) > MAX_STEP_S:
        notes.append("Some times of the gridded winds lie more than two days apart.")
    if not own.periodic:
        notes.append(
            f"The gridded winds reach from {own.lon_deg[0]:g}° to {own.lon_deg[-1]:g}° E and "
            f"{own.lat_deg[0]:g}° to {own.lat_deg[-1]:g}° N; outside, the prior stands in."
        )
    return notes
