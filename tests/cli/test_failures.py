"""Errors as sentences."""

from __future__ import annotations

from stylespace.cli.failures import WORD, sentence
from stylespace.errors import InputError


def test_a_name_of_any_length_is_shown_by_its_ends() -> None:
    text = sentence(InputError(f"{'a' * 3000}{'b' * 3000}.png is missing: put it back."))
    assert text == f"{'a' * (WORD // 2)}…{'b' * (WORD // 2 - 4)}.png is missing: put it back."
    assert sentence(InputError(f"{'a' * WORD} is missing.")) == f"{'a' * WORD} is missing."
