"""CCSDS space packets: gaps, copies, order and error control, and no more than they prove.

Layout of the primary header (CCSDS 133.0-B-2, section 4.1.3), big-endian, 6 bytes:

==== ===== =======================================================================
bit  bits  field
==== ===== =======================================================================
0    3     version number, 0
3    1     type: 0 telemetry, 1 telecommand
4    1     secondary header flag
5    11    application process identifier (APID); 2047 is idle
16   2     sequence flags: 1 first, 0 further, 2 last segment, 3 unsegmented
18   14    sequence count of the APID (or, of a telecommand, a name)
32   16    length of the packet data field, less 1
==== ===== =======================================================================

A packet holds no hash and no link to the one before. What is provable is that counts are not as a sender who
counts leaves them, modulo 16,384: a gap of that many, or of a multiple, leaves no trace. Where the last two
bytes of (nearly) every packet are the CRC-16 of what is before them, the packets have error control, and what
fails it is damaged; anybody can compute it. It is that of the ECSS packet utilisation standard
(ECSS-E-ST-70-41C, annex B): polynomial 1021, register preset to ones, not reflected.

Packets have no mark that begins them. After damage the next place is looked for at which several packets
follow on one another with counts that go on; what lies between is told as damaged. Where counts cannot be
told from chance, bytes that look like packets may be taken for such. Not read: secondary headers (each
mission has its own), so times are not told; transfer frames, which carry packets.

The headers are decoded by `spacepackets` (Apache-2.0), the extra `ccsds`.
"""

from __future__ import annotations

import binascii
import hashlib
import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from overflight.custody.chain import MAX_KEPT, Adversary
from overflight.custody.frames import MAX_DEFECTS, Defect
from overflight.custody.integrity import MOST_STREAMS, Examined, Held, Integrity, Spot
from overflight.errors import InputError

HEAD_BYTES: Final = 6
MODULUS: Final = 1 << 14
IDLE_APID: Final = 2047
UNSEGMENTED, FIRST, FURTHER, LAST = 3, 1, 0, 2
# A place found after damage is believed where packets follow on one another and so many of their counts go
# on by one, within so many packets: a version of 0 comes by chance at one place in eight, a count that goes
# on at one in 16,384.
RUN: Final = 64
RUN_STEPS: Final = 2
# A packet known by its number follows within this many of its kind's last, or is looked at more closely.
NEAR: Final = 64
# Headers that are looked at in the search after damage, for each byte: keeps hostile input linear.
REREAD: Final = 8
# And in all, some minute of work; and packets that are kept, some hundred bytes each. The rest is told.
MOST_LOOKS: Final = 20_000_000
MOST_PACKETS: Final = 1 << 20
# Packets of a kind that must fail by chance one in 65,536 each before it is said to have error control.
CRC_SHARE: Final = 0.5
CRC_LEAST: Final = 2

TOO_MANY: Final = f"not examined: there are more than {MOST_PACKETS:,} packets; cut the file between packets"
TOO_LONG: Final = "not examined: the search for packets in damaged bytes ended, for it takes too much work"
NO_CRC: Final = "its error control does not hold"
NO_END: Final = "a group of segments begins here and does not end"
AGAIN: Final = "came again, the same to the byte"
TWICE: Final = f"this count came before with other bytes: one is altered, or {MODULUS} were lost between"

