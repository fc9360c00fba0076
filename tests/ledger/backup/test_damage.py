"""A backup that was damaged or changed: what is found, by which check."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import msgspec
import pytest

from ledger.backup import BackupNote, back_up
from ledger.errors import (
    BackupError,
    KeyFileError,
)
from ledger.ledger import Ledger
from ledger.store import STORE_FILE
from tests.ledger.backup.keeping import SHA256, again, damage, nobody
from tests.ledger.builder import (
    CONTENT,
    NOON_MS,
    names,
    new_event,
    new_log_key,
    submit,
)
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.events import event_id


def resign(backup: Path, **fields: object) -> None:
    """Let `backup.json` say what is there now, or something else."""
    note = msgspec.json.decode((backup / "backup.json").read_bytes(), type=BackupNote)
    store = hashlib.sha256((backup / STORE_FILE).read_bytes()).hexdigest()
    changed = msgspec.structs.replace(note, **({"store": store} | fields))
    (backup / "backup.json").write_bytes(encode(changed))


def damaged(backup: Path) -> BackupError:
    before = names(backup.parent)
    with pytest.raises(BackupError) as refusal:
        again(backup)

    assert before == names(backup.parent)
    return refusal.value


def test_a_store_that_is_another_is_found_before_it_is_opened(backup: Path) -> None:
    data = (backup / STORE_FILE).read_bytes()
    for changed in (data[:-1], data + b"\x00", bytes([data[0] ^ 1]) + data[1:], b""):
        (backup / STORE_FILE).write_bytes(changed)

        assert "damaged, or changed since" in damaged(backup).reason
    (backup / STORE_FILE).write_bytes(data)
    again(backup)


@pytest.mark.parametrize("what", ["nothing", "link", "pipe", "folder"])
def test_a_store_that_is_no_plain_file_is_refused(backup: Path, tmp_path: Path, what: str) -> None:
    (backup / STORE_FILE).rename(tmp_path / "store")
    if what == "link":
        (backup / STORE_FILE).symlink_to(tmp_path / "store")
    elif what == "pipe":
        os.mkfifo(backup / STORE_FILE)
    elif what == "folder":
        (backup / STORE_FILE).mkdir()

    assert f"{STORE_FILE} cannot be read" == damaged(backup).reason


def test_a_store_that_is_none_is_refused(backup: Path) -> None:
    (backup / STORE_FILE).write_bytes(b"nothing of ours" * 1000)
    resign(backup)

    assert "does not hold together" in damaged(backup).reason


def test_a_changed_event_is_named_by_its_check(backup: Path) -> None:
    damage(backup / STORE_FILE, b'"channel":"letter"', b'"channel":"letxer"')
    resign(backup)

    assert Check.EVENT.value == damaged(backup).check


def test_what_the_audit_finds_is_named_by_its_check(ledger: Ledger, backup: Path) -> None:
    # Of entry 2, what it says about when it was recorded: nothing but its hash depends on it.
    recorded = b'"recorded":%d' % NOON_MS
    entry = ledger.entry(2)
    damage(backup / STORE_FILE, entry, entry.replace(recorded, b'"recorded":%d' % (NOON_MS + 1)))
    resign(backup)
    error = damaged(backup)

    assert (Check.ENTRY.value, str(backup)) == (error.check, error.path)
    assert "entry 2, entry: is not the entry that the tree holds" in error.reason


@pytest.mark.parametrize("name", ["title", "text"])
@pytest.mark.parametrize("place", [0, 10, 40, -1])
def test_a_changed_claim_is_found_also_if_it_is_limited(
    ledger: Ledger, backup: Path, name: str, place: int
) -> None:
    claim = next(text for text in ledger.disclosures(3) if f'"{name}"'.encode() in decode(text))
    other = "B" if claim[place] == "A" else "A"
    swapped = claim[:place] + other + (claim[place + 1 :] if place >= 0 else "")
    damage(backup / STORE_FILE, claim.encode(), swapped.encode())
    resign(backup)

    assert Check.DISCLOSURE.value == damaged(backup).check


def test_a_lost_claim_is_found_also_if_it_is_limited(ledger: Ledger, backup: Path) -> None:
    text, title = ledger.disclosures(3)
    with table_of(backup, "disclosures") as change:
        group = change(2, b"")
        change(2, group.replace(f"{text} {title}".encode(), title.encode()))

    assert Check.DISCLOSURE_MISSING.value == damaged(backup).check


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("change", [b"", CONTENT + b".", CONTENT[::-1]])
def test_a_changed_file_is_named_by_its_check(backup: Path, change: bytes) -> None:
    (backup / "files" / SHA256).write_bytes(change)
    error = damaged(backup)

    assert Check.FILE.value == error.check
    assert SHA256 in error.reason


@pytest.mark.parametrize("what", ["nothing", "link", "pipe"])
def test_a_missing_file_is_named_by_its_check(backup: Path, tmp_path: Path, what: str) -> None:
    place = backup / "files" / SHA256
    place.rename(tmp_path / "file")
    if what == "link":
        place.symlink_to(tmp_path / "file")
    elif what == "pipe":
        os.mkfifo(place)
    error = damaged(backup)

    assert Check.FILE_MISSING.value == error.check
    assert "entry 2, files/" in error.reason


def test_files_that_nothing_names_are_not_restored(backup: Path, tmp_path: Path) -> None:
    (backup / "files" / "passwd").symlink_to("/etc/passwd")
    (backup / "files" / ("0" * 64)).write_bytes(b"")
    (backup / "log-extra.key").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeyFileError):
        again(backup)
    (backup / "log-extra.key").unlink()

    assert [SHA256] == names(again(backup).path / "files")


@pytest.mark.parametrize("what", ["none", "other", "rubbish", "open", "link"])
def test_a_log_key_that_cannot_be_used_is_refused(backup: Path, tmp_path: Path, what: str) -> None:
    key = backup / "log.key"
    if what == "open":
        key.chmod(0o644)
    else:
        key.rename(tmp_path / "kept.key")
    if what == "other":
        new_log_key(9).save(key)
    elif what == "rubbish":
        key.write_bytes(b"{}")
        key.chmod(0o600)
    elif what == "link":
        key.symlink_to(tmp_path / "kept.key")
    before = names(tmp_path)
    with pytest.raises((BackupError, KeyFileError)) as refusal:
        again(backup)

    assert isinstance(refusal.value, KeyFileError) is (what in {"open", "link"})
    assert before == names(tmp_path)


@pytest.mark.parametrize("octets", [None, b"", b"{}", b"x" * 200_000])
def test_a_folder_that_is_no_backup_is_refused(backup: Path, octets: bytes | None) -> None:
    (backup / "backup.json").unlink()
    if octets is not None:
        (backup / "backup.json").write_bytes(octets)

    assert "is no backup" in damaged(backup).reason


@pytest.mark.parametrize(
    "fields", [{"size": 4}, {"root": "0" * 64}, {"fingerprint": "0" * 64}, {"origin": "x"}]
)
def test_a_note_that_says_another_thing_is_refused(backup: Path, fields: dict[str, object]) -> None:
    resign(backup, **fields)

    assert "another ledger or size" in damaged(backup).reason


def test_indexes_that_lead_elsewhere_are_found(ledger: Ledger, backup: Path) -> None:
    known = event_id(bytes(parse_entry(ledger.entry(4)).event))
    damage(backup / STORE_FILE, known, bytes(reversed(known)))
    resign(backup)

    assert "entry 4 is not found by its id" in damaged(backup).reason


@contextlib.contextmanager
def table_of(backup: Path, name: str) -> Iterator[Callable[[int, bytes | None], bytes]]:
    """Give what changes a value of the store under its key, or removes it; returns the old one."""
    with lmdb.open(str(backup / STORE_FILE), subdir=False, max_dbs=8) as store:
        table = store.open_db(name.encode(), create=False, integerkey=True)
        with store.begin(write=True) as txn:

            def change(key: int, value: bytes | None) -> bytes:
                octets = key.to_bytes(8, sys.byteorder)
                before = txn.get(octets, db=table)
                assert before is not None
                if value is None:
                    txn.delete(octets, db=table)
                else:
                    txn.put(octets, value, db=table)
                return before

            yield change
    resign(backup)


def test_governance_that_is_listed_otherwise_is_found(backup: Path) -> None:
    with table_of(backup, "turnings") as change:
        leaf = change(1, None)

    assert "other governance entries" in damaged(backup).reason
    assert 32 == len(leaf)


def test_governance_that_is_listed_with_another_hash_is_found(backup: Path) -> None:
    with table_of(backup, "turnings") as change:
        change(1, bytes(32))

    assert "entry 1: is listed with another leaf hash" in damaged(backup).reason


def test_a_hold_that_is_not_listed_is_found(ledger: Ledger, tmp_path: Path) -> None:
    submit(ledger, new_event("alpha", "hold/v1", all="yes"))
    back_up(ledger, tmp_path / "backup", now_ms=NOON_MS, tell=nobody)
    backup = tmp_path / "backup"
    with table_of(backup, "erasures") as change:
        change(ledger.size() - 1, None)

    assert "other erasures and holds" in damaged(backup).reason


def test_an_event_that_is_listed_as_another_kind_is_found(backup: Path) -> None:
    with table_of(backup, "submissions") as change:
        row = change(4, b"")
        change(4, row.replace(b"\x04\x04beta", b"\x05\x04beta", 1))

    assert "entry 4 is not found by its id as it is" in damaged(backup).reason


@pytest.mark.parametrize("what", ["another", "unsigned"])
def test_a_published_checkpoint_that_was_changed_is_found(
    ledger: Ledger, backup: Path, what: str
) -> None:
    note = ledger.checkpoint_at(1 if what == "another" else 2)
    with table_of(backup, "checkpoints") as change:
        change(2, note if what == "another" else note[:-9] + b"AAAAAAA=\n")

    assert "heckpoint of size 2" in damaged(backup).reason


def test_a_note_that_is_kept_under_another_key_is_found(ledger: Ledger, backup: Path) -> None:
    (note,) = ledger.notes()
    key = (4).to_bytes(8, "big") + hashlib.sha256(note).digest()
    with lmdb.open(str(backup / STORE_FILE), subdir=False, max_dbs=8) as store:
        table = store.open_db(b"notes", create=False)
        with store.begin(write=True) as txn:
            assert txn.delete(key, db=table)
            txn.put(key[:-1] + b"\x00", note, db=table)
    resign(backup)

    assert "there is no note" in damaged(backup).reason
