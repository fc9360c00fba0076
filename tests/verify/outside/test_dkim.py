"""Signatures of mail servers: real ones, made here, and everything that can be wrong with them."""

from __future__ import annotations

import base64
import subprocess
from functools import cache

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from tests.timestamping import OPENSSL
from verify.outside.dkim import MAX_MAIL, Signature, check_mail

NAME = "march._domainkey.southfold.example"
BODY = b"You owe us\r\nthe meter readings.\r\n"
MAIL = (
    b"Received: from mx.example by mail.example; Tue, 10 Mar 2026 09:31:00 +0000\r\n"
    b"From: Clerk <clerk@southfold.example>\r\n"
    b"To: Records officer <records@northmere.example>\r\n"
    b"Date: Tue, 10 Mar 2026 09:30:00 +0000\r\n"
    b"Subject: Meter readings\r\n"
    b"\r\n"
) + BODY
SIGNED = (b"from", b"to", b"date", b"subject")


@cache
def rsa(bits: int = 1024, number: int = 0) -> tuple[bytes, str]:
    """Make a key: its private half, PEM, and its record in the DNS."""
    del number
    made = subprocess.run(
        [OPENSSL, "genrsa", "-traditional", str(bits)], capture_output=True, check=True
    )
    der = subprocess.run(
        [OPENSSL, "rsa", "-pubout", "-outform", "DER"],
        input=made.stdout, capture_output=True, check=True,
    ).stdout  # fmt: skip
    return made.stdout, f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def signed(mail: bytes = MAIL, *, key: bytes | None = None, **options: object) -> bytes:
    settings: dict[str, object] = {
        "selector": b"march", "domain": b"southfold.example", "include_headers": list(SIGNED),
        "canonicalize": (b"relaxed", b"relaxed"),
    }  # fmt: skip
    values = settings | options
    field: bytes = dkim.sign(mail, privkey=key or rsa()[0], **values)
    return field + mail


def one(mail: bytes, **keys: str) -> Signature:
    """Check a mail with one signature, by default with the key that signed it."""
    (found,) = check_mail(mail, {NAME: rsa()[1]} | keys)
    return found


def refusal(mail: bytes, **keys: str) -> tuple[str, str]:
    found = one(mail, **keys)
    assert ((), 0) == (found.covers, found.bits)
    return found.state, found.reason


def test_a_signed_mail_shows_what_its_domain_signed() -> None:
    assert Signature(
        state="valid",
        reason="",
        name=NAME,
        domain="southfold.example",
        covers=("From", "To", "Date", "Subject", "body"),
        own=True,
        day="2026-03-10",
        bits=1024,
    ) == one(signed())


def test_ed25519_holds_as_well() -> None:
    key = SigningKey(bytes(range(32)))
    private = base64.b64encode(bytes(key))
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(key.verify_key)).decode()}"
    mail = signed(key=private, signature_algorithm=b"ed25519-sha256")

    assert ("valid", 256) == (one(mail, **{NAME: record}).state, one(mail, **{NAME: record}).bits)
    assert ("invalid", "a= and its key are of different kinds") == refusal(mail)
    forged = mail.replace(b"You owe", b"We owe")
    assert "invalid" == one(forged, **{NAME: record}).state
    forged = mail.replace(b"Meter readings", b"Nothing")
    assert "invalid" == one(forged, **{NAME: record}).state


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"You owe us", b"We owe you", "the body is not the one that was signed"),
        (b"Subject: Meter readings", b"Subject: Nothing", "a signed field was changed"),
        (b"Date: Tue, 10", b"Date: Mon, 09", "a signed field was changed"),
        (b"Subject: M", b"Subject: False\r\nSubject: M", "the mail has 2 fields Subject"),
        (b"To: Rec", b"To: other@example\r\nTo: Rec", "the mail has 2 fields To"),
        (b"From: Cl", b"FROM: a@b.example\r\nFrom: Cl", "the mail has 2 fields From"),
        (b"Subject: Meter readings\r\n", b"", "the mail has no Subject"),
        (b"Subject: M", b"Subject: False\rSubject: M", "a character that readers take differently"),
        (b"Subject: M", b"Subject: \0M", "a character that readers take differently"),
        (
            b"Subject: M",
            b"From : a@b.example\r\nSubject: M",
            "a line that readers take differently",
        ),
        (b"Subject: M", b"From a letter\r\nSubject: M", "a line that readers take differently"),
    ],
)
def test_a_changed_mail_is_invalid(old: bytes, new: bytes, reason: str) -> None:
    state, why = refusal(signed().replace(old, new))

    assert "invalid" == state
    assert reason in why


