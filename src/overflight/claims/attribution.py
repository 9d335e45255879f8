"""Who says what a sentence says: a voice, its kind, the verb, and what is left as content.

Read are a front ('According to X, …'), a head ('X said that …', 'X is unsure whether …', 'X denied any …'),
a tail ('…, X said', '…, according to X', '…, said X') and a voice in the middle ('…, X said, …').
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from overflight.claims.lexicon import (
    AGENCY,
    AUX,
    BE,
    COMPANIES,
    DOCUMENTS,
    EXPERTS,
    HOLD,
    INVERSE,
    NATIONS,
    NOT_PAST,
    OFFICIALS,
    OUTLETS,
    PAST,
    POLITICIANS,
    PRESENT,
    PRONOUNS,
    SAY,
    SPEECH,
    THINGS,
    TITLES,
    UNSURE,
    WITH_NOUN,
    WITNESSES,
    any_of,
    words,
)

_VERB = re.compile(rf"\b(?P<verb>{any_of((*SAY, *HOLD))})\b(?!['’-])")
_UNSURE = re.compile(
    rf"\b(?:{any_of(BE)}|remains?|remained|feels?|felt|(?:has|have|had)\sbeen)\s(?P<hedge>(?:(?:still|also|not|very|deeply|"
    rf"increasingly|now|less|quite|fully|yet|\w+ly)\s)*(?:{any_of(UNSURE)}))\s(?:about\s|of\s|over\s)?"
    r"(?=(?:that|whether|how|if|what|why|when|where|which|who|it|the\s\w+\s(?:was|is|had|may|might|could))\b)"
)
_ACCORDING = re.compile(r"^(?:\w+,?\s)?(?P<with>according to|in the words of|per)\s", re.IGNORECASE)
_ACCORDING_TAIL = re.compile(
    r",?\s(?P<with>according to|in the words of)\s(?P<who>[^“”\"]{2,200})$", re.IGNORECASE
)
_BEFORE_IS_BE = re.compile(
    rf"\b(?:{any_of(BE)})\s(?:\w+ly\s|also\s|still\s|long\s|now\s|not\s)*$", re.IGNORECASE
)
_BEFORE_IS_NOUN = re.compile(
    r"\b(?:to|by|the|a|an|its|their|his|her|this|these|of|any|no|as|that|for)\s$", re.IGNORECASE
)
_TRAILING = re.compile(
    rf"(?:\s|^)(?:{any_of(AUX)}|also|still|later|previously|earlier|repeatedly|not|never|now|then|first|"
    r"has|have|had|since|long|reportedly|publicly|privately|again|[a-z]+ly)$",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:and|but|yet|so|while|though|although|however|meanwhile|instead|nevertheless|still|then|moreover|"
    r"also|separately|later|earlier|despite this|in response|for (?:its|their|his|her) part|in addition|"
    r"at the same time|as a result|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|in a statement(?: on \w+)?|"
    r"in an interview(?: with [\w ]+)?|at a (?:news|press) (?:conference|briefing)),?\s)+",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b[A-Z][\w'’.-]+(?:\s[A-Z][\w'’.-]+)+\b|\b[A-Z][a-z'’-]{2,}\b")
_FINITE = re.compile(rf"\b(?:{any_of((*AUX, *PAST, *PRESENT))}|[a-z]{{2,}}ed)\b")
_THAT = re.compile(r"^(?:[^,“\"]{0,60}?\s)?that\s")
# 'A retired pilot'.
_PARTICIPLE_BEFORE = re.compile(
    r"^(?:an?|the|one|two|three|some|several|its|their)\s[a-z]+ed\s", re.IGNORECASE
)
_BEHIND_QUOTE = re.compile(r"(?:,[”\"’']?|[”\"!?])\s*$")
# 'It did not say who': nothing is said.
_NOT_SAID = re.compile(r"(?:\bnot|n['’]t|\bnever|\bdeclined to|\brefused to)\s$")
_ENDS_VOICE = re.compile(r",\s(?=(?:which|who|that|and|but|while|though|although)\b)")
# 'It remains unclear how …' is nobody's doubt.
_NOBODY = re.compile(r"(?:it|this|that|there)\b", re.IGNORECASE)
# How it was said, not what: 'officials said, speaking on condition of anonymity'.
_MANNER = re.compile(r"(?:speaking|citing|referring|asking|on condition|in an? |at an? |who |which )")
_QUOTES: Final = '“”"'
MOST_VOICE: Final = 16  # words; a longer subject is a clause


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says it: the claimant in the words of the text, the kind, the verb, and its hedge if it is one."""

    claimant: str
    kind: str
    said_with: str
    hedge: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said and by whom; `whole` is the text with its voice, for what reads badly without."""

    content: str
    voice: Voice | None
    whole: str


def has_finite(text: str) -> bool:
    """Whether a text has a word that can be a finite verb."""
    return any(m[0] not in NOT_PAST for m in _FINITE.finditer(text))


def strip_lead(text: str) -> str:
    """Take connectives off the front: 'However, on Friday, '."""
    return _LEADING.sub("", text.strip())


def outer_voice(sentence: str) -> Said | None:
    """Return a voice that holds for the whole sentence: in front, in the middle or at the end."""
    return _front(sentence) or _tail_according(sentence) or _around(sentence)


def inner_voice(clause: str) -> Said | None:
    """Return the voice at the head of a clause: 'X said that …', 'X is unsure whether …', 'X denied …'."""
    bare = strip_lead(clause)
    unsure = _UNSURE.search(bare)
    if unsure and is_voice(bare[: unsure.start()]) and not _NOBODY.match(bare):
        who = _claimant(bare[: unsure.start()])
        said = unsure["hedge"].strip()
        return Said(
            bare[unsure.end() :].strip().removeprefix("that "), Voice(who, kind_of(who, ""), said, said), bare
        )
    for match in _VERB.finditer(bare):
        before, after = bare[: match.start()], bare[match.end() :].strip()
        if _NOT_SAID.search(before) or re.match(r"(?:neither|no|none|nobody)\b", bare, re.IGNORECASE):
            return None
        if _outside(before, match["verb"]) or not (
            is_voice(before) or _may_speak(before, match["verb"], after)
        ):
            if len(before.split()) > MOST_VOICE:
                return None
            continue
        content = _content(match["verb"], after)
        if content:
            return Said(content, _voice(_claimant(before), match["verb"]), bare)
    return None


def _may_speak(before: str, verb: str, after: str) -> bool:
    """Whether a subject must be somebody, by the verb and what follows: 'the miller said that'."""
    who = _claimant(before)
    said = bool(_THAT.match(after)) or after.lstrip(":, ")[:1] in _QUOTES
    things = {w.strip(".,'’s") for w in who.lower().split()} & set(THINGS)
    return verb in SPEECH and said and not things and 0 < len(who.split()) <= 6 and not has_finite(who)


def _outside(before: str, verb: str) -> bool:
    """Whether the word is no finite verb of its own here: passive, infinitive, a noun, inside a quotation."""
    if not before.strip() or _BEFORE_IS_BE.search(before) or _BEFORE_IS_NOUN.search(before):
        return True
    return sum(before.count(q) for q in '"') % 2 == 1 or before.count("“") > before.count("”")


def _content(verb: str, after: str) -> str:
    """Return what the verb says; '' when it takes nothing that could be a statement."""
    text = after.lstrip(":, ")
    match = _THAT.match(text)
    if match and has_finite(text[match.end() :]):
        return text[match.end() :] if not has_finite(match[0]) else text
    if len(text.split()) < 2:
        return ""
    if text[0] in _QUOTES or verb in WITH_NOUN or has_finite(text):
        return text
    return ""


def _front(sentence: str) -> Said | None:
    bare = strip_lead(sentence)
    found = _ACCORDING.match(bare)
    if not found:
        return None
    parts = bare[found.end() :].split(", ")
    for k in range(1, len(parts)):
        content = ", ".join(parts[k:])
        # An apposition has no verb of its own: 'X, the head of Y, the balloon flew'.
        if k + 1 < len(parts) and not has_finite(parts[k]):
            continue
        who = ", ".join(parts[:k])
        return Said(content, Voice(who, kind_of(who, ""), found["with"].lower(), found["with"].lower()), bare)
    return None


def _tail_according(sentence: str) -> Said | None:
    bare = sentence.rstrip(" .!?")
    found = _ACCORDING_TAIL.search(bare)
    if not found or not has_finite(bare[: found.start()]):
        return None
    who, *rest = re.split(
        r",\s(?=(?:which|who|that|and|but|while|though|although)\b)", found["who"], maxsplit=1
    )
    with_ = found["with"].lower()
    more = f" {rest[0]}" if rest and rest[0].startswith(("and ", "but ", "while ")) else ""
    return Said(
        f"{bare[: found.start()]}{',' * bool(more)}{more}",
        Voice(who, kind_of(who, ""), with_, with_),
        sentence,
    )


def _around(sentence: str) -> Said | None:
    """Return a voice behind what it says, or between two parts of it."""
    bare = sentence.rstrip(" .!?")
    for match in _VERB.finditer(bare):
        before, after = bare[: match.start()], bare[match.end() :]
        if (
            match["verb"] in INVERSE
            and re.search(r"(?:,[”\"’']?|[”\"!?])\s*$", before)
            and has_finite(before)
        ):
            who, _, rest = _until_comma(after)
            if is_voice(who) and not has_finite(_without_relative(who)):
                return Said(_joined(before, rest), _voice(_claimant(who), match["verb"]), sentence)
        cut = max(before.rfind(", "), before.rfind("” "), before.rfind('" '))
        if cut < 0 or _outside("x " + before[cut + 2 :], match["verb"]):
            continue
        who, content = before[cut + 2 :], before[: cut + 1]
        # An apposition between the name and the verb: ', Jo Doe, a spokesman, said'.
        apposed = _apposed(who, content)
        if apposed:
            who, content = apposed
        ends = not after.strip() or _is_tail(after.partition(", ")[0])
        rest = after.partition(", ")[2]
        rest = "" if _MANNER.match(rest) else rest
        # 'Nine flights, officials said, have crossed': the subject before, the verb behind.
        whole = has_finite(content) or bool(_FINITE.match(rest))
        if ends and whole and is_voice(who) and not has_finite(_without_relative(_claimant(who))):
            return Said(_joined(content, rest), _voice(_claimant(who), match["verb"]), sentence)
    return None


def _apposed(who: str, content: str) -> tuple[str, str] | None:
    text = content.rstrip(", ")
    cut = max(text.rfind(", "), text.rfind("” "), text.rfind('" '))
    name = text[cut + 2 :] if cut >= 0 else ""
    if not who.endswith(", ") or not name or has_finite(name) or not _PERSON.fullmatch(name):
        return None
    return f"{name}, {who.rstrip(', ')}", text[: cut + 1]


def _is_tail(after: str) -> bool:
    text = after.strip()
    return len(text.split()) <= 10 and not has_finite(text) and not text.startswith(("that ", ":", "“", '"'))


def _until_comma(text: str) -> tuple[str, str, str]:
    found = re.search(r",\s(?=[“\"])|[.]\s(?=[“\"])", text)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _without_relative(text: str) -> str:
    """Return a subject without what hangs on it: 'people briefed on the matter', 'a man who saw it'."""
    bare = _PARTICIPLE_BEFORE.sub("", text)
    return re.split(r",|\s(?:who|which|that|\w+ed (?:on|by|with|in|to|from|at|for))\s", bare)[0]


def _joined(a: str, b: str) -> str:
    comma = "," if re.match(r"[a-z]+ing\b", b.strip()) else ""
    return " ".join(f"{a.strip().rstrip(',')}{comma} {b.strip()}".split())


# --- voices


def _voice(who: str, verb: str) -> Voice:
    return Voice(who, kind_of(who, verb), verb, verb if verb in HOLD else "")


def _claimant(text: str) -> str:
    """Return the subject alone: no connective before it, no auxiliary or adverb after it."""
    who = strip_lead(text).strip(' ,“”"')
    while (shorter := _TRAILING.sub("", who).strip()) != who and shorter:
        who = shorter
    # A fronted phrase is no part of the subject: 'In a call with reporters, officials'.
    pieces = who.split(", ")
    while len(pieces) > 1 and not is_voice_words(pieces[0]) and is_voice_words(", ".join(pieces[1:])):
        pieces.pop(0)
    return re.sub(r",\s(?:which|who|whose|where)\b.*$", "", ", ".join(pieces)).strip()


def is_voice(text: str) -> bool:
    """Whether a text, up to a verb of saying, is a subject that can say something."""
    who = _claimant(text)
    return (
        bool(who)
        and len(who.split()) <= MOST_VOICE
        and is_voice_words(who)
        and not has_finite(_without_relative(who))
    )


def is_voice_words(text: str) -> bool:
    """Whether words of a voice are in a text: an office, an institution, a state, a name, a pronoun."""
    listed = {w.strip(".,'’s") for w in text.lower().split()} | {w.strip(".,") for w in text.lower().split()}
    if (
        listed & (_CUES - set(PRONOUNS))
        or text.strip().lower() in PRONOUNS
        or any(f" {w} " in f" {text.lower()} " for w in _LONG_CUES)
    ):
        return True
    return bool(re.search(r"\b[A-Z][\w'’.-]+\s[A-Z][\w'’-]+", text)) or bool(
        re.fullmatch(r"[A-Z][a-z'’-]{2,}", text.strip())
        and text.strip() not in ("This", "That", "These", "There")
    )


_MORE_CUES = words(
    """
    one_of_them two_of_them some_of_them critics analysis team group family investigators prosecutors lawyers
    others some many spokespersons leaders leader reporters ministers
    """
)
_ALL_CUES: Final = frozenset(
    (*AGENCY, *DOCUMENTS, *OFFICIALS, *TITLES, *POLITICIANS, *EXPERTS, *WITNESSES, *COMPANIES, *OUTLETS,
     *NATIONS, *PRONOUNS, *_MORE_CUES)
)  # fmt: skip
_CUES: Final = frozenset(w for w in _ALL_CUES if " " not in w)
_LONG_CUES: Final = frozenset(w for w in _ALL_CUES if " " in w)


def kind_of(who: str, verb: str) -> str:
    """Return the kind of attribution (`records.ATTRIBUTIONS`) that a claimant's words tell, '' if none."""
    lower = who.lower()
    listed = {w.strip(".,'’") for w in lower.replace("’s", "").replace("'s", "").split()}

    def has(some: Iterable[str]) -> bool:
        return bool(listed & set(some)) or any(f" {w} " in f" {lower} " for w in some if " " in w)

    named = has_name(who)
    if has(POLITICIANS):
        return "politician"
    if has(EXPERTS):
        return "independent_expert"
    if has(WITNESSES) and not has(TITLES):
        return "witness"
    if named and (has(TITLES) or has(OFFICIALS)):
        return "named_official"
    if has(OFFICIALS) and not re.search(
        r"\b(?:spokes\w+)\b.*\b(?:ministry|department|embassy|agency)\b", lower
    ):
        return "anonymous_official"
    if verb.startswith(("den", "reject", "disput", "refut")) and (has(NATIONS) or has(AGENCY)):
        return "state_denial"
    if has(OUTLETS) and not has(AGENCY):
        return "media_report"
    if has(DOCUMENTS):
        return "official_document" if not has(COMPANIES) else "company"
    if "executive" in listed:
        return "company"
    if has(set(TITLES) - _SPEAKING) and not listed & _SPEAKING:
        return "named_official"
    if has(AGENCY) or has(OFFICIALS):
        return "agency_statement"
    if has(COMPANIES):
        return "company"
    if has(TITLES):
        return "anonymous_official" if listed & {"leaders", "commanders"} else "named_official"
    return "agency_statement" if has(NATIONS) else ""


