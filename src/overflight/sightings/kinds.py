"""The kinds of sighting, what each is good for, and what it tends to get wrong.

The numbers are prior beliefs, not measurements: they say how readily the reconstruction may doubt a row
before it has seen the others. They are round on purpose. What decides between a row and its neighbours is
their disagreement; these only set the price of calling a row wrong. `docs/sightings.md` prints the table.

Reasons behind the numbers:

- *Mistaken* (wrong in a way no other term explains) follows the reliability the case gives the row: 1 in 100
  for a report with a named source and a clock time, 1 in 7 for one that its own source doubts.
- *Afar*: at 18 km altitude a balloon is above the horizon out to 480 km, so "over X" in a headline often
  means "seen from X". One in ten of eyewitness reports; cameras that were pointed at a horizon more.
- *Time slip*: a whole-hour slip of the time zone, a posting time for a filming time, "about two hours".
- Of the reports of the 2023 case the reconstruction takes 6 % for seen from afar, 4 % for another time, and
  of those of high, medium and low reliability 0, 4 and 16 % for mistaken; the priors stay near that.
- *Altitude*: a naked eye cannot range an object of unknown size, so a pilot's or witness's height is a guess;
  officials round to 5,000 ft (1,524 m; a uniform rounding error of that width has an sd of 440 m).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from overflight.records import Reliability

P_MISTAKEN: Mapping[Reliability, float] = MappingProxyType(
    {"high": 0.01, "medium": 0.04, "low": 0.15, "unknown": 0.08}
)
# An instrument on the object itself: the number is right or the transmission is garbled.
P_MISTAKEN_TELEMETRY: Mapping[Reliability, float] = MappingProxyType(
    {"high": 0.005, "medium": 0.02, "low": 0.10, "unknown": 0.05}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindInfo:
    """What a kind of row is. Probabilities are priors; `alt_sd_m` is the error of a stated altitude.

    `role` as in `Sighting`. `is_watcher`: the place given is, or may be, that of whoever saw the balloon.
    `has_clock`: its times come from a clock (and may slip by a zone), not from a date.
    """

    label: str
    role: Literal["observation", "context"] = "observation"
    is_watcher: bool = False
    has_clock: bool = False
    p_mistaken: Mapping[Reliability, float] = field(default_factory=lambda: P_MISTAKEN)
    p_afar: float = 0.0
    p_time_slip: float = 0.0
    alt_sd_m: float = 600.0
    p_alt_mistaken: float = 0.05


def _watcher(label: str, *, p_afar: float = 0.10, p_time_slip: float = 0.05) -> KindInfo:
    return KindInfo(
        label=label,
        is_watcher=True,
        has_clock=True,
        p_afar=p_afar,
        p_time_slip=p_time_slip,
        alt_sd_m=1500.0,
        p_alt_mistaken=0.2,
    )


def _context(label: str) -> KindInfo:
    return KindInfo(label=label, role="context")


def _telemetry(label: str) -> KindInfo:
    return KindInfo(
        label=label,
        has_clock=True,
        p_mistaken=P_MISTAKEN_TELEMETRY,
        p_time_slip=0.01,
        alt_sd_m=100.0,
        p_alt_mistaken=0.01,
    )


# What a kind that is not in the table below is taken for; the row gets a note that says so.
OTHER = KindInfo(
    label="other report",
    is_watcher=True,
    has_clock=True,
    p_afar=0.10,
    p_time_slip=0.05,
    alt_sd_m=1500.0,
    p_alt_mistaken=0.2,
)

KINDS: Mapping[str, KindInfo] = MappingProxyType(
    {
        # People and cameras on the ground or in the air: the place is theirs unless the case moved it.
        "eyewitness_photo": _watcher("photograph by a witness"),
        "eyewitness_video": _watcher("video by a witness"),
        "eyewitness_report": _watcher("witness's account", p_time_slip=0.07),
        "witness_report": _watcher("witness's account", p_time_slip=0.07),
        "sighting": _watcher("sighting", p_time_slip=0.07),
        "agency_photo": _watcher("photograph by an agency", p_afar=0.3, p_time_slip=0.02),
        "tower_camera": _watcher("tower camera", p_afar=0.3, p_time_slip=0.02),
        "official_social_media": _watcher("post by an authority", p_time_slip=0.07),
        "pilot_report": KindInfo(
            label="pilot's report",
            is_watcher=True,
            has_clock=True,
            p_afar=0.10,
            p_time_slip=0.03,
            alt_sd_m=2000.0,
            p_alt_mistaken=0.4,
        ),
        "geolocated_photo": KindInfo(
            label="photograph placed by its ground features",
            has_clock=True,
            p_time_slip=0.05,
            alt_sd_m=600.0,
        ),
        # Sensors.
        "satellite_detection": KindInfo(
            label="found in a satellite image",
            has_clock=True,
            p_time_slip=0.05,
            alt_sd_m=1000.0,
            p_alt_mistaken=0.1,
        ),
        "satellite_image": KindInfo(
            label="satellite image", has_clock=True, p_time_slip=0.05, alt_sd_m=1000.0, p_alt_mistaken=0.1
        ),
        "radar_detection": KindInfo(
            label="radar detection", has_clock=True, p_time_slip=0.02, alt_sd_m=500.0
        ),
        "detection": KindInfo(label="detection", has_clock=True, p_time_slip=0.03),
        "official_detection": KindInfo(label="detection by an authority", has_clock=True, p_time_slip=0.03),
        # The balloon's own voice.
        "telemetry": _telemetry("the balloon's own report"),
        "last_report": _telemetry("the balloon's last report"),
        # Statements.
        "official_log": KindInfo(label="official log", has_clock=True, p_time_slip=0.01),
        "official_statement_named": KindInfo(label="statement by a named official"),
        "official_statement_background": KindInfo(label="statement by an unnamed official"),
        "official_account_named": KindInfo(label="later account by a named official"),
        "official_account_anonymous": KindInfo(label="later account by an unnamed official"),
        # Known ends of a flight.
        "launch": KindInfo(label="launch"),
        "landing": KindInfo(label="landing", has_clock=True, p_time_slip=0.02),
        "shot_down": KindInfo(label="shot down", has_clock=True, p_time_slip=0.03),
        # Not observations of the balloon: read and shown, never fitted.
        "model_estimate": _context("model estimate"),
        "model_start": _context("start of a model run"),
        "model_forecast": _context("model forecast"),
        "airspace_event": _context("airspace closed"),
        "aircraft_proxy": _context("aircraft standing in for the balloon"),
        "launch_site_candidate": _context("possible launch site"),
        "debris_site": _context("debris"),
        "track_gap": _context("gap in a track"),
        "time_conflict": _context("conflicting time"),
        "altitude_variant": _context("another altitude"),
        "description": _context("description"),
        "assessment": _context("assessment"),
        "acknowledgement": _context("acknowledgement"),
        "later_finding": _context("later finding"),
        "search_ended": _context("end of a search"),
        "build": _context("how it was built"),
        "other_object": _context("another object"),
    }
)


def kind_info(kind: str) -> KindInfo:
    """Return what is known of a kind; `OTHER` for one that is not in the table."""
    return KINDS.get(kind, OTHER)


def p_mistaken(kind: str, reliability: Reliability) -> float:
    """Return the prior probability that a row of this kind and reliability is plainly wrong."""
    return kind_info(kind).p_mistaken[reliability]
