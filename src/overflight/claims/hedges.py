"""Words of doubt and limits in a text, as they stand there.

A *hedge* is anything that keeps the writer from a plain statement: 'is believed', 'may have', 'unclear',
'relatively', 'at least'. A *qualifier* limits what is said: 'in part', 'not necessarily'. By rules of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from overflight.claims.quantities import find_quantities

_BELIEF = (
    "believed|thought|suspected|understood|alleged|assumed|presumed|considered|estimated|expected|feared|"
    "reported|"
    "said|rumou?red|deemed|assessed|supposed|likely|unlikely|possible|probable"
)
_BE = r"(?:is|are|was|were|has been|have been|had been|be|been|being|it's|it’s)"
_ADVERB = r"(?:(?:\w+ly|still|also|now|not|yet|very|most|more|quite|so)\s)"
_HEDGE = re.compile(
    rf"\b(?:{_BE}\s{_ADVERB}{{0,2}}(?:{_BELIEF})\b(?=\s(?:at the time\s)?(?:to|that|by|among|as)\b|[,.]|$)|"
    rf"(?:may|might)(?:\s(?:not|well|also|even|still|only))?(?:\shave)?\b|could\s(?:well\s)?have\b|"
    rf"would\shave\b|"
    rf"(?:{_BE}\s)?{_ADVERB}?(?:unsure|uncertain|unclear|unknown|unconfirmed|undetermined|unresolved|"
    rf"inconclusive|"
    r"debatable|disputed)\b|"
    rf"(?:{_BE}\s)?(?:not|n['’]t)\s(?:yet\s|immediately\s|entirely\s|fully\s|been\s|independently\s)*"
    r"(?:clear|known|certain|sure|confirmed|established|determined|verified|possible\sto\s\w+)\b|"
    r"(?:(?:does|do|did|could|can|would|has|have)(?:\snot|n['’]t)|cannot)\s(?:yet\s|immediately\s|"
    r"independently\s)*"
    r"(?:know|confirm(?:ed)?|say|determine|rule\sout|tell|verify)\b|"
    r"raises?d?\squestions|raising\squestions|questions?\sremains?|remains?\sto\sbe\sseen|too\searly\sto|"
    r"open\squestion|no\sone\sknows|whether\sor\snot|"
    r"(?:very\s|highly\s|most\s|more\s)?(?:likely|unlikely)|probably|possibly|perhaps|apparently|seemingly|"
    r"reportedly|allegedly|purportedly|supposedly|presumably|ostensibly|potentially|maybe|conceivably|"
    r"evidently|"
    r"arguably|suspected|alleged|apparent|presumed|purported|supposed|probable|so-called|potential|rumou?red|"
    r"(?<!as\s)possible|unverified|tentative|preliminary|"
    r"(?:appear|seem)(?:s|ed)?\s(?:to|that|as)\b|suggest(?:s|ed|ing)?|indicat(?:e|es|ed|ing)(?=\sthat\b)|"
    r"relatively|somewhat|fairly|"
    r"some\s(?=(?:ability|abilities|capability|capabilities|capacity|degree|extent|control|means|limited|"
    r"form|"
    r"kind|sort|evidence|indication)\b)|"
    r"concerns?\s(?=that\b)|fears?\s(?=that\b)|doubts?\s(?=(?:that|about|over|whether)\b)|"
    r"if\sconfirmed|if\strue|in\stheory|"
    rf"(?:no|little|any|scant)\s(?:\w+\s)?(?:evidence|proof|indications?|signs?|suggestion)\b(?=\s(?:that|"
    rf"of|to|for|it|they|he)\b|$|[,.;])|"
    r"(?:as|so)\sfar\sas\s(?:(?:I|we|he|she|they|it|anyone|officials|is)\s)?(?:can\s)?(?:know|knows|knew|"
    r"known|tell|see|say|judge|aware)|"
    r"to\s(?:my|our|his|her|their|the\sbest\sof\s\w+)\sknowledge|"
    r"in\s(?:my|our|his|her|its|their|\w+['’]s?)\s(?:view|opinion|judg(?:e)?ment|assessment|estimation)|"
    r"(?:roughly|approximately)(?=\s(?:the|as|half|equal|in|at)\b)|"
    r"ought\sto|hearsay|unproven|unsubstantiated|a\spossibility|the\spossibility|chances\sare|"
    r"(?:could|can)(?:\snot|n['’]t)\s(?:yet\s|immediately\s)?be\s(?:independently\s)?(?:determined|"
    r"verified|confirmed|established|"
    r"ruled\sout|excluded|proved|proven|known)|cannot\sbe\s(?:determined|verified|confirmed|established|"
    r"ruled\sout|excluded|proved)|"
    r"(?:has|have|had|is|are)\syet\sto\s\w+|nothing\sto\s(?:suggest|indicate|show|prove)|"
    r"(?:our|his|her|their|its|my|the\s[\w'’]+|current|initial)\s(?:assessment|judg(?:e)?ment|belief|view|"
    r"opinion|estimate|"
    r"impression|understanding|suspicion|theory|guess)(?=\s(?:is|was|remains?)?\s?that\b)|"
    r"rumou?rs?(?=\s(?:\w+\s){0,3}that\b)|no\sone\s(?:can|could)\ssay|nobody\sknows|(?:not|"
    r"n['’]t)\s(?:yet\s)?(?:be|been)\s(?:ruled\sout|excluded)|(?:is|are|was|were)\snot\s(?:clarified|"
    r"understood)|"
    r"hinges\son|doubtful|questionable)",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(
    r"\b(?:(?:at\sleast\s)?in\spart|(?:at\sleast\s)?part(?:ly|ially)|mainly|mostly|largely|primarily|"
    r"to\s(?:some|a\s(?:large|certain|limited))\s(?:extent|degree)|not\snecessarily(?:\s\w+){0,4}|"
    r"in\ssome\scases|"
    r"for\s(?:a\stime|the\smost\spart)|occasionally|at\stimes|only|limited|so\sfar|as\syet|initially|"
    r"similar)\b",
    re.IGNORECASE,
)
# A condition: 'if' at the head of a clause, not after 'asked' or 'see'.
_CONDITION = re.compile(
    r"(?:^|(?<=[,;—“\"(]\s)|(?<=[“\"(])|(?<=\b(?:and|but)\s)|(?<!\bas)(?<!\beven)\s)(?P<if>if|unless|"
    r"provided that|assuming|(?-i:Should)(?= (?:it|he|she|they|the|there|any|this|that)\b))\s(?!not\b|"
    r"any\b|so\b)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:ask(?:ed|s|ing)?|see|know|knows|knew|wonder(?:s|ed|ing)?|check(?:ed)?|tell|sure|doubt(?:s|ed)?|"
    r"determine|say|unclear|find out|decide(?:d)?|test)(?:\s\w+)?$",
    re.IGNORECASE,
)
_PROPER_MAY: Final = re.compile(r"\bMay\b")


def find_hedges(text: str) -> tuple[str, ...]:
    """Return the hedges of a text in its order, those of quantities ('at least') among them."""
    found = [
        (m.start(), " ".join(m[0].split()))
        for m in _HEDGE.finditer(text)
        # 'Was reported by the crew' says who saw it.
        if not (m[0].endswith("reported") and text[m.end() : m.end() + 4] == " by ")
        and not (_PROPER_MAY.match(m[0]) and m.start() > 0)
    ]
    found += [
        (m.start("if"), m["if"].lower())
        for m in _CONDITION.finditer(text)
        if not _ASKED.search(text[: m.start("if")].rstrip())
    ]
    found += [(q.start, q.bound) for q in find_quantities(text) if q.bound]
    return unique(words for _, words in sorted(found))


def find_qualifiers(text: str) -> tuple[str, ...]:
    """Return the limits of what is said, in the order of the text."""
    return unique(" ".join(m[0].lower().split()) for m in _QUALIFIER.finditer(text))


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words once each, without those that stand inside a longer one."""
    listed = list(dict.fromkeys(w for w in words if w))
    return tuple(w for w in listed if not any(w != other and w.lower() in other.lower() for other in listed))
