"""Keys, founding, enrolment: who may sign, and what is said when they may not."""

from __future__ import annotations

import base64
import os
import signal
import stat
import subprocess
import sys

import msgspec
import pytest

from ledger.feeding import keys_of_charter
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from tests.ledger.builder import new_log_key
from tests.ledger.commandline import ORIGIN, ROOT, Desk, part, rows
from verify.command import main as verify
from verify.note import format_vkey

DAY_MS = 86_400_000
WITNESSES = [
    format_vkey(WitnessKey(f"w{n}.example", seed=bytes([n] * 32)).verifier_key) for n in range(1, 4)
]
WITNESSES.append(
    format_vkey(WitnessKey("w4.example", seed=bytes([4] * 32), algorithm="ml-dsa-44").verifier_key)
)
CAPITAL = format_vkey(WitnessKey("W.example:1", seed=bytes(32)).verifier_key)


def test_two_parties_make_keys_found_a_ledger_and_join_it(desk: Desk) -> None:
    fingerprint = desk.found()
    enrolled = desk.enrol()
    joined = desk.done("join", "ledger", "--key", "rutland.key", "--fingerprint", fingerprint)
    stat_ = desk.done("stat", "ledger")

    assert (0, "") == (enrolled.code, enrolled.err)
    assert 2 == joined["index"]
    assert ["county", "rutland"] == stat_["members"]
    assert ORIGIN in str(stat_["log_key"])
    assert 3 == part(desk.done("list", "ledger")["ledger"])["size"]


def test_a_key_file_is_for_its_owner_and_never_overwritten(desk: Desk) -> None:
    desk.key("county")
    before = (desk.folder / "county.key").read_bytes()
    again = desk("key", "new", "county.key", "--party", "county")

    assert 0o600 == stat.S_IMODE((desk.folder / "county.key").stat().st_mode)
    assert 2 == again.code
    assert "county.key: exists already, and is not overwritten" in again.err
    assert before == (desk.folder / "county.key").read_bytes()


@pytest.mark.parametrize(("words", "part"), [
    (("--party", "Bad Party"), "--party"),
    (("--party", "x" * 64), "--party"),
    (("--party", "public"), "'public' is the name of no party"),
    (("--party", "unknown"), "'unknown' is the name of no party"),
    (("--party", "county", "--post", "Monitoring Officer"), "--post"),
    (("--party", "county", "--powers", "record,fly"), "'fly'"),
    (("--party", "county", "--powers", ""), "''"),
    (("--party", "county", "--passphrase-file", "none"), "exclude"),
])  # fmt: skip
def test_a_key_that_cannot_be_made_says_why(desk: Desk, words: tuple[str, ...], part: str) -> None:
    ran = desk("key", "new", "new.key", "--plain", *words)

    assert 2 == ran.code
    assert part in ran.err
    assert not (desk.folder / "new.key").exists()


def test_a_wrong_passphrase_names_the_key_file(desk: Desk) -> None:
    for name, text in (("right", "correct horse"), ("wrong", "battery staple")):
        (desk.folder / desk.write(name, text)).chmod(0o600)
    made = ("key", "new", "x.key", "--party", "county", "--passphrase-file", "right")
    public = desk.done(*made)["key"]
    wrong = desk("key", "show", "x.key", "--passphrase-file", "wrong")

    assert public == desk.done("key", "show", "x.key", "--passphrase-file", "right")["key"]
    assert 2 == wrong.code
    assert "x.key: the passphrase is wrong" in wrong.err
    assert 2 == desk("key", "show", "x.key", "--passphrase-file", "none").code
    assert 2 == desk("key", "show", "x.key", "--passphrase-file", ".").code


def test_shows_keys_and_requests_without_secrets(desk: Desk) -> None:
    fingerprint = desk.found()
    desk.enrol()
    secret = (desk.folder / "rutland.key").read_text().partition('"secret":"')[2][:64]
    key, request = desk("key", "show", "rutland.key"), desk("key", "show", "rutland.request")

    assert 0 == key.code == request.code
    assert secret not in key.out + request.out
    assert fingerprint == part(desk.done("key", "show", "rutland.request")["ledger"])["fingerprint"]
    assert str(desk.done("key", "show", "--key", "rutland.key")["key"]) in request.out


