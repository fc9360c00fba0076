"""Who may read: sessions, over a real socket and a real ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path

import msgspec
import pytest

from api.clock import elapsed_ms, now_ms
from api.problems import PREFIX, ProblemError
from api.sessions import COOKIE, Sessions
from api.settings import Settings
from ledger.ledger import Ledger
from ledger.sequencer import Wanted
from tests.api.serving import JSON, Got, Site, serving
from tests.ledger.builder import (
    NOON_MS,
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    sign_document,
    submit,
)
from verify.session import SESSION
from verify.submission import SUBMISSION, LedgerName

ALPHA = Party("alpha", 1)
BETA = Party("beta", 2)
BUNDLE = "/tile/entries/000.p/1"
CONTENT = b"%PDF-1"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Clock:
    """The wall clock, and how much time has passed; the one can be set by itself."""

    def __init__(self) -> None:
        self.later_ms = 0
        self.set_ms = 0

    def __call__(self) -> int:
        return now_ms() + self.later_ms + self.set_ms

    def elapsed_ms(self) -> int:
        return elapsed_ms() + self.later_ms


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(ledger: Ledger, clock: Clock) -> Iterator[Site]:
    with serving(ledger, now_ms=clock, elapsed_ms=clock.elapsed_ms) as site:
        yield site


def slug(got: Got) -> tuple[int, str]:
    return got.status, got.problem.type.removeprefix(PREFIX)


def file_document(ledger: Ledger) -> bytes:
    value = {
        "media_type": "application/pdf",
        "name": "letter.pdf",
        "sha256": DIGEST,
        "size": len(CONTENT),
    }
    event = new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value})
    return sign_document(ledger, ALPHA, [event])


UNKNOWN = (401, "unauthenticated")


def nonce_of(site: Site) -> str:
    nonce: str = msgspec.json.decode(site.ask("POST", "/nonces").body)["nonce"]
    return nonce


def begin(
    site: Site,
    ledger: Ledger,
    nonce: str | None = None,
    *,
    party: Party = ALPHA,
    payload_type: str = SESSION,
    changes: Mapping[str, object] | None = None,
) -> Got:
    body = site.session_body(
        ledger, party, nonce or nonce_of(site), changes=changes, payload_type=payload_type
    )
    return site.ask("POST", "/sessions", body, JSON)


def test_entries_of_members_are_read_with_a_session_only(ledger: Ledger, site: Site) -> None:
    stranger = site.get(BUNDLE)
    member = site.signed_in(ledger, ALPHA).get(BUNDLE)

    assert UNKNOWN == slug(stranger)
    assert "Bearer" == stranger.headers["www-authenticate"]
    assert 200 == member.status
    assert "private" in member.headers["cache-control"]


def test_checkpoint_and_hashes_are_for_anybody(site: Site) -> None:
    for path in ("/checkpoint", "/tile/0/000.p/1"):
        got = site.get(path)

        assert 200 == got.status
        assert "*" == got.headers["access-control-allow-origin"]


def test_a_public_ledger_is_for_anybody(tmp_path: Path) -> None:
    with (
        found_ledger(tmp_path / "open", ALPHA, visibility="public")[0] as ledger,
        serving(ledger) as site,
    ):
        got = site.get(BUNDLE)

    assert 200 == got.status
    assert "public" in got.headers["cache-control"]


def test_says_whose_session_it_is_until_it_is_ended(ledger: Ledger, site: Site) -> None:
    alpha = site.signed_in(ledger, ALPHA)
    told = msgspec.json.decode(alpha.get("/sessions/current").body)
    ended = alpha.ask("DELETE", "/sessions/current")

    assert ("alpha", ALPHA.public) == (told["party"], told["key"])
    assert 204 == ended.status
    assert UNKNOWN == slug(alpha.get("/sessions/current"))
    assert UNKNOWN == slug(alpha.get(BUNDLE))
    assert [UNKNOWN] * 2 == [slug(site.ask(m, "/sessions/current")) for m in ("GET", "DELETE")]


def test_the_token_comes_as_a_cookie_that_no_script_reads(ledger: Ledger, site: Site) -> None:
    got = begin(site, ledger)
    cookie = SimpleCookie(got.headers["set-cookie"])[COOKIE]
    beside = ("a=b", "", "[odd] @", f"x{COOKIE}=1")
    reads = [
        site.ask("GET", BUNDLE, headers={"Cookie": f"{other}; {COOKIE}={cookie.value}"}).status
        for other in beside
    ]

    assert (True, "strict", "/") == (cookie["httponly"], cookie["samesite"], cookie["path"])
    assert 8 * 3600 - 30 <= int(cookie["max-age"]) <= 8 * 3600
    assert [200] * len(beside) == reads
    given = {"Cookie": f"{COOKIE}={cookie.value}"}
    ended = site.ask("DELETE", "/sessions/current", headers=given)
    gone = SimpleCookie(ended.headers["set-cookie"])[COOKIE]
    assert ("", "0") == (gone.value, gone["max-age"])


def test_a_statement_is_good_once(ledger: Ledger, site: Site) -> None:
    nonce = nonce_of(site)

    assert 201 == begin(site, ledger, nonce).status
    assert UNKNOWN == slug(begin(site, ledger, nonce))


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": LedgerName(origin="example.org/other", charter="ab" * 32)},
        {"host": "ledger.example"},
        {"party": "beta"},
        {"key": BETA.public},
        {"at": 1},
        {"nonce": "00" * 32},
    ],
)
def test_refuses_what_was_signed_for_something_else(
    ledger: Ledger, site: Site, changes: dict[str, object]
) -> None:
    assert UNKNOWN == slug(begin(site, ledger, changes=changes))


def test_who_holds_no_key_hears_of_none(ledger: Ledger, site: Site) -> None:
    # A key of this ledger, of another party, of nobody: signed by somebody who has none of them.
    stranger = Party("omega", 99)
    claims = [{"party": "alpha", "key": key} for key in (ALPHA.public, BETA.public, "11" * 32)]
    answers = [
        site.ask("POST", "/sessions",
                 site.session_body(ledger, stranger, nonce_of(site), changes=each), JSON)
        for each in claims
    ]  # fmt: skip

    assert [UNKNOWN] * 3 == [slug(got) for got in answers]
    assert 1 == len({got.body for got in answers})


def test_refuses_what_was_signed_for_a_server_that_passed_the_nonce_on(ledger: Ledger) -> None:
    with serving(ledger, Settings(names=("ledger.example",))) as site:
        answers = [
            site.ask(
                "POST",
                "/sessions",
                site.session_body(ledger, ALPHA, nonce_of(site), changes={"host": host}),
                {**JSON, "Host": host},
            )
            for host in ("lure.example", "ledger.example")
        ]

    assert [401, 201] == [got.status for got in answers]


def test_refuses_a_signature_that_was_made_for_a_submission(ledger: Ledger, site: Site) -> None:
    assert UNKNOWN == slug(begin(site, ledger, payload_type=SUBMISSION))


def test_without_a_name_the_server_is_called_by_its_address(ledger: Ledger, site: Site) -> None:
    lure = "lure.example"
    body = site.session_body(ledger, ALPHA, nonce_of(site), changes={"host": lure})
    lured = site.ask("POST", "/sessions", body, {**JSON, "Host": lure})
    local = f"localhost:{site.port}"
    body = site.session_body(ledger, ALPHA, nonce_of(site), changes={"host": local})
    given = site.ask("POST", "/sessions", body, {**JSON, "Host": local})

    assert UNKNOWN == slug(lured)
    assert lured.problem.detail.endswith("Behind a proxy it needs the setting `names`")
    assert 201 == given.status


def test_the_absolute_form_says_how_the_server_is_called(ledger: Ledger, site: Site) -> None:
    local, lure = f"localhost:{site.port}", "lure.example"
    statuses = []
    for called, host in ((local, lure), (lure, local)):
        body = site.session_body(ledger, ALPHA, nonce_of(site), changes={"host": local})
        head = (
            f"POST http://{called}/sessions HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        statuses.append(site.raw(head.encode() + body).status)

    assert [201, 401] == statuses


def test_leave_that_others_are_given_ends_nobody_elses(ledger: Ledger) -> None:
    name = LedgerName(origin=ledger.origin, charter=ledger.fingerprint)
    made = Sessions(
        name, ledger.state,
        now_ms=now_ms, elapsed_ms=elapsed_ms, session_s=60, nonce_s=60, each=1,
    )  # fmt: skip
    files = {"0" * 64: 7}
    mine = made.permit(Wanted("alpha", files)).token
    others = [made.permit(Wanted("beta", files)).token for _ in range(2000)]

    assert "alpha" == made.permitted(mine, sha256="0" * 64, size=7)
    known = [token for token in others if made.permitted(token, sha256="0" * 64, size=7)]
    assert others[-len(known) :] == known
    assert 0 < len(known) < 100


def test_refuses_a_nonce_that_ran_out(ledger: Ledger, site: Site, clock: Clock) -> None:
    nonce = nonce_of(site)
    clock.later_ms = 121_000

    assert UNKNOWN == slug(begin(site, ledger, nonce, changes={"at": clock()}))


class Desk:
    """The sessions of a ledger, by clocks that stand still; all that is good is good so long."""

    GOOD_MS = 60_000

    def __init__(self, ledger: Ledger, *, each: int = 10) -> None:
        self.now_ms = 0  # of the clock that nobody sets
        self.ahead_ms = now_ms()  # how far the wall clock is set before that
        self.ledger = ledger
        good_s = self.GOOD_MS / 1000
        self.sessions = Sessions(
            LedgerName(origin=ledger.origin, charter=ledger.fingerprint), ledger.state,
            now_ms=lambda: self.now_ms + self.ahead_ms, elapsed_ms=lambda: self.now_ms,
            session_s=good_s, nonce_s=good_s, each=each,
        )  # fmt: skip

    def begin(self, party: Party = ALPHA, *, nonce: str | None = None, at_ms: int = 0) -> str:
        """Begin a session with a statement signed at a time from now; return its token."""
        nonce = nonce or self.sessions.nonce()[0]
        changes = {"host": "h", "at": self.now_ms + self.ahead_ms + at_ms}
        body = Site(0).session_body(self.ledger, party, nonce, changes=changes)
        return self.sessions.begin(*self.sessions.check(body, host="h"))


def test_a_nonce_is_good_to_its_last_moment_and_none_of_ones_own_making_is(ledger: Ledger) -> None:
    desk = Desk(ledger)
    first, second = (desk.sessions.nonce()[0] for _ in range(2))
    later = (desk.now_ms + 10 * desk.GOOD_MS).to_bytes(8, "big").hex()

    desk.now_ms += desk.GOOD_MS
    desk.begin(nonce=first)
    for made in (later + second[16:], later + "00" * 24):
        with pytest.raises(ProblemError, match="was not given here"):
            desk.begin(nonce=made)
    desk.now_ms += 1
    with pytest.raises(ProblemError, match="has run out"):
        desk.begin(nonce=second)


def test_a_statement_may_be_as_far_from_the_servers_clock_as_it_says(ledger: Ledger) -> None:
    desk = Desk(ledger)
    most_ms = desk.GOOD_MS + 300_000
    for at_ms in (-most_ms, most_ms):
        desk.begin(at_ms=at_ms)
    for at_ms in (-most_ms - 1, most_ms + 1):
        with pytest.raises(ProblemError, match="too far from the server's"):
            desk.begin(at_ms=at_ms)


def test_sessions_and_leave_are_good_to_their_last_moment(ledger: Ledger) -> None:
    desk = Desk(ledger)
    token = desk.begin()
    leave = desk.sessions.permit(Wanted("alpha", {DIGEST: 7})).token

    desk.now_ms += desk.GOOD_MS
    assert desk.sessions.find(token) is not None
    assert "alpha" == desk.sessions.permitted(leave, sha256=DIGEST, size=7)
    desk.now_ms += 1
    assert desk.sessions.find(token) is None
    assert desk.sessions.permitted(leave, sha256=DIGEST, size=7) is None


@pytest.mark.parametrize("by_ms", [-3_600_000, 3_600_000], ids=["back", "forward"])
def test_nothing_is_good_longer_or_shorter_where_the_wall_clock_is_set(
    ledger: Ledger, by_ms: int
) -> None:
    desk = Desk(ledger)
    used, other = (desk.sessions.nonce()[0] for _ in range(2))
    token = desk.begin(nonce=used)
    leave = desk.sessions.permit(Wanted("alpha", {DIGEST: 7})).token

    desk.ahead_ms += by_ms
    desk.now_ms += desk.GOOD_MS
    assert desk.sessions.find(token) is not None
    assert "alpha" == desk.sessions.permitted(leave, sha256=DIGEST, size=7)
    desk.begin(nonce=other)

    desk.now_ms += 1
    assert desk.sessions.find(token) is None
    assert desk.sessions.permitted(leave, sha256=DIGEST, size=7) is None
    desk.begin()  # what was used and has run out is forgotten
    assert used not in desk.sessions._used
    with pytest.raises(ProblemError, match="has run out"):
        desk.begin(nonce=used)


def test_until_when_is_told_by_the_wall_clock(ledger: Ledger, site: Site, clock: Clock) -> None:
    clock.set_ms = 86_400_000
    given = msgspec.json.decode(site.ask("POST", "/nonces").body)["expires"]
    begun = msgspec.json.decode(begin(site, ledger, changes={"at": clock()}).body)["expires"]
    upload = site.post(file_document(ledger)).problem.upload
    assert upload is not None
    told = (given - 120_000, begun - 8 * 3_600_000, upload.expires - 8 * 3_600_000)

    assert all(0 <= clock() - each < 60_000 for each in told)


def test_the_sessions_of_a_party_end_nobody_elses(ledger: Ledger) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    desk = Desk(ledger, each=1)
    beta, first, second = (desk.begin(party) for party in (BETA, ALPHA, ALPHA))

    found = [desk.sessions.find(token) is not None for token in (beta, first, second)]
    assert [True, False, True] == found


def test_what_has_run_out_is_not_remembered(ledger: Ledger) -> None:
    desk = Desk(ledger)
    at_once = desk.sessions.nonce()[0]
    for nonce in (at_once, None, None):
        desk.begin(nonce=nonce)
    desk.now_ms += desk.GOOD_MS // 2
    later = desk.sessions.nonce()[0]
    desk.begin(nonce=later)
    desk.now_ms += desk.GOOD_MS // 2
    with pytest.raises(ProblemError, match="was used before"):
        desk.begin(nonce=at_once)
    desk.now_ms += 1
    desk.begin()

    assert (2, 2) == (len(desk.sessions._sessions), len(desk.sessions._used))
    with pytest.raises(ProblemError, match="was used before"):
        desk.begin(nonce=later)


def test_a_key_that_the_ledger_does_not_know_opens_nothing(ledger: Ledger, site: Site) -> None:
    assert UNKNOWN == slug(begin(site, ledger, party=Party("alpha", 99)))


def test_a_session_runs_out(ledger: Ledger, site: Site, clock: Clock) -> None:
    alpha = site.signed_in(ledger, ALPHA)
    clock.later_ms = 8 * 3_600_000 + 1000

    assert UNKNOWN == slug(alpha.get(BUNDLE))


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b"[" * 3000])
def test_refuses_what_is_no_statement(site: Site, body: bytes) -> None:
    assert (400, "malformed") == slug(site.ask("POST", "/sessions", body, JSON))


def test_refuses_a_statement_that_a_form_of_another_site_could_send(
    ledger: Ledger, site: Site
) -> None:
    body = site.session_body(ledger, ALPHA, nonce_of(site))
    for header in ({"Content-Type": "text/plain"}, {}, {**JSON, "Content-Encoding": "gzip"}):
        assert (415, "unsupported-media-type") == slug(site.ask("POST", "/sessions", body, header))


def test_refuses_a_statement_without_end(site: Site) -> None:
    assert (413, "too-large") == slug(site.ask("POST", "/sessions", b" " * 5000, JSON))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sesame"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer \xff"},
        {"Cookie": f"{COOKIE}=sesame"},
    ],
)
def test_a_token_that_is_none_is_refused(site: Site, headers: dict[str, str]) -> None:
    assert UNKNOWN == slug(site.ask("GET", "/sessions/current", headers=headers))
    assert UNKNOWN == slug(site.ask("GET", BUNDLE, headers=headers))


def test_a_token_under_another_scheme_is_refused(ledger: Ledger, site: Site) -> None:
    token = site.signed_in(ledger, ALPHA).token
    schemes = ("Bearer", "bearer", "Basic")
    answers = [site.ask("GET", BUNDLE, headers={"Authorization": f"{s} {token}"}) for s in schemes]

    assert [200, 200, 401] == [got.status for got in answers]


def test_sessions_of_a_revoked_key_end_at_once(ledger: Ledger, site: Site) -> None:
    # Over HTTP: whoever is answered knows that the server has taken it up.
    enrolled = site.post(sign_document(ledger, ALPHA, [new_enrolment(ledger, "alpha", BETA)]))
    beta = site.signed_in(ledger, BETA)
    before = beta.get(BUNDLE).status
    revocation = new_event("beta", "key/v1", verb="revoke", party="beta", key=BETA.public)
    revoked = site.post(sign_document(ledger, BETA, [revocation]))

    assert [201, 201] == [enrolled.status, revoked.status]
    assert 200 == before
    assert UNKNOWN == slug(beta.get(BUNDLE))
    assert UNKNOWN == slug(begin(site, ledger, party=BETA))


def test_a_recovered_key_reads_once_its_days_are_over_though_nothing_is_recorded(
    tmp_path: Path, clock: Clock
) -> None:
    # To record it must read first; and those whose key it ends could be the ones who stole it.
    thief, again = BETA, Party("beta", 22)
    clock.set_ms = NOON_MS - now_ms()
    with (
        found_ledger(tmp_path / "ledger", ALPHA, waiting_days=1)[0] as ledger,
        serving(ledger, now_ms=clock, elapsed_ms=clock.elapsed_ms) as site,
    ):
        for party, verb in ((thief, "enrol"), (again, "recover")):
            event = new_enrolment(ledger, "alpha", party, verb=verb)
            assert 201 == site.post(sign_document(ledger, ALPHA, [event])).status

        def sign_in(party: Party) -> Got:
            return begin(site, ledger, party=party, changes={"at": clock()})

        reading = Site(site.port, token=msgspec.json.decode(sign_in(thief).body)["token"])
        before = (reading.get(BUNDLE.replace("p/1", "p/3")).status, sign_in(again).status)
        clock.set_ms += 25 * 3_600_000
        after = (reading.get(BUNDLE.replace("p/1", "p/3")).status, sign_in(again).status)

    assert (200, 401) == before
    assert (401, 201) == after


def test_a_party_has_so_many_sessions_and_the_oldest_ends(ledger: Ledger) -> None:
    with serving(ledger, Settings(sessions_per_party=2)) as site:
        seen = [site.signed_in(ledger, ALPHA) for _ in range(3)]

        assert [401, 200, 200] == [each.get(BUNDLE).status for each in seen]


def test_a_session_of_one_ledger_is_none_of_another(ledger: Ledger, tmp_path: Path) -> None:
    with (
        found_ledger(tmp_path / "other", ALPHA, contemporaneous_days=9)[0] as other,
        serving({"one": ledger, "two": other}) as site,
    ):
        one = Site(site.port, "/one").signed_in(ledger, ALPHA)
        two = Site(site.port, "/two", one.token)

        assert 200 == one.get(BUNDLE).status
        assert UNKNOWN == slug(two.get(BUNDLE))
        assert 200 == two.ask("GET", "/checkpoint").status
        assert (404, "not-found") == slug(site.get("/checkpoint"))
        assert (404, "not-found") == slug(site.get("/three/checkpoint"))


# How often


def test_an_address_that_asks_too_often_is_told_when_to_ask_again(ledger: Ledger) -> None:
    with serving(ledger, Settings(requests_per_s=0.01, requests_at_once=2)) as site:
        answers = [site.get("/checkpoint") for _ in range(4)]

    assert [200, 200, 200, 429] == [got.status for got in answers]
    assert (429, "too-many") == slug(answers[-1])
    assert 90 <= int(answers[-1].headers["retry-after"]) <= 101


def test_a_party_that_submits_too_often_is_told_and_others_are_not(ledger: Ledger) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    with serving(ledger, Settings(submissions_per_s=0.01, submissions_at_once=0)) as site:
        letters = [
            sign_document(ledger, who, [new_event(who.name, "communication/v1", channel="call")])
            for who in (ALPHA, ALPHA, BETA)
        ]
        answers = [site.post(letter) for letter in letters]

    assert [201, 429, 201] == [got.status for got in answers]


def test_nobody_uses_up_what_a_party_may_submit(ledger: Ledger) -> None:
    stranger = Party("alpha", 99)
    with serving(ledger, Settings(submissions_per_s=0.01, submissions_at_once=1)) as site:
        letters = [
            sign_document(ledger, who, [new_event("alpha", "communication/v1", channel="call")])
            for who in (ALPHA, stranger, ALPHA)
        ]
        first = site.post(letters[0])
        forged = [site.post(letters[1]).status for _ in range(3)]
        again = [site.post(letters[0]).status for _ in range(3)]
        second = site.post(letters[2])

    assert [403] * 3 == forged
    assert [200] * 3 == again
    assert (201, 201) == (first.status, second.status)
