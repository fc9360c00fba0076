"""Section 9: what the state is, and what an entry does to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tests.reference.canonical import DAY_MS, Object, encode
from tests.reference.entries import Entry
from tests.reference.events import event_id
from tests.reference.kinds import GOVERNANCE
from tests.reference.notes import format_vkey
from tests.reference.refusals import Refused

KeyState: TypeAlias = Literal["pending", "active", "ended", "void"]
CharterState: TypeAlias = Literal["pending", "in force", "past", "void"]


@dataclass
class Key:
    """One key that was ever proposed, and who vouched for it.

    The author is the first of its signers. A recovery has an instant at which it is due from the
    entry that completed its approval on.
    """

    party: str
    public: str
    powers: list[str]
    state: KeyState
    event: str
    recovery: bool
    signers: list[str]
    due: int | None = None
    approved: int = -1


@dataclass
class Charter:
    """One charter that was ever proposed; `since` is the entry at which it took effect."""

    event: str
    body: Object
    state: CharterState
    signers: list[str]
    since: int = -1


@dataclass(frozen=True)
class Known:
    """An event whose id is known: at which entry, and when recorded."""

    event: Object
    index: int
    recorded: int


@dataclass
class State:
    """The state of section 9 after the entries admitted so far."""

    leaves: list[bytes] = field(default_factory=list)
    recorded: int = 0
    rules: str | None = None
    fingerprint: str | None = None
    charters: list[Charter] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    active_once: list[str] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def pass_over(self, submission: Sequence[Entry]) -> None:
        """Take note of refused entries, so that what follows can be judged as far as possible."""
        for entry in submission:
            self._remember(entry)

    def charter_after(self, size: int) -> Charter:
        """Return the charter in force after `size` entries."""
        found = [charter for charter in self.charters if 0 <= charter.since < size]
        if not found:
            raise Refused(601, "there is no charter")
        return max(found, key=lambda charter: charter.since)

    def log_key_after(self, size: int) -> str:
        """Return the vkey of the log after `size` entries."""
        return _log_key(self.charter_after(size).body)

    def log_keys(self) -> list[str]:
        """Return the vkeys that the log has or had."""
        return [_log_key(charter.body) for charter in self.charters if charter.since >= 0]

    @property
    def charter(self) -> Object:
        """The charter in force."""
        for charter in self.charters:
            if charter.state == "in force":
                return charter.body
        raise Refused(601, "there is no charter")

    def _is_registrar(self, party: str) -> bool:
        return party in self.charter["registrars"] and party in self.members

    # Effects.

    def _remember(self, entry: Entry) -> None:
        known = Known(entry.event, entry.index, entry.recorded)
        self.known[entry.id] = known
        if "event" in entry.event:
            nested = entry.event["event"]
            self.known[event_id(encode(nested))] = replace(known, event=nested)
            self.opened.append(entry.event["of"])
        if not self.leaves:
            self.fingerprint = entry.leaf.hex()
        self.leaves.append(entry.leaf)
        self.recorded = entry.recorded
        self.times[entry.index] = entry.recorded
        if entry.event["kind"] in GOVERNANCE:
            self.rules = entry.leaf.hex()

    def _take_effect(self, entry: Entry) -> None:
        self._remember(entry)
        event = entry.event
        effects = {
            "charter/v1": self._propose_charter,
            "party/v1": self._join_or_leave,
            "key/v1": self._propose_key,
            "approval/v1": self._approve,
        }
        if event["kind"] in effects:
            effects[event["kind"]](entry)
            self._settle(event["of"] if event["kind"] == "approval/v1" else entry.id, entry)

    def _propose_charter(self, entry: Entry) -> None:
        author = entry.event["author"]
        for earlier in self.charters:
            if earlier.state == "pending" and earlier.body["author"] == author:
                earlier.state = "void"
        charter = Charter(event=entry.id, body=entry.event, state="pending", signers=[author])
        self.charters.append(charter)
        if entry.index == 0:
            charter.state = "in force"
            charter.since = 0
            self.members.append(author)
            founding = entry.event["founding_key"]
            self._enlist(author, founding["key"], founding["powers"], entry)
            self._activate(self.keys[0])

    def _join_or_leave(self, entry: Entry) -> None:
        author = entry.event["author"]
        if entry.event["verb"] == "join":
            self.members.append(author)
            return
        self.members.remove(author)
        self.left.append(author)
        for key in self.keys:
            if key.party == author:
                self._end(key)

    def _enlist(self, party: str, public: str, powers: list[str], entry: Entry) -> None:
        self.keys.append(
            Key(
                party=party,
                public=public,
                powers=powers,
                state="pending",
                event=entry.id,
                recovery=entry.event.get("verb") == "recover",
                signers=[entry.event["author"]],
            )
        )

    def _propose_key(self, entry: Entry) -> None:
        event = entry.event
        if event["verb"] == "revoke":
            self._end(self._key(event["key"]))
            return
        for earlier in self._superseded(event):
            self._end(earlier)
        self._enlist(event["party"], event["key"], event["powers"], entry)
        if event["verb"] == "enrol" and event["author"] == event["party"]:
            self._activate(self._key(event["key"]))
            if "replaces" in event:
                self._end(self._key(event["replaces"]))

    def _superseded(self, event: Object) -> list[Key]:
        """Return the pending keys that a new proposal for the party makes void: its author's."""
        return [
            key
            for key in self.keys
            if key.state == "pending"
            and (key.party, key.signers[0]) == (event["party"], event["author"])
            and key.recovery == (event["verb"] == "recover")
        ]

    def _approve(self, entry: Entry) -> None:
        proposals: list[Charter | Key] = [*self.charters, *self.keys]
        for proposal in proposals:
            if proposal.event == entry.event["of"]:
                proposal.signers.append(entry.event["author"])

    def _key(self, public: str) -> Key:
        return next(key for key in self.keys if key.public == public)

    def _activate(self, key: Key) -> None:
        key.state = "active"
        if key.party in self.left:
            self.left.remove(key.party)
        if key.party not in self.active_once:
            self.active_once.append(key.party)

    def _end(self, key: Key) -> None:
        if key.state == "active":
            key.state = "ended"
        if key.state == "pending":
            key.state = "void"

    def _settle(self, act: str, entry: Entry) -> None:
        """Give effect to the act, proposed or approved by this entry, if enough have signed it."""
        for charter in self.charters:
            registrars = [party for party in charter.signers if self._is_registrar(party)]
            if (charter.event, charter.state) == (act, "pending") and (
                len(registrars) >= self.charter["thresholds"]["govern"]
            ):
                for other in self.charters:
                    if other.state == "in force":
                        other.state = "past"
                    if other.state == "pending":
                        other.state = "void"
                charter.state = "in force"
                charter.since = entry.index
        for key in self.keys:
            if (key.event, key.state) != (act, "pending"):
                continue
            registrars = [party for party in key.signers if self._is_registrar(party)]
            others = [
                party for party in key.signers if party in self.members and party != key.party
            ]
            thresholds = self.charter["thresholds"]
            if not key.recovery and len(registrars) >= thresholds["govern"]:
                for rival in self.keys:
                    if rival.party == key.party and rival.state == "pending" and rival is not key:
                        rival.state = "void"
                self._activate(key)
            if key.recovery and key.due is None and len(others) >= thresholds["recover"]:
                key.due = entry.recorded + self.charter["waiting_days"] * DAY_MS
                key.approved = entry.index

    def _tick(self, recorded: int) -> None:
        """Give effect to the recoveries whose waiting time is over at an entry recorded then."""
        due = [key for key in self.keys if key.due is not None and key.due <= recorded]
        # Two of one party may be due by the same entry: the one due first is the first.
        for key in sorted(due, key=lambda each: (each.due or 0, each.approved)):
            if key.state == "pending":
                for other in self.keys:
                    if other.party == key.party and other is not key:
                        self._end(other)
                self._activate(key)

    # Section 9.8.

    def erased(self) -> list[tuple[str, str]]:
        """Return event id and claim name of all that an erasure in effect covers."""
        return [
            (known.event["of"], name)
            for known in self.known.values()
            if known.event["kind"] == "erasure/v1" and self._took_effect(known)
            for name in known.event["names"]
        ]

    def _took_effect(self, erasure: Known) -> bool:
        """Say whether at any entry from its own on an erasure was due, and nothing held it."""
        due = 0
        if erasure.event["ground"] not in ("court_order", "regulator_order"):
            notice = self.charter_after(erasure.index).body["notice_days"]
            due = erasure.recorded + notice * DAY_MS
        return any(
            index >= erasure.index
            and recorded >= due
            and not self._is_held(erasure.event["of"], index)
            for index, recorded in self.times.items()
        )

    def _is_held(self, ref: str, index: int) -> bool:
        """Say whether before entry `index` a hold stands that covers an event."""
        earlier = {
            key: known.event
            for key, known in self.known.items()
            if known.event["kind"] == "hold/v1" and known.index < index
        }
        ended = [event["ends"] for event in earlier.values() if "ends" in event]
        return any(
            key not in ended and ("all" in event or ref in event.get("of", []))
            for key, event in earlier.items()
        )


def _log_key(charter: Object) -> str:
    public = bytes.fromhex(charter["log_key"])
    return format_vkey(name=charter["origin"], algorithm=1, public=public)
