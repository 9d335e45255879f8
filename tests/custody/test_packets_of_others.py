"""Space packets as other programs make them: telemetry of the ECSS standard, and headers packed by hand."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from overflight.cli.custody_stream import stream
from overflight.cli.screen import EXIT_DAMAGED
from overflight.custody.ccsds import examine_packets
from overflight.custody.integrity import Integrity

APID, MODULUS = 0x155, 1 << 14


def telemetry(count: int, start: int) -> list[bytes]:
    """Housekeeping telemetry by spacepackets: secondary header with time, CRC-16, counts by its provider."""
    ecss = pytest.importorskip("spacepackets.ecss", reason="needs the extra ccsds")
    pus_a = ecss.PusTm
    return [
        bytes(
            pus_a(
                service=3, message_subtype=25, apid=APID, seq_count=(start + n) % MODULUS,
                timestamp=struct.pack(">BHI", 0x40, 23_500, n), source_data=struct.pack(">Id", n, n / 7),
            ).pack()
        )
        for n in range(count)
    ]  # fmt: skip


def by_hand(count: int, start: int, *, apid: int = APID) -> list[bytes]:
    """The six bytes of CCSDS 133.0-B-2 by shifts alone, bodies of other lengths, no error control."""
    rng = random.Random(3)
    rows = []
    for n in range(count):
        body = struct.pack(">I", n) + rng.randbytes(rng.randrange(1, 40))
        head = struct.pack(">HHH", apid, 3 << 14 | (start + n) % MODULUS, len(body) - 1)
        rows.append(head + body)
    return rows


def only(pieces: list[bytes]) -> Integrity:
    (one,) = examine_packets(b"".join(pieces)).streams
    return one


@pytest.mark.parametrize("make", [telemetry, by_hand])
def test_counts_go_round_at_14_bits_twice_without_an_alarm(make: object) -> None:
    """34,000 packets from count 16,000 on: past 16,383 three times."""
    assert callable(make)
    one = only(make(34_000, 16_000))
    assert one.ok
    assert one.missing == ()
    assert (one.first, one.last) == (16_000, 16_000 + 33_999)
    assert one.counts["received"] == one.counts["sound"] == 34_000
    assert one.checked == ("error control" if make is telemetry else "counts")


@pytest.mark.parametrize("make", [telemetry, by_hand])
def test_gaps_copies_and_order_are_found_with_their_numbers_on_both_sides_of_the_wrap(make: object) -> None:
    assert callable(make)
    start = 16_300
    whole = make(400, start)
    # Numbers within the recording: 16,383 is the 84th.
    lost = {*range(20, 23), *range(80, 90), 300}
    kept = [n for n in range(400) if n not in lost]
    at, back = kept.index(120), kept.index(250)
    kept[at], kept[at + 1] = kept[at + 1], kept[at]
    kept.insert(back + 4, 250)
    one = only([whole[n] for n in kept])
    assert one.missing == tuple((start + a, start + b) for a, b in ((20, 22), (80, 89), (300, 300)))
    found = {(s.kind, s.first) for s in one.spots if s.kind != "gap"}
    assert found == {("reordered", start + 120), ("duplicate", start + 250)}
    assert one.counts["missing"] == len(lost)
    gaps = [s.offset for s in one.spots if s.kind == "gap"]
    before = [sum(len(whole[n]) for n in kept[: kept.index(n)]) for n in (23, 90, 301)]
    assert gaps == before


def test_a_flipped_bit_of_telemetry_is_found_at_its_packet() -> None:
    whole = telemetry(60, 16_370)
    struck = bytearray(whole[20])
    struck[-5] ^= 0x10
    one = only([*whole[:20], bytes(struck), *whole[21:]])
    assert one.altered == (16_390,)
    (spot,) = (s for s in one.spots if s.kind == "damaged")
    assert (spot.offset, spot.length) == (len(b"".join(whole[:20])), len(whole[20]))
    assert {a.id: a.verdict for a in one.adversaries}["noise"] == "found"


def test_two_producers_interleaved_are_two_streams(tmp_path: Path) -> None:
    """Through the command: each by its own counts, the gap of one at its place, exit code 4."""
    first, second = telemetry(50, 16_380), by_hand(50, 7, apid=9)
    del second[30]
    pieces = [p for pair in zip(first, second, strict=False) for p in pair] + first[49:]
    (tmp_path / "dump.bin").write_bytes(b"".join(pieces))
    app = typer.Typer()
    app.command()(stream)
    done = CliRunner().invoke(app, [str(tmp_path / "dump.bin"), "--format", "ccsds", "--json"])
    assert done.exit_code == EXIT_DAMAGED
    rows = {row["name"]: row for row in json.loads(done.stdout)["streams"]}
    assert rows[f"tm-apid-{APID}"]["missing"] == []
    assert rows["tm-apid-9"]["missing"] == [[37, 37]]


def test_a_dump_cut_anywhere_through_the_command_is_read_up_to_the_cut(tmp_path: Path) -> None:
    whole = telemetry(12, 16_380)
    ends = [len(b"".join(whole[: n + 1])) for n in range(12)]
    app = typer.Typer()
    app.command()(stream)
    for at in (ends[6], ends[6] + 1, ends[6] + 6, ends[7] - 1):
        (tmp_path / "dump.bin").write_bytes(b"".join(whole)[:at])
        done = CliRunner().invoke(app, [str(tmp_path / "dump.bin"), "--format", "ccsds", "--json"])
        rows = {row["name"]: row for row in json.loads(done.stdout)["streams"]}
        assert rows[f"tm-apid-{APID}"]["counts"]["sound"] == 7
        cut = at not in ends
        assert done.exit_code == (EXIT_DAMAGED if cut else 0)
        assert ("no-packet" in rows) is cut
        if cut:
            (tail,) = (a for a in rows["no-packet"]["adversaries"] if a["id"] == "cut tail")
            assert tail["verdict"] == "found"
            assert f"begins at {ends[6]}" in tail["provable"]
