"""The verdict on a case: from sightings and winds to findings and a section of the result.

sightings, winds → fixes, air, belief → weighed hypotheses → verdict · effort · when · toward · decide →
findings
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from overflight.case import WIND_SOURCES, Case, WindSource, check_sighting_ids, read_case
from overflight.errors import InputError
from overflight.places.sites import Site, read_sites
from overflight.reconstruct.fixes import Fixes, fixes_from_sightings
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.guided import choose_nodes
from overflight.reconstruct.likelihood import Scenario
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import Air
from overflight.reconstruct.posterior import FLOAT_ALT_M, scenarios_from
from overflight.records import Finding, Sighting
from overflight.sightings import read_sightings
from overflight.sightings.extent import flight_box
from overflight.steer.asked import Asked, Ground
from overflight.steer.closest import believed, closest_passive
from overflight.steer.decide import decide
from overflight.steer.effort import AirspeedEffort, least_airspeed, least_altitude
from overflight.steer.evidence import Weighed, air_of, belief_of, posterior_of, weigh
from overflight.steer.findings import findings_of, too_few
from overflight.steer.section import section_of, section_without
from overflight.steer.settings import SteerSettings, read_settings
from overflight.steer.settle import weigh_until_settled
from overflight.steer.toward import toward
from overflight.steer.verdict import judge
from overflight.steer.when import Z, when
from overflight.units import HOUR_S
from overflight.winds.choose import CaseWinds, choose_winds

Float64s = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]

# Particle-steps that one hypothesis may cost when nobody says how many particles: seconds, not minutes.
WORK: Final = 400_000
FEWEST: Final = 500
MOST: Final = 4_000
# Flights of more nodes than this go on in steps of an hour.
FINE_NODES: Final = 400
PILOT: Final = 400
# Quantiles of the mean height, over draws, at which the least airspeed is looked for.
HEIGHTS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
LEAST_FIXES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SteerAnswer:
    """The answer: `findings` and the `section` of the result, and what they were made from.

    `asked` is None where fewer than two sightings have a place and a time.
    """

    findings: tuple[Finding, ...]
    section: Mapping[str, Any]
    asked: Asked | None = None


def steer_case(
    folder: str | Path,
    *,
    particles: int | None = None,
    seed: int | None = None,
    threshold: float | None = None,
    winds_source: str | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> SteerAnswer:
    """Weigh whether the balloon of a case drifted or was steered. Opens no socket.

    Parameters
    ----------
    folder : the case folder, holding `case.toml`; `[ask.steer]` has the settings.
    particles, seed, threshold : override the settings.
    winds_source : overrides `winds.source`.
    cache_dir : where fetched winds lie; the user's own cache when None.
    progress : called with what is being done and the share of it that is done.

    Raises
    ------
    OverflightError
        A subclass that says what cannot be used, where, and what to do.
    """
    case = read_case(folder)
    if winds_source is not None:
        case = replace(case, winds=replace(case.winds, source=_source(winds_source)))
    settings = read_settings(
        case.ask.get("steer", {}), case.folder, particles=particles, seed=seed, threshold=threshold
    )
    sightings = read_sightings(case.inputs["sightings"], time_start=case.time_start, time_end=case.time_end)
    check_sighting_ids(case, [s.id for s in sightings])
    box = flight_box([s for s in sightings if s.fitted])
    winds = choose_winds(case, box=box, cache_dir=cache_dir)
    return steer_answers(
        sightings, winds, read_sites(case.inputs["sites"]), time_start=case.time_start,
        time_end=case.time_end, scenarios=case_accounts(case), settings=settings, progress=progress,
    )  # fmt: skip


def _source(word: str) -> WindSource:
    for source in WIND_SOURCES:
        if word == source:
            return cast(WindSource, source)
    raise InputError(
        f"'{word}' is no source of winds", field="winds", remedy=f"Use one of {', '.join(WIND_SOURCES)}."
    )


def case_accounts(case: Case) -> tuple[Scenario, ...]:
    """Combine the rival accounts of a case into scenarios."""
    return scenarios_from(
        [
            (h.group, Scenario(h.id, h.title, h.weight, frozenset(h.accepts), frozenset(h.rejects)))
            for h in case.hypotheses
        ]
    )


def steer_answers(
    sightings: Sequence[Sighting],
    winds: CaseWinds,
    sites: Sequence[Site] = (),
    *,
    time_start: float,
    time_end: float,
    scenarios: Sequence[Scenario] = (),
    scenario_weights: Mapping[str, float] | None = None,
    settings: SteerSettings | None = None,
    progress: Progress | None = None,
) -> SteerAnswer:
    """Answer every question of steering from sightings and winds.

    Parameters
    ----------
    scenarios : rival accounts of the sightings. The sightings are read under the likeliest one: by
        `scenario_weights` (id to posterior) where a reconstruction has weighed them, else by a short run of
        the filter under each.
    """
    settings = settings or SteerSettings()
    tell = progress or (lambda _text, _share: None)
    used = [s for s in sightings if s.fitted and s.time_end >= time_start and s.time_start <= time_end]
    given = {"winds": winds.title}
    frame = _frame(used)
    placed = () if frame is None else fixes_from_sightings(used, frame, float_alt_m=FLOAT_ALT_M)[1]
    if frame is None or len(placed) < LEAST_FIXES:
        findings = too_few(len(placed), given)
        return SteerAnswer(findings=findings, section=section_without(findings))
    ground = _ground(used, winds, frame, tuple(scenarios), scenario_weights, settings, tell)
    step_s = _step_s(ground.fixes)
    weighed, particles = weigh_until_settled(
        settings.hypotheses, ground.fixes, ground.air, ground.belief, frame,
        particles=settings.particles or affordable(ground.fixes, step_s),
        further=not settings.particles, seed=settings.seed, step_s=step_s, threshold=settings.threshold,
        winds_used=winds.used,
        progress=lambda text, share: tell(text, 0.7 * share),
    )  # fmt: skip
    asked = ask(ground, weighed, sites, settings, particles, tell)
    findings = findings_of(asked)
    return SteerAnswer(findings=findings, section=section_of(asked, findings), asked=asked)


def ask(
    ground: Ground,
    weighed: Weighed,
    sites: Sequence[Site],
    settings: SteerSettings,
    particles: Sequence[int],
    tell: Progress,
) -> Asked:
    """Ask every question of hypotheses that were weighed with so many particles each."""
    fixes, air, belief = ground.fixes, ground.air, ground.belief
    tell("asking what it would take", 0.7)
    keep = believed(weighed)
    airspeed = _least_airspeed(ground, weighed, keep, settings.airspeed_mps)
    altitude = least_altitude(
        fixes, air, _heights(settings), used=keep, error_time_s=belief.time_s, mixing_km=belief.mixing_rms_km
    )
    tell("asking when", 0.75)
    found = when(
        weighed, ground.fixes, radius_km=settings.station_radius_km, hours=settings.station_hours,
        seed=settings.seed,
    )  # fmt: skip
    tell("asking toward what", 0.85)
    near = toward(
        sites, weighed, fixes, air, belief, ground.frame,
        radius_km=settings.radius_km, members=settings.members, seed=settings.seed,
    )  # fmt: skip
    tell("asking what would decide", 0.9)
    return Asked(
        ground=ground,
        weighed=weighed,
        verdict=judge(weighed, threshold=settings.threshold, winds_used=ground.winds.used),
        airspeed=airspeed,
        altitude=altitude,
        closest=closest_passive(weighed, fixes, air),
        when=found,
        toward=near,
        decide=decide(weighed, air, belief, seed=settings.seed),
        particles=tuple(particles),
        seed=settings.seed,
    )


def _frame(used: Sequence[Sighting]) -> Frame | None:
    places = [(s.lon_deg, s.lat_deg) for s in used if s.lon_deg is not None and s.lat_deg is not None]
    if not places:
        return None
    lon, lat = np.array(places).T
    return fit_frame(lon, lat)


def _ground(
    used: Sequence[Sighting],
    winds: CaseWinds,
    frame: Frame,
    scenarios: tuple[Scenario, ...],
    weights: Mapping[str, float] | None,
    settings: SteerSettings,
    tell: Progress,
) -> Ground:
    air, belief = air_of(winds, frame), belief_of(winds)
    scenarios = scenarios or scenarios_from(())
    read = [fixes_from_sightings(used, frame, one, float_alt_m=FLOAT_ALT_M) for one in scenarios]
    if len(scenarios) == 1:
        shares = np.ones(1)
    elif weights is not None:
        shares = np.array([float(weights.get(s.id, 0.0)) for s in scenarios])
    else:
        shares = _pilot(scenarios, [fixes for fixes, _ in read], air, belief, frame, settings, tell)
    best = int(np.argmax(shares))
    fixes, ids = read[best]
    account = ""
    if len(scenarios) > 1:
        account = f"{scenarios[best].title} ({100.0 * shares[best] / shares.sum():.0f} % among the accounts)"
    return Ground(fixes=fixes, ids=ids, frame=frame, air=air, belief=belief, winds=winds, account=account)


def _pilot(
    scenarios: Sequence[Scenario],
    read: Sequence[Fixes],
    air: Air,
    belief: WindErrorBelief,
    frame: Frame,
    settings: SteerSettings,
    tell: Progress,
) -> Float64s:
    """Weigh rival accounts by a short run of every hypothesis under each."""
    log_evidence = []
    for index, fixes in enumerate(read):
        tell("weighing the rival accounts", index / len(read))
        one = weigh(
            settings.hypotheses, fixes, air, belief, frame,
            particles=PILOT, seed=settings.seed, draws=1, step_s=_step_s(fixes),
        )  # fmt: skip
        log_prior = np.log([h.prior for h in settings.hypotheses])
        log_evidence.append(float(np.logaddexp.reduce(log_prior + one.log_evidence)))
    return posterior_of([s.weight for s in scenarios], log_evidence)


def _step_s(fixes: Fixes) -> float | None:
    """The filter's own step, or an hour where that would make very many."""
    return None if choose_nodes(fixes).size <= FINE_NODES else HOUR_S


