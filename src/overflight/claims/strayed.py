"""Strayed by force majeure: how often a passive flight reaches an area, with its error.

`stray_flights` flies the passive flights, from the origin and in the month that the claim names; here the
share of them that reaches the area is counted. Flights of one launch time, or of one made weather, share
their winds: each is a scenario of the ensemble, and the error is that of the scenarios, not of the members.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from overflight.claims.physics import word
from overflight.crossings import AreaCrossing, crossings
from overflight.errors import OverflightError
from overflight.records import Finding
from overflight.words import likelihood, percent

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Z90: Final = NormalDist().inv_cdf(0.95)  # both ends of an interval of 90 %

# Of fewer launch times that differ from the others nothing is seen of how alike flights of one are.
LEAST_GROUPS: Final = 5
# A sum of weights is so near to none and to all.
SURE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Reach:
    """Share of passive flights that reach an area; `low` and `high` hold 90 % (Wilson's interval).

    `effective` is the number of independent flights that the members come to, `launches` that of the
    launch times or weathers among them. `lost` is the share that left the winds before it got there, which
    may have reached it: it stands in `high` and not in `share`.
    """

    area: str
    share: float
    low: float
    high: float
    members: int
    effective: float
    launches: int
    lost: float = 0.0


def passive_reach(ensemble: xr.Dataset, area: Any) -> Reach:
    """Count the share of an ensemble of passive flights that is over an area (`places.areas`) at any time.

    `area` may be its crossing by the ensemble, where that is known already. The share is that within the
    time flown. Members that are not aloft at its end, and were not there before, are lost.
    """
    found = isinstance(area, AreaCrossing)
    crossing = area if found else crossings(ensemble, (area,)).by_area[area.id]
    gone = ~np.isfinite(ensemble["lon"].values[:, -1]) & ~crossing.ever
    return reach_of(crossing.area.id, crossing.ever, crossing.weight, crossing.scenario, lost=gone)


def reach_of(
    area: str,
    reached: npt.ArrayLike,
    weight: npt.ArrayLike,
    launch: npt.ArrayLike | None = None,
    *,
    lost: npt.ArrayLike = False,
) -> Reach:
    """Return the share and its error from members (M,): whether each reached, its weight, its launch time.

    `lost` (M,) are members of which it is not known.
    """
    hit = np.asarray(reached, dtype=np.float64)
    w = np.asarray(weight, dtype=np.float64)
    if hit.size == 0 or not w.sum() > 0.0:
        raise OverflightError("there are no passive flights to count", remedy="Fly some first.")
    w = w / w.sum()
    group = np.zeros(hit.size, np.intp) if launch is None else np.asarray(launch)
    share, gone = (float(np.clip(w @ x, 0.0, 1.0)) for x in (hit, np.broadcast_to(lost, hit.shape) * 1.0))
    least, effective = _effective(hit, w, group, share)
    launches = int(np.unique(group[w > 0]).size)
    # Few launch times tell their own spread badly: Student's t in place of the normal.
    z = Z90 if launches < 2 else float(stdtrit(launches - 1, 0.95))
    low, high = _wilson(share, effective, z)
    if gone > 0.0:
        high = _wilson(min(1.0, share + gone), effective, z)[1]
    # A flight that comes makes it no less likely that others do, than if none had; nor one that does not.
    low, high = min(low, _wilson(1.0, least, z)[0]), max(high, _wilson(0.0, least, z)[1])
    return Reach(area, share, low, high, int(hit.size), effective, launches, gone)


def _effective(hit: Float64s, w: Float64s, group: npt.NDArray[Any], share: float) -> tuple[float, float]:
    """Number of independent flights, the least and as far as it can be seen.

    The least takes flights of one launch time for one. What is seen is the variance of the share between
    launch times, at most that of the weights; of few of them that have a flight that came, or one that did
    not, it says nothing, and the least stands.
    """
    by_weight = float(1.0 / np.sum(w**2))
    names, index = np.unique(group, return_inverse=True)
    if names.size < 2:
        return by_weight, by_weight
    size = np.bincount(index, weights=w)
    least = min(by_weight, float(1.0 / np.sum(size**2)))
    if not SURE < share < 1.0 - SURE:
        return least, least
    mean = np.bincount(index, weights=w * hit) / np.where(size > 0, size, 1.0)
    came = int(((mean > SURE) & (size > 0.0)).sum())
    missed = int(((mean < 1.0 - SURE) & (size > 0.0)).sum())
    if min(came, missed) < LEAST_GROUPS:
        return least, least
    between = float(np.sum((size * (mean - share)) ** 2)) * names.size / (names.size - 1)
    if between <= 0.0:
        return least, by_weight
    return least, float(np.clip(share * (1.0 - share) / between, 1.0, by_weight))


def _wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson (1927), Journal of the American Statistical Association 22, 209-212."""
    middle = (share + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * math.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def reach_findings(
    reach: Reach,
    *,
    origin: str,
    month: str,
    winds: str,
    evidence: Sequence[str] = (),
    where: str = "",
    within: str = "",
) -> tuple[Finding, Finding]:
    """Return the share as a probability, `claims.strayed.reach_<area>`, and its 90 % interval.

    `origin`, `month` and `winds` say in words what was flown, `where` names the area and `within` the time;
    `evidence` are claims that say it strayed.
    """
    given = {"origin": origin, "month": month, "winds": winds}
    given |= {"within": within} if within else {}
    inside = f" within {within}" if within else ""
    question = (
        f"How often does a passive flight from {origin} in {month} reach {where or reach.area}{inside}?"
    )
    launched = f" of {reach.launches} launch times or weathers" if reach.launches > 1 else ""
    lost = f" {percent(reach.lost)} left the winds before; they may have come there." if reach.lost else ""
    said = (
        f"{reach.members} passive flights{launched}, worth {reach.effective:.0f} independent ones: between "
        f"{percent(reach.low)} and {percent(reach.high)}.{lost} That one of them strays there is "
        f"{likelihood(reach.share)}; what was meant is not tested."
    )
    head = f"claims.strayed.reach_{word(reach.area)}"
    return (
        Finding(
            id=head, question=question, kind="probability", unit="1", value={"p": reach.share}, given=given,
            evidence=tuple(evidence), reason=said,
        ),
        Finding(
            id=f"{head}_interval", question=question, kind="interval", unit="1",
            value={"p05": reach.low, "p50": reach.share, "p95": reach.high}, given=given,
            evidence=tuple(evidence), reason="Wilson's interval on the effective number of flights.",
        ),
    )  # fmt: skip
