"""Amending a charter: who cosigns, who governs, and with which key the log signs."""

from __future__ import annotations

import msgspec
import pytest

from ledger.errors import FullError
from ledger.feeding import keys_of_charter
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.sentences import event_words
from ledger.trusted import trusted_log
from ledger.viewing import read_view
from tests.ledger.commandline import Desk
from verify.command import main as verify
from verify.kinds import Charter
from verify.note import format_vkey, parse_vkey
from verify.state import State

KEY = ("--key", "county.key")
W1, W2, W3 = (
    format_vkey(WitnessKey(f"w{n}.example", seed=bytes([n] * 32)).verifier_key) for n in range(1, 4)
)


def state_of(desk: Desk) -> State:
    with Ledger.open(desk.folder / "ledger", read_only=True) as ledger:
        return ledger.state()


def charter_of(desk: Desk) -> Charter:
    return state_of(desk).charter


def vkeys(desk: Desk) -> list[str]:
    return [format_vkey(key) for key in keys_of_charter(charter_of(desk))]


def test_a_ledger_that_was_founded_alone_gets_witnesses(desk: Desk) -> None:
    desk.found()
    before = charter_of(desk)
    ran = desk("amend", "ledger", "--witness", W1, "--witness", W2, "--witness", W3, *KEY)
    after = charter_of(desk)

    assert (0, "") == (ran.code, ran.err)
    assert "Recorded: an amendment of the charter, entry 1, event " in ran.out
    assert ([W1, W2, W3], 3) == (vkeys(desk), after.quorum)
    same = set(Charter.__struct_fields__) - {"amends", "founding_key", "nonce", "quorum"}
    assert all(getattr(before, one) == getattr(after, one) for one in same - {"witnesses"})


def test_a_witness_is_replaced_under_its_name(desk: Desk) -> None:
    again = format_vkey(WitnessKey("w1.example", seed=bytes([9] * 32)).verifier_key)
    desk.found("--witness", W1, "--witness", W2)
    words = ("--without-witness", "w1.example", "--witness", again, "--quorum", "1")
    weak = desk("amend", "ledger", *words, *KEY)
    quorum = desk("amend", "ledger", "--quorum", "2", *KEY)

    assert (0, True) == (weak.code, "a quorum of 1 of 2 is weak" in weak.err)
    assert (0, "") == (quorum.code, quorum.err)
    assert ([W2, again], 2) == (vkeys(desk), charter_of(desk).quorum)
    gone = ("--without-witness", "w1.example", "--without-witness", "w2.example")
    assert 0 == desk("amend", "ledger", *gone, *KEY).code
    assert ([], 0) == (vkeys(desk), charter_of(desk).quorum)


