"""A narrow student whose features are compared as if they were its wide teacher's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.mapped import Features, Mapped, whole
from stylespace.encoders.trunk import Trunk


def isometry(readout: nn.Conv2d) -> nn.Conv2d:
    """A narrow map that keeps every inner product of a wide read-out, so that Gram matrices there cost a tenth.

    With ``[R b] = Q U`` (QR), features ``R x + b`` in 512 channels equal ``Q (U [x; 1])`` and Q keeps lengths: norms and
    differences of Gram matrices, covariances and Wasserstein distances are the same in the C + 1 channels of ``U [x; 1]``.
    The result is scaled so that the mean square a channel is also that of the wide features.
    """
    offset = readout.bias if readout.bias is not None else readout.weight.new_zeros(readout.out_channels)
    weight = torch.cat([readout.weight[:, :, 0, 0], offset[:, None]], 1).double()
    upper = torch.linalg.qr(weight, mode="r").R
    upper = upper * (upper.shape[0] / weight.shape[0]) ** 0.5
    narrow = nn.Conv2d(upper.shape[1] - 1, upper.shape[0], 1)
    narrow.load_state_dict({"weight": upper[:, :-1, None, None].float(), "bias": upper[:, -1].float()})
    return narrow


class ReadoutEncoder(Encoder):
    """Features of a narrow student, at some layers in the geometry of its teacher's channels.

    ``readouts``: layer name to the 1x1 convolution that estimates the teacher's features from the student's. ``metric``: layer name
    to the map whose outputs are this encoder's features there; without one, the read-outs themselves in as few channels as keep
    their inner products (:func:`isometry`). At other layers the features are the narrow stack's.
    """

    def __init__(
        self, trunk: Trunk, name: str, readouts: Mapping[str, nn.Conv2d], metric: Mapping[str, nn.Conv2d] | None = None
    ) -> None:
        super().__init__(trunk, name)
        self.readouts = nn.ModuleDict(dict(readouts)).requires_grad_(False)
        chosen = {layer: isometry(readout) for layer, readout in readouts.items()} if metric is None else dict(metric)
        self.metric = nn.ModuleDict(chosen).requires_grad_(False)

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """See :meth:`Encoder.forward`."""
        return {name: whole(f) for name, f in self.mapped(picture, layers).items()}

    def mapped(self, picture: Tensor, layers: Collection[str]) -> dict[str, Features]:
        """See :meth:`Encoder.mapped`."""
        return {name: self._measured(name, f) for name, f in super().forward(picture, layers).items()}

    def _measured(self, name: str, features: Tensor) -> Features:
        if name not in self.metric:
            return features
        narrow = self.metric[name]
        assert isinstance(narrow, nn.Conv2d)
        assert narrow.bias is not None
        return Mapped(features, narrow.weight[:, :, 0, 0], narrow.bias)

    def read_out(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Estimates of the teacher's own features, clamped at zero as after its ReLU, (N, C of the teacher, h, w)."""
        return {name: F.relu(self.readouts[name](f)) for name, f in super().forward(picture, layers).items()}
