"""The process that decodes uploads, so that a hostile file ends this process and not the server.

Reads from standard input: length of the file and most pixels (8 bytes each), then the file. Writes to standard output: length of a header
(8 bytes), the header as JSON, then the samples, 8 or 16 bits, (H, W, 3 or 4); before the first, one byte that says that it is ready. Ends
with its standard input.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LENGTHS = struct.Struct("<QQ")
LENGTH = struct.Struct("<Q")
READY = b"r"


def limit_memory(more: int) -> None:
    """Let this process take so many bytes of address space more than it has now, where the system can say so."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        size = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def serve(requests: BinaryIO, made: BinaryIO) -> None:
    """Decode until the input ends."""
    from stylespace.errors import StylespaceError
    from stylespace.pictures.reading import read
    from stylespace.pictures.samples import quantise

    while head := requests.read(LENGTHS.size):
        length, most = LENGTHS.unpack(head)
        data = requests.read(length)
        samples = b""
        try:
            picture = read(data, max_pixels=most)
            array = quantise(picture.pixels, picture.alpha, picture.bits, "The picture")
            about = {"shape": array.shape, "bits": picture.bits, "exif": base64.b64encode(picture.exif or b"").decode()}
            samples = array.tobytes()
        except StylespaceError as error:
            about = {"error": str(error).replace("The data given", "The file")}
        except MemoryError:
            about = {"error": "The file takes too much memory to decode: make the picture smaller."}
        header = json.dumps(about).encode()
        made.write(LENGTH.pack(len(header)) + header + samples)
        made.flush()


if __name__ == "__main__":
    import stylespace.pictures.reading  # noqa: F401 (its memory does not count)

    limit_memory(int(sys.argv[1]))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    serve(sys.stdin.buffer, sys.stdout.buffer)
