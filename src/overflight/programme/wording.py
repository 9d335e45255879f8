"""What the words of a row or a claim say, where nobody typed it: standing, kind, numbers, places, features.

Rules, each one line, and no judgement: a typed column goes before any of them, and what they gave is named in
`ObjectRecord.by_words`. They know English. They read what a text says, not whether it is so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from overflight.programme.records import Kind, Number, Standing, Where
from overflight.units import FOOT_M, KNOT_MPS

_NOTHING: Final = re.compile(r"-?|not recovered.*|described as .*", re.I)
_UNATTRIBUTED: Final = re.compile(
    r"\b(unattributed|not attributed|unknown owner|no (evidence|sign))\b|^unknown$", re.I
)
_SUSPECTED: Final = re.compile(
    r"\b(disputed|anonymous|likened|speculation|suggestion|unconfirmed|suspected(?! balloon))\b", re.I
)
_OFFICIAL: Final = re.compile(
    r"\b(MoD|MND|DoD|NORAD|ministry|air force|army|navy|general|pentagon|spokes\w+|government|officials?|"
    r"defen[cs]e|state department)\b",
    re.I,
)
_TENTATIVE: Final = re.compile(
    r"\b(likely|possibl[ey]|perhaps|probabl[ey]|preliminar\w+|never confirmed|unproven)\b", re.I
)
_KINDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("hobby", re.compile(r"\b(hobby|hobbyist|amateur|pico)\b", re.I)),
    ("weather", re.compile(r"\b(weather|meteorolog\w+|radiosonde)\b", re.I)),
    ("private", re.compile(r"\b(private|recreational|research|company|civil)\b", re.I)),
)


def standing_of(attribution: str) -> Standing:
    """Return what an attribution in words says of the owner, '' where it says nothing."""
    text = attribution.strip()
    if _NOTHING.fullmatch(text):
        return ""
    if "acknowledged" in text.lower():
        return "acknowledged"
    if re.search(r"\blikened\b", text, re.I):
        return "suspected"
    if _UNATTRIBUTED.search(text):
        return "suspected" if _SUSPECTED.search(text) and "origin unconfirmed" in text else "unattributed"
    if _SUSPECTED.search(text):
        return "suspected"
    if kind_of(text)[0]:
        return ""
    return "attributed" if _OFFICIAL.search(text) else ""


def kind_of(attribution: str) -> tuple[Kind, bool]:
    """Return the kind of balloon that an attribution in words names, and whether it does so firmly."""
    if "acknowledged" in attribution.lower() or re.search(r"\bdisputed\b", attribution, re.I):
        return "", True
    for part in attribution.split(";"):
        for kind, pattern in _KINDS:
            if pattern.search(part):
                return kind, not _TENTATIVE.search(part)
    return "", True


# --- numbers

_DIGITS: Final[Mapping[str, float]] = {
    word: float(n)
    for n, word in enumerate(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
} | {"a": 1.0, "an": 1.0, "single": 1.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0}
_WORD: Final = r"(?:\d{1,3}|" + "|".join(sorted(_DIGITS, key=len, reverse=True)) + r")"
_AMOUNT: Final = rf"(?:half a dozen|(?:{_WORD} )?dozens?|{_WORD})"
_LEAST: Final = r"(?:at least|more than|over|no fewer than)"
_ABOUT: Final = r"(?:about|around|roughly|some|approximately|nearly)"
NOUNS: Final[Mapping[str, str]] = {
    "flights": r"missions?|flights?|balloons?|passes|transits?|incidents?|incursions?|overflights?|batches",
    "countries": r"countr(?:y|ies)|nations?|states",
    "continents": r"continents?",
}
_MORE_ONES: Final = re.compile(rf"(?:,| and),? ({_WORD}) (?:early|late|later|more|in|near|at)\b", re.I)


def _pattern(nouns: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:\b({_LEAST}|{_ABOUT}) )?\b({_AMOUNT})(?: (?:or|to) ({_WORD}))?"
        rf"(?: [\w-]+){{0,2}}? (?:{nouns})\b",
        re.I,
    )


_COUNTED: Final = {unit: _pattern(nouns) for unit, nouns in NOUNS.items()}
_BARE: Final = re.compile(rf"^({_LEAST}|{_ABOUT})? ?\b({_AMOUNT}) in (?:a day|24 h|recent years)", re.I)
_NONE: Final = re.compile(r"\bno such flights?\b", re.I)
_EACH: Final = re.compile(rf"(?i:({_LEAST} )?one each near) ([A-Z]\w+(?:, [A-Z]\w+)* and [A-Z]\w+)")
_ONE_OF: Final = re.compile(r"^one of\b", re.I)


def number_of(text: str, unit: str = "flights") -> Number | None:
    """Return how many flights, countries or continents a text speaks of, None where it does not say.

    'at least two dozen missions' is 24 and more, 'about half a dozen flights' 5 to 7 (a fifth either way, at
    least one), 'dozens' 24 and more, 'three passes ... and one early in the next' 4.
    """
    if unit == "flights" and _NONE.search(text):
        return Number(0.0, 0.0)
    if unit == "flights" and _ONE_OF.search(text):
        return Number(1.0, 1.0)
    if unit == "flights" and (each := _EACH.search(text)):
        named = float(len(re.findall(r"[A-Z]\w+", each[2])))
        return Number(named, None if each[1] else named)
    found = _COUNTED[unit].search(text)
    if found is None and unit == "flights":
        found = _BARE.search(text)
        return None if found is None else _number(found[1], found[2], None)
    if found is None:
        return None
    number = _number(found[1], found[2], found[3])
    if unit == "flights" and number.low > 1 and (more := _MORE_ONES.search(text, found.end())):
        extra = _amount(more[1])
        return Number(number.low + extra, None if number.high is None else number.high + extra)
    return number


def _number(how: str | None, amount: str, other: str | None) -> Number:
    value = _amount(amount)
    if how and re.fullmatch(_LEAST, how, re.I):
        above = how.lower() in ("more than", "over")
        return Number(value + above, None)
    if amount.lower() == "dozens":
        return Number(value, None)
    if how:
        slack = max(1.0, round(value / 5.0))
        return Number(value - slack, value + slack)
    return Number(value, value if other is None else max(value, _amount(other)))


def _amount(text: str) -> float:
    word = text.lower().strip()
    if word == "half a dozen":
        return 6.0
    if word.endswith("dozens"):
        return 24.0
    if word.endswith("dozen"):
        head = word.removesuffix("dozen").strip()
        return 12.0 * (_amount(head) if head else 1.0)
    return float(word) if word.isascii() and word.isdigit() else _DIGITS[word]


# --- places

# Names that stand for a part of a country, by its ISO code; the United States' states and territories, since
# accounts of flights over them name these.
_STATES: Final = (
    "Alabama", "Alaska", "Arizona", "Arkansas", "California", "Colorado", "Connecticut", "Delaware",
    "Florida", "Hawaii", "Idaho", "Illinois", "Indiana", "Iowa", "Kansas", "Kentucky", "Louisiana",
    "Maine", "Maryland", "Massachusetts", "Michigan", "Minnesota", "Mississippi", "Missouri", "Montana",
    "Nebraska", "Nevada", "Ohio", "Oklahoma", "Oregon", "Pennsylvania", "Tennessee", "Texas", "Utah",
    "Vermont", "Virginia", "Wisconsin", "Wyoming", "Kauai",
)  # fmt: skip
PARTS: Final[Mapping[str, str]] = {**dict.fromkeys(_STATES, "USA"), "Guam": "GUM"}
# How groups of a catalogue and texts call countries. Guam's airspace is of the United States.
CALLED: Final[Mapping[str, str]] = {
    "us": "USA", "usa": "USA", "uk": "GBR", "japan": "JPN", "taiwan": "TWN", "india": "IND",
    "philippines": "PHL", "canada": "CAN",
}  # fmt: skip
_NAMES: Final = "|".join(sorted(PARTS, key=len, reverse=True))
_OVER: Final = re.compile(rf"\b(?:across|over|through|in) (?:the )?({_NAMES})\b")
_NEAR: Final = re.compile(rf"\b({_NAMES})\b")
_AREA_WORDS: Final = re.compile(r"\b(?:US|U\.S\.|United States|American)\b")
_TWICE: Final = re.compile(r" \((twice|three times)\)")


def where_of(text: str) -> tuple[str, Where]:
    """Return (ISO code, where) as a text says; '' for what it leaves open.

    'unclear whether' it was within the limit leaves it near; the high seas are outside.
    """
    named = [PARTS[name] for name in _NEAR.findall(text)]
    area = "USA" if "USA" in named or "GUM" in named else ""
    if re.search(r"\b(?:US|U\.S\.) territorial waters\b", text):
        return "USA", "sea"
    if re.search(r"\b(?:international waters|high seas)\b", text, re.I):
        return area, "outside"
    if re.search(r"\bunclear (?:if|whether)\b", text, re.I):
        return area, "near" if area else ""
    if _OVER.search(text):
        return "USA", "land"
    return area, "near" if area else ""


def places_named(text: str) -> float:
    """Return how often a text names parts of the country, 'Florida (twice)' as two."""
    count = 0.0
    for match in _NEAR.finditer(text):
        again = _TWICE.match(text, match.end())
        count += {"twice": 2.0, "three times": 3.0}[again[1]] if again else 1.0
    return count


def speaks_of_us(text: str) -> bool:
    """Whether a text names the United States or a part of it."""
    return bool(_AREA_WORDS.search(text) or _NEAR.search(text))


DEFINITIONS: Final[Mapping[str, str]] = {
    "land": "over land",
    "sea": "over land or its territorial sea (airspace)",
    "zone": "over land, the territorial sea or an identification zone",
    "unstated": "not said",
}


def definition_of(text: str) -> str:
    """Return which of `DEFINITIONS` a count uses, as its words say."""
    if re.search(r"\b(?:ADIZ|identification zone)\b", text, re.I):
        return "zone"
    if re.search(r"\bunclear (?:if|whether)\b", text, re.I):
        return "unstated"
    if re.search(r"\bairspace\b", text, re.I):
        return "sea"
    return (
        "land"
        if re.search(r"(?<!necessarily )\bover (?:\w+ )?(?:land|territory)\b", text, re.I)
        else "unstated"
    )


def says_earlier(text: str) -> bool:
    """Whether a count is of what came before the flight that it is told beside."""
    return bool(re.search(r"\b(?:previous administration|earlier|prior|previously)\b", text, re.I))


# --- features for resemblance

_FEATURES: Final[Mapping[str, Mapping[str, str]]] = {
    "equipment": {
        "sphere": r"\bspher\w+", "cylinder": r"\bcylind\w+", "octagon": r"\boctagon\w*",
        "airship": r"\bairship-like\b", "panels": r"\b(?:panels|solar cells)\b",
        "hanging": r"\b(?:tether\w*|wire below|line-like part below|hanging|package)\b",
        "propellers": r"\bpropeller\w*", "white": r"\bwhite\b", "metallic": r"\b(?:metallic|silver)\b",
        "antenna": r"\bantennas?\b",
    },
    "behaviour": {
        "still": r"\b(?:still|hover\w*|linger\w*|same place)\b", "circled the globe": r"\bround the world\b",
        "slow": r"\bslow\b", "steered": r"\b(?:steered|manoeuvr\w+|turned (?!out\b))",
    },
}  # fmt: skip


def features_of(text: str, column: str) -> tuple[str, ...]:
    """Return the features of `column` ('equipment' or 'behaviour') that a text names."""
    return tuple(name for name, rule in _FEATURES[column].items() if re.search(rule, text, re.I))


_KNOTS: Final = re.compile(r"\b(\d{1,3}) (?:knots|kt)\b")
_SIZE: Final = re.compile(
    r"\b(\d{1,3})(?:-| )(inch|foot|feet|ft|metres?|m)\b (?:silver |white |film )*"
    r"(?:sphere|balloon|tall|wide|across)\b",
    re.I,
)


def speed_of(text: str) -> float | None:
    """Return a speed in m/s that a text gives in knots."""
    found = _KNOTS.search(text)
    return float(found[1]) * KNOT_MPS if found else None


def size_of(text: str) -> float | None:
    """Return the size of the balloon in metres where a text gives it ('32-inch silver sphere')."""
    found = _SIZE.search(text)
    if not found:
        return None
    unit = found[2].lower()
    return float(found[1]) * (FOOT_M / 12.0 if unit == "inch" else FOOT_M if unit[0] == "f" else 1.0)
