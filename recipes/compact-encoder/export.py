"""Turn what fit.py or train.py made into the shipped file: half precision, the input's map folded in.

python recipes/compact-encoder/export.py RUN/compact.safetensors -o src/stylespace/models/compact.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from students import load_trunk, ranks_of, save_trunk

from stylespace.encoders.compact import RANKS, compact

ABOUT = {
    "name": "stylespace compact encoder",
    "licence": "Apache-2.0",
    "fitted to": "VGG-16, Karen Simonyan and Andrew Zisserman, CC BY 4.0",
}
MOST_NUMBERS, MOST_BYTES = 4_000_000, 8_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    trunk = load_trunk(options.trained)
    trunk.fold_input()
    state = {name: tensor.half() for name, tensor in trunk.state_dict().items()}
    wrong = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    numbers = sum(tensor.numel() for tensor in state.values())
    if wrong or numbers > MOST_NUMBERS:
        raise SystemExit(
            f"{numbers} numbers ({MOST_NUMBERS} at most); not finite in half precision: {', '.join(wrong) or 'none'}"
        )
    if [tuple(ranks) for ranks in ranks_of(state)] != list(RANKS):
        raise SystemExit("The ranks are not those of stylespace.encoders.compact.RANKS: change them there first.")
    save_trunk(state, options.out, ABOUT)
    compact(options.out)  # can be read
    print(f"{options.out}: {options.out.stat().st_size} bytes ({MOST_BYTES} at most), {numbers} numbers")


if __name__ == "__main__":
    main()
