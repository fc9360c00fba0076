import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.spelling import octets, spelled
from tests.world import disclose, file_of, letter
from verify.checks import Check
from verify.claims import (
    MAX_DISCLOSURE,
    File,
    Opened,
    check_claims,
    check_names,
    claims_hold,
    digest,
    format_disclosure,
    is_claim_name,
    parse_disclosure,
    stem,
)
from verify.errors import RuleError

SALT = "1" * 32


def refusals(value: str | File, name: str = "text", **changes: str) -> dict[str, RuleError]:
    text = format_disclosure(author="a", nonce="n", name=name, random=SALT, value=value)
    given_ = {"author": "a", "nonce": "n", **changes}
    sealed = {name: digest(text)}
    return check_claims({name: Opened(SALT, value)}, sealed=sealed, **given_)


def test_a_claim_opens_to_what_was_sealed() -> None:
    assert {} == refusals("x")
    assert {} == refusals(file_of(b"x"), "file.1")


@pytest.mark.parametrize(
    ("value", "name", "changes"),
    [("x", "text", {"author": "b"}), ("x", "text", {"nonce": "m"}), ("x", "file", {}),
     (file_of(b"x"), "text", {}), ("x" * MAX_DISCLOSURE, "text", {})],
)  # fmt: skip
def test_a_claim_is_refused(value: str | File, name: str, changes: dict[str, str]) -> None:
    error = refusals(value, name, **changes)[name]

    assert (Check.DISCLOSURE, f"claims.{name}") == (error.check, error.where)


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.just("x" * 786_500),
    st.builds(file_of, st.binary()),
)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["text", "title", "file", "file.1"]),
                VALUES,
                st.sampled_from([None, "author", "nonce", "random", "value", "name"]),
            ),
            unique_by=lambda claim: claim[0],
        ),
        max_size=4,
    )
)
def test_many_lines_hold_when_no_claim_of_theirs_is_refused(
    lines: list[list[tuple[str, str | File, str | None]]],
) -> None:
    """Whatever was changed since it was sealed, alone and among others that hold."""
    given_: list[tuple[dict[str, Opened], str, str, dict[str, str]]] = []
    for line in lines:
        sealed: dict[str, str] = {}
        for name, value, changed in line:
            parts = {"author": "a", "nonce": "n", "name": name, "random": SALT}
            said: str | File = "changed" if changed == "value" else value
            parts |= {changed: "0" * 32} if changed in parts else {}
            sealed["title" if changed == "name" else name] = digest(
                format_disclosure(**parts, value=said)
            )
        claims = {name: Opened(SALT, value) for name, value, _ in line}
        given_.append((claims, "a", "n", sealed))

    refused = [check_claims(c, author=a, nonce=n, sealed=s) for c, a, n, s in given_]

    assert claims_hold(given_) is not any(refused)
    assert [claims_hold([one]) for one in given_] == [not one for one in refused]


def test_a_disclosure_is_of_a_mebibyte_at_most() -> None:
    text = format_disclosure(author="a", nonce="n", name="text", random=SALT, value="x" * 786_500)
    with pytest.raises(RuleError) as caught:
        parse_disclosure(text, where="here")

    assert MAX_DISCLOSURE < len(text)
    assert (Check.DISCLOSURE, "here") == (caught.value.check, caught.value.where)


@pytest.mark.parametrize("text", ["", "=", "A", "AA", "AAAAA", "WyIiLCIiLCIiXQ==", "é", "\ud800"])
def test_what_is_no_disclosure_is_refused(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_disclosure(text, where="here")

    assert Check.DISCLOSURE is caught.value.check
    assert caught.value.where.startswith("here")


def test_the_digest_is_of_the_ascii_text() -> None:
    text = disclose("a", "n", "text", "x")

    assert hashlib.sha256(text.encode("ascii")).hexdigest() == digest(text)
    assert "x" == parse_disclosure(text).value


def test_claim_names_are_a_closed_list() -> None:
    good = ("text", "item", "item.1", "item.9999", "phrase_sent", "file.12")
    bad = ("", "x", "text.1", "item.0", "item.01", "item.10000", "item.", "Text", "text\n",
           "phrase_", "phrase_when", "item.1.1", ".1", "item 1", "it\u00e9m")  # fmt: skip

    assert all(map(is_claim_name, good))
    assert not any(map(is_claim_name, bad))
    assert "item" == stem("item.3") == stem("item")


def test_numbers_are_dense() -> None:
    check_names(("item", "item.1", "item.2"))
    for names in (("item.2",), ("item.1", "item.3"), ("secret",)):
        with pytest.raises(ValueError, match="sealed"):
            check_names(names)


@given(st.text())
def test_any_text_gives_a_disclosure_or_a_refusal(text: str) -> None:
    with pytest.raises(RuleError):
        parse_disclosure(text)


@given(st.binary())
def test_any_array_gives_a_disclosure_or_a_refusal(data: bytes) -> None:
    encoded = base64.urlsafe_b64encode(data).decode().rstrip("=")
    with pytest.raises(RuleError):
        parse_disclosure(encoded)

    assert data == octets(spelled(data))
    assert letter("northmere").disclosures
