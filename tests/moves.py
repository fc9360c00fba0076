"""Random ledgers: parties that make moves in a world, most of them allowed.

A `Game` asks the kernel's own rules whether a move is allowed. A move that is not is left out, or
recorded all the same as the last of the game: so a ledger breaks no rule, or exactly one, and a
second verifier has to tell which of the two it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from msgspec.structs import replace

from tests.world import (
    DAY_MS,
    ORIGIN,
    Said,
    World,
    file_of,
    founding_charter,
    letter,
    public_hex,
    say,
    signing_key,
    witness,
)
from verify.checks import Check
from verify.claims import parse_disclosure
from verify.errors import RuleError
from verify.kinds import (
    STEP_VERBS,
    Account,
    Agreement,
    Approval,
    Arrangement,
    Artefact,
    Attestation,
    Charter,
    Commitment,
    Date,
    Discharge,
    Erasure,
    Event,
    Hold,
    Key,
    Knowledge,
    Link,
    Membership,
    Opening,
    Position,
    Predecessor,
    Request,
    Sealed,
    Sentence,
    Step,
    Thresholds,
    Transfer,
    Witness,
)
from verify.rules import Fact, admit, candidate_of, known_ids
from verify.state import State
from verify.submission import LedgerName, sealing_event

PARTIES = ("northmere", "southfold", "easthall", "westbury")
POWERS = ("answer", "govern", "intake", "record", "undertake")
OTHER_LEDGER = "77" * 32
NOTHING = "00" * 32


@dataclass
class Game:
    """A world, the state of its rules, and what its parties still keep to themselves.

    Attributes:
        world: The ledger.
        chance: What decides.
        state: The state after all moves so far.
        known: What is known of each event, and the event, by id.
        broken: Why the last move was not allowed, if it was recorded all the same.
        kept_back: Events that were sealed and can be opened.
        withheld: Disclosures that authors withheld and can hand over, by event id.
        handed_over: What this move hands over: at which entry, and the disclosures.
    """

    world: World
    chance: Random
    state: State
    known: dict[str, tuple[Fact, Said]] = field(default_factory=dict)
    broken: str | None = None
    kept_back: dict[str, Said] = field(default_factory=dict)
    keys: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    withheld: dict[str, tuple[str, ...]] = field(default_factory=dict)
    handed_over: tuple[int, tuple[str, ...]] | None = None

    @classmethod
    def begin(cls, seed: int) -> "Game":
        chance = Random(seed)
        several = chance.random() < 0.5
        changes: dict[str, object] = {
            "members": PARTIES if chance.random() < 0.7 else PARTIES[:2],
            "waiting_days": chance.choice([0, 1, 14]),
            "notice_days": chance.choice([0, 1, 28]),
            "thresholds": Thresholds(govern=1, recover=chance.choice([1, 2])),
        }
        changes["members"] = tuple(sorted(changes["members"]))  # type: ignore[call-overload]  # strings
        if several:
            changes["registrars"] = tuple(sorted(("northmere", "southfold")))
        if chance.random() < 0.2:
            changes["predecessor"] = Predecessor(charter=OTHER_LEDGER, root=NOTHING, size=5)
        if chance.random() < 0.3:
            changes["witnesses"] = (witness("w1"),)
        world = World()
        said = founding_charter("northmere", **changes)
        signed = world.sign((said,))
        world.submit(said)
        candidate = candidate_of(said.event, event_id=said.id)
        state = admit(
            None, statement=signed.statement, candidates=[candidate], first=0,
            recorded=world.now - 1000, fingerprint=world.fingerprint or "", past=_Past({}),
        )  # fmt: skip
        game = cls(world, chance, state)
        game._remember((said,), 0)
        return game

    # What a game is made of

    def move(self, name: str, seed: int) -> None:
        """Make a move, unless the game is over."""
        if self.broken is not None:
            return
        self.chance = Random(seed)
        if self.chance.random() < 0.4:
            self.world.now += self.chance.choice([0, DAY_MS // 2, DAY_MS, 15 * DAY_MS, 29 * DAY_MS])
        self.files = {}
        self.handed_over = None
        said = MOVES[name](self)
        if said:
            self.record(said)

    def record(self, said: Sequence[Said]) -> None:
        """Record a submission if it is allowed, or now and then if it is not."""
        chance, world = self.chance, self.world
        changes: dict[str, object] = {}
        if chance.random() < 0.2 and world.size:
            seen, note = world.seen(chance.randint(1, world.size))
            changes["seen"] = seen
            if chance.random() < 0.2:
                note = world.cosigned(seen.size)
                changes["seen"] = replace(seen, note=sha256(note).hexdigest())
        if chance.random() < 0.02:
            self._spoil(changes)
        author = said[0].event.author
        active = [k for k in self.state.keys_of(author) if k.status == "active"]
        others = list(self.state.keys)
        key = chance.choice(active).key if active and chance.random() < 0.95 else None
        key = key or chance.choice(others)
        signed = world.sign(said, key=KEYS.get(key), **changes)  # type: ignore[arg-type]  # any field
        candidates = [candidate_of(s.event, event_id=s.id) for s in said]
        try:
            state = admit(
                self.state, statement=signed.statement, candidates=candidates, first=world.size,
                recorded=world.now, fingerprint=world.fingerprint or "", past=_Past(self.known),
            )  # fmt: skip
        except RuleError as error:
            if chance.random() < (0.98 if error.check is Check.KEY else 0.95):
                return
            self.broken = str(error)
            state = self.state
        if "root" in changes or changes.get("count", len(said)) != len(said):
            self.broken = "count or root"
        if "seen" in changes:
            world.keep(note)
        first = world.append(said, signed)
        world.files |= self.files
        self._hand_over()
        self._remember(said, first)
        if state.log_keys != self.state.log_keys:
            start, public = state.log_keys[-1]
            world.log_keys.append((start, KEYS[public]))
        self.state = state
        world.charter = state.charter

    def _hand_over(self) -> None:
        """Let the disclosures that this move hands over stand at the entry of their event."""
        if self.handed_over is not None:
            index, texts = self.handed_over
            here = {*self.world.disclosures.get(index, ()), *texts}
            ordered = sorted(here, key=lambda text: parse_disclosure(text).name)
            self.world.disclosures[index] = tuple(ordered)

    def keep_back(self, said: Said, *names: str) -> Said:
        """Return an event with some of its claims withheld, and keep their disclosures."""
        here, kept = withholding(said, *names)
        self.withheld[here.id] = kept
        return here

    def forget(self) -> None:
        """Destroy some of the disclosures that an erasure names, in effect or not.

        And now and then one that its author withheld at first.
        """
        for known, texts in self.withheld.items():
            if known in self.known and self.chance.random() < 0.2:
                index = self.known[known][0].index
                here = self.world.disclosures.get(index, ())
                self.world.disclosures[index] = tuple(t for t in here if t not in texts)
        for _, said in self.known.values():
            event = said.event
            if isinstance(event, Erasure) and self.chance.random() < 0.7:
                fact, owner = self.known[event.of]
                kept = [
                    text for text in self.world.disclosures.get(fact.index, ())
                    if parse_disclosure(text).name not in event.names
                    or sealing_event(owner.event) is not owner.event
                ]  # fmt: skip
                self.world.disclosures[fact.index] = tuple(kept)
        self.world.disclosures = {k: v for k, v in self.world.disclosures.items() if v}

    def _spoil(self, changes: dict[str, object]) -> None:
        which = self.chance.choice(["expires", "late", "ledger", "root", "count", "author"])
        if which == "expires":
            changes["expires"] = self.world.now - 1
        if which == "late":
            changes["expires"] = self.world.now + 31 * DAY_MS + self.chance.choice([0, 1])
        if which == "ledger":
            changes["ledger"] = LedgerName(origin=ORIGIN, charter=OTHER_LEDGER)
        if which == "root":
            changes["root"] = NOTHING
        if which == "count":
            changes["count"] = 2
        if which == "author":
            changes["author"] = "easthall"

    def _remember(self, said: Sequence[Said], first: int) -> None:
        for number, one in enumerate(said):
            event = one.event
            for known, kind in known_ids(candidate_of(event, event_id=one.id)):
                owner = one if known == one.id else Said(sealing_event(event))
                self.known.setdefault(known, (Fact(first + number, kind, event.author), owner))

    # What a move chooses from

    def party(self) -> str:
        return self.chance.choice(PARTIES)

    def member(self) -> str:
        """Return a party that has an active key, most of the time."""
        active = sorted({k.party for k in self.state.keys.values() if k.status == "active"})
        return self.chance.choice(active) if active and self.chance.random() < 0.9 else self.party()

    def ref(self, *kinds: str) -> str:
        """Return the id of an event, of one of these kinds if there is one."""
        if self.chance.random() < 0.03:
            return NOTHING
        fitting = [k for k, (fact, _) in self.known.items() if not kinds or fact.kind in kinds]
        if not fitting or self.chance.random() < 0.05:
            fitting = list(self.known)
        return self.chance.choice(fitting)

    def own_ref(self, author: str, *kinds: str) -> str:
        fitting = [
            k for k, (fact, _) in self.known.items()
            if fact.author == author and (not kinds or fact.kind in kinds)
        ]  # fmt: skip
        return self.chance.choice(fitting) if fitting and self.chance.random() < 0.9 else self.ref()

    def new_key(self) -> str:
        """Return a key that nobody has had, most of the time."""
        if self.chance.random() < 0.1:
            return self.chance.choice([*self.state.keys, *sorted(self.state.roles)])
        self.keys += 1
        name = f"key {self.keys} {self.chance.random()}"
        key = signing_key(name)
        KEYS[public_hex(key)] = key
        return public_hex(key)

    def powers(self) -> tuple[str, ...]:
        chance = self.chance
        if chance.random() < 0.7:
            return POWERS
        return tuple(sorted(chance.sample(POWERS, chance.randint(1, 4))))

    def common(self) -> dict[str, object]:
        """Return optional fields that every event may have."""
        fields: dict[str, object] = {}
        if self.chance.random() < 0.3:
            fields["links"] = (self.link(),)
        if self.chance.random() < 0.1:
            fields["on_behalf_of"] = (self.party(), "unknown")
            fields["authority"] = "claimed"
        return fields

    def link(self) -> Link:
        if self.chance.random() < 0.15:
            own = self.world.fingerprint if self.chance.random() < 0.2 else OTHER_LEDGER
            return Link(event=NOTHING, rel="same_as", ledger=own)
        return Link(event=self.ref(), rel=self.chance.choice(["about", "replies_to", "corrects"]))


class _Past:
    """The rules' door, onto a dictionary."""

    def __init__(self, known: dict[str, tuple[Fact, Said]]) -> None:
        self._known = known

    def find(self, event_id: str) -> Fact | None:
        found = self._known.get(event_id)
        return None if found is None else found[0]

    def event(self, event_id: str, index: int) -> Event:  # noqa: ARG002 (the door's)
        return self._known[event_id][1].event


