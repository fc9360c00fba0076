"""Mail: real `.eml` octets (people and bodies invented), limits, refusals, and fuzz."""

import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import mail as module
from ledger.errors import LedgerError, MailError
from ledger.mail import Address, Mail, parse_mail, parties_of

FOLDER = Path(__file__).parent / "mail"
FILES = sorted(FOLDER.glob("*.eml"))
ANN = Address(name="Ann Invented", address="ann@fenwick.example")
BOB = Address(name="Bob Invented", address="bob@county.example")


def load(name: str) -> bytes:
    return (FOLDER / f"{name}.eml").read_bytes()


def read(name: str) -> Mail:
    return parse_mail(load(name))


def body_of(content_type: bytes, body: bytes) -> Mail:
    return parse_mail(b"Content-Type: " + content_type + b"\n\n" + body)


# Real mails


def test_reads_a_simple_letter() -> None:
    mail = read("simple")

    assert "letter-1@fenwick.example" == mail.message_id
    assert ("call-6@county.example",) == mail.in_reply_to
    assert ("call-5@county.example", "call-6@county.example") == mail.references
    assert "Request for data" == mail.subject
    assert "2025-04-08T09:30:00+01:00" == mail.date_edtf
    assert datetime(2025, 4, 8, 8, 30, tzinfo=UTC) == mail.date
    assert (ANN,) == mail.from_
    assert (BOB,) == mail.to
    assert (
        Address(name="Invented, Cyd", address="cyd@rural.fenwick.example"),
        Address(name="", address="dee@other.example"),
    ) == mail.cc
    assert () == mail.bcc
    assert "Dear Bob,\n\nplease send us the twelve tables.\n\nAnn\n" == mail.body
    assert () == mail.attachments
    assert () == mail.repeated
    assert () == mail.problems


def test_received_stands_top_first_with_none_where_no_date_is() -> None:
    assert ("2025-04-08T09:30:07+01:00", "2025-04-08T08:30:05Z", None) == read("simple").received


def test_line_ends_change_the_hash_and_nothing_else() -> None:
    crlf, lf = read("simple"), read("simple_lf")

    assert load("simple") == load("simple_lf").replace(b"\n", b"\r\n")
    assert crlf.sha256 != lf.sha256
    assert crlf.body == lf.body
    assert crlf.cc == lf.cc
    assert crlf.received == lf.received


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_hash_and_size_are_those_of_the_octets(path: Path) -> None:
    octets = path.read_bytes()
    mail = parse_mail(octets)

    assert hashlib.sha256(octets).hexdigest() == mail.sha256
    assert len(octets) == mail.size


def test_the_files_kept_their_line_ends() -> None:
    bare = [path.stem for path in FILES if b"\r\n" not in path.read_bytes()]

    assert ["simple_lf"] == bare


def test_plain_text_is_the_body_and_its_html_double_is_no_attachment() -> None:
    mail = read("attachment")

    assert "The list is attached: caf\u00e9 data included." == mail.body
    assert ["application/pdf"] == [one.media_type for one in mail.attachments]


def test_attachment_has_base_name_octets_and_hash() -> None:
    content = b"%PDF-1.4 invented\r\n\x00\x01\xff not a real document\n"
    (attachment,) = read("attachment").attachments

    assert "the list.pdf" == attachment.name
    assert content == attachment.content
    assert hashlib.sha256(content).hexdigest() == attachment.sha256
    assert len(content) == attachment.size


def test_forwarded_mail_is_an_attachment_with_its_octets_as_they_stand() -> None:
    outer = load("forwarded")
    (attachment,) = parse_mail(outer).attachments
    inner = parse_mail(attachment.content)

    assert "message/rfc822" == attachment.media_type
    start = outer.index(b"Message-ID: <inner-1")
    assert outer[start : outer.index(b"\r\n--outer--")] == attachment.content
    assert "inner-1@parish.example" == inner.message_id
    assert "The inner body,  with   blanks. \n" == inner.body


def test_mail_without_message_id_has_none() -> None:
    assert read("no_message_id").message_id is None


def test_mail_without_date_has_none_and_no_date_problem() -> None:
    mail = read("no_date")

    assert (None, None, None) == (mail.date, mail.date_edtf, mail.date_problem)
    assert ("There is no Date field.",) == mail.problems


