"""What a grade of the public NIIRS lets a reader tell, in words, with the resolution that goes with it.

After the Civil NIIRS reference guide (Imagery Resolution Assessment and Reporting Standards Committee, 1996)
and the table of ground resolved distances of the Federation of American Scientists; only the civil criteria,
in our own words. Ground resolved distance is what can be told apart, two to three times the ground sample
distance. `optics.TASKS` and `optics.GRD_M` hold the tables.
"""

from __future__ import annotations

import math
from typing import Any, Final

from overflight.errors import InputError
from overflight.exposure.optics import GRD_M, NIIRS_BAND, TASKS, niirs_words

LEAST, MOST = 0.0, 9.0
NOT_ASSESSED: Final = "not assessed"


def check_level(level: object, *, field: str = "niirs", file: str = "", line: int | None = None) -> float:
    """Return a grade that a site's owner named, 0 to 9. Raises InputError for anything else."""
    good = isinstance(level, int | float) and not isinstance(level, bool)
    if not (good and LEAST <= float(str(level)) <= MOST):
        raise InputError(
            f"{level!r} is no grade",
            file=file,
            line=line,
            field=field,
            remedy="Give a NIIRS from 0 to 9: 3 tells single houses, 5 rail cars, 6 cars by their kind.",
        )
    return float(str(level))


def resolved_words(niirs: float) -> str:
    """Return the ground resolved distance of a grade in words, such as '0.75 to 1.2 m'."""
    if not math.isfinite(niirs):
        return NOT_ASSESSED
    level = min(int(niirs), 9)
    if level < 1:
        return "nothing"
    low, high = GRD_M[level]
    if math.isinf(high):
        return f"{low:g} m or more"
    return f"{low:g} to {high:g} m" if low > 0.0 else f"less than {high:g} m"


def grade_words(niirs: float) -> str:
    """Return a grade as a sentence has it: 'NIIRS 6.2 ± 0.5 (…)', or 'not assessed'."""
    if not math.isfinite(niirs):
        return NOT_ASSESSED
    return f"NIIRS {niirs:.1f} ± {NIIRS_BAND:g} ({niirs_words(niirs)})"


def level_words(level: float) -> str:
    """Return what a site's owner asks about by naming a level."""
    return f"NIIRS {level:g}: {niirs_words(level)}; resolves {resolved_words(level)}"


def scale_rows() -> list[dict[str, Any]]:
    """Return the whole scale as rows: level, what it tells, ground resolved distance."""
    return [
        {"niirs": level, "tells": TASKS[level], "resolves": resolved_words(float(level))}
        for level in range(len(TASKS))
    ]
