"""The store through the ledger that stands on it: what is put in is found again, by all ways."""

import contextlib
import errno
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import pytest

from ledger import ids
from ledger.errors import BusyError, FullError, NotFoundError, StoreError, WrongClockError
from ledger.ledger import Ledger
from ledger.rows import KINDS, find_in_group, format_group, parse_group
from ledger.store import LOCK_FILE, READERS_FILE, STORE_FILE, Store
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    NewEvent,
    Party,
    found_ledger,
    new_event,
    new_letter,
    new_log_key,
    sign_document,
)
from tests.ledger.test_private import no_file_above
from verify.checkpoint import check_checkpoint
from verify.entry import parse_entry
from verify.events import KINDS as ALL_KINDS
from verify.merkle import check_consistency, check_inclusion, leaf_hash, root_hash
from verify.note import NoteSignature, format_note, parse_note
from verify.notes import log_vkey
from verify.receipt import check_receipt_alone, parse_receipt, proof_of
from verify.tiles import bundles_of, entries_path, parse_bundle, tile_path, tiles_of

ALPHA = Party("alpha", 1)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as opened:
        yield opened


def record(ledger: Ledger, count: int, **fields: object) -> list[NewEvent]:
    events = [new_letter("alpha", **fields) for _ in range(count)]  # type: ignore[arg-type]  # the event's own fields
    ledger.submit(sign_document(ledger, ALPHA, events))
    return events


def test_every_kind_has_a_code() -> None:
    assert set(ALL_KINDS.values()) == set(KINDS)


def test_groups_of_disclosures_read_back() -> None:
    group = {3: ("abc", "def"), 33: ("3", "70"), 70: ("g",)}
    data = format_group(group)

    assert group == parse_group(data)
    assert group == {index: found for index in range(400) if (found := find_in_group(data, index))}


def test_keeps_files_for_its_owner_alone(ledger: Ledger) -> None:
    for name in (STORE_FILE, LOCK_FILE, "log.key"):
        assert 0o600 == (ledger.path / name).stat().st_mode & 0o777
    assert 0o700 == ledger.path.stat().st_mode & 0o777


def test_entries_chain_and_are_found_by_index_and_by_range(ledger: Ledger) -> None:
    for count in (1, 300, 2):
        record(ledger, count)
    entries = list(ledger.entries())

    assert 304 == ledger.size() == len(entries)
    for index, entry in enumerate(entries):
        assert index == parse_entry(entry).index
        assert entry == ledger.entry(index)
        if index:
            assert leaf_hash(entries[index - 1]).hex() == parse_entry(entry).prev
    assert entries[2:303] == list(ledger.entries(2, 303))
    assert entries[300:] == list(ledger.entries(300))
    assert [] == list(ledger.entries(304))
    assert [] == list(ledger.entries(5, 5))


def test_serves_every_tile_and_bundle_of_every_size(ledger: Ledger) -> None:
    for _ in range(3):
        record(ledger, 200)
    leaves = [leaf_hash(entry) for entry in ledger.entries()]
    for size in (1, 201, 255, 256, 257, 512, 601):
        for tile in tiles_of(size):
            data = ledger.tile(tile_path(level=tile.level, number=tile.number, width=tile.width))
            if tile.level == 0:
                start = 256 * tile.number
                assert b"".join(leaves[start : start + tile.width]) == data
            else:
                roots = [root_hash(leaves[256 * n : 256 * (n + 1)]) for n in range(tile.width)]
                assert b"".join(roots) == data
        bundles = [
            ledger.tile(entries_path(number=bundle.number, width=bundle.width))
            for bundle in bundles_of(size)
        ]
        assert list(ledger.entries(0, size)) == [
            entry for bundle in bundles for entry in parse_bundle(bundle, where="bundle")
        ]


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/000", "tile/0/000.p/12", "tile/1/000.p/1", "tile/entries/000.p/12"),
        *("tile/0/001.p/1", "tile/0/0", "checkpoint", "", "tile/0/000.p/0", "tile/0/../0"),
    ],
)
def test_has_no_tile_beyond_its_size(ledger: Ledger, path: str) -> None:
    record(ledger, 10)
    with pytest.raises(NotFoundError):
        ledger.tile(path)


