"""Word lists of the reading of documents: verbs of saying, voices, verbs that can be finite.

They are lists of English, which a reader can check and extend; nothing here knows a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list, '_' standing for a space inside one."""
    return tuple(word.replace("_", " ") for word in text.split())


def any_of(listed: Iterable[str]) -> str:
    """Return a pattern of any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(set(listed), key=lambda w: (-len(w), w)))


# Saying without distance: no hedge comes of them.
SAY: Final = words(
    """
    said says say told tells tell announced announces announce added adds stated states state wrote
    writes write reported reports report confirmed confirms confirm testified testifies explained
    explains noted notes note disclosed disclosed revealed reveals reveal declared declares declare
    replied responded recalled recounted recounts described tweeted posted cautioned cautions remarked
    commented emphasised emphasized indicated concluded concludes conclude determined determines found
    recorded observed
    """
)
# Saying, thinking and feeling that keep a distance: the verb itself is a hedge.
HOLD: Final = words(
    """
    acknowledge acknowledges acknowledged admit admits admitted concede concedes conceded allege alleges
    alleged argue argues argued assert asserts asserted assess assesses assessed assume assumes assumed
    believe believes believed claim claims claimed contend contends contended deny denies denied dispute
    disputes disputed doubt doubts doubted estimate estimates estimated expect expects expected fear
    fears feared hope hopes hoped insist insists insisted judge judges judged maintain maintains
    maintained reject rejects rejected speculate speculates speculated stress stresses stressed suggest
    suggests suggested suspect suspects suspected think thinks thought warn warns warned hinted hints
    imply implies implied understand accuse accuses accused predict predicts predicted refute refutes
    refuted question questions questioned
    """
)
# Only somebody who speaks is their subject, whatever the word for him.
SPEECH: Final = frozenset(
    words(
        """
        said says say told insisted insists argued argues claimed claims denied denies replied wrote
        acknowledged admitted conceded warned warns testified added alleged alleges asserted contended
        maintained believes believed cautioned joked complained swore thought
        """
    )
)
# Verbs that stand before their subject: '…, said the general'.
INVERSE: Final = frozenset(
    words("said says wrote writes added adds replied announced reported explained recalled")
)
SAYING: Final = words(
    """
    saying adding claiming insisting arguing warning suggesting noting stating alleging maintaining
    asserting contending telling writing explaining acknowledging admitting conceding denying confirming
    speculating stressing implying hinting
    """
)
# These take what they speak of as a noun: 'denied any attempt', 'believe some ability'.
WITH_NOUN: Final = frozenset(
    words(
        """
        acknowledge acknowledges acknowledged admit admits admitted concede concedes conceded allege
        alleges alleged believe believes believed claim claims claimed deny denies denied dispute
        disputes disputed doubt doubts doubted estimate estimates estimated expect expects expected fear
        fears feared reject rejects rejected suspect suspects suspected confirm confirms confirmed
        suggest suggests suggested assert asserts asserted reported announced disclosed revealed
        described question questions questioned refute refuted
        """
    )
)
UNSURE: Final = words(
    """
    unsure uncertain unclear undecided unaware unconvinced concerned worried afraid doubtful sceptical
    skeptical confident certain sure convinced hopeful alarmed aware divided
    """
)
BE: Final = words(
    """
    is are was were be been being am isn't aren't wasn't weren't
    """
)
AUX: Final = words(
    """
    is are was were am has have had does do did can could may might must should shall will would cannot
    isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't can't couldn't won't wouldn't
    shouldn't isn’t aren’t wasn’t weren’t hasn’t haven’t hadn’t doesn’t don’t didn’t can’t couldn’t
    won’t wouldn’t it's it’s that's that’s there's there’s
    """
)
PAST: Final = words(
    """
    began became broke brought built came caught chose cut drew drove fell felt fled flew found gave got
    grew heard held hit hung kept knew led left lost made meant met overflew paid put ran rose said sank
    saw sent set shot showed sought spent spoke spread stood struck swept sold swung thought threw told
    took went withdrew won wrote overtook shook slowed underwent
    """
)
PRESENT: Final = words(
    """
    says carries flies remains seems shows suggests denies claims believes insists raises poses includes
    means comes takes makes gives allows contains belongs operates uses runs sends collects gathers
    needs wants faces follows lies sits hangs drifts floats moves crosses enters leaves think believe
    say deny insist remain appear appears weighs reaches travels rises descends stays threatens violates
    happens produces transmits captures consists covers describes owns seeks holds acknowledge suspect
    want need know knows
    """
)
# Verbs without ending, that lean on a 'could' or a 'to' before them.
BASE: Final = words(
    """
    transmit send relay collect gather capture take make fly carry use move cross enter return allow
    provide keep stay change steer hover photograph record intercept avoid reach track be have float
    drift loiter
    """
)
# Words in -ed that are no verbs, or stand before a noun.
NOT_PAST: Final = frozenset(
    words(
        """
        advanced alleged armed assorted bed classified crewed dedicated detailed experienced feed green
        hundred indeed limited manned naked named need perceived purported red related sacred seed shed
        so-called sophisticated speed suspected supposed united unmanned unnamed unprecedented
        unidentified uncrewed high-speed widespread wounded increased proposed heated guided embed
        unexpected talented powered-up aged agreed-upon breed creed deed exceed freed greed heed proceed
        succeed weed uninvited undisclosed
        """
    )
)

AGENCY: Final = words(
    """
    pentagon white_house kremlin government governments ministry ministries department administration
    agency agencies command norad northcom indopacom congress parliament embassy consulate military army
    navy force forces air_force coast_guard fbi cia nsa dia nasa noaa faa nato eu un council committee
    commission police authority authorities bureau office state_department intelligence_community
    community cabinet regulator downing_street state states nation country republic kingdom treasury
    court mission
    """
)
DOCUMENTS: Final = words(
    """
    report memo memorandum document documents statement assessment indictment transcript notice filing
    affidavit letter cable bulletin review study notam
    """
)
OFFICIALS: Final = words(
    """
    official officials source sources person people aide aides insider insiders operative operatives
    officer officers commander commanders diplomat diplomats individual individuals spokesperson
    spokesman spokeswoman spokespeople
    """
)
TITLES: Final = words(
    """
    gen general lt col colonel maj major capt captain adm admiral secretary minister president premier
    chancellor ambassador spokesperson spokesman spokeswoman director chief commander commissioner
    undersecretary adviser advisor chairman chairwoman chair prime deputy envoy attorney head sheriff
    mayor coordinator marshal
    """
)
POLITICIANS: Final = words(
    """
    sen senator senators rep representative congressman congresswoman lawmaker lawmakers governor
    governors mp mps legislator legislators republican republicans democrat democrats gov opposition
    """
)
EXPERTS: Final = words(
    """
    professor prof expert experts analyst analysts researcher researchers scientist scientists fellow
    meteorologist meteorologists astronomer astronomers historian engineer engineers academic academics
    specialist specialists scholar scholars dr observers observer
    """
)
WITNESSES: Final = words(
    """
    resident residents witness witnesses photographer neighbor neighbors neighbour neighbours farmer
    farmers rancher ranchers pilot pilots passenger passengers eyewitness eyewitnesses bystander
    bystanders villager villagers fisherman fishermen local locals motorist motorists man woman
    """
)
COMPANIES: Final = words(
    """
    company companies firm firms corporation corp inc ltd manufacturer maker operator club hobbyists
    executive executives ceo airline provider startup contractor
    """
)
OUTLETS: Final = words(
    """
    newspaper network broadcaster magazine outlet outlets media tabloid cnn nbc abc cbs bbc reuters ap
    afp bloomberg nyt xinhua tass politico newsweek times journal post guardian telegraph tribune herald
    """
)
# Names of states and capitals that speak, and the adjectives of whose something is.
NATIONS: Final = words(
    """
    us u.s. u.s usa america american china chinese prc beijing washington russia russian moscow japan
    japanese tokyo taiwan taiwanese taipei india indian canada canadian ottawa uk u.k. british britain
    london france french paris germany german berlin ukraine ukrainian kyiv iran iranian tehran israel
    israeli north_korea north_korean south_korea south_korean pyongyang seoul turkey turkish belarus
    belarusian minsk poland polish lithuania lithuanian romania romanian moldova moldovan mexico mexican
    brazil brazilian colombia colombian venezuela venezuelan costa_rica australia australian canberra
    philippines philippine vietnam vietnamese pakistan pakistani norway norwegian sweden swedish finland
    finnish italy italian spain spanish nato european soviet saudi egyptian egypt syria syrian dutch
    belgian
    """
)
PRONOUNS: Final = words(
    """
    he she they it we i
    """
)
# What flies and whose owner is in question.
THINGS: Final = words(
    """
    balloon balloons airship airships aerostat blimp dirigible drone drones uav aircraft object objects
    craft vehicle payload glider
    """
)
