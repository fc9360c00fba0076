"""Kinds: the schema of every kind of event and of every field (SPEC section 4).

An event is what one party says once. This module holds what one event can break by itself; what
it may break together with earlier entries is in `rules`. What the words mean (who owes whom an
answer, what is late) belongs to nobody here.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from verify.claims import check_names, is_claim_name
from verify.codec import (
    Actor,
    Count,
    Day,
    Hash,
    HashText,
    Index,
    Label,
    LabelText,
    NonceText,
    Origin,
    Party,
    SignatureHex,
    Wire,
    is_sorted,
)

__all__ = [
    "GOVERNANCE",
    "SPEC_VERSION",
    "STEP_VERBS",
    "Account",
    "Actors",
    "Agreement",
    "Approval",
    "Arrangement",
    "Artefact",
    "Attestation",
    "Basis",
    "Charter",
    "Commitment",
    "Communication",
    "Date",
    "DateRole",
    "Discharge",
    "Erasure",
    "Event",
    "FoundingKey",
    "Hold",
    "Key",
    "Knowledge",
    "Link",
    "Meeting",
    "Membership",
    "NestedEvent",
    "Opening",
    "Position",
    "Positive",
    "Power",
    "Powers",
    "Predecessor",
    "Ranges",
    "Rel",
    "Request",
    "Sealed",
    "Sentence",
    "Step",
    "Thresholds",
    "Transfer",
    "Witness",
]

SPEC_VERSION: Final = "counterfoil/1"

Basis = Literal["stated", "inferred", "corroborated", "convention"]
DateRole = Literal[
    "as_at", "created", "dated", "due", "effective", "end", "handed_over", "held", "made",
    "obtained", "occurred", "opened", "opens_by", "period", "published", "received", "sent",
    "start", "until", "value",
]  # fmt: skip
Rel = Literal[
    "about", "corrects", "discharges", "encloses", "evidences", "follows", "minutes_of",
    "replies_to", "same_as", "supersedes",
]  # fmt: skip
Power = Literal["answer", "govern", "intake", "record", "undertake"]
YesNo = Literal["yes", "no", "unknown"]

Edtf = Annotated[str, msgspec.Meta(pattern=r"\A[0-9X?~%.,/:TZ+\[\]-]{4,64}\Z")]
Actors = Annotated[tuple[Actor, ...], msgspec.Meta(min_length=1, max_length=64)]
Parties = Annotated[tuple[Party, ...], msgspec.Meta(min_length=1, max_length=1024)]
Refs = Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=256)]
Powers = Annotated[tuple[Power, ...], msgspec.Meta(min_length=1)]
Small = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Ranges = Annotated[tuple[tuple[Small, Small], ...], msgspec.Meta(min_length=1, max_length=256)]
Names = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=512)]


class Date(Wire, frozen=True, kw_only=True):
    """One date of an event: what is known of a day, in EDTF, and on what ground."""

    basis: Basis
    edtf: Edtf


class Link(Wire, frozen=True, kw_only=True):
    """A link to an earlier event, of this ledger or of the one whose fingerprint it names."""

    event: Hash
    rel: Rel
    ledger: Hash | None = None


def _check_distinct(where: str, values: tuple[object, ...] | None) -> None:
    if values is not None and 1 < len(values) != len(set(values)):
        raise ValueError(f"{where}: holds something twice")


def _check_sorted(where: str, values: tuple[str, ...] | None) -> None:
    if values is not None and not is_sorted(values):
        raise ValueError(f"{where}: is not in ascending order without repeats")


def _check_ranges(where: str, ranges: Ranges | None) -> None:
    end = -1  # so that the first range may begin at 1
    for first, last in ranges or ():
        if first > last or first <= end + 1:
            raise ValueError(f"{where}: ranges are not ascending and apart")
        end = last


class _Event(Wire, frozen=True, kw_only=True, tag_field="kind"):
    """The fields of every event."""

    author: LabelText
    nonce: NonceText
    dates: Annotated[dict[DateRole, Date], msgspec.Meta(min_length=1)] | None = None
    links: Annotated[tuple[Link, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None
    on_behalf_of: Actors | None = None
    authority: Literal["claimed", "evidenced", "ratified", "disowned"] | None = None
    sealed: Annotated[dict[str, HashText], msgspec.Meta(min_length=1, max_length=512)] | None = None
    withheld: Names | None = None
    audience: Annotated[dict[str, Parties], msgspec.Meta(min_length=1)] | None = None
    retain: Annotated[dict[str, Day], msgspec.Meta(min_length=1)] | None = None
    cipher: Annotated[dict[str, Hash], msgspec.Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        """Check what one event can break by itself in the fields that all events have.

        Raises:
            ValueError: Something is out of order, twice, or without what it goes with.
        """
        if self.sealed is not None:
            check_names(tuple(self.sealed))
        if self.links is not None:
            _check_distinct("links", self.links)
        if self.authority is not None and self.on_behalf_of is None:
            raise ValueError("authority: goes only with on_behalf_of")
        if self.on_behalf_of is not None:
            _check_distinct("on_behalf_of", self.on_behalf_of)
        if self.withheld is not None:
            _check_sorted("withheld", self.withheld)
            self._check_sealed("withheld", self.withheld)
        if self.retain is not None:
            self._check_sealed("retain", self.retain)
        if self.cipher is not None:
            self._check_sealed("cipher", self.cipher)
        if self.audience is not None:
            self._check_sealed("audience", self.audience)
            for name, parties in self.audience.items():
                _check_sorted(f"audience.{name}", parties)

    def _check_sealed(self, field: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in (self.sealed or {}):
                raise ValueError(f"{field}: {name!r} is not sealed by this event")


# Governance


class FoundingKey(Wire, frozen=True, kw_only=True):
    """The key that signs entry 0."""

    key: Hash
    powers: Powers
    post: Label | None = None

    def __post_init__(self) -> None:
        """Check the order of the powers, and that there is `govern` among them."""
        _check_sorted("powers", self.powers)
        if "govern" not in self.powers:
            raise ValueError("powers: the founding key needs the power govern")


class Predecessor(Wire, frozen=True, kw_only=True):
    """The ledger that this one succeeds, and where it ended."""

    charter: Hash
    root: Hash
    size: Positive


class Thresholds(Wire, frozen=True, kw_only=True):
    """How many must sign: registrars for governance, other members for a recovery."""

    govern: Annotated[int, msgspec.Meta(ge=1, le=1024)]
    recover: Annotated[int, msgspec.Meta(ge=1, le=1024)]


class Witness(Wire, frozen=True, kw_only=True):
    """An independent co-signer of checkpoints."""

    algorithm: Literal["ed25519", "ml-dsa-44"]
    key: Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9a-f]{64}|[0-9a-f]{2624})\Z")]
    name: Origin
    party: Party | None = None

    def __post_init__(self) -> None:
        """Check that the key has the length of its algorithm."""
        if len(self.key) != (64 if self.algorithm == "ed25519" else 2624):
            raise ValueError(f"key: has not the length of a key of {self.algorithm}")


class Charter(_Event, frozen=True, kw_only=True, tag="charter/v1"):
    """The rules that the parties agree on, and who keeps the log."""

    contemporaneous_days: Days
    controller: Party
    log_key: Hash
    members: Parties
    notice_days: Days
    origin: Origin
    quorum: Annotated[int, msgspec.Meta(ge=0, le=32)]
    registrars: Parties
    spec: Annotated[str, msgspec.Meta(pattern=r"\Acounterfoil/[1-9][0-9]{0,3}\Z")]
    state: Literal["open", "closed"]
    thresholds: Thresholds
    tolerance_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)]
    visibility: Literal["public", "members"]
    waiting_days: Days
    amends: Hash | None = None
    founding_key: FoundingKey | None = None
    predecessor: Predecessor | None = None
    witnesses: Annotated[tuple[Witness, ...], msgspec.Meta(min_length=1, max_length=32)] | None = (
        None
    )

    def __post_init__(self) -> None:
        """Check orders, and that numbers of people fit the people."""
        super().__post_init__()
        _check_sorted("members", self.members)
        _check_sorted("registrars", self.registrars)
        if not set(self.registrars) <= set(self.members):
            raise ValueError("registrars: each must be a member")
        if self.thresholds.govern > len(self.registrars):
            raise ValueError("thresholds.govern: exceeds the number of registrars")
        witnesses = self.witnesses or ()
        if self.quorum > len(witnesses):
            raise ValueError("quorum: exceeds the number of witnesses")
        _check_distinct("witnesses", tuple(w.name for w in witnesses))
        _check_distinct("witnesses", tuple(w.key for w in witnesses))


class Membership(_Event, frozen=True, kw_only=True, tag="party/v1"):
    """A party joins, and is bound from here; or leaves."""

    verb: Literal["join", "leave"]
    charter: Hash


class Key(_Event, frozen=True, kw_only=True, tag="key/v1"):
    """A party's key begins or ends."""

    verb: Literal["enrol", "revoke", "recover"]
    party: Party
    key: Hash
    post: Label | None = None
    powers: Powers | None = None
    possession: SignatureHex | None = None
    replaces: Hash | None = None
    compromised_since: Index | None = None

    def __post_init__(self) -> None:
        """Check that the verb has its fields and no others."""
        super().__post_init__()
        if self.verb == "revoke":
            if (self.post, self.powers, self.possession, self.replaces) != (None,) * 4:
                raise ValueError("verb: revoke has no post, powers, possession or replaces")
            return
        if self.powers is None or self.possession is None:
            raise ValueError(f"verb: {self.verb} needs powers and possession")
        if self.compromised_since is not None:
            raise ValueError("compromised_since: goes only with revoke")
        if self.verb == "recover" and self.replaces is not None:
            raise ValueError("replaces: goes only with enrol")
        _check_sorted("powers", self.powers)


