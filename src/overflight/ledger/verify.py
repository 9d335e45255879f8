"""Check a log: that nothing in it was changed, taken out, put in or moved, and say where if it was.

The entries are hashed anew and held against the hashes stored beside them; these against one another up to
the root; the root against checkpoints. Someone who can write the file can make all of it consistent again, so
only a checkpoint kept elsewhere shows a log that was rewritten or cut short; without one the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from overflight.errors import InputError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import Checkpoint, PublicKey, read_checkpoint, signed_by
from overflight.ledger.entry import references
from overflight.ledger.log import Ledger
from overflight.ledger.stamps import Judged, judge_all

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Progress = Callable[[str, float], None]
ProblemKind = Literal[
    "altered",
    "missing",
    "inserted",
    "moved",
    "tree",
    "content",
    "parent",
    "cut short",
    "fork",
    "signature",
    "stamp",
]

# More than this is not told one by one.
MOST_PROBLEMS: Final = 100
UNKNOWN: Final = (
    "No checkpoint from elsewhere was given: whether the log was cut short, or written anew as a whole, "
    "cannot be known from the log itself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong and where: `seq` is the number of the first entry concerned, -1 for none of them."""

    kind: ProblemKind
    seq: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check found. `problems` in order of entry; `limits` says what could not be known."""

    size: int
    root: bytes
    problems: tuple[Problem, ...]
    limits: tuple[str, ...]
    checked: tuple[str, ...]
    stamps: tuple[Judged, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_ledger(
    log: Ledger,
    *,
    checkpoints: Sequence[str] = (),
    keys: Sequence[PublicKey] = (),
    roots: Sequence[Certificate] = (),
    progress: Progress | None = None,
) -> Verification:
    """Check a whole log.

    Parameters
    ----------
    checkpoints : signed notes kept elsewhere, which the log must agree with.
    keys : keys whose signatures are trusted. Without any, signatures are not checked, and it says so.
    roots : certificates that time stamps are to lead to. Without any, who made them cannot be known.
    """
    tell = progress or (lambda _text, _share: None)
    # Of one moment: who appends meanwhile must not make it look damaged.
    with log.unchanging():
        return _verify(log, checkpoints, keys, roots, tell)


def _verify(
    log: Ledger,
    checkpoints: Sequence[str],
    keys: Sequence[PublicKey],
    roots: Sequence[Certificate],
    tell: Progress,
) -> Verification:
    size = len(log)
    problems: list[Problem] = []
    root = merkle.EMPTY_ROOT
    limits: list[str] = []
    checked: list[str] = []
    try:
        root = _check_log(log, size, problems, tell)
        checked = [f"{size} entries hashed anew", "every hash of the tree"]
        kept = [note for _, note in log.checkpoints()]
        tokens = [bytes(token) for _, token in log.stamps()]
    except (InputError, TypeError, ValueError, OverflowError) as error:
        # Pages that cannot be read, values of a type that we never write.
        text = f"the file cannot be read to its end ({error}): it is damaged"
        problems.append(Problem(kind="tree", seq=-1, text=text))
        kept, tokens = [], []
    notes = [(note, "kept in the log") for note in kept] + [(note, "given") for note in checkpoints]
    intact = not problems
    _check_notes(log, notes, size, keys, problems, intact)
    if notes:
        checked.append(f"{len(notes)} checkpoints")
    stamps = _judged(tokens, [note for note, _ in notes], roots)
    problems += [Problem(kind="stamp", seq=-1, text=one.text) for one in stamps if one.state == "bad"]
    if stamps:
        checked.append(f"{len(stamps)} time stamps")
    limits += [UNKNOWN] if not checkpoints else _beyond(checkpoints, size)
    if notes and not keys:
        limits.append("No key was given: who signed the checkpoints was not checked.")
    problems.sort(key=lambda problem: problem.seq)
    if len(problems) > MOST_PROBLEMS:
        limits.append(f"{len(problems) - MOST_PROBLEMS} further problems are not listed.")
    return Verification(
        size=size, root=root, problems=tuple(problems[:MOST_PROBLEMS]), limits=tuple(limits),
        checked=tuple(checked), stamps=stamps,
    )  # fmt: skip


def _judged(
    tokens: Sequence[bytes], notes: Sequence[str], roots: Sequence[Certificate]
) -> tuple[Judged, ...]:
    # A note that cannot be read is told already.
    return judge_all(tokens, [note for note in notes if _parsed(note) is not None], roots)


def _check_log(log: Ledger, size: int, problems: list[Problem], tell: Progress) -> bytes:
    """Check entries, tree and content; return the root that the leaves have."""
    stored = log.level(0)
    leaves = [leaf for _, leaf in stored]
    # Not as long as its last number says, which may be any.
    if size != len(stored) or [number for number, _ in stored] != list(range(size)):
        problems.append(Problem(kind="tree", seq=-1, text="hashes of entries are missing"))
    del stored
    hashes = _check_entries(log, leaves, problems, tell)
    tell("checking the tree", 0.8)
    root = _check_tree(log, leaves, size, problems)
    _check_contents(log, hashes, problems)
    return root


def _beyond(checkpoints: Sequence[str], size: int) -> list[str]:
    """Say which entries no checkpoint from elsewhere reaches."""
    reach = max((one.size for one in map(_parsed, checkpoints) if one is not None), default=0)
    if reach >= size:
        return []
    return [
        f"The checkpoints given reach {reach} entries: whether those behind were cut short or written anew "
        "cannot be known."
    ]


def _parsed(note: str) -> Checkpoint | None:
    try:
        return read_checkpoint(note)
    except (InputError, AttributeError, TypeError):
        return None


def _check_entries(
    log: Ledger, leaves: list[bytes], problems: list[Problem], tell: Progress
) -> dict[bytes, int]:
    """Hold entries against the leaves; return the content they name, with the first entry that does."""
    places = _Places(leaves)
    contents: dict[bytes, int] = {}
    expected, size = 0, len(leaves)
    for block in log.blocks():
        hashes = merkle.leaf_hashes([data for _, data in block])
        for (seq, data), leaf in zip(block, hashes, strict=True):
            if seq != expected:
                _tell_gap(expected, seq, problems)
            expected = seq + 1
            if not 0 <= seq < size:
                text = f"entry {seq} is in no tree: it was put in without being appended"
                problems.append(Problem(kind="inserted", seq=seq, text=text))
                continue
            if leaf != leaves[seq]:
                problems.append(_what_happened(seq, leaf, places))
                continue
            try:
                content, parents = references(data)
            except InputError:
                text = f"entry {seq} is none that we write"
                problems.append(Problem(kind="altered", seq=seq, text=text))
                continue
            if content:
                contents.setdefault(content, seq)
            if parents:
                _check_parents(seq, parents, places, problems)
        tell("hashing entries", 0.8 * min(1.0, expected / max(1, size)))
    if expected < size:
        text = f"entries {expected} to {size - 1} are gone, their hashes are not"
        problems.append(Problem(kind="missing", seq=expected, text=text))
    return contents


class _Places:
    """Where leaves are, the first place of each; worked out when it is first asked for."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves
        self._found: dict[bytes, int] | None = None

    def get(self, leaf: bytes) -> int | None:
        if self._found is None:
            backward = range(len(self._leaves) - 1, -1, -1)
            self._found = dict(zip(reversed(self._leaves), backward, strict=True))
        return self._found.get(leaf)


