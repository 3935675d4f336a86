"""The compact encoder: a VGG-19 with a seventeenth of the parameters, distilled by us and shipped inside the package.

It learned from the real VGG-19 down to relu3_1 and from a compressed student of VGG-19 below (recipe:
``recipes/compact-encoder``; model card: ``models/compact.md``).
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from stylespace.encoders.readout import ReadoutEncoder
from stylespace.encoders.trunk import Trunk
from stylespace.errors import WeightsError

DEPTHS = (2, 2, 4, 4, 1)
# Wide where a read-out looks (reluX_1), narrow between: layers at full size cost the most time.
WIDTHS = (32, 16, 48, 32, 96, 64, 64, 64, 160, 128, 128, 128, 192)
READOUTS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
SHIPPED = Path(__file__).parent.parent / "models" / "compact.safetensors"


class CompactTrunk(Trunk):
    """The narrow stack, with 1x1 maps from its layers.

    ``to_vgg19``: best estimates of the channels of normalised VGG-19. ``metric``: the same in fewer channels and with the variance
    that estimating takes away given back (recipes/compact-encoder/export.py); style is compared there.
    """

    def __init__(self, padding: str = "reflect", pooling: str = "max") -> None:
        super().__init__(DEPTHS, WIDTHS, pooling=pooling, padding=padding)
        width = dict(zip(self.layers, WIDTHS, strict=True))
        self.to_vgg19 = nn.ModuleDict({name: nn.Conv2d(width[name], channels, 1) for name, channels in READOUTS.items()})
        self.metric = nn.ModuleDict({name: nn.Conv2d(width[name], width[name] + 1, 1) for name in READOUTS})


def compact(weights: Path | None = None, *, pooling: str = "max", padding: str = "reflect") -> ReadoutEncoder:
    """The shipped compact encoder, or one with the weights in ``weights`` (safetensors).

    Raises :class:`~stylespace.errors.WeightsError` when the file is missing or is not a compact encoder.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = weights or SHIPPED
    trunk = CompactTrunk(padding=padding, pooling=pooling)
    try:
        trunk.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"'{path}' does not hold the compact encoder's weights ({str(error).splitlines()[0]}): "
            "reinstall stylespace, or give --weights a file made by recipes/compact-encoder."
        ) from error
    return ReadoutEncoder(trunk, "compact", _convolutions(trunk.to_vgg19), _convolutions(trunk.metric))


def _convolutions(modules: nn.ModuleDict) -> dict[str, nn.Conv2d]:
    return {name: module for name, module in modules.items() if isinstance(module, nn.Conv2d)}
