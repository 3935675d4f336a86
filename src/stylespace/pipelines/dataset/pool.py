"""Orders carried to processes of this machine; a process that dies is replaced, and its order given out again."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from stylespace.errors import StylespaceError
from stylespace.pipelines.dataset.part import Part
from stylespace.pipelines.dataset.work import Done, Job, Join, Worker, settle

MOST_DEATHS = 50
_ONE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"), "1")


@dataclass
class _Hand:
    process: SpawnProcess
    line: Connection
    order: Part | Join | None = None


def on_pool(orders: Iterator[Part | Join], job: Job, workers: int) -> Iterator[Done]:
    """What comes of ``orders``, in any order, by ``workers`` processes with one thread each. Raises what a worker raises.

    An order whose process dies is given out again: a picture that ends its process is found by the worker's own notes.
    """
    hands: list[_Hand] = []
    again: list[Part | Join] = []
    deaths = 0  # since the last answer
    try:
        while True:
            for hand in hands:
                if hand.order is None and not _give(hand, again, orders):
                    break
            while len(hands) < workers:  # started one by one, as long as there is something to do
                order = again.pop() if again else next(orders, None)
                if order is None:
                    break
                hands.append(_Hand(*_started(job)))
                _send(hands[-1], order)
            busy = [hand for hand in hands if hand.order is not None]
            if not busy:
                return
            ready = wait([hand.line for hand in busy])
            for hand in busy:
                if hand.line not in ready:
                    continue
                try:
                    answer = hand.line.recv()
                except (EOFError, OSError):  # it died
                    assert hand.order is not None
                    again.append(hand.order)
                    hands.remove(hand)
                    _ended(hand)
                    deaths += 1
                    if deaths > MOST_DEATHS:
                        raise StylespaceError(
                            f"{deaths} worker processes ended one after another: there may be too little memory for {workers}; give fewer"
                            " --workers, and run the same command again."
                        ) from None
                    continue
                hand.order, deaths = None, 0
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
    finally:
        for hand in hands:
            hand.process.terminate()
        for hand in hands:
            _ended(hand)


def _give(hand: _Hand, again: list[Part | Join], orders: Iterator[Part | Join]) -> bool:
    order = again.pop() if again else next(orders, None)
    if order is not None:
        _send(hand, order)
    return order is not None


def _send(hand: _Hand, order: Part | Join) -> None:
    hand.order = order
    try:
        hand.line.send(order)
    except OSError:
        return  # it died; the closed line tells


def _started(job: Job) -> tuple[SpawnProcess, Connection]:
    context: Any = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job), daemon=True)
    before = {name: os.environ.get(name) for name in _ONE}
    os.environ.update(_ONE)  # read when a library is loaded
    try:
        process.start()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    theirs.close()
    return process, ours


def _ended(hand: _Hand) -> None:
    hand.line.close()
    hand.process.join(10)


def _work(line: Connection, job: Job) -> None:
    """A worker's life: until its driver is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    settle()
    worker: Worker | None = None
    while True:
        try:
            order = line.recv()
        except (EOFError, OSError):
            return
        try:
            worker = worker or Worker(job)
            answer: Any = worker.do(order)
        except Exception as error:  # noqa: BLE001 (told to the driver)
            answer = error
        try:
            line.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            return
