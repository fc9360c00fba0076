"""Private keys: what they sign, how they are kept, and what is refused."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from ledger.errors import KeyFileError
from ledger.keyrequests import (
    KeyRequest,
    check_key_request,
    compose_enrolment,
    format_key_request,
    make_key_request,
    parse_key_request,
)
from ledger.keys import (
    LogKey,
    PartySigner,
    ask_passphrase,
    load_log_key,
    load_party_key,
    read_passphrase,
)
from verify.checkpoint import Checkpoint, check_checkpoint, format_checkpoint
from verify.errors import MalformedError
from verify.kinds import Key
from verify.note import NoteSignature, format_note
from verify.session import SESSION, SessionStatement, SignedSession, check_session
from verify.submission import (
    POSSESSION,
    LedgerName,
    Possession,
    Statement,
    check_party_signature,
    check_possession,
    pae,
)

SEED = bytes(range(32))
ORIGIN = "example.org/dispute"
LEDGER = LedgerName(origin=ORIGIN, charter="ab" * 32)


def signer() -> PartySigner:
    return PartySigner("blaby", seed=SEED, post="clerk", powers=("record", "answer"))


def statement(**changes: str) -> Statement:
    values = {"author": "blaby", "key": signer().public} | changes
    return Statement(
        ledger=LEDGER,
        author=values["author"],
        key=values["key"],
        count=1,
        root="00" * 32,
        expires=1,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_signs_statements_that_the_kernel_takes() -> None:
    check_party_signature(statement(), signature=signer().sign_submission(statement()))


@pytest.mark.parametrize("changes", [{"author": "rutland"}, {"key": "cd" * 32}])
def test_signs_no_statement_of_another_party_or_key(changes: dict[str, str]) -> None:
    with pytest.raises(KeyFileError):
        signer().sign_submission(statement(**changes))


def test_signs_possession_under_a_payload_type_of_its_own() -> None:
    possession = Possession(
        ledger=LEDGER, party="blaby", key=signer().public, powers=("record",), post="clerk"
    )
    signature = signer().sign_possession(possession)

    check_possession(possession, signature=signature)
    assert pae(POSSESSION, b"x") != pae(SESSION, b"x")


def session(**changes: str) -> SessionStatement:
    values = {"party": "blaby", "key": signer().public} | changes
    return SessionStatement(
        ledger=LEDGER, host="h:1", party=values["party"], key=values["key"], nonce="00" * 32, at=1
    )


def test_signs_sessions_that_the_kernel_takes() -> None:
    signature = signer().sign_session(session())

    check_session(SignedSession(statement=session(), signature=signature.hex()))
    assert pae(SESSION, b"x") != pae(POSSESSION, b"x")


@pytest.mark.parametrize("changes", [{"party": "rutland"}, {"key": "cd" * 32}])
def test_signs_no_session_of_another_party_or_key(changes: dict[str, str]) -> None:
    with pytest.raises(KeyFileError):
        signer().sign_session(session(**changes))


def test_shows_no_secret_when_printed() -> None:
    for key in (signer(), LogKey(ORIGIN, seed=SEED)):
        assert SEED.hex() not in repr(key)
        assert not hasattr(key, "__dict__")


def test_log_key_signs_checkpoints_of_its_origin() -> None:
    key = LogKey(ORIGIN, seed=SEED)
    text = format_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)))
    line = NoteSignature(ORIGIN, key.verifier_key.key_id, key.sign(text))

    check_checkpoint(format_note(text, [line]), key=key.verifier_key, origin=ORIGIN)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"anything",
        pae(POSSESSION, b"{}"),
        format_checkpoint(Checkpoint("example.org/other", 1, bytes(32))),
        format_checkpoint(Checkpoint(ORIGIN, 1, bytes(32), ("extension",))),
        b"cosignature/v1\ntime 1\n" + format_checkpoint(Checkpoint(ORIGIN, 1, bytes(32))),
    ],
)
def test_log_key_signs_nothing_else(message: bytes) -> None:
    with pytest.raises(MalformedError):
        LogKey(ORIGIN, seed=SEED).sign(message)


def test_plain_key_file_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    old = os.umask(0)
    try:
        signer().save(path)
    finally:
        os.umask(old)
    read = load_party_key(path)

    assert mode(path) == 0o600
    assert (read.party, read.public, read.post, read.powers) == (
        "blaby", signer().public, "clerk", ("answer", "record"),
    )  # fmt: skip


def test_key_file_under_a_passphrase_holds_no_plain_secret(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path, passphrase=b"correct horse")

    assert SEED.hex().encode() not in path.read_bytes()
    assert signer().public == load_party_key(path, passphrase=lambda: b"correct horse").public
    with pytest.raises(KeyFileError) as wrong:
        load_party_key(path, passphrase=lambda: b"wrong horse")
    assert "wrong horse" not in str(wrong.value)
    with pytest.raises(KeyFileError):
        load_party_key(path)


def test_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        PartySigner.generate("blaby").save(path)

    assert before == path.read_bytes()


@pytest.mark.parametrize("others", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_refuses_a_key_file_that_others_can_use(tmp_path: Path, others: int) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path)
    path.chmod(others)
    with pytest.raises(KeyFileError, match="0600; `chmod 600` closes it"):
        load_party_key(path)


def test_refuses_links_pipes_folders_and_nothing(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path)
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("link", "pipe", "folder", "nothing"):
        with pytest.raises(KeyFileError):
            load_party_key(tmp_path / name)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A key file under a passphrase, which takes a second to make."""
    path = tmp_path_factory.mktemp("box") / "blaby.key"
    signer().save(path, passphrase=b"p")
    return path.read_bytes()