def test_date_in_another_form_is_not_guessed() -> None:
    mail = read("bad_date")

    assert (None, None) == (mail.date, mail.date_edtf)
    assert "it has not the form of a mail date" == mail.date_problem


def test_folded_fields_are_unfolded() -> None:
    mail = read("folded")

    assert "A subject that is folded over three lines" == mail.subject
    assert ("a@x.example", "b@x.example", "c@x.example") == mail.references
    assert ["Invented Person One", "Invented Person Two"] == [one.name for one in mail.cc]


def test_encoded_words_are_decoded() -> None:
    mail = read("encoded_words")

    assert "Copy of the r\u00e9sum\u00e9" == mail.subject
    assert "Zo\u00eb Invented, Clerk" == mail.from_[0].name
    assert "J\u00f6rg" == mail.to[0].name
    assert ["\u20ac totals.csv", "caf\u00e9.csv"] == [one.name for one in mail.attachments]
    assert "2025-04-08T09:30:00Z" == mail.date_edtf


def test_latin_1_body_is_decoded() -> None:
    assert "The caf\u00e9 is na\u00efve.\n" == read("latin1").body


def test_raw_octets_in_a_header_are_noted_and_never_surrogates() -> None:
    mail = read("eight_bit_header")

    assert "na\ufffdve" == mail.subject
    assert (Address(name="J\ufffdrg Invented", address="joerg@fenwick.example"),) == mail.from_
    assert "A header has octets outside ASCII." in mail.problems


def test_second_subject_is_reported_and_the_top_one_read() -> None:
    mail = read("duplicate_subject")

    assert ("Subject",) == mail.repeated
    assert "A false subject put on top" == mail.subject
    assert "The field Subject stands more than once." in mail.problems


def test_second_from_hides_nobody() -> None:
    mail = parse_mail(b"From: a@x.example\nfrom: b@x.example\nDate: x\nDATE: y\n\n")

    assert ("Date", "From") == mail.repeated
    assert ["a@x.example", "b@x.example"] == [one.address for one in mail.from_]


def test_calendar_invite_is_an_attachment_beside_the_body() -> None:
    mail = read("invite")

    assert "Please come." == mail.body
    assert ["text/calendar"] == [one.media_type for one in mail.attachments]
    assert mail.attachments[0].content.startswith(b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n")


def test_multipart_without_its_boundary_is_kept_whole() -> None:
    octets = load("broken_boundary")
    mail = parse_mail(octets)

    assert mail.body is None
    assert [octets.partition(b"\r\n\r\n")[2]] == [one.content for one in mail.attachments]
    assert mail.problems


def test_multipart_without_end_keeps_what_is_there() -> None:
    mail = read("no_end")

    assert "The body." == mail.body
    assert [b"half of a fi"] == [one.content for one in mail.attachments]
    assert ("A multipart has no end: its last part may be cut short.",) == mail.problems


def test_html_alone_is_reduced_to_text() -> None:
    assert "First & last\n\nsecond\nthird" == read("html_only").body


# Details


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("2025-03-06T14:05:09Z", "Thu, 6 Mar 2025 14:05:09 GMT"),
        ("2025-03-06T14:05:00Z", "6 Mar 25 14:05 -0000"),
        ("2025-03-06T14:05:09-05:00", "Thu, 06 Mar 2025 14:05:09 EST (a (nested) comment)"),
        ("2025-03-06T14:05:09+05:30", "Thu 06-Mar-2025 14:05:09 +0530"),
        ("1999-12-31T23:59:59+14:00", "31 Dec 99 23:59:59 +1400"),
        (None, "Thu, 6 Mar 2025 14:05:09"),
        (None, "Thu, 6 Mar 2025 14:05:09 BST"),
        (None, "Thu, 30 Feb 2025 14:05:09 +0000"),
        (None, "Thu, 6 Mar 2025 24:05:09 +0000"),
        (None, "Thu, 6 Mar 2025 14:05:60 +0000"),
        (None, "Thu, 6 Mar 2025 14:05:09 +2400"),
        (None, "Thu, 6 Mar 2025 14:05:09 +0060"),
        (None, "Thu, 6 Mar 0001 14:05:09 +0000"),
        (None, "2025-03-06T14:05:09Z"),
        (None, "6 Foo 2025 14:05:09 +0000"),
        (None, ""),
    ],
)
def test_date_is_read_in_the_mail_form_only(expected: str | None, text: str) -> None:
    mail = parse_mail(f"Date: {text}\n\n".encode())

    assert expected == mail.date_edtf
    assert (expected is not None) == (mail.date_problem is None)
    assert (expected is None) == (mail.date is None)


