"""Space packets: gaps modulo 16,384, copies, order, error control; damage anywhere; and no more than that."""

from __future__ import annotations

import binascii
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.custody import ccsds, integrity
from overflight.custody.ccsds import Packets, crc_holds, examine_packets, parse_packets
from overflight.custody.integrity import (
    Examined,
    Integrity,
    compare_all,
    examine_file,
    findings_of,
    integrity_lines,
    section,
)
from overflight.errors import InputError, LimitError

spacepackets = pytest.importorskip("spacepackets", reason="needs the extra ccsds")


def packet(
    apid: int, count: int, body: bytes = b"data", *, control: bool = False, flags: int = 3, tc: bool = False
) -> bytes:
    """One packet, its header packed by spacepackets."""
    head = spacepackets.SpacePacketHeader(
        packet_type=spacepackets.PacketType(int(tc)), apid=apid, seq_count=count % 16384,
        data_len=len(body) + 2 * control - 1, seq_flags=spacepackets.SequenceFlags(flags),
    )  # fmt: skip
    raw = bytes(head.pack()) + body
    return raw + binascii.crc_hqx(raw, 0xFFFF).to_bytes(2, "big") if control else raw


def made(count: int, *, apid: int = 100, start: int = 0, control: bool = False) -> list[bytes]:
    return [packet(apid, start + i, b"item %d" % i, control=control) for i in range(count)]


def streams(found: Examined) -> dict[str, Integrity]:
    return {one.name: one for one in found.streams}


def only(pieces: Sequence[bytes], **how: bool) -> Integrity:
    (one,) = examine_packets(b"".join(pieces), **how).streams
    return one


def told(one: Integrity) -> dict[str, str]:
    return {adversary.id: adversary.verdict for adversary in one.adversaries}


def accounted(split: Packets) -> int:
    return sum(p.length for p in split.packets) + sum(d.length for d in split.defects) + split.left


# --- the format ----------------------------------------------------------------------------------------


def test_a_header_has_the_fields_of_the_standard() -> None:
    # CCSDS 133.0-B-2, 4.1.3, by hand: version 0, telecommand, secondary header, APID 0x2AB, first segment,
    # count 0x1234, three bytes of data.
    data = bytes([0b0001_1010, 0xAB, 0b0101_0010, 0x34, 0x00, 0x02, 1, 2, 3])
    (found,) = parse_packets(data).packets
    assert (found.telecommand, found.secondary, found.apid) == (True, True, 0x2AB)
    assert (found.flags, found.count, found.length) == (1, 0x1234, 9)


def test_the_error_control_is_that_of_the_catalogue() -> None:
    # CRC-16/IBM-3740 ("CCITT-FALSE") of "123456789" is 29B1: reveng catalogue of CRC algorithms.
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    data = packet(7, 1, control=True)
    (found,) = parse_packets(data).packets
    assert crc_holds(data, found)
    assert not crc_holds(data[:-1] + bytes([data[-1] ^ 1]), found)


def test_without_the_library_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacepackets", None)
    with pytest.raises(InputError, match=r"pip install 'overflight\[ccsds\]'"):
        examine_packets(b"")


# --- intact --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 2), st.binary(min_size=1, max_size=80)), max_size=60), st.booleans())
def test_intact_packets_raise_no_alarm_across_the_wrap(rows: list[tuple[int, bytes]], control: bool) -> None:
    counts = {0: 16380, 1: 0, 2: 9000}
    pieces = []
    for which, body in rows:
        pieces.append(packet(100 + which, counts[which], body, control=control))
        counts[which] += 1
    found = examine_packets(b"".join(pieces))
    # Nothing at all is no whole stream.
    assert found.ok is bool(rows)
    assert sum(one.counts["received"] for one in found.streams) == len(rows)
    assert all(one.missing == () for one in found.streams)


def test_what_a_sender_does_not_count_shows_no_gap_and_no_alarm() -> None:
    same = only([packet(5, 0, b"%d" % i) for i in range(9)])
    assert same.ok
    assert "does not count" in same.notes[0]
    names = only([packet(5, 977 * i, tc=True) for i in range(9)])
    assert names.ok
    assert "names" in names.notes[0]
    idle = only([packet(2047, 0, b"\0" * 9) for _ in range(9)])
    assert idle.ok
    assert "Idle" in idle.notes[0]


