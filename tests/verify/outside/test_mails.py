"""The recorded keys of mail servers that an export holds, and what the report says of the mails."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from ledger.export import export as write
from tests.ledger.builder import NewEvent, Party, found_ledger, new_event, new_letter, submit
from tests.verify.commanding import run
from tests.verify.outside.test_dkim import MAIL, NAME, rsa, signed
from verify.command import main
from verify.errors import MalformedError
from verify.folder import Folder
from verify.outside.mails import MAX_KEYS, Mail, keys_of, read_keys, read_mails

ALPHA = Party("alpha", 1)
SIZE = 9


def recorded(record: str | None = None, *, name: str = NAME) -> dict[str, object]:
    return {"reference.1": name, "material.1": record or rsa()[1]}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entry 1 is a signed mail, 2 a letter; 3 to 6 record keys, and 7 and 8 are about no mail."""
    folder = tmp_path_factory.mktemp("export")
    with found_ledger(folder / "ledger", ALPHA)[0] as ledger:
        octets = signed()
        sha256 = hashlib.sha256(octets).hexdigest()
        ledger.add_file(io.BytesIO(octets), sha256=sha256, size=len(octets))
        file = {
            "media_type": "message/rfc822", "name": "a.eml", "sha256": sha256, "size": len(octets),
        }  # fmt: skip
        mail = new_event("alpha", "communication/v1", channel="email", claims={"file.1": file})
        letter = new_letter("alpha")
        submit(ledger, mail)
        submit(ledger, letter)

        def attest(of: NewEvent, claims: Mapping[str, object], kind: str = "dkim") -> None:
            fields: dict[str, object] = {"type": kind, "of": of.id.hex()}
            submit(ledger, new_event("alpha", "attestation/v1", claims=claims, **fields))  # type: ignore[arg-type]  # its own fields

        attest(mail, recorded(name=f"{NAME.upper()}."))
        attest(mail, recorded(rsa(1024, 1)[1]))
        attest(mail, {})
        attest(letter, recorded())
        attest(mail, recorded(), "arc")
        fields: dict[str, object] = {"type": "dkim", "size": 2, "root": ledger.root_at(2).hex()}
        submit(ledger, new_event("alpha", "attestation/v1", claims=recorded(), **fields))  # type: ignore[arg-type]  # its own fields
        write(ledger, folder / "export")
    return folder / "export"


def test_each_mail_is_checked_with_the_keys_recorded_for_it(export: Path) -> None:
    found = read_mails(Folder(export), size=SIZE, attestations=range(SIZE))

    assert [(3, 1), (4, 1), (5, 1), (6, 2)] == [(mail.index, mail.of) for mail in found]
    states = [[each.state for each in mail.signatures] for mail in found]
    assert [["valid"], ["invalid"], ["not checkable"], []] == states
    assert {"alpha"} == {mail.author for mail in found}


def test_the_reader_may_say_which_keys_to_trust(export: Path) -> None:
    found = read_mails(
        Folder(export), size=SIZE, attestations=range(SIZE), trusted={NAME: rsa()[1]}
    )

    assert ["valid"] * 3 == [mail.signatures[0].state for mail in found[:3]]
    none = read_mails(Folder(export), size=SIZE, attestations=range(SIZE), trusted={})

    assert {"not checkable"} == {mail.signatures[0].state for mail in none[:3]}
    assert () == read_mails(Folder(export), size=SIZE, attestations=())


