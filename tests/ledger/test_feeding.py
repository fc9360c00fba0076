"""What a ledger makes of a witness's answers: of honest ones, and of every other that may come."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.errors import ForkedError, OlderError, StoreError, WitnessError
from ledger.feeding import (
    WITNESSES_FILE,
    Cosigned,
    Fed,
    Feeding,
    keys_of_charter,
    parse_witnesses,
    read_witnesses,
)
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.witness import Witness
from tests.ledger.answering import (
    SIZE,
    Answer,
    Answering,
    answering,
    honest,
    http,
    lines_of,
    make_witness,
)
from tests.ledger.builder import Clock, Party, found_ledger, new_letter, new_log_key, submit
from verify.errors import MalformedError
from verify.note import Note, check_cosignature, format_note, format_vkey, parse_note

ALPHA = Party("alpha", 1)
NAME = "witness.example/w1"
NOW_S = 1_750_000_000


@dataclass
class Desk:
    """A ledger of four entries, an honest witness, and the way to it."""

    ledger: Ledger
    witness: Witness
    keys: list[WitnessKey]
    server: Answering
    folder: Path

    def feeding(self, *, timeout_s: float = 20) -> Feeding:
        keys = tuple(key.verifier_key for key in self.keys)
        return Feeding(Fed("w1", self.server.url, keys), self.ledger, timeout_s=timeout_s)

    def submit(self, answer: Answer, *, timeout_s: float = 20) -> tuple[Cosigned, ...]:
        self.server.answer = answer
        with contextlib.closing(self.feeding(timeout_s=timeout_s)) as feeding:
            return feeding.submit(self.ledger.size())

    def reason(self, answer: Answer, *, timeout_s: float = 20) -> tuple[str, int]:
        with pytest.raises(WitnessError) as caught:
            self.submit(answer, timeout_s=timeout_s)
        return caught.value.reason, caught.value.retry_after_s

    def grow(self, count: int = 1) -> None:
        for _ in range(count):
            submit(self.ledger, new_letter("alpha"))

    def note(self) -> Note:
        return parse_note(self.ledger.checkpoint())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    keys = make_witness(tmp_path / "w", NAME, new_log_key(), both=True)
    with (
        found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger,
        Witness.open(tmp_path / "w", clock=Clock()) as witness,
        answering(honest(witness)) as server,
    ):
        made = Desk(ledger, witness, keys, server, tmp_path)
        made.grow(3)
        yield made


# Honest witnesses


def test_an_honest_witness_cosigns_every_size_by_every_way(desk: Desk) -> None:
    with contextlib.closing(desk.feeding()) as feeding:
        for _ in range(5):
            cosigned = feeding.submit(desk.ledger.size())
            note = format_note(desk.note().text, [one.line for one in cosigned])
            for key, one in zip(desk.keys, cosigned, strict=True):
                times = check_cosignature(parse_note(note), key=key.verifier_key)

                assert ((one.timestamp_s,), NOW_S) == (times, one.timestamp_s)
            desk.grow()
    asked = len(desk.server.asked)

    assert 5 == asked
    assert 2 == len(desk.submit(desk.server.answer))
    assert 2 == len(desk.submit(desk.server.answer))
    assert asked + 4 == len(desk.server.asked)


def test_a_witness_that_answers_every_second_time_cosigns(desk: Desk) -> None:
    """What it told is kept: else each turn that it gives would go to the question for its size."""
    desk.submit(desk.server.answer)
    answer, begun = desk.server.answer, len(desk.server.asked)

    def seldom(path: str, body: bytes) -> bytes | None:
        return answer(path, body) if (len(desk.server.asked) - begun) % 2 else http(429)

    desk.server.answer = seldom
    with contextlib.closing(desk.feeding()) as feeding:
        with pytest.raises(WitnessError, match="429"):
            feeding.submit(desk.ledger.size())

        assert 2 == len(feeding.submit(desk.ledger.size()))


def test_a_witness_that_was_set_back_is_asked_from_where_it_says(desk: Desk) -> None:
    """What it does is wrong, and for its other readers to find. Nothing here depends on it."""
    with (
        contextlib.closing(desk.feeding()) as feeding,
        Witness.open(_fresh(desk), clock=Clock()) as other,
    ):
        feeding.submit(4)
        desk.grow()
        desk.server.answer = honest(other)

        assert 2 == len(feeding.submit(5))


def _fresh(desk: Desk) -> Path:
    path = desk.folder / "fresh"
    make_witness(path, NAME, new_log_key(), both=True)
    for file in (desk.folder / "w").glob("*.key"):
        shutil.copy(file, path)
    return path


# Answers that are none


def lines(*keys: WitnessKey, text: bytes, time_s: int = NOW_S) -> bytes:
    found = [key.cosign(text, timestamp_s=time_s) for key in keys]
    return format_note(text, found)[len(text) + 1 :]


NOON, LATER = "Thu, 26 Nov 2026 12:00:00 GMT", "Thu, 26 Nov 2026 12:01:30 GMT"
STATUSES = [
    (http(400, b"no\n"), "refused", 0),
    (http(403, b"no\n"), "unknown-log", 0),
    (http(403, b"3\n", SIZE), "unknown-log", 0),
    (http(404, b"no\n"), "unknown-log", 0),
    (http(409, b"0\n"), "refused", 0),
    (http(409, b"0\n", SIZE), "malformed", 0),
    (http(409, b"", SIZE), "malformed", 0),
    (http(409, b"-1\n", SIZE), "malformed", 0),
    (http(409, b"01\n", SIZE), "malformed", 0),
    (http(409, b"9" * 30 + b"\n", SIZE), "malformed", 0),
    (http(409, b"1" * 60_000, SIZE), "malformed", 0),
    (http(409, b"\xff\n", SIZE), "malformed", 0),
    (http(422, b"no\n"), "refused", 0),
    (http(429, b"later\n"), "pushed-back", 0),
    (http(429, b"later\n", more="Retry-After: 7\r\n"), "pushed-back", 7),
    (http(503, b"", more="Retry-After: tomorrow\r\n"), "pushed-back", 0),
    (http(503, b"", more=f"Retry-After: {LATER}\r\n"), "pushed-back", 0),
    (http(503, b"", more=f"Retry-After: {LATER}\r\nDate: {NOON}\r\n"), "pushed-back", 90),
    (http(503, b"", more=f"Retry-After: {NOON}\r\nDate: {LATER}\r\n"), "pushed-back", 0),
    (http(500, b"oh"), "refused", 0),
    (http(301, b"", more="Location: http://127.0.0.1:1/\r\n"), "refused", 0),
    (http(201, b""), "refused", 0),
    (http(200, b""), "malformed", 0),
    (http(200, b"<html>cosigned</html>\n"), "malformed", 0),
    (http(200, b"\xff\xfe\0"), "malformed", 0),
    (http(200, "\N{EM DASH} w AAAA\n".encode()), "malformed", 0),
    (http(200, "\N{EM DASH} other.example AAAAAAAAAA==\n".encode()), "signature", 0),
    (http(200, bytes(70_000)), "unanswered", 0),
    (http(200, b"short")[:-2], "unanswered", 0),
    (http(200, b"x", more="Content-Encoding: gzip\r\n"), "unanswered", 0),
    (b"SSH-2.0-witness\r\n", "unanswered", 0),
    (b"", "unanswered", 0),
    (None, "unanswered", 0),
]


@pytest.mark.parametrize("number", range(len(STATUSES)))
def test_what_is_no_cosignature_is_a_failure_with_a_reason(desk: Desk, number: int) -> None:
    answer, reason, retry_after_s = STATUSES[number]

    assert (reason, retry_after_s) == desk.reason(lambda _path, _body: answer)


def test_no_cosignature_is_believed_that_was_not_checked(desk: Desk) -> None:
    own, other = desk.keys[0], WitnessKey.generate(NAME)
    stranger = WitnessKey.generate("stranger.example")
    text = desk.note().text
    good = lines(own, text=text)
    desk.grow()
    text = desk.note().text
    fresh = lines(own, text=text)
    marker = fresh.index(b" ", 5) + 1
    zero = fresh[: marker + 6] + b"A" * 10 + fresh[marker + 16 :]
    for body in (
        good,  # over the checkpoint before
        lines(other, text=text),
        lines(stranger, text=text),
        zero,  # a time of 0
        fresh[: marker + 30] + (b"A" if fresh[marker + 30] != 65 else b"B") + fresh[marker + 31 :],
        fresh + good,  # one that verifies, and one by the same key that does not
        fresh[: marker + 8] + b"\n",
        desk.ledger.checkpoint()[len(text) + 1 :],  # the log's own line
    ):
        assert ("signature", 0) == desk.reason(lambda _path, _body, body=body: http(200, body))  # type: ignore[misc]  # a default of a lambda
    for body in (b"text\n\n" + fresh, desk.ledger.checkpoint() + fresh, fresh + b"\n"):
        assert ("malformed", 0) == desk.reason(lambda _path, _body, body=body: http(200, body))  # type: ignore[misc]  # as above


def test_lines_of_keys_that_the_file_does_not_name_are_passed_over(desk: Desk) -> None:
    text = desk.note().text
    body = lines(WitnessKey.generate("other.example"), *desk.keys, text=text)
    found = desk.submit(lambda _path, _body: http(200, body))

    assert [key.verifier_key.key_id for key in desk.keys] == [one.line.key_id for one in found]


@pytest.mark.parametrize("time_s", [1, NOW_S + 10**6, 2**63 - 1])
def test_a_time_that_is_far_off_is_the_witnesss_own_word(desk: Desk, time_s: int) -> None:
    body = lines(desk.keys[0], text=desk.note().text, time_s=time_s)

    assert [time_s] == [one.timestamp_s for one in desk.submit(lambda _p, _b: http(200, body))]


def test_who_tells_another_size_each_time_is_left(desk: Desk) -> None:
    sizes = iter((1, 2, 3, 1))

    assert ("refused", 0) == desk.reason(lambda _p, _b: http(409, b"%d\n" % next(sizes), SIZE))
    assert 3 == len(desk.server.asked)


def test_who_never_answers_is_left_when_the_time_is_up(desk: Desk) -> None:
    event = threading.Event()

    def hang(_path: str, _body: bytes) -> None:
        event.wait()

    try:
        assert ("unanswered", 0) == desk.reason(hang, timeout_s=0.3)
    finally:
        event.set()


# Witnesses that know more, or another history


def other_history(desk: Desk, count: int) -> Ledger:
    """Make another history of the same ledger, which begins after entry 0."""
    path = desk.folder / "other"
    desk.ledger.close()
    shutil.copytree(desk.ledger.path, path)
    desk.ledger = Ledger.open(desk.folder / "ledger", clock=Clock())
    desk.grow()
    other = Ledger.open(path, clock=Clock())
    for _ in range(count):
        submit(other, new_letter("alpha", title="another"))
    return other


@pytest.mark.parametrize("count", [1, 3])
def test_a_witness_that_cosigned_another_history_proves_it(desk: Desk, count: int) -> None:
    with other_history(desk, count) as other:
        keys = tuple(key.verifier_key for key in desk.keys)
        fed = Fed("w1", desk.server.url, keys)
        with contextlib.closing(Feeding(fed, other, timeout_s=20)) as feeding:
            feeding.submit(other.size())
        kind = ForkedError if count == 1 else OlderError
        with desk.ledger, pytest.raises(kind) as caught:
            desk.submit(desk.server.answer)

        assert ("witness w1", 4 + count) == (caught.value.source, caught.value.size)
        assert other.root().hex() == caught.value.root
        assert parse_note(other.checkpoint()).text == parse_note(caught.value.note).text


@pytest.mark.parametrize("shown", [http(404), http(200, bytes(1 << 20)), b""])
def test_a_larger_size_that_nobody_signed_is_an_alarm_without_proof(
    desk: Desk, shown: bytes
) -> None:
    """Nor does it help to show no checkpoint, or to hang up on who asks for it."""
    with pytest.raises(OlderError) as caught:
        desk.submit(lambda path, _body: http(409, b"9\n", SIZE) if "add" in path else shown)

    assert ("witness w1", 9, None, b"") == (
        caught.value.source, caught.value.size, caught.value.root, caught.value.note,
    )  # fmt: skip


@pytest.mark.parametrize("status", [409, 422])
def test_who_tells_its_size_and_refuses_our_tree_disagrees(desk: Desk, status: int) -> None:
    """One witness says 409 without a size when the roots differ, others 422."""

    def answer(path: str, body: bytes) -> bytes:
        if path != "add-checkpoint":
            return http(404)
        return http(409, b"3\n", SIZE) if body.startswith(b"old 0\n") else http(status, b"no\n")

    with pytest.raises(ForkedError) as caught:
        desk.submit(answer)

    assert (3, None, desk.ledger.root_at(3).hex(), b"") == (
        caught.value.size, caught.value.root, caught.value.found, caught.value.note,
    )  # fmt: skip


def test_who_has_another_root_of_our_size_and_says_409_with_it_disagrees(desk: Desk) -> None:
    """As the specification had it before its change 280; of a smaller size it makes no sense."""
    with pytest.raises(ForkedError) as caught:
        desk.submit(lambda path, _body: http(409 if "add" in path else 404, b"4\n", SIZE))

    assert (4, desk.ledger.root().hex()) == (caught.value.size, caught.value.found)
    smaller = desk.reason(lambda path, _body: http(409 if "add" in path else 404, b"3\n", SIZE))
    assert ("malformed", 0) == smaller


def test_a_forged_checkpoint_proves_nothing(desk: Desk) -> None:
    forged = desk.ledger.checkpoint().replace(b"\n4\n", b"\n9\n")
    with pytest.raises(OlderError) as caught:
        desk.submit(
            lambda path, _body: http(409, b"9\n", SIZE) if "add" in path else http(200, forged)
        )

    assert (9, b"") == (caught.value.size, caught.value.note)


def test_a_witness_that_is_ahead_of_what_is_sent_is_no_alarm(desk: Desk) -> None:
    """Whoever recorded before, and is ending, has fed what this ledger has by now."""
    with (
        contextlib.closing(desk.feeding()) as feeding,
        Witness.open(_fresh(desk), clock=Clock()) as other,
    ):
        feeding.submit(4)
        with pytest.raises(WitnessError) as caught:
            feeding.submit(3)
        assert "ahead" == caught.value.reason

        desk.server.answer = honest(other)
        assert 2 == len(feeding.submit(3))  # what it has is asked for anew


# The file


def test_the_file_names_witnesses_and_where_they_are(desk: Desk) -> None:
    one, two = (key.verifier_key for key in desk.keys)
    three = WitnessKey.generate("w3.example").verifier_key
    url = "https://w3.example/sub"
    data = b"# ours\n" + lines_of(("a", one, "http://w"), ("b", two, "http://w"), ("c", three, url))
    expected = (Fed("a", "http://w", (one, two)), Fed("c", url, (three,)))
    (desk.ledger.path / WITNESSES_FILE).write_bytes(data)

    assert expected == read_witnesses(desk.ledger.path) == parse_witnesses(data + b"quorum a\n")
    assert () == read_witnesses(desk.folder)


@pytest.mark.parametrize(
    "tail", ["", " ftp://w", " http://user:secret@w", " http://w?x", " http://w http://v"]
)
def test_a_file_of_anything_else_is_refused(desk: Desk, tail: str) -> None:
    line = f"witness a {format_vkey(desk.keys[0].verifier_key)}{tail}\n"
    with pytest.raises(MalformedError):
        parse_witnesses(line.encode())
    (desk.ledger.path / WITNESSES_FILE).write_text(line)
    with pytest.raises(StoreError):
        read_witnesses(desk.ledger.path)


def test_a_file_names_so_many_witnesses_and_no_more() -> None:
    def named(count: int) -> bytes:
        keys = [WitnessKey.generate(f"w{n}.example").verifier_key for n in range(count)]
        return lines_of(*((key.name, key, "http://w") for key in keys))

    assert 64 == len(parse_witnesses(named(64)))
    with pytest.raises(MalformedError):
        parse_witnesses(named(65))


def test_keys_of_a_charter_are_those_that_sign(desk: Desk, tmp_path: Path) -> None:
    named = [
        {"algorithm": key.algorithm, "key": key.verifier_key.public.hex(), "name": NAME}
        for key in desk.keys
    ]
    named[1]["name"] += "/pq"
    with found_ledger(tmp_path / "second", ALPHA, witnesses=named, quorum=1)[0] as second:
        found = keys_of_charter(second.state().charter)

    assert desk.keys[0].verifier_key == found[0]
    assert (desk.keys[1].verifier_key.public, f"{NAME}/pq") == (found[1].public, found[1].name)