_WORDS = struct.Struct(">HHH")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it lies in the bytes."""

    offset: int
    length: int
    telecommand: bool
    secondary: bool
    apid: int
    flags: int
    count: int


@dataclass(frozen=True, slots=True)
class Packets:
    """What bytes were split into: packets and what is none, which together are the input.

    Of bytes that would take too much work the last `left` were not examined, `why_left` says why.
    """

    packets: tuple[Packet, ...]
    defects: tuple[Defect, ...]
    defects_dropped: int
    bytes_read: int
    left: int = 0
    why_left: str = ""


# --- splitting -----------------------------------------------------------------------------------------


def parse_packets(data: bytes) -> Packets:
    """Split bytes into space packets; never raises on what they hold.

    Ends after a million packets, or where the search after damage has taken too much work, and says so.
    Raises InputError where `spacepackets` is not installed.
    """
    unpack = _unpacker()
    splitter = _Splitter(data)
    splitter.run()
    packets = tuple(_packet(unpack, data, at) for at in splitter.places)
    left = 0 if splitter.left_from is None else len(data) - splitter.left_from
    return Packets(
        packets, tuple(splitter.defects), splitter.defects_dropped, len(data), left, splitter.why_left
    )


def _unpacker() -> Any:
    try:
        from spacepackets import SpacePacketHeader
    except ImportError as error:
        raise InputError(
            "space packets need spacepackets", remedy="pip install 'overflight[ccsds]'"
        ) from error
    return SpacePacketHeader.unpack


def _packet(unpack: Any, data: bytes, at: int) -> Packet:
    head = unpack(data[at : at + HEAD_BYTES])
    return Packet(
        at, head.packet_len, bool(head.packet_type), head.sec_header_flag, head.apid, int(head.seq_flags),
        head.seq_count,
    )  # fmt: skip


@dataclass(slots=True)
class _Splitter:
    """Goes through the bytes; `run` fills `places` (offsets of packets) and `defects`.

    `last` has the last count of each kind of packet (type, secondary header, APID) so far, `looked` the
    headers that were looked at in the search after damage. Bytes from `left_from` on are not examined.
    """

    data: bytes
    places: list[int] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    defects_dropped: int = 0
    last: dict[int, int] = field(default_factory=dict)
    looked: int = 0
    left_from: int | None = None
    why_left: str = ""

    def run(self) -> None:
        """Split: as the lengths say where that comes out even, else by what the counts confirm."""
        end = len(self.data)
        plain, stop, beyond = self._plain()
        if stop == end:
            self.places = plain
            self._leave(beyond, TOO_MANY)
            return
        at = 0 if self._follow_on(0) else self._seek(1)
        if at == end:
            # Nothing counts here: the lengths are all there is.
            self.places = plain
            if beyond is not None:
                self._leave(beyond, TOO_MANY)
                return
            self.left_from = None if self.left_from is None else max(self.left_from, stop)
            self._enter(stop, end)
            return
        self._before(at, plain)
        while at < end and self.left_from is None:
            at = self._step(at)
            if at < end and len(self.places) >= MOST_PACKETS:
                self._leave(at, TOO_MANY)

    def _plain(self) -> tuple[list[int], int, int | None]:
        """Return the packets that the lengths alone give, where that ends, and the first that is not kept."""
        places: list[int] = []
        at, beyond = 0, None
        while (after := self._end(at)) is not None:
            if len(places) < MOST_PACKETS:
                places.append(at)
            elif beyond is None:
                beyond = at
            at = after
        return places, at, beyond

    def _leave(self, at: int | None, why: str) -> None:
        """Examine nothing from a place on."""
        if at is not None:
            self.left_from, self.why_left = at, why

    def _before(self, at: int, plain: list[int]) -> None:
        """Take what lies before the first place that is believed, where its counts lead up to it."""
        ahead: dict[int, int] = {}
        place: int | None = at
        for _ in range(RUN):
            if place is None or (after := self._end(place)) is None:
                break
            kind, count = self._kind(place)
            ahead.setdefault(kind, count)
            place = after
        start = 0
        for place in plain:
            after = self._end(place)
            if after is None or after > at:
                break
            kind, count = self._kind(place)
            if kind in ahead and 0 < (ahead[kind] - count) % MODULUS <= NEAR:
                self._enter(start, place)
                start = self._take(place, after)
        self._enter(start, at)

    def _step(self, at: int) -> int:
        """Take the packet at a place, or enter damage; return the next place."""
        after = self._end(at)
        near = after is not None and self._near(at)
        if after is not None and ((near and self._heads(after)) or self._follow_on(at)):
            return self._take(at, after)
        found = self._seek(at + 1)
        if near and after is not None and found >= after:
            self._take(at, after)
            self._enter(after, found)
        else:
            self._enter(at, found)
        return found

    def _end(self, at: int) -> int | None:
        """Return where the packet at a place ends, None where none fits there."""
        if at + HEAD_BYTES >= len(self.data) or self.data[at] >> 5:
            return None
        after = at + HEAD_BYTES + 1 + int.from_bytes(self.data[at + 4 : at + 6], "big")
        return after if after <= len(self.data) else None

    def _near(self, at: int) -> bool:
        """Return whether a header is of a kind that was there, with a count not far behind the last."""
        kind, count = self._kind(at)
        return kind in self.last and (count - self.last[kind]) % MODULUS <= NEAR

    def _heads(self, at: int) -> bool:
        """Return whether the bytes end here, or a header stands here that may be one."""
        if at + HEAD_BYTES > len(self.data):
            return True
        return not self.data[at] >> 5 and (self._near(at) or self._follow_on(at))

    def _kind(self, at: int) -> tuple[int, int]:
        word, control, _ = _WORDS.unpack_from(self.data, at)
        return word & 0x1FFF, control & 0x3FFF

    def _take(self, at: int, after: int) -> int:
        kind, count = self._kind(at)
        self.last[kind] = count
        self.places.append(at)
        return after

    def _seek(self, at: int) -> int:
        """Return the next place from which packets follow on one another, the end where there is none."""
        last, most = len(self.data) - HEAD_BYTES, min(REREAD * len(self.data), MOST_LOOKS)
        while at < last and self.looked < most:
            if not self.data[at] >> 5 and self._follow_on(at):
                return at
            at += 1
        if at < last:
            self._leave(at, TOO_LONG)
        return len(self.data)

    def _follow_on(self, at: int) -> bool:
        """Return whether packets follow on one another from a place, with counts that go on."""
        here: dict[int, int] = {}
        steps = misses = 0
        if self.looked >= MOST_LOOKS:
            return False
        for _ in range(RUN):
            after = self._end(at)
            self.looked += 1
            if after is None or misses > 1:
                return False
            kind, count = self._kind(at)
            before = here.get(kind, self.last.get(kind))
            if before is not None:
                ahead = (count - before) % MODULUS
                steps += ahead == 1 or (kind not in here and 1 < ahead <= NEAR)
                misses += kind in here and ahead != 1
            here[kind], at = count, after
            if steps >= RUN_STEPS or (steps and at == len(self.data)):
                return True
        return False

    def _enter(self, start: int, end: int) -> None:
        end = end if self.left_from is None else min(end, self.left_from)
        if end <= start:
            return
        # What begins like a packet and reaches beyond the end was cut.
        cut = end == len(self.data) and not self.data[start] >> 5
        if len(self.defects) >= MAX_DEFECTS:
            self.defects_dropped += 1
        else:
            self.defects.append(Defect("truncated" if cut else "garbage", start, end - start))


# --- examining -----------------------------------------------------------------------------------------


def examine_packets(data: bytes, *, error_control: bool | None = None) -> Examined:
    """Examine the space packets in bytes, each kind (type and APID) as a stream of its own.

    `error_control` says whether each packet ends with its CRC-16; None looks at the packets themselves.
    Takes anything and never raises on what the bytes hold.
    """
    split = parse_packets(data)
    kinds: dict[tuple[bool, int], list[Packet]] = {}
    for packet in split.packets:
        kinds.setdefault((packet.telecommand, packet.apid), []).append(packet)
    largest = set(sorted(kinds, key=lambda kind: -len(kinds[kind]))[:MOST_STREAMS])
    found = [
        _examine(data, kind, packets, split, error_control)
        for kind, packets in kinds.items()
        if kind in largest
    ]
    if (stray := _strays(split)) is not None:
        found.append(stray)
    elif not found:
        found.append(_bare("none"))
    return Examined("ccsds", len(data), tuple(found), len(kinds) - len(largest))


def has_error_control(data: bytes, packets: Sequence[Packet]) -> bool:
    """Return whether packets end with a CRC-16: more than half of them, and two at least, hold theirs."""
    held = sum(crc_holds(data, packet) for packet in packets)
    return held >= CRC_LEAST and held > CRC_SHARE * len(packets)


def crc_holds(data: bytes, packet: Packet) -> bool:
    """Return whether the last two bytes of a packet are the CRC-16 of all before them."""
    # Over data and CRC together the register ends at zero.
    return binascii.crc_hqx(data[packet.offset : packet.offset + packet.length], 0xFFFF) == 0


@dataclass(slots=True)
class _Count:
    """The packets of one kind as they come, their counts unwrapped; changed by `take` and `put`."""

    held: dict[int, Held] = field(default_factory=dict)
    sound: dict[int, Packet] = field(default_factory=dict)
    spots: list[Spot] = field(default_factory=list)
    dropped: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    highest: int | None = None

    def take(self, packet: Packet, raw: bytes, damaged: bool) -> None:
        """Take the next packet as it lies in the bytes."""
        number = self._number(packet.count)
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        if damaged:
            # The count itself may be what is damaged: it does not move what is expected next.
            self.put("damaged", number, packet, NO_CRC)
            self.held.setdefault(number, Held(packet.offset, packet.length, digest, digest, False))
            return
        if number in self.sound:
            same = self.held[number].digest == digest
            self.put("duplicate" if same else "conflict", number, packet, AGAIN if same else TWICE)
            return
        if self.highest is not None and number < self.highest:
            self.put("reordered", number, packet, "came after a later packet")
        self.held[number] = Held(packet.offset, packet.length, digest, digest, True)
        self.sound[number] = packet
        self.highest = number if self.highest is None else max(self.highest, number)

    def _number(self, count: int) -> int:
        """Return the count unwrapped: that one of its numbers which is nearest to the next expected."""
        if self.highest is None:
            return count
        half = MODULUS // 2
        return self.highest + (count - self.highest + half) % MODULUS - half

    def put(self, kind: str, number: int, packet: Packet, text: str) -> None:
        """Enter a spot; the first thousand of each kind are kept, all are counted."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= MAX_KEPT:
            self.spots.append(Spot(kind, number, number, packet.offset, packet.length, text))
        elif kind not in ("duplicate", "reordered"):
            self.dropped += 1


