"""What becomes of frames: each hand does what it can and no more, and what it did is known."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from overflight.custody.chain import Anchor, verify
from overflight.custody.frames import DATA, Frame, chain, decode_stream, stream_id
from overflight.errors import InputError
from overflight.twin.fate import BLOCK_FRAMES, lose, recover, tamper

KEY = hashlib.sha256(b"a key of the tests").digest()


def frames(count: int = 400, key: bytes | None = KEY) -> list[Frame]:
    items = [(i * 1_000_000_000, DATA, f"item {i} of the test".encode() * 3) for i in range(count)]
    return list(chain(stream_id("test"), items, key))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_what_was_written_before_the_loss_is_left() -> None:
    left = lose(frames(100), 49.5)
    assert [f.sequence for f in left] == list(range(50))


def test_memory_is_recovered_in_whole_blocks() -> None:
    left, gone = recover(frames(1000), 0.5, rng())
    assert sorted([*(f.sequence for f in left), *gone]) == list(range(1000))
    blocks = {n // BLOCK_FRAMES for n in gone}
    assert not blocks & {f.sequence // BLOCK_FRAMES for f in left}
    assert len(left) == pytest.approx(500, abs=BLOCK_FRAMES)


def test_nobodys_hands_leave_the_stream_as_it_was() -> None:
    fated = tamper(frames(), (), share=0.1, rng=rng(), key=KEY)
    assert fated.deeds == ()
    decoded = decode_stream(fated.data)
    assert verify(decoded.frames, KEY).ok


def test_line_noise_touches_the_share_and_is_found_where_it_was() -> None:
    fated = tamper(frames(), ("line noise",), share=0.05, rng=rng(), key=KEY)
    (deed,) = fated.deeds
    assert (deed.by, deed.what, len(deed.sequences)) == ("line noise", "altered", 20)
    decoded = decode_stream(fated.data)
    assert {f.sequence for f in decoded.frames} == set(range(400)) - set(deed.sequences)


def test_a_third_party_is_found_on_a_keyed_stream() -> None:
    fated = tamper(frames(), ("third party",), share=0.05, rng=rng(), key=KEY)
    deleted, altered = (d.sequences for d in fated.deeds)
    assert len(deleted) == len(altered) == 10
    decoded = decode_stream(fated.data)
    assert decoded.defects == ()  # the checksums were put right
    report = verify(decoded.frames, KEY)
    assert set(report.altered) == set(altered)
    missing = {n for a, b in report.missing for n in range(a, b + 1)}
    assert missing == set(deleted) - {399}


def test_without_a_key_a_third_party_leaves_no_trace() -> None:
    fated = tamper(frames(key=None), ("third party",), share=0.05, rng=rng())
    assert {d.what for d in fated.deeds} == {"deleted", "altered"}
    assert verify(decode_stream(fated.data).frames).ok


def test_the_owner_leaves_no_trace_but_against_what_others_hold() -> None:
    whole = frames()
    fated = tamper(whole, ("owner",), share=0.05, rng=rng(), key=KEY)
    decoded = decode_stream(fated.data)
    assert verify(decoded.frames, KEY).ok
    assert [f.sequence for f in decoded.frames] == list(range(390))
    held = Anchor(sequence=300, tag=whole[300].tag)
    assert any(f.kind == "rewritten" for f in verify(decoded.frames, KEY, [held]).flaws)


def test_a_cut_takes_the_last_frames() -> None:
    fated = tamper(frames(), ("cut tail",), share=0.1, rng=rng(), key=KEY)
    (deed,) = fated.deeds
    assert deed.sequences == tuple(range(360, 400))
    assert [f.sequence for f in decode_stream(fated.data).frames] == list(range(360))


def test_hands_follow_one_another_and_sequences_stay_those_of_the_original() -> None:
    fated = tamper(frames(), ("line noise", "owner", "cut tail"), share=0.02, rng=rng(), key=KEY)
    assert [d.by for d in fated.deeds] == ["owner", "owner", "cut tail", "line noise"]
    assert fated.deeds[2].sequences[-1] >= 390  # numbered by the stream before the owner rewrote it


def test_the_same_generator_does_the_same() -> None:
    one, two = (tamper(frames(), ("owner", "line noise"), share=0.1, rng=rng(3), key=KEY) for _ in range(2))
    assert one == two


def test_an_empty_stream_has_no_fate() -> None:
    assert tamper([], ("owner", "line noise"), share=0.5, rng=rng()).data == b""


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="share"):
        tamper(frames(4), ("owner",), share=1.5, rng=rng())
    with pytest.raises(InputError, match="neighbour"):
        tamper(frames(4), ("neighbour",), share=0.5, rng=rng())
