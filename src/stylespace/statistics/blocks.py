"""Distances of all square blocks of a picture from a target block: exact, though computed by Fourier transforms.

    sum_q m(q) |t(q) - s(p + q)|^2  =  sum_q m t^2  -  2 (m t * s)(p)  +  (m * s^2)(p)        (* is correlation)

Pixels are integers, and so are the sums; the transforms' error in float64 is far below a half and is rounded away. So results do not
depend on threads or processors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Integers = NDArray[np.int64]
KEPT = 256 << 20  # bytes of norms that are cached
MIDDLE = 128  # subtracted from all values: smaller numbers make smaller errors in the transforms


class BlockDistances:
    """All blocks of ``side`` pixels of ``channels`` (C, H, W; uint8), in which channel c counts ``weights[c]`` times (integers).

    ``owner`` (H, W): the number of the picture that a pixel belongs to, -1 for none; a block lies within one picture.
    Block (i, j) has its upper left pixel at row i, column j.
    """

    def __init__(
        self, channels: NDArray[np.uint8], weights: Sequence[int], side: int, owner: Integers, workers: int | None = None
    ) -> None:
        self.side, self.workers = side, workers
        self.weights = np.asarray(weights, np.int64)
        self.size = (channels.shape[1] - side + 1, channels.shape[2] - side + 1)
        self._fft = tuple(scipy.fft.next_fast_len(extent, real=True) for extent in channels.shape[1:])
        centred = channels.astype(np.int64) - MIDDLE
        self._spectra = self._transformed(centred.astype(np.float64))
        self._squares = self._transformed((centred * centred).astype(np.float64))
        self._norms: dict[bytes, Integers] = {}
        self.valid = _uniform(owner, side)

    def errors(self, *parts: tuple[NDArray[np.uint8], Integers], keep: bool = True) -> Integers:
        """The distance of each block from the target: (H - side + 1, W - side + 1).

        ``parts``: pairs of a target (C, side, side; uint8) and the weight of each of its pixels (C, side, side; integers); their
        distances are added up. ``keep``: the same weights will be used again, so their norms are cached.
        """
        counted, weighted = (np.zeros(parts[0][0].shape, np.int64) for _ in range(2))
        constant = 0
        for wanted, masks in parts:
            weights, target = masks * self.weights[:, None, None], wanted.astype(np.int64) - MIDDLE
            counted += weights
            weighted += weights * target
            constant += int((weights * target * target).sum())
        norm = self._norm(counted) if keep else self._correlated(counted, self._squares)
        return norm - 2 * self._correlated(weighted, self._spectra) + constant

    def _norm(self, counted: Integers) -> Integers:
        """The squared norm of each block with these weights; cached, because most blocks of a picture overlap in the same way."""
        key = counted.tobytes()
        if key not in self._norms:
            if len(self._norms) * 8 * self.size[0] * self.size[1] >= KEPT:
                self._norms.clear()
            self._norms[key] = self._correlated(counted, self._squares)
        return self._norms[key]

    def _transformed(self, values: NDArray[np.float64]) -> NDArray[np.complex128]:
        """(C, h, w) to the frequencies (C, along columns, along rows): each transform runs over contiguous memory."""
        high, wide = self._fft
        rows = scipy.fft.rfft(values, wide, workers=self.workers)
        padded = np.zeros((rows.shape[0], rows.shape[2], high), np.complex128)
        padded[:, :, : rows.shape[1]] = rows.transpose(0, 2, 1)
        return scipy.fft.fft(padded, overwrite_x=True, workers=self.workers)

    def _correlated(self, kernel: Integers, spectra: NDArray[np.complex128]) -> Integers:
        used = [c for c in range(len(kernel)) if kernel[c].any()]
        product = np.zeros(spectra.shape[1:], np.complex128)
        for transform, c in zip(self._transformed(kernel[used].astype(np.float64)), used, strict=True):
            product += np.multiply(np.conj(transform, out=transform), spectra[c], out=transform)
        rows, columns = self.size
        back = scipy.fft.ifft(product, overwrite_x=True, workers=self.workers)[:, :rows]
        found = scipy.fft.irfft(np.ascontiguousarray(back.T), self._fft[1], overwrite_x=True, workers=self.workers)
        return np.rint(found[:, :columns]).astype(np.int64)


def _uniform(owner: Integers, side: int) -> NDArray[np.bool_]:
    """Where all pixels of a block have one owner that is not -1: the smallest and the largest number agree."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    low, high = owner, owner
    for axis in (0, 1):
        low, high = minimum_filter1d(low, side, axis), maximum_filter1d(high, side, axis)
    first = side // 2
    inside = tuple(slice(first, first + extent - side + 1) for extent in owner.shape)
    return ((low == high) & (low >= 0))[inside]
