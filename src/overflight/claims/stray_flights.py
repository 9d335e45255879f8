"""Fly the passive flights that "strayed by force majeure" is held against, and say what came of them.

    [ask.strayed] ──► launch times through the month × weathers × balloons ──► fly ──► share that gets there

Winds of the month, where the case has them for all of it, make the number one of that month. Else it is one
of the climatology, for such months in general: each made weather is a year that might have been, and the
error of the share is that between years. That a flight gets there says nothing of why another one came.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from overflight import atmosphere
from overflight.case import check_keys, setting_error
from overflight.claims.physics import word
from overflight.claims.records import Claim
from overflight.claims.strayed import Reach, passive_reach, reach_findings, reach_of
from overflight.crossings import AreaCrossing, crossings
from overflight.errors import CoverageError, InputError, OverflightError
from overflight.geo import wrap_lon
from overflight.places.areas import Area, inside
from overflight.places.borders import country, has_coast, sovereign_airspace
from overflight.records import Finding, make_ensemble, quantile_value
from overflight.rows import is_number, shorten
from overflight.times import from_datetime64
from overflight.trajectories.passive import (
    MOST_AMPLITUDE_M,
    PassiveWinds,
    file_winds,
    fly_passive,
    made_weathers,
    near,
    passive_winds,
)
from overflight.units import DAY_S, HOUR_S
from overflight.winds.choose import LEVELS_PA
from overflight.winds.error_waves import take_members
from overflight.winds.grid import Float64s, Grid
from overflight.winds.prior import HIGHEST_LEVEL_PA, LOWEST_LEVEL_PA
from overflight.words import percent

if TYPE_CHECKING:
    import xarray as xr

PART: Final = "ask.strayed"
KEEP_S: Final = 3.0 * HOUR_S
# Launches so near in time fly in one weather: the e-folding time of the anomaly at a place, twice.
BLOCK_S: Final = 160.0 * HOUR_S
# Fewer flights that get there tell no time of it.
LEAST_REACHED: Final = 10
PATHS: Final = 60  # drawn in the report
TRIES: Final = 200  # rounds of drawing launch places in an area
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
# Key, default, lowest, highest, whole.
_NUMBERS: Final[tuple[tuple[str, float, float, float, bool], ...]] = (
    ("radius_km", 50.0, 0.0, 2_000.0, False),
    ("days", 14.0, 0.25, 60.0, False),
    ("members", 320, 16, 200_000, True),
    ("launches", 16, 1, 744, True),
    ("seed", 1, 0, 2**63 - 1, True),
)
KEYS: Final = ("from", "place", "month", "area", "level_m", *(row[0] for row in _NUMBERS))
NOT_ALL: Final = "they do not hold nine in ten of the launch places and levels, and all days that are flown"
VARIANTS: Final = ("at one level", "higher by day than by night")


@dataclass(frozen=True, slots=True, kw_only=True)
class StraySettings:
    """What is flown: from a circle (`lon_deg`, `lat_deg`, `radius_km`) or from the area `origin`, to `area`.

    `place` names the origin for readers; the flights last `days` at a level between the two of `level_m`
    (metres, even), half of them higher by day. `members` flights share `launches` launch times, spread over
    the month.
    """

    year: int
    month: int
    area: str
    lon_deg: float = 0.0
    lat_deg: float = 0.0
    origin: str = ""
    place: str = ""
    level_m: tuple[float, float] = (16_000.0, 20_000.0)
    radius_km: float = 50.0
    days: float = 14.0
    members: int = 320
    launches: int = 16
    seed: int = 1

    @property
    def begin_s(self) -> float:
        """The first instant of the month, POSIX seconds UTC."""
        return datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()

    @property
    def end_s(self) -> float:
        """The first instant of the next month."""
        years, month = divmod(self.month, 12)
        return datetime(self.year + years, month + 1, 1, tzinfo=UTC).timestamp()

    @property
    def from_words(self) -> str:
        """The origin in words."""
        if self.place or self.origin:
            return self.place or self.origin
        north, east = "N" if self.lat_deg >= 0 else "S", "E" if self.lon_deg >= 0 else "W"
        return f"{abs(self.lat_deg):.4g}° {north} {abs(self.lon_deg):.4g}° {east}"

    @property
    def month_words(self) -> str:
        """The month in words."""
        return f"{MONTHS[self.month - 1]} {self.year}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StrayFlights:
    """Passive flights as an ensemble whose time counts from the launch, and what they flew in.

    `varied` (M,) tells those that float higher by day; scenarios are what shares a weather.
    """

    ensemble: xr.Dataset
    varied: Any
    launch_s: Float64s
    winds: PassiveWinds


@dataclass(frozen=True, slots=True)
class StrayAnswer:
    """Findings `claims.strayed.reach_<area>...`, and `strayed` of the claims' section."""

    findings: tuple[Finding, ...]
    section: dict[str, Any]