class Approval(_Event, frozen=True, kw_only=True, tag="approval/v1"):
    """A party approves a pending act of governance."""

    of: Hash


# What happened


class Communication(_Event, frozen=True, kw_only=True, tag="communication/v1"):
    """A letter, an email, a call, a message, an upload, a publication."""

    channel: Literal["letter", "email", "call", "message", "portal", "publication", "other"]
    from_: Actors | None = msgspec.field(name="from", default=None)
    to: Actors | None = None
    cc: Actors | None = None
    delivery: Literal["none", "sent", "delivered", "bounced", "unknown"] | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice in one list."""
        super().__post_init__()
        _check_distinct("from", self.from_)
        _check_distinct("to", self.to)
        _check_distinct("cc", self.cc)


class Meeting(_Event, frozen=True, kw_only=True, tag="meeting/v1"):
    """A meeting or call of several; with `count`, several of them told as one."""

    attendees: Actors | None = None
    apologies: Actors | None = None
    chair: Actor | None = None
    host: Actor | None = None
    medium: Literal["in_person", "video", "call", "hybrid", "unknown"] | None = None
    minutes: YesNo | None = None
    count: Small | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice in one list."""
        super().__post_init__()
        _check_distinct("attendees", self.attendees)
        _check_distinct("apologies", self.apologies)


