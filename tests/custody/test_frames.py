"""Frames: the documented example, chunks, damage, hostile lengths, and bytes that are no frames at all."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.custody import frames
from overflight.custody.frames import (
    DATA,
    END,
    GENESIS,
    MAGIC,
    OVERHEAD_BYTES,
    TELEMETRY,
    Decoded,
    Decoder,
    Frame,
    chain,
    decode_stream,
    encode,
    encode_frame,
    frame_tag,
    seal,
    stream_id,
    tag_holds,
)
from overflight.errors import InputError

PAGE = (Path(__file__).parents[2] / "docs" / "frames.md").read_text("utf-8")
KEY = bytes(range(32))
STREAM = stream_id("a test")


def made(count: int, key: bytes | None = None, close: bool = True) -> list[Frame]:
    items = ((1_000_000_000 * i, DATA, b"payload %d " % i * (i % 5)) for i in range(count))
    return list(chain(STREAM, items, key, close=close))


# --- the format ----------------------------------------------------------------------------------------


def worked() -> bytes:
    (text,) = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    return bytes.fromhex("".join(line.split("#")[0] for line in text.splitlines()))


def test_the_worked_example_of_the_page_is_one_frame() -> None:
    found = decode_stream(worked())
    (frame,) = found.frames
    assert found.defects == ()
    assert (frame.stream, frame.sequence, frame.kind) == (stream_id("example"), 0, TELEMETRY)
    assert frame.payload == b'{"alt_m":18288.0}'
    assert frame.time_s == 1675274400.0
    assert frame.previous == GENESIS
    assert tag_holds(frame)
    assert encode_frame(frame) == worked()


def test_the_worked_example_can_be_checked_with_the_libraries_alone() -> None:
    # Offsets as the page has them; hashlib and zlib, not this package, say what belongs there.
    data = worked()
    length = int.from_bytes(data[40:44], "big")
    assert data[:4] == bytes.fromhex("cb4f5646")
    assert hashlib.sha256(data[: 80 + length]).digest() == data[80 + length : 112 + length]
    assert int.from_bytes(data[76:80], "big") == zlib.crc32(data[:76])
    assert int.from_bytes(data[112 + length :], "big") == zlib.crc32(data[80 : 112 + length])
    assert len(data) == 116 + length


def test_a_keyed_tag_is_the_hmac_of_the_library() -> None:
    frame = seal(STREAM, 3, -5, DATA, b"seen", bytes(32), KEY)
    data = encode_frame(frame)
    assert frame.tag == hmac.new(KEY, data[: 80 + 4], hashlib.sha256).digest()
    assert tag_holds(frame, KEY)
    assert not tag_holds(frame)
    assert not tag_holds(frame, bytes(32))


def test_the_page_names_every_constant_of_the_format() -> None:
    for kind, name in frames.KINDS.items():
        assert re.search(rf"\b{kind}\b.*{name}", PAGE), name
    for offset in (0, 4, 5, 6, 7, 8, 24, 32, 40, 44, 76, 80):
        assert re.search(rf"^\| {offset} \|", PAGE, re.MULTILINE), offset


def test_a_chain_holds_the_tag_of_the_frame_before() -> None:
    made_ = made(5, KEY)
    assert [f.sequence for f in made_] == [0, 1, 2, 3, 4, 5]
    assert [f.kind for f in made_] == [DATA] * 5 + [END]
    assert made_[0].previous == GENESIS
    assert all(b.previous == a.tag for a, b in itertools.pairwise(made_))


def test_a_chain_goes_on_where_another_stopped() -> None:
    whole = made(6, KEY, close=False)
    items = ((f.nanoseconds, f.kind, f.payload) for f in whole[4:])
    assert list(chain(STREAM, items, KEY, sequence=4, previous=whole[3].tag)) == whole[4:]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stream": b"short"}, "stream"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": 2**63}, "sequence"),
        ({"nanoseconds": 2**63}, "nanoseconds"),
        ({"kind": 256}, "kind"),
        ({"previous": b""}, "previous"),
        ({"key": b"short"}, "key"),
    ],
)
def test_what_no_frame_can_hold_is_refused(change: dict[str, object], field: str) -> None:
    sound: dict[str, object] = {
        "stream": STREAM, "sequence": 0, "nanoseconds": 0, "kind": DATA, "payload": b"",
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        seal(**(sound | change))
    assert field in caught.value.field


def test_a_refused_key_is_not_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        frames.check_key(b"hunter2")
    assert "hunter2" not in str(caught.value)


# --- sound input ---------------------------------------------------------------------------------------


def parts(data: bytes, sizes: list[int]) -> list[bytes]:
    cuts = [0, *itertools.accumulate(sizes)]
    return [data[a:b] for a, b in itertools.pairwise([*(c for c in cuts if c < len(data)), len(data)])]


def accounted(found: Decoded) -> int:
    """Bytes in frames and in defects: together they are the input."""
    held = sum(OVERHEAD_BYTES + len(f.payload) for f in found.frames)
    return held + sum(d.length for d in found.defects)


@given(st.lists(st.binary(max_size=300), max_size=8), st.booleans(), st.lists(st.integers(1, 200)))
def test_what_is_written_is_read_however_it_is_cut(
    payloads: list[bytes], keyed: bool, sizes: list[int]
) -> None:
    written = list(chain(STREAM, ((i, DATA, p) for i, p in enumerate(payloads)), KEY if keyed else None))
    data = encode(written)
    found = decode_stream(parts(data, sizes))
    assert list(found.frames) == written
    assert found.defects == ()
    assert found.bytes_read == len(data) == accounted(found)
    assert all(data[o : o + 4] == MAGIC for o in found.offsets)


def test_a_frame_comes_out_as_soon_as_it_is_whole() -> None:
    data = encode_frame(made(1)[0])
    decoder = Decoder()
    assert decoder.feed(data[:-1]) == []
    assert [offset for offset, _ in decoder.feed(data[-1:])] == [0]


# --- damage --------------------------------------------------------------------------------------------


@given(st.binary(max_size=2000), st.lists(st.integers(1, 64)))
def test_garbage_never_raises_and_is_accounted_for(data: bytes, sizes: list[int]) -> None:
    found = decode_stream(parts(data, sizes))
    assert accounted(found) == len(data)
    assert found == decode_stream(data)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[list[Frame], bytes, set[int]]:
    """Frames, their bytes with pieces changed, cut or put in, and the sequences that were touched."""
    written = made(draw(st.integers(1, 12)), KEY if draw(st.booleans()) else None)
    pieces, touched = [], set()
    for frame in written:
        data = bytearray(encode_frame(frame))
        if draw(st.integers(0, 3)) == 0:
            touched.add(frame.sequence)
            at, size = draw(st.integers(0, len(data) - 1)), draw(st.integers(1, 40))
            way = draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
            if way == "flip":
                data[at] ^= draw(st.integers(1, 255))
            elif way == "cut":
                del data[at : at + size]
            elif way == "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=size)) or b"x"
            else:
                data.clear()
        pieces.append(bytes(data))
    return written, b"".join(pieces), touched


@given(damaged(), st.lists(st.integers(1, 150)))
def test_every_sound_frame_is_found_after_damage(
    case: tuple[list[Frame], bytes, set[int]], sizes: list[int]
) -> None:
    written, data, touched = case
    found = decode_stream(parts(data, sizes))
    assert accounted(found) == len(data)
    assert found == decode_stream(data)
    # Something put in before or after a frame leaves the frame sound: so at least the untouched ones.
    assert {f.sequence for f in found.frames} >= {f.sequence for f in written} - touched
    assert set(found.frames) <= set(written)


def test_each_damage_is_told_with_its_place() -> None:
    written = made(6)
    pieces = [bytearray(encode_frame(f)) for f in written]
    starts = list(itertools.accumulate([0, *map(len, pieces)]))
    pieces[1][90] ^= 1
    pieces[3][30] ^= 1
    found = decode_stream(b"".join(map(bytes, pieces)))
    assert [f.sequence for f in found.frames] == [0, 2, 4, 5, 6]
    assert [(d.kind, d.offset, d.length, d.sequence) for d in found.defects] == [
        ("damaged", starts[1], len(pieces[1]), 1),
        ("garbage", starts[3], len(pieces[3]), None),
    ]


@pytest.mark.parametrize("cut", range(1, 142, 7))
def test_input_that_ends_inside_a_frame_is_told(cut: int) -> None:
    data = encode(made(4, close=False))
    last = OVERHEAD_BYTES + len(made(4)[3].payload)
    found = decode_stream(data[:-cut])
    assert len(found.frames) == 3
    (defect,) = found.defects
    assert (defect.kind, defect.offset, defect.length) == ("truncated", len(data) - last, last - cut)
    # The header is whole as long as 80 bytes of the frame are there.
    assert defect.sequence == (3 if last - cut >= 80 else None)


def with_length(frame: Frame, length: int) -> bytes:
    data = bytearray(encode_frame(frame))
    data[40:44] = length.to_bytes(4, "big")
    data[76:80] = zlib.crc32(data[:76]).to_bytes(4, "big")
    return bytes(data)


def test_a_length_beyond_the_limit_is_not_waited_for() -> None:
    first, second = made(2, close=False)
    decoder = Decoder(max_payload=1000)
    got = decoder.feed(with_length(first, 2**32 - 1) + encode_frame(second))
    assert [frame for _, frame in got] == [second]
    assert [(d.kind, d.sequence) for d in decoder.defects] == [("oversize", 0)]


def test_a_length_that_is_false_swallows_no_frame() -> None:
    written = made(4, close=False)
    data = with_length(written[0], 10_000) + encode(written[1:])
    found = decode_stream(data)
    assert [f.sequence for f in found.frames] == [1, 2, 3]
    assert [(d.kind, d.sequence) for d in found.defects] == [("truncated", 0)]


def test_versions_and_flags_to_come_are_passed_over() -> None:
    written = made(3, close=False)
    later = bytearray(encode_frame(written[1]))
    later[4] = 2
    later[76:80] = zlib.crc32(later[:76]).to_bytes(4, "big")
    found = decode_stream(encode_frame(written[0]) + bytes(later) + encode_frame(written[2]))
    assert [f.sequence for f in found.frames] == [0, 2]
    assert [(d.kind, d.sequence, d.length) for d in found.defects] == [("unknown", 1, len(later))]


def test_what_is_read_again_after_damage_is_bounded() -> None:
    # Headers that hold, each claiming a long body that does not: one reading again for each would be the
    # square of the input.
    bare = seal(STREAM, 0, 0, DATA, b"")
    heads = b"".join(with_length(bare, 100_000)[:80] for _ in range(4000))
    decoder = Decoder()
    decoder.feed(heads)
    decoder.close()
    assert decoder._reread <= (frames.REREAD + 1) * len(heads)
    assert decoder.bytes_read == sum(d.length for d in decoder.defects)


def test_defects_are_kept_up_to_a_limit_and_counted_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_DEFECTS", 3)
    found = decode_stream(b"".join(b"noise" + encode_frame(f) for f in made(9)))
    assert len(found.frames) == 10
    assert (len(found.defects), found.defects_dropped) == (3, 7)


def test_no_more_than_a_frame_is_held_back() -> None:
    decoder = Decoder(max_payload=1000)
    for _ in range(200):
        decoder.feed(MAGIC * 50)
        assert len(decoder._held) < 1000 + OVERHEAD_BYTES + 200


def test_a_frame_changed_by_somebody_decodes_and_its_tag_fails() -> None:
    frame = made(1)[0]
    forged = Frame(frame.stream, 0, 0, DATA, b"another", frame.previous, frame.tag)
    (read,) = decode_stream(encode_frame(forged)).frames
    assert read == forged
    assert not tag_holds(read)
    assert frame_tag(read) != frame.tag