def read_settings(table: Mapping[str, Any], folder: Path | None = None) -> StraySettings | None:
    """Return the settings of an `[ask.strayed]` table; None where it is empty.

    Raises CaseError with the path of a key that is unknown, missing or has a value that cannot be used.
    """
    if not table:
        return None
    check_keys(table, KEYS, PART, folder)
    for key in ("from", "month", "area"):
        if key not in table:
            raise setting_error(folder, PART, key, "is missing", "[ask.strayed] needs from, month and area.")
    values: dict[str, Any] = {}
    for key, default, low, high, whole in _NUMBERS:
        value = _number(table.get(key, default), folder, key)
        if not low <= value <= high or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise setting_error(
                folder, PART, key, f"{value:g} cannot be used", f"Give {kind} from {low:g} to {high:g}."
            )
        values[key] = int(value) if whole else float(value)
    if values["launches"] > values["members"]:
        raise setting_error(
            folder, PART, "launches", "there are more than members", "Give fewer launch times."
        )
    year, month = _month(table["month"], folder)
    return StraySettings(
        year=year, month=month, area=_text(table, "area", folder), place=_text(table, "place", folder),
        level_m=_levels(table.get("level_m", (16_000.0, 20_000.0)), folder),
        **_origin(table["from"], folder), **values,
    )  # fmt: skip


def _origin(value: Any, folder: Path | None) -> dict[str, Any]:
    if isinstance(value, str) and value.strip():
        return {"origin": value.strip()}
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise setting_error(
            folder, PART, "from", "is no place", "Give [longitude, latitude], or the id of an area."
        )
    lon, lat = (_number(one, folder, "from") for one in value)
    if abs(lat) > 90.0 or abs(lon) > 360.0:
        raise setting_error(
            folder, PART, "from", f"{lon:g}, {lat:g} is no place", "Longitude first, latitude within ±90."
        )
    return {"lon_deg": float(wrap_lon(lon)), "lat_deg": float(lat)}


def _levels(value: Any, folder: Path | None) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise setting_error(folder, PART, "level_m", "is no range", "Give [lowest, highest] in metres.")
    low, high = (_number(one, folder, "level_m") for one in value)
    if not 1_000.0 <= low <= high <= 45_000.0:
        raise setting_error(
            folder, PART, "level_m", f"{low:g} to {high:g} m cannot be flown", "Give 1000 to 45000 m."
        )
    return float(low), float(high)


def _month(value: Any, folder: Path | None) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{4})-(\d{2})", str(value), re.ASCII)
    year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1900 <= year <= 2100 and 1 <= month <= 12):
        raise setting_error(folder, PART, "month", f"{shorten(repr(value))} is no month", 'Write "2023-01".')
    return year, month


def _text(table: Mapping[str, Any], key: str, folder: Path | None) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or len(value) > 200 or (key == "area" and not value.strip()):
        raise setting_error(folder, PART, key, f"{shorten(repr(value))} is no name", "Give a short text.")
    return value.strip()


