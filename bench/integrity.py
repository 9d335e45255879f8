"""A thousand tampered streams: what is found and where, what is not detectable, and no false alarm.

    python bench/integrity.py [--streams 1000] [--json bench/integrity.json]

Streams of 20 to 200 frames, seeds fixed. Two fifths are struck by line noise (half of them keyed; the key is
not used), two fifths by a third party without the key (keyed, checked with the key), a tenth has its tail
cut, a tenth is rewritten and chained anew by its sender. A harm is *found* when the stream is said not to be
in order, and *located* when a thing that is told covers its number or overlaps its bytes. The last two are
judged without anything outside, then with a sealed count, a checkpoint and a second receiver.

As many intact streams, with copies and out of order where a line may bring them so, must raise no alarm. The
harm is done by `custody.tamper`, which knows nothing of how it is looked for.

Beside them half as many files of CCSDS space packets (extra `ccsds`), with error control and without: one bit
flipped, one packet lost, and both intact. Without error control a bit of the data leaves no trace.
"""

from __future__ import annotations

import argparse
import binascii
import json
import platform
import random
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import overflight
from overflight.custody.ccsds import examine_packets
from overflight.custody.chain import Anchor
from overflight.custody.frames import DATA, TELEMETRY, Frame, chain, encode, encode_frame, stream_id
from overflight.custody.integrity import Comparison, Examined, Integrity, Spot, compare_all, examine_frames
from overflight.custody.tamper import Harm, Tampered, cut_tail, line_noise, rewrite, third_party

SEED = 20230204
KEY = bytes(range(32))


def made(rng: random.Random, key: bytes | None, name: str) -> list[Frame]:
    """Return a closed stream of 20 to 200 frames with payloads of no byte to 600."""
    start = 1675274400 * 10**9
    items = [
        (start + i * 10**9, rng.choice((DATA, TELEMETRY)), rng.randbytes(rng.choice((0, 3, 40, 200, 600))))
        for i in range(rng.randint(20, 200))
    ]
    return list(chain(stream_id(name), items, key, close=True))


def verdicts(one: Integrity) -> dict[str, str]:
    return {adversary.id: adversary.verdict for adversary in one.adversaries}


def alarms(found: Examined) -> list[Spot]:
    return [s for one in found.streams for s in one.spots if s.kind not in ("duplicate", "reordered")]


def numbered(harm: Harm, spots: list[Spot]) -> bool:
    """Whether something told names the number of a harm, as itself or within a range."""
    return harm.number is not None and any(
        s.first is not None and s.last is not None and s.first <= harm.number <= s.last for s in spots
    )


def placed(harm: Harm, spots: list[Spot]) -> bool:
    """Whether something told overlaps the bytes where a harm is, or stands where they were."""
    return any(
        s.offset is not None and s.offset <= harm.end and harm.start <= s.offset + (s.length or 0)
        for s in spots
    )


def main_stream(found: Examined, frames: list[Frame]) -> Integrity:
    return next(one for one in found.streams if one.stream == frames[0].stream.hex())


def judge_harms(tally: Counter[str], case: Tampered, found: Examined) -> None:
    tally["streams"] += 1
    tally["found"] += not found.ok
    said = {a.verdict for one in found.streams for a in one.adversaries if a.id == case.adversary}
    tally[f"verdict: {next(v for v in ('found', 'possible', 'none', 'not checked') if v in said)}"] += 1
    spots = alarms(found)
    for harm in case.harms:
        kind = {"lose": "deletions", "delete": "deletions", "insert": "insertions"}.get(
            harm.act, "alterations"
        )
        number, place = numbered(harm, spots), placed(harm, spots)
        tally[kind] += 1
        tally[f"{kind} found and located"] += number or place
        tally[f"{kind} located by number"] += number
        tally[f"{kind} located by byte"] += place