class Artefact(_Event, frozen=True, kw_only=True, tag="artefact/v1"):
    """A file or paper put in evidence."""

    type: Literal[
        "protocol", "minutes", "dataset", "assessment", "letter", "policy", "recording", "other"
    ]
    custodian: Actor | None = None
    provenance: Actor | None = None


class Discharge(Wire, frozen=True, kw_only=True):
    """The items of a request that a transfer answers."""

    request: Hash
    items: Ranges | None = None

    def __post_init__(self) -> None:
        """Check the order of the item ranges."""
        _check_ranges("items", self.items)


class Transfer(_Event, frozen=True, kw_only=True, tag="transfer/v1"):
    """Data actually passed. The receipt is the recipient's `position: received`."""

    from_: Actor = msgspec.field(name="from")
    to: Actors
    discharges: (
        Annotated[tuple[Discharge, ...], msgspec.Meta(min_length=1, max_length=256)] | None
    ) = None
    geography: (
        Literal["postcode", "oa", "lsoa", "msoa", "ward", "district", "county", "person", "other"]
        | None
    ) = None
    personal_data: YesNo | None = None
    rows: Count | None = None
    under: Hash | None = None
    via: Hash | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice, and nothing said twice."""
        super().__post_init__()
        _check_distinct("to", self.to)
        _check_distinct("discharges", self.discharges)


# What was undertaken


class Request(_Event, frozen=True, kw_only=True, tag="request/v1"):
    """An ask: for data, a meeting, a reply, a decision, a signature; or an invitation."""

    what: Literal["data", "meeting", "reply", "decision", "signature", "invitation", "other"]
    medium: Literal["written", "oral", "unknown"]
    from_: Actors = msgspec.field(name="from")
    to: Actors
    categories: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    areas: Actors | None = None
    areas_doubtful: Actors | None = None
    regime: (
        Literal["none", "agreed_date", "foia_20", "eir_20_40", "sar_1_month", "cpr_deemed"] | None
    ) = None
    personal_data: YesNo | None = None
    controllers: Literal["joint", "separate", "unknown"] | None = None
    agreement_in_place: YesNo | None = None
    reply_to: Actor | None = None

    def __post_init__(self) -> None:
        """Check that nobody and no area is named twice in one list."""
        super().__post_init__()
        _check_distinct("from", self.from_)
        _check_distinct("to", self.to)
        if self.areas_doubtful is not None and self.areas is None:
            raise ValueError("areas_doubtful: goes only with areas")
        _check_distinct("areas", self.areas)
        _check_distinct("areas_doubtful", self.areas_doubtful)


class Commitment(_Event, frozen=True, kw_only=True, tag="commitment/v1"):
    """A promise, an undertaking, an action point."""

    by: Actor
    to: Actors
    what: Literal["data", "document", "meeting", "reply", "decision", "payment", "other"]
    trigger: Hash | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice."""
        super().__post_init__()
        _check_distinct("to", self.to)


