"""The audit as a whole: chunks, notes, manifest, policy, files; and any octets give a report."""

import gc
import json
from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.damage import ACCIDENTS, canonical, forge, rechain, resign
from tests.vectors.submissions import small_world
from tests.world import World, file_of, letter, public_hex, restart, say, signing_key
from verify.audit import Anchors, _Audit, audit, run_here
from verify.checks import Check
from verify.claims import File
from verify.entry import parse_entry
from verify.kinds import Artefact, Opening
from verify.merkle import leaf_hash, root_hash
from verify.notes import log_vkey
from verify.receipt import format_receipt, parse_receipt
from verify.report import Finding, Report
from verify.source import MappingSource
from verify.state import UnknownVersionError
from verify.tiles import format_bundle

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def long() -> World:
    """Return 2,100 entries: three chunks, with submissions across both of their borders."""
    restart("audit long")
    world = World().found()
    world.submit(*(say(Artefact, "northmere", None, type="letter") for _ in range(1000)))
    world.submit(*(say(Artefact, "northmere", None, type="letter") for _ in range(60)), see=True)
    world.submit(*(say(Artefact, "northmere", None, type="letter") for _ in range(1039)))

    assert 2100 == world.size
    return world


@pytest.fixture(scope="module")
def long_files(long: World) -> Files:
    return long.export()


@pytest.fixture
def world() -> World:
    restart("audit")
    made = World().found()
    made.enrol("southfold")
    made.submit(made.file("northmere", b"content"), letter("northmere"), see=True)
    return made


def report_of(files: Files, **anchors: object) -> Report:
    return audit(MappingSource(files), anchors=Anchors(**anchors))  # type: ignore[arg-type]  # any


def findings(files: Files) -> list[tuple[Check, str, int | None]]:
    return [(f.check, f.where, f.index) for f in report_of(files).findings]


def changed(long: World, files: Files, index: int, fields: dict[str, object]) -> Files:
    """Return the export with an entry changed and neither tile nor chain made right."""
    entry = json.loads(long.entries[index]) | fields
    number = index // 256
    entries = long.entries[number * 256 : number * 256 + 256]
    entries[index % 256] = canonical({k: v for k, v in entry.items() if v is not None})
    path = next(p for p in sorted(files) if p.startswith(f"tile/entries/{number:03d}"))
    return {**files, path: format_bundle(entries)}


def test_chunks_are_joined(long_files: Files) -> None:
    seen: list[tuple[int, int]] = []
    report = audit(MappingSource(long_files), progress=lambda done, size: seen.append((done, size)))

    assert ("self-consistent", ()) == (report.verdict, report.findings)
    assert 4 == report.counts["submissions"]
    assert (2100, 2100) == seen[-1]
    assert len(seen) > 1


def test_what_is_wrong_at_the_border_of_chunks_is_found(long: World, long_files: Files) -> None:
    rows: list[dict[str, object]] = [
        {"prev": "00" * 32}, {"recorded": 1}, {"position": 5}, {"position": 0}, {"index": 9},
        {"event": {}}, {"statement": {}}, {"prev": None},
    ]  # fmt: skip
    for border in (256, 1024, 2048):
        for index in (border - 1, border):
            for fields in rows:
                found = findings(changed(long, long_files, index, fields))

                assert index in [place for _, _, place in found], (index, fields, found)


def test_a_bundle_at_the_border_that_cannot_be_read_is_one_finding(long_files: Files) -> None:
    for number in range(9):
        path = next(p for p in sorted(long_files) if p.startswith(f"tile/entries/{number:03d}"))
        for data in (long_files[path][:-1], b"", b"\x00", b"\xff\xff", b"\x00\x00", bytes(600)):
            found = findings({**long_files, path: data})

            assert [(Check.BUNDLE, path)] == [(check, where) for check, where, _ in found]


def relinked(long: World, index: int, **fields: object) -> Files:
    """Return the export of a log that changed an entry and made all tiles and `prev` right."""
    entries = list(long.entries)
    entry = json.loads(entries[index]) | fields
    entries[index] = canonical({k: v for k, v in entry.items() if v is not None})
    return forge(long, rechain(entries)).export()


