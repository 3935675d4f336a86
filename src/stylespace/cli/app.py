"""Where ``stylespace`` starts: runs a command, turns errors into sentences and exit codes.

0: done; 1: cannot; 2: wrong usage; 130: interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (by default the program's) name; returns the exit code."""
    from stylespace.storage.witness import WITNESS

    WITNESS.wanted = arguments is None  # a process of its own
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        from stylespace.cli.commands import group

        group()(arguments, prog_name="stylespace")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if "--traceback" in arguments:
            raise
        from stylespace.cli.failures import tell

        tell(error)
        return 1
    finally:
        WITNESS.dismiss()
    return 0
