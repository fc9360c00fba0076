"""The logs that a witness trusts: both formats, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.keys import WitnessKey
from ledger.trusted import MAX_FILE, format_logs, parse_logs, trusted_log
from tests.ledger.witnessing import LatticeLog, Log
from verify.errors import MalformedError, VerifyError
from verify.note import format_vkey

ONE, TWO = Log("log.example/one", seed=1), Log("log.example/two", seed=2)
OTHER = Log("the other log", key_name="key.example", seed=3)
COSIGNER = format_vkey(WitnessKey("w.example", seed=bytes(32)).verifier_key)
# As github.com/transparency-dev/witness-network prints it, with keys.
LIST = f"""\
#
# List:      10qps-1Mlogs
# Revision:  123
#
logs/v0

# 1st list item
vkey {ONE.vkey}
origin none
qpd 86400
bastion https://bastion.tlog.foo.org/
contact https://tlog.foo.org/contact

  # 2nd list item
vkey {OTHER.vkey}
origin the other log
qpd 24
bastion none
contact sysadmin (at) bar.org
"""


def test_reads_a_list_of_logs() -> None:
    expected = (trusted_log(ONE.vkey), trusted_log(OTHER.vkey, origin="the other log"))

    assert expected == parse_logs(LIST.encode())
    assert ("log.example/one", "the other log") == tuple(log.origin for log in expected)


@pytest.mark.parametrize("more", ["", "\nquorum none\n", f"\nwitness w {COSIGNER}\nquorum w\n"])
def test_reads_the_logs_of_a_policy(more: str) -> None:
    text = f"# ours\nlog {ONE.vkey}\n\tlog\t{TWO.vkey} https://two.example/{more}"

    assert (trusted_log(ONE.vkey), trusted_log(TWO.vkey)) == parse_logs(text.encode())


def test_reads_lines_that_end_as_elsewhere() -> None:
    assert parse_logs(LIST.encode()) == parse_logs(LIST.replace("\n", "\r\n").encode())


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"logs/v0\n", b"quorum none\n"])
def test_there_may_be_none(data: bytes) -> None:
    assert () == parse_logs(data)


def test_a_log_counts_once_and_may_have_two_keys() -> None:
    second = Log("log.example/one", seed=4)
    text = f"logs/v0\nvkey {ONE.vkey}\nvkey {second.vkey}\nvkey {ONE.vkey}\norigin none\n"

    assert (trusted_log(ONE.vkey), trusted_log(second.vkey)) == parse_logs(text.encode())


def test_a_log_may_sign_with_ml_dsa_44() -> None:
    lattice = LatticeLog("log.example/three")
    text = f"logs/v0\nvkey {ONE.vkey}\nvkey {lattice.vkey}\norigin none\n"
    expected = (trusted_log(ONE.vkey), trusted_log(lattice.vkey))

    assert expected == parse_logs(text.encode())
    assert expected == parse_logs(f"log {ONE.vkey}\nlog {lattice.vkey}\n".encode())


def test_what_is_written_reads_back() -> None:
    logs = parse_logs(LIST.encode() + f"\nvkey {LatticeLog('log.example/three').vkey}\n".encode())

    assert logs == parse_logs(b"logs/v0\n" + format_logs(logs))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"logs/v1\nvkey {ONE.vkey}\n", "line 1"),
        (f"logs/v0\norigin none\nvkey {ONE.vkey}\n", "line 2"),
        (f"logs/v0\nvkey {ONE.vkey}\norign none\n", "line 3"),
        (f"logs/v0\nvkey {ONE.vkey}\nqpd 1\nqpd 2\n", "line 4"),
        (f"logs/v0\nvkey {ONE.vkey}\norigin \n", "line 3"),
        (f"logs/v0\nvkey {ONE.vkey}\norigin {'o' * 256}\n", "line 3"),
        (f"logs/v0\nvkey {LatticeLog(key_name='k' * 256).vkey}\norigin o\n", "line 2"),
        (f"logs/v0\nvkey {ONE.vkey[:-1]}\n", "line 2"),
        (f"logs/v0\nvkey {COSIGNER}\n", "line 2"),
        ("logs/v0\nvkey\n", "line 2"),
        (f"log {COSIGNER}\n", "line 1"),
        (f"log {ONE.vkey}\nlog {ONE.vkey}\n", "line 2"),
        (f"{ONE.vkey}\n", "line 1"),
        ("logs/v0\n\0", "logs"),
    ],
)
def test_refuses_what_is_no_file_of_logs(text: str, where: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_logs(text.encode())

    assert where in caught.value.where


def test_refuses_a_file_without_end() -> None:
    with pytest.raises(MalformedError, match="longer"):
        parse_logs(b"#" * (MAX_FILE + 1))


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_octets_are_logs_or_a_verify_error(data: bytes) -> None:
    for head in (b"", b"logs/v0\n", b"logs/v0\nvkey " + ONE.vkey.encode() + b"\n"):
        try:
            logs = parse_logs(head + data)
        except VerifyError:
            continue

        assert logs == parse_logs(b"logs/v0\n" + format_logs(logs))