def test_two_registrars_must_agree_from_then_on(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    desk.done("join", "ledger", "--key", "rutland.key")
    first = desk.done("amend", "ledger", "--registrar", "rutland", "--threshold", "2", *KEY)
    second = desk.done("amend", "ledger", "--witness", W1, "--witness", W2, *KEY)
    waiting = vkeys(desk)
    shown = " ".join(desk("show", "ledger", str(second["event"])).out.split())
    desk.done("approve", "ledger", str(second["event"])[:12], "--key", "rutland.key")

    assert "waits" not in first
    assert "waits for approvals, 1 so far" == second["waits"]
    assert "county signed an amendment of the charter of entry 3 (quorum, witnesses)." in shown
    assert ([], [W1, W2]) == (waiting, vkeys(desk))
    assert (2, 1) == (charter_of(desk).thresholds.govern, charter_of(desk).thresholds.recover)
    words = ("--without-registrar", "rutland", "--threshold", "1", "--recover", "2")
    third = desk.done("amend", "ledger", *words, *KEY)
    desk.done("approve", "ledger", str(third["event"])[:12], "--key", "rutland.key")
    assert ("county",) == charter_of(desk).registrars
    gone = desk("amend", "ledger", "--without-registrar", "rutland", "--recover", "1", *KEY)
    assert (2, True) == (gone.code, "the registrars are county" in gone.err)


def test_an_amendment_says_what_it_would_change(desk: Desk) -> None:
    desk.found()
    desk("amend", "ledger", "--new-log-key", *KEY)
    with Ledger.open(desk.folder / "ledger", read_only=True) as ledger:
        told = read_view(ledger.entries(), ledger.disclosures).told
    founding, amended = told
    same = msgspec.structs.replace(founding.event, amends=founding.id)
    by_id = {one.id: one for one in told}

    said = "county signed an amendment of the charter of entry 0"
    assert "Charter by county" == event_words(founding.event, by_id)
    assert f"{said} (log key)" == event_words(amended.event, by_id)
    assert f"{said} (nothing changes)" == event_words(same, by_id)
    alone = event_words(amended.event, {})
    assert "county signed an amendment of an event that is not here" == alone


def test_the_log_goes_on_with_a_new_key(desk: Desk) -> None:
    fingerprint = desk.found()
    before = state_of(desk).charter.log_key
    ran = desk("amend", "ledger", "--new-log-key", *KEY)
    vkey = ran.out.split()[-1]
    after = state_of(desk)

    assert 0 == ran.code
    assert "each witness needs the log's new key" in ran.err
    assert f"\nlog key  {vkey}\n" in ran.out
    assert trusted_log(vkey).origin == after.charter.origin
    assert [(1, before), (2, parse_vkey(vkey).public.hex())] == list(after.log_keys)
    assert 2 == desk("amend", "ledger", "--new-log-key", "--quorum", "1", *KEY).code
    assert 2 == len(list((desk.folder / "ledger").glob("log*.key")))
    desk.done("export", "ledger", "export")
    assert 0 == verify([str(desk.folder / "export"), "--log-key", vkey, "--quiet"])
    assert 0 == verify([str(desk.folder / "export"), "--fingerprint", fingerprint, "--quiet"])
    again = desk("--json", "amend", "ledger", "--new-log-key", *KEY)
    assert trusted_log(str(again.values["log_key"])).key.public.hex() == charter_of(desk).log_key


def test_a_log_key_that_was_refused_is_not_kept(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    refused = desk("amend", "ledger", "--new-log-key", "--key", "rutland.key")

    assert (1, True) == (refused.code, "is not a registrar" in refused.err)
    assert 1 == len(list((desk.folder / "ledger").glob("log*.key")))


def test_a_log_key_stays_while_the_charter_that_names_it_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.found()

    def full(ledger: Ledger, _document: bytes) -> bytes:
        raise FullError(ledger.path, "there is no room")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "submit", full)
        waits = desk("amend", "ledger", "--new-log-key", *KEY)
    kept = len(list((desk.folder / "ledger").glob("log*.key")))
    goes = desk("amend", "ledger", "--new-log-key", *KEY)

    assert (2, 2) == (waits.code, kept)
    assert (1, True) == (goes.code, "which waited, is recorded: entry 1\n" in goes.err)
    assert 2 == len(list((desk.folder / "ledger").glob("log*.key")))
    assert 2 == len(state_of(desk).log_keys)


def test_an_amendment_that_takes_the_place_of_another_says_so(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    desk.done("join", "ledger", "--key", "rutland.key")
    desk.done("amend", "ledger", "--registrar", "rutland", "--threshold", "2", *KEY)
    first = desk.done("amend", "ledger", "--witness", W1, "--witness", W2, *KEY)["event"]
    other = desk.done("amend", "ledger", "--threshold", "1", "--key", "rutland.key")["event"]
    second = desk("amend", "ledger", "--witness", W2, "--witness", W3, *KEY)

    said = "counterfoil: the amendment {} by {}, which waited for approvals, is void now\n"
    assert (0, said.format(str(first)[:16], "county")) == (second.code, second.err)
    assert {other} < state_of(desk).pending.keys()
    (waits,) = state_of(desk).pending.keys() - {other}
    approved = desk("approve", "ledger", waits[:12], "--key", "rutland.key")
    assert (0, said.format(str(other)[:16], "rutland")) == (approved.code, approved.err)
    assert [W2, W3] == vkeys(desk)


def test_those_who_govern_have_joined(desk: Desk) -> None:
    desk.found()
    for words in (
        ("--registrar", "rutland", "--threshold", "2"),
        ("--registrar", "rutland", "--without-registrar", "county"),
        ("--threshold", "2"),
    ):
        ran = desk("amend", "ledger", *words, *KEY)
        assert (2, True) == (ran.code, "let the others join first" in ran.err), ran

    assert 0 == desk("amend", "ledger", "--registrar", "rutland", *KEY).code


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "nothing is to change"),
        (("--quorum", "2", "--registrar", "county", "--threshold", "1"), "nothing is to change"),
        (("--without-witness", "w3.example"), "the charter names w1.example, w2.example"),
        (("--quorum", "3"), "there are 2 witnesses"),
        (("--witness", "x"), "--witness"),
    ],
)
def test_what_cannot_be_amended_is_said(desk: Desk, words: tuple[str, ...], part: str) -> None:
    desk.found("--witness", W1, "--witness", W2)
    ran = desk("amend", "ledger", *words, *KEY)

    assert (2, True) == (ran.code, part in ran.err), ran
    assert 1 == len(list((desk.folder / "ledger").glob("log*.key")))


def test_the_rules_refuse_what_no_charter_can_say(desk: Desk) -> None:
    desk.found("--witness", W1, "--witness", W2)

    for words in (("--witness", W1), ("--threshold", "0"), ("--registrar", "melton")):
        assert 1 == desk("amend", "ledger", *words, *KEY).code


def test_a_log_key_is_made_in_a_folder_only(desk: Desk) -> None:
    desk.found()
    ran = desk("amend", "http://127.0.0.1:1", "--new-log-key", *KEY)

    assert (2, True) == (ran.code, "in the ledger's folder" in ran.err)
