"""The ledger behind HTTP, as its party sees it: the client to import.

    signer = load_party_key(Path("rutland.key"), passphrase=ask)
    with Remote(url, fingerprint=fingerprint, home=home, now_ms=now_ms, signer=signer) as remote:
        head = remote.head()                    # fetched, checked, and consistent with the last
        receipt = remote.submit(document)       # recorded: checked against document and tree
        index = remote.index_of(event_id)       # None if the ledger has no such event
        fetched = remote.fetch_export(folder)   # all that may be read, audited

`document` is a signed submission document (`ledger.compose.sign_document`). Whoever wants drafts
composed, and what was signed kept until its receipt is there, gives the `Remote` to
`ledger.record.record` instead. Everything raised is a `LedgerError`, or a `VerifyError` where
what was handed in is not sound.

What the server says is believed only as far as it was checked: `Remote` fetches every entry and
follows the ledger itself (`ledger.follower`), and it remembers in the party's folder where it
stood. So a server that alters an entry, shows less than before, or shows another history, is
caught at the next question; and a second history that the log key signed is proven to anybody
(`ledger.histories`).

TargetError
├── UnansweredError      (transport) there was no whole answer: trying again may help
├── UnknownReaderError   (asking) the server has to know who asks, and does not
├── AlteredError         (served) what the server serves does not hold together
├── ShrunkError          (histories) the ledger is smaller than it was
└── ForkError            (histories) the log key signed two histories
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, Self

from ledger.accepted import check_accepted
from ledger.archive import unpack
from ledger.asking import Asking, Patience, SessionSigner, UnknownReaderError
from ledger.errors import ExportError, OutboxError, TargetError
from ledger.folders import new_folder
from ledger.follower import Follower
from ledger.histories import SIGNED_FOR, ForkError, Histories, ShrunkError, audited, state_of
from ledger.kept import Kept
from ledger.known import claim_of_checkpoint, claim_of_receipt
from ledger.served import MAX_TILE, AlteredError, Part, parse_note
from ledger.source import Source
from ledger.target import Head
from ledger.transport import FileBody, Incoming, UnansweredError
from verify.errors import VerifyError
from verify.folder import Folder
from verify.note import VerifierKey
from verify.receipt import MAX_RECEIPT, Receipt, parse_receipt, proof_of
from verify.state import State
from verify.submission import SUBMISSION, LedgerName, parse_document
from verify.tiles import TILE_WIDTH, tile_path

__all__ = ["AlteredError", "Fetched", "ForkError", "Remote", "ShrunkError", "Wait"]

Wait = Literal["durable", "quorum"]

_OCTETS: Final = "application/octet-stream"
_PATIENCE: Final = Patience()


@dataclass(frozen=True, slots=True)
class Fetched:
    """An export that was fetched and audited.

    Attributes:
        head: The checkpoint that it is of.
        audience: For whom it is: the party that asked, or "public".
        disclosures: How many claims are open in it.
        left_out: How many sealed claims are not.
        files: How many files it holds.
    """

    head: Head
    audience: str
    disclosures: int
    left_out: int
    files: int


class Remote:
    """A `Target`: the ledger at a URL, identified by its fingerprint. For one thread."""

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str,
        home: Path,
        now_ms: Callable[[], int],
        signer: SessionSigner | None = None,
        patience: Patience = _PATIENCE,
        wait: Wait = "durable",
    ) -> None:
        """Prepare to ask the server at `url`; nothing is asked yet.

        Args:
            url: `http(s)://host[:port][/path]`.
            fingerprint: Leaf hash of entry 0, in hex, as it was handed over out of band.
            home: The party's folder.
            now_ms: The clock, in milliseconds since 1970.
            signer: The party's key, which is asked for where the server has to know who asks:
                where a ledger is read by its parties only, and to hand over files.
            patience: How long to try.
            wait: When the server is to answer a submission: when it is on disk; or when a quorum
                of witnesses has cosigned a checkpoint above it, as far as that comes in time.

        Raises:
            TargetError: The URL or the fingerprint is none.
            OutboxError: The folder cannot be used.
        """
        if len(fingerprint) != 64 or fingerprint.strip("0123456789abcdef"):  # noqa: PLR2004 - hex of 32
            raise TargetError(f"{fingerprint[:80]!r} is no fingerprint")
        self._asking = Asking(
            url, fingerprint=fingerprint, signer=signer, now_ms=now_ms, patience=patience
        )
        self._source = Source(self._asking)
        self._fingerprint = fingerprint
        self._audience = "public" if signer is None else signer.party
        self._wait = wait
        self._kept = Kept(home / "remote", fingerprint)
        self._histories = Histories(self._kept, self._source.part)
        self._follower: Follower | None = None
        self._stale = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._asking.close()

    @property
    def fingerprint(self) -> str:
        """The leaf hash of entry 0, in hex."""
        return self._fingerprint

    @property
    def origin(self) -> str:
        """The log's name, by the charter."""
        return state_of(self._followed()).charter.origin

    @property
    def audience(self) -> str:
        """For whom exports are: the party whose key there is, or "public"."""
        return self._audience

    def claimed_origin(self) -> str:
        """Return the log's name as the server's checkpoint has it, which nobody has vouched for.

        For who may not read the ledger yet: who may sees it checked, as `origin`. That entry 0 is
        the ledger's is looked up, so that a fingerprint with a slip in it is noticed.

        Raises:
            TargetError: The server gives no checkpoint, or has another ledger.
        """
        checkpoint, _ = parse_note(self._source.checkpoint())
        width = min(TILE_WIDTH, checkpoint.size)
        if not width:
            raise AlteredError("the checkpoint is of an empty log")
        path = tile_path(level=0, number=0, width=width)
        found = self._source.part(path, width, MAX_TILE)[:32].hex()
        if found != self._fingerprint:
            raise AlteredError(f"the ledger there is another one: its fingerprint is {found}")
        return checkpoint.origin

    @property
    def state(self) -> State:
        """The rules' state: charter, members, keys, what waits for approvals.

        Asked for after something was submitted, it is fetched: that may have changed it. Where it
        has ended the key that lets its party read, the state is the one before.
        """
        if self._stale:
            with contextlib.suppress(UnknownReaderError):
                self.head()
        return state_of(self._followed())

    @property
    def log_keys(self) -> Sequence[tuple[int, str]]:
        """Which log key, in hex, signs from which size on, by `state`."""
        return self.state.log_keys

    def head(self) -> Head:
        """Fetch the latest checkpoint and all entries up to it, and check them.

        Raises:
            AlteredError: An entry, or the checkpoint, does not hold.
            ShrunkError: The ledger is smaller than it was.
            ForkError: The log key signed two histories.
            UnansweredError: The server does not answer.
            OutboxError: The party's folder cannot be used.
        """
        known = self._known()
        note = self._source.checkpoint()
        try:
            return self._move_to(note, self._source.part, known=known)
        except (ForkError, ShrunkError):
            raise
        except TargetError as error:
            self._doubt(note)
            raise self._shown_by_export(error) from None

    def cosigned(self) -> Head:
        """Fetch the latest checkpoint that a quorum cosigned, by the server's word, and check it.

        From a server that knows of none it is the latest.

        Raises:
            AlteredError: It, or an entry, does not hold.
            ForkError: The log key signed two histories.
            TargetError: It cannot be had.
        """
        note = self._source.cosigned()
        self.confirm(note)
        checkpoint, _ = parse_note(note)
        return Head(size=checkpoint.size, root=checkpoint.root, note=note)

    def _shown_by_export(self, error: TargetError) -> TargetError:
        """Return what an audit says of entries that may not stand there, with what shows it.

        Without the server's help there is no such export, and the error is what it was.
        """
        if not isinstance(error, AlteredError) or error.check not in SIGNED_FOR:
            return error
        try:
            with self._kept.scratch() as folder:
                self.fetch_export(folder / "export")
        except ForkError as found:
            return found
        except AlteredError as found:
            return error if found.path is None else found
        except (TargetError, ExportError, OutboxError, OSError):
            return error  # a full disk must not hide it either
        return error

    def _known(self) -> int:
        """Return how large the ledger is known to be: what it shows from now on is no smaller."""
        with self._kept.lock():
            follower = self._kept.load(self._follower)
        self._follower = follower if follower.size else None
        return follower.size

    def _move_to(self, note: bytes, part: Part, *, known: int, audited: bool = False) -> Head:
        """Follow the ledger to a checkpoint, taking its entries from `part`.

        One that is no smaller than was `known` when it was asked for has not gone back, though
        another process of the party, which asked later, may have come further since: then it need
        only be of the same history.

        What an audit has passed is not held against the times of cosignatures again.
        """
        checkpoint, _ = parse_note(note)
        with self._kept.lock():
            follower = self._kept.load(self._follower)
            self._follower = None  # until all has been checked
            if known <= checkpoint.size < follower.size:
                self._histories.check_past(follower, note)
                self._follower = follower
                self._stale = False
                return Head(size=checkpoint.size, root=checkpoint.root, note=note)
            if checkpoint.size < follower.size:
                raise self._histories.gone_back(follower, note)
            follower.notes = (
                None if audited else self._source.notes_about(follower.size, checkpoint.size)
            )
            self._histories.follow(follower, note, part)
            follower.note, follower.notes = note, None
            self._kept.save(follower)
            self._follower = follower
            self._stale = False
            self._histories.settle(follower)
        return Head(size=checkpoint.size, root=checkpoint.root, note=note)

    def add_file(self, stream: BinaryIO, *, sha256: str, size: int) -> None:
        """Hand over a file that a submission will name.

        Raises:
            RefusedError: The ledger does not take it.
            TargetError: Whether the ledger has it is not known.
        """
        body = FileBody(stream, size)
        self._asking.send("PUT", f"files/{sha256}", body, media_type=_OCTETS, limit=0)

    def submit(self, document: bytes) -> Receipt:
        """Have a submission document recorded.

        The receipt that is returned is for exactly this document, in a tree that the log key
        signed and that is consistent with all that was seen before. Sent again, the same
        document gets its receipt again; the same events signed anew do not: the ledger answers
        with the receipt of what it accepted first, which is then told apart as `TargetError`.

        Raises:
            VerifyError: The document is not sound in itself, and was not sent.
            RefusedError: The ledger does not accept it.
            TargetError: Whether the ledger has accepted it is not known, or its answer does not
                hold.
        """
        submission = parse_document(document)
        answer = self.hand_in(document)
        receipt = check_accepted(
            answer,
            signed=[(submission.statement, submission.signature)],
            events=[one.data for one in submission.events],
            ledger=LedgerName(origin=self.origin, charter=self._fingerprint),
            log_keys=self.log_keys,
        )
        self.confirm(proof_of(receipt).checkpoint)
        return receipt

    def hand_in(self, document: bytes) -> bytes:
        """Hand over a submission document and return the octets of its receipt, not checked.

        Sent again, where there was no answer, it is recorded once all the same.

        Raises:
            RefusedError: The ledger does not accept it.
            TargetError: Whether the ledger has accepted it is not known.
        """
        self._stale = True
        path = "submissions" if self._wait == "durable" else f"submissions?wait={self._wait}"
        return self._asking.send("POST", path, document, media_type=SUBMISSION, limit=MAX_RECEIPT)

    def confirm(self, note: bytes) -> None:
        """Check that a signed checkpoint, which came in a receipt, is of the ledger that was seen.

        Raises:
            AlteredError: It is not signed by the log key, or its entries do not hold.
            ForkError: The log key signed it, and it is of another history.
            TargetError: That cannot be found out.
        """
        try:
            if parse_note(note)[0].size > self._followed().size:
                with contextlib.suppress(UnknownReaderError):
                    self._move_to(note, self._source.part, known=0)
                    return
            # Anybody may have the tiles, also who has just ended its own key.
            self._histories.check_past(self._followed(), note)
        except ForkError:
            raise
        except TargetError:
            self._doubt(note)
            raise

    def check_held(self, data: bytes, *, source: str) -> bytes:
        """Check that the ledger has what a receipt or a signed checkpoint, held elsewhere, shows.

        Args:
            data: The octets of either.
            source: What it is called in refusals.

        Returns:
            The checkpoint, or the receipt's.

        Raises:
            RuleError: It is neither, or not of this ledger.
            ForkError: The log key signed it, and another history.
            ShrunkError: The ledger has less than it shows.
            TargetError: That cannot be found out.
        """
        follower = self._followed()
        state, size = state_of(follower), follower.size
        is_receipt = data.startswith(b"{")
        claim_of = claim_of_receipt if is_receipt else claim_of_checkpoint
        claim = claim_of(data, source=source, state=state, size=size)
        try:
            self.confirm(claim.note)
        except (ForkError, UnansweredError, UnknownReaderError):
            raise
        except TargetError:
            follower = self._followed()
            if claim.size <= follower.size:
                raise
            if is_receipt:
                self._histories.check_there(follower, parse_receipt(data), claim.note)
            shown = follower.note or b""
            raise self._histories.shrunk(seen=claim.note, shown=shown) from None
        return claim.note

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Be the one process that changes what is kept of this ledger; waits for another."""
        return self._kept.lock()

    def keep_step_back(self, one: bytes, other: bytes, *, witness: VerifierKey) -> Path | None:
        """Keep the proof that a witness cosigned the smaller of two checkpoints after the larger.

        Returns:
            Where it is; None if it could not be kept.

        Raises:
            RuleError: It did not.
        """
        return self._histories.step_back(self._followed(), one, other, witness=witness)

    def _doubt(self, note: bytes) -> None:
        self._follower = None  # what is kept is read anew
        self._histories.doubt(note)

    def fetch_export(
        self,
        folder: Path,
        *,
        coming: Callable[[int], None] | None = None,
        checking: Callable[[int, int], None] | None = None,
    ) -> Fetched:
        """Fetch all that may be read into a new folder, audited.

        The folder is there when all has come, every check of SPEC has passed, and the ledger in
        it is the one that was seen before, or goes on from it; else nothing is left of it.

        Args:
            folder: The folder to make; it must not be there, or be empty.
            coming: Told, now and then, how many octets have come.
            checking: Told how many of how many entries are audited.

        Raises:
            ExportError: The folder is there already, or cannot be written.
            AlteredError: What came is no export, or a check fails.
            ShrunkError: It is of a smaller ledger than was seen before.
            ForkError: The log key signed two histories.
            UnansweredError: It did not come whole.
            OutboxError: The party's folder cannot be used.
        """
        try:
            with new_folder(folder) as new:

                def take(stream: Incoming) -> None:
                    new.clear()
                    try:
                        unpack(stream, new, progress=coming)
                    except VerifyError as error:
                        raise AlteredError(f"what came is no export: {error}") from None
                    except OSError as failure:  # of the disk: the stream's own are no such
                        raise ExportError(folder, failure.strerror or str(failure)) from None

                known = self._known()
                self._asking.take("export", take)
                return self._check_export(new.path, checking, known=known)
        except OSError as failure:
            raise ExportError(folder, failure.strerror or str(failure)) from None

    def _check_export(
        self, path: Path, checking: Callable[[int, int], None] | None, *, known: int
    ) -> Fetched:
        """Audit an export and follow the ledger to its checkpoint."""
        report = audited(
            path,
            fingerprint=self._fingerprint,
            audience=self._audience,
            kept=self._kept,
            checking=checking,
        )
        export = Folder(path)
        note = export.read("checkpoint")
        head = self._move_to(note, lambda path, *_: export.read(path), known=known, audited=True)
        return Fetched(
            head=head,
            audience=self._audience,
            disclosures=report.counts["disclosures"],
            left_out=report.left_out,
            files=report.counts["files"],
        )

    def ids_with_prefix(self, digits: str) -> tuple[str, ...]:
        """Return the ids of all events, in hex, that begin with these digits, in order.

        Raises:
            TargetError: The ledger cannot be asked, or its answer does not hold.
        """
        self.head()
        return self._kept.ids_with_prefix(digits)

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the event with this id, None if the ledger has none.

        Raises:
            TargetError: It cannot be asked, or its answer does not hold.
        """
        index = self._followed().index_of(event_id)
        if index is None:
            # What is not there may have come since; what is there stays.
            self.head()
            index = self._followed().index_of(event_id)
        return index

    def _followed(self) -> Follower:
        if self._follower is None:
            with self._kept.lock():
                follower = self._kept.load(None)
            if follower.size:
                self._follower = follower
            else:
                self.head()
        if self._follower is None:
            raise AssertionError("a head that was fetched has entries")
        return self._follower
