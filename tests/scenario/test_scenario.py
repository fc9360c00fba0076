"""Four parties that trust nobody, and an operator that lies to them in every way there is.

Every lie is seen by an ordinary client, witness or watcher, or by whoever holds a receipt; and
ends in a file that a fresh machine confirms, which has nothing but `verify` and a policy.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ledger.commandline import Ran, rows
from tests.scenario import lying
from tests.scenario.processes import EndedError, Running, until
from tests.scenario.town import LEDGER, NAMES, Found, Town, covered

LIE = "A LIE IS PROVEN. Both checkpoints were signed, and cannot both be true."
SIZE = 11
"""Of the ledger when the operator begins to lie: seven entries of the founding, four letters."""


def test_three_of_four_witnesses(tmp_path: Path) -> None:
    town = Town(tmp_path, NAMES, quorum=3)
    with contextlib.ExitStack() as witnesses:
        for name in NAMES[:2]:
            witnesses.enter_context(town.witness(name))
        story = _truth(town, witnesses)
        story.make_lies()
        with town.served("lying", story.port) as site:
            story.url = site.url
            story.edits_an_old_entry()
            story.forks_for_one_reader()
            story.cuts_the_tail()
            story.restores_last_weeks_backup()
            story.drops_a_submission_after_its_receipt()


def test_backdating(tmp_path: Path) -> None:
    """What a party signed names a checkpoint that was cosigned later than the operator says."""
    town = Town(tmp_path, NAMES[:3], quorum=2)
    south = town.parties["southfold"]
    with contextlib.ExitStack() as witnesses:
        for name in town.names:
            witnesses.enter_context(town.witness(name))
        town.place(town.ledger, *town.names)
        with town.served("kept") as site:
            until(lambda: "3/3" == covered(site))
            with town.operator.serves(lying.front_desk, f"{site.url}/{LEDGER}") as front:
                ran = south.sends(front, south.write("I object."))
        letter = town.operator.folder / lying.LETTER

        assert 2 == ran.code, ran
        assert 0 == town.operator.start(lying.backdate, town.ledger, letter).end().code
        with town.served("kept") as site:
            until(lambda: "3/3" == covered(site))
            until(lambda: town.kept() == (6, 3))
            ran = south.exports(f"{site.url}/{LEDGER}", "export", home="late")
        (kept,) = (south.machine.folder / "late" / "remote").glob("*.invalid")

    assert (2, True) == (ran.code, "[409]" in ran.err), ran
    assert kept.name in ran.err
    ran = town.auditor(kept)
    assert 1 == ran.code
    assert "1 thing is wrong" in ran.out
    assert "[409] bracket, entry 5: recorded\n   is earlier than what was signed can be" in ran.out


def _truth(town: Town, witnesses: contextlib.ExitStack) -> Story:
    """Record four letters, the first of them while two witnesses are away."""
    north, south, east, west = town.parties.values()
    with contextlib.ExitStack() as away:
        for name in NAMES[2:]:
            away.enter_context(town.witness(name))
        town.place(town.ledger, *NAMES)
    with town.served("kept") as site:
        url = f"{site.url}/{LEDGER}"

        east.records(url, "while two witnesses are away")
        until(lambda: "2/4" == covered(site))
        assert ["quorum"] == kinds(south.looks(url, "--policy", "policy", home="looking"))

        for name in NAMES[2:]:
            witnesses.enter_context(town.witness(name))
        until(lambda: "4/4" == covered(site))
        assert [] == south.looks(url, "--policy", "policy", home="looking")

        watcher = west.watches(url, "--policy", "policy")
        north.records(url, "We shall send it by 1 May.")
        south.records(url, "You said: by 1 May.")
        until(lambda: town.kept() == (SIZE - 1, 4))
        town.operator.done("backup", f"kept/{LEDGER}", "yesterday")
        west.records(url, "It did not come.")
        until(lambda: f'"size":{SIZE}' in watcher.out.read_text())
    return Story(town, watcher, site.port)


def kinds(found: list[Found]) -> list[str]:
    return [one.kind for one in found]


def proven(town: Town, proof: Path, kind: str) -> Ran:
    """See that a fork proof convinces somebody who has a policy, and nothing else."""
    ran = town.auditor(proof)

    assert (4, True) == (ran.code, ran.out.startswith(LIE)), ran
    assert f'"kind":"{kind}"' in proof.read_text()
    return ran


@dataclass
class Story:
    """What the operator does, and what comes of it.

    Attributes:
        town: Whom it does it to.
        watcher: A process that has watched the ledger from the beginning.
        port: Where it expects the ledger.
        url: Where the operator serves its lies, each under a name.
    """

    town: Town
    watcher: Running
    port: int
    url: str = ""

    def make_lies(self) -> None:
        """Make the ledgers that are lies, and be refused by the witnesses with one of them."""
        town = self.town
        north, operator = town.parties["northmere"], town.operator
        (operator.folder / "lying").mkdir()
        for name, backup in (
            (LEDGER, "backup"), ("one-reader", "backup"), ("cut", "yesterday"),
            ("last-week", "backup"), ("dropped", "backup"),
        ):  # fmt: skip
            operator.done("restore", backup, f"lying/{name}", "--unproven")
            # They know better, and an operator who lies asks them nothing.
            (operator.folder / "lying" / name / "witnesses").unlink(missing_ok=True)

        edited = operator.folder / "lying" / LEDGER
        self._replay(edited, 7)
        north.records(str(edited), "We shall send it by 31 May.", home="as-if")
        self._replay(edited, 9, 10)

        dropped = operator.folder / "lying" / "dropped"
        self._replay(dropped, 7, 8)
        north.records(str(dropped), "Nobody wrote.", home="instead")

        other = self._lie("one-reader")
        for number in range(SIZE + 1 - 7):
            north.records(str(other), f"All is well, {number}.", home="to-one-reader")
        town.place(other, *NAMES)
        with pytest.raises(EndedError) as refused, town.served("lying/one-reader"):
            pass
        assert 1 == refused.value.ran.code
        (other / "witnesses").unlink()  # it asks them no more, and decides to go on
        (known,) = rows(operator.done("disputes", "lying/one-reader")["disputes"])
        operator.done("disputes", "lying/one-reader", "--go-on", str(known["dispute"]))

    def edits_an_old_entry(self) -> None:
        """Who has watched all along sees it, and who comes later what others have signed."""
        ran = self.watcher.end()
        found = self.town.parties["westcombe"].found(ran)[-1]

        assert (1, "fork") == (ran.code, found.kind)
        proven(self.town, found.proof, "one-size")
        (found,) = self.town.parties["eastbury"].looks(f"{self.url}/{LEDGER}", home="late")
        ran = self.town.auditor(found.proof)
        assert ("altered", 1) == (found.kind, ran.code)
        assert "two histories were signed" in ran.out

    def forks_for_one_reader(self) -> None:
        """The witnesses have seen it, and so does the reader who compares with anybody."""
        west, url = self.town.parties["westcombe"], f"{self.url}/one-reader"
        for name in NAMES:
            machine = self.town.parties[name].machine
            machine.done("witness", "forks", "witness", "-o", "forks")
            (proof,) = (machine.folder / "forks").glob("*/*.fork")
        proven(self.town, proof, "other-past")
        assert ["quorum"] == kinds(west.looks(url, "--policy", "policy", home="one-reader"))
        receipt = self.town.parties["southfold"].receipts()[-1]
        for more in (("--held", str(receipt)), ("--witness", self.town.places["eastbury"])):
            found = west.looks(url, *more, home="one-reader")
            assert ["fork"] == kinds(found)
            proven(self.town, found[0].proof, "other-past")

    def cuts_the_tail(self) -> None:
        """A later receipt, or checkpoint, shows it: what is there was true once, and cosigned."""
        west, url = self.town.parties["westcombe"], f"{self.url}/cut"
        receipt = west.receipts()[-1]
        assert ["shrunk"] == kinds(west.looks(url, "--held", str(receipt), home="cut"))
        assert 0 == west.exports(url, "cut-export", home="cut").code
        export = west.machine.folder / "cut-export"
        assert 0 == self.town.auditor(export).code
        seen = west.looks(url, home="watching")
        assert ["shrunk"] == kinds(seen)
        for held in (receipt, seen[0].proof):
            ran = self.town.auditor(export, receipt=held)
            assert 1 == ran.code
            assert "1 thing is wrong" in ran.out
            assert "[803] receipt" in ran.out

    def restores_last_weeks_backup(self) -> None:
        """Whoever was there goes no further; when a newcomer does, it becomes a fork."""
        north, south = (self.town.parties[name] for name in ("northmere", "southfold"))
        url = f"{self.url}/last-week"
        letter = south.write("And now?")
        ran = south.sends(url, letter)
        assert 2 == ran.code, ran
        north.records(url, "What a fine week.", home="new")
        receipt = str(south.receipts()[-1])
        assert ["shrunk"] == kinds(south.looks(url, "--held", receipt, home="last-week"))
        for number in range(2):
            north.records(url, f"So it is, {number}.", home="new")
        found = south.looks(url, "--held", receipt, home="last-week")
        assert ["fork", "fork"] == kinds(found)  # by what was shown before, and by the receipt
        proven(self.town, found[0].proof, "one-size")

    def drops_a_submission_after_its_receipt(self) -> None:
        """The receipt is enough, for whoever holds nothing else."""
        south, url = self.town.parties["southfold"], f"{self.url}/dropped"
        receipt = south.receipts()[-1]
        found = south.looks(url, "--held", str(receipt), home="dropped")
        assert ["fork"] == kinds(found)
        proven(self.town, found[0].proof, "one-size")

    def _lie(self, name: str) -> Path:
        return self.town.operator.folder / "lying" / name

    def _replay(self, target: Path, *indexes: int) -> None:
        ran = self.town.operator.start(lying.replay, self.town.ledger, target, indexes).end()
        assert 0 == ran.code, ran


def test_two_of_three_witnesses_and_one_that_lies(tmp_path: Path) -> None:
    """Two histories, and each has the quorum: it takes two parties that compare, and no more."""
    town = Town(tmp_path, NAMES[:3], quorum=2)
    north, south, east = town.parties.values()
    liar = north.machine
    ahead = liar.folder / "ahead"
    other = town.ledger.parent.parent / "other" / LEDGER
    shutil.copytree(town.ledger, other)
    with (
        liar.serves(lying.cosign_anything, liar.folder / "witness", ahead) as url,
        town.witness("southfold"),
        town.witness("eastbury"),
    ):
        town.places["northmere"] = url
        town.place(town.ledger, "northmere", "southfold")
        town.place(other, "northmere", "eastbury")
        with town.served("kept") as kept, town.served("other") as forked:
            ours, theirs = f"{kept.url}/{LEDGER}", f"{forked.url}/{LEDGER}"
            one, two = south.records(ours, "Nothing came."), east.records(theirs, "It came.")
            for party, at in ((south, ours), (east, theirs)):
                assert [] == party.looks(at, "--policy", "policy", home="looking")

            for party, at, held in ((south, ours, two), (east, theirs, one)):
                found = party.looks(at, "--held", str(held), home="looking")
                assert ["fork"] == kinds(found)
                ran = proven(town, found[0].proof, "one-size")
                assert 2 == ran.out.count("was cosigned by northmere at")
                assert "northmere cosigned both" in ran.out

            ahead.write_text("86400")
            # The operator makes no use of it; who asks the witness sees what it signs.
            asked = ("--policy", "policy", "--witness", url)
            south.records(ours, "Nothing yet.")
            assert ["quorum", "time"] == kinds(south.looks(ours, *asked, home="times"))
            ahead.unlink()
            south.records(ours, "Nothing.")
            found = south.looks(ours, *asked, home="times")
            assert ["step-back"] == kinds(found)
            assert "a witness of your policy" in proven(town, found[0].proof, "step-back").out
