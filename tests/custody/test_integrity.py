"""Integrity of a stream: what four adversaries did is found and located, or said not to be detectable."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.custody import chain as chain_module
from overflight.custody import integrity
from overflight.custody.chain import Anchor, parse_anchors
from overflight.custody.frames import DATA, EVENT, Frame, chain, encode, encode_frame, seal, stream_id
from overflight.custody.integrity import (
    Comparison,
    Examined,
    Integrity,
    Spot,
    compare_all,
    copy_anchors,
    examine_file,
    examine_frames,
    findings_of,
    integrity_lines,
    section,
)
from overflight.custody.station import Arrival, close_store, commit, open_store
from overflight.custody.tamper import (
    FORGERIES,
    Harm,
    cut_tail,
    forge,
    line_noise,
    rewrite,
    third_party,
)
from overflight.errors import InputError, LimitError

KEY = bytes(range(32))
STREAM = stream_id("integrity")
SECOND = 10**9


def made(count: int, key: bytes | None = KEY, *, close: bool = True, word: bytes = b"item") -> list[Frame]:
    items = ((SECOND * i, DATA, word + b" %d" % i) for i in range(count))
    return list(chain(STREAM, items, key, close=close))


def only(found: Examined) -> Integrity:
    (one,) = found.streams
    return one


def alarms(found: Examined) -> list[Spot]:
    return [s for one in found.streams for s in one.spots if s.kind not in ("duplicate", "reordered")]


def told(one: Integrity) -> dict[str, str]:
    return {adversary.id: adversary.verdict for adversary in one.adversaries}


def overlaps(harm: Harm, spot: Spot) -> bool:
    length = spot.length or 0
    numbered = (
        harm.number is not None and spot.first is not None and spot.last is not None
        and spot.first <= harm.number <= spot.last
    )  # fmt: skip
    placed = spot.offset is not None and spot.offset <= harm.end and harm.start <= spot.offset + length
    return numbered or placed


# --- intact --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
@given(count=st.integers(1, 40), shuffler=st.randoms(use_true_random=False))
def test_an_intact_stream_raises_no_alarm_in_any_order(
    key: bytes | None, count: int, shuffler: random.Random
) -> None:
    whole = made(count, key)
    order = [*whole, *shuffler.choices(whole, k=3)]
    shuffler.shuffle(order)
    one = only(examine_frames(encode(order), key=key))
    assert one.ok
    assert one.counts["duplicate"] == 3
    assert (one.first, one.last, one.counts["sound"]) == (0, count, count + 1)
    assert "found" not in told(one).values()
    # Every copy and every late frame has its place.
    starts = {f.sequence: [i for i, g in enumerate(order) if g is f or g == f] for f in whole}
    offsets = [len(encode(order[:i])) for i in range(len(order))]
    for spot in one.spots:
        assert spot.offset in [offsets[i] for i in starts[spot.first or 0]]


def test_nothing_is_an_open_stream_of_which_nothing_is_known() -> None:
    found = examine_frames(b"")
    one = only(found)
    assert one.ok
    assert not found.ok
    assert (one.first, one.last, one.stream) == (None, None, "")
    assert told(one)["cut tail"] == told(one)["sender"] == "not detectable"


def test_more_copies_than_are_listed_are_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (chain_module, integrity):
        monkeypatch.setattr(module, "MAX_KEPT", 5)
    whole = made(10)
    one = only(examine_frames(encode(whole * 3), key=KEY))
    assert one.ok
    assert one.counts["duplicate"] == 22
    assert len(one.spots) == 5


# --- gaps ----------------------------------------------------------------------------------------------


@given(st.integers(2, 30), st.data())
def test_a_gap_has_its_numbers_and_the_byte_where_it_is(count: int, data: st.DataObject) -> None:
    whole = made(count)
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    one = only(examine_frames(encode([*whole[:first], *whole[last + 1 :]]), key=KEY))
    assert one.missing == ((first, last),)
    (spot,) = one.spots
    assert (spot.kind, spot.first, spot.last) == ("gap", first, last)
    assert (spot.offset, spot.length) == (len(encode(whole[:first])), 0)
    # That something was sealed there is provable: the frame behind holds its tag. Who took it is not.
    assert f"number {last} was sealed" in spot.text
    assert told(one)["third party"] == "possible"


def test_numbers_that_were_never_chained_are_no_deletion() -> None:
    whole = made(5, close=False)
    jumped = list(chain(STREAM, [(0, DATA, b"later")], KEY, sequence=9, previous=whole[-1].tag))
    one = only(examine_frames(encode([*whole, *jumped]), key=KEY))
    assert [(s.kind, s.first, s.last) for s in one.spots] == [("skipped", 5, 8)]
    late = list(chain(STREAM, [(0, DATA, b"x")], KEY, sequence=3))
    assert [(s.kind, s.first, s.last) for s in only(examine_frames(encode(late), key=KEY)).spots] == [
        ("skipped", 0, 2)
    ]
    # Without the key, the tags that are compared prove nothing.
    assert [s.kind for s in only(examine_frames(encode([*whole, *jumped]))).spots] == ["gap"]


def test_a_gap_at_the_end_of_the_range_takes_no_time() -> None:
    far = seal(STREAM, 2**63 - 1, 0, DATA, b"far", bytes(32))
    one = only(examine_frames(encode([*made(2, None, close=False), far])))
    assert one.counts["missing"] == 2**63 - 3
    assert len(one.spots) == 1


# --- line noise and a third party ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 60), st.randoms(use_true_random=False), st.booleans())
def test_every_harm_of_line_noise_is_found_and_located_without_the_key(
    count: int, rng: random.Random, keyed: bool
) -> None:
    case = line_noise(made(count, KEY if keyed else None), rng)
    found = examine_frames(case.data)
    assert not found.ok
    for harm in case.harms:
        assert any(overlaps(harm, spot) for spot in alarms(found)), harm


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 60), st.randoms(use_true_random=False))
def test_every_harm_of_a_third_party_on_a_keyed_stream_is_found_and_located(
    count: int, rng: random.Random
) -> None:
    case = third_party(made(count), rng)
    found = examine_frames(case.data, key=KEY)
    assert not found.ok
    for harm in case.harms:
        assert any(overlaps(harm, spot) for spot in alarms(found)), harm
    verdicts = {told(one)["third party"] for one in found.streams}
    assert verdicts & {"found", "possible"}
    if any(harm.act != "delete" for harm in case.harms):
        assert "found" in verdicts


@pytest.mark.parametrize("act", [a for a in FORGERIES if a != "delete"])
def test_each_forgery_is_an_alteration_at_its_frame(act: str) -> None:
    whole = made(20)
    struck = [*whole[:7], forge(whole[7], act, whole, random.Random(5)), *whole[8:]]
    found = examine_frames(encode(struck), key=KEY)
    place = len(encode(whole[:7]))
    assert [s.kind for s in alarms(found) if s.offset == place] == ["altered"]
    main = next(one for one in found.streams if one.stream == STREAM.hex())
    gone = {n for first, last in main.missing for n in range(first, last + 1)}
    assert 7 in gone | set(main.altered)
    assert main.counts["sound"] == 20
    assert "found" in {told(one)["third party"] for one in found.streams}


def test_a_stream_named_only_by_a_damaged_frame_is_not_left_out() -> None:
    other = next(chain(stream_id("another"), [(0, DATA, b"x")], KEY))
    data = bytearray(encode_frame(other))
    data[85] ^= 1
    found = examine_frames(encode(made(3)) + bytes(data), key=KEY)
    assert [one.stream for one in found.streams] == [STREAM.hex(), stream_id("another").hex()]
    assert found.streams[0].ok
    assert [s.kind for s in found.streams[1].spots] == ["damaged"]


def test_a_flood_of_streams_hides_none_that_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "MOST_STREAMS", 3)
    flood = [seal(stream_id(f"s{i}"), 0, 0, DATA, b"") for i in range(20)]
    found = examine_frames(encode([*flood, *made(5)]), key=KEY)
    assert found.streams_dropped == 18
    assert not found.ok
    assert STREAM.hex() in {one.stream for one in found.streams}


def test_a_flood_of_alterations_does_not_hide_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "MAX_KEPT", 4)
    whole = made(30)
    forged = [replace(f, payload=b"x") for f in whole[:20]]
    twofold = seal(STREAM, 25, 0, DATA, b"second version", whole[24].tag, KEY)
    one = only(examine_frames(encode([*forged, *whole, twofold]), key=KEY))
    assert told(one)["sender"] == "found"


# --- a cut tail ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.randoms(use_true_random=False), st.booleans())
def test_a_cut_tail_is_known_against_something_outside(count: int, rng: random.Random, inside: bool) -> None:
    whole = made(count)
    case = cut_tail(whole, rng, inside=inside)
    gone = {harm.number for harm in case.harms}
    alone = only(examine_frames(case.data, key=KEY))
    assert told(alone)["cut tail"] in (("found", "possible") if inside else ("not detectable",))
    assert alone.ok is not inside
    for anchor in (Anchor(count, b"", "sealed count"), Anchor(count, whole[-1].tag, "checkpoint")):
        one = only(examine_frames(case.data, key=KEY, anchors=[anchor]))
        assert told(one)["cut tail"] == "found"
        assert {n for a, b in one.missing for n in range(a, b + 1)} | set(one.altered) == gone
        assert any(s.kind == "cut" and s.offset == len(case.data) for s in one.spots)
    (copy,) = compare_all(examine_frames(case.data, key=KEY), examine_frames(encode(whole), key=KEY))
    lacking = {n for a, b in copy.lacking for n in range(a, b + 1)}
    assert lacking | {d.number for d in copy.differences} == gone


def test_a_sealed_count_proves_no_frame() -> None:
    (anchor,) = parse_anchors("sequence,tag,source\n20,,the log\n")
    one = only(examine_frames(encode(made(20)), key=KEY, anchors=[anchor]))
    assert one.ok
    assert one.proven == ()
    assert told(one)["sender"] == "not detectable"


@pytest.mark.parametrize("row", ["-1,", "x,", f"{2**63},", "5,zz", "5,00"])
def test_an_anchor_that_is_none_is_refused_with_its_line(row: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        parse_anchors(f"sequence,tag\n{row}\n", "anchors.csv")


# --- the sender ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.randoms(use_true_random=False), st.booleans())
def test_a_sender_who_chains_anew_is_not_detectable_alone_and_found_against_another_copy(
    count: int, rng: random.Random, keyed: bool
) -> None:
    key = KEY if keyed else None
    whole = made(count, key)
    case = rewrite(whole, key, rng)
    first = case.harms[0].number
    alone = only(examine_frames(case.data, key=key))
    assert alone.ok
    assert told(alone)["sender"] == "not detectable"
    there = examine_frames(encode(whole), key=key)
    here = examine_frames(case.data, key=key, anchors=copy_anchors(there, "received.db"))
    one = only(here)
    rewritten = [s for s in one.spots if s.kind == "rewritten"]
    assert told(one)["sender"] == "found"
    assert (rewritten[0].first, rewritten[0].offset) == (first, len(encode(whole[:first])))
    assert one.proven == (((0, first - 1),) if first else ())
    (copy,) = compare_all(here, there)
    assert copy.rewritten
    assert copy.differences[0].number == first
    assert copy.same == first
    assert "was rewritten" in copy.text


def test_a_frame_that_was_only_chained_anew_says_the_same() -> None:
    whole = made(10)
    rest = [(f.nanoseconds, f.kind, f.payload) for f in whole[4:]]
    rest[0] = (rest[0][0], EVENT, rest[0][2])
    new = [*whole[:4], *chain(STREAM, rest, KEY, sequence=4, previous=whole[3].tag)]
    (copy,) = compare_all(examine_frames(encode(new), key=KEY), examine_frames(encode(whole), key=KEY))
    assert (copy.differing, copy.content) == (7, 1)
    assert [d.number for d in copy.differences if d.content] == [4]
    assert "says the same" in copy.differences[1].text


def test_many_anchors_against_a_rewritten_stream_take_no_square_of_time() -> None:
    # 20,000 anchors that hold and 20,000 that do not were 4e8 steps once.
    whole = made(40_000, None, close=False)
    state = chain_module.ChainState()
    tags = {f.sequence: f.tag for f in whole}
    anchors = [Anchor(f.sequence, f.tag if f.sequence < 20_000 else bytes(32)) for f in whole]
    state.highest, state.stream = 39_999, STREAM
    found = chain_module.report(state, tags.get, anchors=anchors)
    assert len(found.flaws) == chain_module.MAX_KEPT
    assert found.flaws_dropped == 20_000 - chain_module.MAX_KEPT
    assert "from 20000 on" in found.flaws[0].text


# --- two copies ----------------------------------------------------------------------------------------


def test_what_each_copy_has_that_the_other_lacks() -> None:
    whole = made(12)
    received = [*whole[:3], *whole[6:]]
    recovered = [*whole[:8], replace(whole[8], payload=b"changed"), *whole[9:11]]
    (copy,) = compare_all(
        examine_frames(encode(recovered), key=KEY), examine_frames(encode(received), key=KEY)
    )
    assert copy.only_here == ((3, 5),)
    assert copy.lacking == ((11, 12),)
    (difference,) = copy.differences
    assert (difference.number, difference.content) == (8, True)
    assert difference.offset == len(encode(whole[:8]))
    assert difference.other_offset == len(encode(received[:5]))
    assert "this copy's is altered" in difference.text
    assert not copy.rewritten
    # 0 to 2, 6, 7, 9 and 10.
    assert copy.same == 7


def test_copies_that_are_the_same_have_nothing_to_tell() -> None:
    found = examine_frames(encode(made(5)), key=KEY)
    (copy,) = compare_all(found, found)
    assert (copy.same, copy.differing, copy.text) == (6, 0, "nothing differs.")


# --- any bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
def test_frames_cut_at_every_byte_give_what_is_there(key: bytes | None) -> None:
    whole = made(4, key)
    data = encode(whole)
    ends = [len(encode(whole[: i + 1])) for i in range(len(whole))]
    for at in range(len(data) + 1):
        head = only(examine_frames(data[:at], key=key))
        assert head.counts["sound"] == sum(end <= at for end in ends)
        assert head.ok is (at in (0, *ends))
        tail = examine_frames(data[at:], key=key)
        assert sum(one.counts["sound"] for one in tail.streams) == sum(at <= e for e in (0, *ends[:-1]))
        assert section(head_ := examine_frames(data[:at], key=key))["bytes"] == at == head_.bytes_read


@given(st.binary(max_size=3000))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    found = examine_frames(data)
    assert json.dumps(section(found), allow_nan=False)
    assert found.streams
    for one in found.streams:
        assert integrity_lines(one)
    assert {a.id for a in found.streams[0].adversaries} == {"noise", "third party", "cut tail", "sender"}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 900), st.binary(max_size=20)), max_size=12))
def test_any_pieces_of_frames_have_an_answer(pieces: list[tuple[int, int, bytes]]) -> None:
    whole = [encode_frame(f) for f in made(6)]
    data = b"".join(whole[n][at:] + put for n, at, put in pieces)
    found = examine_frames(data, key=KEY)
    assert json.dumps(section(found, compare_all(found, examine_frames(b"".join(whole), key=KEY))))
    for one in found.streams:
        assert all(s.offset is None or 0 <= s.offset <= len(data) for s in one.spots)


def test_bytes_without_a_frame_say_what_else_they_may_be() -> None:
    found = examine_frames(b"no frames here at all" * 20)
    assert "ccsds" in found.notes[0]
    assert not found.ok


# --- findings, section, files --------------------------------------------------------------------------


def damaged_copy() -> tuple[Examined, tuple[Comparison, ...]]:
    whole = made(12)
    there = examine_frames(encode(whole), key=KEY)
    here = examine_frames(encode([*whole[:3], replace(whole[4], kind=EVENT), *whole[5:]]), key=KEY)
    return here, compare_all(here, there)


def test_findings_have_ids_that_the_section_names_and_words_of_what_is_not_provable() -> None:
    here, copies = damaged_copy()
    findings = findings_of(here, copies)
    ids = [f.id for f in findings]
    assert len(set(ids)) == len(ids)
    base = f"custody.stream.{STREAM.hex()[:8]}"
    assert {i.removeprefix(f"{base}.") for i in ids} == {
        "missing", "altered", "damaged", "duplicate", "reordered", "noise", "third-party", "cut-tail",
        "sender", "lacking", "only-here", "differing",
    }  # fmt: skip
    by_id = {f.id.removeprefix(f"{base}."): f for f in findings}
    assert by_id["missing"].value == {"lo": 1.0, "hi": 1.0}
    assert by_id["sender"].value == {"category": "not detectable"}
    assert "Not provable: " in by_id["sender"].reason
    row = section(here, copies, source="recovered.frames")["streams"][0]
    assert row["finding_ids"] == ids
    assert {i for a in row["adversaries"] for i in a["finding_ids"]} <= set(ids)
    assert row["comparison"]["lacking"] == [[3, 3]]


def test_no_sentence_merges_likelihood_and_confidence_or_claims_an_intent() -> None:
    here, copies = damaged_copy()
    words = " ".join(
        [f.reason + f.question for f in findings_of(here, copies)]
        + [line for one in here.streams for line in integrity_lines(one, copies[0])]
    ).lower()
    for word in ("likely", "confidence", "certainly", "hostile", "on purpose"):
        assert word not in words


def test_names_of_streams_that_begin_alike_are_kept_apart() -> None:
    one, two = b"12345678" + bytes(8), b"12345678" + bytes([1] * 8)
    found = examine_frames(encode(seal(s, 0, 0, DATA, b"") for s in (one, two)))
    ids = [f.id for f in findings_of(found)]
    assert len(set(ids)) == len(ids) == 18


def test_a_store_of_a_station_is_examined_like_a_file(tmp_path: Path) -> None:
    whole = made(8)
    store = open_store(tmp_path / "frames.db", key=KEY)
    commit(store, [Arrival(STREAM, encode([*whole[:2], *whole[4:]]), 0.0)])
    close_store(store)
    (tmp_path / "frames").write_bytes(encode([*whole[:2], *whole[4:]]))
    there, here = (examine_file(tmp_path / name, key=KEY) for name in ("frames.db", "frames"))
    assert only(there).spots == only(here).spots
    assert only(there).missing == ((2, 3),)


def test_a_file_that_is_none_or_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such file"):
        examine_file(tmp_path / "away")
    (tmp_path / "large").write_bytes(bytes(100))
    monkeypatch.setattr(integrity, "MOST_FILE_BYTES", 99)
    with pytest.raises(LimitError):
        examine_file(tmp_path / "large")


@pytest.mark.parametrize("adversary", [line_noise, third_party])
def test_harm_is_what_it_says(adversary: object) -> None:
    # The truth that the tests above lean on: bytes outside the harms are the frames as they were.
    whole = made(30)
    for seed in range(20):
        rng = random.Random(seed)
        case = line_noise(whole, rng) if adversary is line_noise else third_party(whole, rng)
        touched = {harm.number for harm in case.harms}
        assert case.harms
        for frame in whole:
            assert (encode_frame(frame) in case.data) is (frame.sequence not in touched), seed
