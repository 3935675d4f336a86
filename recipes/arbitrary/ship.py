"""Put a trained run into the package: network, exported graphs, model card.

python recipes/arbitrary/ship.py --data ../shared/data --folder arbitrary
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from train import held_back, trainer

from stylespace.export.check import difference
from stylespace.export.integers import quantised
from stylespace.export.onnx import model
from stylespace.networks.fast import multiplications
from stylespace.networks.style_network import MODELS, StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.storage.atomic import write_text, write_whole
from stylespace.training.arbitrary import ArbitraryTrainer
from stylespace.training.trainer import TrainingStyle

VALIDATION = 32
MOST = 4 << 20  # bytes of the network's file
GRAPHS = {"arbitrary-painter-int8": ("painter", True), "arbitrary-reader": ("reader", False)}


@torch.no_grad()
def losses(run: ArbitraryTrainer, network: StyleNetwork, painting: Tensor, photos: list[Tensor]) -> tuple[float, float, float]:
    """Content and style loss of the photos painted like ``painting``, which was never seen, and the photos' own style loss; means."""
    goal = run._goal(TrainingStyle("", painting), run.settings.style_sizes[0], list(run.loss.style))
    painter, rows = network.with_style("painting", network.code(painting[0]).row), []
    for photo in photos:
        painted = painter.pixels(photo, "painting")
        made, plain = (run.loss.against(each, photo, [goal], torch.ones(1)) for each in (painted, photo))
        rows.append((float(made["content"]), float(made["style"]), float(plain["style"])))
    content, style, own = np.mean(rows, 0)
    return float(content), float(style), float(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("arbitrary"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--vgg", type=Path, help="as for the training")
    parser.add_argument("--network", type=Path, help="a file to ship instead of the run's network, such as an average of several")
    parser.add_argument("--validation", type=int, default=VALIDATION, help="photographs of the table of losses")
    parser.add_argument("--note", default="")
    asked = parser.parse_args()
    run = trainer(asked.data, asked.folder, asked.count, asked.vgg, **({"steps": asked.steps} if asked.steps else {}))
    network = StyleNetwork.load(asked.network) if asked.network else run.network()
    if asked.note:
        network.provenance["note"] = asked.note
    path = network.save(MODELS / "arbitrary.safetensors")
    if path.stat().st_size > MOST:
        path.unlink()
        raise SystemExit(f"The file would be larger than {MOST:,} bytes: shorten the curve in its provenance, or the thumbnails.")
    network = StyleNetwork.load(path)
    assert network.reader is not None
    val = sorted((asked.data / "photos" / "val").glob("*.*"))[: max(asked.validation, 1)]
    pixels = [read(p).pixels for p in val]
    small = [resize(p, fit(p.shape[-2:], 512)) for p in pixels]
    arrays = [(p[0].permute(1, 2, 0).clamp(0, 1) * 255 + 0.5).byte().numpy() for p in small]
    apart = {}
    for name, (graph, integers) in GRAPHS.items():
        made = model(network, graph=graph)
        if integers:
            made = quantised(made, arrays, network.rows.numpy())
        file = write_whole(
            MODELS / f"{name}.onnx", lambda temporary, made=made: Path(temporary).write_bytes(made.SerializeToString())
        )
        for engine in ("openvino", "onnxruntime"):
            apart[name, engine] = difference(network, file, engine)
    squares = [resize(p, fit(p.shape[-2:], 256)) for p in pixels]
    hidden = held_back(asked.data, network.names)
    with (asked.data / "paintings" / "index.csv").open(newline="") as rows:
        index = {row["file"].removesuffix(".jpg"): row for row in csv.DictReader(rows)}
    body, reader = (sum(p.numel() for p in part.parameters()) for part in (network.body, network.reader))
    provenance = network.provenance
    lines = [
        "# Model card: arbitrary", "",
        f"Any painting as a style, in one pass: {body:,} parameters paint, {reader:,} read a painting (seen 256 px long) as a row of"
        f" {network.rows.shape[1]:,} numbers; {len(network.names)} styles have rows of their own, those of `classics` by name."
        f" {multiplications(network.body, 512, 512) / 1e9:.2f} billion multiply-adds for 512 x 512 pixels."
        f" Half precision, {path.stat().st_size:,} bytes.", "",
        "Use: `stylespace paint photo.jpg --style painting.jpg`, `StyleNetwork.load(\"arbitrary\")`, also mixed with names and style codes;"
        " the start of an optimisation (`--start network`, `--quality`).", "",
        f"Made by: `recipes/arbitrary` ({provenance['steps']:,} steps of {provenance['settings']['batch']} crops of"
        f" {provenance['settings']['crop']} px, {provenance['seconds'] / 60:.0f} minutes on {provenance['threads']} threads of"
        f" {provenance['machine']} beside other work; loss network: {provenance['settings']['encoder']}). It began with `classics`.",
        "Settings and loss curve are in the file's metadata.",
        *([provenance["note"]] if "note" in provenance else []),
        f"Data: {provenance['photos']:,} photographs (one for most ImageNet classes, BSDS500), random crops;"
        f" {len(run.paintings.names)} paintings in the public domain and pictures drawn by our own code, random parts at many sizes, some"
        " of them recoloured. The paintings of the table were held back.",
        "Variants: " + ", ".join(f"`{name}.onnx`" for name in GRAPHS) + " (stylespace.export.runtime).",
        "Licence: Apache-2.0.", "",
        "Limits: it keeps a painting's colours, contrast and strokes, but not its single motifs as a style with a row of its own can;"
        " for those optimise (`stylespace transfer`), or teach it the painting (`stylespace add-style`).", "",
        f"Losses over {len(squares)} photographs that were not trained on, long side 256 px, in training's units: content as a share of the"
        " photo's own variance (weighted), style as a share of the painting's energy; beside it the photographs' own style loss.", "",
        "| painting, never seen | title | artist | year | content | style | photos' style |", "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name in hidden:
        row = index[name]
        content, style, own = losses(run, network, read(asked.data / "paintings" / f"{name}.jpg").pixels, squares)
        year = row["year"].lstrip("0")
        lines.append(f"| {name} | {row['title']} | {row['artist']} | {year} | {content:.3f} | {style:.3f} | {own:.3f} |")
    lines += [
        "", "Differences to PyTorch in fp32: pictures, of 255; rows, in deviations of the known ones.", "",
        "| file | engine | worst | mean |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for (name, engine), d in apart.items():
        unit, digits = (1, 4) if "reader" in name else (255, 2)
        lines.append(f"| {name}.onnx | {engine} | {unit * d.worst:.{digits}f} | {unit * d.mean:.{digits}f} |")
    write_text(MODELS / "arbitrary.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
