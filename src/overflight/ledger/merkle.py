"""The Merkle tree of RFC 9162: hashes, proofs and their checks, over any store of subtree hashes.

A tree of n leaves is never held whole. What is stored is the hash of every complete subtree, by level (0 for
leaves) and number from the left; all else follows from these in O(log n). `Lookup` reads one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from overflight.errors import OverflightError

Lookup = Callable[[int, int], bytes]

EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry: SHA-256 of 0x00 and its bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees side by side: SHA-256 of 0x01 and both."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of many entries."""
    return [sha256(b"\x00" + data).digest() for data in entries]


def hashes_above(below: Sequence[bytes]) -> list[bytes]:
    """Return the hashes of the subtrees over pairs of neighbours; one left over at the end has none yet."""
    pairs = zip(below[::2], below[1::2], strict=False)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]


def grow_by(lookup: Lookup, size: int, leaves: Sequence[bytes]) -> Iterator[tuple[int, int, list[bytes]]]:
    """Put many leaves behind `size` others and yield each level of the subtrees that this completes.

    Each as level, number of its first subtree, and their hashes from there on. `lookup` reads those before.
    """
    level, first, hashes = 0, size, list(leaves)
    while hashes:
        yield level, first, hashes
        if first & 1:
            first, hashes = first - 1, [lookup(level, first - 1), *hashes]
        level, first, hashes = level + 1, first >> 1, hashes_above(hashes)


def grow(peaks: list[bytes], size: int, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Put a leaf behind `size` others and yield (level, number, hash) of each subtree this completes.

    `peaks` holds the hashes of the complete subtrees that make up the tree, largest first, and is changed.
    """
    level, number, value = 0, size, leaf
    yield level, number, value
    while number & 1:
        value = node_hash(peaks.pop(), value)
        level, number = level + 1, number >> 1
        yield level, number, value
    peaks.append(value)


def peaks_of(lookup: Lookup, size: int) -> list[bytes]:
    """Return the hashes of the complete subtrees that make up a tree, largest first."""
    found, begin = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append(lookup(level, begin >> level))
            begin += 1 << level
    return found


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """Return the root of a tree from its complete subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def roots_of_entries(entries: Iterable[bytes], sizes: set[int]) -> dict[int, bytes]:
    """Return the roots of the trees of the first entries, for each size that is reached, in one pass."""
    peaks: list[bytes] = []
    found = {0: EMPTY_ROOT} if 0 in sizes else {}
    for seq, data in enumerate(entries):
        for _ in grow(peaks, seq, leaf_hash(data)):
            pass
        if seq + 1 in sizes:
            found[seq + 1] = root_of_peaks(peaks)
    return found


def root(lookup: Lookup, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return root_of_peaks(peaks_of(lookup, size))


def _range_hash(lookup: Lookup, begin: int, end: int) -> bytes:
    """Hash of the leaves begin to end; `begin` is a multiple of the largest power of two below the width."""
    width = end - begin
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return lookup(level, begin >> level)
    half = 1 << (width - 1).bit_length() - 1
    return node_hash(_range_hash(lookup, begin, begin + half), _range_hash(lookup, begin + half, end))


def inclusion_path(lookup: Lookup, index: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree of the first `size` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise OverflightError(f"there is no entry {index} among {size}", remedy="Count from 0.")
    path, begin, end = [], 0, size
    while end - begin > 1:
        half = 1 << (end - begin - 1).bit_length() - 1
        if index < begin + half:
            path.append(_range_hash(lookup, begin + half, end))
            end = begin + half
        else:
            path.append(_range_hash(lookup, begin, begin + half))
            begin += half
    return tuple(reversed(path))


def consistency_path(lookup: Lookup, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the first `old` leaves begin the tree of `new` (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= new:
        raise OverflightError(f"a log of {new} entries cannot be compared with one of {old}")
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old != end:
        half = 1 << (end - begin - 1).bit_length() - 1
        if old <= begin + half:
            path.append(_range_hash(lookup, begin + half, end))
            end = begin + half
        else:
            path.append(_range_hash(lookup, begin, begin + half))
            begin, whole = begin + half, False
    if not whole:
        path.append(_range_hash(lookup, begin, end))
    return tuple(reversed(path))


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, None where it has not the length it must have.

    RFC 9162, 2.1.3.2. The proof holds if this is the root of a checkpoint of that size.
    """
    if not 0 <= index < size:
        return None
    number, last, value = index, size - 1, leaf
    for other in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            value = node_hash(other, value)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            value = node_hash(value, other)
        number, last = number >> 1, last >> 1
    return value if last == 0 else None


def roots_from_consistency(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the roots of the old and the new tree that a consistency proof leads to; None if malformed.

    RFC 9162, 2.1.4.2. `path` must begin with the old root where `old` is a power of two, which the RFC leaves
    out and `consistency_path` as well: put it in front. For trees of one size the path is that root alone.
    """
    if not 0 < old <= new or not path:
        return None
    if old == new:
        return (path[0], path[0]) if len(path) == 1 else None
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            return None
        if number & 1 or number == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node_hash(after, other)
        number, last = number >> 1, last >> 1
    return (before, after) if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that the old tree begins the new one. An empty log begins all."""
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if old == new and not path:
        return old_root == new_root
    whole = [old_root, *path] if old & (old - 1) == 0 else list(path)
    return roots_from_consistency(old, new, whole) == (old_root, new_root)
