"""Which winds a forecast flies in: files, a store, the members of a weather ensemble, a case, or the prior.

Opens no socket. Nothing stands in for winds that end: what leaves them ends there, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from overflight.cli.flights import HALF_SPAN_M
from overflight.cli.screen import Progress
from overflight.errors import CoverageError, InputError, OverflightError
from overflight.units import DAY_S, HOUR_S, HPA_PA

if TYPE_CHECKING:
    from overflight.winds.grid import Grid
    from overflight.winds.store import WindStore

Span = tuple[float, float]

PRIOR = "prior"
# Analyses come every 6 or 12 hours; their error is measured at such steps.
LONGEST_STEP_S = 12.0 * HOUR_S
PRIOR_NOTE = (
    "No winds of the day were given: these are the usual winds of the season with their full spread. Give "
    "--winds FILE, or fetch some for a case with `overflight winds get`."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightWinds:
    """Winds to fly in: a grid, a store, or a grid for each member of a weather ensemble.

    `reach` says in words what they cover, `notes` what the user should know.
    """

    winds: Grid | WindStore | tuple[Grid, ...]
    title: str
    reach: str
    notes: tuple[str, ...] = ()
    is_prior: bool = False


def choose(words: Sequence[str], window: Span, levels_pa: Span | None, tell: Progress) -> FlightWinds:
    """Return the winds that `--winds` names, the prior when it names none.

    Parameters
    ----------
    words : 'prior', a case folder, a store, or files that are joined in time.
    window : first and last time of the run, POSIX seconds.
    levels_pa : the pressures that the flight may meet; all there are when None.

    Raises
    ------
    InputError, CoverageError, LimitError
        When a file cannot be read, does not reach into the window, or is too large to be read whole.
    """
    if not words or list(words) == [PRIOR]:
        return _prior(window)
    if PRIOR in words:
        raise InputError(
            "'prior' stands beside files", field="--winds", remedy="Give files, or the prior alone."
        )
    paths = [Path(word) for word in words]
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file", file=str(path), remedy="Check the path of --winds.")
    tell("reading the winds", 0.0)
    if any(is_case(path) for path in paths):
        if len(paths) > 1:
            raise InputError("a case stands beside files", field="--winds", remedy="Give one of the two.")
        return _of_case(paths[0], window, levels_pa)
    return _of_files(paths, window, levels_pa)


def is_case(path: Path) -> bool:
    """Tell whether a path is that of a case folder."""
    return (path / "case.toml").is_file() or path.name == "case.toml"


def _prior(window: Span) -> FlightWinds:
    from overflight.winds.prior import prior_grid

    grid = prior_grid(window[0] - DAY_S, window[1] + DAY_S)
    return FlightWinds(winds=grid, title=grid.name, reach=_reach(grid), notes=(PRIOR_NOTE,), is_prior=True)


def _of_case(path: Path, window: Span, levels_pa: Span | None) -> FlightWinds:
    """Return the winds of a case's files, else of the cache, else the prior; as its `winds.source` says."""
    from overflight.case import read_case
    from overflight.winds.cache import cache_folder, entry_files, find

    case = read_case(path if path.is_dir() else path.parent)
    source, files = case.winds.source, case.winds.files
    if source == "prior-only":
        return _prior(window)
    if files:
        found = _of_files(files, window, levels_pa)
        return replace(found, notes=(f"winds of the case's files: {found.title}", *found.notes))
    if source == "files":
        raise InputError(
            "the case has no wind files",
            file=str(path),
            field="winds.source",
            remedy="Put files into its folder winds/, or give --winds prior.",
        )
    notes: list[str] = []
    for entry in find(cache_folder(), window) if source == "auto" else ():
        try:
            found = _of_files(entry_files(cache_folder(), entry), window, levels_pa)
        except OverflightError as error:
            # A damaged entry is no reason to fail while the next one can answer.
            notes.append(f"winds of the cache ({entry.id}) were left out: {error}")
            continue
        return replace(found, notes=(*notes, f"winds of the cache: {entry.title}", *found.notes))
    fallen = _prior(window)
    return replace(fallen, notes=(*notes, "the case has no winds for this time", *fallen.notes))


