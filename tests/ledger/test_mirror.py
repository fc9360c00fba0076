"""Mirrors of servers that lie, err or are damaged: what is taken from them, and what is not."""

from __future__ import annotations

import copy
import http.server
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec
import pytest

from ledger import mirror as mirroring
from ledger import source
from ledger.asking import Asking, Patience
from ledger.backup import back_up
from ledger.errors import FullError, StoreError, TargetError
from ledger.export import export
from ledger.ledger import Ledger
from ledger.mirror import Mirror
from ledger.mirrored import MirrorNote, load_mirror, save_mirror
from ledger.source import Source
from ledger.watching import Finding, findings
from tests.forking import cosigned, forked, one_world, witness_key
from tests.ledger.client.shelf import Shelf, shelf
from tests.ledger.commandline import ROOT
from tests.moves import MOVES, Game
from tests.world import (
    T0,
    Said,
    World,
    file_of,
    letter,
    public_hex,
    say,
    signing_key,
)
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.claims import parse_disclosure
from verify.codec import encode
from verify.entry import parse_entry
from verify.fork import parse_fork
from verify.kinds import Artefact, Erasure, Opening, Witness
from verify.source import MappingSource
from verify.tiles import format_bundle

__all__ = ["shelf"]  # a fixture

QUERY = re.compile("(start|stop)=([0-9]+)")
PAGE = 5


@dataclass
class Server:
    """A server that serves a world to mirrors, page by page; `lies` come first."""

    shelf: Shelf
    world: World
    lies: dict[str, bytes] = field(default_factory=dict)
    published: set[int] | None = None

    def show(self, world: World) -> None:
        self.world = world
        self.shelf.show(world)

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> bool:
        path = handler.path.removeprefix("/log/")
        name, _, query = path.partition("?")
        body = self.lies.get(name)
        if body is None:
            body = self._page(name, dict(QUERY.findall(query)))
        if body is None:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    def _page(self, name: str, asked: dict[str, str]) -> bytes | None:
        if name.startswith("checkpoint/before/"):
            sizes = self.published or {first + count for first, count in self.world.submissions}
            most = int(name.rpartition("/")[2])
            return self.world.note(max(size for size in sizes if size <= most))
        if name not in {"checkpoints", "disclosures"}:
            return None
        start, stop = int(asked["start"]), int(asked["stop"])
        if name == "checkpoints":
            return self._notes_about(start, stop)
        last = min(stop, start + PAGE)
        lines = self.shelf.files.get("disclosures.jsonl", b"").splitlines()
        inside = [line for line in lines if start <= msgspec.json.decode(line)["index"] < last]
        return encode({"disclosures": [msgspec.Raw(line) for line in inside], "stop": last})

    def _notes_about(self, start: int, stop: int) -> bytes:
        said = [parse_entry(entry).statement for entry in self.world.entries[start:stop]]
        named = {one.seen.note for one in said if one is not None and one.seen is not None}
        found = [
            (size, digest, note)
            for digest, (size, note) in self.world.notes.items()
            if start < size <= stop or digest in named
        ]
        return b"".join(encode(note.decode()) + b"\n" for *_, note in sorted(found))


@dataclass
class Copier:
    """Somebody who mirrors what the server shows."""

    folder: Path
    server: Server

    @property
    def path(self) -> Path:
        return self.folder / "copy"

    def opened(self, source: Source, audience: str = "public") -> Mirror:
        note = MirrorNote(
            audience=audience,
            charter=self.server.world.fingerprint or "",
            source=self.server.shelf.url,
        )
        return Mirror.open(
            self.path, source, note=note, progress=lambda *_: None, coming=lambda _: None
        )

    def look(self, *, audience: str = "public") -> list[Finding]:
        """Look once."""
        asking = Asking(
            self.server.shelf.url,
            fingerprint=self.server.world.fingerprint or "",
            signer=None,
            now_ms=lambda: T0,
            patience=Patience(attempts=1, timeout_s=5),
        )

        def look() -> Iterator[Finding]:
            with self.opened(Source(asking), audience) as mirror:
                mirror.look()
                yield from (Finding("lacking", "", f"{i} {name}") for i, name in mirror.lacking)

        try:
            return list(findings("the server", look))
        finally:
            asking.close()

    def found(self, kind: str = "altered") -> Finding:
        """Look once, and return the one thing that is found."""
        (finding,) = self.look()
        assert kind == finding.kind, finding
        return finding

    def export(self) -> dict[str, bytes]:
        """Return what the mirror exports."""
        target = self.folder / f"export-{len(list(self.folder.iterdir()))}"
        with Ledger.open(self.path, read_only=True) as ledger:
            export(ledger, target)
        return {
            str(path.relative_to(target)): path.read_bytes()
            for path in target.rglob("*")
            if path.is_file()
        }

    def size(self) -> int:
        if not self.path.exists():
            return 0
        with Ledger.open(self.path, read_only=True) as ledger:
            return ledger.size()