def judge_tail(tally: Counter[str], rng: random.Random, frames: list[Frame]) -> None:
    case = cut_tail(frames, rng, inside=rng.random() < 0.5)
    inside = case.harms[0].start < case.harms[0].end
    last = frames[-1].sequence
    tally["streams"] += 1
    tally["cut inside a frame"] += inside
    alone = verdicts(main_stream(examine_frames(case.data, key=KEY), frames))["cut tail"]
    tally[f"alone, {'inside a frame' if inside else 'between frames'}: {alone}"] += 1
    for name, anchor in (
        ("sealed count", Anchor(last, b"")), ("checkpoint", Anchor(last, frames[-1].tag)),
    ):  # fmt: skip
        one = main_stream(examine_frames(case.data, key=KEY, anchors=[anchor]), frames)
        tally[f"against a {name}: {verdicts(one)['cut tail']}"] += 1
        gone = {n for first, end in one.missing for n in range(first, end + 1)} | set(one.altered)
        tally[f"against a {name}: every number named"] += gone == {h.number for h in case.harms}
    copy = compared(case.data, frames)
    gone = {n for first, end in copy.lacking for n in range(first, end + 1)}
    partly = {d.number for d in copy.differences}
    tally["second receiver: every number named"] += gone | partly == {h.number for h in case.harms}


def judge_sender(tally: Counter[str], rng: random.Random, frames: list[Frame]) -> None:
    case = rewrite(frames, KEY, rng)
    first = case.harms[0].number or 0
    tally["streams"] += 1
    one = main_stream(examine_frames(case.data, key=KEY), frames)
    tally[f"alone: {verdicts(one)['sender']}"] += 1
    tally["alone: nothing looks wrong"] += one.ok
    # A checkpoint held by somebody else, anywhere in the stream.
    number = rng.randrange(len(frames))
    anchor = Anchor(number, frames[number].tag)
    against = main_stream(examine_frames(case.data, key=KEY, anchors=[anchor]), frames)
    side = "behind the rewriting" if number >= first else "before it"
    # Where one frame was left out the stream is shorter: the last number is then told as cut.
    both = {verdicts(against)["sender"], verdicts(against)["cut tail"]}
    verdict = "found" if "found" in both else verdicts(against)["sender"]
    tally[f"checkpoint {side}"] += 1
    tally[f"checkpoint {side}: {verdict}"] += 1
    copy = compared(case.data, frames)
    numbers = [d.number for d in copy.differences]
    tally["second receiver: first rewritten number named"] += bool(numbers) and min(numbers) == first


def compared(data: bytes, frames: list[Frame]) -> Comparison:
    pairs = compare_all(examine_frames(data, key=KEY), examine_frames(encode(frames), key=KEY))
    return next(one for one in pairs if one.stream == frames[0].stream.hex())


def judge_intact(tally: Counter[str], rng: random.Random, frames: list[Frame], key: bytes | None) -> None:
    order = list(frames)
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(order) - 1)
            order[at], order[at + 1] = order[at + 1], order[at]
        order.append(rng.choice(order))
    pieces = [encode_frame(frame) for frame in order]
    found = examine_frames(b"".join(pieces), key=key)
    tally["streams"] += 1
    tally["false alarms"] += not found.ok
    tally["verdicts of 'found'"] += sum(v == "found" for one in found.streams for v in verdicts(one).values())


def packets(rng: random.Random, control: bool) -> list[bytes]:
    """Return space packets of three APIDs, with their CRC-16 or without, counts across the wrap."""
    from spacepackets import SpacePacketHeader

    counts = {apid: rng.randrange(16384) for apid in (100, 101, 200)}
    made_ = []
    for _ in range(rng.randint(40, 300)):
        apid = rng.choice(list(counts))
        body = rng.randbytes(rng.randint(4, 300))
        size = len(body) + 2 * control
        raw = bytes(SpacePacketHeader.tm(apid, counts[apid], size - 1).pack()) + body
        made_.append(raw + binascii.crc_hqx(raw, 0xFFFF).to_bytes(2, "big") if control else raw)
        counts[apid] = (counts[apid] + 1) % 16384
    return made_