def test_a_second_subject_on_top_is_invalid_although_the_library_takes_it() -> None:
    field_and_mail = signed()
    forged = b"Subject: False\r\n" + field_and_mail

    assert dkim.verify(forged, dnsfunc=lambda *_args, **_rest: rsa()[1])
    assert ("invalid", "the mail has 2 fields Subject") == refusal(forged)


def test_a_line_on_top_is_that_of_a_mailbox_and_no_other_from() -> None:
    forged = b"From : other@example\r\n" + signed()

    assert dkim.verify(forged, dnsfunc=lambda *_args, **_rest: rsa()[1])
    assert ("invalid", "the mail's head has a line that readers take differently") == refusal(
        forged
    )
    assert one(signed()) == one(b"From clerk Tue Mar 10 09:31:00 2026\n" + signed())


def test_received_is_never_proven() -> None:
    moved = signed().replace(b"09:31:00", b"23:59:00")

    assert one(signed()) == one(moved)
    assert "Received" not in one(moved).covers


def test_another_key_is_invalid_and_a_missing_one_not_checkable() -> None:
    other = rsa(1024, 1)[1]

    assert ("invalid", "a signed field was changed, or another key signed") == refusal(
        signed(), **{NAME: other}
    )
    (missing,) = check_mail(signed(), {})
    assert ("not checkable", "its key is not recorded here") == (missing.state, missing.reason)
    assert (NAME, "southfold.example") == (missing.name, missing.domain)


def test_what_is_added_behind_a_length_is_not_covered() -> None:
    mail = signed(length=True) + b"And a million more.\r\n"
    found = one(mail)

    assert ("valid", ("From", "To", "Date", "Subject")) == (found.state, found.covers)
    assert "l= covers the beginning of the body only" == found.reason


@pytest.mark.parametrize("name", ["Content-Type", "content-transfer-encoding"])
def test_a_body_that_can_be_read_in_another_way_is_not_covered(name: str) -> None:
    field = name.encode() + b": text/plain\r\n"
    added, own = one(field + signed()), field + MAIL
    headers = [*SIGNED, name.lower().encode()]

    assert ("valid", ("From", "To", "Date", "Subject")) == (added.state, added.covers)
    assert "is not signed, by which the body is read" in added.reason
    assert "body" not in one(signed(own)).covers
    assert "body" in one(signed(own, include_headers=headers)).covers
    assert "body" not in one(field + signed(own, include_headers=headers)).covers


def test_what_h_leaves_out_is_not_covered() -> None:
    found = one(signed(include_headers=[b"from", b"date"]))

    assert ("valid", ("From", "Date", "body")) == (found.state, found.covers)


@pytest.mark.parametrize(
    ("named", "changed", "holds"), [(1, b"2", True), (1, b"3", False), (2, b"1", True),
                                    (2, b"2", False), (3, b"1", False), (5, b"1", False)],
)  # fmt: skip
def test_of_fields_of_one_name_the_lowest_are_signed(
    named: int, changed: bytes, *, holds: bool
) -> None:
    mail = b"".join(b"X: number %d\r\n" % number for number in (1, 2, 3)) + MAIL
    sent = signed(mail, include_headers=[*SIGNED, *[b"x"] * named])
    altered = sent.replace(b"X: number " + changed, b"X: number 9")

    assert "valid" == one(sent).state
    assert ("valid" if holds else "invalid") == one(altered).state


@pytest.mark.parametrize(
    ("sender", "own"),
    [
        (b"a@southfold.example", True),
        (b"a@mail.southfold.example", True),
        (b"a@notsouthfold.example", False),
        (b'"a@southfold.example" <a@northmere.example>', False),
        (b"a@southfold.example, b@northmere.example", False),
        (b"nobody", False),
        (b"(" * 5000 + b"a@southfold.example", False),
        (b"a:" * 5000 + b"a@southfold.example", False),
    ],
)
def test_whether_it_is_of_the_domain_that_from_names(sender: bytes, *, own: bool) -> None:
    mail = MAIL.replace(b"Clerk <clerk@southfold.example>", sender)

    assert own is one(signed(mail)).own


@pytest.mark.parametrize(
    "date",
    [
        b"yesterday",
        b"Tue, 99 Mar 2026 09:30:00 +0000",
        b"-1 Jan -5 0:0:0 0",
        b"Tue, 10 Mar " + b"9" * 900 + b" 09:30:00 +0000",
    ],
)
def test_a_date_that_cannot_be_read_gives_no_day(date: bytes) -> None:
    mail = MAIL.replace(b"Tue, 10 Mar 2026 09:30:00 +0000", date)

    assert ("valid", "") == (one(signed(mail)).state, one(signed(mail)).day)


