"""What checking an evidence file costs beyond starting the interpreter.

The CPU time, user and system, of the real command `counterfoil-verify` on one file, less that of
`python -c pass`, which is taken in turn with it: the median of many runs. The file is as a court
would get it: one event of four texts in a submission of 256, in a ledger that three witnesses
cosign, checked against a policy and a fingerprint. Imports are compiled beforehand, as an installed
package's are.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.evidence import prove
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from tests.ledger.builder import Party, found_ledger, new_letter, new_log_key, submit
from verify.entry import parse_entry
from verify.events import event_id
from verify.note import format_note, format_vkey, parse_note

_LIMIT_MS = 50
_TIME_S = 1_750_000_000
_WITNESSES = [WitnessKey(f"w{n}.example", seed=bytes([n]) * 32) for n in (1, 2, 3)]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench evidence", description=__doc__)
    parser.add_argument("--runs", type=int, default=41, help="runs of each; the median counts")
    options = parser.parse_args(arguments)
    command = Path(sys.executable).with_name("counterfoil-verify")
    with tempfile.TemporaryDirectory() as name:
        words = [str(command), *_make(Path(name))]
        bare = [sys.executable, "-c", "pass"]
        # What was compiled once is read by all others, also where it may not be kept elsewhere.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(name, "compiled"))
        for each in (words, bare):
            _cpu_ms(each, environment)
        taken = [
            (_cpu_ms(words, environment), _cpu_ms(bare, environment)) for _ in range(options.runs)
        ]
    whole, start = (statistics.median(column) for column in zip(*taken, strict=True))
    beyond = statistics.median(one - other for one, other in taken)
    print(f"counterfoil-verify evidence.json   {whole:7.1f} ms of CPU")
    print(f"python -c pass                     {start:7.1f} ms of CPU")
    print(f"beyond interpreter start           {beyond:7.1f} ms of CPU  (at most {_LIMIT_MS})")
    print(f"beyond / interpreter start         {beyond / start:7.2f}")
    return 0


def _make(folder: Path) -> list[str]:
    """Make a ledger, an evidence file and a policy; return the words of the command."""
    party, words = Party("alpha", 1), []
    keys = [one.verifier_key for one in _WITNESSES]
    told = [{"algorithm": "ed25519", "key": k.public.hex(), "name": k.name} for k in keys]
    with found_ledger(folder / "ledger", party, witnesses=told, quorum=2)[0] as ledger:
        submit(ledger, *(new_letter("alpha") for _ in range(256)), note=_cosigned(ledger))
        ledger.keep_note(_cosigned(ledger))
        chosen = event_id(bytes(parse_entry(ledger.entry(129)).event)).hex()
        (folder / "evidence.json").write_bytes(prove(ledger, [chosen]))
        words = [str(folder / "evidence.json"), "--fingerprint", ledger.fingerprint]
    lines = [f"log {format_vkey(new_log_key().verifier_key)}"]
    lines += [f"witness w{number} {format_vkey(key)}" for number, key in enumerate(keys)]
    lines += ["group enough 2 w0 w1 w2", "quorum enough", ""]
    (folder / "policy").write_text("\n".join(lines))
    return [*words, "--policy", str(folder / "policy")]


def _cosigned(ledger: Ledger) -> bytes:
    note = parse_note(ledger.checkpoint())
    lines = [one.cosign(note.text, timestamp_s=_TIME_S) for one in _WITNESSES]
    return format_note(note.text, [*note.signatures, *lines])


def _cpu_ms(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a command; return the CPU time of its process, user and system, in ms."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
