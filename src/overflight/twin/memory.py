"""The subject's payload in an exercise: what it made, what came by the link, what was found, and the account.

Every item that the payload makes is one frame of one chain, in the order of making; what is in it is
enciphered to the analyst, who sees its sensor, kind, size and a hash. A frame that was sent is a copy of the
frame that was recorded, so the copies that were received are witnesses against whoever changes the recorder
later. Frames come by the link in the order of sending, which is that of priority.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from overflight.custody.frames import DATA, TELEMETRY, Frame, chain, stream_id
from overflight.custody.links import service
from overflight.custody.storage import Recorder
from overflight.exposure.optics import Camera
from overflight.exposure.radio import Emitter, Receiver
from overflight.places.sites import Site
from overflight.twin.fate import Deed, Fated, recover, tamper
from overflight.twin.flight import TwinFlight
from overflight.twin.payload import (
    HOUSEKEEPING,
    KINDS,
    Housekeeping,
    Imager,
    Listener,
    Payload,
    PayloadLog,
    run_payload,
    tally,
)
from overflight.twin.scenario import RecorderPlan
from overflight.twin.sky import CloudField, Sky
from overflight.units import HOUR_S

# An air-surveillance radar of S band at every site: made, of the class that exposure.md section 3 has.
EMITTER_HZ, EMITTER_DBM, EMITTER_BAND_HZ = 2.8e9, 115.0, 1e6
STREAM: Final = "recorder of the exercise"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """What is left of the data, as bytes of frames, and the truth about it.

    `received` and `recovered` are None where nothing was. `key` made the tags of a keyed stream.
    """

    received: bytes | None
    recovered: bytes | None
    key: bytes | None
    truth: dict[str, Any]


def remember(
    plan: RecorderPlan, flight: TwinFlight, sites: Sequence[Site], *, seed: int, rng: np.random.Generator
) -> Memory:
    """Run the payload along a flight and let its data meet their fate."""
    log = run_payload(
        payload_of(plan), flight, sites, site_radars(sites), Sky(clouds=CloudField(mean_cover=0.5)), seed=seed
    )
    key = hashlib.sha256(f"key {seed}".encode()).digest() if plan.keyed else None
    frames = log_frames(log, key, seed)
    sent = [frames[i] for i in np.argsort(log.sent_at, kind="stable") if np.isfinite(log.sent_at[i])]
    kept = [frames[i] for i in np.flatnonzero(np.isfinite(log.stored_at) & np.isnan(log.lost_at))]
    received = tamper(sent, plan.received_by, share=plan.share, rng=rng, key=key)
    read, unread = recover(kept, plan.recovered, rng)
    recovered = tamper(read, plan.recovered_by, share=plan.share, rng=rng, key=key)
    return Memory(
        received=received.data or None,
        recovered=recovered.data or None,
        key=key,
        truth={
            "keyed": plan.keyed,
            "frames": len(frames),
            "account": account(log, recovered, unread, read),
            "sensors": {name: dict(tally(log, name)._asdict()) for name in log.sensors},
            "received": {"frames": len(sent), "deeds": [_deed(d) for d in received.deeds]},
            "recovered": {
                "frames": len(read), "unread": _ranges(unread), "deeds": [_deed(d) for d in recovered.deeds],
            },
        },
    )  # fmt: skip


def payload_of(plan: RecorderPlan) -> Payload:
    """Return the payload of a plan: a camera, a receiver, housekeeping, a recorder and one link."""
    camera = Camera(
        id="camera", focal_m=plan.focal_m, aperture_m=plan.aperture_m, pitch_m=5e-6, columns=8000, rows=6000
    )
    link = service(plan.link)
    if plan.outage_h > 0.0:
        link = replace(link, time_up_s=3.0 * plan.outage_h * HOUR_S, time_down_s=plan.outage_h * HOUR_S)
    return Payload(
        imagers=(Imager(camera=camera, period_s=plan.picture_s, picture_bytes=plan.picture_bytes),),
        listeners=(
            Listener(receiver=Receiver(id="receiver", low_hz=1e9, high_hz=6e9), period_s=plan.picture_s),
        ),
        housekeeping=Housekeeping(period_s=600.0),
        recorder=Recorder(capacity_bytes=plan.capacity_bytes, policy=plan.policy),
        links=(link,),
    )


def site_radars(sites: Sequence[Site]) -> list[Emitter]:
    """Return the radar that stands at each site of an exercise."""
    return [
        Emitter(
            id=f"radar-{s.id}", name=f"Radar at {s.name}", lon_deg=s.lon_deg, lat_deg=s.lat_deg,
            alt_m=(s.alt_m or 0.0) + 20.0, frequency_hz=EMITTER_HZ, eirp_dbm=EMITTER_DBM,
            bandwidth_hz=EMITTER_BAND_HZ, duty=0.6, source="made",
        )
        for s in sites
    ]  # fmt: skip


def log_frames(log: PayloadLog, key: bytes | None, seed: int) -> list[Frame]:
    """Return one frame an item, chained in the order of making."""
    items = []
    for i in range(log.time_s.size):
        content = hashlib.sha256(f"{seed} item {i}".encode()).hexdigest()
        body = {
            "item": i, "sensor": log.sensors[int(log.sensor[i])], "kind": KINDS[int(log.kind[i])],
            "bytes": int(log.size_bytes[i]), "content_sha256": content,
        }  # fmt: skip
        kind = TELEMETRY if int(log.kind[i]) == HOUSEKEEPING else DATA
        items.append((round(float(log.time_s[i]) * 1000.0) * 1_000_000, kind, json.dumps(body).encode()))
    return list(chain(stream_id(f"{STREAM} {seed}"), items, key))


def account(
    log: PayloadLog, recovered: Fated, unread: Sequence[int], read: Sequence[Frame]
) -> dict[str, int]:
    """Return bytes collected, sent, kept, overwritten, recovered, deleted, and of which nobody has a copy.

    Sizes are those of the items. `recovered` counts frames that were read and left as they were; `deleted`
    and `altered` what hands did to the recorder afterwards; `lost` what was not wholly sent and is not there
    as it was. `both` and `unaccounted` are those of `custody.account`, where what was altered is recovered
    and half an item counts half: sent and recovered; neither sent nor recovered.
    """
    whole = tally(log)
    gone = {n for d in recovered.deeds if d.what == "deleted" for n in d.sequences}
    bent = {n for d in recovered.deeds if d.what == "altered" for n in d.sequences} - gone
    left = {f.sequence for f in read} - gone - bent
    size = log.size_bytes
    sent = np.isfinite(log.sent_at)
    held = np.isin(np.arange(size.size), sorted(left))
    there = np.isin(np.arange(size.size), sorted(left | bent))
    return {
        "collected": whole.collected, "sent": whole.sent, "kept": whole.stored,
        "overwritten": int(size[np.isfinite(log.stored_at) & np.isfinite(log.lost_at)].sum()),
        "unread": int(size[list(unread)].sum()) if unread else 0,
        "deleted": int(size[sorted(gone)].sum()) if gone else 0,
        "altered": int(size[sorted(bent)].sum()) if bent else 0,
        "recovered": int(size[held].sum()), "lost": int(size[~sent & ~held].sum()),
        "both": int(log.sent_bytes[there].sum()),
        "unaccounted": int((size - log.sent_bytes)[~there].sum()),
    }  # fmt: skip


def _deed(deed: Deed) -> dict[str, Any]:
    return {
        "by": deed.by,
        "what": deed.what,
        "frames": len(deed.sequences),
        "sequences": _ranges(deed.sequences),
    }


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Return numbers as [first, last] ranges, inclusive."""
    out: list[list[int]] = []
    for n in sorted(numbers):
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return out