def _number(value: Any, folder: Path | None, key: str) -> float:
    if not is_number(value):
        raise setting_error(folder, PART, key, f"{shorten(repr(value))} is no number", "Give a number.")
    return value


def asked_area(name: str, areas: Iterable[Area] = ()) -> Area:
    """Return an area by its id among `areas`, else a country's airspace, of land and territorial sea.

    Raises InputError when there is neither.
    """
    for area in areas:
        if area.id == name:
            return area
    try:
        return sovereign_airspace(name) if has_coast(name) else country(name)
    except InputError as error:
        raise InputError(
            f"'{name[:60]}' is neither an area of the case nor a country", field="area", remedy=error.remedy
        ) from error


def check_asked(
    settings: StraySettings, areas: Iterable[Area], folder: Path | None = None, *, own_files: bool = False
) -> None:
    """Raise CaseError with the key of an area, an origin or levels that cannot be flown.

    Of levels only the prior's are known beforehand: with `own_files` the files decide.
    """
    known = tuple(areas)
    try:
        asked_area(settings.area, known)
    except InputError as error:
        raise setting_error(folder, PART, "area", error.what, error.remedy) from error
    try:
        if settings.origin and all(area.id != settings.origin for area in known):
            country(settings.origin)
    except InputError as error:
        raise setting_error(folder, PART, "from", error.what, error.remedy) from error
    low, high = (float(p) for p in atmosphere.pressure_pa(np.asarray(settings.level_m)))
    if not own_files and (low < HIGHEST_LEVEL_PA or high > LOWEST_LEVEL_PA):
        ends = atmosphere.alt_from_pressure(np.array([LOWEST_LEVEL_PA, HIGHEST_LEVEL_PA])) / 1e3
        what = f"the prior has no winds at {settings.level_m[0]:g} to {settings.level_m[1]:g} m"
        remedy = f"It reaches from about {ends[0]:.1f} to {ends[1]:.0f} km."
        raise setting_error(folder, PART, "level_m", what, remedy)


# --- flying


def month_winds(files: Sequence[Path], settings: StraySettings) -> tuple[Grid | None, tuple[str, ...]]:
    """Read what files of winds hold of the month and of flights that begin in it; say what was left out."""
    low, high = (float(p) for p in atmosphere.pressure_pa(np.asarray(settings.level_m)))
    levels = (min(LEVELS_PA[0], high), max(LEVELS_PA[1], low))
    return file_winds(files, (settings.begin_s, settings.end_s + settings.days * DAY_S), levels_pa=levels)


