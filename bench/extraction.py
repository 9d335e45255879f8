"""Proposals from articles against lists of their claims made by hand.

    python bench/extraction.py [--text TEXT LISTED_CLAIMS.csv] [--set NAME ...] [--show] [--json FILE]

Sets are folders of tests/claims/data/articles; the founding text is given by --text. The demand: of 25 listed
claims 22 proposed with the right sentence, attribution and hedge, at most 10 other proposals, and sentences
that stand there twice counted once.

A listed claim and a proposal are a pair when they are of the same sentence and share a quarter of the listed
claim's words by their first letters. The pair is right when the voice is the same (the article's own, or one
that holds all the listed words) and every listed word of doubt is among the proposed (and none is where none
is listed). Pairs are one to one, as many right ones as can be. A proposal that is not in a right pair is an
'other' one, so a wrong voice counts against us twice.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from overflight.claims.documents import read_document
from overflight.claims.lexicon import words
from overflight.claims.proposals import Extraction, extract
from overflight.claims.records import Claim

ARTICLES = Path(__file__).parents[1] / "tests" / "claims" / "data" / "articles"
LEAST_SHARED = 0.25
STEM = 4  # letters; the list is in words of its own
SMALL = frozenset(
    words("a an the of to it was is are were be been in on at by and or that had has have from")
)
Row = Mapping[str, str]


def stems(text: str) -> set[str]:
    return {w[:STEM] for w in re.findall(r"[a-z0-9]+", text.lower()) if w not in SMALL}


def same_voice(listed: str, claim: Claim) -> bool:
    if listed == "article voice":
        return claim.attribution == "article_voice"
    said = set(re.findall(r"\w+", claim.claimant.lower().replace(".", "")))
    wanted = set(re.findall(r"\w+", listed.lower().replace(".", "")))
    return claim.attribution != "article_voice" and wanted <= said


def same_hedge(listed: str, claim: Claim) -> bool:
    if listed == "none":
        return not claim.hedge
    proposed = claim.hedge.lower().replace("’", "'")
    return all(part.strip().lower() in proposed for part in listed.split(";"))


def begins(first: str, quote: str) -> bool:
    """Whether a quoted sentence begins with the words, behind a dateline, a label or a quotation mark."""
    before, found, _ = quote.partition(first)
    return bool(found) and len(before) <= 60 and not re.search(r"[a-z\d][.!?][”\"]?\s", before)


def shared(listed: str, claim: Claim) -> float:
    wanted = stems(listed)
    return len(wanted & stems(claim.claim)) / len(wanted)


def pairs_of(
    listed: Sequence[Row], claims: Sequence[Claim], of_sentence: Callable[[Row, Claim], bool]
) -> list[tuple[Row, Claim, bool, bool]]:
    """Return (listed, proposed, same voice, same hedge) of each pair, by the best assignment."""
    worth = np.zeros((len(listed), len(claims)))
    for i, row in enumerate(listed):
        for k, claim in enumerate(claims):
            if not of_sentence(row, claim) or (alike := shared(row["claim"], claim)) < LEAST_SHARED:
                continue
            right = same_voice(row["claimant"], claim) + same_hedge(row["hedge"], claim)
            worth[i, k] = 1.0 + alike + (1000.0 if right == 2 else 2.0 * right)
    rows, columns = linear_sum_assignment(-worth)
    return [
        (row, claim, same_voice(row["claimant"], claim), same_hedge(row["hedge"], claim))
        for row, claim in (
            (listed[i], claims[k]) for i, k in zip(rows, columns, strict=True) if worth[i, k] > 0
        )
    ]


def rates(
    listed: Sequence[Row], found: Sequence[tuple[Row, Claim, bool, bool]], count: int
) -> dict[str, Any]:
    """Return the figures of a list: right ones, others for each 25 listed, rates among the pairs."""
    right = sum(voice and hedge for _, _, voice, hedge in found)
    some = max(len(found), 1)
    made = {
        "listed": len(listed), "proposals": count, "right": right, "others": count - right,
        "recall": right / len(listed), "others_per_25": 25.0 * (count - right) / len(listed),
        "paired": len(found), "voice_rate": sum(v for _, _, v, _ in found) / some,
        "hedge_rate": sum(h for _, _, _, h in found) / some,
    }  # fmt: skip
    if listed and "verb" in listed[0]:
        made["verb_rate"] = sum((c.verbs or ("other",))[0] == r["verb"] for r, c, _, _ in found) / some
        made["kind_rate"] = sum(c.attribution == r["attribution"] for r, c, _, _ in found) / some
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in made.items()}


def score_text(text: Path, listed_file: Path) -> dict[str, Any]:
    """Score one text against a list that names sentences by number (as `seed_claims.csv`)."""
    found = extract([read_document(text)])
    with listed_file.open(encoding="utf-8", newline="") as stream:
        listed = [
            {**row, "claimant": row["attribution_in_seed"], "hedge": row["hedge_in_seed"]}
            for row in csv.DictReader(stream)
        ]
    made = pairs_of(listed, found.claims, lambda r, c: int(r["sentence_no"].split(",")[0]) in c.sentences)
    twice = {r["id"] for r, c, _, _ in made if len(c.sentences) > 1}
    repeated = [row["id"] for row in listed if "rpt" in row["sentence_no"]]
    right = {r["id"] for r, _, voice, hedge in made if voice and hedge}
    return rates(listed, made, len(found.claims)) | {
        "missed": [r["id"] for r in listed if r["id"] not in right],
        "sentences": found.sentences, "repeated_sentences": found.repeated,
        "repeated_claims_counted_once": sum(i in twice for i in repeated),
        "repeated_claims_listed": len(repeated),
    }  # fmt: skip


def score_set(folder: Path, show: bool = False) -> dict[str, Any]:
    """Score the articles of a folder against its `listed.csv`, each article read alone."""
    with (folder / "listed.csv").open(encoding="utf-8", newline="") as stream:
        listed = list(csv.DictReader(stream))
    made: dict[str, Any] = {}
    everything: list[tuple[Row, Claim, bool, bool]] = []
    count = 0
    for name in dict.fromkeys(row["article"] for row in listed):
        own = [row for row in listed if row["article"] == name]
        found = extract([read_document(folder / name)])
        pairs = pairs_of(own, found.claims, lambda r, c: begins(r["sentence"], c.quote))
        if show:
            _show(own, found, pairs)
        made[name] = rates(own, pairs, len(found.claims))
        everything += pairs
        count += len(found.claims)
    return rates(listed, everything, count) | {"articles": made}


def _show(listed: Sequence[Row], found: Extraction, pairs: Sequence[tuple[Row, Claim, bool, bool]]) -> None:
    of = {c.id: (r, v, h) for r, c, v, h in pairs}
    for c in found.claims:
        row, voice, hedge = of.get(c.id, ({}, True, True))
        mark = "  " if not row else ("ok" if voice and hedge else "v" * (not voice) + "h" * (not hedge))
        print(f"{mark or '  ':3}{row.get('id', '-'):7}{c.claimant} ({c.attribution}) [{c.hedge}] {c.claim}")
        if mark not in ("ok", "  "):
            print(f"{'':10}listed: {row['claimant']} [{row['hedge']}]")
        if not row:
            print(f"{'':10}in: {c.quote}")
    paired = {r["id"] for r, _, _, _ in pairs}
    for row in listed:
        if row["id"] not in paired:
            print(f"!! {row['id']:7}{row['claimant']} [{row['hedge']}] {row['claim']} <{row['sentence']}>")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--text", type=Path, nargs=2, metavar=("TEXT", "LISTED"))
    parser.add_argument("--set", nargs="*", default=["development"], help="development, held_out")
    parser.add_argument("--json", type=Path, help="write the figures; what else is there is kept")
    parser.add_argument("--show", action="store_true", help="print every proposal and what was missed")
    asked = parser.parse_args()
    made: dict[str, Any] = {name: score_set(ARTICLES / name, asked.show) for name in asked.set}
    if asked.text:
        made["founding_text"] = score_text(*asked.text)
    for name, figures in made.items():
        print(name)
        for key, value in figures.items():
            for line in [f"{k}: {v}" for k, v in value.items()] if isinstance(value, dict) else [value]:
                print(f"  {key:30} {line}")
    if asked.json:
        kept = json.loads(asked.json.read_text("utf-8")) if asked.json.exists() else {}
        asked.json.write_text(json.dumps({**kept, **made}, indent=1, sort_keys=True) + "\n", "utf-8")
    founding = made.get("founding_text")
    return 0 if founding is None or (founding["right"] >= 22 and founding["others"] <= 10) else 1


if __name__ == "__main__":
    sys.exit(main())