def test_wrong_day_of_the_week_is_noted_and_the_date_read() -> None:
    mail = parse_mail(b"Date: Fri, 6 Mar 2025 14:05:09 +0000\n\n")

    assert "2025-03-06T14:05:09Z" == mail.date_edtf
    assert ("The Date field is odd: its day of the week is another.",) == mail.problems


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ([("", "Ann@x.example")], "Ann@X.Example"),
        ([("", "a@x.example")], "a@x.example (Ann)"),
        ([("", "a@x.example"), ("", "b@x.example")], "Team: a@x.example, b@x.example;"),
        ([], "undisclosed-recipients:;"),
        ([("Ann [x]", "a@x.example")], "Ann [x] <a@x.example>"),
        ([("Foo Bar", "")], "Foo Bar"),
        ([("a@b@c", "")], "a@b@c"),
        ([("A, <b@y.example>", "a@x.example")], '"A, <b@y.example>" <a@x.example>'),
        ([('A "q", B', "a@x.example")], r'"A \"q\", B" <a@x.example>'),
        ([("b@y.example", "a@x.example")], "b@y.example <a@x.example>"),
        ([("'a@x.example'", "a@x.example")], "'a@x.example' <a@x.example>"),
        ([("Ann", "a@x.example")], '"=?utf-8?q?Ann?=" <a@x.example>'),
        ([("Ann", "a@x.example")], "Ann <a@x.example"),
        ([("<b@y.example> <a@x.example>", "")], "<b@y.example> <a@x.example>"),
        ([("<a@x.example> b@y.example", "")], "<a@x.example> b@y.example"),
        ([("a@x.example b@y.example", "")], "a@x.example b@y.example"),
        ([("", "a@x.example")], "<@y.example:a@x.example>"),
    ],
)
def test_addresses_are_read_or_kept_as_names(expected: list[tuple[str, str]], text: str) -> None:
    mail = parse_mail(f"To: {text}\n\n".encode())

    assert expected == [(one.name, one.address) for one in mail.to]


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("passwd", "../../etc/passwd"),
        ("a.txt", r"C:\\temp\\a.txt"),
        ("ab.exe", "a\u202eb.exe"),
        ("a b", "a\tb"),
        (None, ".."),
        (None, "folder/"),
        ("x" * 255, "x" * 300),
    ],
)
def test_attachment_name_plays_no_tricks(expected: str | None, name: str) -> None:
    octets = f'Content-Disposition: attachment; filename="{name}"\n\nx'.encode()

    assert [expected] == [one.name for one in parse_mail(octets).attachments]


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        ("image/png", "IMAGE/PNG; x=y"),
        ("application/octet-stream", "nonsense"),
        ("application/octet-stream", "a/b/c"),
        ("application/octet-stream", "text/pl\u00e4in"),
        ("application/octet-stream", "multipart/mixed"),
        ("text/plain", ""),
    ],
)
def test_media_type_of_an_attachment_is_valid(expected: str, content_type: str) -> None:
    field = f"Content-Type: {content_type}\n" if content_type else ""
    part = f"{field}Content-Disposition: attachment\n\nx\n"
    mail = body_of(b"multipart/mixed; boundary=b", f"--b\n{part}--b--\n".encode())

    assert [expected] == [one.media_type for one in mail.attachments]