class Agreement(_Event, frozen=True, kw_only=True, tag="agreement/v1"):
    """An information sharing agreement, a protocol, terms: proposed, signed, in force or not."""

    type: Literal["information_sharing", "protocol", "terms", "memorandum", "funding", "other"]
    signatories: Actors | None = None
    effective: Literal["all_signed", "each_signed", "date"] | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice."""
        super().__post_init__()
        _check_distinct("signatories", self.signatories)


class Arrangement(_Event, frozen=True, kw_only=True, tag="arrangement/v1"):
    """A working group, or a facility such as a repository."""

    type: Literal["forum", "facility"]
    operator: Actor | None = None
    members: Actors | None = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice."""
        super().__post_init__()
        _check_distinct("members", self.members)


STEP_VERBS: dict[str, frozenset[str]] = {
    "request": frozenset(
        (
            *("acknowledge", "answer", "chase", "clarify", "defer", "escalate", "extend"),
            *("narrow", "refuse", "resume", "review", "seek_clarification", "transfer"),
            "withdraw",
        )
    ),
    "commitment": frozenset(
        (
            *("claim_unfulfilled", "confirm", "fulfil", "overtaken", "part_fulfil", "release"),
            "replace",
        )
    ),
    "agreement": frozenset(
        ("comment", "draft", "end", "not_adopted", "propose", "sign", "suspend", "vary")
    ),
    "arrangement": frozenset(("chair", "close", "dormant", "establish", "join", "leave", "terms")),
}


class Step(_Event, frozen=True, kw_only=True, tag="step/v1"):
    """Moves a request (or items of it), a commitment, an agreement or an arrangement."""

    of: Hash
    target: Literal["request", "commitment", "agreement", "arrangement"]
    verb: str
    by: Actor | None = None
    to: Actors | None = None
    items: Ranges | None = None
    outcome: Literal["full", "part", "not_held", "already_public"] | None = None
    reason: (
        Literal[
            "unclear", "purpose", "lawful_basis", "cost", "exempt", "repeated", "not_held", "other"
        ]
        | None
    ) = None
    version: Small | None = None
    members: Actors | None = None
    until_events: Refs | None = None

    def __post_init__(self) -> None:
        """Check that the target knows the verb, and that outcomes go with answers."""
        super().__post_init__()
        if self.verb not in STEP_VERBS[self.target]:
            raise ValueError(f"verb: {self.verb!r} is no step of {self.target}")
        if (self.verb == "answer") is (self.outcome is None):
            raise ValueError("outcome: goes with answer, and answer has one")
        _check_ranges("items", self.items)
        _check_distinct("to", self.to)
        _check_distinct("members", self.members)
        _check_distinct("until_events", self.until_events)


# What was known and held


class Knowledge(_Event, frozen=True, kw_only=True, tag="knowledge/v1"):
    """Somebody knew, was told, was not told, or says it does not know."""

    knower: Actor
    of: Hash
    mode: Literal[
        "became_aware", "told", "not_told", "could_have_known", "disclaims", "knew_earlier"
    ]
    directness: (
        Literal["actor_told", "copied", "third_party", "public_source", "own_record", "inferred"]
        | None
    ) = None
    via: Hash | None = None
    by: Actor | None = None


_FIELDS = frozenset(("happened", "actors", "items", "status"))


class Position(_Event, frozen=True, kw_only=True, tag="position/v1"):
    """A party's stance on an event, or on one field of it."""

    on: Hash
    stance: Literal[
        "received", "admit", "agree", "not_admit", "dispute", "deny", "correct", "retract_own",
        "ratify", "disown", "object",
    ]  # fmt: skip
    field: str | None = None
    items: Ranges | None = None

    def __post_init__(self) -> None:
        """Check that the field is one that positions can be about."""
        super().__post_init__()
        _check_ranges("items", self.items)
        if self.field is None or self.field in _FIELDS:
            return
        head, _, rest = self.field.partition(".")
        if not (head == "dates" and rest in get_args(DateRole)) and not (
            head == "claims" and is_claim_name(rest)
        ):
            fields = ", ".join(sorted(_FIELDS))
            raise ValueError(f"field: {self.field!r} is none of {fields}, dates.… and claims.…")


