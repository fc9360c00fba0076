"""Having checkpoints stamped: by an authority over HTTP, and by one of one's own."""

from __future__ import annotations

import datetime as dt
import http.server
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.authorities import AUTHORITIES_FILE, AuthoritiesError, read_authorities
from ledger.timestamping import StampError, ask_server, stamp
from tests import reference
from tests.ledger.commandline import Desk, process, rows
from tests.timestamping import Authority
from verify.checkpoint import Checkpoint
from verify.outside.rfc3161 import MAX_TOKEN, parse_chain

CHECKPOINT = Checkpoint("ledger.example/one", 3, bytes(range(32)))
LETTER = """\
counterfoil: draft/v1
events:
  - kind: communication
    channel: letter
    from: [rutland]
    to: [leicestershire]
    claims:
      text: Dear all
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.filled()
    desk.now = now_ms()  # the authorities' clock, which nobody sets
    letter = desk.write("letter.yaml", LETTER)
    desk.done("record", "ledger", "--key", "rutland.key", letter, "--accept-clock")
    return desk


@dataclass
class Served:
    """An authority over HTTP, and how it is to misbehave."""

    authority: Authority
    port: int = 0
    status: int = 200
    media_type: str = "application/timestamp-reply"
    body: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, path: str = "/tsr") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def served(authority: Authority) -> Iterator[Served]:
    it = Served(authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.asked.append((self.path, self.headers["Content-Type"]))
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.answer(query) if it.body is None else it.body
            self.send_response(it.status)
            self.send_header("Content-Type", it.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its own name)
            del format, args

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        it.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield it
        server.shutdown()
        thread.join()


def test_a_checkpoint_is_stamped_over_http_and_the_token_recorded(
    desk: Desk, served: Served
) -> None:
    size = int(str(desk.done("export", "ledger", "before")["size"]))
    words = ("--tsa", served.url(), "--chain", "tsa/root.pem", "--key", "rutland.key")
    (done,) = rows(desk.done("timestamp", "ledger", *words)["stamped"])
    shown = desk("show", "ledger", str(done["event"])[:16]).out
    exported = desk.done("export", "ledger", "export")

    assert [("/tsr", "application/timestamp-query")] == served.asked
    assert f"{size} entries existed by " in str(done["recorded"])
    assert size == done["index"]
    assert f"{size}.tsr" in shown
    assert served.url() in shown
    assert 2 == exported["files"]


def test_the_time_recorded_is_that_which_a_reader_is_told(desk: Desk, authority: Authority) -> None:
    settings = authority.folder / "tsa.cnf"
    settings.write_text(settings.read_text().replace("secs:1", "millisecs:500"))
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    (done,) = rows(desk.done("timestamp", "ledger", *words)["stamped"])
    desk.done("export", "ledger", "export")
    told = process(desk.folder, "export", "--json", module="verify").values["tokens"]

    assert f"existed by {rows(told)[0]['time']}" in str(done["recorded"])


def test_what_an_authority_knows_its_customer_by_is_not_recorded(
    desk: Desk, served: Served
) -> None:
    url = served.url("/tsr?key=hush")
    words = ("--tsa", url, "--chain", "tsa/root.pem", "--key", "rutland.key")
    shown = desk("show", "ledger", stamped(desk, *words)).out

    assert ["/tsr?key=hush"] == [path for path, _ in served.asked]
    assert served.url("/tsr") in shown
    assert "hush" not in shown


def test_what_an_authority_knows_its_customer_by_is_not_told(desk: Desk, served: Served) -> None:
    words = ("timestamp", "ledger", "--tsa", served.url("/tsr?key=hu/sh"), "--chain",
             "tsa/root.pem", "--key", "rutland.key")  # fmt: skip
    done = [desk(*words)]
    served.media_type = "text/html"
    done.append(desk(*words))
    served.status = 503
    done.append(desk(*words))
    closed = ("http://127.0.0.1:1/tsr?key=hu/sh", "http://127.0.0.1:1/tsr?key=hu/sh now")
    done += [desk(*words[:3], url, *words[4:]) for url in closed]

    assert [0, 2, 2, 2, 2] == [ran.code for ran in done]
    assert ["/tsr?key=hu/sh"] * 3 == [path for path, _ in served.asked]
    for ran in done:
        assert "/tsr" in ran.out + ran.err
        assert "hu/sh" not in ran.out + ran.err


def test_a_checkpoint_is_stamped_by_openssl(desk: Desk, authority: Authority) -> None:
    ran = desk("timestamp", "ledger", "--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem",
               "--key", "rutland.key")  # fmt: skip
    (authority.folder / "leaf.key").unlink()
    failed = desk("timestamp", "ledger", "--openssl-conf", "tsa/tsa.cnf", "--chain",
                  "tsa/root.pem", "--key", "rutland.key")  # fmt: skip

    assert (0, "") == (ran.code, ran.err)
    assert "entries existed by" in ran.out
    assert 2 == failed.code
    assert "openssl gave no token" in failed.err


def test_of_the_file_of_certificates_nothing_else_is_recorded(
    desk: Desk, authority: Authority
) -> None:
    parts = [(authority.folder / name).read_text() for name in ("leaf.key", "root.pem")]
    both = "kept by a.clerk: Gr\xfc\xdfe\n".join(parts)
    (desk.folder / "both.pem").write_bytes(both.encode("latin-1"))
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "both.pem", "--key", "rutland.key")
    given = str(rows(desk.done("list", "ledger")["events"])[-1]["id"])
    desk.done("prove", "ledger", given, "-o", "one.json", "--stamp", stamped(desk, *words))
    desk.done("export", "ledger", "export")
    held = [path.read_bytes() for path in (desk.folder / "export" / "files").iterdir()]

    assert (authority.folder / "root.pem").read_bytes() in held
    assert not any(b"PRIVATE KEY" in each or b"a.clerk" in each for each in held)
    assert "PRIVATE KEY" not in (desk.folder / "one.json").read_text()


def test_a_server_without_a_path_is_asked_for_its_root(served: Served) -> None:
    chain = parse_chain(served.authority.chain)
    ask = ask_server(served.url(""))
    stamp(CHECKPOINT, author="a", authority=ask, source="x", chain=chain, now_ms=now_ms)

    assert ["/"] == [path for path, _ in served.asked]


def test_what_is_no_token_records_nothing(desk: Desk, served: Served) -> None:
    words = ("timestamp", "ledger", "--tsa", served.url(), "--chain", "tsa/root.pem",
             "--key", "rutland.key")  # fmt: skip
    before = desk.done("export", "ledger", "before")["size"]
    reasons = []
    served.body = b"no token"
    reasons.append(desk(*words))
    served.body = served.authority.stamp(b"other octets")
    reasons.append(desk(*words))
    served.body = bytes(MAX_TOKEN + 1)
    reasons.append(desk(*words))
    served.status, served.body = 503, b""
    reasons.append(desk(*words))
    served.status, served.media_type = 200, "text/html"
    reasons.append(desk(*words))
    reasons.append(desk(*words[:5], "none.pem", *words[6:]))

    assert [2] * 6 == [ran.code for ran in reasons]
    parts = (
        "token",
        "Mismatch",
        "more than 65536 octets",
        "status 503",
        "text/html",
        "none.pem: No such file",
    )
    for part, ran in zip(parts, reasons, strict=True):
        assert part in ran.err
    assert all(f"counterfoil: {served.url()}: " in ran.err for ran in reasons[:-1])
    assert before == desk.done("export", "ledger", "after")["size"]


def test_the_token_of_another_query_is_none(authority: Authority) -> None:
    kept: list[bytes] = []
    chain = parse_chain(authority.chain)

    def replay(query: bytes) -> bytes:
        kept.append(authority.answer(query))
        return kept[0]

    def again() -> None:
        stamp(
            CHECKPOINT,
            author="alpha",
            authority=replay,
            source="x",
            chain=chain,
            now_ms=now_ms,
        )

    again()
    with pytest.raises(StampError, match="another query"):
        again()


@pytest.mark.parametrize(
    ("ahead_ms", "taken"), [(3_600_000, True), (90_000_000, False), (-90_000_000, False)]
)
def test_a_token_of_another_day_is_not_recorded(
    authority: Authority, ahead_ms: int, *, taken: bool
) -> None:
    def ask() -> None:
        stamp(
            CHECKPOINT,
            author="alpha",
            authority=authority.answer,
            source="x",
            chain=parse_chain(authority.chain),
            now_ms=lambda: now_ms() + ahead_ms,
        )

    if taken:
        ask()
        return
    with pytest.raises(StampError, match=r"says 20.* more than a day from this machine's clock"):
        ask()


def test_without_the_extra_the_command_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    monkeypatch.delitem(sys.modules, "ledger.timestamping")
    monkeypatch.delattr("ledger.timestamping")
    ran = desk("timestamp", "ledger", "--tsa", "https://tsa.example", "--chain", "x",
               "--key", "rutland.key")  # fmt: skip

    assert 2 == ran.code
    assert "pip install 'counterfoil[outside]'" in ran.err


def test_for_whoever_trusts_the_authority_its_stamp_counts_as_a_witness(
    desk: Desk, tmp_path: Path
) -> None:
    Authority(tmp_path / "tsa")
    Authority(tmp_path / "other")
    today = dt.datetime.now(dt.UTC).date()
    desk.write(
        "today.yaml",
        f"""\