def _tell_gap(expected: int, seq: int, problems: list[Problem]) -> None:
    if seq > expected:
        gone = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
        problems.append(Problem(kind="missing", seq=expected, text=f"entry {gone} is gone"))


def _check_parents(seq: int, parents: Sequence[bytes], places: _Places, problems: list[Problem]) -> None:
    for parent in parents:
        there = places.get(parent)
        if there is None or there >= seq:
            text = f"entry {seq} rests on {parent.hex()[:16]}…, which does not come before it"
            problems.append(Problem(kind="parent", seq=seq, text=text))


def _what_happened(seq: int, leaf: bytes, places: _Places) -> Problem:
    """Say what an entry that is not the one appended looks like."""
    home = places.get(leaf)
    if home is None:
        return Problem(kind="altered", seq=seq, text=f"entry {seq} is not what was appended")
    text = f"entry {seq} is the one that was appended as {home}"
    return Problem(kind="moved", seq=seq, text=text)


def _check_tree(log: Ledger, leaves: list[bytes], size: int, problems: list[Problem]) -> bytes:
    """Hold every stored hash against its two halves; return the root that the leaves have."""
    level, below = 0, leaves
    peaks: list[bytes] = []
    while below:
        if len(below) & 1:
            peaks.append(below[-1])
        above = merkle.hashes_above(below)
        level += 1
        there = log.level(level)
        if there == list(enumerate(above)):
            below = above
            continue
        stored = dict(there)
        for number, value in enumerate(above):
            if stored.pop(number, None) != value:
                first = number << level
                text = f"the hash over entries {first} to {first + (1 << level) - 1} is not theirs"
                problems.append(Problem(kind="tree", seq=first, text=text))
        for number in stored:
            text = f"a hash stands for entries from {number << level} that are not there"
            problems.append(Problem(kind="tree", seq=number << level, text=text))
        below = above
    return merkle.root_of_peaks(peaks[::-1])