class Sentence(Wire, frozen=True, kw_only=True):
    """A sentence of an account, by number, and the events that stand behind it."""

    number: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    events: Refs | None = None

    def __post_init__(self) -> None:
        """Check that no event is named twice."""
        _check_distinct("events", self.events)


class Account(_Event, frozen=True, kw_only=True, tag="account/v1"):
    """A statement of events that a party publishes."""

    from_: Actor | None = msgspec.field(name="from", default=None)
    to: Actors | None = None
    sentences: (
        Annotated[tuple[Sentence, ...], msgspec.Meta(min_length=1, max_length=4096)] | None
    ) = None

    def __post_init__(self) -> None:
        """Check that nobody is named twice and that the sentences ascend."""
        super().__post_init__()
        _check_distinct("to", self.to)
        if not is_sorted([sentence.number for sentence in self.sentences or ()]):
            raise ValueError("sentences: numbers are not ascending")


# Evidence and privacy


class Attestation(_Event, frozen=True, kw_only=True, tag="attestation/v1"):
    """Outside evidence about an event or a checkpoint; its material is claims."""

    type: Literal[
        "dkim", "arc", "rfc3161", "opentimestamps", "delivery_log", "public_record", "other"
    ]
    of: Hash | None = None
    size: Positive | None = None
    root: Hash | None = None

    def __post_init__(self) -> None:
        """Check that it is about an event or a checkpoint, and not both."""
        super().__post_init__()
        if (self.size is None) is not (self.root is None):
            raise ValueError("size: goes with root")
        if (self.of is None) is (self.size is None):
            raise ValueError("of: exactly one of `of` and `size` with `root`")


class Sealed(_Event, frozen=True, kw_only=True, tag="sealed/v1"):
    """The id of an event that its author will open later, and by when."""

    seals: Hash

    def __post_init__(self) -> None:
        """Check that nothing but the promised day stands beside the id."""
        super().__post_init__()
        others = (self.links, self.on_behalf_of, self.sealed)
        if any(field is not None for field in others):
            raise ValueError("seals: goes with no other field than dates")
        opens_by = (self.dates or {}).get("opens_by")
        if opens_by is None or len(self.dates or {}) != 1:
            raise ValueError("dates: has exactly opens_by")
        try:
            msgspec.convert(opens_by.edtf, Day)
        except msgspec.ValidationError:
            raise ValueError("dates.opens_by: is not a day") from None


class Erasure(_Event, frozen=True, kw_only=True, tag="erasure/v1"):
    """Announces that claims are destroyed."""

    of: Hash
    names: Names
    ground: Literal[
        "subject_request", "retention", "legal_obligation", "court_order", "regulator_order",
        "error", "other",
    ]  # fmt: skip

    def __post_init__(self) -> None:
        """Check the order of the names, and that they are names."""
        super().__post_init__()
        _check_claim_names(self.names)


class Hold(_Event, frozen=True, kw_only=True, tag="hold/v1"):
    """Forbids erasure of the events named or of all, or ends such a hold."""

    of: Refs | None = None
    all: Literal["yes"] | None = None
    ends: Hash | None = None

    def __post_init__(self) -> None:
        """Check that it does one thing."""
        super().__post_init__()
        if sum(field is not None for field in (self.of, self.all, self.ends)) != 1:
            raise ValueError("of: exactly one of `of`, `all`, `ends`")
        _check_distinct("of", self.of)


def _check_claim_names(names: tuple[str, ...]) -> None:
    _check_sorted("names", names)
    for name in names:
        if not is_claim_name(name):
            raise ValueError(f"names: {name!r} is not a claim name")


NestedEvent: TypeAlias = (
    Communication
    | Meeting
    | Artefact
    | Transfer
    | Request
    | Commitment
    | Agreement
    | Arrangement
    | Step
    | Knowledge
    | Position
    | Account
    | Attestation
    | Erasure
    | Hold
)


class Opening(_Event, frozen=True, kw_only=True, tag="opening/v1"):
    """Opens a sealed event, or hands over claims that an event withheld."""

    of: Hash
    event: NestedEvent | None = None
    names: Names | None = None

    def __post_init__(self) -> None:
        """Check that it does one thing and seals nothing itself."""
        super().__post_init__()
        if (self.event is None) is (self.names is None):
            raise ValueError("event: exactly one of `event` and `names`")
        if self.sealed is not None:
            raise ValueError("sealed: an opening seals nothing")
        _check_claim_names(self.names or ())


Event: TypeAlias = NestedEvent | Charter | Membership | Key | Approval | Sealed | Opening
GOVERNANCE = (Charter, Membership, Key, Approval)