def withholding(said: Said, *names: str) -> tuple[Said, tuple[str, ...]]:
    """Return an event with some of its claims withheld, and their disclosures."""
    kept = tuple(text for text in said.disclosures if parse_disclosure(text).name in names)
    rest = tuple(text for text in said.disclosures if text not in kept)
    return Said(replace(said.event, withheld=names), rest), kept


KEYS = {
    public_hex(signing_key(name)): signing_key(name) for name in (*PARTIES, "log", "w1", "w2", "w3")
}

Submission = Sequence[Said]


def _enrol(game: Game) -> Submission:
    author, party = game.member(), game.party()
    if game.chance.random() < 0.5:
        author = "northmere" if game.chance.random() < 0.7 else "southfold"
    if game.chance.random() < 0.3:
        party = author
    fields: dict[str, object] = {}
    active = [k.key for k in game.state.keys_of(party) if k.status == "active"]
    if active and game.chance.random() < 0.5:
        fields["replaces"] = game.chance.choice(active)
    return (_keyed(game, party, author, "enrol", **fields),)


def _recover(game: Game) -> Submission:
    return (_keyed(game, game.party(), game.member(), "recover"),)


def _keyed(game: Game, party: str, author: str, verb: str, **fields: object) -> Said:
    public = game.new_key()
    key = KEYS.get(public) or signing_key("northmere")
    said = game.world.enrolment(
        party, by=author, powers=game.powers(), key=key, verb=verb, **fields
    )
    if game.chance.random() < 0.03:
        said = Said(replace(said.event, post="archive"))
    return said


