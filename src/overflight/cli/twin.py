"""`overflight twin fly`: fly a scenario's balloon and stream its frames to a station."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import say, say_json, share_bar
from overflight.cli.station import key_of, read_word
from overflight.errors import InputError

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Fly the simulated balloon, and stream what it sends."
)


@app.callback()
def twin() -> None:
    """Fly the simulated balloon, and stream what it sends."""


@app.command("fly")
def fly(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario of the package by name, or a .toml file.")
    ],
    to: Annotated[
        str,
        typer.Option(metavar="URL", help="tcp://HOST:PORT or mqtt://[USER@]HOST[:PORT]/TOPIC of a station."),
    ],
    rate: Annotated[
        str, typer.Option(metavar="RATE", help="Flight time to real time: 60x, 1x, or max for at once.")
    ] = "60x",
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same flight and frames.")] = 1,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Key the frames: raw bytes or hexadecimal, 16 bytes at least."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The word that the station asks for.")
    ] = None,
    mqtt_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The password for the broker.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all frames to a file as well, sent or not.")
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0.0, metavar="S", help="How long to try to reach the station, seconds.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Fly a scenario's balloon and stream its frames to a station, in real or accelerated time.

    Telemetry each minute, and a frame for each picture or signal. A frame leaves when the link has carried
    it: some wait through an outage, some are overwritten before and never leave, and the station sees the
    gap. After a dropped connection it goes on with what the station wants; so does a second run with the
    same seed.

    \b
    overflight station --listen tcp://127.0.0.1:4700 --store frames.db
    overflight twin fly station-keeper --to tcp://127.0.0.1:4700 --rate max
    overflight twin fly station-keeper --to mqtt://127.0.0.1/overflight --rate 600x --key-file key
    """
    from overflight.custody.frames import encode_frame, stream_id
    from overflight.custody.tcp import Hello
    from overflight.twin.scenarios import load_scenario
    from overflight.twin.stream import TELEMETRY_S, fly_scenario, open_line, outgoing, parse_rate, send

    speed, key, plan = parse_rate(rate), key_of(key_file), load_scenario(scenario)
    stream = stream_id(f"{plan.name} {seed}{' keyed' if key else ''}")
    every_s = None if speed == float("inf") else TELEMETRY_S / speed
    hello = Hello(stream, f"{plan.name} {seed}", every_s, read_word(token_file))
    line = open_line(to, hello, password=read_word(mqtt_password_file))
    if save is not None and save.exists():
        raise InputError("is there already", file=str(save), remedy="Give another name; nothing was sent.")
    with share_bar() as tell:
        tell("flying", 0.0)
        flight, log = fly_scenario(plan, seed)
        frames = outgoing(flight, log, stream=stream, key=key)
        if save is not None:
            with open(save, "xb") as file:
                file.writelines(encode_frame(one.frame) for one in frames)
        sent = send(frames, line, rate=speed, patience_s=patience, progress=tell)
    answer = {"stream": stream.hex(), "made": len(frames), **asdict(sent)}
    if as_json:
        say_json(answer)
        return
    never = len(frames) - sent.frames
    say(
        f"{sent.frames} of {len(frames)} frames left the balloon ({never} never had a link or were lost);"
        f" the station has them: {sent.sent} sent now, {sent.bytes} bytes, {sent.seconds:.1f} s."
    )
    say(f"stream {stream.hex()}")
