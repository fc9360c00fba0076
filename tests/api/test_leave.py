"""Handing over files: with a session, or with the leave that a submission gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
import pytest

from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import Got, Site, serving
from tests.api.test_sessions import (
    ALPHA,
    BETA,
    BUNDLE,
    CONTENT,
    DIGEST,
    UNKNOWN,
    Clock,
    clock,
    file_document,
    ledger,
    site,
    slug,
)
from tests.ledger.builder import (
    Party,
    new_enrolment,
    new_event,
    sign_document,
    submit,
)
from verify.codec import encode
from verify.submission import SUBMISSION

__all__ = ["clock", "ledger", "site"]  # fixtures


def test_a_file_needs_a_session_or_leave(site: Site) -> None:
    assert UNKNOWN == slug(site.ask("PUT", f"/files/{DIGEST}", CONTENT))


def test_a_submission_without_its_files_gets_leave_to_bring_them(
    ledger: Ledger, site: Site
) -> None:
    document = file_document(ledger)
    refused = site.post(document)
    upload = refused.problem.upload
    assert upload is not None
    carrier = Site(site.port, token=upload.token)
    wrong = carrier.ask("PUT", f"/files/{hashlib.sha256(b'x').hexdigest()}", b"x")
    longer = carrier.ask("PUT", f"/files/{DIGEST}", CONTENT + b"x")
    brought = carrier.ask("PUT", f"/files/{DIGEST}", CONTENT)

    assert (422, "file-missing") == slug(refused)
    assert [(DIGEST, len(CONTENT))] == [(file.sha256, file.size) for file in upload.files]
    assert UNKNOWN == slug(wrong) == slug(longer)
    assert 201 == brought.status
    assert 201 == site.post(document).status
    assert UNKNOWN == slug(carrier.get(BUNDLE))


def names(ledger: Ledger, who: Party, content: bytes, *, size: int | None = None) -> bytes:
    value = {
        "media_type": "application/pdf",
        "name": "mine.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content) if size is None else size,
    }
    event = new_event(who.name, "artefact/v1", type="letter", claims={"file.1": value})
    return sign_document(ledger, who, [event])


def withheld_from_beta(ledger: Ledger) -> bytes:
    value = {"media_type": "a/b", "name": "x", "sha256": DIGEST, "size": len(CONTENT)}
    limits = {"file.1": ["alpha"]}
    event = new_event(
        "alpha", "artefact/v1", type="letter", claims={"file.1": value}, audience=limits
    )
    return sign_document(ledger, ALPHA, [event])


@pytest.fixture
def town(ledger: Ledger) -> Iterator[Site]:
    """Serve a ledger in which two parties have keys."""
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    with serving(ledger) as site:
        yield site


def test_who_knows_a_hash_alone_gets_no_file_and_does_not_hear_that_it_is_here(
    ledger: Ledger, town: Site
) -> None:
    alpha, beta = (town.signed_in(ledger, party) for party in (ALPHA, BETA))
    nowhere = names(ledger, BETA, b"nowhere")
    documents = [names(ledger, BETA, CONTENT, size=size) for size in (len(CONTENT), 1)]

    def refusals() -> list[Got]:
        got = [beta.post(each) for each in (nowhere, *documents)]
        assert [(422, "file-missing")] * 3 == [slug(each) for each in got]
        texts = [msgspec.json.encode(msgspec.structs.replace(p.problem, upload=None)) for p in got]
        hashes = [hashlib.sha256(b"nowhere").hexdigest(), DIGEST, DIGEST]
        both = zip(texts, hashes, strict=True)
        assert 1 == len({text.replace(one.encode(), b"") for text, one in both})
        return got

    assert 201 == alpha.ask("PUT", f"/files/{DIGEST}", CONTENT).status
    refusals()  # somebody else has brought it
    assert 201 == alpha.post(withheld_from_beta(ledger)).status
    upload = refusals()[1].problem.upload
    assert upload is not None
    assert [(DIGEST, len(CONTENT))] == [(file.sha256, file.size) for file in upload.files]
    assert 404 == beta.get(f"/files/{DIGEST}").status

    carrier = Site(town.port, token=upload.token)
    assert 422 == carrier.ask("PUT", f"/files/{DIGEST}", b"x" * len(CONTENT)).status
    refusals()
    assert 201 == carrier.ask("PUT", f"/files/{DIGEST}", CONTENT).status
    first, again = beta.post(documents[0]), beta.post(documents[0])
    assert (201, 200) == (first.status, again.status)
    assert first.body == again.body
    assert CONTENT == beta.get(f"/files/{DIGEST}").body


def test_a_party_names_again_what_it_may_see(ledger: Ledger, town: Site) -> None:
    alpha, beta = (town.signed_in(ledger, party) for party in (ALPHA, BETA))
    assert 201 == alpha.ask("PUT", f"/files/{DIGEST}", CONTENT).status
    assert 201 == alpha.post(names(ledger, ALPHA, CONTENT)).status

    assert 201 == beta.post(names(ledger, BETA, CONTENT)).status
    assert 201 == alpha.post(names(ledger, ALPHA, CONTENT)).status


def test_what_is_recorded_is_answered_again_whatever_became_of_its_key(
    ledger: Ledger, town: Site
) -> None:
    beta = town.signed_in(ledger, BETA)
    assert 201 == beta.ask("PUT", f"/files/{DIGEST}", CONTENT).status
    document = names(ledger, BETA, CONTENT)
    first = town.post(document)
    revocation = new_event("beta", "key/v1", verb="revoke", party="beta", key=BETA.public)
    submit(ledger, revocation, party=BETA)

    again = town.post(document)

    assert (201, 200) == (first.status, again.status)
    assert first.headers["content-type"] == again.headers["content-type"]


def test_leave_to_bring_files_runs_out(ledger: Ledger, site: Site, clock: Clock) -> None:
    upload = site.post(file_document(ledger)).problem.upload
    assert upload is not None
    clock.later_ms = 8 * 3_600_000 + 1000
    got = Site(site.port, token=upload.token).ask("PUT", f"/files/{DIGEST}", CONTENT)

    assert UNKNOWN == slug(got)


def test_gives_leave_to_no_key_that_may_not_sign(ledger: Ledger, site: Site) -> None:
    value = msgspec.json.decode(file_document(ledger))
    value["statement"]["key"] = BETA.public
    statement = encode(value["statement"])
    value["signature"] = BETA.sign(SUBMISSION, statement).hex()
    got = site.post(msgspec.json.encode(value, order="sorted"))

    assert (403, "key") == slug(got)


def test_each_party_has_its_part_of_the_room(ledger: Ledger) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    with serving(ledger, Settings(staged=100, staged_per_party=60)) as site:
        alpha, beta = (site.signed_in(ledger, party) for party in (ALPHA, BETA))
        answers = []
        for number, who in enumerate((alpha, alpha, beta, beta)):
            content = bytes([number]) * 40
            name = hashlib.sha256(content).hexdigest()
            answers.append(who.ask("PUT", f"/files/{name}", content).status)

    assert [201, 507, 201, 507] == answers