def _revoke(game: Game) -> Submission:
    author = game.member()
    held = [k.key for k in game.state.keys_of(author)] or [NOTHING]
    since = game.chance.choice([None, None, 0, game.world.size, game.world.size + 1])
    party = author if game.chance.random() < 0.95 else game.party()
    said = say(
        Key, author, None, verb="revoke", party=party, key=game.chance.choice(held),
        compromised_since=since,
    )  # fmt: skip
    return (said,)


def _join(game: Game) -> Submission:
    charter = game.world.fingerprint if game.chance.random() < 0.97 else OTHER_LEDGER
    return (say(Membership, game.member(), None, verb="join", charter=charter),)


def _leave(game: Game) -> Submission:
    charter = game.world.fingerprint
    return (say(Membership, game.member(), None, verb="leave", charter=charter),)


def _approve(game: Game) -> Submission:
    of = game.ref()
    if game.state.pending and game.chance.random() < 0.9:
        of = game.chance.choice(list(game.state.pending))
    return (say(Approval, game.member(), None, of=of),)


def _amend(game: Game) -> Submission:
    chance, charter = game.chance, game.state.charter
    fields = {name: getattr(charter, name) for name in charter.__struct_fields__}
    for name in ("author", "nonce", "founding_key", "links", "sealed"):
        fields.pop(name)
    fields["amends"] = game.state.charter_id if chance.random() < 0.95 else game.ref("charter")
    for _ in range(chance.randint(1, 2)):
        _change(game, fields)
    author = "northmere" if chance.random() < 0.7 else game.member()
    try:
        return (say(Charter, author, None, **fields),)
    except ValueError:
        return ()


