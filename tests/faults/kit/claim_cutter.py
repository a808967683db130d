"""A proxy that cuts connections at chosen points of claims: in the midst of the request, or of its answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.kit.proxy import DONE, Pair, Proxy

#: What the request of a claim says, and no other.
CLAIM = b".claim_runs("
#: Sync, the end of a request: without it the server has carried out everything and commits nothing. Flush: it answers.
SYNC = b"S\x00\x00\x00\x04"
FLUSH = b"H\x00\x00\x00\x04"
STATEMENTS = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a connection is cut: within the `request`, after so many of its statements; before its `commit` is asked
    for, when all are carried out and their results are told; or within the `answer`, when it is committed."""

    of: str
    statements: int = STATEMENTS
    #: Everything comes but the very last message, ReadyForQuery.
    all_but_last: bool = False


class ClaimCutter(Proxy):
    """Makes its cuts in their order, each at a claim; between two, `spared` claims pass."""

    def __init__(self, url: str, cuts: list[Cut], *, spared: int) -> None:
        super().__init__(url)
        self.left = list(cuts)
        #: How many runs were taken by the claims whose answers were lost, and by those that were never committed.
        self.lost_runs = self.undone_runs = 0
        self._spared = self._pass = spared
        self._cutting = threading.Lock()

    def pair(self, client: socket.socket, server: socket.socket) -> Pair:
        return _ClaimPair(self, client, server)

    def next_cut(self) -> Cut | None:
        """What to do with a claim."""
        with self._cutting:
            self._pass -= 1
            return self.left[0] if self.left and self._pass < 0 else None

    def made_cut(self, cut: Cut, runs: int = 0) -> None:
        """It is done, or will be at once, of a claim of so many runs."""
        with self._cutting:
            self.left.remove(cut)
            self.lost_runs += runs if cut.of == "answer" else 0
            self.undone_runs += runs if cut.of == "commit" else 0
            self._pass = self._spared


class _ClaimPair(Pair):
    """One connection. An exchange at a time: who sends a claim waits for its answer."""

    def __init__(self, proxy: ClaimCutter, client: socket.socket, server: socket.socket) -> None:
        super().__init__(proxy, client, server)
        self._cutter = proxy
        self._losing: Cut | None = None

    def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                if CLAIM in data:
                    while not data.endswith(SYNC):
                        data += _more(self._client)
                    cut = self._cutter.next_cut()
                    if cut is not None and cut.of == "request":
                        self._server.sendall(_beginning(data, cut, b"E"))
                        self._cutter.made_cut(cut)
                        break
                    self._losing = cut
                    if cut is not None and cut.of == "commit":
                        data = data.removesuffix(SYNC) + FLUSH
                self._server.sendall(data)
        self.cut()

    def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if (cut := self._losing) is not None:
                    data = self._whole(data, cut)
                    self._losing = None
                    if (runs := _runs_in(data)) > 0:  # what took nothing is not worth to be lost
                        self._cutter.made_cut(cut, runs)
                        self._client.sendall(_beginning(data, cut, b"C"))
                        break
                    if cut.of == "commit":
                        self._server.sendall(SYNC)
                self._client.sendall(data)
        self.cut()

    def _whole(self, data: bytes, cut: Cut) -> bytes:
        """This answer to its end: to that of the last statement, if a Sync has not been sent."""
        while not data.endswith(DONE):
            tags = [message for message in _messages(data) if message[:1] == b"C"]
            if cut.of == "commit" and len(tags) == STATEMENTS and data.endswith(tags[-1]):
                break
            data += _more(self._server)
        return data


def _more(end: socket.socket) -> bytes:
    data = end.recv(65536)
    if not data:
        raise ConnectionError
    return data


def _messages(data: bytes) -> Iterator[bytes]:
    """Of the protocol: a letter, a length, and what belongs to it."""
    while data:
        end = 1 + int.from_bytes(data[1:5])
        yield data[:end]
        data = data[end:]


def _beginning(data: bytes, cut: Cut, ends_statement: bytes) -> bytes:
    """Up to the message (Execute, CommandComplete) that ends the last of the statements that pass."""
    messages = list(_messages(data))
    if cut.all_but_last:
        return b"".join(messages[:-1])
    ends = [0, *(number for number, message in enumerate(messages, 1) if message[:1] == ends_statement)]
    return b"".join(messages[: ends[cut.statements]])


def _runs_in(data: bytes) -> int:
    """How many runs a claim has taken: its statement is the last, and one of its rows has no run."""
    tags = [message[5:-1] for message in _messages(data) if message[:1] == b"C"]
    return int(tags[-1].removeprefix(b"SELECT ")) - 1 if tags else 0