@pytest.fixture
def world() -> World:
    return one_world()


@pytest.fixture
def server(shelf: Shelf, world: World) -> Server:
    server = Server(shelf, world)
    server.show(world)
    shelf.answer = server.answer
    return server


@pytest.fixture
def copier(tmp_path: Path, server: Server) -> Copier:
    return Copier(tmp_path, server)


# Honest


def test_what_was_copied_is_not_fetched_again(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    assert world.export() == copier.export()
    world.submit(letter("northmere"), see=True)
    copier.server.show(world)
    copier.server.shelf.asks()

    assert [] == copier.look()
    assert world.export() == copier.export()
    assert [
        "checkpoint",
        "tile/entries/000.p/9",
        "checkpoints?start=8&stop=9",
        "disclosures?start=8&stop=9",
        "checkpoints?start=0&stop=9",
    ] == copier.server.shelf.asks()


def test_a_mirror_is_not_backed_up(copier: Copier, tmp_path: Path) -> None:
    copier.look()
    with (
        Ledger.open(copier.path, read_only=True) as ledger,
        pytest.raises(StoreError, match="is a mirror: it has no log key"),
    ):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=lambda _: lambda _done, _size: None)

    assert not [path for path in tmp_path.iterdir() if "backup" in path.name]


def test_a_large_ledger_is_copied_step_by_step_each_bundle_once(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 100)
    for _ in range(60):
        world.submit(*(letter("northmere") for _ in range(10)), see=True)
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    asked = [path for path in copier.server.shelf.asks() if path.startswith("tile/")]
    assert ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/96"] == asked