@pytest.fixture
def closed(tmp_path: Path, box: bytes) -> Path:
    path = tmp_path / "blaby.key"
    path.write_bytes(box)
    path.chmod(0o600)
    return path


def changed(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"party":"blaby"', b'"party":"hinck"'),
        (b'"post":"clerk"', b'"post":"chief"'),
        (b'["answer","record"]', b'["answer","govern"]'),
        (signer().public.encode(), PartySigner("x", seed=bytes(32)).public.encode()),
        (b'"opslimit":3', b'"opslimit":4'),
    ],
)
def test_notices_what_was_changed_beside_the_box(closed: Path, old: bytes, new: bytes) -> None:
    changed(closed, old, new)
    with pytest.raises(KeyFileError):
        load_party_key(closed, passphrase=lambda: b"p")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"opslimit":3', b'"opslimit":4000'), (b'"memlimit":268435456', b'"memlimit":99999999999')],
)
def test_does_no_work_without_bounds(closed: Path, old: bytes, new: bytes) -> None:
    changed(closed, old, new)
    with pytest.raises(KeyFileError, match="is bad"):
        load_party_key(closed, passphrase=lambda: b"p")


def test_refuses_a_secret_that_is_not_the_public_keys(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path)
    changed(path, SEED.hex().encode(), bytes(32).hex().encode())
    with pytest.raises(KeyFileError) as refused:
        load_party_key(path)

    assert bytes(32).hex() not in str(refused.value)


def test_a_log_key_is_no_party_key(tmp_path: Path) -> None:
    signer().save(tmp_path / "party")
    LogKey(ORIGIN, seed=SEED).save(tmp_path / "log", passphrase=b"p")

    log = load_log_key(tmp_path / "log", passphrase=lambda: b"p")
    assert (ORIGIN, bytes(SigningKey(SEED).verify_key)) == (log.origin, log.public)
    with pytest.raises(KeyFileError):
        load_log_key(tmp_path / "party")
    with pytest.raises(KeyFileError):
        load_party_key(tmp_path / "log", passphrase=lambda: b"p")


def test_keys_are_drawn_afresh() -> None:
    assert PartySigner.generate("a").public != PartySigner.generate("a").public
    assert LogKey.generate(ORIGIN).public != LogKey.generate(ORIGIN).public


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_octets_are_a_key_file_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(KeyFileError):
        load_party_key(path, passphrase=lambda: b"p")


def test_no_refusal_quotes_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "blaby.key"
    signer().save(path)
    for cut in range(0, len(path.read_bytes()), 7):
        data = path.read_bytes()
        path.write_bytes(data[:cut] + b"!" + data[cut + 1 :])
        with pytest.raises(KeyFileError) as refused:
            load_party_key(path)
        assert SEED.hex()[:16] not in str(refused.value)
        path.write_bytes(data)