def test_proofs_hold_between_all_small_sizes(ledger: Ledger) -> None:
    record(ledger, 9)
    leaves = [leaf_hash(entry) for entry in ledger.entries()]
    for new in range(1, 11):
        root = root_hash(leaves[:new])
        assert root == ledger.root_at(new)
        for index in range(new):
            proof = ledger.inclusion_proof(index=index, size=new)
            check_inclusion(index=index, size=new, leaf=leaves[index], proof=proof, root=root)
        for old in range(1, new):
            proof = ledger.consistency_proof(old=old, new=new)
            check_consistency(
                old_size=old,
                old_root=ledger.root_at(old),
                new_size=new,
                new_root=root,
                proof=proof,
            )


def test_proves_nothing_about_what_is_not_there(ledger: Ledger) -> None:
    for ask in (
        lambda: ledger.inclusion_proof(index=1, size=1),
        lambda: ledger.inclusion_proof(index=0, size=2),
        lambda: ledger.consistency_proof(old=1, new=2),
        lambda: ledger.consistency_proof(old=1, new=0),
        lambda: ledger.root_at(2),
        lambda: ledger.entry(1),
        lambda: ledger.entry(-1),
        lambda: ledger.receipt(1),
        lambda: ledger.checkpoint_at(2),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_the_checkpoint_is_of_the_tree_and_signed(ledger: Ledger) -> None:
    record(ledger, 5)
    key = new_log_key().verifier_key
    checkpoint = check_checkpoint(ledger.checkpoint(), key=key, origin=ledger.origin)

    assert (6, ledger.root()) == (checkpoint.size, checkpoint.root)
    assert ledger.checkpoint() == ledger.checkpoint_at(6)


def test_finds_ids_in_the_tail_and_in_runs(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "TAIL", 5)
    monkeypatch.setattr(ids, "FACTOR", 3)
    monkeypatch.setattr(ids, "TOP_LEVEL", 2)
    events = [event for count in (1, 3, 4, 2) * 12 for event in record(ledger, count)]
    path = ledger.path

    for opened in ("as it was", "again"):
        if opened == "again":
            ledger.close()
            ledger = Ledger.open(path, clock=Clock())
        for index, event in enumerate(events, 1):
            assert index == ledger.index_of(event.id)
            assert (event.id.hex(),) == ledger.ids_with_prefix(event.id.hex())
        assert ledger.index_of(bytes(32)) is None
        every = sorted(event.id.hex() for event in events)
        for digit in "0123456789abcdef":
            begin = [event_id for event_id in every if event_id.startswith(digit)]
            found = ledger.ids_with_prefix(digit, limit=1000)
            charter = {f for f in found if ledger.index_of(bytes.fromhex(f)) == 0}
            assert begin == sorted(set(found) - charter)
            assert found[:2] == ledger.ids_with_prefix(digit, limit=2)
    with ledger._store.read() as snapshot:
        assert {0, 1, 2} >= {len(run.prefixes) > 60 for run in snapshot.runs()}
        assert len(snapshot.runs()) < 8
    ledger.close()


def test_a_read_knows_no_event_that_was_recorded_after_it_began(ledger: Ledger) -> None:
    events = [new_letter("alpha") for _ in range(3)]
    recording = threading.Thread(
        target=ledger.submit, args=(sign_document(ledger, ALPHA, events),), daemon=True
    )
    with ledger._store.read() as before:
        recording.start()
        recording.join()

        assert 4 == ledger.size()
        assert [None] * 3 == [before.find(event.id) for event in events]
        assert [] == before.ids_with_prefix(events[0].id.hex(), limit=9)


def test_disclosures_stay_with_their_entry(ledger: Ledger) -> None:
    events = [new_letter("alpha", f"{n} " + "x" * 9000) for n in range(30)] + [
        new_event("alpha", "communication/v1", channel="call"),
        new_event("alpha", "communication/v1", channel="call", claims={"title": "a", "body": "b"}),
    ]
    ledger.submit(sign_document(ledger, ALPHA, events))

    for index, event in enumerate(events, 1):
        assert event.sent == ledger.disclosures(index)
    assert () == ledger.disclosures(0)
    assert () == ledger.disclosures(99)


def test_what_is_handed_over_later_makes_no_group_large(ledger: Ledger) -> None:
    claims = {"title": "x" * 40_000}
    fields = {"channel": "call", "claims": claims, "withheld": ["title"]}
    open_ = new_letter("alpha")
    events = [new_event("alpha", "communication/v1", **fields) for _ in range(12)]  # type: ignore[arg-type]  # fields are the event's own
    events.insert(4, open_)
    ledger.submit(sign_document(ledger, ALPHA, events))
    for event in [*events[5:], *events[:4]][::-1]:
        handing = new_event("alpha", "opening/v1", of=event.id.hex(), names=["title"])
        texts = tuple(event.disclosures.values())
        ledger.submit(sign_document(ledger, ALPHA, [handing], disclosures=[texts]))

    wanted = [(i, tuple(e.disclosures.values())) for i, e in enumerate(events, 1)]
    assert wanted == [(i, ledger.disclosures(i)) for i, _ in wanted] == list(ledger.disclosed())
    with ledger._store.read() as snapshot:
        cursor = snapshot._txn.cursor(snapshot._tables[b"disclosures"])
        sizes = [len(value) for value in cursor.iternext(keys=False, values=True)]
        assert wanted[:3] == snapshot.disclosed(-1, 3)[:3]
        assert wanted[4:5] == snapshot.disclosed(4, 1)[:1]
        assert [] == snapshot.disclosed(13, 9)
    assert max(sizes) < 200_000


def cosigned(note: bytes, *times: int) -> bytes:
    """Add a line, of a witness of its own, for each time."""
    text, lines = parse_note(note)
    more = [
        NoteSignature("w.example", bytes([4, 4, 4, time]), time.to_bytes(8, "big") + bytes(64))
        for time in times
    ]
    return format_note(text, [*lines, *more])


def test_keeps_of_each_size_one_note_with_the_lines_of_all(ledger: Ledger) -> None:
    notes = [ledger.checkpoint()]
    for _ in range(2):
        record(ledger, 1)
        notes.append(ledger.checkpoint())
    for note in reversed(notes):
        ledger.keep_note(cosigned(note, 1))
    for note in notes:
        ledger.keep_note(cosigned(note, 2))
        ledger.keep_note(cosigned(note, 2, 3))
        ledger.keep_note(cosigned(note, 1))
    expected = [cosigned(note, 1, 2, 3) for note in notes]

    assert expected == list(ledger.notes())
    assert expected[::-1] == list(ledger.latest_notes())


def test_of_a_size_before_the_latest_further_lines_are_a_note_of_their_own(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store._MERGING", 2)
    notes = [ledger.checkpoint()]
    for _ in range(2):
        record(ledger, 1)
        notes.append(ledger.checkpoint())
    for time in (1, 2):
        for note in notes:
            ledger.keep_note(cosigned(note, time))
    first = sorted((cosigned(notes[0], time) for time in (1, 2)), key=sha256)

    assert [*first, *(cosigned(note, 1, 2) for note in notes[1:])] == list(ledger.notes())


def test_a_note_that_a_submission_has_named_stays_when_lines_come(ledger: Ledger) -> None:
    """Else the statement would name a note that no export has: check 206 of SPEC section 12."""
    note = ledger.checkpoint()
    ledger.keep_note(cosigned(note, 1))
    ledger.submit(sign_document(ledger, ALPHA, [new_letter("alpha")], note=cosigned(note, 1)))
    ledger.keep_note(cosigned(note, 2))
    ledger.keep_note(cosigned(note, 3))
    ledger.submit(sign_document(ledger, ALPHA, [new_letter("alpha")], note=cosigned(note, 4)))
    ledger.keep_note(cosigned(note, 4))
    expected = [cosigned(note, *times) for times in ((1,), (2, 3, 4), (4,))]

    assert sorted(expected, key=sha256) == list(ledger.notes())


def test_a_receipt_is_made_under_a_cosigned_checkpoint(ledger: Ledger) -> None:
    record(ledger, 300)
    note = cosigned(ledger.checkpoint(), 1)
    record(ledger, 5)
    receipt = parse_receipt(ledger.receipt_under(7, note=note))
    key = log_vkey(ledger.origin, ledger.state().charter.log_key)

    assert 301 == check_receipt_alone(receipt, key=key).size
    assert note == proof_of(receipt).checkpoint


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_the_map_grows_by_itself_while_others_read(tmp_path: Path) -> None:
    found_ledger(tmp_path / "ledger", ALPHA)[0].close()
    store = Store(tmp_path / "ledger", map_size=1 << 18)
    done = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                with store.read() as snapshot:
                    assert snapshot.row(0).entry(0)
        except BaseException as error:  # noqa: BLE001 - shown by the assert below
            errors.append(error)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(200):
        store.keep_notes([(number, bytes(20_000))])
    done.set()
    for reader in readers:
        reader.join()

    assert [] == errors
    with store.read() as snapshot:
        assert 200 == len(snapshot.notes(b"", 1000))
    assert store._env.info()["map_size"] > 1 << 22
    store.close()


def test_a_reader_that_was_killed_does_not_make_the_map_grow(tmp_path: Path) -> None:
    found_ledger(tmp_path / "ledger", ALPHA)[0].close()
    code = (
        "import os, signal; from pathlib import Path; from ledger.store import Store\n"
        f"with Store(Path({str(tmp_path / 'ledger')!r}), read_only=True).read():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    store = Store(tmp_path / "ledger", map_size=1 << 20)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    for _ in range(400):
        store.keep_notes([(1, bytes(20_000))])

    assert -9 == done.returncode
    assert 1 << 20 == store._env.info()["map_size"]
    store.close()


def test_readers_that_were_killed_keep_nobody_from_reading(ledger: Ledger) -> None:
    taking = (
        "import itertools, lmdb, sys\n"
        "env = lmdb.open(sys.argv[1], subdir=False, readonly=True)\n"
        "taken = []\n"
        "try:\n"
        "    taken.extend(env.begin() for _ in itertools.count())\n"
        "finally:\n"
        "    print(len(taken), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", taking, str(ledger.path / STORE_FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert 100 < int(child.stdout.readline())  # all that there are
        with pytest.raises(StoreError, match="READERS_FULL"):
            record(ledger, 1)
        child.kill()

    [event] = record(ledger, 1)

    assert ledger.index_of(event.id)


def test_only_one_process_records(ledger: Ledger) -> None:
    code = (
        "import sys; from pathlib import Path; from ledger.ledger import Ledger\n"
        "from ledger.errors import BusyError\n"
        f"path = Path({str(ledger.path)!r})\n"
        "try: Ledger.open(path, clock=lambda: 0)\n"
        "except BusyError: print('busy')\n"
        "with Ledger.open(path, read_only=True) as other: print(other.size())\n"
    )
    record(ledger, 2)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ["busy", "3"] == done.stdout.split()


@pytest.mark.parametrize("what", ["moved", "removed", "replaced", "without its lock"])
def test_nothing_is_recorded_where_nobody_would_find_it(ledger: Ledger, what: str) -> None:
    """Whoever restores a backup in place of a ledger that is served still holds the old one."""
    record(ledger, 2)
    aside = ledger.path.with_name("aside")
    if what == "without its lock":
        (ledger.path / LOCK_FILE).unlink()
    elif what == "removed":
        shutil.rmtree(ledger.path)
    else:
        ledger.path.rename(aside)
        if what == "replaced":
            shutil.copytree(aside, ledger.path)
    with pytest.raises(StoreError, match="was moved, removed or replaced while it was open"):
        record(ledger, 1)

    assert (False, 3) == (ledger.healthy(), ledger.size())
    if what in {"moved", "replaced"}:
        shutil.rmtree(ledger.path, ignore_errors=True)
        aside.rename(ledger.path)
        record(ledger, 1)
        assert (True, 4) == (ledger.healthy(), ledger.size())


def keep_note(ledger: Ledger, count: int) -> None:
    ledger._store.keep_notes([(count, b"a note")])


@pytest.mark.parametrize("write", [record, keep_note])
def test_what_lmdb_writes_no_more_says_that_it_must_be_opened_again(
    ledger: Ledger, write: Callable[[Ledger, int], object]
) -> None:
    """It could not say whether something was written: the page that says so was refused."""
    record(ledger, 2)
    (last,) = [
        int(info.name)
        for info in Path("/proc/self/fdinfo").iterdir()
        if _stands_for(info.name, ledger.path / STORE_FILE)
        and int(info.read_text().split("flags:")[1].split()[0], 8) & os.O_DSYNC
    ]
    kept, full = os.dup(last), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, last)
    os.close(full)
    with pytest.raises(FullError, match="nothing was recorded"):
        write(ledger, 1)
    os.dup2(kept, last, inheritable=False)
    os.close(kept)
    for again in (write, record):
        with pytest.raises(StoreError, match="must be opened again"):
            again(ledger, 1)

    assert not ledger.healthy()
    ledger.close()
    with Ledger.open(ledger.path, clock=Clock()) as opened:
        assert 3 == opened.size()
        record(opened, 1)


def _stands_for(descriptor: str, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.samefile(f"/proc/self/fd/{descriptor}")
    return False


def test_a_lock_that_cannot_be_had_is_no_other_process(ledger: Ledger) -> None:
    ledger.close()
    (ledger.path / LOCK_FILE).unlink()
    (ledger.path / LOCK_FILE).mkdir()
    with pytest.raises(StoreError, match=r"ledger\.lock: cannot be opened: Is a directory"):
        Ledger.open(ledger.path, clock=Clock())

    with Ledger.open(ledger.path, read_only=True) as reading:
        assert 1 == reading.size()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_store_of_another_version_says_so(ledger: Ledger, *, read_only: bool) -> None:
    """It has other tables, too: what is told is not that one of them is missing."""
    ledger.close()
    file = str(ledger.path / STORE_FILE)
    with lmdb.open(file, subdir=False, max_dbs=16) as env:
        meta = env.open_db(b"meta", create=False)
        with env.begin(write=True) as txn:
            txn.put(b"format", b"counterfoil-store/1", db=meta)
            txn.drop(env.open_db(b"erasures", create=False, txn=txn))
    with pytest.raises(StoreError, match=r"another version .* format 'counterfoil-store/1'"):
        Store(ledger.path, read_only=read_only)

    with lmdb.open(file, subdir=False, max_dbs=16) as env, env.begin(write=True) as txn:
        txn.drop(env.open_db(b"meta", create=False, txn=txn))
    with pytest.raises(StoreError, match="is not the store of a ledger"):
        Store(ledger.path, read_only=read_only)


def test_one_process_opens_a_ledger_once(ledger: Ledger) -> None:
    with pytest.raises(BusyError):
        Ledger.open(ledger.path, read_only=True)


def test_a_reader_in_another_process_follows(ledger: Ledger) -> None:
    code = (
        "import sys; from pathlib import Path; from ledger.ledger import Ledger\n"
        f"with Ledger.open(Path({str(ledger.path)!r}), read_only=True) as other:\n"
        "    for line in sys.stdin:\n"
        "        print(other.size(), other.index_of(bytes.fromhex(line)),\n"
        "              len(other.state().keys), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=-1, stdout=-1, text=True, bufsize=1
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for size in (2, 3, 4):
            (event,) = record(ledger, 1)
            child.stdin.write(event.id.hex() + "\n")

            assert f"{size} {size - 1} 1\n" == child.stdout.readline()
        child.stdin.close()


def test_a_full_disk_refuses_and_later_recovers(tmp_path: Path) -> None:
    ledger, _ = found_ledger(tmp_path / "ledger", ALPHA)
    small = sign_document(ledger, ALPHA, [new_letter("alpha")])
    large = sign_document(ledger, ALPHA, [new_letter("alpha", "x" * 9000) for _ in range(300)])
    ledger.submit(small)
    before = (ledger.size(), ledger.checkpoint(), list(ledger.entries()))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    used = (ledger.path / STORE_FILE).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (used + 100_000, hard))
    try:
        with pytest.raises(FullError):
            ledger.submit(large)
        assert before == (ledger.size(), ledger.checkpoint(), list(ledger.entries()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.submit(large)
    ledger.submit(sign_document(ledger, ALPHA, [new_letter("alpha")]))

    assert 303 == ledger.size()
    ledger.close()
    Ledger.open(tmp_path / "ledger", clock=Clock()).close()


def test_there_is_no_ledger_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Ledger.open(tmp_path, clock=Clock())
    with pytest.raises(NotFoundError):
        Ledger.open(tmp_path / "nowhere", read_only=True)


def test_does_not_found_a_ledger_where_something_is(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(StoreError):
        found_ledger(ledger.path, ALPHA)
    assert ["ledger"] == [path.name for path in ledger.path.parent.iterdir()]


def test_refuses_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"nothing of ours" * 1000)
    with pytest.raises(StoreError):
        Ledger.open(tmp_path, clock=Clock())


@pytest.mark.parametrize(
    ("now_ms", "word"),
    [(NOON_MS - 1, "behind"), (NOON_MS + 86_400_001, "ahead")],
)
def test_a_clock_that_disagrees_needs_confirmation(ledger: Ledger, now_ms: int, word: str) -> None:
    ledger.close()
    with pytest.raises(WrongClockError, match=word) as refusal:
        Ledger.open(ledger.path, clock=Clock(now_ms))

    assert (now_ms, NOON_MS) == (refusal.value.now_ms, refusal.value.recorded_ms)
    with Ledger.open(ledger.path, clock=Clock(now_ms), accept_clock=True) as opened:
        document = sign_document(opened, ALPHA, [new_letter("alpha")], expires=now_ms + 9)
        opened.submit(document)

        assert max(now_ms, NOON_MS) == parse_entry(opened.entry(1)).recorded


def test_recording_needs_a_clock(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(WrongClockError):
        Ledger.open(ledger.path)


def test_a_reader_records_nothing(ledger: Ledger) -> None:
    document = sign_document(ledger, ALPHA, [new_letter("alpha")])
    ledger.close()
    with Ledger.open(ledger.path, read_only=True) as opened, pytest.raises(StoreError):
        opened.submit(document)


@pytest.mark.parametrize("name", ["ledger.mdb", "ledger.mdb-lock"])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(ledger: Ledger, name: str) -> None:
    ledger.close()
    (ledger.path / name).unlink()
    os.mkfifo(ledger.path / name)

    for read_only in (False, True):
        with pytest.raises(StoreError, match="plain file"):
            Ledger.open(ledger.path, read_only=read_only)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system allots no room")
@pytest.mark.parametrize("left", ["nothing", "empty"])
def test_the_file_of_readers_has_all_its_room_before_anybody_reads(
    ledger: Ledger, left: str
) -> None:
    """A hole in it that a full disk cannot fill ends whoever reads with SIGBUS."""
    ledger.close()
    readers = ledger.path / READERS_FILE
    found = readers.stat()
    readers.unlink()
    if left == "empty":
        readers.touch(0o600)
    with no_file_above(1 << 14), pytest.raises(FullError, match=f"{READERS_FILE}: there is no"):
        Ledger.open(ledger.path, read_only=True)
    with Ledger.open(ledger.path, read_only=True) as opened:
        status = readers.stat()

        assert 1 == opened.size()
    assert 1024 * 64 < found.st_size <= found.st_blocks * 512
    assert (found.st_size, 0o600) == (status.st_size, status.st_mode & 0o777)
    assert status.st_size <= status.st_blocks * 512


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system allots no room")
def test_what_there_was_room_for_of_the_file_of_readers_does_not_pass_for_all_of_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on ext4, which allots what it has before it says that this is not enough."""
    ledger.close()
    readers = ledger.path / READERS_FILE
    readers.unlink()

    def allot(fd: int, offset: int, size: int) -> None:
        os.pwrite(fd, bytes(min(size, 1 << 12)), offset)
        os.fsync(fd)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", allot)
    for _ in range(2):
        with pytest.raises(FullError, match=f"{READERS_FILE}: there is no"):
            Ledger.open(ledger.path, read_only=True)
    monkeypatch.undo()
    Ledger.open(ledger.path, read_only=True).close()

    assert readers.stat().st_size <= readers.stat().st_blocks * 512


def test_a_damaged_tile_is_found_at_opening(ledger: Ledger) -> None:
    record(ledger, 3)
    store = ledger._store
    with store._env.begin(write=True) as txn:
        txn.put(bytes(9), bytes(32 * 4), db=store._tables[b"tiles"])
    ledger.close()

    with pytest.raises(StoreError, match="checkpoint"):
        Ledger.open(ledger.path, clock=Clock())