def test_a_submission_across_a_border_is_checked_as_a_whole(long: World) -> None:
    for border in (1024, 2048):
        other = json.loads(long.entries[border])["event"] | {"nonce": "00" * 16}
        by_another = json.loads(long.entries[border])["event"] | {"author": "southfold"}
        rows: list[tuple[dict[str, object], Check]] = [
            ({"event": other}, Check.SUBMISSION_ROOT), ({"event": by_another}, Check.AUTHOR),
            ({"recorded": 5}, Check.RECORDED), ({"position": 7}, Check.POSITION),
        ]  # fmt: skip
        for fields, check in rows:
            found = findings(relinked(long, border, **fields))

            assert check in [each for each, _, _ in found], (border, fields, found)


def test_a_prev_at_a_border_that_the_tree_holds_is_found(long: World) -> None:
    entries = list(long.entries)
    for border in (1024, 2048):
        entry = json.loads(entries[border]) | {"prev": "00" * 32}
        entries[border] = canonical(entry)
    found = findings(forge(long, entries).export())

    assert {1024, 2048} <= {place for check, _, place in found if check is Check.PREV}


def test_earlier_events_are_read_again_from_any_bundle() -> None:
    restart("audit far")
    world = World().found()
    said = [letter("northmere", withheld=("person.1",)) for _ in range(10)]
    for one in said:
        world.submit(one, *(say(Artefact, "northmere", None, type="letter") for _ in range(255)))
    for one in [*said, *()]:
        world.submit(say(Opening, "northmere", None, of=one.id, names=("person.1",)))

    assert [] == findings(world.export())


def test_tiles_above_the_first_levels_are_compared() -> None:
    """Of a tree too large to build in a test: the roots of its full tiles are enough."""
    size = 70_000
    subtrees = [leaf_hash(b"%d" % number) for number in range(size // 256)]
    files = {
        "tile/1/000": b"".join(subtrees[:256]),
        "tile/1/001.p/17": b"".join(subtrees[256:]),
        "tile/2/000.p/1": root_hash(subtrees[:256]),
    }
    for path in (None, *files):
        changed_ = files if path is None else {**files, path: files[path][:-1] + b"?"}
        run = _Audit(MappingSource(changed_), Anchors(), run_here, None)
        run._walk.size, run._walk.subtrees = size, subtrees
        run._check_upper_tiles()

        assert ([] if path is None else [path]) == [f.where.split()[0] for f in run._findings]


@pytest.mark.parametrize("size", [256, 511, 512])
def test_the_root_judges_the_last_entry_and_its_tile_wherever_the_tile_ends(size: int) -> None:
    restart("audit last")
    world = World().found()
    world.submit(*(letter("northmere") for _ in range(size - world.size)))
    files = world.export()
    (level,) = (path for path in files if path == f"tile/0/{(size - 1) // 256:03d}"
        or path.startswith(f"tile/0/{(size - 1) // 256:03d}.p/"))  # fmt: skip
    tile = {**files, level: files[level][:-1] + bytes((files[level][-1] ^ 1,))}
    entry = changed(world, files, size - 1, {"recorded": world.now + 1})

    assert [] == findings(files)
    assert [(Check.TILE, f"{level} hash {(size - 1) % 256}", size - 1)] == findings(tile)
    assert (Check.ENTRY, "entry", size - 1) == _flat(entry)[0]
    assert not any(where.startswith(("tile/", "checkpoint")) for _, where, _ in _flat(entry))


def test_an_entry_that_cannot_be_read_after_a_border_settles_nothing(
    long: World, long_files: Files
) -> None:
    files = changed(long, long_files, 1024, {"index": "x"})
    tile = bytearray(files["tile/0/003"])
    tile[-1] ^= 1
    found = findings({**files, "tile/0/003": bytes(tile)})

    assert {1023, 1024} <= {index for _, _, index in found}


# Notes


def test_kept_notes_are_named_or_cosigned_in_order_once_and_ours(world: World) -> None:
    unused = deepcopy(world)
    unused.keep(unused.note(1))
    larger = deepcopy(world)
    larger.keep(resign(world, size=9, root=bytes(32)))
    forked = deepcopy(world)
    forked.submit(letter("northmere"), see=True)
    (size, note), *_ = [pair for pair in forked.notes.values() if pair[0] == 4]
    other = deepcopy(world)
    other.submit(letter("northmere", "Another history"))
    cosigned = deepcopy(world)
    cosigned.keep(cosigned.cosigned(1))
    foreign = deepcopy(world)
    foreign.log = signing_key("impostor")
    impostor = foreign.note(2)
    foreign.log = world.log
    foreign.keep(impostor)
    empty = deepcopy(world)
    empty.notes["0"] = (0, resign(world, size=0, root=World().root(0)))

    assert [] == findings(cosigned.export())
    assert [Check.NOTE_UNUSED] == [c for c, _, _ in findings(unused.export())]
    assert Check.NOTES in [c for c, _, _ in _flat(larger.export())]
    assert [Check.NOTE_SIGNATURE] == [c for c, _, _ in findings(foreign.export())]
    assert [Check.NOTE_SIGNATURE] == [c for c, _, _ in findings(empty.export())]
    assert 4 == size
    assert note == forked.note(4)
    assert other.size == 5

    lines = cosigned.export()["checkpoints"].splitlines(keepends=True)
    for data in (
        lines[0] + lines[0] + lines[1],
        lines[1] + lines[0],
        b"".join(lines)[:-1],
        b"",
        b"\n" + b"".join(lines),
        b'"' + b"x" * 300_000 + b'"\n' + b"".join(lines),
        b"".join(lines) + b"x" * 600_000,
        lines[0] + b'""\n' + lines[1],
        lines[0] + b'"\\ud800"\n' + lines[1],
    ):
        found = report_of({**cosigned.export(), "checkpoints": data})

        assert "invalid" == found.verdict
        assert found.findings[0].where.startswith(("checkpoints", "statement.seen"))


def _flat(files: Files) -> list[tuple[Check, str, int | None]]:
    """Return all findings, consequences among them."""
    found: list[Finding] = []
    for finding in report_of(files).findings:
        found += [finding, *finding.consequences]
    return [(f.check, f.where, f.index) for f in found]


def test_two_histories_that_were_signed_are_found(world: World) -> None:
    other = deepcopy(world)
    world.submit(letter("northmere", "One history"))
    other.submit(letter("northmere", "Another history"))
    world.keep(other.cosigned())
    found = findings(world.export())

    assert [Check.NOTE_ROOT] == [check for check, _, _ in found]


# Manifest, policy, files


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 3), ("root", "00" * 32), ("disclosures", 0), ("left_out", 9), ("files", 0),
     ("audience", "nobody"), ("ledger", {"origin": "x", "charter": "00" * 32}),
     ("ledger", {"origin": "ledger.example/two-councils"}), ("spec", "counterfoil/2"),
     ("more", 1)],
)  # fmt: skip
def test_each_value_of_the_manifest_is_compared(world: World, field: str, value: object) -> None:
    files = world.export()
    files["manifest.json"] = canonical(json.loads(files["manifest.json"]) | {field: value})
    found = findings(files)

    assert {Check.MANIFEST} == {check for check, _, _ in found}
    assert found[0][1].startswith("manifest.json")


