"""What the words of a claim touch: the four questions, with the answer, by rules that can be read.

This proposes where nobody typed a verb, and finds claims that merge two questions. It is a list of words of
English, not an understanding: what it says is marked as read from the words until a person types it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from overflight.claims.lexicon import THINGS, any_of
from overflight.claims.records import Answer, Claim, Verb

# Claims on these topics speak of other flights and things, not of the flight of the case.
OTHER_SUBJECTS: Final = frozenset(
    {
        "programme",
        "prior_flights",
        "other_flights",
        "other_objects",
        "counter_accusation",
        "counter_collection",
    }
)

_COLLECT = (
    r"(?:tak(?:e|es|ing|en)|took) (?:images|imagery|pictures|photographs)|"
    r"(?:images|imagery|pictures|photographs|photos) (?:were|had been|have been|are|being) taken|"
    r"collect(?:s|ed|ing)?|gather(?:s|ed|ing)?|captur(?:e|es|ed|ing)|photograph(?:s|ed|ing)?|"
    r"intercept(?:s|ed|ing)?|eavesdrop(?:s|ped|ping)?|geolocat(?:e|es|ed|ing)|collection"
)
_SEND = (
    r"send(?:s|ing)?|sent|transmit(?:s|ted|ting)?|transmission|relay(?:s|ed|ing)?|"
    r"beam(?:s|ed|ing)? (?:it |them |\w+ )?(?:back|home)"
)
_ACT = re.compile(rf"\b(?:(?P<collect>{_COLLECT})|(?P<send>{_SEND}))\b")
_CLAUSE = re.compile(r"[;:.!?]|,? but |, (?=and |yet |though |although |while )")
# An attempt is neither the ability nor the deed.
_ATTEMPT = re.compile(r"\b(?:attempt\w*|tr(?:y|ied|ying)|meant|intend\w*|aim\w*|plan\w*) (?:\w+ ){0,3}$")
_OPEN = re.compile(
    r"\b(?:whether|unsure|unclear|unknown|not (?:sure|certain|clear|known|confirm\w*)|cannot (?:say|confirm)|"
    r"could not (?:say|confirm|tell)|does not know|do not know|open question|under analysis|still assessing|"
    r"too early|has not been confirmed)\b"
)
_COULD = re.compile(
    r"\b(?:could|can|able|ability|abilities|capab\w+|equipped|designed|built|fitted|suited|means) "
    r"(?:\w+ ){0,6}$"
)
_COULD_HAVE = re.compile(r"\bcould (?:\w+ ){0,2}have (?:\w+ ){0,2}$|\bcan be $|\bcould be $")
# What stands between commas inside a verb: 'could, in theory, have collected'.
_PARENTHESIS = re.compile(r", [^,]{1,60}, (?!and\b|but\b|or\b|it\b|he\b|they\b|the\b)|,(?= have\b)")
_BREAKS_VERB = re.compile(r"\b(?:could|can|may|might|would|able|have|has|had|was|were|did|to|not)$")
# What flies is intercepted and captured, aircraft and letters are sent: that is no collecting of data.
_CRAFT = (
    rf"(?:{any_of(THINGS)}|aircraft|fighters?|jets?|planes?|helicopters?|gondolas?|ships?|boats?|teams?|"
    rf"divers?|police|"
    r"officers?|troops|soldiers|flights?|letters?|notes?|letter|delegation|engineers|experts|missiles?)"
)
_OF_CRAFT = re.compile(
    rf"^ (?:(?:and|or) \w+ )?(?:it|them|(?:(?:the|a|an|its|two|three|four|some|several|any|more|no|his|"
    rf"their) )?(?:[\w-]+ ){{0,2}}?{_CRAFT})\b"
)
_CRAFT_WERE = re.compile(
    rf"\b{_CRAFT} (?:\w+ ){{0,2}}?(?:was|were|are|is|be|been|being|had been|have been|has been) (?:\w+ "
    rf"){{0,2}}$|"
    r"\b(?:they|it|he|she)(?:'d| had| have) been $"
)
_UP = re.compile(
    r"^ (?:up|aloft|out|to (?:the scene|other|look|investigate|intercept|search|sea|hospital)|after|away)\b"
)
_PICTURES: Final = re.compile(
    r"\b(?:no|any|the|some|of|in|and|or|these|those|their|its|his|her|a|more|many|\d+) $"
)
_COULD_AFTER = re.compile(r"^ (?:ability|abilities|capab\w+|gear|equipment|system|possible)")
_NO = re.compile(
    r"\b(?:no|not|never|nothing|neither|without|unable|den(?:y|ies|ied)|reject\w*|false)\b[^,]{0,60}$"
)
_NO_AFTER = re.compile(r"^ (?:no|nothing|neither)\b")
# What is taken for granted on the way: 'what it collected', 'before sending it'.
_GRANTED = re.compile(
    r"\b(?:what(?:ever)?|data|information|intelligence|images|anything|everything|all)(?: that| which)? "
    r"(?:\w+ ){0,2}(?:it|had|has|was|were|balloon|they)(?: \w+)? $|\b(?:before|after|when|while|by|as) $"
)
# 'All data collected': the participle behind its noun.
_DATA_BEFORE: Final = re.compile(r"\b(?:data|information|intelligence|images|imagery) $")


@dataclass(frozen=True, slots=True)
class Touch:
    """A question that a claim touches. `granted`: taken for granted in passing, not said.

    `words` are those that it was read from; '' when a person typed the verb.
    """

    verb: Verb
    answer: Answer
    words: str = ""
    granted: bool = False


def touches(claim: Claim) -> tuple[Touch, ...]:
    """Return the questions that a claim touches: by its verbs if it has any, else by its words."""
    if claim.verbs:
        return tuple(Touch(verb, claim.answer or "yes") for verb in claim.verbs)
    return () if claim.topic in OTHER_SUBJECTS else read_words(claim.claim)


@lru_cache(maxsize=8192)
def read_words(text: str) -> tuple[Touch, ...]:
    """Return the questions that a text touches, each verb once, in the order of the text."""
    found: dict[tuple[Verb, bool], Touch] = {}
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("n't", " not")
    for clause in _CLAUSE.split(plain):
        words = _without_parentheses(" ".join(clause.split()))
        for match in _ACT.finditer(words):
            touch = _touch(words, match)
            if touch is not None:
                found.setdefault((touch.verb, touch.granted), touch)
    said = {t.verb for t in found.values() if not t.granted}
    return tuple(t for t in found.values() if not t.granted or t.verb not in said)


def _touch(words: str, match: re.Match[str]) -> Touch | None:
    before, act, after = words[: match.start()], match[0], words[match.end() :]
    if _ATTEMPT.search(before) or _no_data(before, act, after):
        return None
    granted = bool(_GRANTED.search(before)) and not _OPEN.search(before)
    granted |= act.endswith("ed") and bool(_DATA_BEFORE.search(before))
    could = not granted and (_able(_without_doubt(before), act) or bool(_COULD_AFTER.search(after)))
    # 'A collection hazard', 'intelligence collection': a noun alone says nothing of a deed.
    if act == "collection" and not could and not _OPEN.search(before):
        return None
    verb: Verb
    if match["collect"]:
        verb = "could_collect" if could else "did_collect"
    else:
        verb = "could_send" if could else "did_send"
    answer: Answer = "yes"
    if not granted and _OPEN.search(before):
        answer = "open"
    elif not granted and (_NO.search(before) or _NO_AFTER.search(after)):
        answer = "no"
    return Touch(verb, answer, f"{before[-40:]}{act}{after[:20]}".strip(), granted)


def _without_parentheses(words: str) -> str:
    """Take out what stands between commas inside a verb: 'could, in theory, have' is 'could have'."""
    for match in reversed(list(_PARENTHESIS.finditer(words))):
        if _BREAKS_VERB.search(words[: match.start()]):
            words = f"{words[: match.start()]} {words[match.end() :].lstrip()}"
    return words


def _no_data(before: str, act: str, after: str) -> bool:
    """Whether what is intercepted, captured or sent is something that flies, or a letter."""
    if act.startswith("photograph") and act in ("photograph", "photographs") and _PICTURES.search(before):
        return True
    if act.startswith(("intercept", "captur")):
        return bool(_OF_CRAFT.match(after) or _CRAFT_WERE.search(before))
    if act in ("send", "sends", "sending", "sent"):
        return bool(_UP.match(after)) or bool(
            (_CRAFT_WERE.search(before) or _OF_CRAFT.match(after)) and not re.match(r"^ (?:it|them)\b", after)
        )
    return False


def _able(before: str, act: str) -> bool:
    """Whether an ability is spoken of; 'could collect and it sent' is one for collecting alone."""
    past = act.endswith("ed") or act.startswith(("sent", "took"))
    return bool((_COULD_HAVE if past else _COULD).search(before))


def _without_doubt(before: str) -> str:
    """Take out the words of doubt, whose 'could not confirm' is no ability."""
    return _OPEN.sub("", before)
