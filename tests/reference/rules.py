"""Section 9: what the state admits."""

from collections.abc import Mapping, Sequence

from tests.reference import signatures
from tests.reference.canonical import EXPIRY_MS, MAX_KEYS, SPEC, Object, encode
from tests.reference.entries import Entry
from tests.reference.events import event_id
from tests.reference.kinds import GOVERNANCE
from tests.reference.notes import read_checkpoint
from tests.reference.refusals import Refused, need
from tests.reference.schema import RESERVED
from tests.reference.signatures import check_key, pre_authentication
from tests.reference.state import CharterState, Key, Known, State
from tests.reference.tree import tree_hash


class Judge(State):
    """The state, and what it admits.

    `admit` judges one whole submission and then has its effect. After a refusal the state is to be
    thrown away, or told to `pass_over` the submission when an audit goes on.
    """

    def admit(self, submission: Sequence[Entry], notes: Mapping[str, bytes] | None) -> None:
        """Judge a submission by the state before it, and take its effect.

        Args:
            submission: Its entries, in order.
            notes: The kept notes, by H of their octets; None where notes are not to be had.
        """
        self._check_places(submission)
        self._tick(submission[0].recorded)
        self._check_submission(submission, notes)
        for entry in submission:
            self._check_event(entry)
            self._take_effect(entry)

    # Sections 6.4 and 7: the submission.

    def _check_places(self, submission: Sequence[Entry]) -> None:
        first = submission[0]
        need(406, "first position", found=first.position, expected=0)
        statement = first.body["statement"]
        for place, entry in enumerate(submission):
            index = len(self.leaves) + place
            before = submission[place - 1].leaf if place else (self.leaves or [b""])[-1]
            need(402, "index", found=entry.index, expected=index)
            need(403, "prev", found=entry.body.get("prev", ""), expected=before.hex())
            need(406, "position", found=entry.position, expected=place)
            if entry.recorded < self.recorded or entry.recorded != first.recorded:
                raise Refused(404, "recorded", found=str(entry.recorded))
        need(406, "entries", found=len(submission), expected=statement["count"])
        need(407, "rules", found=first.body.get("rules"), expected=self.rules)

    def _check_submission(
        self, submission: Sequence[Entry], notes: Mapping[str, bytes] | None
    ) -> None:
        first = submission[0]
        statement = first.body["statement"]
        self._check_ledger(first)
        for entry in submission:
            need(502, "author", found=entry.event["author"], expected=statement["author"])
        self._check_events_root(submission)
        message = pre_authentication("submission", encode(statement))
        signature = bytes.fromhex(first.body["signature"])
        signatures.check_signature(bytes.fromhex(statement["key"]), message, signature)
        key = self._signing_key(first)
        self._check_seen(first, notes)
        if not first.recorded <= statement["expires"] <= first.recorded + EXPIRY_MS:
            raise Refused(508, "expires", found=str(statement["expires"]))
        for entry in submission:
            if entry.event["kind"] in GOVERNANCE:
                need(509, "count", found=statement["count"], expected=1)
        for entry in submission:
            self._check_power(entry.event, key)

    def _check_ledger(self, first: Entry) -> None:
        ledger = first.body["statement"]["ledger"]
        if first.index == 0:
            if first.event["kind"] != "charter/v1":
                raise Refused(601, "entry 0 is no charter", found=first.event["kind"])
            need(501, "ledger", found=ledger, expected={"origin": first.event["origin"]})
            return
        expected = {"charter": self.fingerprint, "origin": self.charter["origin"]}
        need(501, "ledger", found=ledger, expected=expected)

    def _check_events_root(self, submission: Sequence[Entry]) -> None:
        statement = submission[0].body["statement"]
        root = tree_hash([bytes.fromhex(entry.id) for entry in submission])
        need(504, "root of the events", found=root.hex(), expected=statement["root"])

    def _signing_key(self, first: Entry) -> Key:
        statement = first.body["statement"]
        if first.index == 0:
            founding = first.event.get("founding_key")
            if founding is None:
                raise Refused(601, "entry 0 has no founding key")
            need(601, "founding key", found=founding["key"], expected=statement["key"])
            return Key(
                party=statement["author"],
                public=founding["key"],
                powers=founding["powers"],
                state="active",
                event=first.id,
                recovery=False,
                signers=[],
            )
        for key in self.keys:
            if (key.public, key.party, key.state) == (
                statement["key"],
                statement["author"],
                "active",
            ):
                return key
        raise Refused(506, "key", found=statement["key"])

    def _check_seen(self, first: Entry, notes: Mapping[str, bytes] | None) -> None:
        seen = first.body["statement"].get("seen")
        if seen is None:
            return
        if seen["size"] > first.index:
            raise Refused(507, "seen is in the future", found=str(seen["size"]))
        self._check_seen_root(seen)
        if notes is None:
            return
        if seen["note"] not in notes:
            raise Refused(507, "the note of seen is missing", expected=seen["note"])
        try:
            checkpoint = read_checkpoint(notes[seen["note"]], self.log_key_after(seen["size"]))
        except Refused as problem:
            raise Refused(507, f"the note of seen: {problem.where}") from problem
        need(507, "size of the note", found=checkpoint.size, expected=seen["size"])
        need(507, "root of the note", found=checkpoint.root.hex(), expected=seen["root"])

    def _check_seen_root(self, seen: Object) -> None:
        root = tree_hash(self.leaves[: seen["size"]]).hex()
        need(507, "root of seen", found=seen["root"], expected=root)

    def _check_power(self, event: Object, key: Key) -> None:
        check = 601 if event["kind"] == "charter/v1" and not self.charters else 510
        for accepted in needed_powers(event):
            if not any(power in key.powers for power in accepted):
                raise Refused(check, "power", expected=" or ".join(accepted))

    # Section 9.7: one event.

    def _check_event(self, entry: Entry) -> None:
        event = entry.event
        if self.charters and self.charter["state"] == "closed":
            raise Refused(610, "the ledger is closed")
        if entry.id in self.known:
            raise Refused(408, "event id", found=entry.id)
        self._check_references(event)
        nested = event.get("event")
        if nested is not None:
            nested_id = event_id(encode(nested))
            if nested_id in self.known or nested_id == entry.id:
                raise Refused(408, "id of the nested event", found=nested_id)
            self._check_references(nested)
        checks = {
            "charter/v1": self._check_charter,
            "party/v1": self._check_party,
            "key/v1": self._check_key,
            "approval/v1": self._check_approval,
        }
        if event["kind"] in checks:
            checks[event["kind"]](entry)

    def _find(self, ref: str) -> Known | None:
        if ref not in self.known:
            raise Refused(605, "no earlier event", found=ref)
        return self.known[ref]

    def _check_references(self, event: Object) -> None:
        for link in event.get("links", []):
            if "ledger" not in link:
                self._find(link["event"])
            elif link["ledger"] == self.fingerprint:
                raise Refused(605, "a link names this ledger as another")
        for ref in references(event):
            self._find(ref)
        checks = {
            "step/v1": self._check_step,
            "opening/v1": self._check_opening,
            "erasure/v1": self._check_erasure,
            "hold/v1": self._check_hold,
            "position/v1": self._check_position,
        }
        if event["kind"] in checks:
            checks[event["kind"]](event)

    def _check_step(self, event: Object) -> None:
        of = self._find(event["of"])
        if of is not None:
            need(606, "target", found=of.event["kind"], expected=f"{event['target']}/v1")

    def _check_opening(self, event: Object) -> None:
        of = self._find(event["of"])
        if "event" in event:
            need(607, "author", found=event["event"]["author"], expected=event["author"])
        if of is None:
            return
        need(607, "author", found=of.event["author"], expected=event["author"])
        if "event" in event:
            need(607, "kind", found=of.event["kind"], expected="sealed/v1")
            nested_id = event_id(encode(event["event"]))
            need(607, "seals", found=of.event["seals"], expected=nested_id)
            if event["of"] in self.opened:
                raise Refused(607, "opened before", found=event["of"])
            return
        for name in event["names"]:
            if name not in of.event.get("withheld", []):
                raise Refused(607, "the event does not withhold the claim", found=name)

    def _check_erasure(self, event: Object) -> None:
        of = self._find(event["of"])
        if of is None:
            return
        if event["author"] not in (of.event["author"], self.charter["controller"]):
            raise Refused(608, "author", found=event["author"])
        for name in event["names"]:
            if name not in of.event.get("sealed", {}):
                raise Refused(608, "the event does not seal the claim", found=name)

    def _check_hold(self, event: Object) -> None:
        ended = self._find(event["ends"]) if "ends" in event else None
        if ended is None:
            return
        need(609, "kind", found=ended.event["kind"], expected="hold/v1")
        need(609, "author", found=ended.event["author"], expected=event["author"])
        if "ends" in ended.event:
            raise Refused(609, "what is ended is an end itself", found=event["ends"])

    def _check_position(self, event: Object) -> None:
        if event["stance"] in ("retract_own", "disown"):
            on = self._find(event["on"])
            if on is not None:
                need(611, "author", found=on.event["author"], expected=event["author"])

    # Sections 9.1 to 9.6: governance.

    def _check_charter(self, entry: Entry) -> None:
        event = entry.event
        self._check_charter_keys(event)
        if entry.index == 0:
            need(601, "amends is there", found="amends" in event, expected=False)
            need(601, "state", found=event["state"], expected="open")
            if event["author"] in RESERVED:
                raise Refused(601, "a reserved word can hold no key", found=event["author"])
            if event["author"] not in event["registrars"]:
                raise Refused(601, "the author is no registrar", found=event["author"])
            need(104, "spec", found=event["spec"], expected=SPEC)
            return
        in_force = self.charter_after(entry.index)
        need(601, "amends", found=event.get("amends"), expected=in_force.event)
        if not self._is_registrar(event["author"]):
            raise Refused(601, "the author is no registrar and member", found=event["author"])
        if "founding_key" in event:
            raise Refused(601, "an amendment has a founding key")
        for name in ("origin", "predecessor"):
            need(601, name, found=event.get(name), expected=in_force.body.get(name))
        need(104, "spec", found=event["spec"], expected=SPEC)

    def _check_charter_keys(self, event: Object) -> None:
        log_key, witnesses = event["log_key"], event.get("witnesses", [])
        if log_key in [witness["key"] for witness in witnesses]:
            raise Refused(601, "the log key is a witness key", found=log_key)
        edwards = [each["key"] for each in witnesses if each["algorithm"] == "ed25519"]
        for public in [log_key, *edwards]:
            try:
                check_key(bytes.fromhex(public))
            except Refused as problem:
                raise Refused(601, problem.where, found=public) from problem
        party_keys = [key.public for key in self.keys]
        if "founding_key" in event:
            party_keys.append(event["founding_key"]["key"])
        for public in _keys_of_roles(event):
            if public in party_keys:
                raise Refused(601, "a party key has another role", found=public)
        roles = self._role_keys("in force", "past")
        in_force: Object = self.charter if self.charters else {"log_key": None}
        if log_key != in_force["log_key"] and log_key in roles:
            raise Refused(601, "the log key had a role before", found=log_key)
        kept = [witness["key"] for witness in in_force.get("witnesses", [])]
        for witness in witnesses:
            if witness["key"] not in kept and witness["key"] in roles:
                raise Refused(601, "a witness key had a role before", found=witness["key"])

    def _role_keys(self, *states: CharterState) -> list[str]:
        return [
            public
            for charter in self.charters
            if charter.state in states
            for public in _keys_of_roles(charter.body)
        ]

    def _check_party(self, entry: Entry) -> None:
        event = entry.event
        author = event["author"]
        need(602, "charter", found=event["charter"], expected=self.fingerprint)
        if event["verb"] == "leave":
            if author not in self.members:
                raise Refused(602, "who leaves is no member", found=author)
            return
        if author in self.members or author not in self.charter["members"]:
            raise Refused(602, "who joins is a member, or not named", found=author)

    def _check_key(self, entry: Entry) -> None:
        event = entry.event
        if event["verb"] == "revoke":
            self._check_revocation(entry)
            return
        self._check_new_key(event)
        party = event["party"]
        own = [key for key in self.keys if key.party == party]
        if event["verb"] == "recover":
            if event["author"] == party or event["author"] not in self.members:
                raise Refused(603, "no other member recovers", found=event["author"])
            if party not in self.active_once:
                raise Refused(603, "the party never had an active key", found=party)
            return
        if event["author"] == party:
            replaced = event.get("replaces")
            if replaced is not None and replaced not in [
                key.public for key in own if key.state == "active"
            ]:
                raise Refused(603, "replaces is no active key of the party", found=replaced)
            return
        if not self._is_registrar(event["author"]):
            raise Refused(603, "the author is no registrar and member", found=event["author"])
        if "replaces" in event:
            raise Refused(603, "a registrar replaces no key")
        if any(key.state == "active" for key in own):
            raise Refused(603, "the party has a key", found=party)
        if party in self.active_once and party not in self.left:
            raise Refused(603, "the party had a key and has not left", found=party)

    def _check_new_key(self, event: Object) -> None:
        public, party = event["key"], event["party"]
        if party in RESERVED:
            raise Refused(603, "a reserved word can hold no key", found=party)
        check_key(bytes.fromhex(public))
        taken = [key.public for key in self.keys]
        taken += self._role_keys("in force", "past", "pending")
        if public in taken:
            raise Refused(603, "the key was used before", found=public)
        counted = [key for key in self.keys if key.party == party and key.state != "void"]
        if len(counted) >= MAX_KEYS:
            raise Refused(603, "the party has too many keys", found=party)
        possession = {
            "type": "counterfoil-possession/v1",
            "ledger": {"charter": self.fingerprint, "origin": self.charter["origin"]},
            "party": party,
            "key": public,
            "powers": event["powers"],
        }
        if "post" in event:
            possession["post"] = event["post"]
        message = pre_authentication("possession", encode(possession))
        try:
            signatures.check_signature(
                bytes.fromhex(public), message, bytes.fromhex(event["possession"])
            )
        except Refused as problem:
            raise Refused(603, f"possession: {problem.where}") from problem

    def _check_revocation(self, entry: Entry) -> None:
        event = entry.event
        need(603, "party", found=event["party"], expected=event["author"])
        revocable = [
            key.public
            for key in self.keys
            if key.party == event["party"] and key.state in ("pending", "active")
        ]
        if event["key"] not in revocable:
            raise Refused(603, "no pending or active key of the party", found=event["key"])
        if event.get("compromised_since", 0) > entry.index:
            raise Refused(603, "compromised_since is in the future")

    def _check_approval(self, entry: Entry) -> None:
        of, author = entry.event["of"], entry.event["author"]
        for charter in self.charters:
            if charter.event == of and charter.state == "pending":
                if not self._is_registrar(author) or author in charter.signers:
                    raise Refused(604, "not entitled, or approved before", found=author)
                return
        for key in self.keys:
            if key.event == of and key.state == "pending" and key.due is None:
                entitled = (
                    author in self.members and author != key.party
                    if key.recovery
                    else self._is_registrar(author)
                )
                if not entitled or author in key.signers:
                    raise Refused(604, "not entitled, or approved before", found=author)
                return
        raise Refused(604, "nothing pending of that id", found=of)


