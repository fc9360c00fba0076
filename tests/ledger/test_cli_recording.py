"""Recording from the command line: drafts, mails, answers, over a folder and over a server."""

from __future__ import annotations

import json
import os
import resource
import shutil
from pathlib import Path

import pytest

from api.clock import now_ms
from ledger.compose import compose
from ledger.keys import load_party_key
from ledger.ledger import Ledger
from ledger.sending import record_composed
from ledger.shapes import KINDS
from tests.ledger.commandline import REQUEST, Desk, part, process, rows, served
from tests.ledger.partyside import Flaky

MAIL = Path(__file__).parent / "mail"
PARTIES = """\
counterfoil: parties/v1
addresses:
  fenwick.example: rutland
  bob@county.example: county/officer
"""
PLACES = (
    ("ledger", "--key", "rutland.key", "draft.yaml"),
    ("--key", "rutland.key", "ledger", "draft.yaml"),
    ("ledger", "draft.yaml", "--key", "rutland.key"),
)


@pytest.mark.parametrize("words", PLACES, ids=["options first", "key first", "options last"])
def test_options_stand_anywhere(desk: Desk, words: tuple[str, ...]) -> None:
    desk.found()
    desk.enrol()
    desk.write("draft.yaml")
    ran = desk("record", *words)

    assert (0, "") == (ran.code, ran.err)
    assert ran.out.startswith("Recorded 2.\n")


def test_recording_again_passes_over(desk: Desk) -> None:
    ids = desk.filled()
    again = desk.done("record", "ledger", "--key", "rutland.key", "draft.yaml")

    assert [] == again["recorded"]
    assert ids == [one["event"] for one in rows(again["skipped"])]


@pytest.mark.parametrize("kind", [name.removesuffix("/v1") for name in KINDS])
def test_every_kind_has_a_draft_that_says_what_to_fill_in(desk: Desk, kind: str) -> None:
    written = desk("new", kind)
    desk.done("new", kind, "-o", "new.yaml")

    assert 0 == written.code
    assert written.out == (desk.folder / "new.yaml").read_text()
    assert f"- kind: {kind}\n" in written.out
    assert 2 == desk("new", kind, "-o", "new.yaml").code


def test_a_draft_is_refused_as_it_came(desk: Desk) -> None:
    desk.filled()
    desk.done("new", "meeting", "-o", "new.yaml")
    desk.done("new", "request", "-o", "request.yaml")
    ran = desk("record", "ledger", "--key", "rutland.key", "request.yaml")

    assert 1 == ran.code
    assert "request.yaml, event 1, " in ran.out
    assert 1 == desk("new", "frob").code


@pytest.mark.parametrize(("source", "part_"), [
    ("nowhere.yaml", "nowhere.yaml: cannot be read: No such file"),
    ("county.key", "neither a draft (.yaml, .yml, .json) nor a mail (.eml)"),
    ("binary.yaml", "binary.yaml: line 1: is not UTF-8"),
    ("binary.eml", "binary.eml: "),
    ("other.yaml", "other.yaml: its author is county, and the key is rutland's"),
    ("broken.yaml", "broken.yaml, event asked, what: "),
])  # fmt: skip
def test_what_cannot_be_recorded_is_named_and_the_rest_is_recorded(
    desk: Desk, source: str, part_: str
) -> None:
    desk.filled()
    for name in ("binary.yaml", "binary.eml"):
        (desk.folder / name).write_bytes(b"\xff\xfe\x00\x01")
    desk.write("other.yaml", REQUEST.replace("events:", "author: county\nevents:", 1))
    desk.write("broken.yaml", REQUEST.replace("what: data", "what: nonsense"))
    desk.write("good.yaml", REQUEST.replace("8th April", "9th April"))
    ran = desk("record", "ledger", "--key", "rutland.key", source, "good.yaml")

    assert 1 == ran.code
    assert "Recorded 2." in ran.out
    assert part_ in ran.out
    assert 1 == ran.out.count(f"  {source}")