@pytest.mark.parametrize(
    ("expected", "charset", "octets"),
    [
        ("caf\u00e9", "utf-8", b"caf\xc3\xa9"),
        ("caf\ufffd", "utf-8", b"caf\xe9"),
        ("caf\u00e9", "no-such-charset", b"caf\xc3\xa9"),
        ("caf\u00e9", "us-ascii", b"caf\xc3\xa9"),
        ("caf\u00e9", "hex", b"caf\xc3\xa9"),
        (r"\ud800", "unicode_escape", rb"\ud800"),
        ("a-b", "punycode", b"a-b"),
        ("\ufffdx", "utf-7", b"+2AA-x"),
        ("\u20ac", "cp1252", b"\x80"),
        ("\u201ca\u201d", "iso-8859-1", b"\x93a\x94"),
        ("\xa3\xe9", "iso-8859-1", b"\xa3\xe9"),
        ("\u05e9\u05dc", "ISO-8859-8-I", b"\xf9\xec"),
        ("\u0e2a", "windows-874", b"\xca"),
        ("\u2460", "x-sjis", b"\x87\x40"),
        ("\u2460\uff5e", "shift_jis", b"\x87\x40\x81\x60"),
        ("\u301c", "shift_jis", b"\x81\x60"),
        ("\u6731\u9555", "gb2312", b"\xd6\xec\xe9F"),
        ("\ub620", "ks_c_5601-1987", b"\x8cc"),
        ("a\0b", "utf-8", b"a\0b"),
        ("a\nb\n", "utf-8", b"a\rb\r\n"),
    ],
)
def test_body_is_text_whatever_its_charset(expected: str, charset: str, octets: bytes) -> None:
    mail = body_of(f"text/plain; charset={charset}".encode(), octets)

    assert expected == mail.body


def test_replaced_octets_are_noted() -> None:
    mail = body_of(b"text/plain; charset=utf-8", b"\xff")

    assert any("U+FFFD" in problem for problem in mail.problems)


def test_blank_plain_text_gives_way_to_html() -> None:
    parts = b"--b\nContent-Type: text/plain\n\n \n--b\nContent-Type: text/html\n\n<p>Words\n--b--\n"
    mail = body_of(b"multipart/alternative; boundary=b", parts)

    assert "Words" == mail.body
    assert () == mail.attachments


def test_second_text_outside_an_alternative_is_an_attachment() -> None:
    parts = b"--b\n\nfirst\n--b\n\nsecond\n--b--\n"
    mail = body_of(b"multipart/mixed; boundary=b", parts)

    assert "first" == mail.body
    assert [b"second"] == [one.content for one in mail.attachments]


@pytest.mark.parametrize(
    "raw", [b"QUJDRA", b"QUJD!RA==", b"QUJDR A==\n=", b"QUJDRA==x", b"QUJDRAAAA"]
)
def test_broken_base64_is_decoded_and_noted(raw: bytes) -> None:
    octets = b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + raw
    mail = parse_mail(octets)

    assert mail.attachments[0].content.startswith(b"ABCD")
    assert any("base64" in problem for problem in mail.problems)


def test_hostile_content_type_does_not_take_the_header_with_it() -> None:
    mail = body_of(b"text/plain; a=" + b"(" * 2000 + b"\nSubject: still here", b"and the body")

    assert ("still here", "and the body") == (mail.subject, mail.body)


def test_lone_carriage_return_in_a_header_is_noted() -> None:
    mail = parse_mail(b"Subject: a\rTo: b@x.example\n\n")

    assert "A header has a carriage return without a line feed." in mail.problems


# Refusals


@pytest.mark.parametrize(("words", "octets"), [
    ("empty", b""),
    (r"Outlook message \(.msg\)", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)),
    ("UTF-16", "From: a@x.example\n\n".encode("utf-16")),
    ("save the mail as it was sent", b"<html>"),
])  # fmt: skip
def test_says_what_to_do_about_what_is_no_mail(words: str, octets: bytes) -> None:
    with pytest.raises(MailError, match=words):
        parse_mail(octets)


def test_a_byte_order_mark_hides_no_field() -> None:
    octets = b"\xef\xbb\xbfFrom: a@x.example\nSubject: one\n\nFirst.\n"
    mail = parse_mail(octets)

    assert ("a@x.example", "one", "First.\n") == (mail.from_[0].address, mail.subject, mail.body)
    assert len(octets) == mail.size


@pytest.mark.parametrize(("expected", "word"), [
    ("\u05e9\u05dc", "=?iso-8859-8-i?B?+ew=?="),
    ("\u05e9\u05dc", "=?ISO-8859-8-I*he?q?=F9=EC?="),
    ("\u0e2a", "=?windows-874?Q?=CA?="),
])  # fmt: skip
def test_encoded_words_of_charsets_that_python_calls_otherwise(expected: str, word: str) -> None:
    mail = parse_mail(f"Subject: {word}\nFrom: {word} <a@x.example>\n\n".encode())

    assert (expected, expected, ()) == (mail.subject, mail.from_[0].name, mail.problems[1:])


