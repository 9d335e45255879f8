"""Weighed hypotheses made by hand: what the questions read, without a filter behind it."""

from __future__ import annotations

import numpy as np

from overflight.reconstruct.guided import PARAMETERS, Filtered
from overflight.steer.evidence import Weighed, weighed_from
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.reach import Reach

ABLE = Reach(
    middling=(("propelled", 20.0), ("altitude_controlled", 20.0)),
    strongest=(("propelled", 99.0), ("altitude_controlled", 99.0)),
    fixes=50, gap_h=1.0, wind_km=5.0, steer_km=20.0, wind_mps=1.0, shear_mps=5.0,
)  # fmt: skip
UNABLE = Reach(
    middling=(("propelled", 0.1), ("altitude_controlled", 0.1)),
    strongest=(("propelled", 1.0), ("altitude_controlled", 1.0)),
    fixes=2, gap_h=24.0, wind_km=300.0, steer_km=100.0, wind_mps=5.0, shear_mps=5.0,
)  # fmt: skip


def made_filtered(
    log_evidence: float = 0.0, se: float = 0.01, paths=None, node_s=None, miss_sigma=None
) -> Filtered:
    """Return a filter's answer with given draws (M, N, 8), each at its level; two fixes, at the ends."""
    paths = np.zeros((20, 5, 8)) if paths is None else np.asarray(paths, float)
    node_s = np.arange(paths.shape[1]) * 3600.0 if node_s is None else np.asarray(node_s, float)
    sigma = np.array([np.nan, 1.0]) if miss_sigma is None else np.asarray(miss_sigma, float)
    parameters = np.ones((len(paths), len(PARAMETERS)))
    parameters[:, PARAMETERS.index("level_m")] = 1e3 * paths[:, -1, 2]
    parameters[:, PARAMETERS.index("second")] = 0.0
    return Filtered(
        log_evidence, se, np.zeros(sigma.size), 10.0 * sigma, sigma, node_s, paths,
        np.zeros((len(paths), sigma.size), np.int8), parameters, np.ones(node_s.size),
    )  # fmt: skip


def made_weighed(log_evidence=(0, 0, 0, 0, 0), se=0.01, filtered=None, reach: Reach = ABLE) -> Weighed:
    """Weigh the default hypotheses with given evidences, or with given answers of the filter."""
    if filtered is None:
        filtered = [made_filtered(float(value), se) for value in log_evidence]
    return weighed_from(DEFAULT_HYPOTHESES, filtered, reach)