def _change(game: Game, fields: dict[str, object]) -> None:
    chance = game.chance
    which = chance.randint(0, 11)
    people = tuple(sorted(chance.sample(PARTIES, chance.randint(1, 4))))
    if which == 0:
        fields["members"] = tuple(sorted({"northmere", *people}))
        fields["registrars"] = ("northmere",)
        fields["thresholds"] = Thresholds(govern=1, recover=chance.randint(1, 3))
    if which in {1, 2, 3}:
        fields["members"] = tuple(sorted(PARTIES))
        fields["registrars"] = tuple(sorted({"northmere", *people}))
        govern = chance.randint(1, min(2, len(fields["registrars"])))  # type: ignore[arg-type]  # strings
        fields["thresholds"] = Thresholds(govern=govern, recover=chance.randint(1, 2))
    if which == 4:
        fields["log_key"] = chance.choice([game.new_key(), *game.state.roles])
        KEYS.setdefault(str(fields["log_key"]), signing_key("log"))
    if which == 5:
        fields["witnesses"] = tuple(witness(n) for n in chance.sample(["w1", "w2", "w3"], 2))
        fields["quorum"] = chance.randint(0, 2)
    if which == 6:
        fields["witnesses"], fields["quorum"] = None, 0
    if which == 7:
        fields["waiting_days"] = chance.choice([0, 1, 30])
    if which == 8:
        fields["notice_days"] = chance.choice([0, 1, 60])
    if which == 9:
        fields["controller"] = chance.choice(PARTIES)
    if which == 10 and chance.random() < 0.3:
        fields["state"] = "closed"
    if which == 11:
        name = chance.choice(["origin", "predecessor", "spec", "witnesses"])
        fields[name] = {
            "origin": "ledger.example/other", "predecessor": None, "spec": "counterfoil/2",
            "witnesses": (Witness(algorithm="ed25519", key="ec" + "ff" * 30 + "7f", name="bad"),),
        }[name]  # fmt: skip