@pytest.mark.parametrize(("words", "part_"), [
    (("ledger", "--key", "rutland.key", "ledger"), "ledger: is a folder"),
    (("ledger", "--key", "none.key", "draft.yaml"), "none.key: cannot be opened"),
    (("ledger", "--key", "draft.yaml", "draft.yaml"), "draft.yaml: "),
    (("ledger", "--key", "ledger/log.key", "draft.yaml"), "is the key of a log"),
    (("ledger", "--key", "rutland.key", "--home", "draft.yaml"), "draft.yaml: "),
    (("ledger", "--key", "rutland.key", "--names", "draft.yaml"), "draft.yaml: is no file of"),
    (("ledger", "--key", "rutland.key", "--names", "ledger"), "ledger: Is a directory"),
    (("ledger", "--key", "rutland.key", "--names", "/dev/zero"), "/dev/zero: is no file of names"),
    (("ledger", "--key", "rutland.key", "--parties", "none"), "none: cannot be read"),
    (("ledger", "--key", "rutland.key", "--parties", "draft.yaml"), "draft.yaml, "),
    (("nowhere", "--key", "rutland.key", "draft.yaml"), "nowhere: no such folder"),
    (("draft.yaml", "--key", "rutland.key"), "draft.yaml: is a file"),
    (("rutland.key.d", "--key", "rutland.key"), "is neither a ledger"),
    (("export", "--key", "rutland.key"), "export is an export"),
    (("http://127.0.0.1:9", "--key", "rutland.key"), "a URL needs --fingerprint"),
    (("http://127.0.0.1:9", "--key", "rutland.key", "--fingerprint", "00" * 32), "no answer"),
    (("http://", "--key", "rutland.key", "--fingerprint", "00" * 32), "http://"),
])  # fmt: skip
def test_what_stands_in_the_way_is_named(desk: Desk, words: tuple[str, ...], part_: str) -> None:
    desk.filled()
    desk.done("export", "ledger", "export")
    ran = desk("record", *words)

    assert ran.code in {1, 2}
    assert part_ in ran.err
    assert "" == ran.out


def test_names_lead_from_one_draft_to_another(desk: Desk) -> None:
    desk.filled()
    desk.write("first.yaml", REQUEST.replace("8th April", "9th April"))
    step = "counterfoil: draft/v1\nevents:\n  - {kind: step, of: first:asked, verb: chase}\n"
    desk.write("second.yaml", step.replace("{kind", "{target: request, kind"))
    record = ("record", "ledger", "--key", "rutland.key", "--names", "names.json")
    first = rows(desk.done(*record, "first.yaml")["recorded"])
    second = desk(*record, "second.yaml")

    assert (0, "") == (second.code, second.err), second
    names = part(desk.done(*record))
    assert [] == names["recorded"]
    assert str(first[0]["event"]) in (desk.folder / "names.json").read_text()


def test_a_name_that_comes_to_mean_another_event_is_said_to(desk: Desk) -> None:
    desk.filled()
    record = ("record", "ledger", "--key", "rutland.key", "--names", "names.json")
    for folder in ("april", "may"):
        (desk.folder / folder).mkdir()
    desk.write("april/letter.yaml", REQUEST.replace("8th April", "9th April"))
    desk.write("may/letter.yaml", REQUEST.replace("8th April", "9th May"))
    first = rows(desk.done(*record, "april/letter.yaml")["recorded"])[0]["event"]
    moved = desk.done(*record, "may/letter.yaml")
    second = rows(moved["recorded"])[0]["event"]
    again = desk.done(*record, "april/letter.yaml")

    told = f"letter:asked is event {str(second)[:16]} from now on, and was {str(first)[:16]}"
    assert 1 == str(moved["notes"]).count(told)
    assert [] == again["notes"]
    assert second == json.loads((desk.folder / "names.json").read_text())["letter:asked"]


