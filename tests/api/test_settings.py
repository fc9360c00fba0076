"""Settings: where a value comes from, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.hosting import NoLedgerError, open_ledgers
from api.settings import Settings, SettingsError, load_settings
from ledger.ledger import Ledger
from tests.ledger.builder import Clock, Party, found_ledger


def test_the_command_line_comes_before_the_environment_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.toml").write_text("port = 1\nfile = 2\nidle_s = 3\n")
    settings = load_settings(
        tmp_path / "ledger.toml",
        environment={"COUNTERFOIL_PORT": "4", "COUNTERFOIL_FILE": "5", "HOME": "/"},
        given={"port": 6},
    )

    assert (6, 5, 3.0, Settings().staged) == (
        settings.port,
        settings.file,
        settings.idle_s,
        settings.staged,
    )


def test_lists_are_lists_in_the_file_and_have_commas_in_the_environment(tmp_path: Path) -> None:
    proxies = "10.0.0.0/8, unix"
    of_environment = load_settings(
        tmp_path / "ledger.toml", environment={"COUNTERFOIL_TRUSTED_PROXIES": proxies}, given={}
    )
    (tmp_path / "ledger.toml").write_text('trusted_proxies = ["10.0.0.0/8", "unix"]\n')
    of_file = load_settings(tmp_path / "ledger.toml", environment={}, given={})

    assert of_environment == of_file
    assert ["10.1.2.3", "unix"] == [a for a in ("10.1.2.3", "unix", "9.9.9.9") if of_file.trusts(a)]


@pytest.mark.parametrize(
    "text",
    [
        "prot = 1",
        "port = 65536",
        "port = -1",
        "port = '1'",
        "idle_s = 0",
        "idle_s = nan",
        "idle_s = inf",
        "submissions = 129",
        "root_path = 'x'",
        "root_path = '/x/'",
        "trusted_proxies = ['*']",
        "trusted_proxies = ['10.0.0.1/8']",
        "trusted_proxies = 'unix'",
        "port = 1\nport = 2",
        "port",
        "= 1",
    ],
)
def test_refuses_what_is_no_setting(tmp_path: Path, text: str) -> None:
    (tmp_path / "ledger.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"ledger\.toml"):
        load_settings(tmp_path / "ledger.toml", environment={}, given={})


@pytest.mark.parametrize(
    ("name", "text"), [("PROT", "1"), ("PORT", "x"), ("PORT", ""), ("IDLE_S", "nan")]
)
def test_refuses_what_is_none_in_the_environment(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match="environment"):
        load_settings(tmp_path / "ledger.toml", environment={f"COUNTERFOIL_{name}": text}, given={})


@pytest.mark.parametrize("data", [b"\xff", b"#" * (1 << 17)])
def test_refuses_a_file_that_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "ledger.toml").write_bytes(data)

    with pytest.raises(SettingsError):
        load_settings(tmp_path / "ledger.toml", environment={}, given={})


def test_every_setting_is_documented() -> None:
    documented = Path(__file__).parents[2].joinpath("api", "SERVING.md").read_text()

    assert [] == [name for name in Settings.__struct_fields__ if f"| `{name}` |" not in documented]


# Which ledgers a folder holds


def open_one(name: str, path: Path) -> Ledger:
    assert name in {"", path.name}
    return Ledger.open(path, clock=Clock())


def test_serves_a_ledger_at_the_root_or_several_by_name(tmp_path: Path) -> None:
    for name in ("one", "two-3", ".being-made"):
        found_ledger(tmp_path / name, Party("alpha", 1))[0].close()
    (tmp_path / "else").mkdir()

    with open_ledgers(tmp_path / "one", open_one=open_one) as alone:
        assert [""] == list(alone)
    with open_ledgers(tmp_path, open_one=open_one) as several:
        assert ["one", "two-3"] == list(several)


@pytest.mark.parametrize("name", ["One", "a.b", "a_b", "-a"])
def test_serves_no_ledger_of_another_name(tmp_path: Path, name: str) -> None:
    found_ledger(tmp_path / name, Party("alpha", 1))[0].close()

    with pytest.raises(NoLedgerError), open_ledgers(tmp_path, open_one=open_one):
        pass


def test_serves_no_folder_without_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(NoLedgerError), open_ledgers(tmp_path, open_one=open_one):
        pass
