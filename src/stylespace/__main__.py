"""``python -m stylespace``: the command line."""

from __future__ import annotations

import sys

from stylespace.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
