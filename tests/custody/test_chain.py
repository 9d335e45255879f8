"""The chain against its four adversaries: what is found, where, and what is said not to be detectable."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.custody import chain as chain_module
from overflight.custody.chain import (
    Anchor,
    ChainReport,
    ChainState,
    by_stream,
    follow,
    follow_defect,
    has,
    report,
    report_dict,
    report_lines,
    state_from_json,
    state_json,
    verify,
    wanted,
)
from overflight.custody.frames import (
    DATA,
    Defect,
    Frame,
    chain,
    decode_stream,
    encode,
    encode_frame,
    seal,
    stream_id,
)
from overflight.errors import InputError

KEY = bytes(range(32))
STREAM = stream_id("a chain")


def made(count: int, key: bytes | None = KEY, close: bool = True, word: bytes = b"item") -> list[Frame]:
    items = ((10**9 * i, DATA, word + b" %d" % i) for i in range(count))
    return list(chain(STREAM, items, key, close=close))


def verdicts(found: ChainReport) -> dict[str, str]:
    return {one.id: one.verdict for one in found.adversaries}


# --- intact --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
@given(st.integers(0, 40))
def test_no_false_alarm_on_an_intact_stream(key: bytes | None, count: int) -> None:
    found = verify(made(count, key), key)
    assert found.ok
    assert found.complete
    assert found.closed
    assert (found.last, found.counts["accepted"]) == (count, count + 1)
    assert (found.missing, found.altered, found.flaws) == ((), (), ())


def test_what_cannot_be_known_of_an_intact_stream_is_said() -> None:
    keyed, plain, opened = (
        verify(made(5), KEY), verify(made(5, None)), verify(made(5, close=False), KEY),
    )  # fmt: skip
    assert verdicts(keyed) == {
        "noise": "none", "third party": "none", "cut tail": "none", "sender": "not detectable",
    }  # fmt: skip
    assert verdicts(plain) == {
        "noise": "none", "third party": "not detectable", "cut tail": "none", "sender": "not detectable",
    }  # fmt: skip
    assert verdicts(opened)["cut tail"] == "not detectable"
    assert verdicts(verify(made(5)))["third party"] == "not checked"


def test_nothing_at_all_is_an_open_stream() -> None:
    found = verify([])
    assert (found.stream, found.last, found.ok, found.closed) == (None, -1, True, False)
    assert report_lines(found)


# --- a third party on a keyed stream -------------------------------------------------------------------


@st.composite
def tampered(draw: st.DrawFn) -> tuple[list[Frame], set[int], set[int]]:
    """Frames as they come, the numbers that were dropped, and those that were altered."""
    whole = made(draw(st.integers(2, 25)))
    arrived, dropped, altered = [], set(), set()
    for frame in whole[:-1]:
        way = draw(st.sampled_from(["keep"] * 5 + ["drop", "payload", "time", "tag", "rehash", "kind"]))
        if way == "drop":
            dropped.add(frame.sequence)
            continue
        if way != "keep":
            altered.add(frame.sequence)
            frame = forged(frame, way)
        arrived.append(frame)
    return [*arrived, whole[-1]], dropped, altered


def forged(frame: Frame, way: str) -> Frame:
    """Change a frame as somebody without the key can."""
    if way == "rehash":
        return seal(frame.stream, frame.sequence, frame.nanoseconds, DATA, b"new", frame.previous)
    changes = {
        "payload": {"payload": frame.payload + b"!"},
        "time": {"nanoseconds": frame.nanoseconds + 1},
        "tag": {"tag": bytes(32)},
        "kind": {"kind": 3},
    }
    return replace(frame, **changes[way])


def spread(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


@given(tampered(), st.randoms(use_true_random=False))
def test_every_deletion_and_alteration_on_a_keyed_stream_is_found_and_located(
    case: tuple[list[Frame], set[int], set[int]], shuffler: random.Random
) -> None:
    arrived, dropped, altered = case
    data = [encode_frame(frame) for frame in arrived]
    order = list(range(len(arrived)))
    shuffler.shuffle(order)
    for frames in (arrived, [arrived[i] for i in order]):
        decoded = decode_stream(encode(frames))
        found = verify(decoded.frames, KEY, offsets=decoded.offsets, defects=decoded.defects, stream=STREAM)
        assert spread(found.missing) == dropped
        assert set(found.altered) == altered
        assert found.ok is (not dropped and not altered)
        assert found.closed
        places = {flaw.sequence: flaw.offset for flaw in found.flaws if flaw.kind == "altered"}
        assert set(places) == altered
        whole = b"".join(map(encode_frame, frames))
        assert all(whole[o : o + 4] == data[0][:4] for o in places.values() if o is not None)
        assert None not in places.values()


def test_order_and_copies_are_told_and_are_no_alarm() -> None:
    whole = made(6)
    found = verify([whole[0], whole[3], whole[1], whole[1], whole[2], *whole[4:], whole[0]], KEY)
    assert found.ok
    assert found.reordered == (1, 2)
    assert found.duplicates == (0, 1)
    assert (found.counts["late"], found.counts["duplicate"]) == (2, 2)


def test_a_forged_frame_in_front_makes_no_other_foreign() -> None:
    forged_ = seal(stream_id("another"), 0, 0, DATA, b"x")
    found = verify([forged_, *made(3)], KEY)
    assert found.stream == STREAM
    assert [(f.kind, f.sequence) for f in found.flaws] == [("altered", 0)]
    assert found.complete


def test_frames_of_another_stream_are_foreign() -> None:
    other = list(chain(stream_id("another"), [(0, DATA, b"x")], KEY))
    found = verify([*made(2), *other], KEY)
    assert [(f.kind, f.sequence) for f in found.flaws] == [("foreign", 0)]
    assert list(by_stream([*made(2), *other])) == [STREAM, other[0].stream]


def test_a_key_that_is_taken_off_is_an_alteration() -> None:
    # Everything rewritten and chained anew without the key, which anybody can.
    found = verify(made(4, None), KEY)
    assert not found.ok
    assert found.altered == (0, 1, 2, 3, 4)
    assert verdicts(found)["third party"] == "found"


def test_numbers_from_the_end_of_the_range_are_no_trap() -> None:
    far = seal(STREAM, 2**63 - 1, 0, DATA, b"far", bytes(32))
    found = verify([*made(2, None, close=False), far])
    assert found.missing == ((2, 2**63 - 2),)
    assert found.missing_count == 2**63 - 3


# --- the sender ----------------------------------------------------------------------------------------


def test_a_sender_who_chains_anew_is_found_by_an_anchor_only() -> None:
    first, second = made(20), made(20, word=b"else")
    spliced = [
        *first[:10], *chain(STREAM, ((f.nanoseconds, f.kind, b"else") for f in first[10:]), KEY,
                            sequence=10, previous=first[9].tag),
    ]  # fmt: skip
    assert verdicts(verify(second, KEY))["sender"] == "not detectable"
    assert verify(spliced, KEY).ok
    anchors = [Anchor(4, first[4].tag), Anchor(15, first[15].tag, "acknowledged")]
    found = verify(spliced, KEY, anchors)
    (flaw,) = found.flaws
    assert (flaw.kind, flaw.sequence) == ("rewritten", 15)
    assert "from 5 on" in flaw.text
    assert "acknowledged" in flaw.text
    assert found.proven == ((0, 4),)
    assert verdicts(found)["sender"] == "found"


def test_an_anchor_proves_what_is_linked_to_it_and_no_more() -> None:
    whole = made(20)
    middle = verify(whole, KEY, [Anchor(12, whole[12].tag)])
    assert middle.proven == ((0, 12),)
    assert verdicts(middle)["sender"] == "not detectable"
    last = verify(whole, KEY, [Anchor(20, whole[20].tag)])
    assert last.proven == ((0, 20),)
    assert verdicts(last)["sender"] == "none"
    gap = verify([*whole[:5], *whole[7:]], KEY, [Anchor(12, whole[12].tag), Anchor(3, whole[3].tag)])
    assert gap.proven == ((0, 3), (7, 12))
    assert verify(whole, None, [Anchor(12, whole[12].tag)]).proven == ()


def test_an_anchor_proves_a_stream_without_a_key() -> None:
    whole = made(5, None)
    found = verify(whole, None, [Anchor(5, whole[5].tag)])
    assert verdicts(found)["third party"] == "none"
    rewritten = verify(made(5, None, word=b"else"), None, [Anchor(5, whole[5].tag)])
    assert verdicts(rewritten)["sender"] == "found"


def test_two_versions_under_one_key_are_the_senders() -> None:
    whole = made(4)
    again = seal(STREAM, 2, whole[2].nanoseconds, DATA, b"second version", whole[1].tag, KEY)
    found = verify([*whole[:3], again, *whole[3:]], KEY)
    assert [(f.kind, f.sequence) for f in found.flaws] == [("conflict", 2)]
    assert verdicts(found)["sender"] == "found"
    instead = verify([*whole[:2], again, *whole[3:]], KEY)
    assert [(f.kind, f.sequence) for f in instead.flaws] == [("broken link", 3)]


def test_a_frame_rehashed_without_the_rest_breaks_the_link_of_the_next() -> None:
    whole = made(6, None)
    whole[2] = seal(STREAM, 2, 0, DATA, b"changed", whole[1].tag)
    found = verify(whole)
    assert [(f.kind, f.sequence) for f in found.flaws] == [("broken link", 3)]
    assert verdicts(found)["third party"] == "found"


def test_links_are_checked_when_a_hole_is_filled() -> None:
    whole = made(6, None)
    for number, broken in ((2, 3), (1, 2)):
        copy = list(whole)
        bad = seal(STREAM, number, 0, DATA, b"changed", whole[number - 1].tag)
        copy.remove(whole[number])
        found = verify([*copy, bad])
        assert [(f.kind, f.sequence) for f in found.flaws] == [("broken link", broken)]
        assert found.complete


# --- the tail ------------------------------------------------------------------------------------------


def test_a_cut_tail_is_known_from_the_end_or_from_an_anchor() -> None:
    whole = made(10)
    cut = whole[:6]
    without = verify(cut, KEY)
    assert without.ok
    assert not without.closed
    assert verdicts(without)["cut tail"] == "not detectable"
    found = verify(cut, KEY, [Anchor(8, whole[8].tag)])
    assert found.missing == ((6, 8),)
    assert [(f.kind, f.sequence) for f in found.flaws] == [("cut", 8)]
    assert verdicts(found)["cut tail"] == "found"


def test_what_comes_after_the_end_is_a_flaw_once() -> None:
    whole = made(3)
    more = seal(STREAM, 4, 0, DATA, b"more", whole[3].tag, KEY)
    for order in ([*whole, more], [*whole[:3], more, whole[3]], [whole[0], more, *whole[3:], *whole[1:3]]):
        found = verify(order, KEY)
        assert [(f.kind, f.sequence) for f in found.flaws] == [("after end", 4)]


# --- noise ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
@given(st.integers(0, 30 * 116), st.integers(1, 255))
def test_every_flipped_byte_is_found_and_located(key: bytes | None, at: int, mask: int) -> None:
    whole = made(30, key)
    sizes = [len(encode_frame(f)) for f in whole]
    struck = next(i for i in range(31) if sum(sizes[: i + 1]) > at)
    data = bytearray(encode(whole))
    data[at] ^= mask
    decoded = decode_stream(data)
    found = verify(decoded.frames, key, offsets=decoded.offsets, defects=decoded.defects)
    assert found.altered == (struck,)
    assert found.missing == ()
    assert verdicts(found)["noise"] == "found"
    # The offset is that of the frame that was struck, or inside it where its magic is gone.
    (place,) = {f.offset for f in found.flaws if f.kind == "damaged"}
    assert place is not None
    assert sum(sizes[:struck]) <= place <= at


# --- growing -------------------------------------------------------------------------------------------


@given(tampered())
def test_a_state_that_was_kept_goes_on_as_if_it_had_not_been(
    case: tuple[list[Frame], set[int], set[int]],
) -> None:
    arrived = case[0]
    state, tags = ChainState(stream=STREAM), dict[int, bytes]()
    for offset, frame in enumerate(arrived):
        state = state_from_json(state_json(state))
        if follow(state, frame, tags.get, key=KEY, offset=offset) in ("accepted", "late"):
            tags[frame.sequence] = frame.tag
    whole = verify(arrived, KEY, offsets=range(len(arrived)), stream=STREAM)
    assert report(state, tags.get, key=KEY) == whole


def test_a_state_that_is_none_is_refused() -> None:
    for text in ("", "[]", "{}", '{"holes": [1]}'):
        with pytest.raises(InputError):
            state_from_json(text)


def test_holes_and_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "MAX_HOLES", 5)
    monkeypatch.setattr(chain_module, "MAX_KEPT", 4)
    state, tags = ChainState(), dict[int, bytes]()
    whole = made(40, None)
    for frame in [*whole[::2], *[whole[0]] * 10]:
        if follow(state, frame, tags.get) in ("accepted", "late"):
            tags[frame.sequence] = frame.tag
    assert len(state.holes) == 5
    assert state.counts["scattered"] == 15
    assert state.counts["duplicate"] == 10
    assert len(state.flaws) == len(state.duplicates) == 4
    found = report(state, tags.get)
    assert not found.ok
    assert found.flaws_dropped == 11


def test_the_report_in_words_and_as_json() -> None:
    whole = made(30)
    found = verify([*whole[:3], replace(whole[3], payload=b"x"), *whole[8:]], KEY)
    lines = report_lines(found)
    assert "Missing: 4 (4–7)" in lines
    assert "Altered: 1 (3)" in lines
    assert any(line.startswith("The sender who rewrites and re-chains: not detectable") for line in lines)
    told = report_dict(found)
    assert (told["ok"], told["missing"], told["stream"]) == (False, ((4, 7),), STREAM.hex())


def test_what_a_station_still_wants() -> None:
    whole = made(12)
    state, tags = ChainState(), dict[int, bytes]()
    assert wanted(state) == ((), 0)
    for frame in [
        whole[0],
        whole[3],
        whole[7],
        replace(whole[5], payload=b"x"),
        replace(whole[9], tag=bytes(32)),
    ]:
        if follow(state, frame, tags.get, key=KEY) == "accepted":
            tags[frame.sequence] = frame.tag
    # 5 and 9 came, unsound; 8 did not come.
    assert wanted(state) == (((1, 2), (4, 4), (6, 6), (8, 8)), 10)
    follow_defect(state, Defect("damaged", 0, 100, 1, STREAM))
    follow_defect(state, Defect("garbage", 0, 100))
    assert wanted(state) == (((2, 2), (4, 4), (6, 6), (8, 8)), 10)
    assert state.counts["damaged"] == 2


def test_a_copy_with_the_same_tag_and_another_payload_is_a_conflict_without_the_key() -> None:
    whole = made(3)
    forged_ = replace(whole[1], payload=b"x")
    for order in ([*whole[:2], forged_, *whole[2:]], [whole[0], forged_, *whole[1:]]):
        found = verify(order)
        assert [(f.kind, f.sequence) for f in found.flaws] == [("conflict", 1)]
        assert verdicts(found)["third party"] == "found"


def test_what_a_state_has() -> None:
    whole = made(9, None)
    state, tags = ChainState(), dict[int, bytes]()
    assert not has(state, 0)
    for number in (0, 2, 5, 6):
        follow(state, whole[number], tags.get)
        tags[number] = whole[number].tag
    assert [n for n in range(-1, 10) if has(state, n)] == [0, 2, 5, 6]
