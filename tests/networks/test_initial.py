"""Initial weights."""

from __future__ import annotations

import subprocess
import sys


def test_a_network_from_a_file_does_not_load_pytorchs_compiler() -> None:
    program = (
        "import sys; from stylespace.networks.style_network import StyleNetwork; "
        "StyleNetwork.load('classics'); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