counterfoil: draft/v1
events:
  - kind: communication
    channel: email
    from: [rutland]
    to: [leicestershire]
    dates:
      sent: {{words: "today", edtf: "{today}", basis: stated}}
    claims:
      text: Dear all
""",
    )
    recorded = desk.done("record", "ledger", "--key", "rutland.key", "today.yaml")["recorded"]
    given = str(rows(recorded)[0]["event"])
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    (done,) = rows(desk.done("timestamp", "ledger", *words)["stamped"])
    # Which may be a day later than what was sent today.
    at = str(done["recorded"]).partition("existed by ")[2][: len("2026-12-31")]
    desk.done("export", "ledger", "export")

    for source in ("ledger", "export"):
        alone = desk("show", source, given)
        others = desk("show", source, given, "--tsa-chain", "other/root.pem")
        trusted = desk("show", source, given, "--tsa-chain", "tsa/root.pem")
        day = ("--as-at", at)
        told = desk("chronology", source, *day, "--tsa-chain", "tsa/root.pem")

        assert [0] * 4 == [ran.code for ran in (alone, others, trusted, told)]
        assert alone.out == others.out
        assert "existed by" not in alone.out
        assert f"existed by {at}" in trusted.out
        assert "stamped by CN=Invented authority, an authority that you trust" in flat(trusted.out)
        assert "Contemporaneous" in told.out
        assert "Contemporaneous" not in desk("chronology", source, *day).out
        since = ("changes", source, "--since-size", "3")
        assert "Contemporaneous" in desk(*since, "--tsa-chain", "tsa/root.pem").out
        assert "Contemporaneous" not in desk(*since).out


def test_certificates_that_cannot_be_read_are_named(desk: Desk) -> None:
    desk.write("bad.pem", "x")
    desk.write("cut.pem", "-----BEGIN CERTIFICATE-----\n")
    bad = desk("show", "ledger", "x", "--tsa-chain", "bad.pem")
    cut = desk("show", "ledger", "x", "--tsa-chain", "cut.pem")
    none = desk("list", "ledger", "--tsa-chain", "none.pem")

    assert [2, 2, 2] == [bad.code, cut.code, none.code]
    assert "bad.pem: holds no certificate (PEM)" in bad.err
    assert "cut.pem: certificates: " in cut.err
    assert "none.pem: No such file" in none.err


def flat(text: str) -> str:
    return " ".join(text.split())


def stamped(desk: Desk, *words: str) -> str:
    (one,) = rows(desk.done("timestamp", "ledger", *words)["stamped"])
    return str(one["event"])


CHOSEN = """\
[b-own]
openssl_conf = "../tsa/tsa.cnf"
chain = "../tsa/root.pem"

