"""Reading ahead and writing behind in threads of their own, so that decoder, network and encoder work at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
AHEAD = 4  # frames that wait at most


class Ahead(Generic[T]):
    """An iterator that a thread works out ahead; to be used as a context. What it raises is raised where its results are taken."""

    def __init__(self, source: Iterator[T], size: int = AHEAD) -> None:
        self._source = source
        self._queue: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(size)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            kind, value = self._queue.get()
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value  # type: ignore[misc]

    def _work(self) -> None:
        try:
            for each in self._source:
                if not self._put("one", each):
                    return
            self._put("end", None)
        except BaseException as error:  # noqa: BLE001 (raised again by whoever takes the results)
            self._put("error", error)

    def _put(self, kind: str, value: T | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


class Behind(Generic[T]):
    """A thread that does ``work`` with what it is given, in order; to be used as a context, which waits for what is left.

    What the work raises is raised at the next :meth:`put`, or at the end. After an error of the caller's what was given is still worked on.
    """

    def __init__(self, work: Callable[[T], None], size: int = AHEAD) -> None:
        self._work_ = work
        self._queue: queue.Queue[T | None] = queue.Queue(size)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Behind[T]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, each: T) -> None:
        """Hand ``each`` over; waits where too many wait already."""
        if self._error is not None:
            raise self._error
        self._queue.put(each)

    def _work(self) -> None:
        while (each := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                self._work_(each)
            except BaseException as error:  # noqa: BLE001 (raised again where the caller waits)
                self._error = error