def affordable(fixes: Fixes, step_s: float | None = None) -> int:
    """Return how many particles a hypothesis gets when nobody says: fewer for long flights."""
    return int(np.clip(WORK // choose_nodes(fixes, step_s).size, FEWEST, MOST))


def _least_airspeed(
    ground: Ground, weighed: Weighed, keep: npt.NDArray[np.bool_], named_mps: float
) -> AirspeedEffort | None:
    """Return the least airspeed over likely heights: effort must not be due to a height that is not known."""
    tried = [
        least_airspeed(ground.fixes, ground.air, height, used=keep, named_mps=named_mps)
        for height in likely_heights(weighed)
    ]
    found = [one for one in tried if one is not None]
    return min(found, key=lambda one: (not one.explained, one.integral_m2ps), default=None)


def likely_heights(weighed: Weighed) -> list[Callable[[Float64s], Float64s]]:
    """Return heights (km) as functions of time: draws of the likeliest hypothesis, from low ones to high."""
    best = weighed.filtered[int(np.argmax(weighed.posterior))]
    order = np.argsort(best.paths[:, :, Z].mean(axis=1), kind="stable")
    picked = np.unique((np.array(HEIGHTS) * (order.size - 1)).round().astype(int))

    def along(height: Float64s) -> Callable[[Float64s], Float64s]:
        return lambda time_s: np.asarray(np.interp(time_s, best.node_s, height))

    return [along(best.paths[m, :, Z]) for m in order[picked]]


def _heights(settings: SteerSettings) -> tuple[float, float]:
    """Range of heights, km, that altitude control may choose from."""
    ranges = [h.model.control_m for h in settings.hypotheses if h.model.vertical == "control"]
    low, high = ranges[0] if ranges else (14_000.0, 24_000.0)
    return low / 1e3, high / 1e3
