"""Two-line element sets, alone or below a line of name (3LE).

Columns, from 1, as NORAD and CelesTrak document them (T. S. Kelso, *Frequently Asked Questions: Two-Line
Element Set Format*)::

    1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927
    2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537

    line 1   3-7 number, 10-17 designator, 19-32 epoch, 54-61 B*, 65-68 number of the set, 69 checksum
    line 2   9-16 inclination, 18-25 node, 27-33 eccentricity, 35-42 perigee, 44-51 anomaly,
             53-63 mean motion, 64-68 revolution, 69 checksum

The checksum is the sum of the digits, a minus counting one, modulo ten. A number of five places may begin
with a letter (Alpha-5, without I and O) for 100000 to 339999. The derivatives of the mean motion (34-52) are
not kept: SGP4 does not read them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from overflight.rows import shorten
from overflight.satellites.elements import FETCH, MAX_NAME_CHARS, ElementSet, Taken
from overflight.times import from_datetime
from overflight.units import DAY_S

LENGTH: Final = 69
ALPHA: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
# Two figures of a year: 57 to 99 are of the last century (first launch 1957).
FIRST_YEAR: Final = 57
_DECIMAL = re.compile(r" *[+-]?\d*\.?\d+ *", re.ASCII)
_POWER = re.compile(r" *([+-]?)(\d{5})([+-]\d) *", re.ASCII)
_WHOLE = re.compile(r" *\d* *", re.ASCII)


class _BadFieldError(Exception):
    """A field of a line that cannot be read."""


def parse_tle(text: str, taken: Taken) -> None:
    """Take the sets of a file of two-line elements; what belongs to no set is refused with its line."""
    waiting: tuple[int, str] | None = None
    name: tuple[int, str] = (0, "")
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        if _is_line(line, "1"):
            _orphan(waiting, name, taken)
            waiting = (number, line)
        elif _is_line(line, "2"):
            _second(waiting, name, number, line, taken)
            waiting, name = None, (0, "")
        else:
            _orphan(waiting, name, taken)
            if name[1] and waiting is None:
                taken.refuse(name[0], shorten(name[1]), "no element lines follow this line", FETCH)
            waiting, name = None, (number, line)
    _orphan(waiting, name, taken)
    if name[1] and waiting is None:
        taken.refuse(name[0], shorten(name[1]), "no element lines follow this line", FETCH)


def _is_line(line: str, which: str) -> bool:
    # A name such as '1 KUNS' is no element line: those have a number in columns 3 to 7.
    return line.startswith(f"{which} ") and len(line) > 24 and line[3:7].strip().isdigit()


def _orphan(waiting: tuple[int, str] | None, name: tuple[int, str], taken: Taken) -> None:
    if waiting is not None:
        taken.refuse(waiting[0], shorten(name[1]), "line 1 has no line 2 after it", FETCH)


def _second(
    waiting: tuple[int, str] | None, name: tuple[int, str], number: int, line: str, taken: Taken
) -> None:
    who = clean_name(name[1])
    if waiting is None:
        taken.refuse(number, who, "line 2 has no line 1 before it", FETCH)
        return
    for at, one in ((waiting[0], waiting[1]), (number, line)):
        wrong, remedy = checksum_fault(one)
        if wrong:
            taken.refuse(at, who or one[2:7].strip(), wrong, remedy)
            return
    try:
        taken.add(_element_set(waiting[1], line, who, taken.file, waiting[0]))
    except _BadFieldError as error:
        taken.refuse(waiting[0], who or waiting[1][2:7].strip(), str(error), FETCH)


def checksum_fault(line: str) -> tuple[str, str]:
    """Return what is wrong with the length or checksum of a line and the remedy, or two empty strings."""
    if len(line) != LENGTH:
        return f"the line has {len(line)} characters, not {LENGTH}", FETCH
    if not line.isascii() or not line[68].isdigit():
        return "the line has no checksum in column 69", FETCH
    made = checksum(line)
    if made != int(line[68]):
        return f"the checksum is {line[68]} but the line adds up to {made}", FETCH
    return "", ""


def checksum(line: str) -> int:
    """Return the sum of the digits of columns 1 to 68, a minus counting one, modulo ten."""
    return sum(int(c) if c in "0123456789" else c == "-" for c in line[:68]) % 10


def clean_name(line: str) -> str:
    """Return the name from a line of name, without the '0 ' that Space-Track puts before it."""
    name = line.removeprefix("0 ").strip()
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)[:MAX_NAME_CHARS]


def _element_set(one: str, two: str, name: str, file: str, line: int) -> ElementSet:
    catalog = catalog_number(one[2:7])
    if catalog != catalog_number(two[2:7]):
        raise _BadFieldError(f"line 1 is of {one[2:7].strip()}, line 2 of {two[2:7].strip()}")
    return ElementSet(
        catalog=catalog,
        name=name,
        designator=_designator(one[9:17]),
        epoch_s=_epoch_s(one[18:32]),
        mean_motion_degps=_decimal(two[52:63], "mean motion") * 360.0 / DAY_S,
        eccentricity=_fraction(two[26:33]),
        inclination_deg=_decimal(two[8:16], "inclination"),
        node_deg=_decimal(two[17:25], "node"),
        perigee_deg=_decimal(two[34:42], "argument of perigee"),
        anomaly_deg=_decimal(two[43:51], "mean anomaly"),
        bstar=_power(one[53:61], "B*"),
        number=_whole(one[64:68], "number of the set"),
        revolution=_whole(two[63:68], "revolution"),
        file=file,
        line=line,
    )


def catalog_number(text: str) -> int:
    """Return the number in five places, the first of which may be a letter (Alpha-5)."""
    digits = text.strip()
    if re.fullmatch(r"\d{1,5}", digits, re.ASCII):
        return int(digits)
    if re.fullmatch(rf"[{ALPHA}]\d{{4}}", digits, re.ASCII):
        return (10 + ALPHA.index(digits[0])) * 10_000 + int(digits[1:])
    raise _BadFieldError(f"'{shorten(text)}' is no catalogue number")


def _designator(text: str) -> str:
    """Return '1998-067A' of '98067A'; what has another shape as it is."""
    match = re.fullmatch(r"(\d\d)(\d{3})([A-Z]{1,3}) *", text, re.ASCII)
    if match is None:
        return "".join(c for c in text.strip() if c.isprintable())
    century = 1900 if int(match[1]) >= FIRST_YEAR else 2000
    return f"{century + int(match[1])}-{match[2]}{match[3]}"


def _epoch_s(text: str) -> float:
    match = re.fullmatch(r"(\d\d)([ \d]{3}\.\d{0,8}) *", text, re.ASCII)
    if match is None or not match[2].strip(" ."):
        raise _BadFieldError(f"the epoch '{shorten(text)}' cannot be read")
    year = int(match[1]) + (1900 if int(match[1]) >= FIRST_YEAR else 2000)
    day = float(match[2].replace(" ", "0"))
    last = (datetime(year + 1, 1, 1, tzinfo=UTC) - datetime(year, 1, 1, tzinfo=UTC)).days + 1
    if not 1.0 <= day < last:
        raise _BadFieldError(f"the epoch '{shorten(text)}' is no day of {year}")
    return from_datetime(datetime(year, 1, 1, tzinfo=UTC)) + timedelta(days=day - 1.0) / timedelta(seconds=1)


def _decimal(text: str, name: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise _BadFieldError(f"the {name} '{shorten(text)}' is not a number")
    return float(text)


def _fraction(text: str) -> float:
    if not re.fullmatch(r"[ \d]{7}", text, re.ASCII) or not text.strip():
        raise _BadFieldError(f"the eccentricity '{shorten(text)}' is not seven digits")
    return float("0." + text.replace(" ", "0"))


def _power(text: str, name: str) -> float:
    """Return 1.1606e-5 of '11606-4': a decimal point is thought before the digits."""
    match = _POWER.fullmatch(text)
    if match is None:
        raise _BadFieldError(f"the {name} '{shorten(text)}' cannot be read")
    return float(f"{match[1]}0.{match[2]}e{match[3]}")


def _whole(text: str, name: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _BadFieldError(f"the {name} '{shorten(text)}' is not a whole number")
    return int(text) if text.strip() else 0