def _keys_of_roles(charter: Object) -> list[str]:
    return [charter["log_key"], *(witness["key"] for witness in charter.get("witnesses", []))]


def needed_powers(event: Object) -> list[list[str]]:
    """Return the powers that signing an event needs: one of each list (section 9.2)."""
    kind = event["kind"]
    if kind in GOVERNANCE:
        return [["govern"]]
    if kind in ("communication/v1", "artefact/v1"):
        return [["record", "intake"]]
    if kind in ("commitment/v1", "agreement/v1"):
        return [["undertake"]]
    if kind == "step/v1":
        return [["undertake" if event["target"] in ("commitment", "agreement") else "record"]]
    if kind == "position/v1":
        return [["undertake" if event["stance"] in ("admit", "agree", "ratify") else "answer"]]
    nested = needed_powers(event["event"]) if "event" in event else []
    return [["record"], *nested]


def references(event: Object) -> list[str]:
    """Return the values of all ref fields of an event (links apart)."""
    single: dict[str, list[str]] = {
        "charter/v1": ["amends"],
        "approval/v1": ["of"],
        "transfer/v1": ["under", "via"],
        "commitment/v1": ["trigger"],
        "step/v1": ["of"],
        "knowledge/v1": ["of", "via"],
        "position/v1": ["on"],
        "attestation/v1": ["of"],
        "opening/v1": ["of"],
        "erasure/v1": ["of"],
        "hold/v1": ["ends"],
    }
    kind = event["kind"]
    found: list[str] = [event[name] for name in single.get(kind, []) if name in event]
    if kind == "transfer/v1":
        found += [discharge["request"] for discharge in event.get("discharges", [])]
    if kind == "step/v1":
        found += event.get("until_events", [])
    if kind == "account/v1":
        for sentence in event.get("sentences", []):
            found += sentence.get("events", [])
    if kind == "hold/v1":
        found += event.get("of", [])
    return found
