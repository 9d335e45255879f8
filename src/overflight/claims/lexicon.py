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
    said says say told tells tell announced announces announce added adds stated states state wrote writes
    write reported reports report confirmed confirms confirm testified testifies explained explains noted
    notes note disclosed revealed reveals reveal declared declares declare replied responded recalled
    recounted recounts described tweeted posted cautioned cautions remarked commented emphasised emphasized
    indicated concluded concludes conclude determined determines found recorded observed affirm affirms
    affirmed answer answers answered assure assures assured attest attests attested aver avers averred
    clarify clarifies clarified complain complains complained confide confides confided counters countered
    elaborated emailed exclaimed indicates informed informs joked lamented mentions mentioned notified
    outlined point_out points_out pointed_out proclaim proclaims proclaimed promise promises promised
    pledged vowed quipped reaffirmed reiterates reiterated relates remember remembers remembered reply
    replies responds retorted specified specifies texted messaged phoned underlined underscored volunteered
    whisper whispers whispered advised advises tweets posts blogged made_known makes_known made_clear
    makes_clear made_it_clear makes_it_clear made_it_known let_it_be_known let_slip went_on_to_say
    goes_on_to_say said_publicly spoke_of called calls branded labelled labeled dubbed termed characterised
    characterized describes read reads observes mumbled muttered shouted show_that shows_that showed_that
    demonstrate_that demonstrated_that records_that record_that establishes_that established_that
    states_that lists_that
    """
)
# Saying, thinking and feeling that keep a distance: the verb itself is a hedge.
HOLD: Final = words(
    """
    acknowledge acknowledges acknowledged admit admits admitted concede concedes conceded allege alleges
    alleged argue argues argued assert asserts asserted assess assesses assessed assume assumes assumed
    believe believes believed claim claims claimed contend contends contended deny denies denied dispute
    disputes disputed doubt doubts doubted estimate estimates estimated expect expects expected fear fears
    feared hope hopes hoped insist insists insisted judge judges judged maintain maintains maintained reject
    rejects rejected speculate speculates speculated stress stresses stressed suggest suggests suggested
    suspect suspects suspected think thinks thought warn warns warned hinted hints imply implies implied
    understand accuse accuses accused predict predicts predicted refute refutes refuted question questions
    questioned agree agrees agreed anticipate anticipates anticipated blame blames blamed conjecture
    conjectured consider considers considered deem deems deemed feel feels figure figures figured forecast
    forecasts guess guesses guessed heard_that hypothesised hypothesized imagine imagines imagined posit
    posits posited postulated presume presumes presumed profess professes professed protest protests
    protested reckon reckons reckoned recognise recognises recognised recognize recognizes recognized
    suppose supposes supposed surmise surmises surmised swear swears swore theorise theorised theorize
    theorized expressed_doubt expresses_doubt expressed_doubts expressed_concern expresses_concern
    expressed_concerns expressed_fear expressed_fears expressed_hope expresses_hope expressed_confidence
    expresses_confidence expressed_suspicion voiced_doubt voiced_doubts voiced_concern voiced_concerns
    voiced_fears voiced_suspicion raised_the_possibility raises_the_possibility took_the_view takes_the_view
    hold_that holds_that held_that dismissed dismisses
    """
)
# Only somebody who speaks is their subject, whatever the word for him.
SPEECH: Final = frozenset(
    words(
        """
        said says say told insisted insists argued argues claimed claims denied denies replied wrote
        acknowledged admitted conceded warned warns testified added alleged alleges asserted contended
        maintained believes believed cautioned joked complained swore thought tells stated states affirmed
        affirms answered answers assured assures averred claim recalled remarked replies responded retorted
        writes explained explains announced announces confirmed confirms concedes admits acknowledges
        contends asserts deny fears feared reckons reckon reckoned suspects suspected supposes supposed
        swears texted tweeted posted whispered whisper whispers confided remembers remembered guesses
        guessed hopes hoped doubts doubted promised vowed quipped reads pointed_out points_out made_known
        makes_known made_clear made_it_clear let_it_be_known expressed_doubt expressed_concern
        expressed_hope thinks think believe speculated speculates disclosed revealed reveals reiterated
        commented adds noted notes suggested suggests heard_from heard_that estimates estimated surmised
        presumed
        """
    )
)
# Verbs that stand before their subject: '…, said the general'.
INVERSE: Final = frozenset(
    words(
        """
        said says wrote writes added adds replied announced reported explained recalled insisted noted
        remarked admitted warned joked answered responded conceded claimed stated declared observed argued
        say write warn claim believe
        """
    )
)
SAYING: Final = words(
    """
    saying adding claiming insisting arguing warning suggesting noting stating alleging maintaining
    asserting contending telling writing explaining acknowledging admitting conceding denying confirming
    speculating stressing implying hinting affirming assuring calling describing branding blaming accusing
    declaring announcing reporting recalling remarking predicting estimating believing suspecting fearing
    pointing_out complaining reiterating revealing
    """
)
# These take what they speak of as a noun: 'denied any attempt', 'believe some ability'.
WITH_NOUN: Final = frozenset(
    words(
        """
        allege alleges alleged believe believes believed claim claims claimed deny denies denied dispute
        disputes disputed doubt doubts doubted estimate estimates estimated expect expects expected fear
        fears feared reject rejects rejected suspect suspects suspected assert asserts asserted described
        question questions questioned refute refuted describes called calls branded labelled labeled dubbed
        termed characterised characterized accuse accuses accused blame blames blamed dismissed dismisses
        considered considers deemed
        """
    )
)
UNSURE: Final = words(
    """
    unsure uncertain unclear undecided unaware unconvinced concerned worried afraid doubtful sceptical
    skeptical confident certain sure convinced hopeful alarmed aware divided unpersuaded adamant fearful
    suspicious satisfied mindful positive
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
    ought isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't can't couldn't won't
    wouldn't shouldn't isn’t aren’t wasn’t weren’t hasn’t haven’t hadn’t doesn’t don’t didn’t can’t couldn’t
    won’t wouldn’t it's it’s that's that’s there's there’s
    """
)
PAST: Final = words(
    """
    began became broke brought built came caught chose cut drew drove fell felt fled flew found gave got
    grew heard held hit hung kept knew led left lost made meant met overflew paid put ran rose said sank saw
    sent set shot showed sought spent spoke spread stood struck swept sold swung thought threw told took
    went withdrew won wrote overtook shook slowed underwent ate beat bent bet bled blew bore bought bound
    burst cast clung cost crept dealt dove drank dug fed fought forbade forgot froze ground hid hurt laid
    lay leapt learnt lent lit mistook overheard overran read rang rode sang sat shone shrank shut slept slid
    snuck spelt spilt spun split sprang stole stuck stung strove swore swam taught tore undertook understood
    upheld woke wore wound overcame foresaw foretold forgave
    """
)
PRESENT: Final = words(
    """
    says carries flies remains seems shows suggests denies claims believes insists raises poses includes
    means comes takes makes gives allows contains belongs operates uses runs sends collects gathers needs
    wants faces follows lies sits hangs drifts floats moves crosses enters leaves think believe say deny
    insist remain appear appears weighs reaches travels rises descends stays threatens violates happens
    produces transmits captures consists covers describes owns seeks holds acknowledge suspect want need
    know knows affects agrees applies asks becomes begins blows breaks brings builds burns bursts calls
    catches collapses confirms contradicts corresponds costs depends detects differs disappears doubts
    drives drops employs ends ensures exceeds exists expands expects explains fails falls favours fears
    feels fills finds fits flow flows forms goes grows helps hopes ignores improves involves keeps lacks
    lands lasts launches lets lives looks loses matches maintains meets offers opens opposes overflies owes
    pays permits plans plays possesses prefers presumes prevents proves provides publishes pulls pushes puts
    reacts reads receives reckons rejects relies represents requires resembles reserves resists returns
    rides rotates saves sees sells serves sinks sounds speaks spends spins spreads starts stems stops
    suffers suffices supports supposes surveys survives swears tends tells thinks tracks tries turns
    understands vanishes wonders works writes yields blow fly go come exist drift belong carry consist
    contain require tend rely resemble vary originate follow serve support operate oppose affirm launch
    """
)
# Verbs without ending, that lean on a 'could' or a 'to' before them.
BASE: Final = words(
    """
    transmit send relay collect gather capture take make fly carry use move cross enter return allow provide
    keep stay change steer hover photograph record intercept avoid reach track be have float drift loiter
    climb descend rise sink land launch release detect monitor observe film scan map survey listen receive
    store save destroy damage recover threaten endanger violate remain
    """
)
# Words in -ed that are no verbs, or stand before a noun.
NOT_PAST: Final = frozenset(
    words(
        """
        advanced alleged armed assorted bed classified crewed dedicated detailed experienced feed green
        hundred indeed limited manned naked named need perceived purported red related sacred seed shed
        so-called sophisticated speed suspected supposed united unmanned unnamed unprecedented unidentified
        uncrewed high-speed widespread wounded increased proposed heated guided embed unexpected talented
        powered-up aged agreed-upon breed creed deed exceed freed greed heed proceed succeed weed uninvited
        undisclosed unfounded unverified unconfirmed undetected underground retired tired interested
        involved assured concerned-about
        """
    )
)

AGENCY: Final = words(
    """
    pentagon white_house kremlin government governments ministry ministries department administration agency
    agencies command norad northcom indopacom congress parliament embassy consulate military army navy force
    forces air_force coast_guard fbi cia nsa dia nasa noaa faa nato eu un council committee commission
    police authority authorities bureau office state_department intelligence_community community cabinet
    regulator downing_street state states nation country republic kingdom treasury court mission centre
    center service services guard union association federation alliance ministry_of_defence staff taskforce
    observatory institute institution university laboratory airport directorate secretariat inspectorate
    customs presidency chancellery side palace senate house politburo party organisation organization group
    range base department_of_defense regiment squadron unit watchdog board foreign_office justice_department
    general_staff tower control
    """
)
DOCUMENTS: Final = words(
    """
    report memo memorandum document documents statement assessment indictment transcript notice filing
    affidavit letter cable bulletin review study notam note communique communiqué paper papers book history
    file files log logs record records text message email e-mail tweet tweets post dossier declaration
    release account accounts leaflet chronicle directive
    """
)
OFFICIALS: Final = words(
    """
    official officials source sources person people aide aides insider insiders operative operatives officer
    officers commander commanders diplomat diplomats individual individuals spokesperson spokesman
    spokeswoman spokespeople staffer staffers employee employees negotiator
    """
)
TITLES: Final = words(
    """
    gen general lt col colonel maj major capt captain adm admiral secretary minister president premier
    chancellor ambassador spokesperson spokesman spokeswoman director chief commander commissioner
    undersecretary adviser advisor chairman chairwoman chair prime deputy envoy attorney head sheriff mayor
    coordinator marshal lieutenant brigadier sergeant corporal commodore wing_commander superintendent
    inspector constable principal ruler king queen prince chief_of_staff deputy_chief detective
    vice-president vice vice-minister
    """
)
POLITICIANS: Final = words(
    """
    sen senator senators rep representative congressman congresswoman lawmaker lawmakers governor governors
    mp mps legislator legislators republican republicans democrat democrats gov opposition congressmen
    parliamentarian parliamentarians candidate candidates councillor councilor ex-president
    """
)
EXPERTS: Final = words(
    """
    professor prof expert experts analyst analysts researcher researchers scientist scientists fellow
    meteorologist meteorologists astronomer astronomers historian engineer engineers academic academics
    specialist specialists scholar scholars dr observers observer physicist physicists geographer
    geographers economist economists biologist technician technicians author authors biographer consultant
    consultants physiologist chemist critic critics lecturer student students campaigner historians
    expert_on hobbyist reviewer reviewers
    """
)
WITNESSES: Final = words(
    """
    resident residents witness witnesses photographer neighbor neighbors neighbour neighbours farmer farmers
    rancher ranchers pilot pilots passenger passengers eyewitness eyewitnesses bystander bystanders villager
    villagers fisherman fishermen local locals motorist motorists man woman women men guy guys boy girl
    child children cousin cousins uncle aunt brother sister mother father wife husband son daughter friend
    friends sister-in-law brother-in-law mother-in-law father-in-law co-worker co-workers colleague
    colleagues reader readers member members tourist tourists holidaymaker holidaymakers traveller
    travellers traveler travelers driver drivers hiker hikers sailor sailors skipper skippers veteran
    veterans survivor survivors worker workers shepherd shopkeeper homeowner homeowners landowner landowners
    volunteer volunteers hunter hunters airman airmen somebody someone everyone everybody
    """
)
COMPANIES: Final = words(
    """
    company companies firm firms corporation corp inc ltd manufacturer maker operator club hobbyists
    executive executives ceo airline airlines provider startup contractor contractors operators clubs
    carrier vendor supplier boss bosses employer founder owner managers manager insurer
    """
)
OUTLETS: Final = words(
    """
    newspaper network broadcaster magazine outlet outlets media tabloid cnn nbc abc cbs bbc reuters ap afp
    bloomberg nyt xinhua tass politico newsweek times journal post guardian telegraph tribune herald daily
    gazette weekly press reporters npr fox cbc cnbc axios interfax yonhap kyodo dpa nhk
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
    finnish italy italian spain spanish nato european soviet saudi egyptian egypt syria syrian dutch belgian
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
