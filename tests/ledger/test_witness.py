"""The witness: every rule of add-checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.add_checkpoint import MAX_BODY, Answer, Outcome
from ledger.errors import WrongClockError
from ledger.trusted import trusted_log
from ledger.witness import create_witness
from tests.ledger.witness_desk import KEYS, LOG, SECOND, Desk, desk, make, opened, path
from tests.ledger.witnessing import (
    EMPTY,
    NAME,
    NOW_MS,
    ORIGIN,
    LatticeLog,
    Log,
    b64,
    grease,
    line,
    prove,
    request,
    tree_hash,
)
from verify.note import check_cosignature, parse_note

CONFLICT, INCONSISTENT = Outcome.CONFLICT, Outcome.INCONSISTENT
MALFORMED, UNTRUSTED, UNKNOWN = Outcome.MALFORMED, Outcome.UNTRUSTED, Outcome.UNKNOWN


__all__ = ["desk", "path"]  # fixtures


# What is cosigned.


def test_answers_with_the_cosignatures_of_all_its_keys(tmp_path: Path) -> None:
    with opened(make(tmp_path / "w", LOG, keys=KEYS)) as desk:
        answer = desk.ask(LOG.request(0, 7))
        note = parse_note(LOG.note(7) + answer.body)

        assert Outcome.COSIGNED == answer.outcome
        assert 2 == answer.body.count(b"\n")
        for key in desk.witness.vkeys:
            assert (NOW_MS // 1000,) == check_cosignature(note, key=key)


def test_other_libraries_take_what_it_signs(tmp_path: Path) -> None:
    with opened(make(tmp_path / "w", LOG, keys=KEYS)) as desk:
        lines = parse_note(LOG.text(7) + b"\n" + desk.ask(LOG.request(0, 7)).body).signatures
        ed, lattice = (key.public for key in desk.witness.vkeys)
    at = (NOW_MS // 1000).to_bytes(8, "big")
    Ed25519PublicKey.from_public_bytes(ed).verify(
        lines[0].payload[8:], b"cosignature/v1\ntime 1750000000\n" + LOG.text(7)
    )
    said = b"subtree/v1\n\0" + bytes([len(NAME)]) + NAME.encode() + at
    said += bytes([len(ORIGIN)]) + ORIGIN.encode() + bytes(8) + (7).to_bytes(8, "big")
    MLDSA44PublicKey.from_public_bytes(lattice).verify(
        lines[1].payload[8:], said + tree_hash(LOG.leaves(7))
    )

    assert [at, at] == [each.payload[:8] for each in lines]


def test_follows_a_log_from_size_to_size(desk: Desk) -> None:
    desk.grow(0, 1, 2, 3, 4, 7, 8, 9, 100, 255, 256, 1000)

    assert Answer(CONFLICT, b"1000\n") == desk.ask(LOG.request(0, 1000))
    assert Answer(CONFLICT, b"0\n") == desk.ask(SECOND.request(3, 5))


def test_all_growth_between_small_trees_is_cosigned(tmp_path: Path) -> None:
    logs = [
        Log(f"log.example/{old}-{new}", seed=7) for old in range(1, 18) for new in range(old, 18)
    ]
    with opened(make(tmp_path / "w", *logs)) as desk:
        for log in logs:
            old, new = map(int, log.origin.rpartition("/")[2].split("-"))
            desk.grow(old, new, log=log)


def test_cosigns_the_same_tree_again_with_the_time_of_today(desk: Desk) -> None:
    desk.grow(7)
    desk.clock.now_ms += 5000
    answer = desk.ask(LOG.request(7, 7))
    note = parse_note(LOG.note(7) + answer.body)

    assert (NOW_MS // 1000 + 5,) == check_cosignature(note, key=desk.witness.vkeys[0])


def test_ignores_signatures_of_others(desk: Desk) -> None:
    unknown = Log(ORIGIN, seed=9)
    text = LOG.text(7)
    lines = [grease(), unknown.sign(text), LOG.sign(text), grease(), line("x", b"\4\4\4\4", b"?")]
    answer = desk.ask(request(0, [], text + b"\n" + b"".join(lines)))

    assert Outcome.COSIGNED == answer.outcome
    assert text + b"\n" + LOG.sign(text) + answer.body == desk.witness.checkpoint(
        bytes.fromhex(LOG.hex)
    )


def test_keeps_one_line_of_each_trusted_key(tmp_path: Path) -> None:
    path = make(tmp_path / "w", LOG, old := Log(ORIGIN, seed=9))
    text = LOG.text(3)
    lines = [old.sign(text), LOG.sign(text), old.sign(text), LOG.sign(text)]
    with opened(path) as desk:
        answer = desk.ask(request(0, [], text + b"\n" + b"".join(lines)))
        expected = text + b"\n" + LOG.sign(text) + old.sign(text) + answer.body

        assert expected == desk.witness.checkpoint(bytes.fromhex(LOG.hex))
        assert Outcome.COSIGNED == desk.ask(request(3, [], text + b"\n" + old.sign(text)))[0]


def test_a_log_s_origin_may_be_another_than_its_key_s_name(tmp_path: Path) -> None:
    log = Log("the other log", key_name="key.example", seed=3)
    create_witness(tmp_path / "w", keys=KEYS[:1], logs=[trusted_log(log.vkey, origin=log.origin)])
    with opened(tmp_path / "w") as desk:
        desk.grow(5, log=log)

        assert UNKNOWN == desk.ask(Log("key.example", seed=3).request(0, 5))[0]


@pytest.mark.parametrize("time_s", [0, NOW_MS // 1000, 2**63 - 1])
def test_cosigns_for_a_log_that_signs_with_ml_dsa_44(tmp_path: Path, time_s: int) -> None:
    log = LatticeLog()
    log.time_s = time_s
    with opened(make(tmp_path / "w", log, keys=KEYS)) as desk:
        desk.grow(3, 7, log=log)
        note = parse_note(desk.witness.checkpoint(bytes.fromhex(log.hex)))

        assert (log.key_name, log.key_id) == note.signatures[0][:2]
        for key in desk.witness.vkeys:
            assert (NOW_MS // 1000,) == check_cosignature(note, key=key)


def test_cosigns_for_a_log_of_two_keys_while_it_goes_over(tmp_path: Path) -> None:
    lattice, text = LatticeLog(seed=2), LOG.text(3)
    with opened(make(tmp_path / "w", LOG, lattice)) as desk:
        for lines in (LOG.sign(text), lattice.sign(text) + LOG.sign(text), lattice.sign(text)):
            at = 0 if lines == LOG.sign(text) else 3
            assert Outcome.COSIGNED == desk.ask(request(at, [], text + b"\n" + lines)).outcome


def test_refuses_a_line_of_a_log_s_ml_dsa_44_key_that_fails(tmp_path: Path) -> None:
    log, text = LatticeLog(), LOG.text(3)
    early, late = LatticeLog(), LatticeLog()
    late.time_s = 2**63
    moved = log.sign(text.replace(b"\n3\n", b"\n4\n"))
    short = line(log.key_name, log.key_id, bytes(72))
    with opened(make(tmp_path / "w", LOG, log)) as desk:
        for bad in (moved, short, late.sign(text)):
            lines = LOG.sign(text) + early.sign(text) + bad
            assert UNTRUSTED == desk.ask(request(0, [], text + b"\n" + lines)).outcome


def test_covers_no_extension_line_of_a_log_that_signs_with_ml_dsa_44(tmp_path: Path) -> None:
    log = LatticeLog()
    more = log.text(3) + b"more\n"
    with opened(make(tmp_path / "w", log)) as desk:
        assert MALFORMED == desk.ask(request(0, [], more + b"\n" + log.sign(more)))[0]


# What is refused.

HEAD, _, NOTE = LOG.request(3, 7).partition(b"\n\n")
HASH = b64(EMPTY).encode()
FORMS = {
    "nothing": b"",
    "only the checkpoint": NOTE,
    "no empty line": HEAD + b"\n" + NOTE.replace(b"\n\n", b"\n"),
    "no old size": b"\n\n" + NOTE,
    "an old size of no digits": b"old \n\n" + NOTE,
    "a leading zero": b"old 03\n\n" + NOTE,
    "a plus sign": b"old +3\n\n" + NOTE,
    "a minus sign": b"old -3\n\n" + NOTE,
    "an underscore": b"old 1_0\n\n" + NOTE,
    "two spaces": b"old  3\n\n" + NOTE,
    "a space behind": b"old 3 \n\n" + NOTE,
    "a bare number": b"3\n\n" + NOTE,
    "a capital": b"Old 3\n\n" + NOTE,
    "other digits": "old \N{ARABIC-INDIC DIGIT THREE}\n\n".encode() + NOTE,
    "a carriage return": b"old 3\r\n\n" + NOTE,
    "an old size of 2^53": b"old 9007199254740992\n\n" + NOTE,
    "an old size of 10^400": b"old 1" + b"0" * 400 + b"\n\n" + NOTE,
    "a hash too short": b"old 3\nAAAA\n\n" + NOTE,
    "a hash of another spelling": b"old 3\n" + HASH[:-2] + b"V=\n\n" + NOTE,
    "a hash in hex": b"old 3\n" + EMPTY.hex().encode() + b"\n\n" + NOTE,
    "64 hashes": b"old 3\n" + b"\n".join([HASH] * 64) + b"\n\n" + NOTE,
    "bad UTF-8": b"old 3\n\xff\n\n" + NOTE,
    "no signature": HEAD + b"\n\n" + LOG.text(7),
    "a signature that is none": HEAD + b"\n\n" + LOG.text(7) + b"\nx\n",
    "101 signatures": HEAD + b"\n\n" + NOTE + b"".join(grease() for _ in range(100)),
    "a size with a leading zero": HEAD + b"\n\n" + NOTE.replace(b"\n7\n", b"\n07\n"),
    "a size of 2^53": HEAD + b"\n\n" + NOTE.replace(b"\n7\n", b"\n9007199254740992\n"),
    "no root hash": HEAD + b"\n\n" + LOG.origin.encode() + b"\n7\n\n" + LOG.sign(b"x"),
    "an extension line": HEAD
    + b"\n\n"
    + (more := LOG.text(7) + b"more\n")
    + b"\n"
    + LOG.sign(more),
    "too long": LOG.request(3, 7) + b"x" * MAX_BODY,
    "an old size above the checkpoint's": request(8, [], NOTE),
}


@pytest.mark.parametrize("name", FORMS)
def test_refuses_what_is_no_request(desk: Desk, name: str) -> None:
    desk.grow(3)
    answer = desk.ask(FORMS[name])

    assert MALFORMED == answer.outcome
    assert answer.body.endswith(b"\n")


def test_takes_a_request_of_so_many_octets_and_none_of_more(desk: Desk) -> None:
    def long(octets: int) -> bytes:
        body = LOG.request(0, 7)
        rest = octets - len(body) - len(line("x" * 3, b"", b""))
        return body + line("x" * (3 + rest % 4), b"junk", bytes(rest // 4 * 3 - 4))

    assert MALFORMED == desk.ask(long(MAX_BODY + 1))[0]
    assert Outcome.COSIGNED == desk.ask(long(MAX_BODY))[0]


def test_refuses_a_log_that_it_does_not_know(desk: Desk) -> None:
    assert UNKNOWN == desk.ask(Log("log.example/other").request(0, 7))[0]
    assert UNKNOWN == desk.ask(Log(f"{ORIGIN} ", key_name="x").request(0, 7))[0]


def test_refuses_what_no_trusted_key_signed(desk: Desk) -> None:
    text = LOG.text(7)
    stranger, second = Log(ORIGIN, seed=9), SECOND.sign(text)
    flipped = bytes([LOG.key.sign(text)[0] ^ 1]) + LOG.key.sign(text)[1:]
    bad = line(ORIGIN, LOG.key_id, flipped)
    cosigned = line(ORIGIN, LOG.key_id, bytes(7) + b"\1" + LOG.key.sign(text))
    for signed in (
        stranger.sign(text),
        second,
        grease(),
        bad,
        cosigned,
        LOG.sign(text) + bad,
        bad + LOG.sign(text),
        LOG.sign(LOG.text(8)),
        line("log.example/x", LOG.key_id, LOG.key.sign(text)),
    ):
        assert UNTRUSTED == desk.ask(request(0, [], text + b"\n" + signed))[0]
    assert Outcome.COSIGNED == desk.ask(LOG.request(0, 7))[0]


def test_the_order_of_refusals_is_form_origin_signature_size(desk: Desk) -> None:
    desk.grow(3)
    unsigned = LOG.text(7) + b"\n" + grease()

    assert UNKNOWN == desk.ask(request(99, [], Log("log.example/x").note(7)))[0]
    assert UNTRUSTED == desk.ask(request(99, [], unsigned))[0]
    more = Log("log.example/x").text(7) + b"more\n"
    assert UNKNOWN == desk.ask(request(3, [], more + b"\n" + grease()))[0]
    more = LOG.text(7) + b"more\n"
    assert UNTRUSTED == desk.ask(request(3, [], more + b"\n" + grease()))[0]
    assert MALFORMED == desk.ask(request(2, [], more + b"\n" + LOG.sign(more)))[0]
    assert MALFORMED == desk.ask(request(99, [], LOG.note(7)))[0]
    assert CONFLICT == desk.ask(request(2, [EMPTY], LOG.note(7)))[0]
    assert INCONSISTENT == desk.ask(request(3, [EMPTY], LOG.note(7)))[0]


@pytest.mark.parametrize("old", [0, 1, 2, 4, 7])
def test_another_old_size_is_a_conflict_that_names_its_own(desk: Desk, old: int) -> None:
    desk.grow(3)

    assert Answer(CONFLICT, b"3\n") == desk.ask(LOG.request(old, 7))


def test_refuses_a_proof_that_fails(desk: Desk) -> None:
    desk.grow(5)
    proof, note = prove(5, LOG.leaves(12)), LOG.note(12)
    for bad in (
        [],
        proof[:-1],
        [*proof, EMPTY],
        proof[::-1],
        [EMPTY, *proof[1:]],
        [*proof[:-1], EMPTY],
        prove(4, LOG.leaves(12)),
        prove(5, LOG.leaves(11)),
        [EMPTY] * 63,
    ):
        assert INCONSISTENT == desk.ask(request(5, bad, note))[0]
    assert Outcome.COSIGNED == desk.ask(request(5, proof, note))[0]


def test_refuses_another_tree_of_the_same_size(desk: Desk) -> None:
    desk.grow(5)

    assert INCONSISTENT == desk.ask(LOG.request(5, 5, fork_at=4))[0]
    assert INCONSISTENT == desk.ask(request(5, [EMPTY], LOG.note(5)))[0]
    assert Outcome.COSIGNED == desk.ask(LOG.request(5, 5))[0]


def test_an_empty_tree_has_one_root_and_nothing_to_prove(desk: Desk) -> None:
    assert INCONSISTENT == desk.ask(request(0, [], LOG.note(0, root=bytes(32))))[0]
    assert INCONSISTENT == desk.ask(request(0, [EMPTY], LOG.note(0)))[0]
    assert INCONSISTENT == desk.ask(request(0, [EMPTY], LOG.note(5)))[0]
    desk.grow(0)
    assert INCONSISTENT == desk.ask(request(0, [], LOG.note(0, root=bytes(32))))[0]
    desk.grow(0, 5)
    assert Answer(CONFLICT, b"5\n") == desk.ask(LOG.request(0, 0))


BODIES = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(lambda text: text.encode("utf-8")),
    st.builds(
        lambda at, cut, more: (
            (body := LOG.request(3, 7))[: at % len(body)] + more + body[at % len(body) + cut :]
        ),
        st.integers(0, 10_000),
        st.integers(0, 40),
        st.binary(max_size=40),
    ),
    st.builds(
        request,
        st.integers(-1, 12),
        st.lists(st.sampled_from(LOG.leaves(8)), max_size=5),
        st.builds(
            lambda size, fork, lines: LOG.note(size, fork_at=fork) + b"".join(lines),
            st.integers(0, 12),
            st.none() | st.integers(0, 12),
            st.lists(st.sampled_from([LOG.sign(LOG.text(3)), grease(), b"\n", b"x\n"]), max_size=3),
        ),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(BODIES)
def test_any_octets_have_an_answer_of_the_table(desk: Desk, body: bytes) -> None:
    answer = desk.ask(body)

    assert answer.outcome in Outcome
    if answer.outcome is Outcome.COSIGNED:
        note = parse_note(body.partition(b"\n\n")[2] + answer.body)
        check_cosignature(note, key=desk.witness.vkeys[0])
    assert desk.witness.healthy()


# Time.


def test_a_time_is_never_before_the_last_one_of_that_log(desk: Desk) -> None:
    desk.grow(7)
    desk.clock.now_ms -= 500_000
    again = parse_note(LOG.note(8) + desk.ask(LOG.request(7, 8)).body)
    other = parse_note(SECOND.note(1) + desk.ask(SECOND.request(0, 1)).body)

    assert (NOW_MS // 1000,) == check_cosignature(again, key=desk.witness.vkeys[0])
    assert (NOW_MS // 1000 - 500,) == check_cosignature(other, key=desk.witness.vkeys[0])


def test_a_clock_far_behind_cosigns_nothing_of_that_log(desk: Desk) -> None:
    desk.grow(7)
    desk.clock.now_ms -= 600_000
    assert Outcome.COSIGNED == desk.ask(LOG.request(7, 7))[0]
    desk.clock.now_ms -= 1000
    with pytest.raises(WrongClockError):
        desk.ask(LOG.request(7, 8))
    desk.grow(1, log=SECOND)
    desk.clock.now_ms += 601_000

    assert Answer(CONFLICT, b"7\n") == desk.ask(LOG.request(8, 9))
    assert Outcome.COSIGNED == desk.ask(LOG.request(7, 8))[0]