def fly_strays(
    settings: StraySettings, own: Grid | None = None, *, areas: Iterable[Area] = ()
) -> StrayFlights:
    """Fly passive balloons through a month, in `own` winds if they cover it all, else in the prior.

    Launch times lie evenly in the month, each at a drawn moment of its share of it. In the prior every
    weather is flown from all of them; in winds of the time every flight has its own error of the winds, and
    launches within `BLOCK_S` share a scenario.

    Raises
    ------
    InputError
        When no launch place can be drawn, or an area is not known.
    CoverageError
        When no flight begins within the winds.
    """
    s = settings
    rng = np.random.default_rng(np.random.SeedSequence(s.seed, spawn_key=(7,)))
    span = (s.end_s - s.begin_s) / s.launches
    launch = s.begin_s + span * (np.arange(s.launches) + rng.random(s.launches))
    each = max(1, s.members // s.launches)
    offsets = np.append(np.arange(0.0, s.days * DAY_S - 1.0, KEEP_S), s.days * DAY_S)
    lon, lat = _launch_places(s, areas, each * s.launches, rng)
    level = rng.uniform(*s.level_m, size=each * s.launches)
    winds = passive_winds(own, s.begin_s, s.end_s + s.days * DAY_S, lon_deg=lon, lat_deg=lat, alt_m=level)
    # Every other flight floats higher by day; of one weather, other launches than the next weather's.
    varied = (np.arange(each)[None, :] + np.arange(s.launches)[:, None]) % 2 == 1
    lift = rng.uniform(0.0, MOST_AMPLITUDE_M, size=each * s.launches)
    shared = None if winds.own else made_weathers(winds, _rngs(s.seed, 0, each))
    kept: list[dict[str, Any]] = []
    for n, moment in enumerate(launch):
        errors = shared if not winds.own else made_weathers(winds, _rngs(s.seed, n + 1, each))
        for kind in (False, True):
            who = np.flatnonzero(varied[n] == kind)
            if who.size == 0:
                continue
            at = n * each + who
            flown = fly_passive(
                winds, lon[at], lat[at], moment, level[at], time_end=float(moment + offsets[-1]),
                amplitude_m=lift[at] if kind else 0.0, keep_s=moment + offsets,
                errors=None if errors is None else take_members(errors, who),
            )  # fmt: skip
            group = (moment - s.begin_s) // BLOCK_S if winds.own else who
            kept.append(
                {"lon": flown.lon_deg, "lat": flown.lat_deg, "alt": flown.alt_m, "pa": flown.pressure_pa,
                 "group": np.broadcast_to(np.asarray(group, dtype=np.intp), who.shape),
                 "kind": np.full(who.size, kind), "launch": np.full(who.size, moment)}
            )  # fmt: skip
    return _gathered(kept, offsets, winds, s)


def _gathered(
    kept: Sequence[Mapping[str, Any]], offsets: Float64s, winds: PassiveWinds, s: StraySettings
) -> StrayFlights:
    part = {name: np.concatenate([one[name] for one in kept]) for name in kept[0]}
    aloft = np.isfinite(part["lon"]) & np.isfinite(part["alt"]) & np.isfinite(part["pa"])
    if not aloft[:, 1].any():
        raise CoverageError(
            f"no passive flight stays within the winds at {s.level_m[0]:g} to {s.level_m[1]:g} m",
            remedy="Ask for other levels: the prior reaches from about 9.5 to 34 km.",
        )
    names, group = np.unique(part["group"], return_inverse=True)
    ensemble = make_ensemble(
        kind="forecast", time_s=s.begin_s + offsets,
        **{
            key: np.where(aloft, part[name], np.nan)
            for key, name in (("lon_deg", "lon"), ("lat_deg", "lat"), ("alt_m", "alt"), ("pressure_pa", "pa"))
        },
        status=np.where(aloft, 0, 2), scenario=group,
        scenario_names=tuple(f"w{n}" for n in names),
        attrs={"winds": winds.title, "seed": str(s.seed), "time": "counted from the launch of each"},
    )  # fmt: skip
    return StrayFlights(ensemble=ensemble, varied=part["kind"], launch_s=part["launch"], winds=winds)


def _rngs(seed: int, stream: int, count: int) -> list[np.random.Generator]:
    return [
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(8, stream, n))) for n in range(count)
    ]


def _launch_places(
    s: StraySettings, areas: Iterable[Area], count: int, rng: np.random.Generator
) -> tuple[Float64s, Float64s]:
    if not s.origin:
        return near(s.lon_deg, s.lat_deg, s.radius_km, count, rng)
    area = next((a for a in areas if a.id == s.origin), None) or country(s.origin)
    west, south, east, north = area.geometry.bounds
    lon, lat = np.zeros(0), np.zeros(0)
    low, high = (math.sin(math.radians(edge)) for edge in (south, north))
    for _ in range(TRIES):
        x, y = rng.uniform(west, east, 4 * count), np.degrees(np.arcsin(rng.uniform(low, high, 4 * count)))
        within = inside(area, x, y)
        lon, lat = np.append(lon, x[within]), np.append(lat, y[within])
        if lon.size >= count:
            return np.asarray(wrap_lon(lon[:count]), np.float64), lat[:count]
    raise InputError(f"area '{area.id}' is too small to draw launch places in", field="from",
                     remedy="Give a place and a radius.")  # fmt: skip


