"""Words and numbers of the report, and the guard on every string that came from outside.

`clean` is applied to everything the templates print. It makes characters that a reader cannot see, but
that change what is read, visible: controls, and the marks that reverse the direction of writing
(Unicode Standard Annex 9; the trick is CVE-2021-42574). HTML is escaped by the templates themselves.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from overflight.times import iso_utc, short_utc
from overflight.units import DAY_S, HOUR_S
from overflight.words import likelihood, percent, percent_range

_KEPT_CONTROLS = "\n\t"
LONGEST_TEXT = 4000  # characters of one outside string that the report prints


def clean(text: str) -> str:
    """Show invisible and direction-changing characters as their code; cut what is far too long."""
    shown = visible(text[:LONGEST_TEXT])
    return f"{shown} [cut: {len(text)} characters]" if len(text) > LONGEST_TEXT else shown


def visible(text: str) -> str:
    """Show invisible and direction-changing characters as their code."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _visible(c) else f"[U+{ord(c):04X}]" for c in text)


def _visible(character: str) -> bool:
    # Joiners (U+200C, U+200D) are part of writing in Persian, in Indic scripts and in emoji.
    if character in _KEPT_CONTROLS or character in "\u200c\u200d":
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")


def safe_url(url: str) -> str | None:
    """Return the URL if it is an ordinary web address, else None; it is then printed and not linked."""
    text = url.strip()
    if any(c.isspace() or not _visible(c) for c in text) or len(text) > 2000:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def anchor(prefix: str, name: str) -> str:
    """Return an id for the page made of letters, digits, '-', '_' and '.' only, one for each name."""
    return f"{prefix}-" + "".join(
        c if c.isascii() and (c.isalnum() or c in "-_") else f".{ord(c):x}." for c in name
    )


def number(value: float) -> str:
    """Write a number as finely as these results deserve; thousands set apart by a thin space.

    Three significant digits from 1000 on, whole numbers from 10, one decimal from 1, two digits below.
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    places = 2 - size if size >= 3 else 0 if size >= 1 else 1 - size
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.replace(",", "\u2009").replace("-", "\u2212")


_UNIT_SIGNS: Mapping[str, str] = {
    "deg": "°",
    "1": "",
    "": "",
    "mps": " m/s",
    "m_per_s": " m/s",
    "percent": " %",
    "km2": " km²",
}


def unit_sign(unit: str) -> str:
    """Return how a unit is printed after its number, with the space that belongs to it."""
    return _UNIT_SIGNS.get(unit, f"\u00a0{unit}")


KILOMETRES_FROM_M = 5000.0  # metres are printed as kilometres from here on: 18.3 km, not 18 300 m
COARSE_S = 6 * HOUR_S  # an instant known no better than this is printed to the hour


def quantity(value: float, unit: str) -> str:
    """Write one value with its unit; POSIX seconds as a UTC time."""
    if unit == "posix_s":
        return short_utc(value)
    if unit == "m" and abs(value) >= KILOMETRES_FROM_M:
        return f"{value / 1e3:.1f}\u00a0km"
    if unit == "byte":
        return _amount(value)
    return number(value) + unit_sign(unit)


def _amount(value: float) -> str:
    """Write bytes in decimal units: '63.2 TB', '340 B'."""
    for factor, unit in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= 0.9995 * factor:
            return f"{value / factor:.3g}\u00a0{unit}".replace("1e+03", "1000")
    return f"{value:.0f}\u00a0B"


def span(low: float, high: float, unit: str) -> str:
    """Write a range once with its unit, times without repeating the day."""
    if unit == "posix_s":
        return time_span(low, high)
    if unit == "m" and high >= KILOMETRES_FROM_M:
        return f"{low / 1e3:.1f}\u2013{high / 1e3:.1f}\u00a0km"
    if unit == "byte":
        first, last = _amount(low), _amount(high)
        return last if first == last else f"{first} to {last}"
    a, b = number(low), number(high)
    if a == b:
        return quantity(low, unit)
    # A dash beside a minus reads as one: "−29 to −18".
    return f"{a}{' to ' if low < 0 else chr(0x2013)}{b}{unit_sign(unit)}"


def instant(time_s: float, *, coarse: bool) -> str:
    """Write a time to the minute, or to the nearest hour: '28 Jan 05:00Z', '28 Jan 05Z'."""
    return short_utc(HOUR_S * round(time_s / HOUR_S)).replace(":00Z", "Z") if coarse else short_utc(time_s)


def time_span(start: float, end: float, *, coarse: bool = False) -> str:
    """Write an interval of time: '28 Jan 05:00Z–21:00Z', or with both days."""
    a, b = instant(start, coarse=coarse), instant(end, coarse=coarse)
    if a == b:
        return a
    same_day = a.rsplit(" ", 1)[0] == b.rsplit(" ", 1)[0] and abs(end - start) < DAY_S
    return f"{a}\u2013{b.rsplit(' ', 1)[1]}" if same_day else f"{a} \u2013 {b}"


def interval(value: Mapping[str, Any] | None, unit: str) -> str:
    """Write `{p05, p50, p95}` as 'median (5–95 % range)', `{lo, hi}` as bounds, None as a dash."""
    if not value:
        return "–"
    if "p50" not in value:
        return f"between {span(float(value['lo']), float(value['hi']), unit)}"
    low, middle, high = (float(value[key]) for key in ("p05", "p50", "p95"))
    if unit == "posix_s":
        coarse = high - low >= COARSE_S
        return f"{instant(middle, coarse=coarse)} ({time_span(low, high, coarse=coarse)})"
    one, whole = quantity(middle, unit), span(low, high, unit)
    return one if one == whole else f"{one} ({whole})"


def probability(p: float) -> str:
    """Write a probability in the words of ICD 203 with its percentage."""
    return f"{likelihood(min(max(p, 0.0), 1.0))} ({percent_of(p)})"


def percent_range_of(low: float, high: float) -> str:
    """Write a range of probabilities as percentages; rounding may have carried them a hair beyond 0 or 1."""
    return percent_range(*(min(max(p, 0.0), 1.0) for p in (low, high)))


def percent_of(p: float) -> str:
    """Write a probability as a percentage; rounding may have carried it a hair beyond 0 or 1."""
    return percent(min(max(p, 0.0), 1.0)).replace(" ", "\u00a0")


def finding_value(finding: Mapping[str, Any]) -> str:
    """Write the value of a finding as a phrase."""
    value = finding.get("value")
    if finding["kind"] == "undetermined" or not value:
        return f"undetermined: {finding.get('reason') or 'no reason given'}"
    if finding["kind"] == "probability":
        return probability(float(value["p"]))
    if finding["kind"] == "category":
        return str(value["category"]).replace("_", " ")
    return interval(value, str(finding.get("unit", "")))


def day_time(time_s: float) -> str:
    """Write an instant to the minute with its year, for headings and the run."""
    return iso_utc(time_s).replace("T", " ").replace(":00Z", " UTC").replace("Z", " UTC")
