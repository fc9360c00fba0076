"""The tokens that an export holds, and what the report says of them."""

import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from rfc3161_client import TimeStampResponse, decode_timestamp_response

from ledger.export import export as write
from ledger.exported import ExportedLedger
from ledger.stamps import read_stamps
from ledger.viewing import view_of_export
from tests.ledger.builder import Party, found_ledger, new_event, new_letter, submit
from tests.showing import evidence_of
from tests.timestamping import Authority
from tests.verify.commanding import ROOT, run, written
from tests.verify.test_brackets import stamp
from tests.world import World, letter
from verify.checkpoint import parse_signed
from verify.codec import encode
from verify.command import main
from verify.entry import parse_entry
from verify.errors import MalformedError
from verify.events import event_id
from verify.folder import Folder
from verify.note import parse_note
from verify.outside import rfc3161
from verify.outside.rfc3161 import Chain, Stamp, parse_chain
from verify.outside.tokens import Token, read_tokens
from verify.report_text import outside_lines, outside_texts

ALPHA = Party("alpha", 1)
ORIGIN = "ledger.example/alpha"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Path:
    """Entry 1 is a letter; 2 its token; 3 to 9 are tokens that prove nothing; 10 to 12 are none.

    And 13 is a token of all before it.
    """
    folder = tmp_path_factory.mktemp("export")
    with found_ledger(folder / "ledger", ALPHA)[0] as ledger:
        submit(ledger, new_letter("alpha"))
        checkpoint, note = parse_signed(ledger.checkpoint())
        token, other = authority.stamp(note.text), authority.stamp(b"other")

        def kept(content: bytes) -> dict[str, object]:
            sha256 = hashlib.sha256(content).hexdigest()
            ledger.add_file(io.BytesIO(content), sha256=sha256, size=len(content))
            return {"media_type": "a/b", "name": "a", "sha256": sha256, "size": len(content)}

        def attest(
            size: int, root: bytes, claims: Mapping[str, object], kind: str = "rfc3161"
        ) -> None:
            fields: dict[str, object] = {"type": kind, "size": size, "root": root.hex()}
            submit(ledger, new_event("alpha", "attestation/v1", claims=claims, **fields))  # type: ignore[arg-type]  # its own fields

        whole = {"file.1": kept(token), "file.2": kept(authority.chain)}
        attest(2, checkpoint.root, whole)
        attest(2, bytes(32), whole)
        attest(99, checkpoint.root, whole)
        attest(2, checkpoint.root, {"file.1": kept(token)})
        attest(2, checkpoint.root, {"file.1": kept(bytes(70_000)), "file.2": kept(authority.chain)})
        attest(2, checkpoint.root, {})
        attest(2, checkpoint.root, whole | {"file.1": kept(other)})
        attest(2, checkpoint.root, whole | {"file.1": kept(b"no token")})
        for kind in ("dkim", "rfc3161"):
            about = {"type": kind, "of": ledger_id(ledger.entry(1))}
            submit(ledger, new_event("alpha", "attestation/v1", claims=whole, **about))  # type: ignore[arg-type]  # its own fields
        attest(2, checkpoint.root, whole, "opentimestamps")
        later, note = parse_signed(ledger.checkpoint())
        attest(later.size, later.root, whole | {"file.1": kept(authority.stamp(note.text))})
        write(ledger, folder / "export")
    return folder / "export"


def ledger_id(entry: bytes) -> str:
    return event_id(bytes(parse_entry(entry).event)).hex()


def tokens(export: Path, trusted: Chain | None = None) -> tuple[Token, ...]:
    return read_tokens(
        Folder(export), origin=ORIGIN, size=14, attestations=range(14), trusted=trusted
    )


def test_each_token_is_checked_for_itself(export: Path) -> None:
    found = tokens(export)

    assert [2, 3, 4, 5, 6, 7, 8, 9, 13] == [token.index for token in found]
    assert found[0].stamp is not None
    assert found[0].stamp.authority == "CN=Invented authority"
    assert found[0].reason == ""
    assert [None] * 7 == [token.stamp for token in found[1:8]]
    never, missing = "is of a state that this record never had before it", "is not here"
    assert [never, never] == [token.reason for token in found[1:3]]
    assert all(token.reason.startswith(missing) for token in found[3:6])
    assert "Mismatch" in found[6].reason
    assert found[7].reason.startswith("token: ")
    assert 13 == found[8].size
    assert found[8].stamp is not None


