"""Who says what a sentence says: a voice, its kind, the verb, and what is left as content.

Read are a front ('According to X, …'), a head ('X said that …', 'X is unsure whether …', 'X denied any …'),
a tail ('…, X said', '…, according to X', '…, said X') and a voice in the middle ('…, X said, …').
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    rf"\b(?:{any_of(BE)}|remains?|remained|feels?|felt|(?:has|have|had)\sbeen)\s(?P<hedge>(?:(?:still|also|"
    rf"not|very|deeply|"
    rf"increasingly|now|less|quite|fully|yet|\w+ly)\s)*(?:{any_of(UNSURE)}))\s(?:about\s|of\s|over\s)?"
    r"(?=(?:that|whether|how|if|what|why|when|where|which|who|it|the\s\w+\s(?:was|is|had|may|might|could))\b)"
)
_ACCORDING = re.compile(r"^(?:\w+,?\s)?(?P<with>according to|in the words of|per)\s", re.IGNORECASE)
_OWN_WORDS = re.compile(r"(?P<with>in (?P<whose>his|her|their|its) (?:own )?words),\s", re.IGNORECASE)
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
# 'Earlier this month' and 'so far' are no connectives; a comma tells.
_CONNECTIVE = (
    r"(?:and|but|yet|while|though|although|however|meanwhile|nevertheless|nonetheless|moreover|furthermore|"
    r"also|despite this|in response|for (?:its|their|his|her|my) part|in addition|at the same time|"
    r"as a result|of course|for example|for instance|in fact|after all),?\s|"
    r"(?:so|instead|still|then|separately|later|earlier|again|now|well|perhaps surprisingly|unsurprisingly|"
    r"in short|by contrast|on the other hand|similarly|likewise),\s"
)
_DAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_LEADING_WORDS = re.compile(rf"^(?:{_CONNECTIVE})+", re.IGNORECASE)
_LEADING = re.compile(
    rf"^(?:{_CONNECTIVE}|(?:(?:late |early )?on {_DAYS}(?: (?:morning|afternoon|evening|night))?|"
    rf"in a (?:separate |written |later )?(?:statement|letter|post|interview)(?: (?:on|with|to) [\w ]+)?|"
    rf"at a (?:news|press) (?:conference|briefing)(?: (?:on|in) \w+)?),?\s)+",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b[A-Z][\w'’.-]+(?:\s[A-Z][\w'’.-]+)+\b|\b[A-Z][a-z'’-]{2,}\b")
_FINITE = re.compile(rf"\b(?:{any_of((*AUX, *PAST, *PRESENT))}|[a-z]{{2,}}ed)\b")
_THAT = re.compile(r"^(?:[^,“\"]{0,60}?\s)?that\s")
# 'A retired pilot'.
_PARTICIPLE_BEFORE = re.compile(
    r"^(?:an?|the|one|two|three|some|several|its|their)\s[a-z]+ed\s", re.IGNORECASE
)
# 'It did not say who': nothing is said.
_NOT_SAID = re.compile(r"(?:\bnot|n['’]t|\bnever|\bneither|\bnor|\bdeclined to|\brefused to)\s$")
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
    """Take connectives and the setting of a saying off the front: 'However, on Friday, '."""
    return _LEADING.sub("", text.strip())


def strip_connectives(text: str) -> str:
    """Take connectives off the front and leave what tells: 'However, on Friday it' is 'on Friday it'."""
    return _LEADING_WORDS.sub("", text.strip())


def outer_voice(sentence: str) -> Said | None:
    """Return a voice that holds for the whole sentence: in front, in the middle or at the end."""
    return (
        _front(sentence)
        or _tail_according(sentence)
        or _middle_according(sentence)
        or _by_agent(sentence)
        or _around(sentence)
    )


def inner_voice(clause: str) -> Said | None:
    """Return the voice at the head of a clause: 'X said that …', 'X is unsure whether …', 'X denied …'."""
    bare = strip_lead(clause)
    quoted = _as_quoted(bare)
    if quoted:
        return quoted
    unsure = _UNSURE.search(bare)
    if unsure and is_voice(bare[: unsure.start()]) and not _NOBODY.match(bare):
        who = _claimant(bare[: unsure.start()])
        said = unsure["hedge"].strip()
        return Said(
            bare[unsure.end() :].strip().removeprefix("that "), Voice(who, kind_of(who, ""), said, said), bare
        )
    refused = _NOT_HELD.match(bare)
    if (
        refused
        and (is_voice(refused["who"]) or _may_be_somebody(_claimant(refused["who"])))
        and has_finite(refused["content"])
    ):
        who, with_ = _claimant(refused["who"]), refused["with"].lower()
        return Said(
            refused["content"].removeprefix("that "), Voice(who, kind_of(who, ""), with_, with_), bare
        )
    for match in _VERB.finditer(bare):
        before, after = bare[: match.start()], bare[match.end() :].strip()
        if _NOT_SAID.search(before) or re.match(r"(?:neither|no|none|nobody)\b", bare, re.IGNORECASE):
            return None
        if (
            _outside(before, match["verb"])
            or not _agrees(before, match["verb"])
            or not (is_voice(before) or _may_speak(before, match["verb"], after))
        ):
            if len(before.split()) > MOST_VOICE:
                return None
            continue
        content = _content(match["verb"], after)
        if content:
            return Said(content, _voice(_claimant(before), match["verb"]), bare)
    return None


# 'Does not rule out that', 'don't believe it was': a stance, whatever is held.
_NOT_HELD = re.compile(
    r"^(?P<who>[^“”\",]{1,60}?)\s(?P<with>(?:has|have|had|sees?|saw)\sno\sreason\sto\s(?:believe|think|"
    r"suspect)|"
    r"(?:(?:do|does|did|can|could|would|has|have|had)(?:\snot|n['’]t)|cannot)\s"
    r"(?:yet\s|currently\s|now\s|entirely\s|at this (?:stage|point|time)\s)?(?:ruled? out|excluded?|"
    r"discard(?:ed)?|"
    r"discount(?:ed)?|believe|think|assess|den(?:y|ied)|doubt|expect|suspect|accept(?:ed)?))\s"
    r"(?:the (?:possibility|idea|notion|chance) (?:that )?)?"
    r"(?P<content>(?:that|it|they|he|she|this|the|there|any|a|an|its|whether)\b(?!,).*)$",
    re.IGNORECASE,
)


_BASE_FORMS: Final = frozenset(w for w in (*SAY, *HOLD) if " " not in w and f"{w}s" in {*SAY, *HOLD})
_PLURAL_END = re.compile(
    rf"(?:[a-rt-z]s|people|police|men|women|media|they|we|i|you|some|many|most|all|others|both|few|several|"
    rf"'s|{any_of(AUX)})$",
    re.IGNORECASE,
)


def _agrees(before: str, verb: str) -> bool:
    """Whether a plain form can be a verb here: 'officials note', not 'in a brief note'."""
    if verb not in _BASE_FORMS:
        return True
    subject = re.split(r",\s|\s(?:who|of|in|at|from|on|with|for|briefed|familiar)\s", before.strip())
    ends = (before.strip(" ,"), subject[0].strip(" ,"), re.sub(r"\s\w+ly$", "", before.strip()))
    return any(_PLURAL_END.search(end) for end in ends)


def _may_speak(before: str, verb: str, after: str) -> bool:
    """Whether a subject must be somebody, by the verb and what follows: 'the miller said that'."""
    said = bool(_THAT.match(after)) or after.lstrip(":, ")[:1] in _QUOTES
    # 'The miller said it flew': a clause with its subject, without 'that'.
    said = said or bool(_BARE_CLAUSE.match(after))
    return verb in SPEECH and said and _may_be_somebody(_claimant(before))


_BARE_CLAUSE = re.compile(
    rf"(?:it|he|she|they|we|i|there|none|nobody|nothing|the \w+|a \w+|an \w+|its \w+|their \w+|these|those|"
    rf"this|that|"
    rf"some|most|all|no \w+|[A-Z][\w'’]+)(?:['’]\w+)?\s(?:[\w-]+\s){{0,3}}?(?:{any_of((*AUX, *PAST))}|"
    rf"[a-z]{{2,}}ed)\b"
)


def _may_be_somebody(who: str) -> bool:
    """Whether words may be a speaker that no list knows: a short noun phrase, and nothing that flies."""
    listed = [w.strip(".,'’") for w in who.lower().split()]
    things = {w.removesuffix("'s").removesuffix("’s") for w in listed} & {*THINGS, *_NO_SPEAKERS}
    head = who[:1].isupper() or (listed[:1] and listed[0] in _DETERMINERS)
    return (
        bool(listed)
        and bool(head)
        and not things
        and len(listed) <= 8
        and not has_finite(_without_relative(who))
    )


_DETERMINERS: Final = frozenset(
    words("a an the one two three some several my his her our their its another each no")
)
_NO_SPEAKERS: Final = frozenset(
    words("it this that these those there which what data pictures images photographs radar")
)


def _outside(before: str, verb: str) -> bool:
    """Whether the word is no finite verb of its own here: passive, infinitive, a noun, inside a quotation."""
    if not before.strip() or _BEFORE_IS_BE.search(before) or _BEFORE_IS_NOUN.search(before):
        return True
    return sum(before.count(q) for q in '"') % 2 == 1 or before.count("“") > before.count("”")


def _content(verb: str, after: str) -> str:
    """Return what the verb says; '' when it takes nothing that could be a statement."""
    text = _HEARER.sub("", _SETTING.sub("", after)).lstrip(":, ")
    if text.startswith("to ") and verb not in _TO_DO:
        return ""
    match = _THAT.match(text)
    if match and has_finite(text[match.end() :]):
        keep = has_finite(match[0]) or _WEIGHS.search(match[0])
        return text if keep else text[match.end() :]
    if len(text.split()) < 2:
        return ""
    if text[0] in _QUOTES or _is_clause(text):
        return text
    if verb in WITH_NOUN and not (
        verb in _NAMES_IT and re.match(r"(?:for|on|off|in|upon|back|out|up|by)\b", text)
    ):
        return text if not verb.startswith("describ") or " as " in text else ""
    return ""


# 'Claims to have seen it' is said; 'expects to finish' is a plan.
_TO_DO: Final = frozenset(words("claim claims claimed profess professes professed"))
_HEARER = re.compile(
    r"^\s*(?:us|me|him|her|them|reporters|journalists|lawmakers|the \w+|(?-i:[A-Z])[\w-]+(?: \w+)?)(?:,|"
    r":)?\s(?=[“\"])",
    re.IGNORECASE,
)
_SETTING = re.compile(
    rf"^\s*(?:(?:to|in) (?:reporters|journalists|parliament|lawmakers|the \w+|(?-i:[A-Z])[\w-]+)|(?:late |"
    rf"early )?on {_DAYS}"
    r"(?: (?:morning|afternoon|evening|night))?|(?:last|this|that) (?:week|month|year|day|night|evening|"
    r"morning)|"
    r"yesterday|today|later|at the time|on condition of anonymity|in (?:a|an) (?:\w+ )?(?:statement|"
    r"interview|post|"
    r"letter|note|tweet|paper|report|briefing|email|speech))(?:,)?\s(?!by\b|to\b|of\b|with\b)",
    re.IGNORECASE,
)
_NAMES_IT: Final = frozenset(words("called calls blamed blames considered considers"))


# 'Found no evidence that': what stands before 'that' is said too.
_WEIGHS = re.compile(
    r"\b(?:no|not|little|any|evidence|proof|doubts?|reason|indications?|signs?|possib\w+|chance|risk|it)\b"
)


def _is_clause(text: str) -> bool:
    """Whether a text begins with a subject and its own verb: 'it flew', not 'a card, which was'."""
    if re.match(r"(?:whether|how|what|why|who|if|where|when|which)\b", text):
        return has_finite(text)
    text = re.sub(r",\s(?:which|who|whose|where|when)\b[^,]*,", "", text)
    for match in _FINITE.finditer(text):
        before = text[: match.start()]
        if match[0] in NOT_PAST or (
            match[0].endswith("ed") and re.match(r"\s(?:by|from|in|on|at|over)\b", text[match.end() :])
        ):
            continue
        return bool(before.strip()) and not re.search(r",\s|\b(?:which|who|whom|whose|that)\s", before)
    return False


def _front(sentence: str) -> Said | None:
    bare = strip_lead(sentence)
    found = _ACCORDING.match(bare)
    if own := _OWN_WORDS.match(bare):
        who = {"his": "he", "her": "she", "their": "they", "its": "it"}[own["whose"].lower()]
        return Said(bare[own.end() :], Voice(who, "", own["with"].lower()), bare)
    if not found:
        return None
    parts = bare[found.end() :].split(", ")
    for k in range(1, len(parts)):
        content = ", ".join(parts[k:])
        # An apposition has no verb of its own: 'X, the head of Y, the balloon flew'.
        apposed = not has_finite(parts[k]) or (
            re.match(r"(?:an?|the|one of|who|formerly|head|director|now)\s", parts[k])
            and not re.search(_CERTAIN, parts[k].split(" who ")[0])
        )
        if k + 1 < len(parts) and apposed and has_finite(", ".join(parts[k + 1 :])):
            continue
        who = ", ".join(parts[:k])
        return Said(content, Voice(who, kind_of(who, ""), found["with"].lower(), found["with"].lower()), bare)
    return None


# Words that are verbs wherever they stand; 'tank' and 'think tank' are none.
_CERTAIN = re.compile(rf"\b(?:{any_of((*AUX, *PAST))}|[a-z]{{3,}}ed)\b")


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


def _middle_according(sentence: str) -> Said | None:
    """Return a voice between commas: 'By January, according to a history, few came through'."""
    bare = sentence.rstrip(" .!?")
    found = _ACCORDING_MIDDLE.search(bare)
    if not found:
        return None
    with_ = found["with"].lower()
    content = (
        f"{bare[: found.start()]}{',' if has_finite(bare[: found.start()]) else ''} {bare[found.end() :]}"
    )
    who = found["who"]
    return (
        Said(content, Voice(who, kind_of(who, ""), with_, with_), sentence) if has_finite(content) else None
    )


_ACCORDING_MIDDLE = re.compile(
    r",\s(?P<with>according to|in the words of)\s(?P<who>[^“”\",]{2,120}),\s", re.IGNORECASE
)
_PASSIVE = any_of(
    words(
        "said believed thought suspected understood estimated reported assessed claimed alleged feared "
        "argued "
        "supposed presumed reckoned calculated confirmed announced acknowledged explained noted stated"
    )
)
_AGENT = re.compile(
    rf"^it\s(?P<with>(?:is|was|has been|had been)\s(?:\w+ly\s|also\s)?(?P<verb>{_PASSIVE}))\sby\s"
    r"(?P<who>[^,“”\"]{2,80}?)\sthat\s",
    re.IGNORECASE,
)


def _by_agent(sentence: str) -> Said | None:
    """Return the voice of a passive: 'It is estimated by observers that …'."""
    bare = strip_lead(sentence).rstrip(" .!?")
    found = _AGENT.match(bare)
    if not found:
        return None
    who, verb = found["who"], found["verb"].lower()
    hedge = "" if verb in SAY else found["with"]
    return Said(bare[found.end() :], Voice(who, kind_of(who, verb), found["with"], hedge), bare)


_REPORTED = r"(?:reported|said|understood|alleged|believed|known|rumou?red|supposed|claimed)"
_AS_QUOTED = re.compile(
    rf"^(?P<who>[^“”\"]{{1,120}}?)\s(?:(?P<with>(?:is|was|were|are|has been|have been)\s(?:\w+ly\s)?"
    r"(?:quoted|cited|reported|overheard|recorded)(?:\s(?:by|in)\s[^,“”\"]{2,40}?)?\sas\ssaying)|"
    rf"(?P<doubtful>(?:is|was|were|are)\s(?:\w+ly\s)?{_REPORTED})\sto\shave\s"
    rf"(?:{any_of((*SAY, *HOLD))}|written|known))\s*(?:that\s)?(?P<content>.*)$",
    re.IGNORECASE,
)
_HEARD = re.compile(
    r"^(?P<hearer>[^“”\",]{1,60}?)\s(?:has\s|have\s|had\s)?(?P<with>(?:heard|learned|learnt|was told|were "
    r"told|"
    r"been told)\s(?:from|by))\s(?P<who>[^“”\",]{2,60}?)\sthat\s",
    re.IGNORECASE,
)


def _as_quoted(bare: str) -> Said | None:
    """Return the voice of 'X was quoted as saying …', 'X is reported to have said …', 'heard from X'."""
    heard = _HEARD.match(bare)
    if heard:
        with_ = heard["with"].lower()
        hedge = with_ if with_.startswith("heard") else ""
        return Said(bare[heard.end() :], Voice(heard["who"], kind_of(heard["who"], ""), with_, hedge), bare)
    found = _AS_QUOTED.match(bare)
    if not found or not (is_voice(found["who"]) or found["with"]) or not has_finite(found["content"]):
        return None
    with_ = (found["with"] or found["doubtful"]).lower()
    who = _claimant(found["who"])
    return Said(found["content"], Voice(who, kind_of(who, ""), with_, found["doubtful"] or ""), bare)


def _reported_tail(sentence: str) -> Said | None:
    """Return the voice of '“…,” he is reported to have remarked'."""
    found = _REPORTED_TAIL.search(sentence.rstrip(" .!?"))
    if not found or not is_voice(found["who"]):
        return None
    who = _claimant(found["who"])
    with_ = found["with"].lower()
    return Said(
        sentence[: found.start("who")].strip(" ,"), Voice(who, kind_of(who, ""), with_, with_), sentence
    )


def _as_tail(bare: str) -> Said | None:
    """Return the voice of '…, as the councillor himself admitted afterwards'."""
    found = _AS_TAIL.search(bare)
    if (
        not found
        or not (is_voice(found["who"]) or _may_be_somebody(found["who"]))
        or not has_finite(bare[: found.start()])
    ):
        return None
    return Said(bare[: found.start()], _voice(_claimant(found["who"]), found["verb"]), bare)


_AS_TAIL = re.compile(
    rf",\sas\s(?P<who>[^,“”\"]{{2,60}}?)(?:\s(?:himself|herself|itself|themselves|later|then|also|has|have|"
    rf"had|once|\w+ly))*"
    rf"\s(?P<verb>{any_of((*SAY, *HOLD))})(?:\s(?:afterwards|later|then|at the time|today|yesterday|on "
    rf"\w+day))?$"
)
_REPORTED_TAIL = re.compile(
    rf",[”\"]?\s(?P<who>[^,“”\"]{{1,60}}?)\s(?P<with>(?:is|was|were|"
    rf"are)\s(?:\w+ly\s)?{_REPORTED})\sto\shave\s"
    rf"(?:{any_of((*SAY, *HOLD))}|written)(?:\s[^,“”\"]{{0,40}})?$"
)
_CONJUNCTION = re.compile(
    r"(?:and|but|while|although|though|because|since|as|if|when|that|which|who|or|so|yet)\s", re.IGNORECASE
)


def _around(sentence: str) -> Said | None:
    """Return a voice behind what it says, or between two parts of it."""
    bare = sentence.rstrip(" .!?")
    reported = _reported_tail(sentence) or _as_tail(bare)
    if reported:
        return reported
    for match in _VERB.finditer(bare):
        before, after = bare[: match.start()], bare[match.end() :]
        short = re.fullmatch(r"[“\"][^“”\"]{1,60},[”\"]\s(?P<who>[^“”\",]{1,40}?)\s", before)
        if short and not after.strip() and is_voice(short["who"]):
            return Said(
                before[: short.start("who")].strip(), _voice(_claimant(short["who"]), match["verb"]), sentence
            )
        if (
            match["verb"] in INVERSE
            and re.search(r"(?:,[”\"’']?|[”\"!?])\s*$", before)
            and has_finite(before)
        ):
            who, _, rest = _until_comma(after)
            who = who.strip()
            if (is_voice(who) or _may_be_somebody(who)) and not has_finite(_without_relative(who)):
                return Said(_joined(before, rest), _voice(_claimant(who), match["verb"]), sentence)
        cut = max(before.rfind(", "), before.rfind("” "), before.rfind('" '))
        if cut < 0 or _outside("x " + before[cut + 2 :], match["verb"]):
            continue
        who, content = before[cut + 2 :], before[: cut + 1]
        # ', but pilots have reported' is a clause of its own.
        if _CONJUNCTION.match(who):
            continue
        # An apposition between the name and the verb: ', Jo Doe, a spokesman, said'.
        apposed = _apposed(who, content)
        if apposed:
            who, content = apposed
        ends = not after.strip() or (
            _is_tail(after.partition(", ")[0]) and not re.match(r"\s[a-z]+ing\b", after)
        )
        rest = after.partition(", ")[2]
        rest = "" if _MANNER.match(rest) else rest
        # 'Nine flights, officials said, have crossed': the subject before, the verb behind.
        whole = has_finite(content) or bool(_FINITE.match(rest))
        somebody = is_voice(who) or (
            match["verb"] in SPEECH and not after.strip() and _may_be_somebody(_claimant(who))
        )
        if ends and whole and somebody and not has_finite(_without_relative(_claimant(who))):
            return Said(_joined(content, rest), _voice(_claimant(who), match["verb"]), sentence)
    return None


def _apposed(who: str, content: str) -> tuple[str, str] | None:
    """Return (name and apposition, what is said) of '…, Jo Doe, a spokesman, said'."""
    text = f"{content}{who}" if who.strip() else content
    parts = text.rstrip(", ").rsplit(", ", 2)
    if who.strip() or len(parts) < 3 or has_finite(parts[1]) or not _PERSON.search(parts[1]):
        return None
    name = _LEADING.sub("", parts[1])
    if (
        len(name.split()) > 6
        or has_finite(_without_relative(parts[2]))
        or not (is_voice(name) or is_voice(parts[2]))
    ):
        return None
    return f"{name}, {parts[2]}", f"{parts[0]},"


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
    while len(pieces) > 1 and (
        (
            not is_voice_words(pieces[0])
            and not _NOUN_PHRASE.match(pieces[0])
            and is_voice_words(", ".join(pieces[1:]))
        )
        or _PHRASE.match(pieces[0])
    ):
        pieces.pop(0)
    while len(pieces) > 1 and _PHRASE.match(pieces[-1]):
        pieces.pop()
    pieces[0] = strip_connectives(pieces[0])
    if (
        len(pieces) == 1
        and _PHRASE.match(who)
        and (behind := re.search(r"\s(?P<who>he|she|they|it|we|I)$", who))
    ):
        pieces = [behind["who"]]
    return re.sub(r",\s(?:which|who|whose|where)\b.*$", "", ", ".join(pieces)).strip()


_NOUN_PHRASE = re.compile(r"(?:the|an?|its|their|his|her|one)\s[\w-]+(?:\s[\w-]+)?$", re.IGNORECASE)
_PHRASE = re.compile(
    r"(?:in|at|on|by|from|during|after|before|since|with|under|over|as|despite|unlike|like|speaking|asked|"
    r"pressed|"
    r"questioned|contacted|reached|writing|citing|quoting|privately|publicly|officially|unofficially|however|"
    r"earlier|later|last|this|that)\b(?!\sof (?:them|those))|[a-z]+ly$",
    re.IGNORECASE,
)


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


def resolved(voice: Voice, people: Sequence[Voice]) -> Voice:
    """Put the last fitting voice for a pronoun, which stays in brackets; for a short name, the kind it had.

    `people` are those that were named so far, the last one last, whether or not they spoke. 'The official'
    is the last official with his words. The voice itself comes back when there is none.
    """
    pronoun = voice.claimant.lower()
    if pronoun in PRONOUNS:
        fits = _FITS.get(pronoun, _is_anybody)
        found = next((v for v in reversed(people) if fits(v) and not _other_sex(pronoun, v)), None)
        return replace(voice, claimant=f"{found.claimant} [{pronoun}]", kind=found.kind) if found else voice
    if _OF_THEM.match(voice.claimant) and people:
        return replace(voice, kind=people[-1].kind)
    if pronoun in _SOME_OF and (
        several := next((v for v in reversed(people) if _MANY.search(v.claimant)), None)
    ):
        return replace(voice, claimant=f"{several.claimant} [{voice.claimant}]", kind=several.kind)
    if short := _SHORT.fullmatch(voice.claimant):
        return _in_full(voice, short["noun"].lower(), people)
    if not voice.kind or voice.kind == "agency_statement":
        name = voice.claimant.split()[-1:]
        for earlier in reversed(people):
            if earlier.kind and name and name[0] in re.findall(r"[\w'’-]+", earlier.claimant):
                return replace(voice, kind=earlier.kind)
    return voice


_SOME_OF: Final = frozenset({"one", "another", "a second", "a third"})
_SHORT = re.compile(r"(?:the|this|that|the same)\s(?P<noun>\w+)", re.IGNORECASE)


def _in_full(voice: Voice, noun: str, people: Sequence[Voice]) -> Voice:
    """Put for 'the official' the last who was called so: 'a defence official [the official]'."""
    for earlier in reversed(people):
        full = re.sub(r"\s\[[^\[\]]*\]$", "", earlier.claimant)
        said = [w.strip(".,").lower() for w in full.split()]
        if noun in said and len(said) > 2:
            return replace(voice, claimant=f"{full} [{voice.claimant}]", kind=earlier.kind or voice.kind)
    return voice


def mentioned(sentence: str, subjects: Iterable[str]) -> list[Voice]:
    """Return whom a sentence names, the subjects of its clauses last: they are meant by what follows."""
    found: dict[str, None] = {}
    for match in _TITLED.finditer(sentence):
        found.setdefault(match[0].rstrip(" .,"))
    for subject in subjects:
        who = re.sub(r"\s(?:who|which|that)$", "", _claimant(subject))
        if who and who.lower() not in PRONOUNS and (is_voice(who) or has_name(who)) and not _named_thing(who):
            found.pop(who, None)
            found[who] = None
    return [Voice(who, kind_of(who, ""), "") for who in found]


def _named_thing(who: str) -> bool:
    return bool({w.strip(".,'’") for w in who.lower().split()} & set(THINGS))


_TITLED = re.compile(
    r"\b(?:Lt\.?|Brig\.?|Maj\.?|Gen\.|Adm\.|Col\.|Capt\.|Sen\.|Rep\.|Gov\.|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|Sir|"
    r"President|"
    r"(?:[A-Z][a-z]+ )?Minister|(?:[A-Z][a-z]+ )?Secretary|General|Admiral|Colonel|Major|Captain|Ambassador|"
    r"Professor|Senator|Spokesperson|Chancellor)(?:\s(?:of\s)?[A-Z][\w'’-]+\.?){1,4}"
)
_OF_THEM = re.compile(
    r"(?:one|two|some|several|many|all|both|another|others) of (?:them|those)\b", re.IGNORECASE
)
_MANY = re.compile(
    r"\b(?:officials|sources|people|aides|experts|analysts|residents|officers|diplomats|lawmakers|some|two|"
    r"three|"
    r"others|[a-z]+(?:ers|ors|ists|ians)|witnesses|police|ministers|forces|senators)\b",
    re.IGNORECASE,
)
_SOMEBODY: Final = frozenset(
    {"named_official", "politician", "independent_expert", "witness", "anonymous_official"}
)
_WOMAN: Final = frozenset(
    words(
        "woman spokeswoman mrs ms miss sister mother wife aunt daughter girl sister-in-law mother-in-law "
        "chairwoman congresswoman queen lady"
    )
)
_MAN: Final = frozenset(
    words(
        "man spokesman mr sir brother father husband uncle son boy guy brother-in-law father-in-law "
        "chairman congressman king fisherman lord"
    )
)


def _is_somebody(voice: Voice) -> bool:
    """Whether a voice is one person: 'he' cannot be a ministry or three officials."""
    listed = {w.strip(".,'’") for w in voice.claimant.lower().split()}
    plural = re.search(r"[a-rt-z]s$", voice.claimant.split(" who ")[0].split(" of ")[0]) is not None
    if (_MANY.search(voice.claimant) or plural) and not has_name(voice.claimant):
        return False
    return voice.kind in _SOMEBODY or bool(listed & {*TITLES, *OFFICIALS}) or (
        voice.kind in ("", "company") and (has_name(voice.claimant) or bool(listed & set(COMPANIES[-8:])))
        and not listed & set(AGENCY)
    )  # fmt: skip


def _is_body(voice: Voice) -> bool:
    """Whether a voice can be 'it': an institution, a company, a state, a document."""
    return not _is_somebody(voice) and not _MANY.search(voice.claimant)


def _is_several(voice: Voice) -> bool:
    """Whether a voice can be 'they'."""
    return bool(_MANY.search(voice.claimant)) or voice.kind in ("agency_statement", "company", "state_denial")


def _is_anybody(_: Voice) -> bool:
    return True


def _other_sex(pronoun: str, voice: Voice) -> bool:
    listed = {w.strip(".,'’") for w in voice.claimant.lower().split()}
    return bool((pronoun == "he" and listed & _WOMAN) or (pronoun == "she" and listed & _MAN))


_FITS: Final[Mapping[str, Callable[[Voice], bool]]] = {
    "he": _is_somebody, "she": _is_somebody, "it": _is_body, "they": _is_several,
}  # fmt: skip
