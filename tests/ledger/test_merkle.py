"""The tree against the vectors of Certificate Transparency and against a tree built whole."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.errors import OverflightError
from overflight.ledger import merkle

# Inputs and roots of merkle_tree_test.cc of google/certificate-transparency, which RFC 9162 carries on.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# The first and last bytes of the proofs given there.
LEAF_0_OF_8 = ("96a296d2..9cfc7", "5f083f0a..3031e", "6b47aaf2..6e4")
LEAF_5_OF_8 = ("bc1a0643..9e6b", "ca854ea1..a0ae0", "d37ee418..614b7")
SIX_TO_8 = ("0ebc5d34..ef6a", "ca854ea1..a0ae0", "d37ee418..614b7")


class Tree:
    """Complete subtrees of leaves, as the log stores them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.peaks: list[bytes] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        for size, data in enumerate(leaves):
            for level, number, value in merkle.grow(self.peaks, size, merkle.leaf_hash(data)):
                self.nodes[level, number] = value

    def lookup(self, level: int, number: int) -> bytes:
        return self.nodes[level, number]


def whole(leaves: list[bytes]) -> bytes:
    """The root by the definition of RFC 9162, 2.1.1, nothing stored."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + whole(leaves[:half]) + whole(leaves[half:])).digest()


def shown(path: tuple[bytes, ...], vector: tuple[str, ...]) -> bool:
    pairs = zip(path, vector, strict=True)
    return all(
        got.hex().startswith(want.split("..")[0]) and got.hex().endswith(want.split("..")[1])
        for got, want in pairs
    )


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    tree = Tree(LEAVES[:size])
    assert merkle.root(tree.lookup, size).hex() == ROOTS[size]
    assert merkle.root_of_peaks(tree.peaks).hex() == ROOTS[size]
    # An older root can still be told from the whole tree.
    assert merkle.root(Tree(LEAVES).lookup, size).hex() == ROOTS[size]


def test_proofs_are_those_of_certificate_transparency() -> None:
    lookup = Tree(LEAVES).lookup
    assert shown(merkle.inclusion_path(lookup, 0, 8), LEAF_0_OF_8)
    assert shown(merkle.inclusion_path(lookup, 5, 8), LEAF_5_OF_8)
    assert shown(merkle.consistency_path(lookup, 6, 8), SIX_TO_8)


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 100])
def test_every_entry_and_every_older_tree_is_proved(size: int) -> None:
    leaves = [bytes([i]) * (i % 7) for i in range(size)]
    lookup, root = Tree(leaves).lookup, whole(leaves)
    for index in range(size):
        path = merkle.inclusion_path(lookup, index, size)
        leaf = merkle.leaf_hash(leaves[index])
        assert merkle.root_from_inclusion(leaf, index, size, path) == root
        assert merkle.root_from_inclusion(merkle.leaf_hash(b"other"), index, size, path) != root
        old = index + 1
        proof = merkle.consistency_path(lookup, old, size)
        assert merkle.is_consistent(old, whole(leaves[:old]), size, root, proof)
        assert not merkle.is_consistent(old, whole([*leaves[:index], b"other"]), size, root, proof)


@given(size=st.integers(1, 70), data=st.data())
def test_no_damaged_proof_passes(size: int, data: st.DataObject) -> None:
    leaves = [bytes([i]) for i in range(size)]
    lookup, root = Tree(leaves).lookup, whole(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = list(merkle.inclusion_path(lookup, index, size))
    leaf = merkle.leaf_hash(leaves[index])
    harm = data.draw(st.sampled_from(["cut", "more", "flip", "index"]))
    if harm == "cut" and path:
        path.pop(data.draw(st.integers(0, len(path) - 1)))
    elif harm == "flip" and path:
        at = data.draw(st.integers(0, len(path) - 1))
        path[at] = bytes(b ^ 1 for b in path[at])
    elif harm == "index" and size > 1:
        index = (index + data.draw(st.integers(1, size - 1))) % size
    else:
        path.insert(data.draw(st.integers(0, len(path))), bytes(32))
    assert merkle.root_from_inclusion(leaf, index, size, path) != root


def test_an_empty_log_begins_every_log() -> None:
    root = whole(LEAVES)
    assert merkle.is_consistent(0, merkle.EMPTY_ROOT, 8, root, ())
    assert not merkle.is_consistent(0, bytes(32), 8, root, ())
    assert merkle.is_consistent(8, root, 8, root, ())
    assert not merkle.is_consistent(8, bytes(32), 8, root, ())


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_what_is_not_there_is_not_proved(index: int, size: int) -> None:
    with pytest.raises(OverflightError, match="no entry"):
        merkle.inclusion_path(Tree(LEAVES).lookup, index, size)
    assert merkle.root_from_inclusion(bytes(32), index, size, ()) is None


@pytest.mark.parametrize(("old", "new"), [(0, 4), (5, 4), (-1, 4)])
def test_a_longer_log_is_not_compared_with_a_shorter(old: int, new: int) -> None:
    with pytest.raises(OverflightError, match="cannot be compared"):
        merkle.consistency_path(Tree(LEAVES).lookup, old, new)
