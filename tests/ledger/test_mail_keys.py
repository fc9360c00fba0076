"""Mails that their servers signed: recorded, exported, and graded by keys that others recorded."""

from __future__ import annotations

import sys

import pytest

from tests.ledger.commandline import Desk, process, rows
from tests.verify.outside.test_dkim import MAIL, NAME, rsa, signed

TOLD = """\
counterfoil: draft/v1
events:
- label: mail
  kind: communication
  channel: email
  from: [rutland]
  to: [county]
  dates:
    sent: {edtf: "2026-03-10"}
    received: {edtf: "2026-03-10"}
  claims:
    title: A mail about the readings.
    files: [mail.eml]
"""
KEYS = """\
counterfoil: draft/v1
events:
- label: key
  kind: attestation
  type: dkim
  of: told:mail
  dates:
    obtained: {edtf: "2026-03-11"}
  claims:
    references: [NAME]
    materials: ["RECORD"]
"""


def record(desk: Desk, name: str, *, by: str) -> str:
    words = ("record", "ledger", f"{name}.yaml", "--key", f"{by}.key", "--names", "names.json")
    return str(rows(desk.done(*words)["recorded"])[0]["event"])


@pytest.fixture
def told(desk: Desk) -> str:
    """Return the event of a mail of Rutland's that the county tells of."""
    desk.filled()
    mail = MAIL.replace(b"southfold.example", b"rutland.example")
    octets = signed(mail, domain=b"rutland.example")
    (desk.folder / "mail.eml").write_bytes(octets)
    desk.write("told.yaml", TOLD)
    return record(desk, "told", by="county")


def name_of(domain: str = "rutland.example") -> str:
    return NAME.replace("southfold.example", domain)


def attest(desk: Desk, *, by: str, key: str | None = None) -> None:
    text = KEYS.replace("NAME", name_of()).replace("RECORD", key or rsa()[1])
    desk.write("keys.yaml", text)
    record(desk, "keys", by=by)


def proof(desk: Desk, source: str, event: str, *more: str) -> dict[str, str]:
    """Return the grade of each element, in words, as `show` prints it."""
    found: dict[str, str] = {}
    for line in desk("show", source, event, "--as-at", "2026-04-01", *more).out.splitlines():
        if line.startswith("Proof that "):
            elements, words = line.removeprefix("Proof that ").split(": ", 1)
            found |= dict.fromkeys(elements.split(", "), words)
    return found


def test_a_mail_is_corroborated_by_its_server_with_the_senders_key(desk: Desk, told: str) -> None:
    before = proof(desk, "ledger", told)
    attest(desk, by="rutland")
    desk.done("export", "ledger", "export")

    assert before["said"].startswith("Documented (its original is here, mail.eml")
    for source in ("ledger", "export"):
        found = proof(desk, source, told)
        assert {"happened", "who", "sent", "received", "said"} == set(found)
        for element in ("happened", "who", "sent", "said"):
            assert found[element].startswith(
                "Corroborated (DKIM d=rutland.example covers From, To, Date, Subject, body; key "
                "recorded by rutland (entry 6), recorded 2025-06-15"
            )
        assert found["received"].startswith("Asserted (")
    checked = process(desk.folder, "export", module="verify").out
    assert "entry 6, the mail of entry 5: valid: d=rutland.example signed" in checked


def test_a_key_of_ones_own_making_corroborates_nothing(desk: Desk, told: str) -> None:
    attest(desk, by="county")

    found = proof(desk, "ledger", told)["said"]
    assert found.startswith("Documented (")
    assert "but by a key on the word of county (entry 6)" in found


def test_the_reader_may_give_keys(desk: Desk, told: str) -> None:
    attest(desk, by="county", key=rsa(1024, 1)[1])
    assert "DKIM" not in proof(desk, "ledger", told)["said"]
    desk.write("trusted", f"{name_of()} {rsa()[1]}\n")

    given = proof(desk, "ledger", told, "--dkim-keys", "trusted")
    assert given["said"].startswith("Corroborated (")
    assert "by a key that you gave" in given["said"]
    words = ("output", "ledger", "--format", "csv", "--grades", "--as-at", "2026-04-01", "--out")
    desk.done(*words, "without.csv")
    desk.done(*words, "with.csv", "--dkim-keys", "trusted")
    tables = [(desk.folder / f"{name}.csv").read_text() for name in ("without", "with")]
    assert [False, True] == ["Corroborated" in table for table in tables]
    desk.write("trusted", "nonsense")
    wrong = desk("show", "ledger", told, "--dkim-keys", "trusted")
    assert (2, True) == (wrong.code, "trusted: line 1: is not a name" in wrong.err)
    # What is too long is refused whole: keys beyond a limit would be missed without a word.
    desk.write("trusted", f"{name_of()} {rsa()[1]}\n" + "#" * (1 << 20))
    long = desk("show", "ledger", told, "--dkim-keys", "trusted")
    assert (2, True) == (long.code, "trusted: is longer than 1048576 bytes" in long.err)


def test_a_changed_mail_is_not_corroborated(desk: Desk) -> None:
    desk.filled()
    mail = MAIL.replace(b"southfold.example", b"rutland.example")
    octets = signed(mail, domain=b"rutland.example").replace(b"You owe us", b"We owe you")
    (desk.folder / "mail.eml").write_bytes(octets)
    desk.write("told.yaml", TOLD)
    event = record(desk, "told", by="county")
    attest(desk, by="rutland")

    assert proof(desk, "ledger", event)["said"].startswith("Documented (")


def test_without_the_extra_it_was_not_checked(
    desk: Desk, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attest(desk, by="rutland")
    for name in ("ledger.mail_keys", "verify.outside.mails"):
        monkeypatch.setitem(sys.modules, name, None)
    desk.write("trusted", f"{name_of()} {rsa()[1]}\n")

    found = proof(desk, "ledger", told)["said"]
    assert found.startswith("Documented (")
    assert "rutland brings dkim (entry 6), which was not checked" in found
    asked = desk("show", "ledger", told, "--dkim-keys", "trusted")
    assert 2 == asked.code
    assert "--dkim-keys needs the extra `outside`" in asked.err


def test_a_mail_whose_file_is_lost_or_not_open_was_not_checked(desk: Desk, told: str) -> None:
    attest(desk, by="rutland")
    (stored,) = (path for path in (desk.folder / "ledger" / "files").rglob("*") if path.is_file())
    stored.unlink()

    assert "which was not checked" in proof(desk, "ledger", told)["said"]


def test_no_party_can_keep_readers_for_ever(
    desk: Desk, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attest(desk, by="rutland")
    monkeypatch.setattr("ledger.mail_keys.MAX_OCTETS", 10)

    assert "which was not checked" in proof(desk, "ledger", told)["said"]