def test_a_token_alone_is_checked_though_the_log_grew(tmp_path: Path, authority: Authority) -> None:
    stamped(tmp_path, authority, times=1)
    ran = run(tmp_path / "export")

    assert 3 == ran.returncode
    assert b"entry 1: the first 1 entries existed by 20" in b" ".join(ran.stdout.split())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The tokens that were looked into."""
    found: list[bytes] = []

    def decoded(token: bytes) -> TimeStampResponse:
        found.append(token)
        return decode_timestamp_response(token)

    monkeypatch.setattr(rfc3161, "decode_timestamp_response", decoded)
    return found


def test_a_token_that_several_entries_carry_is_checked_once(
    tmp_path: Path, authority: Authority, read: list[bytes]
) -> None:
    stamped(tmp_path, authority, times=3)
    folder = Folder(tmp_path / "export")
    found = read_tokens(folder, origin=ORIGIN, size=4, attestations=[1, 2, 3])

    assert 1 == len(read)
    assert [1, 2, 3] == [token.index for token in found]
    assert 1 == len({token.stamp for token in found})
    assert found[0].stamp is not None


def test_by_certificates_of_its_choice_a_recorder_has_so_many_tokens_checked(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.outside.tokens.MAX_TOKENS", 2)
    stamped(tmp_path, authority, times=3, others=True)
    folder, trusted = Folder(tmp_path / "export"), parse_chain(authority.chain)
    chosen, given = (
        read_tokens(folder, origin=ORIGIN, size=4, attestations=[1, 2, 3], trusted=chain)
        for chain in (None, trusted)
    )

    reason = "its recorder has more checked than one may: --tsa-chain has them all checked"
    assert ["", "", reason] == [one.reason for one in chosen]
    assert [""] * 3 == [one.reason for one in given]


def test_by_the_reader_s_certificates_a_token_is_checked_once_whatever_came_with_it(
    tmp_path: Path, authority: Authority, read: list[bytes]
) -> None:
    stamped(tmp_path, authority, times=3, others=True)
    folder, trusted = Folder(tmp_path / "export"), parse_chain(authority.chain)
    found = read_tokens(folder, origin=ORIGIN, size=4, attestations=[1, 2, 3], trusted=trusted)

    assert 1 == len(read)
    assert 1 == len({token.stamp for token in found})

    read_tokens(folder, origin=ORIGIN, size=4, attestations=[1, 2, 3])

    assert 4 == len(read)


def test_a_reading_checks_a_token_that_several_entries_carry_once(
    tmp_path: Path, authority: Authority, read: list[bytes]
) -> None:
    stamped(tmp_path, authority, times=3)
    held = ExportedLedger(tmp_path / "export")
    view = view_of_export(tmp_path / "export")
    found = read_stamps(view, held, trusted=parse_chain(authority.chain))

    assert 1 == len(read) == len(found)


def stamped(folder: Path, authority: Authority, *, times: int, others: bool = False) -> None:
    """Export a ledger in which a token over its first entry was recorded, and nothing else.

    With `others`, its certificates are written otherwise each time.
    """
    with found_ledger(folder / "ledger", ALPHA)[0] as ledger:
        checkpoint, note = parse_signed(ledger.checkpoint())
        token = authority.stamp(note.text)
        of = {"type": "rfc3161", "size": checkpoint.size, "root": checkpoint.root.hex()}
        for time in range(times):
            claims = {}
            chain = authority.chain + b"\n" * time * others
            for number, content in enumerate((token, chain), 1):
                sha256 = hashlib.sha256(content).hexdigest()
                ledger.add_file(io.BytesIO(content), sha256=sha256, size=len(content))
                file = {"media_type": "a/b", "name": "a", "sha256": sha256, "size": len(content)}
                claims[f"file.{number}"] = file
            submit(ledger, new_event("alpha", "attestation/v1", claims=claims, **of))  # type: ignore[arg-type]  # its own fields
        write(ledger, folder / "export")


def test_the_reader_may_say_whom_to_trust(
    export: Path, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")

    assert tokens(export, parse_chain(authority.chain))[0].stamp == tokens(export)[0].stamp
    assert tokens(export, parse_chain(other.chain))[0].stamp is None


def test_the_report_says_what_each_token_proves(export: Path, authority: Authority) -> None:
    chosen = run(export)
    trusted = run(export, "--tsa-chain", authority.folder / "root.pem")
    values = msgspec.json.decode(run(export, "--json").stdout)
    text = " ".join(trusted.stdout.decode().split())

    assert [3, 3] == [ran.returncode for ran in (chosen, trusted)]
    assert "certificates that its recorder chose" in " ".join(chosen.stdout.decode().split())
    assert "entry 2: the first 2 entries existed by 20" in text
    assert 'The authority is called "CN=Invented authority"' in text
    assert "checked against certificates that you gave" in text
    assert "entry 3: proves nothing: is of a state" in text
    assert "other than RFC 3161 tokens over this ledger" in text
    assert {"entry", "size", "time", "authority"} == set(values["tokens"][0])
    assert {"entry", "size", "reason"} == set(values["tokens"][1])


def test_what_an_authority_calls_itself_says_nothing_else_of_its_token() -> None:
    # Whoever recorded it may have made it, and the report cuts what is long.
    name = "CN=Mint can be trusted\\; checked against certificates that you gave.\n" + "x" * 400
    forged = Stamp(by_ms=0, time="1970-01-01", authority=name, policy="1.2", nonce=None)
    told = outside_texts([Token(3, 1, forged)], [], chain=False, keys=False)
    text = " ".join(" ".join(outside_lines(told)).split())

    assert "checked against certificates that its recorder chose. It says nothing of who" in text
    assert text.index("its recorder chose") < text.index('called "CN=Mint')


def test_what_changed_after_the_audit_is_no_export(export: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(export, copy)
    (copy / "disclosures.jsonl").write_bytes(b"x\n")
    assert "is not here, or not with its certificates" == tokens(copy)[0].reason

    (bundle,) = (copy / "tile/entries/000.p").iterdir()
    octets = bundle.read_bytes()
    bundle.write_bytes(octets[: 2 + int.from_bytes(octets[:2], "big")])
    with pytest.raises(MalformedError, match="another number of entries"):
        tokens(copy)


def test_what_are_no_certificates_cannot_be_gone_by(export: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(b"x")
    ran = run(export, "--tsa-chain", tmp_path / "x.pem")

    assert 2 == ran.returncode
    assert b"x.pem: certificates: " in ran.stderr


def test_without_the_extra_the_report_says_not_checked(
    export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("dkim", "mails", "rfc3161", "tokens"):
        monkeypatch.setitem(sys.modules, f"verify.outside.{name}", None)
        monkeypatch.delattr(f"verify.outside.{name}", raising=False)

    assert 3 == main([str(export), "--json"])
    values = msgspec.json.decode(capsys.readouterr().out)
    assert "outside evidence in attestations (DKIM, ARC, RFC 3161)" in values["not_checked"]
    assert "tokens" not in values


def test_the_kernel_loads_no_outside_library_where_there_is_nothing_to_look_at(
    export: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from verify.command import main; code = main([sys.argv[1], '--quiet']);"
        "print(code, 'rfc3161_client' in sys.modules, 'dkim' in sys.modules)"
    )
    without = written(tmp_path / "without", World().found().export())
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, check=True
        ).stdout.split()
        for path in (without, export)
    ]

    assert [[b"3", b"False", b"False"], [b"3", b"True", b"True"]] == told


def test_the_tokens_of_an_evidence_file_are_told(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World().found()
    world.submit(letter("northmere"), letter("northmere"))
    token, chain = authority.stamp(parse_note(world.note(2)).text), authority.chain.decode()
    # Of the last two one is of another checkpoint than it says, and one is none at all.
    of_three = sorted((token, b"no token"), key=lambda octets: hashlib.sha256(octets).digest())
    brought = [
        replace(stamp(world, size, octets), certificates=chain)
        for size, octets in ((2, token), *((3, octets) for octets in of_three))
    ]
    path = tmp_path / "evidence.json"
    path.write_bytes(encode(replace(evidence_of(world, 1), stamps=tuple(brought))))

    assert 3 == main([str(path)])
    text = " ".join(capsys.readouterr().out.split())
    assert "with this file: the first 2 entries existed by 20" in text
    assert "with this file: proves nothing: signature" in text
    assert "with this file: proves nothing: token: " in text
    assert 3 == main([str(path), "--json"])
    values = msgspec.json.decode(capsys.readouterr().out)
    assert [{"size", "time", "authority"}, {"size", "reason"}, {"size", "reason"}] == [
        set(token) for token in values["tokens"]
    ]
    assert 3 == main([str(path), "--quiet", "--certificate", str(tmp_path / "draft.txt")])
    assert "\n  rfc3161-client  1" in (tmp_path / "draft.txt").read_text()
    drafted = " ".join((tmp_path / "draft.txt").read_text().split())
    assert "with this file: the first 2 entries existed by 20" in drafted
    assert "with this file: proves nothing: signature" in drafted
    assert "checkpoint" not in drafted
