"""Section 7: entries, each by itself."""

from dataclasses import dataclass

from tests.reference.canonical import MAX_ENTRY, MAX_EVENTS, Object, encode, parse
from tests.reference.events import check_event_object, event_id
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import HEX_32, INDEX, INSTANT, SIGNATURE, anything, fields, integer
from tests.reference.submissions import STATEMENT
from tests.reference.tree import leaf_hash

ENTRY = fields(
    {
        "event": anything,
        "index": INDEX,
        "position": integer(0, MAX_EVENTS - 1),
        "recorded": INSTANT,
    },
    {"prev": HEX_32, "rules": HEX_32, "signature": SIGNATURE, "statement": anything},
)


@dataclass
class Entry:
    """One entry that is well-formed by itself.

    Attributes:
        body: Its JSON object.
        octets: Its octets.
        leaf: Its leaf hash; the audit of a damaged log replaces it by what the others say.
    """

    body: Object
    octets: bytes
    leaf: bytes

    @property
    def index(self) -> int:
        return int(self.body["index"])

    @property
    def position(self) -> int:
        return int(self.body["position"])

    @property
    def recorded(self) -> int:
        return int(self.body["recorded"])

    @property
    def event(self) -> Object:
        event: Object = self.body["event"]
        return event

    @property
    def id(self) -> str:
        octets = encode(self.event)
        # The entry is canonical, so its event stands in it in this spelling.
        assert octets in self.octets
        return event_id(octets)


def check_entry(data: bytes) -> None:
    """Refuse octets that are no entry by themselves [401] [403] [405] [406] [511] [104]."""
    parse_entry(data)


def parse_entry(data: bytes) -> Entry:
    """Read an entry; where it stands in a log is not decided here."""
    with refusing(401):
        if len(data) > MAX_ENTRY:
            raise Malformed(f"entry is larger than {MAX_ENTRY} octets")
        body = parse(data)
        ENTRY(body, "entry")
    assert isinstance(body, dict)
    with refusing(405):
        check_event_object(body["event"], "entry.event")
    if "statement" in body:
        with refusing(511):
            STATEMENT(body["statement"], "entry.statement")
    first = body["position"] == 0
    need(403, "prev is there", found="prev" in body, expected=body["index"] > 0)
    need(406, "statement is there", found="statement" in body, expected=first)
    need(406, "signature is there", found="signature" in body, expected=first)
    need(406, "rules is there", found="rules" in body, expected=first and body["index"] > 0)
    if body["position"] > body["index"]:
        raise Refused(406, "the submission would begin before entry 0")
    return Entry(body=body, octets=data, leaf=leaf_hash(data))
