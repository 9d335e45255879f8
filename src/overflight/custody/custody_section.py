"""The account of a case: findings, and `sections.custody` of the result.

Could collect, did collect, could send and did send are four questions. The first and the third are answered
by hardware (`ceilings`), the second and the fourth by evidence (`account`), and what is likely under stated
priors is a fifth thing (`posterior_account`). How much it was says nothing of what was in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from overflight.case import CASE_FILE, Case, read_case
from overflight.custody.account import (
    SCOPES,
    UNCONSTRAINED,
    Bound,
    Bounds,
    End,
    ceiling_rows,
    evidence_rows,
    solve_account,
)
from overflight.custody.ceilings import (
    DAYS,
    REFERENCE_SENSORS,
    LinkCeiling,
    all_services,
    aloft_hours,
    collected_bytes,
    link_ceilings,
)
from overflight.custody.custody_settings import CustodySettings, read_settings
from overflight.custody.evidence import (
    CLASSES,
    QUANTITIES,
    Account,
    Evidence,
    Quantity,
    Scope,
    read_account,
)
from overflight.custody.posterior_account import LEAST_EFFECTIVE, Draws, assessed, draw_account, make_setting
from overflight.custody.priors import words as prior_words
from overflight.custody.received import Copies, case_stream
from overflight.errors import CaseError, InputError
from overflight.places.sites import Site, read_sites
from overflight.records import Finding
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Row = dict[str, Any]
Progress = Callable[[str, float], None]

UNIT: Final = "byte"
# Sensors that every link is held against in findings; the table of the command has all.
AGAINST: Final = ("camera_61mp", "iq_20ms")
# What would bound a quantity that nothing bounds.
WOULD_BOUND: Final[Mapping[Quantity, str]] = {
    "collected": "what every sensor of its class can make at most, and that there were no others",
    "sent": "which links it had, and that there were no others; or a watch kept on all its bands",
    "kept": "the size of its recorder",
    "deleted": "how much was collected, and how much was on board at the end",
    "recovered": "a list of what the laboratory read",
    "altered": "hashes made before anybody could change the recorder",
    "unaccounted": "how much was collected, against what was sent and what was recovered",
    "both": "hashes of what was caught on its way and of what was recovered",
}
NOTES: Final = (
    "Hard bounds hold whatever the priors; each names the smallest set of evidence that implies it. What is "
    "likely holds under the priors of the account, and only there.",
    "Sending copies, it does not move: what was sent may be kept as well, and be recovered. Deleted is all "
    "that was collected and was not on board at the end. Altered is a property of what was recovered.",
    "Amounts say nothing of content.",
    "A ceiling of a link is what its service sells at most, without a break. None says that it was used.",
    "Along a flight a ceiling is the most of any member of its ensemble, of each step the faster of its "
    "ends: it holds where the true path is among them. Hours that the flight does not tell of count at the "
    "fastest rate.",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CustodyAnswer:
    """The answer: `findings` and the `section` of the result, and what they were made from.

    `draws` is None where the account has no priors or its evidence contradicts itself.
    """

    findings: tuple[Finding, ...]
    section: Mapping[str, Any]
    account: Account
    bounds: Bounds
    ceilings: tuple[LinkCeiling, ...]
    draws: Draws | None = None


def custody_case(
    folder: str | Path,
    *,
    flight: xr.Dataset | None = None,
    samples: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> CustodyAnswer:
    """Answer the account of a case. Opens no socket.

    Parameters
    ----------
    folder : the case folder; `[inputs]` names its account.
    flight : ensemble along which links and sites are in reach; None: the case's window anywhere.
    samples, seed : override the account's own.
    """
    case = read_case(folder)
    settings = read_settings(case.ask.get("custody", {}), case.folder, samples=samples, seed=seed)
    return custody_answers(
        settings, flight, read_sites(case.inputs["sites"]),
        hours=(case.time_end - case.time_start) / HOUR_S, account=case_account(case),
        stream=case_stream(case, settings), progress=progress,
    )  # fmt: skip


def case_account(case: Case) -> Account | None:
    """Read the account that `[inputs]` of a case names, None where it names none.

    Raises CaseError where there is more than one, InputError where it cannot be read.
    """
    files = case.inputs["account"]
    if len(files) > 1:
        raise CaseError(
            "names more than one account", file=CASE_FILE, field="inputs.account", remedy="Join them."
        )
    return read_account(files[0]) if files else None


def custody_answers(
    settings: CustodySettings,
    flight: xr.Dataset | None,
    sites: Sequence[Site] = (),
    *,
    hours: float | None = None,
    account: Account | None = None,
    stream: Copies | None = None,
    progress: Progress | None = None,
) -> CustodyAnswer:
    """Answer how much was collected, sent, kept, deleted, recovered and lost, and how much could have been.

    Parameters
    ----------
    settings : how finely it is drawn.
    account : what is known of it. Without one nothing is known of sensors, recorder and links, and only the
        ceilings of services bound anything.
    flight : the ensemble; None where there is none, and `hours` say how long it worked.
    stream : what is known of the stream that was received or recovered.

    Raises
    ------
    InputError
        When neither a flight nor hours are known.
    """
    given = account or Account()
    worked = given.hours or (aloft_hours(flight) if flight is not None else hours)
    if worked is None or worked <= 0.0:
        raise InputError(
            "how long it worked is not known", field="account.hours", remedy="Give hours, or a flight."
        )
    # Without hours of the account's own each member works as long as it is aloft.
    over = given.hours if flight is not None else worked
    services = all_services(flight, over)
    own = link_ceilings([plan.link for plan in given.links], flight, over)
    most = sum(one.most for one in own) if own else None
    rows = (*evidence_rows(given.evidence), *ceiling_rows(given, worked, most))
    bounds = solve_account(rows)
    draws = None
    if bounds.bounds and assessed(given):
        setting = make_setting(given, flight, sites, worked)
        draws = draw_account(given, setting, samples=settings.samples, seed=settings.seed, progress=progress)
    parts = _Parts(given, worked, services, own, bounds, draws, flight is not None)
    findings = (
        *_could_findings(parts), *_hard_findings(parts), *_likely_findings(parts), *_other_findings(parts),
    )  # fmt: skip
    section = section_of(parts, findings)
    if stream is not None:
        findings, section = (*findings, *stream.findings), {**section, "stream": stream.section}
    return CustodyAnswer(
        findings=findings, section=section, account=given, bounds=bounds, ceilings=services, draws=draws
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    account: Account
    hours: float
    services: tuple[LinkCeiling, ...]
    own: tuple[LinkCeiling, ...]
    bounds: Bounds
    draws: Draws | None
    over_path: bool

    @property
    def given(self) -> dict[str, str]:
        """Under what the answers hold."""
        return {"account": self.account.file or "none", "hours": f"{self.hours:.4g} {self.where}"}

    @property
    def where(self) -> str:
        """Where it is taken to have been in those hours."""
        if not self.over_path:
            return "wherever it was"
        untold = max((one.untold_hours for one in self.services), default=0.0)
        path = "along the paths of the flight's ensemble"
        # The flight is told to the second; less than that is rounding.
        if untold * HOUR_S < 1.0:
            return path
        return f"{path}, {min(untold, self.hours):.4g} of them not in it and counted wherever it was"


# --- words -----------------------------------------------------------------------------------------------


def bytes_words(amount: float) -> str:
    """Write bytes in decimal units with three digits: '0.207 GB', '63.2 TB', '12 B'."""
    if abs(amount) < 1000.0:
        return f"{amount:.0f} B"
    # From a tenth of a gigabyte on in gigabytes: the sizes that services are compared in.
    for factor, unit, least in ((1e12, "TB", 1e12), (1e9, "GB", 1e8), (1e6, "MB", 1e6), (1e3, "kB", 0.0)):
        if abs(amount) >= least:
            return (
                f"{amount / factor:.3g} {unit}"
                if abs(amount) < 1000 * factor
                else f"{amount / factor:,.0f} {unit}"
            )
    return f"{amount:.0f} B"


def scope_words(scope: Scope) -> str:
    """Write a class for people: 'image data', 'all data'."""
    return f"{scope.removesuffix('s')} data"


def bound_words(bound: Bound) -> str:
    """Write a hard bound: '1 to 2 GB', 'at least 1 GB', or that nothing constrains it."""
    low, high = bound.low.value or 0.0, bound.high.value
    if high is None:
        return UNCONSTRAINED if low == 0.0 else f"at least {bytes_words(low)}, above that {UNCONSTRAINED}"
    if high - low <= 1e-9 * high:
        return "nothing" if high == 0.0 else f"exactly {bytes_words(high)}"
    return f"at most {bytes_words(high)}" if low == 0.0 else f"{bytes_words(low)} to {bytes_words(high)}"


def _names(end: End) -> str:
    return ", ".join(name for name, _ in end.binding)


# --- findings --------------------------------------------------------------------------------------------


def _could_findings(p: _Parts) -> list[Finding]:
    found = [_link_finding(one, p) for one in p.services]
    found += [_days_finding(one, p) for one in p.services]
    found += [_share_finding(one, name, p) for one in p.services for name in AGAINST]
    for name in CLASSES:
        question = f"How much {scope_words(name)} could its known sensors have collected at most?"
        rates = [s.max_bps for s in p.account.sensors if s.artefact == name]
        if not rates or None in rates:
            reason = (
                "no sensor of this class is given"
                if not rates
                else "the most that a sensor makes is not given"
            )
            found.append(_open(f"custody.{name}.could_collect", question, reason, p))
            continue
        most = collected_bytes(sum(rate for rate in rates if rate is not None), p.hours)
        found.append(_interval(f"custody.{name}.could_collect", question, 0.0, most, p, ("sensors",)))
    question = "How much could its links have sent at most?"
    if p.own:
        most = sum(one.most for one in p.own)
        found.append(_interval("custody.all.could_send", question, 0.0, most, p, ("links",)))
    else:
        found.append(_open("custody.all.could_send", question, "no link is given", p))
    return found


def _link_finding(one: LinkCeiling, p: _Parts) -> Finding:
    question = f"How much could {one.name} have carried home over this flight, at its ceiling?"
    value = {"p05": one.p05, "p50": one.p50, "p95": one.p95}
    return Finding(
        id=f"custody.{one.id}.could_carry", question=question, kind="interval", unit=UNIT, value=value,
        given=p.given, reason=f"{one.top_bps / 1e3:g} kbit/s ({one.provenance}: {one.source})",
    )  # fmt: skip


def _days_finding(one: LinkCeiling, p: _Parts) -> Finding:
    most = collected_bytes(one.top_bps, 24.0 * DAYS)
    question = f"How much could {one.name} carry home in {DAYS:g} days without a break, wherever it works?"
    return _interval(f"custody.{one.id}.in_{DAYS:g}_days", question, 0.0, most, p, ())


def _share_finding(one: LinkCeiling, name: str, p: _Parts) -> Finding:
    sensor = REFERENCE_SENSORS[name]
    made = collected_bytes(sensor.rate_bps, p.hours)
    return Finding(
        id=f"custody.{one.id}.share_of_{name}",
        question=f"What share of what a {sensor.name} could have collected could {one.name} have carried?",
        kind="interval", unit="1", value={"lo": 0.0, "hi": one.most / made}, given=p.given,
        reason=f"{bytes_words(one.most)} of {bytes_words(made)} in {p.hours:.4g} h",
    )  # fmt: skip


def _interval(
    name: str, question: str, low: float, high: float, p: _Parts, evidence: tuple[str, ...], reason: str = ""
) -> Finding:
    return Finding(
        id=name, question=question, kind="interval", unit=UNIT, value={"lo": low, "hi": max(low, high)},
        given=p.given, evidence=evidence, reason=reason,
    )  # fmt: skip


def _open(name: str, question: str, reason: str, p: _Parts, evidence: tuple[str, ...] = ()) -> Finding:
    return Finding(
        id=name, question=question, kind="undetermined", unit=UNIT, value=None, given=p.given,
        evidence=evidence, reason=reason,
    )  # fmt: skip


def _asks(scope: Scope, quantity: Quantity) -> str:
    done = {"both": "sent and recovered", "unaccounted": "collected, and neither sent nor recovered"}
    return f"How much of {scope_words(scope)} was {done.get(quantity, quantity)}?"


def _hard_findings(p: _Parts) -> list[Finding]:
    found: list[Finding] = []
    if not p.bounds.bounds:
        ids = tuple(i for one in p.bounds.conflicts for i in one.ids)
        return [
            _open(f"custody.{scope}.{q}", _asks(scope, q), "the evidence contradicts itself", p, ids)
            for scope in SCOPES
            for q in QUANTITIES
        ]
    for bound in p.bounds.bounds:
        name, question = f"custody.{bound.scope}.{bound.quantity}", _asks(bound.scope, bound.quantity)
        ids = tuple(dict.fromkeys(i for end in (bound.low, bound.high) for i, _ in end.binding))
        low, high = bound.low.value or 0.0, bound.high.value
        if high is not None:
            found.append(_interval(name, question, low, high, p, ids, _why(bound)))
            continue
        found.append(_open(name, question, bound_words(bound), p, ids))
        if low > 0.0:
            least = f"{question[:-1]}, at least?"
            found.append(_interval(f"{name}_at_least", least, low, low, p, ids, _why(bound)))
    return found


def _why(bound: Bound) -> str:
    low = f"at least by {_names(bound.low)}" if bound.low.binding else "nothing puts it above zero"
    if bound.high.value is None:
        return low
    return f"{low}; at most by {_names(bound.high)}" if bound.high.binding else low


def _likely_findings(p: _Parts) -> list[Finding]:
    draws = p.draws
    if draws is None:
        return []
    found = []
    for scope in SCOPES:
        for quantity in QUANTITIES:
            told = draws.interval(scope, quantity)
            if told is None:
                continue
            name, given = f"custody.{scope}.{quantity}_likely", {**p.given, "prior": "those of the account"}
            question = f"{_asks(scope, quantity)[:-1]}, under the priors of the account?"
            if draws.effective < LEAST_EFFECTIVE:
                found.append(_open(name, question, _few(draws), p))
                continue
            low, middle, high = told
            found.append(
                Finding(
                    id=name,
                    question=question,
                    kind="interval",
                    unit=UNIT,
                    given=given,
                    value={"p05": low, "p50": max(low, middle), "p95": max(low, middle, high)},
                    evidence=tuple(
                        e.id for e in p.account.evidence if e.use and e.kind not in ("none", "content")
                    ),
                    reason=f"{draws.effective:.0f} effective draws",
                )
            )
    return found


def _few(draws: Draws) -> str:
    return (
        f"the priors hardly hold what the evidence says ({draws.effective:.0f} effective draws): "
        "one of the two is wrong"
    )


def _other_findings(p: _Parts) -> list[Finding]:
    found = [_content_finding(name, p) for name in CLASSES]
    if p.bounds.conflicts:
        told = "; ".join(_conflict_words(one.ids, p) for one in p.bounds.conflicts)
        found.append(
            Finding(
                id="custody.evidence.conflict", question="Does the evidence contradict itself?",
                kind="category", unit="", value={"category": "contradictory"}, given=p.given, reason=told,
                evidence=tuple(i for one in p.bounds.conflicts for i in one.ids),
            )
        )  # fmt: skip
    return found


def _content_finding(name: Scope, p: _Parts) -> Finding:
    told = [e for e in p.account.evidence if e.use and e.kind == "content" and e.artefact in (name, "all")]
    question = f"What was in its {scope_words(name)}?"
    if not told:
        reason = f"no evidence says what was in it: {UNCONSTRAINED}, whatever the amount"
        return _open(f"custody.{name}.content", question, reason, p)
    said = "; ".join(f"{e.source} ({e.credibility}): {e.text}" for e in told)
    return Finding(
        id=f"custody.{name}.content", question=question, kind="category", unit="",
        value={"category": "stated"}, given=p.given, evidence=tuple(e.id for e in told), reason=said,
    )  # fmt: skip


def _conflict_words(ids: Sequence[str], p: _Parts) -> str:
    return " against ".join(_row_words(name, p) for name in ids)


def _row_words(name: str, p: _Parts) -> str:
    for one in p.account.evidence:
        if one.id == name:
            return f"{name} ({evidence_words(one)}; {one.source}, {one.credibility})"
    row = next((row for row in p.bounds.rows if row.id == name), None)
    return f"{name} ({row.words}, at most {bytes_words(row.limit)})" if row is not None else name


def evidence_words(one: Evidence) -> str:
    """Write what a row of evidence says, without its source."""
    if one.kind in ("none", "content"):
        return one.text
    scope = "" if one.artefact == "all" else f"{one.artefact}: "
    if one.kind.startswith("recovered_share"):
        side = "at least" if one.kind.endswith("least") else "at most"
        return f"{scope}{side} {100.0 * (one.amount or 0.0):.3g} % of what was kept was recovered"
    if one.kind == "rf_bursts":
        most = "" if one.high is None else f", and at most {bytes_words(one.high)} in all"
        return f"{scope}bursts that carried at least {bytes_words(one.amount or 0.0)}{most}"
    if one.kind == "recorder_size":
        return f"a recorder of {bytes_words(one.amount or 0.0)}"
    return f"{scope}{one.kind.replace('_', ' ')} {bytes_words(one.amount or 0.0)}"


# --- the section -----------------------------------------------------------------------------------------


def section_of(p: _Parts, findings: Sequence[Finding]) -> Row:
    """Return the section. Every row and sentence names the findings it prints."""
    held = {f.id for f in findings}
    section: Row = {
        "account": p.account.file or None,
        "title": p.account.title,
        "hours": p.hours,
        "over_path": p.over_path,
        "sentences": _sentences(p),
        "bounds": _bound_rows(p, held),
        "ceilings": _ceiling_rows(p),
        "collectable": [
            {"id": name, "name": REFERENCE_SENSORS[name].name, "rate_bps": REFERENCE_SENSORS[name].rate_bps,
             "bytes": collected_bytes(REFERENCE_SENSORS[name].rate_bps, p.hours),
             f"in_{DAYS:g}_days_bytes": collected_bytes(REFERENCE_SENSORS[name].rate_bps, 24.0 * DAYS)}
            for name in AGAINST
        ],
        "evidence": _evidence_rows(p),
        "conflicts": [
            {"ids": list(one.ids), "smallest": one.smallest, "text": _conflict_words(one.ids, p),
             "finding_ids": ["custody.evidence.conflict"]}
            for one in p.bounds.conflicts
        ],
        "priors": _prior_rows(p.account),
        "unknown": _unknown_rows(p),
        "effective": None if p.draws is None else p.draws.effective,
        "notes": list(NOTES),
    }  # fmt: skip
    return section


def _sentences(p: _Parts) -> list[Row]:
    rows = [_ceiling_sentence(p)]
    if p.bounds.conflicts:
        rows += [
            {"text": f"The evidence contradicts itself: {_conflict_words(one.ids, p)}. No bound is given "
             "until one of them is set aside.", "finding_ids": ["custody.evidence.conflict"]}
            for one in p.bounds.conflicts
        ]  # fmt: skip
        return rows
    told = [b for b in p.bounds.bounds if b.scope == "all"]
    loose = [b for b in told if b.unconstrained]
    if len(loose) == len(told):
        rows.append(
            {"text": "Whether it collected anything, and how much it collected, sent, kept or deleted, is "
             f"{UNCONSTRAINED}.", "finding_ids": [f"custody.all.{b.quantity}" for b in told]}
        )  # fmt: skip
        return [*rows, _content_sentence(p)]
    rows += [_bound_sentence(b) for b in told if not b.unconstrained and b.quantity != "both"]
    if loose:
        names = ", ".join("sent and recovered" if b.quantity == "both" else b.quantity for b in loose)
        rows.append(
            {"text": f"Of all data, how much was {names} is {UNCONSTRAINED}.",
             "finding_ids": [f"custody.all.{b.quantity}" for b in loose]}
        )  # fmt: skip
    return [*rows, *_likely_sentences(p), _content_sentence(p)]


def _ceiling_sentence(p: _Parts) -> Row:
    fastest = max(p.services, key=lambda one: one.most)
    slow = next(one for one in p.services if one.id == "iridium_rudics")
    sensor = REFERENCE_SENSORS["iq_20ms"]
    made = collected_bytes(sensor.rate_bps, p.hours)
    text = (
        f"In {p.hours:.4g} hours {p.where}, {slow.name} could have carried at most {bytes_words(slow.most)}, "
        f"and the fastest service listed, {fastest.name}, {bytes_words(fastest.most)}. A {sensor.name} could "
        f"have collected {bytes_words(made)}: {made / max(slow.most, 1.0):,.0f} and "
        f"{made / max(fastest.most, 1.0):,.0f} times as much. That says what could have been, not what was. "
        f"In any {DAYS:g} days the two could carry {_in_days(slow)} and {_in_days(fastest)}."
    )
    ids = [
        f"custody.{one.id}.{q}"
        for one in (slow, fastest)
        for q in ("could_carry", "share_of_iq_20ms", f"in_{DAYS:g}_days")
    ]
    return {"text": text, "finding_ids": list(dict.fromkeys(ids))}


def _in_days(one: LinkCeiling) -> str:
    return bytes_words(collected_bytes(one.top_bps, 24.0 * DAYS))


def _bound_sentence(bound: Bound) -> Row:
    why = _why(bound)
    what = "neither sent nor recovered" if bound.quantity == "unaccounted" else bound.quantity
    return {
        "text": f"Of all data, {what}: {bound_words(bound)} ({why}).",
        "finding_ids": [f"custody.all.{bound.quantity}"],
    }


def _likely_sentences(p: _Parts) -> list[Row]:
    if p.draws is None:
        return []
    if p.draws.effective < LEAST_EFFECTIVE:
        ids = [f"custody.{s}.{q}_likely" for (s, q) in p.draws.values if q == "collected"]
        return [{"text": f"What is likely is not told: {_few(p.draws)}.", "finding_ids": ids}]
    told = []
    ids = []
    for quantity in ("collected", "sent", "kept", "unaccounted"):
        found = p.draws.interval("all", quantity)
        if found is not None:
            told.append(f"{quantity} {_likely_words(found)}")
            ids.append(f"custody.all.{quantity}_likely")
    if not told:
        return []
    return [
        {
            "text": f"Under the priors of the account, nine times in ten: {'; '.join(told)}.",
            "finding_ids": ids,
        }
    ]


def _content_sentence(p: _Parts) -> Row:
    told = any(e.use and e.kind == "content" for e in p.account.evidence)
    text = (
        "What was in it is a question of its own; the account lists who says what."
        if told
        else "What was in it no evidence says; amounts say nothing of content."
    )
    return {"text": text, "finding_ids": [f"custody.{name}.content" for name in CLASSES]}


def _bound_rows(p: _Parts, held: set[str]) -> list[Row]:
    rows = []
    for bound in p.bounds.bounds:
        told = None if p.draws is None else p.draws.interval(bound.scope, bound.quantity)
        name = f"custody.{bound.scope}.{bound.quantity}"
        few = p.draws is not None and p.draws.effective < LEAST_EFFECTIVE
        rows.append(
            {
                "class": bound.scope,
                "quantity": bound.quantity,
                "low_bytes": bound.low.value,
                "high_bytes": bound.high.value,
                "text": bound_words(bound),
                "low_by": [{"id": i, "without_bytes": x} for i, x in bound.low.binding],
                "high_by": [{"id": i, "without_bytes": x} for i, x in bound.high.binding],
                "likely_text": "" if told is None or few else _likely_words(told),
                "likely": None
                if told is None or few
                else dict(zip(("p05", "p50", "p95"), told, strict=True)),
                "finding_ids": [i for i in (name, f"{name}_at_least", f"{name}_likely") if i in held],
            }
        )
    return rows


def _likely_words(told: tuple[float, float, float]) -> str:
    low, middle, high = told
    return f"{bytes_words(middle)} ({bytes_words(low)} to {bytes_words(high)})"


def share_words(share: float) -> str:
    """Write a share as a percentage with two digits, and as one in so many below a hundredth."""
    if share >= 0.01:
        return f"{100.0 * share:.2g} %"
    return f"1 in {1.0 / share:,.0f}" if share > 0.0 else "nothing"


def _shares(one: LinkCeiling, p: _Parts) -> dict[str, float]:
    return {name: one.most / collected_bytes(REFERENCE_SENSORS[name].rate_bps, p.hours) for name in AGAINST}


def _ceiling_rows(p: _Parts) -> list[Row]:
    return [
        {
            "id": one.id,
            "name": one.name,
            "top_bps": one.top_bps,
            "provenance": one.provenance,
            "source": one.source,
            "carried": {"p05": one.p05, "p50": one.p50, "p95": one.p95},
            "most_bytes": one.most,
            f"in_{DAYS:g}_days_bytes": collected_bytes(one.top_bps, 24.0 * DAYS),
            "reach": one.reach,
            "text": bytes_words(one.most),
            "shares": (shares := _shares(one, p)),
            "share_texts": {name: share_words(share) for name, share in shares.items()},
            "finding_ids": [
                f"custody.{one.id}.{q}"
                for q in ("could_carry", f"in_{DAYS:g}_days", *(f"share_of_{n}" for n in AGAINST))
            ],
        }
        for one in p.services
    ]


def _evidence_rows(p: _Parts) -> list[Row]:
    binding = {i for b in p.bounds.bounds for end in (b.low, b.high) for i, _ in end.binding}
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "class": one.artefact,
            "text": evidence_words(one),
            "source": one.source,
            "credibility": one.credibility,
            "p_true": one.p_true,
            "url": one.url,
            "used": one.use,
            "binds": one.id in binding,
            "finding_ids": [],
        }
        for one in p.account.evidence
    ]


def _prior_rows(account: Account) -> list[Row]:
    rows: list[Row] = []
    for one in account.sensors:
        if one.rate_bps is not None:
            rows.append({"what": f"{one.id}: rate, bit/s", "prior": prior_words(one.rate_bps)})
            rows.append({"what": f"{one.id}: share of the time at work", "prior": prior_words(one.duty)})
    for plan in account.links:
        rows.append({"what": f"{plan.link.id}: used", "prior": f"{plan.used:g}"})
        rows.append(
            {"what": f"{plan.link.id}: share of the time up", "prior": prior_words(plan.availability)}
        )
    named = (
        ("recorder, bytes", account.storage.capacity_bytes),
        ("recorder, when full", account.storage.policy if account.sensors else None),
        ("share of the kept that was read", account.recovered_share),
        ("share of the read that was altered", account.altered_share),
    )
    return [
        *rows,
        *({"what": what, "prior": prior_words(prior)} for what, prior in named if prior is not None),
    ]


def _unknown_rows(p: _Parts) -> list[Row]:
    return [
        {
            "class": b.scope,
            "quantity": b.quantity,
            "text": f"{_asks(b.scope, b.quantity)} {bound_words(b).capitalize()}; what would bound it: "
            f"{WOULD_BOUND[b.quantity]}.",
            "finding_ids": [f"custody.{b.scope}.{b.quantity}"],
        }
        for b in p.bounds.bounds
        if b.high.value is None and b.scope != "all" and b.quantity in ("collected", "sent", "kept")
    ]