[a-server]
tsa = "{url}"
chain = "../tsa/root.pem"
"""


def test_all_authorities_that_a_party_has_chosen_are_asked(desk: Desk, served: Served) -> None:
    (desk.folder / "rutland.key.d").mkdir(exist_ok=True)
    desk.write("rutland.key.d/authorities.toml", CHOSEN.format(url=served.url()))
    both = desk.done("timestamp", "ledger", "--key", "rutland.key")
    served.status, served.body = 503, b""
    one = desk("timestamp", "ledger", "--key", "rutland.key", "--json")
    told = desk("timestamp", "ledger", "--key", "rutland.key")
    (desk.folder / "tsa/leaf.key").unlink()
    none = desk("timestamp", "ledger", "--key", "rutland.key")

    assert ["a-server", "b-own"] == [row["authority"] for row in rows(both["stamped"])]
    assert [] == both["failed"]
    assert [1, 1, 2] == [ran.code for ran in (one, told, none)]
    assert ["b-own"] == [row["authority"] for row in rows(one.values["stamped"])]
    assert "status 503" in str(rows(one.values["failed"])[0]["reason"])
    assert "by b-own, entry" in told.out
    assert "Not stamped: by a-server: " in told.out
    assert "status 503" in none.err
    assert "openssl gave no token" in none.err


def test_stamps_by_chosen_authorities_count_without_being_named(
    desk: Desk, authority: Authority
) -> None:
    del authority
    given = str(rows(desk.done("list", "ledger")["events"])[-1]["id"])
    (desk.folder / "mine").mkdir()
    desk.write("mine/authorities.toml", CHOSEN.format(url="https://tsa.example/tsr"))
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    stamped(desk, *words)
    anybody = desk("show", "ledger", given)
    mine = desk("show", "ledger", given, "--home", "mine")

    assert "existed by" not in anybody.out
    assert "stamped by CN=Invented authority, an authority that you trust" in flat(mine.out)


def test_as_many_authorities_as_may_be_chosen_can_be_read_by(
    desk: Desk, authority: Authority
) -> None:
    own = "[own]\nopenssl_conf = '../tsa/tsa.cnf'\nchain = '../tsa/root.pem'\n"
    more = "".join(f"[a{n}]\ntsa = 'http://a.example'\nchain = '../more.pem'\n" for n in range(15))
    desk.write("more.pem", authority.chain.decode() * 2)
    (desk.folder / "mine").mkdir()
    desk.write("mine/authorities.toml", own + more)
    given = str(rows(desk.done("list", "ledger")["events"])[-1]["id"])
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    stamped(desk, *words)
    mine = desk("show", "ledger", given, "--home", "mine")
    desk.write("more.pem", authority.chain.decode() * 9)
    more_than_any = desk("show", "ledger", given, "--home", "mine")

    assert "stamped by CN=Invented authority, an authority that you trust" in flat(mine.out)
    assert 2 == more_than_any.code
    assert "more.pem: certificates: more than 16" in more_than_any.err


def test_an_authority_without_its_certificates_keeps_no_other_from_being_asked(
    desk: Desk, authority: Authority
) -> None:
    del authority
    (desk.folder / "rutland.key.d").mkdir(exist_ok=True)
    text = CHOSEN.format(url="https://tsa.example/tsr").replace("../tsa/root.pem", "../none.pem")
    own = "[c-own]\nopenssl_conf = '../tsa/tsa.cnf'\nchain = '../tsa/root.pem'\n"
    desk.write("rutland.key.d/authorities.toml", text + own)
    ran = desk("timestamp", "ledger", "--key", "rutland.key", "--json")

    assert 1 == ran.code
    assert ["c-own"] == [row["authority"] for row in rows(ran.values["stamped"])]
    assert ["a-server", "b-own"] == [row["authority"] for row in rows(ran.values["failed"])]
    assert "none.pem: No such file" in str(rows(ran.values["failed"])[0]["reason"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "Expected '='"),
        ("\xff", "utf-8"),
        ("[a]\nchain = 'c'", "has not one of `tsa` and `openssl_conf`"),
        ("[a]\nchain = 'c'\ntsa = 'u'\nopenssl_conf = 'o'", "has not one of"),
        ("[a]\ntsa = 'u'", "chain"),
        ("[a]\ntsa = 'u'\nchain = 1", "Expected `str`, got `int`"),
        ("[a]\ntsa = 'u'\nchain = 'c'\nspare = 1", "spare"),
        ("['../a']\ntsa = 'u'\nchain = 'c'", "regex"),
        ("x = " + "9" * 5_000, "digits"),
        ("x = " + "[" * 10_000, "authorities.toml"),
        ("#" * 65_537, "longer than 65536 octets"),
        ("".join(f"[a{n}]\ntsa = 'u'\nchain = 'c'\n" for n in range(17)), "more than 16"),
    ],
)
def test_a_file_of_authorities_that_is_none_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / AUTHORITIES_FILE).write_bytes(text.encode("latin-1"))

    with pytest.raises(AuthoritiesError, match=re.escape(reason)):
        read_authorities(tmp_path)


def test_whoever_has_chosen_no_authority_is_told_how(desk: Desk) -> None:
    none = desk("timestamp", "ledger", "--key", "rutland.key")
    half = desk("timestamp", "ledger", "--key", "rutland.key", "--chain", "tsa.pem")

    assert [2, 2] == [none.code, half.code]
    assert "rutland.key.d/authorities.toml" in none.err
    assert "--chain goes with" in half.err


def test_evidence_brings_the_stamps_that_date_it(desk: Desk, tmp_path: Path) -> None:
    for name in ("tsa", "other"):
        Authority(tmp_path / name)
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    given = str(rows(desk.done("list", "ledger")["events"])[-1]["id"])
    stamps = [stamped(desk, *words) for _ in range(2)]
    brought = [word for stamp in reversed(stamps) for word in ("--stamp", stamp)]
    desk.done("export", "ledger", "export")
    desk.done("prove", "export", given, "-o", "exported.json", *brought)
    fingerprint = str(
        desk.done("prove", "ledger", given, "-o", "one.json", *brought)["fingerprint"]
    )
    anchored = ("one.json", "--fingerprint", fingerprint)
    alone = process(desk.folder, *anchored, module="verify")
    trusted = process(desk.folder, *anchored, "--tsa-chain", "tsa/root.pem", module="verify")
    others = process(desk.folder, *anchored, "--tsa-chain", "other/root.pem", module="verify")
    judged = reference.audit_evidence((tmp_path / "one.json").read_bytes(), fingerprint=fingerprint)

    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "exported.json").read_bytes()
    assert ([], "valid") == (judged.findings, judged.verdict)
    assert [0] * 3 == [ran.code for ran in (alone, trusted, others)]
    assert "certificates that its recorder chose" in flat(alone.out)
    assert 'The authority is called "CN=Invented authority"' in flat(trusted.out)
    assert 2 == flat(trusted.out).count("checked against certificates that you gave")
    assert 2 == flat(others.out).count("proves nothing")


def test_stamps_that_date_nothing_shown_are_refused(desk: Desk, tmp_path: Path) -> None:
    Authority(tmp_path / "tsa")
    words = ("--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem", "--key", "rutland.key")
    letter = str(rows(desk.done("list", "ledger")["events"])[-1]["id"])
    first, second = (stamped(desk, *words) for _ in range(2))
    late = desk("prove", "ledger", second, "-o", "one.json", "--stamp", first)
    none = desk("prove", "ledger", letter, "-o", "one.json", "--stamp", letter)
    bare = desk("prove", "ledger", letter, "--dsse", "one.json", "--stamp", first)
    for stored in (desk.folder / "ledger" / "files").rglob("*"):
        if stored.is_file():
            stored.unlink()
    lost = desk("prove", "ledger", letter, "-o", "one.json", "--stamp", first)

    assert [2] * 4 == [ran.code for ran in (late, none, bare, lost)]
    assert "earlier than all that is shown" in late.err
    assert "is no time stamp" in none.err
    assert "--stamp goes with -o" in bare.err
    assert "stamp: is not here" in lost.err
    assert not (desk.folder / "one.json").exists()