@pytest.mark.parametrize(("words", "part"), [
    (("--origin", "https://x"), "--origin"),
    (("--origin", ORIGIN, "--member", "É"), "--member"),
    (("--origin", ORIGIN, "--member", "public"), "'public' is the name of no party"),
    (("--origin", ORIGIN, "--threshold", "2"), "--threshold"),
    (("--origin", ORIGIN, "--threshold", "-1"), "thresholds.govern"),
    (("--origin", ORIGIN, "--notice-days", "1000000"), "notice_days"),
    (("--origin", ORIGIN, "--quorum", "1"), "--quorum"),
    (("--origin", ORIGIN, "--witness", "w.example+00000000+BAAA"), "--witness"),
    (("--origin", ORIGIN, "--witness", WITNESSES[0], "--witness", WITNESSES[0]), "witnesses"),
    (("--origin", ORIGIN, "--witness", format_vkey(new_log_key().verifier_key)), "a log's"),
    (("--origin", ORIGIN, "--witness", CAPITAL), "no charter can name 'W.example:1'"),
])  # fmt: skip
def test_a_ledger_that_cannot_be_founded_leaves_nothing(
    desk: Desk, words: tuple[str, ...], part: str
) -> None:
    desk.key("county")
    ran = desk("init", "ledger", "--key", "county.key", *words)

    assert ran.code in {1, 2}
    assert part in ran.err
    assert ["county.key"] == [each.name for each in desk.folder.iterdir()]


@pytest.mark.parametrize(("count", "quorum", "expected", "warning"), [
    (1, None, 1, "one witness that lies"),
    (2, None, 2, ""),
    (2, "1", 1, "nobody lying"),
    (3, None, 3, ""),
    (3, "2", 2, "one witness that lies"),
    (4, None, 3, ""),
    (4, "2", 2, "nobody lying"),
    (4, "0", 0, "nobody lying"),
])  # fmt: skip
def test_a_charter_names_witnesses_and_a_weak_quorum_is_said(
    desk: Desk, count: int, quorum: str | None, expected: int, warning: str
) -> None:
    desk.key("county")
    words = [word for vkey in WITNESSES[:count] for word in ("--witness", vkey)]
    words += [] if quorum is None else ["--quorum", quorum]
    ran = desk("init", "ledger", "--origin", ORIGIN, "--key", "county.key", *words)
    with Ledger.open(desk.folder / "ledger", read_only=True) as ledger:
        charter = ledger.state().charter

    assert 0 == ran.code
    assert expected == charter.quorum
    assert WITNESSES[:count] == [format_vkey(key) for key in keys_of_charter(charter)]
    assert warning in ran.err
    assert bool(warning) is bool(ran.err)


def test_an_amended_charter_keeps_its_witnesses(desk: Desk) -> None:
    desk.found("--witness", WITNESSES[0], "--witness", WITNESSES[1])
    assert 0 == desk.enrol("blaby", "ledger", "--as-member").code
    with Ledger.open(desk.folder / "ledger", read_only=True) as ledger:
        charter = ledger.state().charter

    assert "blaby" in charter.members
    assert (2, WITNESSES[:2]) == (
        charter.quorum, [format_vkey(key) for key in keys_of_charter(charter)],
    )  # fmt: skip


