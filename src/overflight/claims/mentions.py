"""Times and places that a sentence names, by rules; a place is a name after a preposition of place.

A day without year, a weekday, 'yesterday' and 'last month' are reckoned from the day of publication when that
is known, and lie before it unless the words say 'next'; else their words are kept and no time is given, since
a guess would be taken for a date.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from overflight.claims.dates import read_span
from overflight.claims.lexicon import words
from overflight.errors import InputError
from overflight.times import to_datetime

_MONTHS: Final = {name.lower(): n for n, name in enumerate(calendar.month_name) if name} | {
    name.lower(): n for n, name in enumerate(calendar.month_abbr) if name
} | {"sept": 9}  # fmt: skip
_MONTH = "|".join(sorted((m.title() for m in _MONTHS), key=len, reverse=True))
_DAY_NAMES = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_TIME = re.compile(
    rf"(?P<part>\b(?:early|mid|late|beginning of|end of)[ -])?\b(?:"
    rf"(?P<iso>\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}})?(?:Z|[+-]\d{{2}}:?\d{{2}})?)?)|"
    rf"(?P<month>{_MONTH})\b\.?(?: (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b)?(?:,? (?P<year>(?:19|20)\d\d)\b)?|"
    rf"(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month2>{_MONTH})\b(?:,? (?P<year2>(?:19|20)\d\d)\b)?|"
    rf"(?:in|since|during|of|by) (?P<bare>(?:19|20)\d\d)\b|"
    rf"(?P<clock>\d{{1,2}}(?::\d{{2}})? ?[ap]\.?m\b\.?(?: (?:local time|[A-Z][sd]?t|[A-Z]{{3}}))?|"
    rf"\d{{1,2}}:\d{{2}} ?(?:UTC|GMT|Z|local time)?)|"
    rf"(?P<which>(?:last|next|this|the previous|the following) )?(?P<weekday>(?:{_DAY_NAMES}))"
    rf"(?: (?:morning|afternoon|evening|night))?|"
    rf"(?P<nth>(?:on |of )the \d{{1,2}}(?:st|nd|rd|th)(?: of (?:this|last) month)?)|"
    rf"(?P<ago>(?:\d{{1,3}}|a|an|one|two|three|four|five|six|seven|eight|nine|ten) (?:days?|weeks?|months?|"
    rf"years?) ago)|"
    rf"(?P<loose>(?:last|this|next|the previous|the following) "
    rf"(?:week|month|year|spring|summer|autumn|fall|winter)|"
    rf"yesterday|today|tomorrow|tonight|recent (?:years|months|weeks|days)))"
)
_PLACE = re.compile(
    r"\b(?P<how>over|off|across|above|through|into|near|from|in|at|toward|towards|to|around|outside|along|"
    r"onto|reach(?:ed|es)?|cross(?:ed|es|ing)?|enter(?:ed|s|ing)?|between|and into|west of|east of|north of|"
    r"south of|northwest of|northeast of|southwest of|southeast of|out of|then)\s+"
    r"(?:(?:the|a|an|its|northern|southern|eastern|western|central|north|south|east|west|coast of|coasts of|"
    r"skies of|airspace of|state of|province of|[a-z]+ [A-Z]?[a-z]* ?province of|waters of|coastal|"
    r"upper|lower|small)"
    r"\s+){0,4}"
    r"(?P<name>[A-Z][\w'’.-]*(?:\s(?:of\s(?:the\s)?)?[A-Z][\w'’-]*){0,5})"
)
_LIST = re.compile(
    r"(?:,\s|,?\sand\s|\sor\s)(?:the\s)?(?P<name>[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*){0,3})(?=[,.;\s]|$)"
)
_NO_PLACE: Final = frozenset(
    {m.title() for m in _MONTHS}
    | set(_DAY_NAMES.split("|"))
    | {"I", "He", "She", "It", "They", "We", "Officials", "The", "This", "That", "However", "Secretary",
       "President", "General", "Gen", "Congress", "Mr", "Mrs", "Ms", "Dr", "Sen", "Rep"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A time in a text: its words, and the same as a date that `dates.read_span` reads, '' if not known."""

    words: str
    about: str


def named_times(text: str, published: str = "") -> tuple[NamedTime, ...]:
    """Return the times that a text names; `published` lends its year to days that have none."""
    today = _day_of(published)
    found = (NamedTime(" ".join(m[0].split()), _resolved(m, today)) for m in _TIME.finditer(text))
    return tuple(found)


def _day_of(published: str) -> dt.date | None:
    if not published:
        return None
    span = read_span(published)
    return to_datetime(span.end_s - 1.0).date() if span.grain != "year" else None