def test_no_party_can_keep_readers_for_ever(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.outside.mails.MAX_OCTETS", 2 << 16)
    found = read_mails(Folder(export), size=SIZE, attestations=range(SIZE))

    assert ["valid", "invalid", "not checkable"] == [m.signatures[0].state for m in found[:3]]
    assert "its recorder has more checked than one may" == found[2].signatures[0].reason


def test_a_mail_that_the_export_leaves_out_is_not_here(tmp_path: Path) -> None:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        hidden = new_letter("alpha")
        sealed = new_event(
            "alpha", "sealed/v1", seals=hidden.id.hex(),
            dates={"opens_by": {"basis": "stated", "edtf": "2030-01-01"}},
        )  # fmt: skip
        submit(ledger, sealed)
        fields: dict[str, object] = {"type": "dkim", "of": sealed.id.hex()}
        submit(ledger, new_event("alpha", "attestation/v1", **fields))  # type: ignore[arg-type]  # its own fields
        write(ledger, tmp_path / "export")

    assert (Mail(2, 1, "alpha"),) == read_mails(
        Folder(tmp_path / "export"), size=3, attestations=range(3)
    )
    ran = run(tmp_path / "export")
    assert b"entry 2: proves nothing: the mail is not here" in ran.stdout


def test_keys_are_read_in_pairs() -> None:
    claims = {"reference.1": "A.b.", "material.1": "p=", "reference.2": "c", "material.3": "p=",
              "reference.4": "d", "material.4": object(), "title": "e",
              "reference.5": object(), "material.5": "p="}  # fmt: skip

    assert {"a.b": "p="} == keys_of(claims)


def test_a_file_of_trusted_keys_is_read_line_by_line() -> None:
    assert {NAME: "v=DKIM1; p=A"} == read_keys(
        f"# mine\n\n{NAME}.  v=DKIM1; p=A \n".encode(), where="keys"
    )
    for wrong in ("southfold.example v=DKIM1", NAME):
        with pytest.raises(MalformedError, match="keys: line 1: is not a name and a key's record"):
            read_keys(wrong.encode(), where="keys")
    for nothing in ("", "# none\n\n"):
        with pytest.raises(MalformedError, match="keys: holds no key"):
            read_keys(nothing.encode(), where="keys")
    key = f"{NAME} v=DKIM1; p=A\n".encode()
    longest = key + b"#" * (MAX_KEYS - len(key))
    assert [NAME] == list(read_keys(longest, where="keys"))
    with pytest.raises(MalformedError, match="keys: is longer than 1048576 bytes"):
        read_keys(longest + b"#", where="keys")


def test_the_report_says_what_each_mail_shows(export: Path, tmp_path: Path) -> None:
    trusted = tmp_path / "keys"
    trusted.write_text(f"{NAME} {rsa()[1]}\n")
    chosen, given = run(export), run(export, "--dkim-keys", trusted)
    values = msgspec.json.decode(run(export, "--json").stdout)
    words = " ".join(chosen.stdout.decode().split())

    assert [3, 3] == [ran.returncode for ran in (chosen, given)]
    assert (
        "entry 3, the mail of entry 1: valid: d=southfold.example signed From, To, Date, Subject, "
        f"body, by a key of 1,024 bits that alpha recorded for {NAME}. Whether"
    ) in words
    assert f"entry 4, the mail of entry 1: invalid ({NAME}): a signed field was changed" in words
    assert f"not checkable ({NAME}): its key is not recorded here" in words
    assert "entry 6: proves nothing: the mail is not here" in words
    assert "outside evidence in attestations other than DKIM signatures" in words
    assert "1,024 bits that you gave for" in " ".join(given.stdout.decode().split())
    first, second, _, last = values["mails"]
    assert {"entry", "author", "of", "signatures"} == set(first)
    assert {
        *("state", "name", "domain", "covers", "own", "day", "bits")
    } == set(first["signatures"][0])  # fmt: skip
    assert {"state", "reason", "name", "domain"} == set(second["signatures"][0])
    assert [] == last["signatures"]


def test_the_report_says_whether_from_names_the_domain_and_what_is_left_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = MAIL.replace(b"clerk@southfold", b"clerk@other").replace(b"Tue, 10 Mar 2026", b"once")
    octets = signed(plain, length=True)
    forged = b"Subject: A\r\n" + MAIL
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        for content in (octets, forged):
            sha256 = hashlib.sha256(content).hexdigest()
            ledger.add_file(io.BytesIO(content), sha256=sha256, size=len(content))
            file = {"media_type": "a/b", "name": "a", "sha256": sha256, "size": len(content)}
            mail = new_event("alpha", "communication/v1", channel="email", claims={"file.1": file})
            submit(ledger, mail)
            fields: dict[str, object] = {"type": "dkim", "of": mail.id.hex()}
            submit(ledger, new_event("alpha", "attestation/v1", claims=recorded(), **fields))  # type: ignore[arg-type]  # its own fields
        write(ledger, tmp_path / "export")

    assert 3 == main([str(tmp_path / "export")])
    words = " ".join(capsys.readouterr().out.split())
    assert "It is not of the domain that From names. But l= covers the beginning" in words
    assert "the mail of entry 3: not checkable: the mail has no DKIM-Signature" in words
    assert 3 == main([str(tmp_path / "export"), "--json"])
    first = msgspec.json.decode(capsys.readouterr().out)["mails"][0]["signatures"][0]
    assert ("no", None) == (first["own"], first.get("day"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nonsense\n", b"keys: line 1: is not a name and a key's record"),
        (b"\xff", b"keys: is not ASCII"),
        (b"#" * ((1 << 20) + 1), b"keys: is longer than 1048576 bytes"),
    ],
)
def test_what_are_no_keys_cannot_be_gone_by(
    export: Path, tmp_path: Path, content: bytes, reason: bytes
) -> None:
    (tmp_path / "keys").write_bytes(content)
    ran = run(export, "--dkim-keys", tmp_path / "keys")

    assert 2 == ran.returncode
    assert reason in ran.stderr


def test_without_the_extra_the_report_says_not_checked(
    export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("verify.outside.dkim", "verify.outside.mails"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("verify.outside.mails", raising=False)

    assert 3 == main([str(export), "--json"])
    values = msgspec.json.decode(capsys.readouterr().out)
    assert "outside evidence in attestations (DKIM, ARC, RFC 3161)" in values["not_checked"]
    assert "mails" not in values