def test_what_a_kill_left_of_a_founding_goes_with_the_next(desk: Desk) -> None:
    """The log's private key is in it."""
    desk.key("county")
    words = ["init", "ledger", "--origin", ORIGIN, "--key", "county.key"]
    code = (
        "import resource, signal; from api.command import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))\n"
        f"main({words!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=desk.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    left = [path for path in desk.folder.iterdir() if path.name.startswith(".")]

    assert (-signal.SIGXFSZ, 1) == (done.returncode, len(left))
    assert (left[0] / "log.key").exists()
    assert 0 == desk(*words).code
    assert not list(desk.folder.rglob(".*"))


def test_a_ledger_is_no_export_to_who_verifies_it(desk: Desk) -> None:
    desk.found()

    assert 2 == verify([str(desk.folder / "ledger"), "--quiet"])


def test_refuses_to_found_where_something_is(desk: Desk) -> None:
    desk.found()
    words = ("--origin", ORIGIN, "--key", "county.key")

    assert "exists already" in desk("init", "ledger", *words).err
    assert "none/ledger: " in desk("init", "none/ledger", *words).err
    assert (
        "is the key of a log" in desk("init", "l", "--origin", "x", "--key", "ledger/log.key").err
    )


def test_enrols_nothing_for_a_request_of_another_ledger(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    desk.found(name="other")
    ran = desk("--json", "enrol", "other", "rutland.request", "--key", "county.key")

    assert 1 == ran.code
    assert f"rutland.request: is for another ledger: {ORIGIN}" == ran.reason


def test_enrols_nothing_whose_holder_did_not_sign(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    text = (desk.folder / "rutland.request").read_text()
    head, mark, rest = text.partition('"possession":"')
    desk.write("forged", f"{head}{mark}{'0' if rest[0] != '0' else '1'}{rest[1:]}")
    desk.write("none", "{}")

    assert 1 == desk("enrol", "ledger", "forged", "--key", "county.key").code
    assert 1 == desk("key", "show", "forged").code or 2 == desk("key", "show", "forged").code
    assert "none" in desk("enrol", "ledger", "none", "--key", "county.key").err
    assert 2 == desk("enrol", "ledger", "missing", "--key", "county.key").code


def test_a_party_that_the_charter_does_not_name_can_be_made_a_member(desk: Desk) -> None:
    desk.found()
    outsider = desk.enrol("harborough", "ledger", "--as-member", "--holder", "A. Clerk")

    assert (0, "") == (outsider.code, outsider.err)
    assert 0 == desk("join", "ledger", "--key", "harborough.key").code
    assert ["county", "harborough"] == desk.done("stat", "ledger")["members"]


def test_an_enrolment_that_waits_says_so_and_is_approved(desk: Desk) -> None:
    desk.found("--registrar", "rutland")
    desk.enrol()
    desk.done("join", "ledger", "--key", "rutland.key")
    desk.write("charter.yaml", amendment(desk))
    amended = desk("record", "ledger", "--key", "county.key", "charter.yaml")
    waiting = desk.done("enrol", "ledger", *request_of(desk, "melton"), "--key", "county.key")
    event_id = str(waiting["event"])
    early = desk("join", "ledger", "--key", "melton.key")
    approved = desk.done("approve", "ledger", event_id[:12], "--key", "rutland.key")

    assert (0, "") == (amended.code, amended.err)
    assert "waits for approvals, 1 so far" == waiting["waits"]
    assert 1 == early.code
    assert 5 == approved["index"]
    assert ["county", "melton", "rutland"] == sorted(set(keys(desk).values()))
    assert 1 == desk("approve", "ledger", event_id, "--key", "rutland.key").code
    assert "rutland approved the key of entry 4." in desk("list", "ledger").out


def request_of(desk: Desk, party: str) -> tuple[str, ...]:
    desk.key(party)
    desk.done("key", "request", "ledger", "--key", f"{party}.key", "-o", f"{party}.request")
    return (f"{party}.request",)


def keys(desk: Desk) -> dict[str, str]:
    return msgspec.convert(desk.done("stat", "ledger")["keys"], dict[str, str])


def amendment(desk: Desk) -> str:
    """Return a draft by which two registrars must agree from then on."""
    log_key = base64.b64decode(str(desk.done("stat", "ledger")["log_key"]).split("+", 2)[2])
    events = rows(desk.done("list", "ledger")["events"])
    return f"""\
counterfoil: draft/v1
events:
  - kind: charter
    amends: {events[0]["id"]}
    contemporaneous_days: 7
    controller: county
    log_key: {log_key[1:].hex()}
    members: [county, rutland]
    notice_days: 28
    origin: {ORIGIN}
    quorum: 0
    registrars: [county, rutland]
    spec: counterfoil/1
    state: open
    thresholds: {{govern: 2, recover: 1}}
    tolerance_s: 300
    visibility: members
    waiting_days: 14
"""


def test_refuses_a_founding_after_which_nobody_could_be_enrolled(desk: Desk) -> None:
    desk.key("county")
    words = ("--origin", ORIGIN, "--key", "county.key", "--registrar", "rutland")
    ran = desk("init", "ledger", *words, "--threshold", "2")

    assert 2 == ran.code
    assert "--threshold 2: only your party is a member at first" in ran.err
    assert not (desk.folder / "ledger").exists()


def test_a_key_is_revoked_by_its_first_digits(desk: Desk) -> None:
    desk.filled()
    public = str(desk.done("key", "show", "rutland.key")["key"])
    wrong = desk("revoke", "ledger", "0" * 12, "--key", "rutland.key")
    ran = desk("revoke", "ledger", public[:10], "--key", "rutland.key", "--compromised-since", "0")

    assert 2 == wrong.code
    assert (0, "") == (ran.code, ran.err)
    assert 1 == desk("leave", "ledger", "--key", "rutland.key").code
    assert 2 == desk("revoke", "ledger", "zz", "--key", "rutland.key").code


def test_a_lost_key_is_recovered_after_its_waiting_days(desk: Desk) -> None:
    desk.filled()
    (desk.folder / "rutland.key").unlink()
    (desk.folder / "rutland.request").unlink()
    desk.key("rutland")
    desk.done("key", "request", "ledger", "--key", "rutland.key", "-o", "again")
    recover = ("enrol", "ledger", "again", "--recover", "--key", "county.key")
    waiting = desk.done(*recover)

    assert "is approved, and takes effect when its waiting days are over" == waiting["waits"]
    assert 1 == desk("leave", "ledger", "--key", "rutland.key").code
    desk.now += 15 * DAY_MS
    assert 0 == desk("leave", "ledger", "--key", "rutland.key", "--accept-clock").code


def test_a_list_tells_acts_of_governance_apart(desk: Desk) -> None:
    desk.filled()
    desk.key("third")
    desk.done("key", "request", "ledger", "--key", "third.key", "-o", "third.request")
    desk.done("enrol", "ledger", "third.request", "--key", "county.key")
    public = str(desk.done("key", "show", "third.key")["key"])
    desk.done("revoke", "ledger", public[:10], "--key", "third.key")
    desk.done("leave", "ledger", "--key", "rutland.key")
    told = [str(one["what"]) for one in rows(desk.done("list", "ledger")["events"])]

    assert [
        "Charter by county.", "county signed the enrolment of a key of rutland.", "rutland joined.",
    ] == told[:3]  # fmt: skip
    assert [
        "county signed the enrolment of a key of third.",
        "third signed the end of a key of third.", "rutland left.",
    ] == told[-3:]  # fmt: skip


@pytest.mark.parametrize(("moved", "word"), [(2 * DAY_MS, "ahead of"), (-DAY_MS, "behind")])
def test_a_clock_that_disagrees_asks_for_a_word(desk: Desk, moved: int, word: str) -> None:
    desk.found()
    desk.enrol()
    desk.now += moved
    ran = desk("join", "ledger", "--key", "rutland.key")

    assert 2 == ran.code
    assert word in ran.err
    assert "add --accept-clock" in ran.err
    assert 0 == desk("list", "ledger").code
    assert 0 == desk("join", "ledger", "--key", "rutland.key", "--accept-clock").code


def test_refuses_the_fingerprint_of_another_ledger(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    ran = desk("join", "ledger", "--key", "rutland.key", "--fingerprint", "0" * 64)

    assert 2 == ran.code
    assert "is another ledger: its fingerprint is" in ran.err
    assert 2 == desk("join", "ledger", "--key", "rutland.key", "--fingerprint", "zz").code
    assert 2 == desk("join", "http://127.0.0.1:9", "--key", "rutland.key").code
