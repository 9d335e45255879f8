"""The records that the questions of steering share: what they stand on, and what each came to."""

from __future__ import annotations

from dataclasses import dataclass

from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import Air
from overflight.steer.closest import Closest
from overflight.steer.decide import Decide
from overflight.steer.effort import AirspeedEffort, AltitudeEffort
from overflight.steer.evidence import Weighed
from overflight.steer.toward import Toward
from overflight.steer.verdict import Verdict
from overflight.steer.when import When
from overflight.winds.choose import CaseWinds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What every question stands on: the fixes in their frame, the air, and the belief about its error.

    `ids` are the sightings behind the fixes; `account` says in words which of rival accounts they were read
    under, empty where there are none.
    """

    fixes: Fixes
    ids: tuple[str, ...]
    frame: Frame
    air: Air
    belief: WindErrorBelief
    winds: CaseWinds
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What each question came to; `particles` of each hypothesis, all runs together."""

    ground: Ground
    weighed: Weighed
    verdict: Verdict
    airspeed: AirspeedEffort | None
    altitude: AltitudeEffort | None
    closest: Closest | None
    when: When
    toward: Toward
    decide: Decide
    particles: tuple[int, ...]
    seed: int