def _of_files(paths: Sequence[Path], window: Span, levels_pa: Span | None) -> FlightWinds:
    from overflight.winds.choose import join_in_time
    from overflight.winds.gridded import open_source, read_grid

    if len(paths) == 1 and _is_store(paths[0]):
        return _of_store(paths[0], levels_pa)
    if len(paths) == 1:
        with open_source(paths[0]) as source:
            members = tuple(source.members)
        if len(members) > 1:
            return _of_members(paths[0], members, window, levels_pa)
    grids, notes, missed = [], [], None
    for path in paths:
        if _is_store(path):
            raise InputError("a store stands beside files", file=path.name, remedy="Give the store alone.")
        try:
            grids.append(read_grid(path, window=window, levels_pa=levels_pa, thermo=True))
        except CoverageError as error:
            if len(paths) == 1:
                raise CoverageError(error.what, where=error.where, remedy=_elsewhere(error)) from error
            notes.append(f"{path.name} was left out: it {error.what}")
            missed = error
    if not grids:
        raise CoverageError("; ".join(notes), remedy=_elsewhere(missed))
    grid, left_out = join_in_time(grids)
    notes += [f"{name} was left out: its grid differs from the others'" for name in left_out]
    return FlightWinds(winds=grid, title=grid.name, reach=_reach(grid), notes=(*notes, *_gaps(grid)))


def _elsewhere(error: CoverageError | None) -> str:
    """Return what to do where winds and flight do not meet."""
    if error is not None and "level" in error.what:
        return (
            f"A flight may leave its level by {HALF_SPAN_M / 1e3:g} km. Take another --altitude, or give "
            "winds that reach it with --winds."
        )
    return "Take another --time or fewer --hours, or give winds of that time with --winds."


def _of_members(path: Path, members: Sequence[int], window: Span, levels_pa: Span | None) -> FlightWinds:
    from overflight.winds.gridded import read_grid

    grids = tuple(
        read_grid(path, window=window, levels_pa=levels_pa, member=member, thermo=True) for member in members
    )
    note = (
        f"{len(members)} members of a weather ensemble are flown in turn; they are the spread of the wind, "
        "and no error is added unless --error asks for it"
    )
    notes = (note, *_gaps(grids[0]))
    return FlightWinds(winds=grids, title=grids[0].name, reach=_reach(grids[0]), notes=notes)


def _is_store(path: Path) -> bool:
    from overflight.winds.store_format import store_attributes

    if not path.is_dir():
        return False
    try:
        store_attributes(path)
    except OverflightError:
        return False
    return True


def _of_store(path: Path, levels_pa: Span | None) -> FlightWinds:
    from overflight.winds.store import open_store

    store = open_store(path, levels_pa=levels_pa)
    return FlightWinds(winds=store, title=store.name, reach=_reach(store), notes=_gaps(store))


def _gaps(winds: Grid | WindStore) -> tuple[str, ...]:
    """Say where times lie so far apart that the wind between them is a guess."""
    import numpy as np

    if winds.time_s.size < 2 or (gap_s := float(np.diff(winds.time_s).max())) <= LONGEST_STEP_S:
        return ()
    return (
        f"the winds lie up to {gap_s / HOUR_S:.0f} h apart in time; what they do in between is not in the "
        "spread of the members",
    )


def _reach(winds: Grid | WindStore) -> str:
    """Say what winds cover."""
    from overflight.times import iso_utc

    low, high = winds.pressure_pa[-1] / HPA_PA, winds.pressure_pa[0] / HPA_PA
    west, east = winds.lon_deg[0], winds.lon_deg[-1]
    time = "any time" if winds.steady else f"{iso_utc(winds.time_s[0])} to {iso_utc(winds.time_s[-1])}"
    area = (
        "all longitudes" if winds.periodic else f"{west:g}° to {east:g}° E"
    ) + f", {winds.lat_deg[0]:g}° to {winds.lat_deg[-1]:g}° N"
    return f"{time}; {low:g} to {high:g} hPa; {area}"