def test_files_that_are_missing_others_or_of_no_use_are_found(world: World) -> None:
    files = world.export()
    (path,) = (name for name in files if name.startswith("files/"))
    gone = {name: data for name, data in files.items() if name != path}
    world.submit(say(Artefact, "northmere", {"file": _longer(b"content")}, type="letter"))

    assert [(Check.FILE_MISSING, path, 2)] == findings(gone)
    assert [(Check.FILE, path, 2)] == findings({**files, path: b"another"})
    assert [(Check.FILE_UNUSED, "files/x", None)] == findings({**files, "files/x": b""})
    assert [(Check.FILE, path, 4)] == findings(world.export())


def _longer(content: bytes) -> File:
    return replace(file_of(content), size=99)


def test_what_is_too_large_is_not_read(world: World) -> None:
    files = world.export()
    for path, check in (("manifest.json", Check.MANIFEST), ("policy", Check.POLICY),
                        ("checkpoint", Check.CHECKPOINT)):  # fmt: skip
        found = findings({**files, path: files[path] + b" " * 300_000})

        assert (check, path) == found[0][:2]


def test_a_line_of_disclosures_is_of_32_mib_at_most(world: World) -> None:
    files = world.export()
    found = findings({**files, "disclosures.jsonl": b"x" * (34 * 2**20)})

    assert (Check.DISCLOSURES, "disclosures.jsonl") == found[0][:2]


