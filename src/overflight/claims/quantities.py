"""Quantities in words and digits, as intervals: 'at least two dozen' is 24.., 'up to six' is ..6.

'About n' has no width in the words, and gets one by convention: a tenth of n to each side, for counts at
least one. 'Nearly n' reaches a tenth down, 'just over n' a tenth up. 'More than n' begins at n, since the
interval has no open ends. 'Several' and 'many' are no numbers and make no quantity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from overflight.claims.lexicon import words
from overflight.claims.records import Quantity

_ONES: Final = {
    word: n
    for n, word in enumerate(
        words(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
            sixteen seventeen eighteen nineteen
            """
        )
    )
}
_TENS: Final = {
    word: 10 * n
    for n, word in enumerate(words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_GROUPS: Final = {
    "dozen": 12.0, "score": 20.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_PLURALS: Final = {"dozens": 24.0, "scores": 40.0, "hundreds": 2e2, "thousands": 2e3, "millions": 2e6}

_SMALL = "|".join((*_TENS, *sorted(_ONES, key=len, reverse=True)))
_WORDED = rf"(?:(?:{'|'.join(_TENS)})-(?:{'|'.join(list(_ONES)[1:10])})|{_SMALL})"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_GROUP = "|".join(_GROUPS)
_NUMBER = (
    rf"(?:(?:{_DIGITS})(?:[ -](?:{_GROUP}))?|half[ -](?:an? )?(?:{_GROUP})|"
    rf"(?:{_WORDED}|an?)(?:[ -](?:{_GROUP}))+|{_WORDED}|(?:{'|'.join(_PLURALS)})(?= of\b|[ ]))"
)
_AT_LEAST = (
    "at least|no fewer than|no less than|not fewer than|not less than|a minimum of|more than|over|above|"
    "in excess of|upwards? of|exceeding|greater than|well over|as few as"
)
_AT_MOST = (
    "at most|no more than|not more than|up to|as many as|as much as|as high as|a maximum of|fewer than|"
    "less than|under|below"
)
_ABOUT = (
    "about|around|roughly|approximately|approx|some|an estimated|estimated|circa|close to|in the region of|"
    "on the order of|or so|give or take"
)
_NEARLY = (
    "nearly|almost|a little under|a little less than|just short of|just under|just below|not quite|"
    "slightly less than|slightly under"
)
_ABOVE = "just over|just above|slightly more than|a little over|slightly over"
# Longer ways of saying stand before the shorter ones that they hold.
_BOUND = (
    rf"(?P<nearly>{_NEARLY})|(?P<above>{_ABOVE})|(?P<least>{_AT_LEAST})|(?P<most>{_AT_MOST})|"
    rf"(?P<about>{_ABOUT})"
)
_UNITS: Final = {
    "feet": "ft", "foot": "ft", "ft": "ft", "metres": "m", "meters": "m", "metre": "m", "meter": "m",
    "m": "m",
    "kilometres": "km", "kilometers": "km", "kilometre": "km", "kilometer": "km", "km": "km",
    "nautical miles": "nmi", "nautical mile": "nmi", "nm": "nmi", "nmi": "nmi", "miles": "mi", "mile": "mi",
    "knots": "kt", "kt": "kt", "kts": "kt", "mph": "mph", "miles per hour": "mph", "miles an hour": "mph",
    "km/h": "km/h", "kph": "km/h", "kilometres per hour": "km/h", "kilometers per hour": "km/h", "m/s": "m/s",
    "kilometres an hour": "km/h", "kilometers an hour": "km/h", "metres per second": "m/s",
    "meters per second": "m/s", "seconds": "s", "minutes": "min", "hours": "h", "hour": "h", "days": "d",
    "day": "d", "kilograms": "kg", "kg": "kg", "tonnes": "t", "tons": "ton", "pounds": "lb", "lbs": "lb",
    "percent": "%", "per cent": "%", "%": "%", "kilobytes": "kB", "megabytes": "MB", "gigabytes": "GB",
    "mb": "MB", "gb": "GB", "mbit/s": "Mbit/s", "kbit/s": "kbit/s", "gbit/s": "Gbit/s", "mbps": "Mbit/s",
    "kbps": "kbit/s", "megabits per second": "Mbit/s", "kilobits per second": "kbit/s", "weeks": "week",
    "months": "month", "years": "year", "degrees": "deg",
}  # fmt: skip
_UNIT = "|".join(re.escape(u) for u in sorted(_UNITS, key=len, reverse=True))
_FOUND = re.compile(
    rf"(?<![\w.,/:-])(?:(?:{_BOUND})\s+)?(?:(?P<between>between|from)\s+)?(?P<money>[$€£])?(?P<low>{_NUMBER})"
    rf"(?:\s?(?:-|–|—|\bto\b|\bor\b|\band\b)\s?(?P<high>{_NUMBER}))?(?!\d|[.,:/]\d|-?(?:st|nd|rd|th)\b)"
    rf"(?:[ -]?(?P<unit>{_UNIT})(?![\w/]))?",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|"
    r"september|october|november|december)"
)
_DATE_BEFORE = re.compile(rf"\b{_MONTH}\.? (?:\d{{1,2}},? )?$", re.IGNORECASE)
_DATE_AFTER = re.compile(rf"\s(?:of )?{_MONTH}\b|\s?(?:[ap]\.?m\b|utc\b|gmt\b|z\b|e[sd]?t\b)", re.IGNORECASE)
_MOTION = re.compile(r"\b(?:flew|flown|seen|went|gone|[a-z]+ed|[a-z]+ing|from|appear|fly|pass)\s$")
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_NOUN = re.compile(
    r"(?:\s(?:of|such|other|more|different|separate|distinct|the|these|those|similar|known|its|their|previous))"
    r"*((?:\s[a-z][\w-]*){1,4})"
)
_STOPS: Final = frozenset(
    words(
        """
        of in on at to from by with over across between and or that which who whose were was is are have has
        had be been may might could can will would did do does for as into since than when while near above
        below during before after off about through within under
        """
    )
)


@dataclass(frozen=True, slots=True)
class FoundQuantity:
    """A quantity in a text: its interval, the words of its bound, its noun, and where it stands."""

    quantity: Quantity
    bound: str
    noun: str
    start: int
    end: int


def find_quantities(text: str) -> tuple[FoundQuantity, ...]:
    """Return the quantities of a text from left to right; dates, years, clock times and 'one' are none."""
    return tuple(_each(text))


def _each(text: str) -> Iterator[FoundQuantity]:
    for match in _FOUND.finditer(text):
        if _is_date(text, match) or _is_plain_one(match):
            continue
        where = _is_where(text, match)
        quantity = _interval(match, where)
        if quantity is None:
            continue
        if where:
            noun = _noun(text[match.end() :])
            yield FoundQuantity(quantity, "", noun, match.start("low"), match.end())
            continue
        kind = next((k for k in ("nearly", "above", "least", "most", "about") if match[k]), "")
        noun = _noun(text[match.end() :]) if quantity.unit == "count" else ""
        bound = " ".join(match[kind].lower().split()) if kind else ""
        yield FoundQuantity(quantity, bound, noun, match.start(), match.end())


def _is_where(text: str, match: re.Match[str]) -> bool:
    """Whether 'over three islands' says where: a verb of motion stands before it."""
    bound = (match["least"] or match["most"] or "").lower()
    if bound not in ("over", "above", "under", "below") or match["unit"] or match["money"]:
        return False
    # A phrase cut out of its clause begins with the small letter of its preposition.
    cut_out = match.start() == 0 and text[:1].islower()
    return cut_out or bool(_MOTION.search(text[max(0, match.start() - 30) : match.start()]))


def _is_date(text: str, match: re.Match[str]) -> bool:
    if match["unit"] or match["money"]:
        return False
    before, after = text[max(0, match.start("low") - 24) : match.start("low")], text[match.end() :]
    low = match["low"]
    is_year = bool(_YEAR.fullmatch(low)) and not match["least"] and not match["most"]
    return bool(
        is_year
        or (low[:1].isdigit() and (_DATE_BEFORE.search(before) or _DATE_AFTER.match(after)))
        or re.match(r":\d\d|\s?[ap]\.?m\b", after)
    )


def _is_plain_one(match: re.Match[str]) -> bool:
    """Whether it is 'one official', 'one of them': a determiner."""
    bounded = any(match[k] for k in ("nearly", "above", "least", "most", "about", "high", "unit", "money"))
    return not bounded and match["low"].lower() in ("one", "zero", "1", "0")


def _interval(match: re.Match[str], where: bool = False) -> Quantity | None:
    low, high = _value(match["low"]), _value(match["high"]) if match["high"] else None
    unit = _UNITS.get(" ".join((match["unit"] or "").lower().split()), match["money"] or "count")
    if low is None or not math.isfinite(low):
        return None
    if high is not None and math.isfinite(high):
        # '60 to 65 thousand' and 'two or three dozen' count the group for both.
        group = _GROUPS.get(re.split(r"[ -]", match["high"].lower())[-1], 1.0)
        if low < high and low * group <= high and group > 1.0:
            low *= group
        return Quantity(low, high, unit) if low <= high else None
    if match["low"].lower() in _PLURALS and not match["most"]:
        return Quantity(low, None, unit)
    return Quantity(low, low, unit) if where else _bounded(match, low, unit)


def _bounded(match: re.Match[str], value: float, unit: str) -> Quantity:
    width = max(math.ceil(value / 10.0), 1.0) if unit == "count" else value / 10.0
    if match["nearly"]:
        return Quantity(value - width, value, unit)
    if match["above"]:
        return Quantity(value, value + width, unit)
    if match["least"]:
        return Quantity(value, None, unit)
    if match["most"]:
        return Quantity(None, value, unit)
    if match["about"]:
        return Quantity(max(value - width, 0.0), value + width, unit)
    return Quantity(value, value, unit)


def _value(said: str) -> float | None:
    """Return the number that words or digits say; None when they say none."""
    plain = said.lower().replace(",", "")
    if plain in _PLURALS:
        return _PLURALS[plain]
    value = 0.0
    for k, part in enumerate(re.split(r"[ -]", plain)):
        if part == "half":
            value = 0.5
        elif part in ("a", "an"):
            value = value or 1.0
        elif part in _GROUPS:
            value = (value or 1.0) * _GROUPS[part]
        elif part in _TENS or part in _ONES:
            value += _TENS.get(part, _ONES.get(part, 0))
        elif re.fullmatch(r"\d{1,18}(?:\.\d{1,18})?", part) and k == 0:
            value = float(part)
        else:
            return None
    return value


def _noun(after: str) -> str:
    """Return what is counted: the words after the number up to the first that ends a noun phrase."""
    found = _NOUN.match(after)
    if not found:
        return ""
    noun: list[str] = []
    for word in found[1].split():
        if word in _STOPS:
            break
        noun.append(word)
    # 'two dozen missions have ...': the noun is the last word that can be a plural.
    while noun and not noun[-1].endswith(("s", "people", "men", "women", "craft")):
        noun.pop()
    return " ".join(noun)
