"""The rival accounts of how it moved, each a generative model stated in words, and the odds before the data.

Three sides: it drifted ('passive'), it was steered ('steered'), no wind moved it ('not wind'). The prior
odds are even between the first two, so that neither party to a dispute starts ahead, and a twentieth for the
third: few objects that are tracked for hours at the heights of balloons are anything else, and a fabricated
track must still be able to show itself. Within a side the odds are shared evenly. All of it can be changed
in `[ask.steer]` of `case.toml`: docs/steer.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from overflight.case import CASE_FILE, check_keys, find_line
from overflight.errors import CaseError, OverflightError
from overflight.reconstruct.models import MotionModel
from overflight.rows import nearest, shorten, valid_id

Side = Literal["passive", "steered", "not wind"]

SIDES: Final[tuple[Side, ...]] = get_args(Side)
SIDE_PRIOR: Final[Mapping[Side, float]] = {"passive": 0.475, "steered": 0.475, "not wind": 0.05}
PATH: Final = "ask.steer.hypotheses"
KEYS: Final = ("id", "use", "like", "title", "statement", "side", "prior", "motion")
MOTION_KEYS: Final = tuple(f.name for f in fields(MotionModel) if f.name != "id")
MOST: Final = 16
MAX_TEXT: Final = 2000
LARGEST: Final = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One account: `statement` is a paragraph for a reader without mathematics, `model` what is computed.

    `prior` is its share of the odds before the data; the shares of a set sum to one.
    """

    id: str
    title: str
    statement: str
    side: Side
    prior: float
    model: MotionModel


# Heights: those of balloons held for long in the stratosphere, 14 to 24 km (Strateole-2 at 18-21 km, Loon
# at 15-20, floats of sounding balloons up to 24).
_LEVEL: Final = (18_000.0, 4_000.0)
# How far a height strays, one standard deviation. Superpressure balloons keep their density level within some
# tens of metres, and the level itself rises and sinks by a hundred or two with the air's waves and its
# temperature; balloons without pressure in reserve wander by more.
HELD_M: Final = 200.0
LOOSE_M: Final = 600.0

PASSIVE_LEVEL: Final = Hypothesis(
    id="passive_level",
    title="drifted at one level",
    statement=(
        "The balloon drifted. It floated at the level for which it was built and filled, and went where the "
        "wind at that level took it. Nobody changed its height or moved it through the air while it floated. "
        "Where its path departs from what the analysed winds would have done, those winds were wrong by as "
        "much as such analyses are known to be wrong, or a report was inexact or mistaken."
    ),
    side="passive",
    prior=SIDE_PRIOR["passive"] / 2,
    model=MotionModel(
        id="passive_level", horizontal="wind", vertical="hold", level_m=_LEVEL, wander_m=HELD_M
    ),
)
PASSIVE_DAYNIGHT: Final = Hypothesis(
    id="passive_daynight",
    title="drifted, its height changed by the sun or by a leak",
    statement=(
        "The balloon drifted. Either the sun warmed its gas, so that it floated higher by day and sank by "
        "night, or as the sun sank until falling ballast had made up for its warmth, as balloons without "
        "pressure in reserve do; or it slowly lost gas, so that its level sank from day to day. By how much "
        "is not known beforehand. It went where the winds at those heights took it. The changes of height "
        "followed the sun or the loss of gas, and served no course."
    ),
    side="passive",
    prior=SIDE_PRIOR["passive"] / 2,
    # Zero-pressure and pico balloons change their level by tens of metres to some 2 km with the sun.
    model=MotionModel(
        id="passive_daynight", horizontal="wind", vertical="daynight", level_m=_LEVEL,
        amplitude_m=(0.0, 2_000.0), wander_m=LOOSE_M, leak_share=1 / 3, held_wander_m=HELD_M,
        ballast_share=1 / 3,
    ),
)  # fmt: skip
PASSIVE_LEAK: Final = Hypothesis(
    id="passive_leak",
    title="drifted, sinking slowly",
    statement=(
        "The balloon drifted and slowly lost gas, so that its level sank from day to day. It went where the "
        "winds at those heights took it. The loss of height was not commanded."
    ),
    side="passive",
    prior=0.0,
    model=MotionModel(
        id="passive_leak",
        horizontal="wind",
        vertical="leak",
        level_m=_LEVEL,
        leak_m_per_day=(0.0, 1_500.0),
        wander_m=HELD_M,
    ),
)
ALTITUDE_CONTROLLED: Final = Hypothesis(
    id="altitude_controlled",
    title="steered by changes of height",
    statement=(
        "The balloon was steered by its height. From time to time its height was changed on purpose, "
        "within limits, by letting air, gas or ballast in or out, and was then held until the next change; "
        "winds differ from height to height, and so the changes bent its path. It had no motion of its own "
        "through the air. The paragraph does not say who commanded the changes, whether a person or a "
        "program did, or what for."
    ),
    side="steered",
    prior=SIDE_PRIOR["steered"] / 2,
    # Loon kept 50-140 hPa, 14 to 20.6 km (Bellemare and others, Nature 588, 2020), and changed its height
    # at some 0.3-2.5 m/s; a balloon that drops ballast rises faster. Hours to days between changes.
    model=MotionModel(
        id="altitude_controlled", horizontal="wind", vertical="control", level_m=_LEVEL,
        control_m=(14_000.0, 24_000.0), command_h=(4.0, 48.0), climb_mps=(0.3, 5.0), wander_m=HELD_M,
    ),
)  # fmt: skip
PROPELLED: Final = Hypothesis(
    id="propelled",
    title="propelled through the air",
    statement=(
        "The balloon was propelled. With an engine and a propeller or the like it moved through the air of "
        "itself, at a few metres a second. Either it did so for part of the time, in directions through the "
        "air that were kept for hours or days, and drifted at its level for the rest; or it held courses "
        "over the ground, or places, against the wind. The paragraph does not say who commanded it, "
        "whether a person or a program did, or what for."
    ),
    side="steered",
    prior=SIDE_PRIOR["steered"] / 2,
    # From what makes a difference to what solar-powered stratospheric airships are designed for; a push to a
    # far place is kept for days.
    model=MotionModel(
        id="propelled", horizontal="propelled", vertical="hold", level_m=_LEVEL,
        airspeed_mps=(2.0, 15.0), leg_h=(2.0, 96.0), on_share=(0.2, 1.0), course_share=0.5,
        wander_m=HELD_M,
    ),
)  # fmt: skip
NOT_WIND: Final = Hypothesis(
    id="not_wind",
    title="not moved by wind",
    statement=(
        "No wind moved it. What was reported is an aircraft that keeps a speed and a course of its own, "
        "or several things taken for one, or a track that was made up. Its velocity owes nothing to the "
        "wind at any height."
    ),
    side="not wind",
    prior=SIDE_PRIOR["not wind"],
    # From a drone's speed to an airliner's: two axes of 100 m/s give 140 m/s and, now and then, 250.
    model=MotionModel(
        id="not_wind", horizontal="free", vertical="hold", level_m=_LEVEL, speed_mps=(3.0, 100.0),
        memory_h=(0.3, 6.0),
    ),
)  # fmt: skip