def _examine(
    data: bytes, kind: tuple[bool, int], packets: Sequence[Packet], split: Packets, error_control: bool | None
) -> Integrity:
    checked = has_error_control(data, packets) if error_control is None else error_control
    why_not = _uncounted(kind, packets)
    state = _Count()
    for packet in packets:
        damaged = checked and not crc_holds(data, packet)
        if not why_not:
            state.take(packet, data[packet.offset : packet.offset + packet.length], damaged)
        elif damaged:
            state.put("damaged", packet.count, packet, NO_CRC)
    missing, unsound = _missing(state)
    gaps = [_gap(first, last, state, len(data)) for first, last in missing[:MAX_KEPT]]
    spots = [*state.spots, *gaps, *_groups([state.sound[n] for n in sorted(state.sound)])]
    spots.sort(key=lambda spot: (spot.kind in ("duplicate", "reordered"), spot.offset or 0))
    name = f"{'tc' if kind[0] else 'tm'}-apid-{kind[1]}"
    failed = state.counts.get("damaged", 0)
    one = Integrity(
        name=name, stream=name, format="ccsds", checked="error control" if checked else "counts",
        closed=False, first=min(state.sound, default=None), last=max(state.sound, default=None),
        counts={
            "received": len(packets), "sound": len(packets) - failed, "missing": _size(missing),
            "altered": len(unsound), "damaged": failed, "conflict": state.counts.get("conflict", 0),
            "duplicate": state.counts.get("duplicate", 0), "reordered": state.counts.get("reordered", 0),
        },
        missing=tuple(missing[:MAX_KEPT]), altered=tuple(unsound[:MAX_KEPT]), spots=tuple(spots),
        spots_dropped=state.dropped + max(len(missing) - MAX_KEPT, 0),
        adversaries=(), notes=(why_not,) if why_not else (), held=state.held,
    )  # fmt: skip
    return replace(one, adversaries=_adversaries(one, bool(why_not), split))


