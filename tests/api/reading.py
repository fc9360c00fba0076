"""A public ledger of Alpha, as it is read."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest

from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import Got, Site, serving
from tests.ledger.builder import NewEvent, Party, found_ledger, new_enrolment, new_event, submit

JSON: TypeAlias = "str | int | list[JSON] | dict[str, JSON]"
ALPHA, BETA, GAMMA = Party("alpha", 1), Party("beta", 2), Party("gamma", 3)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A public ledger of Alpha, of which Beta is a member and Gamma an observer."""
    found, _ = found_ledger(tmp_path / "ledger", ALPHA, visibility="public", members=["beta"])
    with found as ledger:
        submit(ledger, new_enrolment(ledger, "alpha", BETA))
        submit(ledger, new_enrolment(ledger, "alpha", GAMMA))
        joining = new_event("beta", "party/v1", verb="join", charter=ledger.fingerprint)
        submit(ledger, joining, party=BETA)
        yield ledger


@pytest.fixture
def site(ledger: Ledger) -> Iterator[Site]:
    with serving(ledger, Settings(requests_per_s=0, page=50)) as site:
        yield site


def values(got: Got) -> dict[str, JSON]:
    assert got.status == 200, got.body
    found: dict[str, JSON] = msgspec.json.decode(got.body)
    return found


def part(value: JSON) -> dict[str, JSON]:
    assert isinstance(value, dict)
    return value


class Told:
    """Events whose every claim is a word that is looked for in answers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.ids: list[str] = []
        self.open = self.tell("OPEN")
        self.limited = self.tell("LIMITED", audience=["beta"])
        self.others = self.tell("OTHERS", audience=["gamma"])
        self.withheld = self.tell("WITHHELD", withheld=True)
        self.later = self.tell("LATER", withheld=True)
        self.erased = self.tell("ERASED")
        self.before = ledger.size()
        opening = new_event("alpha", "opening/v1", of=self.later.id.hex(), names=["text", "title"])
        handed = [self.later.disclosures[name] for name in ("text", "title")]
        submit(ledger, opening, disclosures=[handed])
        erasure = new_event(
            "alpha",
            "erasure/v1",
            of=self.erased.id.hex(),
            names=["text", "title"],
            ground="court_order",
        )
        submit(ledger, erasure)

    def tell(
        self, word: str, *, audience: list[str] | None = None, withheld: bool = False
    ) -> NewEvent:
        names = ["text", "title"]
        more: dict[str, object] = {}
        if audience is not None:
            more["audience"] = dict.fromkeys(names, audience)
        event = new_event(
            "alpha",
            "request/v1",
            what="data",
            medium="written",
            to=["beta"],
            claims={name: f"{word}-{name}" for name in names},
            withheld=names if withheld else (),
            from_=["alpha"],
            **more,  # type: ignore[arg-type]  # as in the builder
        )
        knowledge = new_event(
            "alpha",
            "knowledge/v1",
            knower="beta",
            of=event.id.hex(),
            mode="became_aware",
        )
        submit(self.ledger, event, knowledge)
        self.ids.append(event.id.hex())
        return event

    def everything(self, site: Site, *, at_size: int | None = None) -> bytes:
        """Return all that a reader can get to hear."""
        more = "" if at_size is None else f"at_size={at_size}"
        paths = [
            *("/events?", "/chronology?", "/requests?", "/promises?", "/knowledge?", "/ask?"),
            *("/agreements?", "/bindings?party=beta&", "/arrangements?", "/transfers?"),
            *("/contradictions?", "/knowledge/on?day=2025-04-08&"),
            "/changes?since=2025-01-01&",
            *("/entries?", "/parties?", *(f"/events/{event_id}?" for event_id in self.ids)),
            *(f"/events/{event_id}/positions?" for event_id in self.ids),
            "/queue?party=beta&",
        ]
        if at_size is None:
            paths += ["/disclosures?", "/export?"]
        got = [site.get(f"{path}{more}") for path in paths]
        assert [200] * len(got) == [one.status for one in got]
        tails = [_tailed(site, what, self.ledger.size()) for what in ("events", "entries")]
        return b"".join([*(one.body for one in got), *tails])


def _tailed(site: Site, what: str, count: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    headers = {} if site.token is None else {"Authorization": f"Bearer {site.token}"}
    with contextlib.closing(connection):
        connection.request("GET", f"/tail?what={what}", headers=headers)
        with connection.getresponse() as response:
            lines: list[bytes] = []
            while sum(line.startswith(b"data") for line in lines) < count:
                lines.append(response.readline())
    return b"".join(lines)