@pytest.mark.parametrize(
    "line",
    [b'{"claims":{"text":["' + b"0" * 32 + b'","x"]},"index":99}\n', b"{}\n", b"\n", b"x:1}\n",
     b'{"claims":{"text":["' + b"0" * 32 + b'","x"]},"index":0}\n',
     b'{"claims":{"text":["' + b"G" * 32 + b'","x"]},"index":3}\n',
     b'{"claims":{"no":["' + b"0" * 32 + b'","x"]},"index":3}\n',
     b'{"claims":{},"index":3}\n', b'{"claims":{"text":"x"},"index":3}\n'],
)  # fmt: skip
def test_a_line_of_disclosures_that_belongs_nowhere_is_found(world: World, line: bytes) -> None:
    files = world.export()
    first = files["disclosures.jsonl"].splitlines(keepends=True)
    for data in (line + b"".join(first), first[0] + line, b"".join(first) + line):
        assert "invalid" == report_of({**files, "disclosures.jsonl": data}).verdict


def renamed(receipt: bytes) -> bytes:
    """Return a receipt that says it is of another ledger, and is otherwise as it was."""
    return format_receipt(replace(parse_receipt(receipt), charter="0" * 64))


def test_receipts_of_another_ledger_or_another_history_are_found(world: World) -> None:
    receipt = world.receipt(2, 2)
    other = World().found()
    forked = deepcopy(world)
    forked.entries = world.entries[:2]
    forked.disclosures, forked.files, forked.notes = {}, {}, {}
    forked.rules = json.loads(world.entries[2])["rules"]
    forked.submit(letter("northmere", "Another"), letter("northmere", "history"))
    files = world.export()
    later = deepcopy(forked)
    later.submit(letter("northmere"))
    promised = later.receipt(1, 1)
    rows = (
        (files, other.receipt(0, 1), "charter"),
        (files, renamed(receipt), "charter"),
        (files, b"{}", "receipt"),
        (files, forked.receipt(2, 2), "leaf"),
        (files, later.receipt(2, 2), "leaf"),  # whose checkpoint is larger than the export
    )

    assert "valid" == report_of(files, receipts=(("r", receipt),)).verdict
    assert "valid" == report_of(files, receipts=(("r", promised),)).verdict

    for export, data, _ in rows:
        assert [Check.RECEIPT] == [
            f.check for f in report_of(export, receipts=(("r", data),)).findings
        ]
    assert later.size > world.size

    larger = deepcopy(world)
    larger.submit(letter("northmere", "and on"))
    two_histories = report_of(larger.export(), receipts=(("r", promised),))

    assert [Check.RECEIPT] == [f.check for f in two_histories.findings]


def test_anchors_disagree_with_an_export_that_has_no_charter() -> None:
    world = World()
    world.charter = World().found().charter
    world.submit(letter("northmere"))
    key = log_vkey("ledger.example/two-councils", public_hex(world.log))
    real = World().found()
    report = report_of(world.export(), log_key=key, receipts=(("r", real.receipt(0, 1)),))

    assert "invalid" == report.verdict
    assert () == report.anchors


# The contract


PATHS = ("checkpoint", "checkpoints", "disclosures.jsonl", "manifest.json", "policy",
         "tile/0/000.p/4", "tile/entries/000.p/4", "tile/entries/000", "files/x", "x")  # fmt: skip


@given(st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=200)))
def test_any_files_give_a_report(files: Files) -> None:
    assert "invalid" == report_of(files).verdict


@given(st.integers(0, 10**6), st.integers(-1, 2**64), st.sampled_from(sorted(ACCIDENTS)))
def test_any_damage_and_any_size_give_a_report(seed: int, size: int, name: str) -> None:
    restart("audit any")
    world = World().found()
    world.submit(world.file("northmere", b"content"), letter("northmere"), see=True)
    files = world.export()
    chance = Random(seed)
    if chance.random() < 0.5:
        lines = files["checkpoint"].split(b"\n")
        files["checkpoint"] = b"\n".join([lines[0], str(size).encode(), *lines[2:]])
    ACCIDENTS[name](files, chance)
    try:
        report = report_of(files, receipts=(("r", files.get("manifest.json", b"")),))
    except UnknownVersionError:
        return

    assert "invalid" == report.verdict
    assert parse_entry(world.entries[0]).index == 0


def test_an_audit_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold()
    during: set[tuple[int, int, int]] = set()

    audit(
        MappingSource(small_world().export()),
        progress=lambda *_: during.add(gc.get_threshold()),
    )

    assert {before} == during  # several audits may go on in one process, which is not theirs