DEFAULT_HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    PASSIVE_LEVEL,
    PASSIVE_DAYNIGHT,
    ALTITUDE_CONTROLLED,
    PROPELLED,
    NOT_WIND,
)
# Known by name to `[[ask.steer.hypotheses]]`, and not among the defaults: `passive_daynight` has its share.
KNOWN_HYPOTHESES: Final[Mapping[str, Hypothesis]] = {h.id: h for h in (*DEFAULT_HYPOTHESES, PASSIVE_LEAK)}


def read_hypotheses(table: Mapping[str, Any], folder: Path | None = None) -> tuple[Hypothesis, ...]:
    """Return the hypotheses of an `[ask.steer]` table: the defaults, changed and added to as it says.

    Each `[[ask.steer.hypotheses]]` has an `id`. A known id changes that hypothesis, `use = false` drops it, a
    new id adds one `like` a known one, or from scratch. `folder` (the case's) lets messages give the line.

    Raises
    ------
    CaseError
        With the path of the key: an unknown key, a value of the wrong kind, no hypothesis left.
    """
    listed = table.get("hypotheses", [])
    reader = _Reader(_text_of(folder))
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise reader.error(PATH, "is not a list of tables", "Write [[ask.steer.hypotheses]] above each.")
    if len(listed) > MOST:
        raise reader.error(PATH, f"has more than {MOST} entries", "Keep those that matter.")
    found = {h.id: h for h in DEFAULT_HYPOTHESES}
    seen: set[str] = set()
    for index, row in enumerate(listed):
        path = f"{PATH}[{index}]"
        check_keys(row, KEYS, path, folder)
        name = reader.text(row, "id", path)
        if not valid_id(name):
            raise reader.error(f"{path}.id", "is not an id", "Use 1 to 64 letters, digits, '_' or '-'.")
        if name in seen:
            raise reader.error(f"{path}.id", f"'{name}' is there twice", "Rename one.")
        seen.add(name)
        if reader.flag(row, "use", path):
            found[name] = _hypothesis(row, name, path, found, reader, folder)
        else:
            found.pop(name, None)
    return _normalised(tuple(found.values()), reader)