def test_order_and_copies_are_told_and_are_no_alarm() -> None:
    whole = made(8, start=16380)
    one = only([whole[0], whole[2], whole[1], *whole[3:], whole[5]])
    assert one.ok
    assert [(s.kind, s.first) for s in one.spots] == [("reordered", 16381), ("duplicate", 16385)]


# --- what is provable ----------------------------------------------------------------------------------


@given(st.integers(3, 40), st.integers(0, 16383), st.data())
def test_a_gap_has_its_numbers_and_place_across_the_wrap(count: int, start: int, data: st.DataObject) -> None:
    whole = made(count, start=start)
    first = data.draw(st.integers(1, count - 2))
    last = data.draw(st.integers(first, count - 2))
    one = only([*whole[:first], *whole[last + 1 :]])
    assert one.missing == ((start + first, start + last),)
    (spot,) = one.spots
    assert (spot.kind, spot.offset) == ("gap", len(b"".join(whole[:first])))
    assert "16384" in spot.text


def test_a_gap_of_16384_leaves_no_trace() -> None:
    one = only([packet(1, i) for i in range(10)] + [packet(1, 10 + 16384 + i) for i in range(10)])
    assert one.ok
    assert "16,384" in next(f.reason for f in findings_of(examine_packets(packet(1, 1))) if "missing" in f.id)


def test_one_count_with_two_contents_is_a_conflict() -> None:
    one = only([*made(5), packet(100, 3, b"something else")])
    assert [(s.kind, s.first) for s in one.spots] == [("conflict", 3)]
    assert told(one)["third party"] == "possible"


def test_groups_of_segments_without_beginning_or_end() -> None:
    flags = [1, 0, 2, 3, 1, 2]
    whole = [packet(9, i, flags=f) for i, f in enumerate(flags)]
    assert only(whole).ok
    # A recording that begins inside a group is no alarm.
    assert only(whole[1:]).ok
    cut = only(whole[:-1])
    assert [(s.kind, s.first) for s in cut.spots] == [("unfinished", 4)]
    assert told(cut)["cut tail"] == "possible"
    beheaded = only([*whole[:4], whole[5]])
    assert [s.kind for s in beheaded.spots] == ["gap", "unfinished"]


def test_the_four_adversaries_and_what_is_not_detectable() -> None:
    bare, controlled = only(made(9)), only(made(9, control=True))
    assert told(bare) == dict.fromkeys(("noise", "third party", "cut tail", "sender"), "not detectable")
    assert told(controlled)["noise"] == "none"
    assert told(controlled)["third party"] == "not detectable"
    assert (bare.checked, controlled.checked) == ("counts", "error control")


# --- damage --------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.integers(6, 40), st.randoms(use_true_random=False))
def test_every_bit_under_error_control_is_found_at_its_packet(count: int, rng: random.Random) -> None:
    whole = made(count, control=True)
    number = rng.randrange(1, count - 3)
    at = rng.randrange(len(whole[number]))
    struck = bytearray(whole[number])
    struck[at] ^= 1 << rng.randrange(8)
    start = len(b"".join(whole[:number]))
    found = examine_packets(b"".join([*whole[:number], bytes(struck), *whole[number + 1 :]]))
    assert not found.ok
    places = [s for one in found.streams for s in one.spots if s.offset is not None]
    assert any(
        s.offset is not None and start <= s.offset + (s.length or 0) and s.offset <= start + len(struck)
        for s in places
    )
    assert sum(one.counts["sound"] for one in found.streams) >= count - 2


@settings(deadline=None)
@given(st.integers(0, 60), st.binary(min_size=1, max_size=80), st.integers(0, 30))
def test_after_bytes_that_were_cut_or_put_in_it_finds_its_way(at: int, put: bytes, cut: int) -> None:
    whole = made(60)
    data = b"".join(whole)
    place = len(b"".join(whole[:at]))
    struck = data[:place] + put + data[place + cut :]
    found = examine_packets(struck)
    sound = {s for one in found.streams for s in one.held}
    # What lies two packets away from the damage is found.
    assert sound >= set(range(at - 1)) | set(range(at + 5, 58))
    assert accounted(parse_packets(struck)) == len(struck)


