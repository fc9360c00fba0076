"""The founding dispute as two councils keep it, each in a ledger of its own.

The county dates the districts' letter a day later than Rutland does, never heard of the complaint
of 12 March, and has one mail only as a program wrote it anew. Both have the minister's reply, octet
for octet. Each calls the other by a name of its own.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.export import export
from ledger.ledger import Ledger
from ledger.reconcile.decisions import NONE, Said
from ledger.reconcile.reconciling import Reconciled, reconcile
from ledger.reconcile.sources import Holding, Sources, read_sources
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    NewEvent,
    Party,
    new_charter,
    new_enrolment,
    new_event,
    new_log_key,
    sign_document,
    submit,
)
from verify.submission import LedgerName

COUNTY, RUTLAND, BLABY = Party("leicestershire", 1), Party("rutland", 2), Party("blaby", 3)
HOUR_MS = 3_600_000

REPLY = (
    b"Message-ID: <reply-9@minister.example>\r\n"
    b"In-Reply-To: <complaint-1@rutland.example>\r\n"
    b"Date: Wed, 23 Apr 2025 10:00:00 +0100\r\n"
    b"From: Minister <office@minister.example>\r\n"
    b"To: Leader <leader@rutland.example>\r\n"
    b"Subject: Your letter of 12 March about the sharing of data between councils\r\n"
    b"\r\nThank you.\r\n"
)
MEETING_MAIL = (
    b"Message-ID: <meet-3@blaby.example>\r\n"
    b"Date: Fri, 30 May 2025 15:12:00 +0100\r\n"
    b"From: Officer <officer@blaby.example>\r\n"
    b"To: Officer <officer@county.example>\r\n"
    b"Subject: A meeting about the sharing of data\r\n"
    b"\r\nMay we meet?\r\n"
)
# What a mail program makes of it: the same words, other octets.
MEETING_MAIL_AGAIN = MEETING_MAIL.replace(
    b"Subject: A meeting about", b"Subject: A meeting\r\n about"
)
PROTOCOL = b"%PDF the protocol of Lincolnshire"


def dates(**roles: str) -> dict[str, dict[str, str]]:
    """Return dates of an event, all stated."""
    return {role: {"basis": "stated", "edtf": edtf} for role, edtf in roles.items()}


def file_of(
    content: bytes, *, name: str = "letter.eml", media_type: str = "message/rfc822"
) -> dict[str, object]:
    """Return how an event names a file."""
    return {
        "media_type": media_type,
        "name": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }


def mail_claims(content: bytes, title: str, message_id: str) -> dict[str, object]:
    """Return the claims of a mail, as importing one makes them."""
    return {"file.1": file_of(content), "title": title, "message_id": message_id}


@dataclass
class Record:
    """A ledger that one council keeps."""

    ledger: Ledger
    folder: Path
    founder: Party
    events: dict[str, NewEvent] = field(default_factory=dict)

    def add(
        self, label: str, event: NewEvent, *files: bytes, party: Party | None = None
    ) -> NewEvent:
        """Record an event, and the files that it brings."""
        for content in files:
            digest = hashlib.sha256(content).hexdigest()
            self.ledger.add_file(io.BytesIO(content), sha256=digest, size=len(content))
        submit(self.ledger, event, party=party or self.founder)
        self.events[label] = event
        return event

    def id(self, label: str) -> str:
        """Return the id of an event."""
        return self.events[label].id.hex()

    def export(self, name: str = "export", audience: str = "public") -> Path:
        """Export it."""
        path = self.folder / f"{self.founder.name}-{name}"
        export(self.ledger, path, audience=audience)
        return path


def found(
    folder: Path,
    founder: Party,
    *,
    number: int,
    members: Sequence[str] = (),
    nonce: int | None = None,
    **fields: object,
) -> Record:
    """Found a ledger; with `nonce`, equal calls give equal ones. `fields` are the charter's."""
    log_key = new_log_key(number, f"ledger.example/{founder.name}")
    charter = new_charter(founder, log_key, members=members, number=nonce, **fields)  # type: ignore[arg-type]  # as in the builder
    name = LedgerName(origin=log_key.origin)
    document = sign_document(name, founder, [charter], expires=NOON_MS + HOUR_MS)
    path = folder / founder.name
    ledger = Ledger.create(path, document=document, log_key=log_key, clock=Clock())
    return Record(ledger, folder, founder)