def _hypothesis(
    row: Mapping[str, Any],
    name: str,
    path: str,
    found: Mapping[str, Hypothesis],
    reader: _Reader,
    folder: Path | None,
) -> Hypothesis:
    known = {**KNOWN_HYPOTHESES, **found}
    base = known.get(name)
    if "like" in row:
        like = reader.text(row, "like", path)
        if like not in known:
            hint = nearest(like, known) or f"Known are: {', '.join(known)}."
            raise reader.error(f"{path}.like", f"'{shorten(like)}' is not known", hint)
        base = known[like]
    if base is None and (missing := [k for k in ("title", "statement", "side", "motion") if k not in row]):
        raise reader.error(
            f"{path}.{missing[0]}", "is missing", 'A new hypothesis needs it, or like = "propelled".'
        )
    motion = row.get("motion", {})
    if not isinstance(motion, dict):
        raise reader.error(f"{path}.motion", "is no table", 'Write motion = { horizontal = "wind" }.')
    check_keys(motion, MOTION_KEYS, f"{path}.motion", folder)
    model = _model(motion, name, None if base is None else base.model, path, reader)
    side = reader.text(row, "side", path) if "side" in row else cast(Hypothesis, base).side
    if side not in SIDES:
        raise reader.error(f"{path}.side", f"'{shorten(side)}' is no side", f"Use one of {', '.join(SIDES)}.")
    start = base or Hypothesis(id=name, title="", statement="", side=side, prior=0.0, model=model)
    # A new one stands as high as the average of its side, unless the case says otherwise.
    default = start.prior if name in found else _usual_prior(found, side)
    return replace(
        start,
        id=name,
        title=reader.text(row, "title", path) if "title" in row else start.title,
        statement=reader.text(row, "statement", path) if "statement" in row else start.statement,
        side=side,
        prior=reader.share(row, "prior", path) if "prior" in row else default,
        model=model,
    )


def _usual_prior(found: Mapping[str, Hypothesis], side: Side) -> float:
    shares = [h.prior for h in found.values() if h.side == side]
    return sum(shares) / len(shares) if shares else SIDE_PRIOR[side]


def _model(
    motion: Mapping[str, Any], name: str, base: MotionModel | None, path: str, reader: _Reader
) -> MotionModel:
    values: dict[str, Any] = {}
    for key, value in motion.items():
        like = next(f for f in fields(MotionModel) if f.name == key).default
        values[key] = reader.like(value, like, f"{path}.motion.{key}")
    try:
        return replace(base or MotionModel(id=name), **{"id": name, **values})
    except CaseError:
        raise
    except OverflightError as error:
        raise reader.error(f"{path}.motion", str(error), "") from error


def _normalised(found: tuple[Hypothesis, ...], reader: _Reader) -> tuple[Hypothesis, ...]:
    kept = tuple(h for h in found if h.prior > 0.0)
    if len(kept) < 2:
        raise reader.error(PATH, "fewer than two hypotheses are left", "Keep at least two to weigh.")
    total = sum(h.prior for h in kept)
    return tuple(replace(h, prior=h.prior / total) for h in kept)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks values of `case.toml` and names the key, with its line in `text` where it is found."""

    text_of_case: str

    def error(self, key: str, what: str, remedy: str) -> CaseError:
        line = find_line(self.text_of_case, key)
        return CaseError(what, file=CASE_FILE, line=line, field=key, remedy=remedy)

    def text(self, row: Mapping[str, Any], key: str, path: str) -> str:
        value = row.get(key)
        if not isinstance(value, str) or not value.strip():
            what = "is missing" if key not in row else "is no text"
            raise self.error(f"{path}.{key}", what, "Write some text in quotes.")
        if len(value) > MAX_TEXT:
            raise self.error(f"{path}.{key}", f"is longer than {MAX_TEXT} characters", "Shorten it.")
        return value.strip()

    def flag(self, row: Mapping[str, Any], key: str, path: str) -> bool:
        value = row.get(key, True)
        if not isinstance(value, bool):
            raise self.error(f"{path}.{key}", f"{shorten(str(value))} is neither true nor false", "")
        return value

    def share(self, row: Mapping[str, Any], key: str, path: str) -> float:
        value = row[key]
        if not _is_number(value) or not 0.0 <= value <= 1e6:
            raise self.error(
                f"{path}.{key}", "is no number from zero up", "Shares are relative to one another."
            )
        return float(value)

    def like(self, value: Any, example: Any, key: str) -> Any:
        """Return a value of the kind of a model's default: a word, a number, or a pair of numbers."""
        if isinstance(example, str):
            if not isinstance(value, str):
                raise self.error(key, "is no text", f'Write it as "{example}".')
            return value
        if isinstance(example, tuple):
            if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
                raise self.error(key, "is no pair of numbers", f"Write it as {list(example)}.")
            return (float(value[0]), float(value[1]))
        if not _is_number(value):
            raise self.error(key, "is no number", f"Write it as {example}.")
        return float(value)


def _is_number(value: object) -> bool:
    # Held against ends, for a whole number of 400 digits is no float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _text_of(folder: Path | None) -> str:
    if folder is None or not (folder / CASE_FILE).is_file():
        return ""
    return (folder / CASE_FILE).read_text(encoding="utf-8", errors="replace")


def check_shares(hypotheses: Sequence[Hypothesis]) -> None:
    """Raise OverflightError where ids repeat or the shares do not sum to one."""
    ids = [h.id for h in hypotheses]
    if len(set(ids)) < len(ids) or abs(sum(h.prior for h in hypotheses) - 1.0) > 1e-9:
        raise OverflightError(
            "hypotheses need ids of their own and prior shares that sum to one",
            remedy="Use read_hypotheses, or dataclasses.replace with new shares.",
        )