@given(st.integers(0, 300), st.binary(max_size=400))
def test_any_bytes_have_an_answer_and_all_are_accounted_for(size: int, data: bytes) -> None:
    for piece in (data, bytes(size) + data, b"".join(made(5)) + data, data + b"".join(made(5))):
        assert accounted(parse_packets(piece)) == len(piece)
        found = examine_packets(piece)
        assert found.streams
        assert json.dumps(section(found), allow_nan=False)
        assert all(integrity_lines(one) for one in found.streams)


@pytest.mark.parametrize("control", [True, False])
def test_packets_cut_at_every_byte_give_what_is_there(control: bool) -> None:
    whole = made(8, control=control)
    data = b"".join(whole)
    ends = [len(b"".join(whole[: i + 1])) for i in range(8)]
    for at in range(len(data) + 1):
        head = examine_packets(data[:at])
        received = sum(one.counts["received"] for one in head.streams)
        assert received == sum(end <= at for end in ends)
        assert head.ok is (at in ends)
        if at and at not in ends:
            stray = streams(head)["no-packet"]
            assert told(stray)["cut tail"] == ("found")
        tail = examine_packets(data[at:])
        got = streams(tail).get("tm-apid-100")
        whole_behind = sum(at <= e for e in (0, *ends[:-1]))
        # Two counts that go on are what a place is believed by.
        if whole_behind >= 3:
            assert got is not None
            assert got.counts["received"] == whole_behind


def test_a_search_that_takes_too_much_work_ends_and_tells_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ccsds, "MOST_LOOKS", 500)
    rng = random.Random(2)
    # Each place begins a header, of a kind of its own.
    noise = b"".join(
        rng.randrange(0x2000).to_bytes(2, "big") + rng.randbytes(2) + b"\0\0" for _ in range(2000)
    )
    data = b"".join(made(20)) + noise + b"\xff" * 3
    splitter = ccsds._Splitter(data)
    splitter.run()
    assert splitter.looked <= 500 + ccsds.RUN
    split = parse_packets(data)
    assert split.left > 0
    assert accounted(split) == len(data)
    found = examine_packets(data)
    assert not found.ok
    assert streams(found)["tm-apid-100"].counts["sound"] == 20
    spot = streams(found)["no-packet"].spots[-1]
    assert (spot.kind, spot.offset, spot.length) == ("unread", len(data) - split.left, split.left)
    assert "too much work" in "\n".join(integrity_lines(streams(found)["no-packet"]))


@pytest.mark.parametrize("tail", [b"", b"\xff" * 9])
def test_more_packets_than_are_kept_are_told_as_left(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    monkeypatch.setattr(ccsds, "MOST_PACKETS", 12)
    data = b"".join(made(20)) + tail
    split = parse_packets(data)
    assert len(split.packets) == 12
    assert accounted(split) == len(data)
    assert split.left == len(data) - split.packets[-1].offset - split.packets[-1].length
    found = examine_packets(data)
    assert not found.ok
    assert [s.kind for s in streams(found)["no-packet"].spots] == ["unread"]


def test_a_file_of_packets_is_smaller_than_one_of_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "MOST_PACKET_FILE_BYTES", 100)
    (tmp_path / "dump").write_bytes(b"".join(made(20)))
    with pytest.raises(LimitError, match="between frames or packets"):
        examine_file(tmp_path / "dump", format="ccsds")
    assert examine_file(tmp_path / "dump").bytes_read > 100


def test_hostile_headers_take_work_in_proportion() -> None:
    # Each place looks like a packet of a kind of its own, so that a search could go on from everywhere.
    rng = random.Random(1)
    data = b"".join(
        (rng.randrange(0x2000)).to_bytes(2, "big") + rng.randbytes(2) + b"\0\0" for _ in range(6000)
    )
    split = parse_packets(data + b"\xff" * 3)
    assert accounted(split) == len(data) + 3


# --- two copies ----------------------------------------------------------------------------------------


def test_two_copies_that_begin_at_different_rounds_are_laid_on_one_another() -> None:
    received = made(40, start=16380)
    recovered = [*received[10:20], packet(100, 16380 + 20, b"rewritten"), *received[21:35]]
    here = examine_packets(b"".join(recovered))
    (copy,) = compare_all(here, examine_packets(b"".join(received)))
    assert copy.same == 24
    assert copy.only_here == ()
    # Numbers of the copy at hand: it begins with count 6.
    assert copy.lacking == ((-4, 5), (31, 35))
    assert [(d.number, d.content) for d in copy.differences] == [(16, True)]
    assert copy.rewritten