def county_record(folder: Path) -> Record:
    """Return what the county keeps."""
    record = found(folder, COUNTY, number=1, members=["blaby"])
    submit(record.ledger, new_enrolment(record.ledger, COUNTY.name, BLABY), party=COUNTY)
    county, names = COUNTY.name, ["blaby", "rutland"]
    record.add(
        "meeting",
        new_event(
            county,
            "meeting/v1",
            number=101,
            host="leicestershire/acting-leader",
            attendees=["blaby", "leicestershire", "rutland"],
            dates=dates(occurred="2025-03-06"),
            claims={"title": "Meeting of leaders"},
        ),
    )
    record.add(
        "asked",
        new_event(
            county,
            "request/v1",
            number=102,
            what="invitation",
            medium="oral",
            from_=["leicestershire/acting-leader"],
            to=names,
            dates=dates(occurred="2025-03-06"),
            claims={"title": "Send us your specific request"},
        ),
    )
    record.add(
        "letter",
        new_event(
            county,
            "communication/v1",
            number=103,
            channel="letter",
            from_=names,
            to=["leicestershire"],
            dates=dates(received="2025-04-08", dated="2025-04-07"),
            claims={"title": "Request for twelve categories of data"},
        ),
    )
    record.add(
        "reply",
        new_event(
            county,
            "communication/v1",
            number=104,
            channel="email",
            from_=["mhclg/minister"],
            to=["rutland"],
            cc=["leicestershire"],
            dates=dates(sent="2025-04-23T10:00:00+01:00"),
            claims=mail_claims(REPLY, "Your letter of 12 March", "reply-9@minister.example"),
        ),
        REPLY,
    )
    record.add(
        "mail",
        new_event(
            county,
            "communication/v1",
            number=105,
            channel="email",
            from_=["blaby"],
            to=["leicestershire"],
            dates=dates(sent="2025-05-30T15:12:00+01:00"),
            claims=mail_claims(
                MEETING_MAIL_AGAIN, "A meeting about the sharing of data", "meet-3@blaby.example"
            ),
        ),
        MEETING_MAIL_AGAIN,
    )
    record.add(
        "protocol",
        new_event(
            county,
            "artefact/v1",
            number=106,
            type="protocol",
            dates=dates(obtained="2025-03"),
            claims={"file.1": file_of(PROTOCOL, name="protocol.pdf", media_type="application/pdf")},
        ),
        PROTOCOL,
    )
    answer = new_event(
        county, "step/v1", number=107, of=record.id("asked"), target="request", verb="answer",
        outcome="full", by="rutland", dates=dates(occurred="2025-04-20"),
    )  # fmt: skip
    record.add("answer", answer)
    return record


def rutland_record(folder: Path) -> Record:
    """Return what Rutland keeps: it calls the county `lcc`."""
    record = found(folder, RUTLAND, number=2, members=["blaby"])
    submit(record.ledger, new_enrolment(record.ledger, RUTLAND.name, BLABY), party=RUTLAND)
    rutland = RUTLAND.name
    record.add(
        "meeting",
        new_event(
            rutland,
            "meeting/v1",
            number=201,
            host="lcc",
            attendees=["blaby", "lcc", "rutland"],
            dates=dates(occurred="2025-03-06"),
            claims={"title": "Leaders' meeting"},
        ),
    )
    record.add(
        "asked",
        new_event(
            rutland,
            "request/v1",
            number=202,
            what="data",
            medium="oral",
            from_=["blaby", "rutland"],
            to=["lcc"],
            dates=dates(occurred="2025-03-06"),
            claims={"title": "We asked for data"},
        ),
    )
    record.add(
        "complaint",
        new_event(
            rutland,
            "communication/v1",
            number=203,
            channel="letter",
            from_=["blaby", "rutland"],
            to=["mhclg/minister"],
            cc=["lcc"],
            dates=dates(dated="2025-03-12"),
            claims={
                "title": "Letter about the county",
                "message_id": "complaint-1@rutland.example",
            },
        ),
    )
    record.add(
        "letter",
        new_event(
            rutland,
            "communication/v1",
            number=204,
            channel="letter",
            from_=["blaby", "rutland"],
            to=["lcc"],
            dates=dates(sent="2025-04-07", dated="2025-04-04"),
            claims={"title": "Request for twelve categories of data"},
        ),
    )
    record.add(
        "reply",
        new_event(
            rutland,
            "communication/v1",
            number=205,
            channel="email",
            from_=["mhclg/minister"],
            to=["rutland"],
            dates=dates(sent="2025-04-23T10:00:00+01:00"),
            links=[{"rel": "replies_to", "event": record.id("complaint")}],
            claims=mail_claims(REPLY, "Your letter of 12 March", "reply-9@minister.example"),
        ),
        REPLY,
    )
    record.add(
        "mail",
        new_event(
            rutland,
            "communication/v1",
            number=206,
            channel="email",
            from_=["blaby"],
            to=["lcc"],
            dates=dates(sent="2025-05-30T15:12:00+01:00"),
            claims=mail_claims(
                MEETING_MAIL, "A meeting about the sharing of data", "meet-3@blaby.example"
            ),
        ),
        MEETING_MAIL,
    )
    refusal = new_event(
        rutland, "step/v1", number=207, of=record.id("asked"), target="request", verb="refuse",
        reason="unclear", by="lcc", dates=dates(occurred="2025-04-20"),
    )  # fmt: skip
    record.add("refusal", refusal)
    return record


def sources_of(*paths: Path, room: Path, holding: Holding | None = None) -> Sources:
    """Audit sources, with a room of their own."""
    room.mkdir(exist_ok=True)
    return read_sources(paths, holding=holding or Holding(), room=room)


def reconciled(*paths: Path, room: Path, said: Said = NONE, same: Sequence[str] = ()) -> Reconciled:
    """Audit and reconcile."""
    return reconcile(sources_of(*paths, room=room), said=said, same_parties=same)