def _check_contents(log: Ledger, named: dict[bytes, int], problems: list[Problem]) -> None:
    for hash_, data in log.contents():
        seq = named.get(hash_, -1)
        if sha256(data).digest() != hash_:
            text = f"the content of entry {seq} is not what it was" if seq >= 0 else "stray content"
            problems.append(Problem(kind="content", seq=seq, text=text))
        elif seq < 0:
            text = f"content {hash_.hex()[:16]}… belongs to no entry"
            problems.append(Problem(kind="content", seq=-1, text=text))


def _check_notes(
    log: Ledger,
    notes: Sequence[tuple[str, str]],
    size: int,
    keys: Sequence[PublicKey],
    problems: list[Problem],
    intact: bool,
) -> None:
    """Hold the log against checkpoints, each told with where it comes from.

    `intact` where entries and tree were found to belong together: then older roots follow from the tree.
    """
    good: list[tuple[Checkpoint, str]] = []
    for note, where in notes:
        try:
            there = read_checkpoint(note)
        except (InputError, AttributeError, TypeError) as error:
            text = f"a checkpoint {where} cannot be read: {error}"
            problems.append(Problem(kind="signature", seq=-1, text=text))
            continue
        name = f"the checkpoint {where}, of {there.size} entries,"
        if keys and not any(signed_by(note, key) for key in keys):
            text = f"{name} carries no signature of a key given"
            problems.append(Problem(kind="signature", seq=-1, text=text))
        elif there.origin != log.origin:
            text = f"{name} is of another log ({there.origin!r})"
            problems.append(Problem(kind="fork", seq=-1, text=text))
        elif there.size > size:
            text = f"{name} saw {there.size - size} entries that are not here: the log was cut short"
            problems.append(Problem(kind="cut short", seq=size, text=text))
        else:
            good.append((there, name))
    sizes = {there.size for there, _ in good}
    roots = {one: merkle.root(log.node, one) for one in sizes} if intact else _roots(log, sizes)
    for there, name in good:
        if roots.get(there.size) != there.root:
            text = f"{name} saw other entries before {there.size}: the log was written anew, or forked"
            problems.append(Problem(kind="fork", seq=0, text=text))


def _roots(log: Ledger, sizes: set[int]) -> dict[int, bytes]:
    """Return the roots of the first entries, from their bytes and not from stored hashes, in one reading.

    A size is left out where entries before it are gone.
    """
    try:
        return merkle.roots_of_entries(_in_order(log, max(sizes, default=0)), sizes)
    except (InputError, TypeError):
        return {}


def _in_order(log: Ledger, size: int) -> Iterator[bytes]:
    for there, (seq, data) in enumerate(log.rows(0, size)):
        if seq != there:
            return
        yield data


def first_bad(verification: Verification) -> int | None:
    """Return the number of the first entry concerned, None where none is."""
    return min((p.seq for p in verification.problems if p.seq >= 0), default=None)


def lines(verification: Verification) -> Iterator[str]:
    """Say what was found, in sentences."""
    yield f"{verification.size} entries, root {verification.root.hex()}"
    for problem in verification.problems:
        yield f"{problem.kind}: {problem.text}"
    first = first_bad(verification)
    if first is not None:
        yield f"the first entry concerned is {first}"
    yield from (one.text for one in verification.stamps if one.state != "bad")
    yield from verification.limits
