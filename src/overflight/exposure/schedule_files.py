"""A schedule as files: a table (CSV), GeoJSON (RFC 7946) and iCalendar (RFC 5545).

What comes from the user's files, the names of sites above all, is escaped and never trusted. The same
schedule gives the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from overflight.errors import InputError
from overflight.exposure.schedule import Schedule, Window, window_words
from overflight.times import iso_utc, short_utc
from overflight.words import likelihood, percent

_KEPT: Final = "\t\n\u200c\u200d"
# What a spreadsheet would take for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@")
_COLUMNS: Final = (
    "site",
    "name",
    "lat_deg",
    "lon_deg",
    "begin",
    "end",
    "probability",
    "likelihood",
    "peak_time",
    "peak_probability",
    "hours_p50",
    "max_elevation_deg_p50",
)


def schedule_csv(found: Schedule) -> str:
    """Return the windows as a table, UTC in ISO 8601."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for w in found.windows:
        writer.writerow(
            [
                w.site.id, _one_line(w.site.name), f"{w.site.lat_deg:.5f}", f"{w.site.lon_deg:.5f}",
                iso_utc(w.time_start), iso_utc(w.time_end), f"{w.p:.3f}", likelihood(w.p),
                iso_utc(w.peak_s), f"{w.p_peak:.3f}",
                "" if w.hours is None else f"{w.hours['p50']:.2f}",
                "" if w.highest_deg is None else f"{w.highest_deg:.1f}",
            ]
        )  # fmt: skip
    return out.getvalue()


def schedule_geojson(found: Schedule) -> str:
    """Return the windows as GeoJSON: a point for each, at its site."""
    features = [
        {
            "type": "Feature",
            "id": f"{w.site.id}-{iso_utc(w.time_start)}",
            "geometry": {
                "type": "Point",
                "coordinates": [round(w.site.lon_deg, 6), round(w.site.lat_deg, 6)],
            },
            "properties": {
                "site": w.site.id,
                "name": w.site.name,
                "begin": iso_utc(w.time_start),
                "end": iso_utc(w.time_end),
                "probability": round(w.p, 4),
                "likelihood": likelihood(w.p),
                "peak_time": iso_utc(w.peak_s),
                "peak_probability": round(w.p_peak, 4),
                "hours_p50": None if w.hours is None else round(w.hours["p50"], 3),
                "max_elevation_deg_p50": None if w.highest_deg is None else round(w.highest_deg, 2),
                "text": window_words(w, outlook=found.outlook),
            },
        }
        for w in found.windows
    ]
    whole = {"type": "FeatureCollection", "features": features, "notes": list(found.notes)}
    # A lone surrogate (half a character from a damaged file) has no UTF-8 form; JSON shows it as its code.
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def schedule_calendar(found: Schedule, *, stamp_s: float | None = None) -> str:
    """Return the windows as an iCalendar object (RFC 5545), an event for each, that takes up no one's time.

    `stamp_s` is when it was made (DTSTAMP); the first time of the ensemble where None, so that the same
    ensemble gives the same bytes. A window has the same UID each time it is written from equal times.
    """
    stamp = _utc(float(found.time_s[0]) if stamp_s is None else stamp_s)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Overflight//exposure schedule//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    for w in found.windows:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_uid(w, found.kind)}",
            f"DTSTAMP:{stamp}",
            f"DTSTART:{_utc(w.time_start)}",
            # The end of an event lies after its beginning.
            f"DTEND:{_utc(max(w.time_end, w.time_start + 60.0))}",
            f"SUMMARY:{_text(f'{w.site.name}: in line of sight, {likelihood(w.p)} ({percent(w.p)})')}",
            f"DESCRIPTION:{_text(_description(w, found))}",
            f"LOCATION:{_text(w.site.name)}",
            f"GEO:{w.site.lat_deg:.6f};{w.site.lon_deg:.6f}",
            "CATEGORIES:OVERFLIGHT",
            "STATUS:TENTATIVE",
            "TRANSP:TRANSPARENT",
            f"X-OVERFLIGHT-PROBABILITY:{w.p:.4f}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _description(w: Window, found: Schedule) -> str:
    text = [window_words(w, outlook=found.outlook)]
    text.append(f"Likeliest at {short_utc(w.peak_s)} ({percent(w.p_peak)}).")
    if w.highest_deg is not None:
        text.append(f"At most {w.highest_deg:.0f} degrees high, in the middle of the ensemble.")
    return "\n".join([*text, *found.notes])


def _uid(w: Window, kind: str) -> str:
    told = json.dumps(
        [kind, w.site.id, w.site.lon_deg, w.site.lat_deg, round(w.time_start), round(w.time_end)]
    )
    return f"{hashlib.sha256(told.encode()).hexdigest()[:32]}@overflight"


def _utc(time_s: float) -> str:
    return iso_utc(round(time_s)).replace("-", "").replace(":", "")


def _one_line(text: str) -> str:
    line = " ".join(_printable(text).split())
    return f"'{line}" if line.startswith(_FORMULA) else line


def _printable(text: str) -> str:
    """Leave out controls (RFC 5545 3.3.11) but tabs and ends of lines, and marks that turn the writing.

    Of the invisible marks the joiners stay: Persian, Indic scripts and emoji are written with them.
    """
    kept = "".join(c for c in text if c in _KEPT or unicodedata.category(c) not in ("Cc", "Cf"))
    return kept.encode("utf-8", errors="replace").decode("utf-8")


def _text(text: str) -> str:
    """Escape a text value, RFC 5545 3.3.11."""
    plain = _printable(text.replace("\r\n", "\n").replace("\r", "\n"))
    for mark, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        plain = plain.replace(mark, escaped)
    return plain


def _folded(line: str) -> Sequence[str]:
    """Fold a content line at 75 octets, RFC 5545 3.1, never within a character."""
    parts, size = [""], 0
    for character in line:
        octets = len(character.encode("utf-8"))
        if size + octets > 75:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += octets
    return parts


WRITERS: Final[Mapping[str, Callable[[Schedule], str]]] = MappingProxyType(
    {".csv": schedule_csv, ".geojson": schedule_geojson, ".ics": schedule_calendar}
)


def schedule_bytes(found: Schedule, path: Path) -> bytes:
    """Return the schedule in the format that a file's name asks for. Raises InputError for another name."""
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(
            "a schedule is not written in that format",
            file=path.name,
            remedy=f"Name a file that ends in {', '.join(WRITERS)}.",
        )
    return writer(found).encode("utf-8")