@pytest.mark.parametrize(("expected", "word", "wider"), [
    ("Council\u2019s", "=?iso-8859-1?Q?Council=92s?=", "Windows-1252"),
    ("\u6731\u9555", "=?gb2312?B?1uzpRg==?=", "GB18030"),
    ("\u6731\u9555", "=?GBK*zh?b?1uzpRg?=", None),
    ("\u2460", "=?shift_jis?B?h0A=?=", "Windows-932"),
    ("\xa35", "=?iso-8859-1?Q?=A35?=", None),
])  # fmt: skip
def test_encoded_words_are_read_in_the_wider_charset_that_is_meant(
    expected: str, word: str, wider: str | None
) -> None:
    mail = parse_mail(f"Subject: {word}\nFrom: {word} <a@x.example>\n\n".encode())
    note = f"A header has octets outside its charset: it was read as {wider}."

    assert (expected, expected) == (mail.subject, mail.from_[0].name)
    assert (() if wider is None else (note,)) == mail.problems[1:]


@pytest.mark.parametrize("octets", [b"", b"\n", b"\r\nbody", b"\x89PNG\r\n\x1a\n", b"no header"])
def test_refuses_octets_without_a_header(octets: bytes) -> None:
    with pytest.raises(MailError):
        parse_mail(octets)


MAILBOX = b"From a@x.example Tue Apr  8 10:00:00 2025\nSubject: one\n\nFirst.\n\n"


@pytest.mark.parametrize("second", [
    b"From b@x.example Wed Apr  9 10:00:00 2025\nSubject: two\n\nSecond.\n",
    b"From - Wed Apr 19 10:00:00 2025\nX-Mozilla-Status: 0001\nSubject: two\n\nSecond.\n",
])  # fmt: skip
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_refuses_a_mailbox_of_several_mails(second: bytes, end: bytes) -> None:
    with pytest.raises(MailError, match="several mails"):
        parse_mail((MAILBOX + second).replace(b"\n", end))


@pytest.mark.parametrize("more", [
    b"",
    b"From here on it is text: so\n",
    b">From b@x.example Wed Apr  9 10:00:00 2025\nSubject: two\n",
    b"From b@x.example Wed Apr  9 10:00:00 2025\n\nSubject: two\n",
])  # fmt: skip
def test_reads_a_mailbox_of_one_mail(more: bytes) -> None:
    assert "one" == parse_mail(MAILBOX + more).subject


def nested(depth: int) -> bytes:
    layer = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return b"".join(layer % (at, at) for at in range(depth)) + b"\nbody"


def test_reads_parts_as_deep_as_the_limit() -> None:
    assert "body" == parse_mail(nested(module.MAX_DEPTH)).body


def many_parts(count: int) -> bytes:
    part = b"--b\nContent-Type: a/b\n\nx\n"
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + part * count + b"--b--\n"


def test_reads_as_many_attachments_as_the_limit() -> None:
    assert 256 == len(parse_mail(many_parts(module.MAX_ATTACHMENTS)).attachments)


@pytest.mark.parametrize(
    ("limit", "octets"),
    [
        (module.MAX_OCTETS, b"A: b\n\n" + b"x" * module.MAX_OCTETS),
        (module.MAX_DEPTH, nested(module.MAX_DEPTH + 1)),
        (module.MAX_DEPTH, nested(5000)),
        (module.MAX_ATTACHMENTS, many_parts(module.MAX_ATTACHMENTS + 1)),
        (module.MAX_PARTS, many_parts(module.MAX_PARTS + 1)),
        (module.MAX_HEADER_FIELDS, b"A: b\n" * (module.MAX_HEADER_FIELDS + 1)),
        (module.MAX_HEADER_OCTETS, b"A: " + b"b" * module.MAX_HEADER_OCTETS + b"\n"),
        (module.MAX_ADDRESSES, b"To: " + b"a," * (module.MAX_ADDRESSES + 1)),
    ],
    ids=["octets", "depth", "very deep", "attachments", "parts", "fields", "header", "addresses"],
)
def test_refuses_what_passes_a_limit(limit: int, octets: bytes) -> None:
    with pytest.raises(MailError) as refusal:
        parse_mail(octets)

    assert limit == refusal.value.limit
    assert refusal.value.found is not None
    assert refusal.value.found > limit


def test_mail_error_is_a_ledger_error() -> None:
    assert issubclass(MailError, LedgerError)