def _resolved(match: re.Match[str], today: dt.date | None) -> str:
    try:
        if match["iso"]:
            read_span(match["iso"])
            return match["iso"]
        if match["bare"]:
            return match["bare"]
        if today is not None and (relative := _relative(match, today)):
            return relative
        month = _MONTHS.get((match["month"] or match["month2"] or "").lower())
        if month is None:
            return ""
        day, year = match["day"] or match["day2"], match["year"] or match["year2"]
        return _calendar(month, int(day) if day else None, int(year) if year else None, match["part"], today)
    except (ValueError, OverflowError, InputError):
        return ""


_NUMBERS: Final = {
    word: n for n, word in enumerate(words("one two three four five six seven eight nine ten"), start=1)
} | {"a": 1, "an": 1}


def _relative(match: re.Match[str], today: dt.date) -> str:
    """Return what 'Thursday', 'on the 28th', 'last month' are on a day; '' if none of them."""
    if match["weekday"]:
        return _weekday(match["weekday"], (match["which"] or "").strip(), today).isoformat()
    if match["nth"]:
        day = int(re.sub(r"\D", "", match["nth"]))
        month = today.replace(day=1)
        if "last month" in match["nth"] or ("this month" not in match["nth"] and day > today.day):
            month = (month - dt.timedelta(days=1)).replace(day=1)
        return month.replace(day=day).isoformat()
    if match["ago"]:
        count, unit = match["ago"].split()[:2]
        number = _NUMBERS.get(count) or int(count)
        if unit.startswith("day"):
            return (today - dt.timedelta(days=number)).isoformat()
        if unit.startswith("month"):
            at = today.year * 12 + today.month - 1 - number
            return f"{at // 12:04d}-{at % 12 + 1:02d}"
        return f"{today.year - number:04d}" if unit.startswith("year") else ""
    return _loose(match["loose"], today) if match["loose"] else ""


def _weekday(name: str, which: str, today: dt.date) -> dt.date:
    """Return the last day of that name, for a plain one the day itself too; the next for 'next'."""
    ahead = (_DAY_NAMES.split("|").index(name) - today.weekday()) % 7
    if which in ("next", "this", "the following"):
        return today + dt.timedelta(days=ahead or 7 * (which != "this"))
    back = (7 - ahead) % 7
    return today - dt.timedelta(days=back or 7 * (which != ""))


def _loose(words: str, today: dt.date) -> str:
    days = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}
    if words in days:
        return (today + dt.timedelta(days=days[words])).isoformat()
    first, _, unit = words.rpartition(" ")
    step = {"last": -1, "this": 0, "next": 1}.get(first)
    if step is None:
        return ""
    if unit == "week":
        monday = today + dt.timedelta(days=7 * step - today.weekday())
        return f"{monday}/{monday + dt.timedelta(days=6)}"
    if unit == "month":
        at = today.year * 12 + today.month - 1 + step
        return f"{at // 12:04d}-{at % 12 + 1:02d}"
    return f"{today.year + step:04d}" if unit == "year" else ""


def _calendar(month: int, day: int | None, year: int | None, part: str | None, today: dt.date | None) -> str:
    if year is None:
        if today is None:
            return ""
        # An article tells of what was: a month after its own is last year's.
        year = today.year if (month, day or 1) <= (today.month, today.day) else today.year - 1
    if day is not None:
        return dt.date(year, month, day).isoformat()
    last = calendar.monthrange(year, month)[1]
    thirds = {"early": (1, 10), "beginning": (1, 10), "mid": (11, 20), "late": (21, last), "end": (21, last)}
    word = (part or "").strip(" -").split(" ")[0].lower()
    if word in thirds:
        first, end = thirds[word]
        return f"{dt.date(year, month, first)}/{dt.date(year, month, end)}"
    return f"{year:04d}-{month:02d}"


def named_places(text: str) -> tuple[str, ...]:
    """Return the names of places in a text: capitalised names after a preposition of place, each once."""
    found: dict[str, None] = {}
    for match in _PLACE.finditer(text):
        at = match.end()
        if _put(match["name"], found):
            while more := _LIST.match(text, at):
                if not _put(more["name"], found):
                    break
                at = more.end()
    return tuple(found)


def _put(name: str, found: dict[str, None]) -> bool:
    bare = name.strip(" .,'’-").removesuffix("'s").removesuffix("’s")
    if not bare or bare.split()[0].strip(".") in _NO_PLACE:
        return False
    found.setdefault(bare)
    return True
