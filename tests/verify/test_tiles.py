import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import MalformedError, VerifyError
from verify.tiles import (
    MAX_ENTRY_SIZE,
    Bundle,
    Tile,
    bundles_of,
    entries_path,
    format_bundle,
    parse_bundle,
    parse_tile_path,
    tile_path,
    tiles_of,
)

PATHS = [
    (Tile(0, 0), "tile/0/000"),
    (Tile(0, 0, 1), "tile/0/000.p/1"),
    (Tile(0, 273, 112), "tile/0/273.p/112"),
    (Tile(1, 1, 17), "tile/1/001.p/17"),
    (Tile(2, 0, 255), "tile/2/000.p/255"),
    (Tile(0, 999), "tile/0/999"),
    (Tile(0, 1000), "tile/0/x001/000"),
    (Tile(1, 1234067), "tile/1/x001/x234/067"),
    (Tile(0, 1234067, 9), "tile/0/x001/x234/067.p/9"),
    (Bundle(0), "tile/entries/000"),
    (Bundle(0, 1), "tile/entries/000.p/1"),
    (Bundle(1234067, 255), "tile/entries/x001/x234/067.p/255"),
    # The last tiles of the largest tree, of 2^53 - 1 leaves.
    (Tile(0, 2**45 - 1, 255), "tile/0/x035/x184/x372/x088/831.p/255"),
    (Tile(6, 0, 31), "tile/6/000.p/31"),
]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_names_tiles_and_bundles(tile: Tile | Bundle, path: str) -> None:
    if isinstance(tile, Tile):
        assert path == tile_path(level=tile.level, number=tile.number, width=tile.width)
    else:
        assert path == entries_path(number=tile.number, width=tile.width)
    assert tile == parse_tile_path(path)
    assert type(tile) is type(parse_tile_path(path))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile//000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/x/000",
        "tile/data/000",
        "tile/ENTRIES/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/x1/000",
        "tile/0/\u0661\u0661\u0661",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/-1",
        "tile/0/000.P/1",
        "tile/0/../000",
        # Beyond the largest tree.
        "tile/0/x035/x184/x372/x088/831",
        "tile/0/x035/x184/x372/x088/832.p/1",
        "tile/entries/x035/x184/x372/x088/831",
        "tile/6/000.p/32",
        "tile/6/000",
        "tile/7/000.p/1",
        "tile/63/000",
        "tile/99/000",
        "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
    ],
)
def test_refuses_what_is_no_path_of_a_tile(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@pytest.mark.parametrize(
    ("level", "number", "width"),
    [
        (-1, 0, 256),
        (0, -1, 256),
        (0, 0, 0),
        (0, 0, 257),
        (0, 2**45 - 1, 256),
        (0, 2**45, 1),
        (6, 0, 32),
        (6, 1, 1),
        (7, 0, 1),
        (63, 0, 1),
    ],
)
def test_names_no_tile_that_no_tree_has(level: int, number: int, width: int) -> None:
    with pytest.raises(MalformedError):
        tile_path(level=level, number=number, width=width)


def test_names_no_bundle_that_no_log_has() -> None:
    with pytest.raises(MalformedError):
        entries_path(number=2**45 - 1, width=256)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (255, [Tile(0, 0, 255)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
        (512, [Tile(0, 0), Tile(0, 1), Tile(1, 0, 2)]),
    ],
)
def test_lists_the_tiles_of_small_trees(size: int, expected: list[Tile]) -> None:
    assert expected == list(tiles_of(size))


def test_lists_the_tiles_of_the_example_of_the_format() -> None:
    # c2sp.org/tlog-tiles: 70,000 leaves.
    expected = [Tile(0, number) for number in range(273)]
    expected += [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]

    assert expected == list(tiles_of(70_000))
    assert [Bundle(t.number, t.width) for t in expected[:274]] == list(bundles_of(70_000))


def test_tiles_of_all_small_sizes_hold_every_hash_once() -> None:
    for size in range(1, 1100):
        hashes = {
            (tile.level, tile.number * 256 + i)
            for tile in tiles_of(size)
            for i in range(tile.width)
        }
        expected = {(0, i) for i in range(size)} | {(1, i) for i in range(size // 256)}

        assert expected == hashes
        assert sum(tile.width for tile in tiles_of(size)) == len(hashes)
        assert size == sum(bundle.width for bundle in bundles_of(size))


# Bundles.


def test_reads_a_bundle_byte_by_byte() -> None:
    assert [b"ab", b"", b"c"] == parse_bundle(b"\x00\x02ab\x00\x00\x00\x01c", where="000")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x01\x00a",
        b"\x00\x01a\x00",
        b"\x00\x01a\x00\x02b",
        b"\x00\x00" * 257,
    ],
)
def test_refuses_a_bundle_cut_short_empty_or_too_full(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_bundle(data, where="tile/entries/000")

    assert "tile/entries/000" == caught.value.where


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"a", bytes(MAX_ENTRY_SIZE + 1)]])
def test_writes_no_bundle_that_does_not_read_back(entries: list[bytes]) -> None:
    with pytest.raises(MalformedError) as caught:
        format_bundle(entries)

    assert "bundle" == caught.value.where


def test_the_fullest_bundle_reads_back() -> None:
    entries = [bytes(MAX_ENTRY_SIZE)] * 256

    assert entries == parse_bundle(format_bundle(entries), where="000")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=10))
def test_a_bundle_reads_back(entries: list[bytes]) -> None:
    assert entries == parse_bundle(format_bundle(entries), where="000")


bundle_like = st.lists(
    st.binary(max_size=3).map(lambda entry: len(entry).to_bytes(2, "big") + entry), max_size=5
).map(b"".join)


@given(st.binary(max_size=30) | st.tuples(bundle_like, st.binary(max_size=2)).map(b"".join))
def test_any_bytes_are_a_bundle_with_one_spelling_or_a_verify_error(data: bytes) -> None:
    try:
        entries = parse_bundle(data, where="000")
    except VerifyError:
        return

    assert data == format_bundle(entries)


paths = st.lists(
    st.sampled_from(["tile/", "entries/", "0", "00", "1", "x", "000", "/", ".p/", "255", "256"]),
    max_size=10,
).map("".join)


@given(st.text(max_size=20) | paths)
def test_any_path_is_that_of_a_tile_or_a_verify_error(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except VerifyError:
        return

    if isinstance(tile, Tile):
        assert path == tile_path(level=tile.level, number=tile.number, width=tile.width)
    else:
        assert path == entries_path(number=tile.number, width=tile.width)