# --- saying


def answer_strayed(
    settings: StraySettings,
    own: Grid | None = None,
    *,
    areas: Iterable[Area] = (),
    claims: Iterable[Claim] = (),
    wind_notes: Sequence[str] = (),
) -> StrayAnswer:
    """Fly, count and say how often a passive flight reaches the area asked for.

    Parameters
    ----------
    own : winds of the time; used where they cover the month and the flights that begin in it.
    wind_notes : what the reader should know of them, such as a file that could not be used.
    areas : those of the case, by whose ids `area` and `from` may go.
    claims : those that say it strayed are the evidence of the findings.

    Raises
    ------
    InputError, CoverageError
        When an area is not known, or no flight stays within the winds.
    """
    known = tuple(areas)
    area = asked_area(settings.area, known)
    flown = fly_strays(settings, own, areas=known)
    crossing = crossings(flown.ensemble, (area,)).by_area[area.id]
    reach = passive_reach(flown.ensemble, crossing)
    where = area.phrase or area.name
    findings = list(
        reach_findings(
            reach, origin=settings.from_words, month=_month_words(settings, flown.winds),
            winds=_winds_words(flown.winds), where=where, within=_days(settings.days),
            evidence=[c.id for c in claims if "strayed" in c.verbs],
        )
    )  # fmt: skip
    took = _took(flown, crossing, findings[0])
    if took is not None:
        findings.append(took)
    section = _section(settings, flown, crossing, reach, findings)
    if own is not None and not flown.winds.own:
        wind_notes = (*wind_notes, f"{own.name or 'the gridded winds'} were left out: {NOT_ALL}")
    return StrayAnswer(tuple(findings), {**section, "notes": [*wind_notes, *section["notes"]]})


def not_flown(settings: StraySettings, area: Area, error: OverflightError) -> StrayAnswer:
    """Return that it cannot be told, with the reason."""
    where = area.phrase or area.name
    question = (
        f"How often does a passive flight from {settings.from_words} in {settings.month_words} reach {where}?"
    )
    reason = ". ".join(part for part in (error.what, error.remedy) if part)
    name = f"claims.strayed.reach_{word(area.id)}"
    found = Finding(id=name, question=question, kind="undetermined", unit="1", value=None, reason=reason)
    return StrayAnswer((found,), {})


def _month_words(s: StraySettings, winds: PassiveWinds) -> str:
    return s.month_words if winds.own else f"a usual {MONTHS[s.month - 1]}"


def _winds_words(winds: PassiveWinds) -> str:
    return winds.title if winds.own else f"{winds.title}, with made weathers about it"


def _days(days: float) -> str:
    return f"{days:g} {'day' if days == 1 else 'days'}"


def _took(flown: StrayFlights, crossing: AreaCrossing, head: Finding) -> Finding | None:
    """Return after how many days those that get there do."""
    begin = float(from_datetime64(flown.ensemble["time"].values)[0])
    came = np.isfinite(crossing.entry_s)
    if int(came.sum()) < LEAST_REACHED:
        return None
    days = (crossing.entry_s[came] - begin) / DAY_S
    return Finding(
        id=f"{head.id}_days", kind="interval", unit="d", value=quantile_value(days, crossing.weight[came]),
        question="After how many days do the passive flights get there that do?", given=dict(head.given),
        evidence=head.evidence, reason=f"{int(came.sum())} of {came.size} flights come in from outside.",
    )  # fmt: skip