def tagged(tags: bytes) -> bytes:
    """Sign a mail, and then say something else in the signature of its time."""
    field, mail = signed().split(b"t=", 1)
    return field + tags + mail[mail.index(b"; h=") :]


def test_no_clock_has_a_say() -> None:
    # As long as the tags are sound, only the signature is found wrong, in whatever year we are.
    for tags in (b"t=1; x=2", b"t=99999999999", b"x=1"):
        assert ("invalid", "a signed field was changed, or another key signed") == refusal(
            tagged(tags)
        )
    before = "x= is before t=: it was never to be accepted"
    assert ("invalid", before) == refusal(tagged(b"t=3; x=2"))
    assert ("invalid", "x= is not a time") == refusal(tagged(b"x=soon"))


def test_an_expired_signature_says_so_and_holds() -> None:
    signer = dkim.DKIM(MAIL)
    gen = signer.gen_header

    def expiring(fields: list[tuple[bytes, bytes]], *rest: object, **more: object) -> bytes:
        field: bytes = gen([*fields[:-1], (b"x", b"9999999999"), fields[-1]], *rest, **more)
        return field

    signer.gen_header = expiring
    field: bytes = signer.sign(
        b"march", b"southfold.example", rsa()[0], include_headers=list(SIGNED)
    )
    found = one(field + MAIL)

    assert "valid" == found.state
    assert "it asked not to be accepted after a day that it names in x=" == found.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v=1", b"v=2"),
        (b"v=1;", b""),
        (b"d=southfold.example", b"d=south@fold.example"),
        (b"bh=", b"bh=!"),
        (b"c=relaxed/relaxed", b"c=relaxed/relaxed; c=simple"),
        (b" d=southfold.example;", b""),
    ],
)
def test_tags_that_are_none_are_invalid(old: bytes, new: bytes) -> None:
    assert "invalid" == refusal(signed().replace(old, new, 1))[0]


def test_a_canonicalization_that_is_unknown_is_invalid() -> None:
    mail = signed().replace(b"c=relaxed/relaxed", b"c=other/other")
    assert ("invalid", "it cannot be a signature by this key") == refusal(mail)


def test_h_must_name_from() -> None:
    mail = signed().replace(b"h=from : ", b"h=", 1)
    assert ("invalid", "h= leaves out From, which RFC 6376 wants signed") == refusal(mail)


@pytest.mark.parametrize("domain", [b"localhost", b"b\xc3\xbc.example", b"a..b"])
def test_what_is_no_name_of_the_dns_is_not_looked_up(domain: bytes) -> None:
    mail = signed().replace(b"southfold.example", domain, 2)

    assert ("not checkable", "d= and s= do not make a name of the DNS") == refusal(mail)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("", "holds no key that can be read"),
        ("v=DKIM1; p=", "holds no key that can be read"),
        ("v=DKIM1; k=other; p=AAAA", "holds no key that can be read"),
        ("v=DKIM1; k=ed25519; p=AAAA", "holds no key that can be read"),
        ("v=DKIM1; p=é", "holds no key that can be read"),
        ("no record", "holds no key that can be read"),
        ("p=" + 5000 * "A", "is longer than 4096 octets"),
        ("v=DKIM1; s=other; ", "is not for mail"),
        ("v=DKIM1; s=other:email; ", ""),
        ("v=DKIM1; h=sha1; ", "is not for SHA-256"),
        ("v=DKIM1; h=sha1 : sha256; ", ""),
        ("v=DKIM1; t=s; ", ""),
    ],
)
def test_a_record_that_gives_no_key_is_not_checkable(record: str, reason: str) -> None:
    if record.endswith("; "):
        record += rsa()[1].removeprefix("v=DKIM1; ")
    found = one(signed(), **{NAME: record})

    assert ("not checkable" if reason else "valid") == found.state
    assert reason in found.reason


@pytest.mark.parametrize("shown", ['"{0}" "{1}"', '"{0}"\t"{1}" ""', "{0}{1}", '"{0}{1}"'])
def test_a_record_may_be_written_as_tools_show_it(shown: str) -> None:
    record = rsa()[1]
    for escaped in (record, record.replace(";", "\\;")):
        found = one(signed(), **{NAME: shown.format(escaped[:99], escaped[99:])})
        assert "valid" == found.state


