"""A TCP proxy before Postgres that fails in the ways that networks fail."""

import contextlib
import random
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

#: ReadyForQuery, idle: everything that was sent is committed, and this is the end of the answer.
DONE = b"Z\x00\x00\x00\x05I"


class Proxy:
    """Forwards connections to the server of `url` until told otherwise. `url` is the same database through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        login = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{login}@127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self._open: list[Pair] = []
        self._lock = threading.Lock()
        self._cut_share = 0.0
        self._cut_every = self._answers = 0
        self._random = random.Random(7)
        #: How many connections were made, and how many were cut.
        self.made = self.cuts = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in self._open:
            pair.cut()

    def swallow(self) -> None:
        """All connections of now become black holes: open, and nothing comes through. New ones work."""
        with self._lock:
            for pair in self._open:
                pair.swallows = True

    def cut(self, share: float) -> None:
        """So large a share of the answers is lost with its connection, after the server has committed."""
        self._cut_share = share

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._upstream)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = self.pair(client, server)
            with self._lock:
                self._open.append(pair)
                self.made += 1
            pair.start()

    def pair(self, client: socket.socket, server: socket.socket) -> "Pair":
        """One connection: another kind for proxies that cut within requests and answers."""
        return Pair(self, client, server)

    def loses_answer(self, data: bytes) -> bool:
        """Whether to lose this piece of an answer, by what is in it: for proxies that look."""
        return False

    def cut_every(self, answers: int) -> None:
        """One of so many is lost, in step: what must be sent as a whole would never come through."""
        self._cut_every = answers

    def loses(self) -> bool:
        """Whether this answer is one of those that are lost."""
        if self._cut_every:
            self._answers += 1
            lost = self._answers % self._cut_every == 0
            self.cuts += lost
            return lost
        if self._random.random() >= self._cut_share:
            return False
        self.cuts += 1
        return True


class Pair:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self.swallows = False
        self._greeted = False

    def start(self) -> None:
        for way in (self._requests, self._answers):
            threading.Thread(target=way, name="proxied", daemon=True).start()

    def cut(self) -> None:
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                if not self.swallows:
                    self._server.sendall(data)
        if not self.swallows:  # a black hole does not even forward the end
            self.cut()

    def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self.swallows:
                    continue
                if self._proxy.loses_answer(data):
                    self._proxy.cuts += 1
                    break
                if data.endswith(DONE):
                    if self._greeted and self._proxy.loses():
                        break
                    self._greeted = True
                self._client.sendall(data)
        if not self.swallows:
            self.cut()