def _letters(game: Game) -> Submission:
    author = game.member()
    said: list[Said] = []
    for _ in range(game.chance.choice([1, 1, 1, 2, 3])):
        text = str(game.chance.random())
        fields = game.common()
        if said and game.chance.random() < 0.5:
            fields["links"] = (Link(event=game.chance.choice(said).id, rel="replies_to"),)
        if game.chance.random() < 0.2:
            fields["retain"] = {"text": "2030-01-01"}
        one = letter(author, text, **fields)
        said.append(game.keep_back(one, "person.1") if game.chance.random() < 0.3 else one)
    if game.chance.random() < 0.02:
        said.append(said[0])
    return said


def _file(game: Game) -> Submission:
    author = game.member()
    content = str(game.chance.randint(0, 5)).encode()
    file = file_of(content)
    game.files[file.sha256] = content
    fields = game.common()
    return (say(Artefact, author, {"file.1": file, "title": "T"}, type="letter", **fields),)


def _request(game: Game) -> Submission:
    author = game.member()
    fields = {**game.common(), "what": "data", "medium": "written", "from_": (author,)}
    return (say(Request, author, {"question": "What?"}, to=(game.party(),), **fields),)


def _undertake(game: Game) -> Submission:
    author = game.member()
    which = game.chance.randint(0, 3)
    if which == 0:
        trigger = game.ref() if game.chance.random() < 0.5 else None
        said = say(
            Commitment, author, {"text": "We will."}, by=author, to=("unknown",), what="data",
            trigger=trigger,
        )  # fmt: skip
    elif which == 1:
        said = say(Agreement, author, {"title": "A"}, type="protocol", signatories=(author,))
    elif which == 2:
        said = say(Arrangement, author, {"title": "A"}, type="forum", operator=author)
    else:
        discharge = Discharge(request=game.ref("request"), items=((1, 2),))
        said = say(
            Transfer, author, None, from_=author, to=("unknown",), discharges=(discharge,),
            under=game.ref("agreement"), rows=5,
        )  # fmt: skip
    return (said,)


def _step(game: Game) -> Submission:
    author, target = game.member(), game.chance.choice(sorted(STEP_VERBS))
    of = game.ref(target)
    verb = game.chance.choice(sorted(STEP_VERBS[target]))
    outcome = "full" if verb == "answer" else None
    until = (game.ref(),) if game.chance.random() < 0.2 else None
    said = say(
        Step, author, None, of=of, target=target, verb=verb, outcome=outcome, until_events=until
    )
    return (said,)


def _position(game: Game) -> Submission:
    author = game.member()
    stances = ("received", "admit", "not_admit", "dispute", "retract_own", "ratify", "disown")
    stance = game.chance.choice(stances)
    on = game.own_ref(author) if stance in {"retract_own", "disown"} else game.ref()
    return (say(Position, author, {"value": "So."}, on=on, stance=stance),)