def test_reads_a_passphrase_from_a_file_or_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"first line\nsecond\n")
    path.chmod(0o600)
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe\r\n")
    os.close(writer)

    assert b"first line" == read_passphrase(path)
    assert b"from a pipe" == read_passphrase(Path(f"/dev/fd/{reader}"))  # as a shell names it
    os.close(reader)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_takes_the_longest_passphrase_that_there_may_be(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"x" * 1024 + end)
    path.chmod(0o600)
    reader, writer = os.pipe()
    os.write(writer, b"x" * 1024 + end)
    os.close(writer)

    assert b"x" * 1024 == read_passphrase(path) == read_passphrase(reader)
    os.close(reader)


@pytest.mark.parametrize("data", [b"", b"\nx", b"x" * 1025])
def test_refuses_empty_and_endless_passphrases(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(KeyFileError):
        read_passphrase(path)


def test_refuses_a_passphrase_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"secret\n")
    path.chmod(0o644)
    with pytest.raises(KeyFileError) as refused:
        read_passphrase(path)

    assert "secret" not in str(refused.value)
    with pytest.raises(KeyFileError):
        read_passphrase(tmp_path / "nothing")


def test_asks_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a terminal getpass would read a passphrase that everyone can see.
    monkeypatch.setattr("os.open", _no_terminal)
    with pytest.raises(KeyFileError):
        ask_passphrase()


def test_without_a_terminal_reads_nothing_that_could_be_seen() -> None:
    command = "from ledger.keys import ask_passphrase; ask_passphrase()"
    done = subprocess.run(
        [sys.executable, "-c", command], input=b"secret\n", capture_output=True, check=False,
        cwd=Path(__file__).parents[2], start_new_session=True,
    )  # fmt: skip

    assert b"there is no terminal to ask on" in done.stderr


def _no_terminal(*_: object, **__: object) -> int:
    raise OSError(6, "No such device or address")


# Key requests


def request() -> KeyRequest:
    return make_key_request(signer(), ledger=LEDGER)


def test_key_request_reads_back_and_enrols() -> None:
    read = parse_key_request(format_key_request(request()))
    check_key_request(read, ledger=LEDGER)
    composed = compose_enrolment(read, author="leicestershire", claims={"holder": "Ann"})

    event = composed.event
    assert isinstance(event, Key)
    assert ("enrol", "blaby", signer().public, "clerk", ("answer", "record")) == (
        event.verb, event.party, event.key, event.post, event.powers,
    )  # fmt: skip
    assert request().possession == event.possession
    assert 1 == len(composed.disclosures)


@pytest.mark.parametrize(
    "change",
    [
        {"party": "rutland"},
        {"powers": ("answer", "govern")},
        {"post": None},
        {"key": PartySigner("x", seed=bytes(32)).public},
        {"key": "00" * 32},
    ],
)
def test_refuses_a_request_that_was_changed(change: dict[str, object]) -> None:
    values = {name: getattr(request(), name) for name in request().__struct_fields__}
    with pytest.raises(KeyFileError):
        check_key_request(KeyRequest(**values | change), ledger=LEDGER)


def test_refuses_a_request_for_another_ledger() -> None:
    other = LedgerName(origin=ORIGIN, charter=hashlib.sha256(b"").hexdigest())
    with pytest.raises(KeyFileError):
        check_key_request(request(), ledger=other)


def test_asks_for_no_key_without_powers_or_ledger() -> None:
    with pytest.raises(KeyFileError):
        make_key_request(PartySigner("blaby", seed=SEED), ledger=LEDGER)
    with pytest.raises(KeyFileError):
        make_key_request(signer(), ledger=LedgerName(origin=ORIGIN))


@given(st.binary(max_size=200))
def test_any_octets_are_a_key_request_or_an_error(data: bytes) -> None:
    with pytest.raises(KeyFileError):
        parse_key_request(data)
    with pytest.raises(KeyFileError):
        parse_key_request(format_key_request(request())[:-2] + data)