def named(raw: bytes) -> tuple[str, int]:
    """Return the name of a packet's stream and its count, as sent."""
    return f"tm-apid-{int.from_bytes(raw[:2], 'big') & 2047}", int.from_bytes(raw[2:4], "big") & 16383


def judge_packets(tally: Counter[str], rng: random.Random, control: bool) -> None:
    """Flip a bit in one packet, lose another in the middle of its kind, and ask for both."""
    name = "with error control" if control else "without"
    whole = packets(rng, control)
    tally[f"{name}: intact, false alarms"] += not examine_packets(b"".join(whole)).ok
    number = rng.randrange(len(whole))
    at = rng.randrange(len(whole[number]))
    struck = bytearray(whole[number])
    struck[at] ^= 1 << rng.randrange(8)
    start = len(b"".join(whole[:number]))
    harm = Harm("flip", None, start, start + len(struck))
    told = examine_packets(b"".join([*whole[:number], bytes(struck), *whole[number + 1 :]]))
    apid, count = named(whole[number])
    part = "header" if at < 6 else "data"
    tally[f"{name}: bits flipped in the {part}"] += 1
    tally[f"{name}: bits flipped in the {part}, found"] += not told.ok
    tally[f"{name}: bits flipped in the {part}, located"] += placed(harm, alarms(told)) or any(
        a <= n <= b for one in told.streams if one.name == apid for a, b in one.missing
        for n in (count, count + 16384)
    )  # fmt: skip
    middle = [
        i for i, raw in enumerate(whole)
        if raw[:2] in {r[:2] for r in whole[:i]} and raw[:2] in {r[:2] for r in whole[i + 1 :]}
    ]  # fmt: skip
    gone = rng.choice(middle)
    seen = examine_packets(b"".join(whole[:gone] + whole[gone + 1 :])).streams
    apid, count = named(whole[gone])
    missing = [(a, b) for one in seen if one.name == apid for a, b in one.missing]
    tally[f"{name}: packets lost"] += 1
    tally[f"{name}: packets lost, found and located"] += (
        len(missing) == 1 and missing[0][0] == missing[0][1] and missing[0][0] % 16384 == count
    )


def run(streams: int) -> dict[str, Any]:
    tallies = {name: Counter[str]() for name in ("noise", "third party", "cut tail", "sender", "intact")}
    for number in range(streams):
        rng = random.Random(f"{SEED} {number}")
        part = number % 10
        if part < 4:
            key = KEY if part % 2 else None
            case = line_noise(made(rng, key, f"noise {number}"), rng)
            judge_harms(tallies["noise"], case, examine_frames(case.data))
        elif part < 8:
            case = third_party(made(rng, KEY, f"third {number}"), rng)
            judge_harms(tallies["third party"], case, examine_frames(case.data, key=KEY))
        elif part == 8:
            judge_tail(tallies["cut tail"], rng, made(rng, KEY, f"tail {number}"))
        else:
            judge_sender(tallies["sender"], rng, made(rng, KEY, f"sender {number}"))
        rng = random.Random(f"{SEED} intact {number}")
        key = KEY if number % 2 else None
        judge_intact(tallies["intact"], rng, made(rng, key, f"intact {number}"), key)
    tallies["packets"] = Counter()
    for number in range(streams // 2):
        judge_packets(tallies["packets"], random.Random(f"{SEED} packets {number}"), bool(number % 2))
    return {name: dict(sorted(tally.items())) for name, tally in tallies.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    begin = time.perf_counter()
    told = run(asked.streams)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    answer = {
        "about": {
            "overflight": overflight.__version__, "commit": commit, "python": platform.python_version(),
            "machine": platform.machine(), "seed": SEED, "streams": asked.streams,
            "seconds": round(time.perf_counter() - begin, 1),
        },
        **told,
    }  # fmt: skip
    for name, tally in told.items():
        print(name)
        for what, count in tally.items():
            print(f"  {what}: {count}")
    if asked.json:
        asked.json.write_text(json.dumps(answer, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