def test_a_step_goes_as_far_as_a_checkpoint_was_published(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    copier.server.published = {1, 5, 8}

    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_mirror_goes_on_from_the_last_step_before_something_did_not_hold(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    shown = copier.server.shelf.files
    bundle = next(path for path in shown if path.startswith("tile/entries"))
    whole = shown[bundle]
    shown[bundle] = whole.replace(world.entries[6], world.entries[6].replace(b"letter", b"portal"))

    copier.found()
    assert 5 == copier.size()
    shown[bundle] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_log_keys_that_change_are_followed(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    key = signing_key("another log key")
    assert world.charter is not None
    amendment = msgspec.structs.replace(
        world.charter, amends=said_id(world, 0), founding_key=None, log_key=public_hex(key),
        nonce="a" * 32,
    )  # fmt: skip
    world.submit(Said(amendment))
    world.charter = amendment
    world.log_keys.append((world.size, key))
    world.submit(letter("southfold"))
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()


def said_id(world: World, index: int) -> str:
    return Said(world.events()[index]).id


OFTEN = ("approve", "enrol", "enrol", "join", "letters", "letters", "open", "seal", "hand_over")


@pytest.mark.parametrize("seed", range(60))
def test_what_an_audit_passes_is_copied_and_nothing_else(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of a ledger that breaks one rule everything is copied that came before."""
    monkeypatch.setattr(mirroring, "_STEP", 1 + seed % 7)
    chance = Random(seed)
    game = Game.begin(seed)
    for _ in range(chance.randint(3, 60)):
        game.move(chance.choice((*sorted(MOVES), *OFTEN)), chance.getrandbits(32))
    if seed % 3 == 0:
        game.forget()
    copier.server.show(game.world)
    report = audit(MappingSource(game.world.export()), anchors=Anchors())
    checks = {finding.check for finding in report.findings}
    found = {finding.kind for finding in copier.look()}

    if not checks:
        assert set() == found
        assert game.world.export() == copier.export()
    elif checks == {Check.DISCLOSURE_MISSING}:
        assert {"lacking"} == found
        assert game.world.export() == copier.export()
    else:
        assert {"altered"} == found
        assert copier.size() < game.world.size


# What is owed


def test_what_is_limited_to_others_is_not_missed(copier: Copier, world: World) -> None:
    said = letter("northmere", audience={"text": ("southfold",)})
    world.submit(said)
    hide(world, world.size - 1)
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    with pytest.raises(StoreError, match="may see"):
        copier.look(audience="southfold")


def hide(world: World, index: int) -> None:
    """Show the text of an entry no more."""
    texts = world.disclosures[index]
    world.disclosures[index] = tuple(t for t in texts if "text" not in claim_names([t]))


def claim_names(texts: Sequence[str]) -> set[str]:
    return {parse_disclosure(text).name for text in texts}


def test_a_party_owes_nothing_less_than_it_may_see(copier: Copier, world: World) -> None:
    world.submit(letter("northmere", audience={"text": ("southfold",)}))
    index = world.size - 1
    whole = world.disclosures[index]
    hide(world, index)
    copier.server.show(world)

    (finding,) = copier.look(audience="southfold")
    assert ("lacking", f"{index} text") == (finding.kind, finding.reason)
    world.disclosures[index] = whole
    copier.server.show(world)
    assert [] == copier.look(audience="southfold")


def test_what_is_handed_over_later_is_fetched_then(copier: Copier, world: World) -> None:
    closed = letter("northmere", withheld=("text",))
    world.submit(closed)
    copier.server.show(world)
    assert [] == copier.look()
    world.submit(say(Opening, "northmere", None, of=closed.id, names=("text",)))
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()


def test_what_is_shown_before_its_opening_waits_for_it(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is further on than the mirror, which stops in between."""
    monkeypatch.setattr(mirroring, "_STEP", 1)
    closed = letter("northmere", withheld=("text",))
    index = world.submit(closed)
    before = copy.deepcopy(world)
    world.submit(say(Opening, "northmere", None, of=closed.id, names=("text",)))
    world.submit(letter("southfold"), see=True)
    copier.server.show(world)
    copier.server.shelf.files["checkpoint"] = before.note()
    copier.server.shelf.files |= {
        path: data for path, data in before.export().items() if path.startswith("tile/")
    }

    assert [] == copier.look()
    with Ledger.open(copier.path, read_only=True) as ledger:
        assert "text" not in claim_names(ledger.disclosures(index))
    copier.server.show(world)
    assert [] == copier.look()
    assert world.export() == copier.export()


@pytest.mark.parametrize("ground", ["court_order", "error"])
def test_what_was_erased_before_the_mirror_came_is_missed_until_it_is_due(
    copier: Copier, world: World, ground: str
) -> None:
    said = letter("northmere")
    index = world.submit(said)
    world.submit(say(Erasure, "northmere", None, of=said.id, names=("text",), ground=ground))
    hide(world, index)
    copier.server.show(world)

    lacking = [] if ground == "court_order" else ["lacking"]
    assert lacking == [finding.kind for finding in copier.look()]
    world.now += 29 * 86_400_000
    world.submit(letter("southfold"))
    copier.server.show(world)
    assert [] == copier.look()
    assert world.export() == copier.export()
    note = load_mirror(copier.path)
    assert note is not None
    assert note.lacking is None


def with_file(copier: Copier, world: World, content: bytes = b"one file") -> tuple[int, str]:
    index = world.submit(world.file("northmere", content))
    copier.server.show(world)
    return index, f"files/{file_of(content).sha256}"


def test_files_come_with_their_claims(copier: Copier, world: World) -> None:
    _, path = with_file(copier, world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    assert 1 == copier.server.shelf.asks().count(path)
    with_file(copier, world)
    assert [] == copier.look()
    assert path not in copier.server.shelf.asks()


@pytest.mark.parametrize("wrong", [None, b"", b"two file", b"one file and more" * 9999])
def test_a_file_that_is_not_there_or_another_is_owed(
    copier: Copier, world: World, wrong: bytes | None
) -> None:
    index, path = with_file(copier, world)
    whole = copier.server.shelf.files.pop(path)
    if wrong is not None:
        copier.server.shelf.files[path] = wrong

    for _ in range(2):
        assert f"{index} file.1" == copier.found("lacking").reason
        assert world.size == copier.size()
        assert [] == list((copier.path / "files").iterdir())
    copier.server.shelf.files[path] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_file_for_which_there_is_no_room_stops_the_mirror(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    before = copier.export()
    huge = msgspec.structs.replace(file_of(b"x"), size=2**52)
    world.submit(say(Artefact, "northmere", {"file.1": huge}, type="letter"))
    copier.server.show(world)

    with pytest.raises(FullError):
        copier.look()
    assert before == copier.export()


def test_more_is_owed_than_is_asked_for_at_once(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_RETRIED", 3)
    whole = copier.server.shelf.files.pop("disclosures.jsonl")
    assert 20 == len(copier.look())
    copier.server.shelf.files["disclosures.jsonl"] = whole

    assert [17, 14, 11, 8, 5, 2, 0] == [len(copier.look()) for _ in range(7)]
    assert world.export() == copier.export()


def test_what_comes_late_must_be_what_was_sealed(copier: Copier, world: World) -> None:
    files = copier.server.shelf.files
    whole = files.pop("disclosures.jsonl")
    assert 20 == len(copier.look())
    files["disclosures.jsonl"] = whole.replace(b"A letter", b"A lettre")
    assert "is not what the event seals" in copier.found().reason

    files["disclosures.jsonl"] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_server_that_shows_nearly_nothing_is_left(
    copier: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_MAX_LACKING", 19)
    del copier.server.shelf.files["disclosures.jsonl"]

    assert "fewer claims" in copier.found().reason


# Checkpoints


def with_witness(world: World, *, quorum: int = 0) -> World:
    """Return a ledger like another whose charter names a witness."""
    witnessed = World().found(witnesses=(charter_witness(),), quorum=quorum)
    witnessed.enrol("southfold")
    witnessed.join("southfold")
    for _ in range(world.size - witnessed.size):
        witnessed.submit(letter("northmere"))
    return witnessed


def charter_witness() -> Witness:
    key = witness_key()
    return Witness(algorithm="ed25519", key=key.public.hex(), name=key.name)


def test_cosignatures_that_come_later_are_kept_with_the_first(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    for times in ((1,), (1, 2), (1, 2)):
        world.notes.clear()
        world.keep(cosigned(world.note(), times[0]))
        world.keep(cosigned(world.note(6), *times[1:]))
        copier.server.show(world)
        copier.server.shelf.files["checkpoint"] = next(iter(world.notes.values()))[1]

        assert [] == copier.look()
    kept = copier.export()["checkpoints"].splitlines()
    assert sorted(world.notes.values()) == [
        (int(note.split("\n")[1]), note.encode()) for note in map(msgspec.json.decode, kept)
    ]


def test_a_line_that_is_not_the_witnesss_takes_no_place(copier: Copier, world: World) -> None:
    world = with_witness(world)
    copier.server.show(world)
    name = "witness.example/w1"
    right, wrong = cosigned(world.note(), 1), world.cosigned(name=name)
    copier.server.shelf.files["checkpoint"] = wrong
    assert [] == copier.look()
    assert "checkpoints" not in copier.export()

    copier.server.shelf.files["checkpoint"] = right
    assert [] == copier.look()
    assert encode(right.decode()) + b"\n" == copier.export()["checkpoints"]


def test_what_was_recorded_later_than_it_was_cosigned_is_not_copied(
    copier: Copier, world: World
) -> None:
    world = with_witness(world, quorum=1)
    world.keep(cosigned(world.note(6), 1))
    copier.server.show(world)
    assert "is later than the cosignatures" in copier.found().reason
    assert not copier.path.exists()

    world.notes.clear()
    assert [] == copier.look()
    world.keep(cosigned(world.note(6), 1))
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), T0 // 1000 + 100)
    assert "is later than the cosignatures" in unchanged(copier, "altered").reason


# Operators that lie


def unchanged(copier: Copier, kind: str, *, lie: str | None = None) -> Finding:
    """See that something is found, proven where it can be, and nothing taken back."""
    before = copier.export()
    finding = copier.found(kind)

    assert before == copier.export()
    assert (lie is None) is (finding.proof is None)
    if finding.proof is not None:
        proof = parse_fork(finding.proof.read_bytes())
        assert lie == proof.lie.__struct_config__.tag
        command = [sys.executable, "-m", "verify", str(finding.proof), "--fingerprint"]
        fingerprint = copier.server.world.fingerprint or ""
        assert 4 == subprocess.run([*command, fingerprint], cwd=ROOT, check=False).returncode
    return finding


@pytest.mark.parametrize(
    ("at", "more", "lie"),
    [(5, 3, "one-size"), (5, 9, "other-past"), (4, 2, "other-past")],
)
def test_a_second_history_is_proven_and_never_copied(
    copier: Copier, world: World, at: int, more: int, lie: str
) -> None:
    assert [] == copier.look()
    copier.server.show(forked(world, at=at, more=more))

    unchanged(copier, "fork", lie=lie)
    copier.server.show(world)
    assert [] == copier.look()


def test_a_second_history_is_proven_from_the_last_step(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries come with their own checkpoints, and end in another tree."""
    monkeypatch.setattr(mirroring, "_STEP", 1)
    other = forked(world, at=5, more=9)
    shown = {path: data for path, data in other.export().items() if path.startswith("tile/0")}
    shown["checkpoint"] = other.note()
    shown["tile/entries/000.p/14"] = format_bundle([*world.entries, *other.entries[world.size :]])
    copier.server.shelf.files |= shown

    finding = copier.found("fork")
    assert finding.proof is not None
    assert "other-past" == parse_fork(finding.proof.read_bytes()).lie.__struct_config__.tag
    assert world.export() == copier.export()


def test_a_kept_checkpoint_of_another_history_is_a_proof(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    world.keep(cosigned(forked(world, at=5, more=1).note(), 1))
    copier.server.show(world)
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), 1)

    unchanged(copier, "fork", lie="other-past")


def test_a_ledger_that_goes_back_is_told(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    before = copier.export()
    copier.server.shelf.files["checkpoint"] = world.note(6)

    finding = copier.found("shrunk")
    assert before == copier.export()
    assert finding.proof is not None
    assert world.note() == finding.proof.read_bytes()


@pytest.mark.parametrize("name", ["thief", "log"])
def test_a_checkpoint_that_the_log_did_not_sign_proves_nothing(
    copier: Copier, world: World, name: str
) -> None:
    assert [] == copier.look()
    other = copy.deepcopy(world)
    other.log = signing_key("thief")
    copier.server.shelf.files["checkpoint"] = (
        other.note(6) if name == "thief" else b"ledger.example\n0\n" + world.note()
    )

    unchanged(copier, "altered")


def test_entries_that_do_not_make_the_signed_tree_are_not_copied(
    copier: Copier, world: World
) -> None:
    copier.server.shelf.files["checkpoint"] = forked(world, at=5, more=3).note()

    assert "is not of the tree that the entries make" in copier.found().reason
    assert not copier.path.exists()


def test_another_ledger_is_not_mirrored(copier: Copier, world: World) -> None:
    other = World().found(members=("northmere",))
    copier.server.show(other)
    copier.server.world = world

    assert "another ledger" in copier.found().reason
    assert not copier.path.exists()
    assert [] == list(copier.folder.iterdir())


@pytest.mark.parametrize(
    ("at", "old", "new", "reason"),
    [
        (7, '"index":7', '"index":8', "index"),
        (7, '"position":0', '"position":1', "statement"),
        (4, '"position":1', '"position":2', "position"),
        (7, '"recorded":17', '"recorded":16', "recorded"),
        (4, '"recorded":17', '"recorded":18', "recorded"),
        (7, '"prev":"', '"prev":"00', "entry 7"),
        (7, '"signature":"', '"signature":"0', "entry 7"),
        (6, '"letter"', '"portal"', "root hash of the events"),
        (3, '"nonce":"', '"nonce": "', "canonical"),
        (7, "", "", "has 7 entries"),
    ],
)
def test_entries_that_are_not_as_they_were_accepted_are_not_copied(
    copier: Copier, world: World, at: int, old: str, new: str, reason: str
) -> None:
    note = world.note()
    if old:
        assert old.encode() in world.entries[at]
        world.entries[at] = world.entries[at].replace(old.encode(), new.encode(), 1)
    else:
        del world.entries[at]
    shown = world.export()
    shown["tile/entries/000.p/8"] = shown[f"tile/entries/000.p/{world.size}"]
    copier.server.shelf.files = shown | {"checkpoint": note}

    assert reason in copier.found().reason
    assert not copier.path.exists()


def test_a_statement_that_names_what_nobody_keeps_is_not_copied(
    copier: Copier, world: World
) -> None:
    world.submit(letter("northmere"), see=True)
    world.notes.clear()
    copier.server.show(world)

    assert "kept by nobody" in copier.found().reason


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("checkpoint/before/2", b"x"),
        ("disclosures", b"x"),
        ("disclosures", b"\xff"),
        ("disclosures", b"[" * 9999),
        ("disclosures", encode({"disclosures": [], "stop": 0})),
        ("disclosures", encode({"disclosures": [], "stop": 9})),
        ("disclosures", encode({"disclosures": [{}], "stop": 1})),
        ("disclosures", b'{"disclosures":[{"claims":{"text":[""]},"index":0}],"stop":1}'),
        ("checkpoints", b"\xff"),
        ("checkpoints", b"[" * 9999),
        ("checkpoints", b'"x"\n'),
    ],
)
def test_answers_that_are_none_are_told(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, name: str, answer: bytes
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    copier.server.lies[name] = answer

    copier.found()


def test_pages_that_do_not_go_on_are_told(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    monkeypatch.setattr(mirroring, "_LARGEST_STEP", 4)
    line = copier.server.shelf.files["disclosures.jsonl"].split(b"\n")[0]
    for name, answer in (
        ("checkpoint/before/2", world.note()),
        ("disclosures", encode({"disclosures": [msgspec.Raw(line)] * 2, "stop": 4})),
    ):
        copier.server.lies = {name: answer}
        copier.found()
    copier.server.lies = {f"checkpoint/before/{size}": world.note(2) for size in range(2, 8)}
    assert "publishes no checkpoint" in copier.found().reason


def test_a_claim_that_is_not_what_was_sealed_is_told(copier: Copier) -> None:
    files = copier.server.shelf.files
    files["disclosures.jsonl"] = files["disclosures.jsonl"].replace(b"A letter", b"A lettre")

    assert "is not what the event seals" in copier.found().reason


def test_answers_without_end_are_not_taken(copier: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MAX_PAGE", 1000)
    copier.server.lies["disclosures"] = b" " * 100_000

    with pytest.raises(TargetError, match="more than"):
        copier.look()


# The folder


def test_a_folder_that_is_no_mirror_of_this_is_left_alone(copier: Copier) -> None:
    copier.path.mkdir()
    with pytest.raises(StoreError, match="is no mirror"):
        copier.look()
    copier.path.rmdir()
    assert [] == copier.look()
    copier.server.world = World().found(members=("northmere",))

    with pytest.raises(StoreError, match="another ledger"):
        copier.look()


def test_nothing_is_recorded_in_a_mirror(copier: Copier) -> None:
    assert [] == copier.look()

    with pytest.raises(StoreError, match=copier.server.shelf.url):
        Ledger.open(copier.path, clock=lambda: T0)


def test_what_says_whose_mirror_it_is_must_be_readable(copier: Copier) -> None:
    assert [] == copier.look()
    (copier.path / "mirror.json").write_bytes(b"x")

    with pytest.raises(StoreError):
        copier.look()
    with pytest.raises(StoreError):
        Ledger.open(copier.path, read_only=True)


def test_a_source_that_moves_is_the_same_ledger(copier: Copier) -> None:
    assert [] == copier.look()
    copier.server.shelf.port, port = 1, copier.server.shelf.port
    url = copier.server.shelf.url
    copier.server.shelf.port = port
    with Ledger.open(copier.path, read_only=True) as ledger:
        assert ledger.mirror is not None
        moved = msgspec.structs.replace(ledger.mirror, source=url)
    save_mirror(copier.path, moved)

    assert [] == copier.look()
    note = load_mirror(copier.path)
    assert note is not None
    assert copier.server.shelf.url == note.source