# Who speaks for an institution by office says what the institution says.
_SPEAKING: Final = frozenset({"spokesperson", "spokesman", "spokeswoman", "press"})


def has_name(who: str) -> bool:
    """Whether a person's name seems to be among the words: capitals that are no office and no state."""
    for match in _PERSON.finditer(who):
        bare = [w for w in match[0].split() if w.lower().strip(".,'’") not in _CUES]
        if bare and (len(bare) > 1 or len(match[0].split()) > 1) and match[0].lower() not in _LONG_CUES:
            return bool(set(bare) - _PLACES_OF_OFFICE)
    return False


_PLACES_OF_OFFICE: Final = frozenset(
    {"House", "State", "Defense", "Defence", "Foreign", "Security", "National", "Homeland", "Affairs", "The",
     "Northern", "Southern", "Pacific", "Joint", "Staff", "Air", "Force", "Coast", "Guard", "Justice"}
)  # fmt: skip


def resolved(voice: Voice, people: list[Voice]) -> Voice:
    """Put the last fitting voice for a pronoun, which stays in brackets; for a bare name, the kind it had.

    The voice itself comes back when there is none.
    """
    pronoun = voice.claimant.lower()
    if pronoun in PRONOUNS:
        for earlier in reversed(people):
            if pronoun not in ("he", "she", "i") or _is_somebody(earlier):
                return replace(voice, claimant=f"{earlier.claimant} [{pronoun}]", kind=earlier.kind)
    elif _OF_THEM.match(voice.claimant) and people:
        return replace(voice, kind=people[-1].kind)
    elif not voice.kind:
        name = voice.claimant.split()[-1:]
        for earlier in reversed(people):
            if earlier.kind and name and name[0] in re.findall(r"[\w'’-]+", earlier.claimant):
                return replace(voice, kind=earlier.kind)
    return voice


_OF_THEM = re.compile(
    r"(?:one|two|some|several|many|all|both|another|others) of (?:them|those)\b", re.IGNORECASE
)
_MANY = re.compile(
    r"\b(?:officials|sources|people|aides|experts|analysts|residents|officers|diplomats|lawmakers|some|two|three)\b",
    re.IGNORECASE,
)
_SOMEBODY: Final = frozenset(
    {"named_official", "politician", "independent_expert", "witness", "anonymous_official", "company", ""}
)


def _is_somebody(voice: Voice) -> bool:
    """Whether a voice is one person: 'he' cannot be a ministry or three officials."""
    listed = {w.strip(".,'’") for w in voice.claimant.lower().split()}
    return not _MANY.search(voice.claimant) and (
        voice.kind in _SOMEBODY or bool(listed & {*TITLES, *OFFICIALS})
    )
