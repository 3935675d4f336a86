"""How far bfloat16 is from float32: features, gradient of the default objective, and the result.

python benchmarks/precision.py
"""

from __future__ import annotations

import torch

from common import figure, parser
from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.precision import fastest
from stylespace.methods.gatys_loss import losses_at
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.pictures.margin import framed
from stylespace.pictures.reading import read
from stylespace.solvers.tiled import in_turn
from stylespace.styles.region import Region, Style


def main() -> None:
    chosen = parser(__doc__).parse_args()
    torch.set_num_threads(chosen.threads)
    from skimage.data import astronaut

    content, style = read(astronaut()[128:384, 128:384]).pixels, read(draw("waves", (256, 256))).pixels
    settings = GatysSettings()
    gradients, features = {}, {}
    for precision in ("fp32", "bf16"):
        encoder = encoders.load("compact", precision=precision)
        objective = in_turn(losses_at(content, [Region((Style(style),))], settings, encoder))
        picture = framed(content, settings.margin).clone().requires_grad_()
        torch.stack(list(objective(picture).values())).sum().backward()
        gradients[precision] = picture.grad
        with torch.no_grad():
            features[precision] = encoder(content, ["relu4_1"])["relu4_1"].float()
    a, b = gradients["fp32"], gradients["bf16"]
    figure(
        "bf16-gradient-difference",
        float((a - b).norm() / a.norm()),
        "",
        unit="relative",
        probe_chooses=str(fastest(content.device)),
    )
    a, b = features["fp32"], features["bf16"]
    figure("bf16-feature-difference-relu4_1", float((a - b).norm() / a.norm()), "", unit="relative")


if __name__ == "__main__":
    main()