def _section(
    s: StraySettings, flown: StrayFlights, crossing: AreaCrossing, reach: Reach, findings: Sequence[Finding]
) -> dict[str, Any]:
    area, ever = crossing.area, crossing.ever
    ids = [f.id for f in findings]
    variants = []
    for kind, words in enumerate(VARIANTS):
        who = flown.varied == bool(kind)
        if who.any():
            part = reach_of(
                area.id, ever[who], np.ones(int(who.sum())), flown.ensemble["scenario"].values[who]
            )
            variants.append(
                {
                    "words": words,
                    "share": part.share,
                    "low": part.low,
                    "high": part.high,
                    "members": part.members,
                }
            )
    return {
        "area": area.id,
        "area_words": area.phrase or area.name,
        "from": s.from_words,
        "place": [s.lon_deg, s.lat_deg, s.radius_km] if not s.origin else None,
        "month": s.month_words,
        "days": s.days,
        "level_m": list(s.level_m),
        "seed": s.seed,
        "share": reach.share,
        "low": reach.low,
        "high": reach.high,
        "lost": reach.lost,
        "members": reach.members,
        "effective": reach.effective,
        "groups": reach.launches,
        "launches": s.launches,
        "own_winds": flown.winds.own,
        "winds": flown.winds.title,
        "variants": variants,
        "paths": _paths(flown, ever),
        "sentences": _sentences(s, flown, area, reach, findings),
        "notes": _notes(s, flown),
        "finding_ids": ids,
    }  # fmt: skip


def _sentences(
    s: StraySettings, flown: StrayFlights, area: Area, reach: Reach, findings: Sequence[Finding]
) -> list[dict[str, Any]]:
    where = area.phrase or area.name
    out = [
        {
            "text": f"Of balloons that nobody steers, let go from {s.from_words} in "
            f"{_month_words(s, flown.winds)}, {percent(reach.share)} reach {where} within {_days(s.days)} "
            f"({percent(reach.low)} to {percent(reach.high)}).",
            "finding_ids": [f.id for f in findings[:2]],
        }
    ]
    took = next((f for f in findings if f.id.endswith("_days")), None)
    if took is not None and took.value is not None:
        low, mid, high = (float(took.value[key]) for key in ("p05", "p50", "p95"))
        out.append(
            {
                "text": f"Those that do get there come in after {mid:.1f} days ({low:.1f} to {high:.1f}).",
                "finding_ids": [took.id],
            }
        )
    return out


def _notes(s: StraySettings, flown: StrayFlights) -> list[str]:
    levels = f"between {s.level_m[0] / 1e3:g} and {s.level_m[1] / 1e3:g} km"
    what = (
        f"It is a number for {s.month_words}, in winds of that time with the error that such winds have."
        if flown.winds.own
        else f"It is a number for {MONTHS[s.month - 1]} in general: the climatology does not know the "
        f"weather of {s.month_words}, and each made weather is a {MONTHS[s.month - 1]} that might have been."
    )
    return [
        what,
        "Getting there is not having come by accident: who wants to arrive may wait for such a wind, and a "
        "steered flight gets there too. Nor does a small share speak against one flight that did arrive, "
        "where many were let go.",
        f"The flights float {levels}, half of them up to {MOST_AMPLITUDE_M / 1e3:g} km higher by day; the "
        "climb is left out.",
    ]


def _paths(flown: StrayFlights, ever: Any) -> list[dict[str, Any]]:
    """Return some flights for a map, every half day, as many of each kind as there are of them."""
    members = int(flown.ensemble.sizes["member"])
    some = np.unique(np.linspace(0, members - 1, min(PATHS, members)).round().astype(int))
    lon, lat = (flown.ensemble[name].values[:, ::4] for name in ("lon", "lat"))
    rows = []
    for m in some:
        aloft = np.isfinite(lon[m])
        rows.append(
            {"reached": bool(ever[m]), "lon_deg": [round(float(v), 2) for v in lon[m, aloft]],
             "lat_deg": [round(float(v), 2) for v in lat[m, aloft]]}
        )  # fmt: skip
    return rows