@pytest.mark.parametrize(
    ("identity", "flags", "state"),
    [
        (b"clerk@southfold.example", "s", "valid"),
        (b"@southfold.example", "y:s", "valid"),
        (b"clerk@mail.southfold.example", "y", "valid"),
        (b"clerk@mail.southfold.example", "y : s", "invalid"),
    ],
)
def test_a_key_may_be_for_its_domain_alone(identity: bytes, flags: str, state: str) -> None:
    record = f"t={flags}; " + rsa()[1].removeprefix("v=DKIM1; ")
    found = one(signed(identity=identity), **{NAME: record})

    assert state == found.state
    reason = "i= is below d=, which its key does not allow"
    assert (reason == found.reason) is ("invalid" == state)


def test_a_domain_that_is_testing_says_so() -> None:
    record = "t=y; " + rsa()[1].removeprefix("v=DKIM1; ")
    found = one(signed(), **{NAME: record})

    assert ("valid", "its key's record says that the domain is testing (t=y)") == (
        found.state,
        found.reason,
    )


def test_a_short_key_and_a_monstrous_one_prove_nothing() -> None:
    short, record = rsa(512)
    assert ("not checkable", "its key has 512 bits, below 1024") == refusal(
        signed(key=short), **{NAME: record}
    )
    # Nobody uses such keys, and they take long: eight signatures by one 100 ms.
    for modulus, exponent in (((1 << 1024) - 105, 65_539), ((1 << 4100) - 1, 65_537)):
        large = f"p={base64.b64encode(_public_key(modulus, exponent)).decode()}"
        assert ("not checkable", "its key is larger than any that is in use") == refusal(
            signed(), **{NAME: large}
        )
    assert "valid" == one(signed(key=rsa(4096)[0]), **{NAME: rsa(4096)[1]}).state


def _public_key(modulus: int, exponent: int) -> bytes:
    def wrapped(tag: int, content: bytes) -> bytes:
        size = len(content)
        length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    def number(value: int) -> bytes:
        return wrapped(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    key = wrapped(0x30, number(modulus) + number(exponent))
    algorithm = wrapped(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\x00")
    return wrapped(0x30, algorithm + wrapped(3, b"\0" + key))


def test_sha_1_is_not_taken() -> None:
    mail = signed().replace(b"a=rsa-sha256", b"a=rsa-sha1", 1)
    assert "a= is neither rsa-sha256 nor ed25519-sha256" == refusal(mail)[1]


def test_what_is_too_large_is_not_checkable() -> None:
    for mail, reason in (
        (bytes(MAX_MAIL + 1), "the mail is longer than"),
        (MAIL + b" \t" * 4000, "too long runs of blanks"),
        (MAIL + b"\r\n" * 50_001, "too many empty lines at its end"),
        (b"A: b\r\n" * 1001 + MAIL, "the mail's head is too long"),
        (b"A: " + b"b" * 300_000 + b"\r\n" + MAIL, "the mail's head is too long"),
        (b"A: b" + b"\x0b" * 1001 + b"c\r\n" + MAIL, "the mail's head has too long runs"),
        (b"A: b" + b"\r\n " * 400 + b"c\r\n" + MAIL, "the mail's head has too long runs"),
        (b"A: b\r\n" * 900 + signed().replace(b"h=from", b"h=from" + b":a" * 110), "h= has too"),
        (b"DKIM-Signature: a\r\n" * 9 + MAIL, "more than 8 signatures"),
        (b"DKIM-Signature: " + b"a" * 9000 + b"\r\n" + MAIL, "is longer than 8192 octets"),
        (MAIL, "the mail has no DKIM-Signature"),
        (b" folded\r\n" + MAIL, "the mail's head cannot be read"),
        (b"no field\r\n" + MAIL, "the mail's head cannot be read"),
        (b"", "the mail has no DKIM-Signature"),
    ):
        state, why = refusal(mail)
        assert "not checkable" == state
        assert reason in why


def test_each_signature_is_judged_by_itself() -> None:
    mail = signed()
    list_ = dkim.sign(
        mail, b"list", b"lists.example", rsa(1024, 1)[0], include_headers=list(SIGNED)
    )
    found = check_mail(list_ + mail, {NAME: rsa()[1]})

    assert ["not checkable", "valid"] == [each.state for each in found]
    both = check_mail(
        list_ + mail, {NAME: rsa()[1], "list._domainkey.lists.example": rsa(1024, 1)[1]}
    )
    assert [("valid", False), ("valid", True)] == [(each.state, each.own) for each in both]


@given(st.binary(max_size=300), st.integers(0, 900), st.text(max_size=80))
def test_any_octets_give_a_result(noise: bytes, at: int, record: str) -> None:
    mail = signed()
    changed = mail[:at] + noise + mail[at + len(noise) :]

    for found in (*check_mail(changed, {NAME: rsa()[1]}), *check_mail(mail, {NAME: record})):
        assert found.state in {"valid", "invalid", "not checkable"}
    check_mail(noise, {NAME: record})