def _uncounted(kind: tuple[bool, int], packets: Sequence[Packet]) -> str:
    """Return why the counts of a kind cannot be gone by, '' where they can."""
    if kind[1] == IDLE_APID:
        return "Idle packets carry nothing: their counts are not looked at."
    steps = sum((b.count - a.count) % MODULUS == 1 for a, b in itertools.pairwise(packets))
    if kind[0] and len(packets) > 2 and 2 * steps < len(packets) - 1:
        return "The counts of these telecommands do not go on by one: they are names, and show no gap."
    if len(packets) > 2 and len({packet.count for packet in packets}) == 1:
        return "Every packet has the same count: this sender does not count, and nothing shows a gap."
    return ""


def _missing(state: _Count) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the ranges between first and last of which nothing came, and what came unsound."""
    unsound = sorted(n for n, one in state.held.items() if not one.sound)
    if not state.sound:
        return [], unsound
    low, high = min(state.sound), max(state.sound)
    inside = sorted(n for n in state.held if low <= n <= high)
    return [(a + 1, b - 1) for a, b in itertools.pairwise(inside) if b > a + 1], unsound


def _gap(first: int, last: int, state: _Count, end: int) -> Spot:
    count = last - first + 1
    behind = state.held.get(last + 1)
    text = f"{count} not here, or {count} and a multiple of {MODULUS}; lost, withheld, deleted or never sent"
    return Spot("gap", first, last, end if behind is None else behind.offset, 0, text)


def _groups(packets: Sequence[Packet]) -> list[Spot]:
    """Return groups of segments, in the order of their counts, that lack their beginning or their end."""
    found: list[Spot] = []
    begun: Packet | None = None
    # A recording may begin inside a group.
    known = False
    for packet in packets:
        starts = packet.flags in (FIRST, UNSEGMENTED)
        if starts and begun is not None:
            found.append(_unfinished(begun, NO_END))
        if not starts and begun is None and known:
            found.append(_unfinished(packet, "a segment whose group has no beginning"))
        known = known or starts
        begun = packet if packet.flags == FIRST else None if packet.flags in (LAST, UNSEGMENTED) else begun
    if begun is not None:
        found.append(_unfinished(begun, NO_END))
    return found[:MAX_KEPT]


def _unfinished(packet: Packet, text: str) -> Spot:
    return Spot("unfinished", packet.count, packet.count, packet.offset, packet.length, text)


def _strays(split: Packets) -> Integrity | None:
    """Return the bytes that are no packet as a stream of their own: nothing says whose they were.

    With them come the bytes that were not examined.
    """
    if not split.defects and not split.left:
        return None
    words = {
        "truncated": "the bytes end inside a packet",
        "garbage": "these bytes cannot be split into packets",
    }
    spots = [Spot("damaged", None, None, d.offset, d.length, words[d.kind]) for d in split.defects]
    spots = spots[: MAX_KEPT - 1] if split.left else spots
    dropped = max(len(split.defects) - (MAX_KEPT - 1 if split.left else MAX_KEPT), 0) + split.defects_dropped
    if split.left:
        spots.append(Spot("unread", None, None, split.bytes_read - split.left, split.left, split.why_left))
    one = _bare("no-packet", len(split.defects) + split.defects_dropped)
    one = replace(one, spots=tuple(spots[:MAX_KEPT]), spots_dropped=dropped)
    return replace(one, adversaries=_adversaries(one, True, split))


def _bare(name: str, damaged: int = 0) -> Integrity:
    counts = dict.fromkeys(
        ("received", "sound", "missing", "altered", "damaged", "conflict", "duplicate", "reordered"), 0
    )
    one = Integrity(
        name=name, stream=name, format="ccsds", checked="counts", closed=False, first=None, last=None,
        counts=counts | {"damaged": damaged}, missing=(), altered=(), spots=(), adversaries=(),
    )  # fmt: skip
    return replace(one, adversaries=_adversaries(one, True, Packets((), (), 0, 0)))


# --- the four adversaries ------------------------------------------------------------------------------


def _adversaries(one: Integrity, uncounted: bool, split: Packets) -> tuple[Adversary, ...]:
    gaps = bool(one.missing or one.counts["conflict"] or any(s.kind == "unfinished" for s in one.spots))
    return (_noise(one), _third_party(gaps), _tail(one, uncounted, split), _sender())


def _noise(one: Integrity) -> Adversary:
    title, damaged = "line noise", one.counts["damaged"]
    lost = "whether a packet that is missing was lost, or never sent"
    if damaged:
        return Adversary(
            "noise", title, "found", f"{damaged} places where bytes were changed, cut or put in", lost
        )
    if one.checked == "error control":
        known = "the error control of every packet holds, which noise leaves so once in 65,536"
        return Adversary("noise", title, "none", known, lost)
    return Adversary(
        "noise", title, "not detectable", "that headers follow on one another",
        "that the data of the packets are as they were sent: nothing in them would show it",
    )  # fmt: skip


def _third_party(gaps: bool) -> Adversary:
    return Adversary(
        "third party", "a third party without the key", "possible" if gaps else "not detectable",
        "that the counts do not go on" if gaps else "nothing: packets have no key",
        "anything: counts and error control can be written anew by anybody",
    )  # fmt: skip


def _tail(one: Integrity, uncounted: bool, split: Packets) -> Adversary:
    title = "a cut tail"
    inside = next((d for d in split.defects if d.kind == "truncated"), None)
    if inside is not None and inside.offset + inside.length == split.bytes_read:
        known = f"the bytes end inside a packet that begins at {inside.offset}"
        return Adversary("cut tail", title, "found", known, "whether anything came after that packet")
    open_group = any(spot.kind == "unfinished" and spot.text == NO_END for spot in one.spots[-1:])
    known = "that the last group of segments lacks its end" if open_group else "nothing"
    last = "the last packet" if uncounted else f"number {one.last}"
    return Adversary(
        "cut tail", title, "possible" if open_group else "not detectable", known,
        f"whether anything came after {last}: no packet says that it is the last",
    )  # fmt: skip


def _sender() -> Adversary:
    return Adversary(
        "sender", "the sender who rewrites and re-chains", "not detectable",
        "nothing: packets have no chain, and nothing outside anchors them",
        "that these are the packets as they were first recorded; only another copy could show it",
    )  # fmt: skip


def _size(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)
