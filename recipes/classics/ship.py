"""Put a trained run into the package: network, exported variants, model card.

python recipes/classics/ship.py --data ../shared/data --folder classics
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from train import STYLES, trainer

from stylespace.export.check import difference
from stylespace.export.integers import quantised
from stylespace.export.onnx import model
from stylespace.networks.fast import multiplications
from stylespace.networks.style_network import MODELS, StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.storage.atomic import write_text, write_whole

VALIDATION = 32


def losses(run_loss: object, network: StyleNetwork, photos: list[torch.Tensor]) -> dict[str, tuple[float, float, float]]:
    """For each style: content and style loss of the painted photos, and the style loss of the photos themselves; means."""
    found = {}
    for number, name in enumerate(network.names):
        rows = []
        for photo in photos:
            painted = network.pixels(photo, name)
            with torch.no_grad():
                made = run_loss(painted, photo, [number], [0])  # type: ignore[operator]
                plain = run_loss(photo, photo, [number], [0])  # type: ignore[operator]
            rows.append((float(made["content"]), float(made["style"]), float(plain["style"])))
        found[name] = tuple(float(v) for v in np.mean(rows, 0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("classics"))
    parser.add_argument("--count", type=int, default=len(STYLES))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--note", default="")
    asked = parser.parse_args()
    run = trainer(asked.data, asked.folder, asked.count, **({"steps": asked.steps} if asked.steps else {}))
    network = run.network()
    if asked.note:
        network.provenance["note"] = asked.note
    path = network.save(MODELS / "classics.safetensors")
    network = StyleNetwork.load(path)
    exact = model(network)
    val = sorted((asked.data / "photos" / "val").glob("*.*"))
    pixels = [read(p).pixels for p in val[:VALIDATION]]
    small = [resize(p, fit(p.shape[-2:], 512)) for p in pixels]
    arrays = [(p[0].permute(1, 2, 0).clamp(0, 1) * 255 + 0.5).byte().numpy() for p in small]
    integers = quantised(exact, arrays)
    apart = {}
    for name, made in (("classics", exact), ("classics-int8", integers)):
        file = write_whole(
            MODELS / f"{name}.onnx", lambda temporary, made=made: Path(temporary).write_bytes(made.SerializeToString())
        )
        for engine in ("openvino", "onnxruntime"):
            apart[name, engine] = difference(network, file, engine)
    squares = [resize(p, fit(p.shape[-2:], 256)) for p in pixels]
    table = losses(run.loss, network, squares)
    with (asked.data / "paintings" / "index.csv").open(newline="") as file:
        index = {row["file"].removesuffix(".jpg"): row for row in csv.DictReader(file)}
    parameters = sum(p.numel() for p in network.body.parameters())
    provenance = network.provenance
    lines = [
        "# Model card: classics", "",
        f"{len(network.names)} styles in one network, our fast build: {parameters:,} parameters and {network.rows.shape[1]:,} numbers a"
        f" style; {multiplications(network.body, 512, 512) / 1e9:.2f} billion multiply-adds for 512 x 512 pixels. Half precision.", "",
        "Use: photographs and video redrawn in these styles, or mixes of them (`stylespace paint`, `StyleNetwork.load(\"classics\")`).", "",
        f"Made by: `recipes/classics` ({provenance['steps']:,} steps of {provenance['settings']['batch']} crops of"
        f" {provenance['settings']['crop']} px, {provenance['seconds'] / 60:.0f} minutes on {provenance['threads']} threads of"
        f" {provenance['machine']} beside other work; loss network: {provenance['settings']['encoder']}).",
        "Settings and loss curve are in the file's metadata.",
        *([provenance["note"]] if "note" in provenance else []),
        f"Data: {provenance['photos']:,} photographs (one for most ImageNet classes, BSDS500), random crops; the paintings below, all in"
        " the public domain.",
        "Variants: `classics.onnx` (photo and weights in, picture out), `classics-int8.onnx` (convolutions in 8-bit integers).",
        "Licence: Apache-2.0.", "",
        f"Losses over {len(squares)} photographs that were not trained on, long side 256 px, in training's units: content as a share of the"
        " photo's own variance (weighted), style as a share of the painting's energy; beside it the photographs' own style loss.", "",
        "| style | title | artist | year | content | style | photos' style |", "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name in network.names:
        row, (content, style, plain) = index[name], table[name]
        year = row["year"].lstrip("0")
        lines.append(f"| {name} | {row['title']} | {row['artist']} | {year} | {content:.3f} | {style:.3f} | {plain:.3f} |")
    lines += ["", "Differences to PyTorch in fp32, of 255:", "", "| file | engine | worst | mean |", "| --- | --- | --- | --- |"]
    for (name, engine), d in apart.items():
        lines.append(f"| {name}.onnx | {engine} | {255 * d.worst:.1f} | {255 * d.mean:.2f} |")
    write_text(MODELS / "classics.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
