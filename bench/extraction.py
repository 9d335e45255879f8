"""Proposals from the founding text against a list of its claims made by hand.

    python bench/extraction.py TEXT LISTED_CLAIMS.csv [--json bench/extraction.json] [--show]

The demand: 22 of the 25 listed claims proposed with the right sentence, attribution and hedge, at most 10
other proposals, and the sentences that stand there twice counted once. A listed claim and a proposal are a
pair when they are of the same sentence, the voice is the same (the article's own, or one that holds all the
listed words), every listed word of doubt is among the proposed (and none is where none is listed), and they
share a quarter of the listed claim's words by their first letters. Pairs are one to one, as many as can be.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from overflight.claims.documents import read_document
from overflight.claims.lexicon import words
from overflight.claims.proposals import extract
from overflight.claims.records import Claim

LEAST_SHARED = 0.25
STEM = 4  # letters; the list is in words of its own
SMALL = frozenset(
    words("a an the of to it was is are were be been in on at by and or that had has have from")
)


def stems(text: str) -> set[str]:
    return {w[:STEM] for w in re.findall(r"[a-z0-9]+", text.lower()) if w not in SMALL}


def same_voice(listed: str, claim: Claim) -> bool:
    if listed == "article voice":
        return claim.attribution == "article_voice"
    said = set(re.findall(r"\w+", claim.claimant.lower()))
    return claim.attribution != "article_voice" and set(re.findall(r"\w+", listed.lower())) <= said


def same_hedge(listed: str, claim: Claim) -> bool:
    if listed == "none":
        return not claim.hedge
    return all(part.strip().lower() in claim.hedge.lower() for part in listed.split(";"))


def shared(listed: str, claim: Claim) -> float:
    wanted = stems(listed)
    return len(wanted & stems(claim.claim)) / len(wanted)


def score(text: Path, listed_file: Path) -> dict[str, Any]:
    found = extract([read_document(text)])
    with listed_file.open(encoding="utf-8", newline="") as stream:
        listed = list(csv.DictReader(stream))
    worth = np.zeros((len(listed), len(found.claims)))
    for i, row in enumerate(listed):
        for k, claim in enumerate(found.claims):
            right = (
                int(row["sentence_no"].split(",")[0]) in claim.sentences
                and same_voice(row["attribution_in_seed"], claim)
                and same_hedge(row["hedge_in_seed"], claim)
            )
            alike = shared(row["claim"], claim)
            worth[i, k] = 1.0 + alike if right and alike >= LEAST_SHARED else 0.0
    rows, columns = linear_sum_assignment(-worth)
    pairs = {
        listed[i]["id"]: found.claims[k].id for i, k in zip(rows, columns, strict=True) if worth[i, k] > 0
    }
    repeated = [row["id"] for row in listed if "rpt" in row["sentence_no"]]
    twice = {c.id for c in found.claims if len(c.sentences) > 1}
    return {
        "listed": len(listed), "matched": len(pairs), "proposals": len(found.claims),
        "others": len(found.claims) - len(pairs), "missed": [r["id"] for r in listed if r["id"] not in pairs],
        "sentences": found.sentences, "repeated_sentences": found.repeated,
        "repeated_claims_counted_once": sum(1 for i in repeated if pairs.get(i) in twice),
        "repeated_claims_listed": len(repeated), "pairs": pairs,
        "other_ids": [c.id for c in found.claims if c.id not in pairs.values()],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("listed", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", action="store_true", help="print every proposal")
    asked = parser.parse_args()
    found = score(asked.text, asked.listed)
    if asked.show:
        listed_of = {v: k for k, v in found["pairs"].items()}
        for c in extract([read_document(asked.text)]).claims:
            print(f"{listed_of.get(c.id, '-'):4} {c.id} {c.sentences} {c.claimant} [{c.hedge}] {c.claim}")
    for name, value in found.items():
        print(f"{name:30} {value}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0 if found["matched"] >= 22 and found["others"] <= 10 else 1


if __name__ == "__main__":
    sys.exit(main())