def test_names_for_which_there_is_no_room_stay_as_they_were(desk: Desk) -> None:
    before = json.dumps({f"a:{n}": "ab" * 32 for n in range(20_000)})
    desk.write("names.json", before)
    desk.filled()
    desk.write("more.yaml", REQUEST.replace("8th April", "9th April"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        ran = desk("record", "ledger", "more.yaml", "--key", "rutland.key", "--names", "names.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (2, before) == (ran.code, (desk.folder / "names.json").read_text())
    assert "names.json was not brought up to date: File too large" in ran.out
    assert not list(desk.folder.glob(".counterfoil-*"))


def test_names_are_on_disk_before_they_take_the_place_of_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, synced, fsync, replace = desk.folder / "names.json", set[int](), os.fsync, os.replace
    desk.filled()
    desk.write("more.yaml", REQUEST.replace("8th April", "9th April"))

    def sync(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        fsync(fd)

    def put(source: Path, target: Path) -> None:
        if Path(target).name == names.name:
            assert source.stat().st_ino in synced
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", sync)
        patched.setattr(os, "replace", put)
        desk.done("record", "ledger", "more.yaml", "--key", "rutland.key", "--names", "names.json")

    assert {names.stat().st_ino, desk.folder.stat().st_ino} <= synced


def test_a_report_is_printed_though_the_names_cannot_be_kept(desk: Desk) -> None:
    desk.filled()
    desk.write("more.yaml", REQUEST.replace("8th April", "9th April"))
    record = ("record", "ledger", "--key", "rutland.key", "--names", "none/names.json")
    ran = desk(*record, "more.yaml", "--json")

    assert 2 == ran.code
    assert 2 == len(rows(ran.values["recorded"]))
    assert "names.json was not brought up to date" in str(ran.values["notes"])


@pytest.mark.parametrize("more", [
    ("received",),
    ("dispute", "--field", "dates.received", "--value", "2025-04-09"),
    ("dispute", "--field", "claims.text", "--value", "Nothing was asked."),
    ("not_admit", "--field", "items", "--note", "We do not know."),
], ids=" ".join)  # fmt: skip
def test_a_party_says_what_it_holds_of_an_event(desk: Desk, more: tuple[str, ...]) -> None:
    ids = desk.filled()
    answered = desk.done("answer", "ledger", ids[0][:12], *more, "--key", "county.key")
    shown = desk.done("show", "ledger", str(answered["event"])[:16])

    assert more[0] == part(shown["event"])["stance"]
    assert ids[0] == part(shown["event"])["on"]
    if "--value" in more:
        assert more[4] in str(shown)


@pytest.mark.parametrize(("more", "code", "part_"), [
    (("frob",), 2, "argument STANCE: invalid choice: 'frob'"),
    (("dispute", "--field", "dates.received", "--value", "2025-13-45"), 1, "2025-13-45"),
    (("dispute", "--field", "colour", "--value", "red"), 1, "'colour'"),
    (("dispute", "--value", "red"), 2, "--value goes with --field"),
    (("retract_own",), 1, "[611]"),
])  # fmt: skip
def test_an_answer_that_cannot_be_says_why(
    desk: Desk, more: tuple[str, ...], code: int, part_: str
) -> None:
    ids = desk.filled()
    ran = desk("answer", "ledger", ids[0], *more, "--key", "county.key")

    assert code == ran.code
    assert part_ in ran.err


@pytest.mark.parametrize("more", [
    ("agree",),
    ("received",),
    ("dispute", "--field", "dates.received", "--value", "2025-04-09", "--note", "By our book."),
    ("object", "--field", "happened"),
], ids=" ".join)  # fmt: skip
def test_what_a_party_holds_already_is_not_recorded_again(
    desk: Desk, more: tuple[str, ...]
) -> None:
    ids = desk.filled()
    answer = ("answer", "ledger", ids[0], *more, "--key", "county.key")
    first, again = desk.done(*answer), desk.done(*answer)
    said = desk(*answer)
    other = desk.done(*answer, "--note", "And so says the leader.")

    assert first | {"before": True} == again
    assert (0, f"Recorded before: county: {more[0]} {ids[0][:16]}, ") == (
        said.code, said.out[: said.out.index("entry")]
    )  # fmt: skip
    assert part(first)["index"] == int(str(other["index"])) - 1


@pytest.mark.parametrize(("more", "between"), [
    (("agree",), ("deny", "--field", "happened")),
    (("deny", "--field", "items"), ("admit", "--field", "items")),
], ids=["whole", "field"])  # fmt: skip
def test_what_a_party_held_before_is_recorded_again(
    desk: Desk, more: tuple[str, ...], between: tuple[str, ...]
) -> None:
    ids = desk.filled()
    key = ("--key", "county.key")
    first = desk.done("answer", "ledger", ids[0], *more, *key)
    desk.done("answer", "ledger", ids[0], "received", *key)
    assert desk.done("answer", "ledger", ids[0], *more, *key)["before"]
    desk.done("answer", "ledger", ids[0], *between, *key)
    changed = desk.done("answer", "ledger", ids[0], *more, *key)
    desk.done("answer", "ledger", str(changed["event"]), "retract_own", *key)
    assert desk.done("answer", "ledger", str(changed["event"]), "retract_own", *key)["before"]
    back = desk.done("answer", "ledger", ids[0], *more, *key)

    assert [False] * 3 == [one["before"] for one in (first, changed, back)]
    assert 3 == len({str(one["event"]) for one in (first, changed, back)})


def test_what_waited_and_is_refused_is_told_apart(desk: Desk) -> None:
    ids = desk.filled()
    signer = load_party_key(desk.folder / "county.key")
    with Ledger.open(desk.folder / "ledger", clock=lambda: desk.now + 1) as ledger:
        no = compose("position/v1", author="county", fields={"on": ids[0], "stance": "retract_own"})
        waiting = record_composed(
            Flaky(ledger, lose=["before"]), no, signer=signer, home=desk.folder / "county.key.d",
            now_ms=lambda: desk.now,
        ).report.waiting  # fmt: skip
    shutil.copytree(desk.folder / "county.key.d", desk.folder / "other.d")
    given = desk.done("record", "ledger", "--key", "county.key", "--home", "other.d", "--give-up")
    assert (
        "--give-up takes no files"
        in desk("record", "ledger", "draft.yaml", "--key", "county.key", "--give-up").err
    )
    ran = desk("answer", "ledger", ids[0], "agree", "--key", "county.key")

    assert (1, 0, "given up") == (
        waiting, given["waiting"], rows(given["refused"])[0]["reason"]
    )  # fmt: skip
    assert (0, "Recorded: county: agree") == (ran.code, ran.out[:23])
    assert f"{no.id.hex()[:16]}, which waited, was refused: [611]" in ran.err


def test_a_passphrase_is_asked_for_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = desk.filled()
    (desk.folder / "words").write_text("correct horse\n")
    (desk.folder / "words").chmod(0o600)
    new = ("key", "new", "boxed.key", "--party", "county", "--passphrase-file", "words")
    public = str(desk.done(*new)["key"])
    desk.done("key", "request", "ledger", "--key", "boxed.key", "--passphrase-file", "words",
        "-o", "boxed.request")  # fmt: skip
    desk.done("enrol", "ledger", "boxed.request", "--key", "county.key")
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "correct horse"

    monkeypatch.setattr("getpass.getpass", typed)
    key = ("--key", "boxed.key")
    desk.done("answer", "ledger", ids[0][:12], "agree", *key)
    assert desk.done("answer", "ledger", ids[0][:12], "agree", *key)["before"]
    desk.done("revoke", "ledger", public[:12], *key)

    assert ["Passphrase of boxed.key: "] * 3 == asked


def test_the_start_of_an_id_must_be_of_one_event(desk: Desk) -> None:
    desk.filled()
    ids = [str(one["id"]) for one in rows(desk.done("list", "ledger")["events"])]
    key = ("--key", "county.key")
    shared = next((d for d in "abcdef" if sum(i.startswith(d) for i in ids) > 1), None)

    assert "begins with ffffffffffff" in desk("answer", "ledger", "f" * 12, "agree", *key).err
    assert "is no event id" in desk("answer", "ledger", "xyz", "agree", *key).err
    assert "may be an entry's number" in desk("answer", "ledger", "3", "agree", *key).err
    if shared is not None:
        assert "several events" in desk("answer", "ledger", shared, "agree", *key).err
    assert ids == [one["id"] for one in rows(desk.done("list", "ledger")["events"])]


def test_two_parties_keep_a_ledger_over_a_server(desk: Desk, tmp_path: Path) -> None:
    fingerprint = desk.found()
    away = tmp_path / "rutland"
    away.mkdir()
    shutil.copytree(MAIL, away / "mail")
    county, rutland = Desk(tmp_path, now=now_ms()), Desk(away, now=now_ms())
    rutland.write("parties.yaml", PARTIES)
    rutland.write("draft.yaml")
    asked = ("--fingerprint", fingerprint, "--key", "rutland.key", "--json")
    mails = ("mail/simple.eml", "mail/attachment.eml", "mail/folded.eml")
    rutland.key("rutland")
    with served(tmp_path) as url:
        requested = rutland("key", "request", url, *asked, "-o", "../rutland.request")
        busy = county("enrol", "ledger", "rutland.request", "--key", "county.key")
        options = ("--key", "county.key", "--fingerprint", fingerprint, "--json")
        enrolled = county("enrol", url, "rutland.request", *options)
        joined = rutland("join", url, *asked)
        drafts = rutland("record", url, *asked, "draft.yaml")
        first = process(away, "record", url, *asked, "--parties", "parties.yaml", *mails)
        again = rutland("record", url, *asked, "--parties", "parties.yaml", *mails)
        event_id = str(rows(drafts.values["recorded"])[0]["event"])
        answered = county("answer", url, event_id, "received", *options)
        wrong = county("leave", url, "--key", "county.key", "--fingerprint", "0" * 64)
        read = county("list", "ledger", "--json")  # while the server has it open

    for ran in (requested, enrolled, joined, drafts, first, again, answered, read):
        assert (0, "") == (ran.code, ran.err), ran
    assert 2 == busy.code
    assert "ledger is busy: another process records in it" in busy.err
    assert f"--fingerprint {fingerprint}" in busy.err
    assert 2 == wrong.code
    assert len(mails) == len(rows(first.values["recorded"]))
    assert ([], len(mails)) == (again.values["recorded"], len(rows(again.values["skipped"])))
    kinds = [one["kind"] for one in rows(read.values["events"])]
    assert ["charter", "key", "party"] == kinds[:3]
    assert "position" == kinds[-1]
    export = county("export", "ledger", "export", "--for", "rutland", "--json")
    assert 0 == export.code
    checked = process(tmp_path, "export", "--fingerprint", fingerprint, "--json", module="verify")
    assert (0, "valid") == (checked.code, checked.values["verdict"])