# Parties


def found(mapping: dict[str, str], *addresses: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    mailboxes = [Address(name="", address=one) for one in addresses]
    parties, unknown = parties_of(mailboxes, mapping=mapping)
    return parties, tuple(one.address for one in unknown)


def test_longest_match_names_the_party_and_an_exact_address_wins() -> None:
    mapping = {"x.example": "all", "south.x.example": "south", "Ann@south.x.example": "ann"}

    assert (("ann",), ()) == found(mapping, "ann@South.x.example")
    assert (("south",), ()) == found(mapping, "bob@it.south.x.example")
    assert (("all",), ()) == found(mapping, "bob@north.x.example", "cyd@x.example")


def test_addresses_not_matched_are_listed_once_in_order() -> None:
    mapping = {"x.example": "x"}
    unknown = ("a@notx.example", "b@example", "")

    assert (("x",), unknown) == found(mapping, *unknown, "c@x.example", *unknown)


def test_parties_are_listed_once_in_order() -> None:
    mapping = {"x.example": "x", "@y.example": "y"}

    assert (("y", "x"), ()) == found(mapping, "a@y.example", "a@x.example", "b@y.example")


# Fuzz: any octets give a Mail or a MailError, and every text in it is Unicode scalar values


def check_sound(octets: bytes) -> None:
    try:
        mail = parse_mail(octets)
    except MailError:
        return
    assert hashlib.sha256(octets).hexdigest() == mail.sha256
    repr(mail).encode()
    (mail.body or "").encode()
    (mail.subject or "").encode()
    for attachment in mail.attachments:
        assert len(attachment.content) == attachment.size
        assert attachment.media_type.isascii()
        assert not set(attachment.name or "") & set("/\\\0\r\n")


@given(st.binary(max_size=400))
def test_any_octets_give_a_mail_or_a_mail_error(octets: bytes) -> None:
    check_sound(octets)


FIELDS = [
    "From",
    "To",
    "Cc",
    "Date",
    "Subject",
    "Received",
    "Message-ID",
    "References",
    "Content-Type",
    "Content-Disposition",
    "Content-Transfer-Encoding",
]
SCRAPS = (
    b'"', b"<", b">", b"@", b",", b";", b":", b"(", b")", b"\\", b"[", b"]", b"=", b"*0*=", b"''",
    b"=?", b"?=", b"=?utf-8?q?", b"=?utf-16?b?", b"=?idna?q?", b"=?unicode_escape?q?=5Cx?=", b"%",
    b"\0", b"\r", b"\n ", b"\xff", b"a", b"a@b.example", b"multipart/mixed", b"boundary=b",
    b"charset=", b"filename*0=", b"filename*=utf-7'x'%", b"name=", b"message/rfc822", b"base64",
    b"1", b"Mar", b"2025", b"10:00", b"+0000", b"\n--b\n", b"\n--b--\n", b"text/html", b"<!--",
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.lists(st.sampled_from(SCRAPS), max_size=9))))
def test_any_field_gives_a_mail_or_a_mail_error(fields: list[tuple[str, list[bytes]]]) -> None:
    header = b"".join(name.encode() + b": " + b"".join(value) + b"\n" for name, value in fields)

    check_sound(header + b"\n--b\n\n<p>x<!--\n--b--")


@settings(max_examples=400)
@given(st.data())
def test_any_mutated_mail_gives_a_mail_or_a_mail_error(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(FILES)).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(octets)))
        end = start + data.draw(st.integers(0, 8))
        octets[start:end] = data.draw(st.sampled_from(SCRAPS) | st.binary(max_size=4))

    check_sound(bytes(octets))


@given(
    st.text("ab -=\n", max_size=60),
    st.lists(st.tuples(st.binary(max_size=80), st.text("abc\u00e9 .", min_size=1, max_size=9))),
)
def test_reads_what_the_standard_library_writes(text: str, files: list[tuple[bytes, str]]) -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content(text)
    for content, name in files:
        message.add_attachment(content, maintype="a", subtype="b", filename=f"x{name}x")
    mail = parse_mail(message.as_bytes())

    assert [content for content, _ in files] == [one.content for one in mail.attachments]
    assert [f"x{name}x" for _, name in files] == [one.name for one in mail.attachments]
    assert text.rstrip("\n") == (mail.body or "").rstrip("\n")