def _known(game: Game) -> Submission:
    author, which = game.member(), game.chance.randint(0, 2)
    if which == 0:
        via = game.ref() if game.chance.random() < 0.5 else None
        return (say(Knowledge, author, None, knower=author, of=game.ref(), mode="told", via=via),)
    if which == 1:
        sentences = (Sentence(number=1, events=(game.ref(),)), Sentence(number=3))
        return (say(Account, author, {"sentence.1": "S."}, sentences=sentences),)
    if game.chance.random() < 0.5:
        return (say(Attestation, author, None, type="dkim", of=game.ref()),)
    return (say(Attestation, author, None, type="rfc3161", size=9, root=NOTHING),)


def _seal(game: Game) -> Submission:
    author = game.member()
    choice = game.chance.randint(0, 5)
    inner: Submission | None = None
    if choice == 0:
        inner = _step(game)
    if choice == 1:
        inner = _erase(game)
    if choice == 2:
        inner = _hold(game)
    if choice == 3:
        inner = _position(game)
    inner = inner or (letter(author, "Sealed", **game.common()),)
    nested = inner[0]
    if nested.disclosures and choice > 3 and game.chance.random() < 0.5:
        nested = game.keep_back(nested, "text")
    author = nested.event.author
    dates = {"opens_by": Date(basis="stated", edtf="2027-01-01")}
    said = say(Sealed, author, None, seals=nested.id, dates=dates)
    game.kept_back[said.id] = nested
    return (said,)


def _open(game: Game) -> Submission | None:
    if not game.kept_back:
        return None
    of = game.chance.choice(list(game.kept_back))
    nested = game.kept_back[of]
    author = nested.event.author if game.chance.random() < 0.95 else game.member()
    if game.chance.random() < 0.05:
        of = game.ref("sealed")
    return (Said(say(Opening, author, None, of=of, event=nested.event).event, nested.disclosures),)


def _hand_over(game: Game) -> Submission | None:
    withholding = [
        (known, said) for known, (_, said) in game.known.items() if said.event.withheld is not None
    ]
    if not withholding:
        return None
    of, said = game.chance.choice(withholding)
    author = said.event.author if game.chance.random() < 0.95 else game.member()
    names = said.event.withheld if game.chance.random() < 0.95 else ("title",)
    game.handed_over = (game.known[of][0].index, game.withheld[of])
    return (say(Opening, author, None, of=of, names=names),)


def _erase(game: Game) -> Submission | None:
    sealing = [(k, s) for k, (_, s) in game.known.items() if s.event.sealed is not None]
    if not sealing:
        return None
    of, said = game.chance.choice(sealing)
    author = said.event.author if game.chance.random() < 0.7 else game.state.charter.controller
    if game.chance.random() < 0.05:
        author = game.member()
    names = sorted(game.chance.sample(sorted(said.event.sealed or ()), 1))
    if game.chance.random() < 0.03:
        names = ["decision"]
    ground = game.chance.choice(["court_order", "retention", "error"])
    return (say(Erasure, author, None, of=of, names=tuple(names), ground=ground),)


def _hold(game: Game) -> Submission:
    author, which = game.member(), game.chance.randint(0, 3)
    if which == 0:
        return (say(Hold, author, None, all="yes"),)
    if which == 1:
        return (say(Hold, author, None, of=(game.ref(),)),)
    ends = game.own_ref(author, "hold")
    return (say(Hold, author, None, ends=ends),)


MOVES: dict[str, Callable[[Game], Submission | None]] = {
    "amend": _amend,
    "approve": _approve,
    "enrol": _enrol,
    "erase": _erase,
    "file": _file,
    "hand_over": _hand_over,
    "hold": _hold,
    "join": _join,
    "known": _known,
    "leave": _leave,
    "letters": _letters,
    "open": _open,
    "position": _position,
    "recover": _recover,
    "request": _request,
    "revoke": _revoke,
    "seal": _seal,
    "step": _step,
    "undertake": _undertake,
}


__all__ = ["MOVES", "PARTIES", "Game", "withholding"]
