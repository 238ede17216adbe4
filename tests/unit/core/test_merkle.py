"""Merkle trees against RFC 6962 as it is written, and against the vectors of Certificate Transparency."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.merkle import EMPTY_ROOT, Tree, leaf_hash, node_hash, root, verify

# The leaves and roots that implementations of Certificate Transparency test themselves with.
CT_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def rfc_root(leaves: list[bytes]) -> bytes:
    """Return MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = rfc_split(len(leaves))
    return node_hash(rfc_root(leaves[:split]), rfc_root(leaves[split:]))


def rfc_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """Return PATH of RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = rfc_split(len(leaves))
    if index < split:
        return [*rfc_path(index, leaves[:split]), rfc_root(leaves[split:])]
    return [*rfc_path(index - split, leaves[split:]), rfc_root(leaves[:split])]


def rfc_split(count: int) -> int:
    """Return the greatest power of two that is smaller than count."""
    split = 1
    while split * 2 < count:
        split *= 2
    return split


@pytest.mark.parametrize("count", range(1, 9))
def test_the_roots_of_certificate_transparency_come_out(count: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in CT_LEAVES[:count]]
    assert root(leaves).hex() == CT_ROOTS[count - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == Tree([]).root == EMPTY_ROOT == rfc_root([])


def test_every_small_tree_is_that_of_the_rfc_and_every_path_proves_its_leaf() -> None:
    for count in range(1, 34):
        leaves = leaves_of(count)
        tree = Tree(leaves)
        assert tree.count == count
        assert tree.root == root(leaves) == rfc_root(leaves)
        for index, leaf in enumerate(leaves):
            path = tree.path(index)
            assert path == rfc_path(index, leaves)
            assert verify(leaf, index, count, path, tree.root)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_of_a_leaf_that_is_not_there(index: int) -> None:
    tree = Tree(leaves_of(3))
    with pytest.raises(IndexError):
        tree.path(index)
    assert not verify(leaves_of(3)[0], index, 3, [], tree.root)


@given(count=st.integers(1, 70), data=st.data())
def test_a_path_proves_no_other_leaf_place_or_tree(count: int, data: st.DataObject) -> None:
    tree, leaves = Tree(leaves_of(count)), leaves_of(count)
    index = data.draw(st.integers(0, count - 1))
    leaf, path = leaves[index], tree.path(index)

    assert not verify(leaf_hash(b"ghost"), index, count, path, tree.root)
    assert not verify(leaf, index, count, [*path, leaf], tree.root)
    assert not verify(leaf, index, count, path, leaf_hash(b"other root"))
    other = data.draw(st.integers(0, count - 1))
    assert verify(leaf, other, count, path, tree.root) is (other == index)
    if path:
        assert not verify(leaf, index, count, path[:-1], tree.root)
        place = data.draw(st.integers(0, len(path) - 1))
        bent = [*path[:place], leaf_hash(b"bent"), *path[place + 1 :]]
        assert not verify(leaf, index, count, bent, tree.root)


@given(count=st.integers(2, 40), data=st.data())
def test_whatever_changes_in_the_list_changes_the_root(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    index = data.draw(st.integers(0, count - 2))
    swapped = [*leaves]
    swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
    changed = [
        [*leaves, leaf_hash(b"ghost")],
        leaves[:index] + leaves[index + 1 :],
        [*leaves[:index], leaf_hash(b"ghost"), *leaves[index + 1 :]],
        swapped,
    ]
    assert root(leaves) not in {root(other) for other in changed}


def test_a_node_is_not_taken_for_a_leaf() -> None:
    leaves = leaves_of(4)
    nodes = [node_hash(leaves[0], leaves[1]), node_hash(leaves[2], leaves[3])]
    as_content = [leaf_hash(leaves[0] + leaves[1]), leaf_hash(leaves[2] + leaves[3])]
    assert root(nodes) == root(
        leaves
    )  # these are hashes of leaves only where they were made by leaf_hash
    assert root(as_content) != root(leaves)


def test_a_path_that_is_too_short_or_too_long_proves_nothing() -> None:
    leaves = leaves_of(5)
    tree = Tree(leaves)
    path = tree.path(1)

    assert not verify(leaves[1], 1, 5, path[:-1], tree.root)
    assert not verify(leaves[1], 1, 5, [*path, tree.root], tree.root)
