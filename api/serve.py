"""Serving: the ledgers of a folder on one socket, until somebody says stop.

Stopping is orderly: no new connections, what was accepted is finished and answered, the ledgers'
queues are drained, and then the ledgers are closed. A crash at any moment is as safe, only ruder:
what was not acknowledged may or may not be recorded, and may be sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import resource
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
import uvicorn
from starlette.types import ASGIApp

from api import log
from api.app import create_app
from api.clock import elapsed_ms, now_ms
from api.connection import HEAD, limited
from api.hosting import open_ledgers
from api.keeper import Keeper, KeeperError
from api.settings import Settings
from ledger.errors import StoreError
from ledger.ledger import Ledger
from ledger.mirrored import is_mirror

__all__ = ["Server", "configure", "listen", "run", "serve"]

_BACKLOG: Final = 256
_KEEP_ALIVE_S: Final = 15
_GRACE_S: Final = 30
_OWN_FILES: Final = 16  # that are open for a moment, besides those of uploads and exports
_NAMELESS: Final = (
    "behind a proxy, and without the setting `names`: nobody who asks by another name than this "
    "server's own address gets a session"
)
_OPEN: Final = "listening on an address that other machines may reach, without TLS"


def serve(folder: Path, settings: Settings, *, accept_clock: bool = False) -> None:
    """Serve the ledger in `folder`, or those that it holds; return when a signal has ended it.

    Prints one line, "listening on ...", once it answers.

    Args:
        folder: The folder.
        settings: How to listen, and what is taken.
        accept_clock: As in `Ledger.open`.

    Raises:
        LedgerError: A ledger cannot be opened, or the address cannot be had.
    """
    with log.written():
        _serve(folder, settings, accept_clock=accept_clock)
        log.log_note("closed")


def _serve(folder: Path, settings: Settings, *, accept_clock: bool) -> None:
    with (
        listen(settings) as listener,
        Keeper(folder, settings, accept_clock=accept_clock) as keeper,
        open_ledgers(
            folder,
            open_one=_open,
            wanted=lambda name, path: name in {*keeper.names, *keeper.disputed} or is_mirror(path),
        ) as ledgers,
    ):
        app = create_app(
            ledgers, keeper, settings=settings,
            now_ms=now_ms, elapsed_ms=elapsed_ms, disputed=keeper.disputed,
        )  # fmt: skip
        gc.freeze()  # a hundred thousand objects that stay: nobody need look through them again
        if _is_reachable(listener):
            log.log_note(_OPEN, level=logging.WARNING)
        if not settings.names and (settings.trusted_proxies or settings.uds):
            log.log_note(_NAMELESS, level=logging.WARNING)
        run(app, settings, listener, begun=keeper.watch)
        if not keeper.healthy_process():
            raise KeeperError("the process that records has ended by itself")


def run(
    app: ASGIApp,
    settings: Settings,
    listener: socket.socket,
    *,
    begun: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serve an application on a listening socket; return when a signal has ended it.

    Args:
        app: The application.
        settings: What is taken.
        listener: What `listen` gave.
        begun: Called with what ends the server.
    """
    server = Server(configure(app, _within_limits(settings, listener)), name=_name(listener))
    if begun is not None:
        begun(server.stop)
    with _signals(server):
        server.run(sockets=[listener])


def configure(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to serve the application."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=limited(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        root_path=settings.root_path,
        backlog=1,  # see `Server.startup`
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=HEAD,
    )


def _within_limits(settings: Settings, listener: socket.socket) -> Settings:
    """Return settings with as many connections as the files that this process may have open.

    Each connection is one, and may read another. Else where none can be opened any more nobody
    could connect, and what was asked before would fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(listener.fileno())  # that is free: so many are open
    os.close(lowest)
    own = lowest + settings.uploads + 4 * settings.exports + _OWN_FILES
    wanted = own + 2 * settings.connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    room = max(1, (max(soft, most) - own) // 2)
    if room >= settings.connections:
        return settings
    few = f"connections at a time: {room}, for this process may have no more than {most} files open"
    log.log_note(few, level=logging.WARNING)
    return msgspec.structs.replace(settings, connections=room)


class Server(uvicorn.Server):
    """Listens as uvicorn does not; and says when it is there."""

    def __init__(self, config: uvicorn.Config, *, name: str | None = None) -> None:
        """Serve as `configure` says.

        Args:
            config: What it gave.
            name: What to print that it listens on; without it, nothing.
        """
        super().__init__(config)
        self._name = name

    def stop(self) -> None:
        """Begin to end."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        asyncio.get_running_loop().set_exception_handler(_report)
        await super().startup(sockets)
        # To asyncio this number is also how many connections it takes in one turn of the loop,
        # before it looks what came of any: with one, places are counted as they are taken, and
        # where no file can be opened it fails once a second and not 256 times.
        for listener in sockets or ():
            listener.listen(_BACKLOG)
        if self.started and self._name is not None:
            print(f"listening on {self._name}", flush=True)  # noqa: T201 - promised to whoever waits


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what failed in the event loop where nobody waits for it: asyncio would say too much."""
    del loop
    error = context.get("exception")
    if isinstance(error, BaseException):
        log.log_failure(error)
    else:
        log.log_note(str(context.get("message")), level=logging.ERROR)


def _open(name: str, path: Path) -> Ledger:
    del name
    # Another process records: this one reads, and holds no key.
    return Ledger.open(path, read_only=True)


@contextlib.contextmanager
def _signals(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the server, SIGHUP where it is not passed over, and nothing else.

    Uvicorn raises the signals that it caught once more when it is done: by default they would end
    this process before the ledger is closed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        server.should_exit = True

    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as below `nohup`
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in ending}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


@contextlib.contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """Listen where the settings say.

    Raises:
        StoreError: That address or place cannot be had.
    """
    if settings.uds is None:
        listening = _listen_at(settings.host, settings.port)
    else:
        listening = _listen_here(Path(settings.uds))
    with listening as listener:
        yield listener


@contextlib.contextmanager
def _listen_at(host: str, port: int) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            # Not `create_server`, which leaves the protocol open: asyncio would then not switch off
            # Nagle's algorithm, and every answer would wait 40 ms for an acknowledgement.
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except (OSError, OverflowError, UnicodeError) as failure:
            raise StoreError(f"{host}:{port}", f"cannot listen there: {_reason(failure)}") from None
        yield listener


@contextlib.contextmanager
def _listen_here(path: Path) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        try:
            _clear(path)
            # The mode of the socket is what lets others connect.
            mask = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(mask)
            listener.listen(_BACKLOG)
        except OSError as failure:
            raise StoreError(path, f"cannot listen there: {_reason(failure)}") from None
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _reason(failure: Exception) -> str:
    return getattr(failure, "strerror", None) or str(failure)


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on any more.

    Raises:
        OSError: Something else is there, or somebody does.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(0, "something that is no socket is there")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(0, "another process listens there")


def _name(listener: socket.socket) -> str:
    address = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{address}"
    host = f"[{address[0]}]" if listener.family == socket.AF_INET6 else address[0]
    return f"http://{host}:{address[1]}"


def _is_reachable(listener: socket.socket) -> bool:
    if listener.family == socket.AF_UNIX:
        return False
    address = str(listener.getsockname()[0]).partition("%")[0]
    return not ipaddress.ip_address(address).is_loopback
