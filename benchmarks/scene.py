"""A layered scene drawn by our code: objects that move, turn and hide one another, with exact flow and exact occlusions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Layer:
    """A texture on a disc (``radius``; None: everywhere), moved by a similarity: place, turn and scale as functions of the frame."""

    seed: int
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    start: tuple[float, float]  # (x, y), shares of the width and height
    speed: tuple[float, float]  # pixels a frame
    turn: float = 0.0  # radians a frame
    grow: float = 0.0  # logarithm of the scale, a frame
    radius: float | None = None  # share of the height
    detail: int = 5

    def inverse(self, number: int, size: tuple[int, int]) -> tuple[float, Array, Array]:
        """Frame to layer: q = matrix (p - centre)."""
        high, wide = size
        centre = np.array([self.start[0] * wide, self.start[1] * high]) + np.array(self.speed) * number
        scale, angle = np.exp(-self.grow * number), -self.turn * number
        matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return scale, matrix, centre

    def places(self, number: int, size: tuple[int, int]) -> Array:
        """Where each position of a frame lies in the layer, (H, W, 2)."""
        _, matrix, centre = self.inverse(number, size)
        down, right = np.mgrid[: size[0], : size[1]].astype(np.float64)
        return (np.stack([right, down], 2) - centre) @ matrix.T

    def onto(self, places: Array, number: int, size: tuple[int, int]) -> Array:
        """Places of the layer in a frame."""
        _, matrix, centre = self.inverse(number, size)
        return places @ np.linalg.inv(matrix).T + centre

    def covers(self, places: Array, size: tuple[int, int]) -> Array:
        """Opacity, with an edge of a pixel."""
        if self.radius is None:
            return np.ones(places.shape[:2])
        return np.clip(self.radius * size[0] - np.hypot(places[..., 0], places[..., 1]) + 0.5, 0, 1)

    def colour(self, places: Array, size: tuple[int, int]) -> Array:
        """Its texture: waves of many directions and lengths, the same at any resolution; (H, W, 3)."""
        random = np.random.default_rng(self.seed)
        value = np.zeros(places.shape[:2])
        for octave in range(self.detail):
            length = size[0] / 2 / 1.8**octave
            for _ in range(3):
                angle, phase = random.uniform(0, 2 * np.pi, 2)
                way = places[..., 0] * np.cos(angle) + places[..., 1] * np.sin(angle)
                value += np.sin(2 * np.pi * way / length + phase) * 0.75**octave
        share = (0.5 + 0.5 * np.tanh(value / 1.5))[..., None]
        return np.array(self.colours[0]) * (1 - share) + np.array(self.colours[1]) * share


SCENE = (
    Layer(1, ((0.35, 0.55, 0.85), (0.85, 0.9, 0.95)), (0.5, 0.5), (-0.7, 0.1)),
    Layer(2, ((0.2, 0.4, 0.15), (0.6, 0.7, 0.3)), (0.3, 0.75), (1.6, -0.4), 0.01, 0.0, 0.38),
    Layer(3, ((0.75, 0.25, 0.15), (0.95, 0.8, 0.5)), (0.75, 0.45), (-2.3, 0.6), -0.02, 0.003, 0.24),
    Layer(4, ((0.15, 0.12, 0.2), (0.55, 0.45, 0.6)), (0.1, 0.3), (3.1, 0.9), 0.03, 0.0, 0.13),
)


def top(number: int, size: tuple[int, int], layers: tuple[Layer, ...] = SCENE) -> Array:
    """Which layer is seen at each position."""
    seen = np.zeros(size, int)
    for index, layer in enumerate(layers):
        seen[layer.covers(layer.places(number, size), size) >= 0.5] = index
    return seen


def drawn(number: int, size: tuple[int, int], layers: tuple[Layer, ...] = SCENE) -> Array:
    """A frame, (H, W, 3) float in [0, 1]."""
    made = np.zeros((*size, 3))
    for layer in layers:
        places = layer.places(number, size)
        opacity = layer.covers(places, size)[..., None]
        made = made * (1 - opacity) + layer.colour(places, size) * opacity
    return made


def flow(one: int, other: int, size: tuple[int, int], layers: tuple[Layer, ...] = SCENE) -> tuple[Array, Array]:
    """Where each position of frame ``one`` is in frame ``other``, less where it was, (H, W, 2); and whether it can be seen there."""
    seen, there = top(one, size, layers), top(other, size, layers)
    down, right = np.mgrid[: size[0], : size[1]].astype(np.float64)
    here = np.stack([right, down], 2)
    moved = np.zeros((*size, 2))
    for index, layer in enumerate(layers):
        whole = layer.onto(layer.places(one, size), other, size) - here
        moved[seen == index] = whole[seen == index]
    x, y = right + moved[..., 0], down + moved[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= size[1] - 1) & (y <= size[0] - 1)
    column, row = np.clip(np.rint(x), 0, size[1] - 1).astype(int), np.clip(np.rint(y), 0, size[0] - 1).astype(int)
    return moved.astype(np.float32), inside & (there[row, column] == seen)
