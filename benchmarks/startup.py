"""Seconds of `import stylespace` and of `stylespace --help`, in processes of their own.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time

from common import figure, parser, quartiles


def seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser(__doc__).parse_args()
    for claim, target, arguments in (
        ("import-seconds", "<= 0.5", ("-c", "import stylespace")),
        ("help-seconds", "<= 0.3", ("-c", "from stylespace.cli.app import main; main()", "--help")),
    ):
        runs = [seconds(sys.executable, *arguments) for _ in range(8)][1:]
        figure(claim, quartiles(runs)[1], target, unit="s", spread=(min(runs), max(runs)))


if __name__ == "__main__":
    main()
