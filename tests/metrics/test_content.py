from __future__ import annotations

import pytest
import torch

from stylespace.metrics.content import content_distance


def test_share_of_variance() -> None:
    """Independent noise of k times the variance misses k times the variance (to sampling error); the mean is not energy."""
    target = torch.randn(1, 64, 40, 40) + 5
    assert content_distance(target, target) == 0
    assert content_distance(target + 0.5 * torch.randn_like(target), target) == pytest.approx(0.25, rel=0.02)
    flat = target.mean((2, 3), keepdim=True).expand_as(target)
    assert content_distance(flat, target) == pytest.approx(1, rel=1e-5)


def test_scale_does_not_matter() -> None:
    target, given = torch.randn(2, 1, 8, 9, 7)
    one = content_distance(given[:, :, :, None], target[:, :, :, None])
    assert content_distance(1000 * given[:, :, :, None], 1000 * target[:, :, :, None]) == pytest.approx(one, rel=1e-5)


def test_guide_leaves_out() -> None:
    target = torch.randn(1, 8, 10, 10)
    given = target.clone()
    given[..., :5] += 3
    guide = torch.ones(1, 1, 80, 80)
    guide[..., :40] = 0
    assert content_distance(given, target, guide) == 0
    assert content_distance(given, target, 1 - guide) > 1
    kept = content_distance(given[..., :5], target[..., :5])
    assert content_distance(given, target, 1 - guide) == pytest.approx(kept, rel=1e-5)


def test_flat_photo() -> None:
    flat = torch.full((1, 8, 4, 4), 2.0)
    assert content_distance(flat, flat) == 0
    assert 0 < content_distance(flat + 0.1, flat) < 1e4
    assert content_distance(flat * 0, flat * 0) == 0
