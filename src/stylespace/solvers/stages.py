"""Resuming of coarse-to-fine runs: the size, its initial tensors and the solver's state in a journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from stylespace.storage.journal import Journal


class Stages:
    """The sizes of a run, with or without a journal. ``stage``: the size to begin with; ``start``: the tensors that it begins with.

    ``more``: returns tensors that are written together with the solver's.
    """

    def __init__(self, journal: Journal | None, more: Callable[[], Mapping[str, Tensor]] = dict) -> None:
        self.journal, self.more = journal, more
        self.record: dict[str, Any] = {} if journal is None or "stage" not in journal.record else dict(journal.record)
        self.goes_on = bool(self.record)
        self.stage: int = self.record.get("stage", 0)
        self.start = journal.tensors("start") if journal is not None and "start" in self.record.get("files", {}) else {}
        self._held: tuple[dict[str, Any], dict[str, Tensor] | None, int] | None = None
        self._before: Mapping[str, Tensor] = {}
        self._written = self.goes_on

    def begin(self, stage: int, before: Mapping[str, Tensor], *, at_once: bool = False, **facts: Any) -> None:
        """A size begins with the tensors ``before``, or is resumed. ``at_once``: write this now; ``facts`` go with it."""
        if self.goes_on and stage == self.stage and all(self.record.get(name) == fact for name, fact in facts.items()):
            self.goes_on = False
            return
        self.goes_on = False
        self.stage, self.record = stage, {"stage": stage, **facts}
        self._written, self._before = False, dict(before)
        self._held = ({}, None, self.journal.steps) if self.journal is not None and self.journal.exact else None
        if self.journal is not None and (at_once or self.journal.due):
            self.write()

    def write(self, more: Mapping[str, Any] | None = None, state: Mapping[str, Tensor] | None = None) -> None:
        """Write the state into the journal, with the solver's tensors."""
        assert self.journal is not None
        groups: dict[str, Mapping[str, Tensor]] = {} if state is None else {"state": {**state, **self.more()}}
        if not self._written and self._before:
            groups["start"] = self._before
        self.journal.write({**self.record, **(more or {})}, groups)
        if not self._written:
            self.journal.file("pixels").unlink(missing_ok=True)  # of an earlier size
        self._written = True

    def hold(self, more: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
        """The solver's state after a step: written when it is due; for an exact journal also copied for :meth:`stopped`."""
        if self.due:
            self.write(more, state)
            self._held = None
        elif self.journal is not None and self.journal.exact:
            copies = {name: tensor.clone() for name, tensor in (dict(state) | dict(self.more())).items()}
            self._held = (dict(more), copies, self.journal.steps)

    def stopped(self) -> None:
        """Ctrl-C: write the last state that was held, if any."""
        if self._held is not None and self.journal is not None:
            more, state, self.journal.steps = self._held
            self.more = dict  # it has gone on since
            self.write(more, state)

    @property
    def due(self) -> bool:
        """Whether the solver's state should be written now."""
        return self.journal is not None and self.journal.due

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The numbers and tensors of a solver to be resumed, or None."""
        if self.journal is None or "state" not in self.record:
            return None
        return self.record["state"], self.journal.tensors("state")
