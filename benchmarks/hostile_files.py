"""Files to be hostile with: small good ones of every kind that the project reads, and mutations of them by number."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PICTURES = ("jpeg", "png", "tiff", "webp", "avif", "gif")
KINDS = (*PICTURES, "safetensors", "onnx", "record", "library", "film")
MAX_PIXELS = 16_000_000
LARGE = 0.03  # share of pictures that are of so many
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1 << 62, 1e308, float("nan"), float("-inf"), "", "x" * 5000, "\0", "../../x", "\ud800", "'; --", [], {}, [[]],
    {"a": None}, [None] * 50, ["a", 1],
)  # fmt: skip
Random = np.random.Generator


def make(folder: Path) -> None:
    """Good files of every kind, always the same, in folders by kind."""
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
    _pictures(folder)
    _networks(folder / "safetensors", folder / "onnx")
    _records(folder / "record")
    _library(folder / "library")
    _films(folder / "film")


def mutated(folder: Path, number: int, seed: int, kind: str, place: Path) -> Path:
    """The ``number``-th hostile file of a kind (of a library: a folder), written into ``place``."""
    random = np.random.default_rng([seed, KINDS.index(kind), number])
    seeds = sorted((folder / kind).iterdir())
    wanted = random.random() < LARGE
    seeds = [path for path in seeds if path.name.startswith("large") == wanted] or seeds
    chosen = seeds[random.integers(len(seeds))]
    target = place / f"{kind}-{number}{chosen.suffix}"
    if kind == "library":
        _mutated_library(chosen, target, random)
        return target
    data = chosen.read_bytes()
    if kind in PICTURES or kind == "film":
        data = flipped(data, random, [other.read_bytes() for other in seeds])
        if kind == "png" and random.random() < 0.6:
            data = _with_checksums(data)
    elif kind == "safetensors":
        data = _mutated_header(data, random) if random.random() < 0.6 else flipped(data, random)
    elif kind == "record":
        data = _mutated_record(data, chosen, random)
    else:
        data = flipped(data, random)
    target.write_bytes(data)
    return target


def flipped(data: bytes, random: Random, others: list[bytes] | None = None) -> bytes:
    """Bytes changed, put in, taken out, cut off, or put together with another file's; more often near the beginning."""
    body = bytearray(data)
    for _ in range(int(random.geometric(0.35))):
        size = len(body)
        if size < 4:
            break
        at = int(random.integers(min(size, 512) if random.random() < 0.5 else size))
        length = int(random.geometric(0.05))
        match int(random.integers(9)):
            case 0:
                body[at] ^= 1 << int(random.integers(8))
            case 1:
                body[at] = int(random.integers(256))
            case 2:
                width = int(random.choice([1, 2, 4]))
                order = "little" if random.random() < 0.5 else "big"
                body[at : at + width] = (EDGES[random.integers(len(EDGES))] % (1 << 8 * width)).to_bytes(width, order)
            case 3:
                del body[at : at + length]
            case 4:
                body[at:at] = random.integers(0, 256, length, np.uint8).tobytes()
            case 5:
                body[at:at] = body[at : at + length]
            case 6:
                body[at : at + length] = bytes(length)
            case 7 if random.random() < 0.5:
                del body[at:]
            case 8 if others:
                other = others[random.integers(len(others))]
                body = body[:at] + other[int(random.integers(len(other))) :]
    return bytes(body)


def changed(value: Any, random: Random) -> Any:
    """JSON with one value of it replaced, taken out, given twice or nested a thousand times."""
    places: list[tuple[Any, Any]] = []

    def visit(inner: Any) -> None:
        for key in list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ():
            places.append((inner, key))
            visit(inner[key])

    value = json.loads(json.dumps(value))
    visit(value)
    if not places or random.random() < 0.02:
        return ODD_VALUES[random.integers(len(ODD_VALUES))]
    for _ in range(int(random.geometric(0.6))):
        inner, key = places[random.integers(len(places))]
        if (isinstance(inner, dict) and key not in inner) or (isinstance(inner, list) and key >= len(inner)):
            continue
        match int(random.integers(6)):
            case 0:
                del inner[key]
            case 1 if isinstance(inner, dict):
                inner[f"{key}x"] = inner[key]
            case 2 if isinstance(inner, list):
                inner.append(inner[key])
            case 3 if isinstance(inner[key], int | float) and not isinstance(inner[key], bool):
                inner[key] = (
                    inner[key] * float(random.choice([-1, 1e-9, 1e9, 0.5])) if random.random() < 0.5 else inner[key] * 1000
                )
            case _:
                inner[key] = ODD_VALUES[random.integers(len(ODD_VALUES))]
    return value


def text_of(value: Any, random: Random) -> str:
    """As JSON, in one of twenty cases nested far too deep."""
    return "[" * 100_000 + "]" * 100_000 if random.random() < 0.05 else json.dumps(value)


def _pictures(folder: Path) -> None:
    import torch
    from PIL import Image

    from stylespace.pictures import Picture, vips, write

    y, x = np.mgrid[:40, :48]
    rgb = np.stack([x * 5, y * 6, (x + y) * 3], -1).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, rgb.shape, np.uint8)
    pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None] / 255
    alpha = torch.linspace(0, 1, 40)[None, None, :, None].expand(1, 1, 40, 48).clone()
    plain, seen_through = Picture(pixels), Picture(pixels, alpha)
    image = Image.fromarray(rgb)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "made by code"
    write(plain, folder / "jpeg/ours.jpg", settings={"method": "gatys"})
    image.save(folder / "jpeg/progressive.jpg", progressive=True, exif=exif.tobytes(), quality=80)
    image.convert("L").save(folder / "jpeg/grey.jpg")
    image.convert("CMYK").save(folder / "jpeg/cmyk.jpg", subsampling=0)
    Image.fromarray(noise).save(folder / "jpeg/noise.jpg", restart_marker_blocks=2)
    write(seen_through, folder / "png/sixteen.png", bits=16, settings={"method": "gatys"})
    image.quantize(16).save(folder / "png/palette.png")
    image.convert("1").save(folder / "png/one-bit.png")
    image.convert("LA").save(folder / "png/grey-alpha.png")
    vips.from_samples(noise).pngsave(str(folder / "png/interlaced.png"), interlace=True)
    write(seen_through, folder / "tiff/ours.tif", bits=16, settings={"method": "gatys"})
    for name, options in {
        "lzw": {"compression": "lzw", "predictor": "horizontal"}, "jpeg": {"compression": "jpeg"}, "tiles": {"tile": True, "tile_width": 16,
        "tile_height": 16, "compression": "deflate"}, "big": {"bigtiff": True}, "packed": {"compression": "packbits", "pyramid": True},
    }.items():  # fmt: skip
        vips.from_samples(noise if name == "tiles" else rgb).tiffsave(str(folder / f"tiff/{name}.tif"), **options)
    vips.from_samples(rgb).cast("float").linear(1 / 255, 0).tiffsave(str(folder / "tiff/float.tif"))
    vips.from_samples(rgb).colourspace("lab").tiffsave(str(folder / "tiff/lab.tif"))
    image.convert("CMYK").save(folder / "tiff/cmyk.tif")
    image.convert("1").save(folder / "tiff/fax.tif", compression="group4")
    write(plain, folder / "webp/ours.webp", settings={"method": "gatys"})
    Image.fromarray(noise).save(folder / "webp/lossless.webp", lossless=True)
    write(seen_through, folder / "webp/alpha.webp")
    image.save(folder / "webp/film.webp", save_all=True, append_images=[image.rotate(90, expand=False)], duration=50)
    write(plain, folder / "avif/ours.avif", settings={"method": "gatys"})
    write(seen_through, folder / "avif/alpha.avif")
    vips.from_samples(noise.astype(np.uint16) * 257).heifsave(str(folder / "avif/twelve.avif"), compression="av1", bitdepth=12)
    image.quantize(32).save(folder / "gif/one.gif")
    image.quantize(8).save(folder / "gif/film.gif", save_all=True, append_images=[image.rotate(180).quantize(8)], transparency=3)
    _large(folder)


def _large(folder: Path) -> None:
    """Just within the limit of pixels and small as files: what a reader needs memory for."""
    from stylespace.pictures import vips

    side = round(MAX_PIXELS**0.5)
    black = vips.Image.black(side, side, bands=4)
    for name, kind, meaning in (
        ("deep", "ushort", "rgb16"), ("ink", "uchar", "cmyk"), ("floating", "float", "srgb"), ("long", "uint", "rgb16"),
        ("double", "double", "srgb"),
    ):  # fmt: skip
        black.cast(kind).copy(interpretation=meaning).tiffsave(str(folder / f"tiff/large-{name}.tif"), compression="deflate")
    black.cast("ushort").copy(interpretation="rgb16").pngsave(str(folder / "png/large.png"))
    black.copy(interpretation="srgb").webpsave(str(folder / "webp/large.webp"), lossless=True, effort=0)
    black.extract_band(0, n=3).copy(interpretation="srgb").jpegsave(str(folder / "jpeg/large.jpg"))


def _networks(safetensors: Path, onnx: Path) -> None:
    """A network, its regions, a style space, an encoder's weights; a graph as exported networks have, two inputs and a record."""
    import torch
    from onnx import TensorProto, helper, save
    from safetensors.torch import save_file

    from stylespace import encoders
    from stylespace.networks.builds import BUILDS
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.pictures.rearrangement import Rearrangement
    from stylespace.styles.parts import Regions
    from stylespace.styles.space import StyleSpace

    torch.manual_seed(0)
    small = {"stem": 4, "mid": 4, "deep": 4, "up": 4, "blocks": 1, "fine": 4, "last": 4}
    body = BUILDS["tiny"](**small).eval().requires_grad_(False)
    names, about = ["swirls", "waves"], {"swirls": {"title": "Swirls"}}
    StyleNetwork(body, "tiny", torch.randn(2, body.row_size), names, about).save(safetensors / "network.safetensors")
    (safetensors / "swirls.png").write_bytes(b"")
    Regions(torch.randn(2, 8), (safetensors / "swirls.png", None), {"name": "compact", "weights": "0"}).save(
        safetensors / "regions.safetensors"
    )
    (safetensors / "swirls.png").unlink()
    Rearrangement(torch.randint(2, (3, 6, 8), dtype=torch.int32), ((4, 5), (3, 3))).save(
        safetensors / "rearrangement.safetensors"
    )
    photos = [torch.rand(1, 3, 32, 32) for _ in range(2)]
    StyleSpace.fit(photos, encoder=encoders.load("compact", precision="fp32"), size=32).save(safetensors / "space.safetensors")
    widths = [3, 2, 2, 3, 3]
    encoder = {
        f"features.{number}.{kind}": torch.randn(c_out, c_in, 3, 3) if kind == "weight" else torch.randn(c_out)
        for number, c_in, c_out in zip((0, 2, 5, 7), widths, widths[1:], strict=False)
        for kind in ("weight", "bias")
    }
    save_file(encoder, safetensors / "encoder.safetensors")

    photo = helper.make_tensor_value_info("photo", TensorProto.UINT8, [1, "h", "w", 3])
    weights = helper.make_tensor_value_info("weights", TensorProto.FLOAT, [2])
    made = helper.make_tensor_value_info("made", TensorProto.UINT8, [1, "h", "w", 3])
    kernel = torch.randn(3, 3, 3, 3)
    filters = helper.make_tensor("filters", TensorProto.FLOAT, [3, 3, 3, 3], kernel.flatten().tolist())
    share = helper.make_tensor("share", TensorProto.FLOAT, [2], [0.5, 1.5])
    nodes = [
        helper.make_node("Cast", ["photo"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "filters"], ["drawn"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["weights", "share"], ["shares"]),
        helper.make_node("ReduceSum", ["shares"], ["strength"], keepdims=1),
        helper.make_node("Mul", ["drawn", "strength"], ["mixed"]),
        helper.make_node("Transpose", ["mixed"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["made"], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(nodes, "network", [photo, weights], [made], [filters, share])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    about = {"version": 1, "names": names, "pixels": "bytes", "checksum": "0" * 64}
    helper.set_model_props(model, {"stylespace": json.dumps(about)})
    save(model, str(onnx / "network.onnx"))


def _records(folder: Path) -> None:
    """Results with the settings that made them, and the other JSON files that are read back."""
    import torch

    import stylespace
    from stylespace.pictures.warp import Warp
    from stylespace.pipelines.match import Matches
    from stylespace.storage.journal import Journal

    photo, style = (str(folder.parent / "png" / name) for name in ("palette.png", "interlaced.png"))
    quick: dict[str, Any] = {"size": 32, "steps": 2, "precision": "fp32", "threads": 1}
    pairs = [((0.2, 0.5), (0.8, 0.5))]
    mask = stylespace.Area(str(folder.parent / "png/one-bit.png"), style)
    stylespace.transfer(photo, style, areas=[mask], **quick).save(folder / "gatys.png")
    stylespace.transfer(photo, [style, photo], **quick).save(folder / "blend.png")
    stylespace.transfer(photo, style, method="strotss", points=pairs, **quick).save(folder / "strotss.png")
    Matches(((0.1, 0.2), (0.5, 0.5)), ((0.3, 0.2), (0.4, 0.4)), (2.0, 1.0)).save(folder / "pairs.json")
    Warp(((0.2, 0.2), (0.6, 0.5)), ((0.3, 0.2), (0.6, 0.6)), (40, 48)).save(folder / "warp.json")
    journal = Journal(folder / "work", {"photo": "a"})
    journal.write({"stage": 1}, {"state": {"picture": torch.rand(3, 4, 4)}})
    shutil.copy(folder / "work/journal.json", folder / "journal.json")
    shutil.rmtree(folder / "work")


def _library(folder: Path) -> None:
    from stylespace.library import Library
    from stylespace.library.adding import add

    made = Library(folder / "library")
    pictures = [folder.parent / name for name in ("png/palette.png", "png/interlaced.png", "gif/one.gif", "jpeg/noise.jpg")]
    add(made, pictures, tags=["oil"], artist="Anna")


def _films(folder: Path) -> None:
    """Of each kind of container and codec, with sound and transparency."""
    import av
    from PIL import Image

    from stylespace.film.encoding import Segment, form_of
    from stylespace.film.frame import Info
    from stylespace.film.joining import join

    random = np.random.default_rng(0)
    frames = [(random.random((24, 32, 4)) * 60 + 20 * number).astype(np.uint8) for number in range(6)]
    for name, codec, bits, alpha in (
        ("avc.mp4", "h264", 8, False), ("hevc.mp4", "h265", 10, False), ("vp9.webm", "vp9", 8, True), ("deep.webm", "av1", 10, False),
        ("av1.mkv", "av1", 8, False), ("ffv1.mkv", "ffv1", 16, True), ("prores.mov", "prores", 10, True),
    ):  # fmt: skip
        form, _ = form_of(Path(name).suffix, Info((24, 32), alpha=alpha, bits=bits), codec=codec, bits=bits)
        part = folder / "part.scratch"
        segment = Segment(part, form)
        for frame in frames:
            segment.write(frame if alpha else frame[..., :3])
        segment.close()
        join([part], [1000 * number for number in range(6)], 1000, form, folder / name)
        part.unlink()
    with av.open(str(folder / "sound.mp4"), "w") as film:
        pictures, sound = film.add_stream("libx264", rate=25), film.add_stream("aac", rate=44100, layout="mono")
        pictures.height, pictures.width, pictures.pix_fmt = 24, 32, "yuv420p"
        for frame in frames:
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[..., :3]), "rgb24")))
        film.mux(pictures.encode())
        for number in range(8):
            wave = av.AudioFrame.from_ndarray(random.random((1, 1024)).astype(np.float32) - 0.5, "fltp", "mono")
            wave.rate, wave.pts = 44100, 1024 * number
            film.mux(sound.encode(wave))
        film.mux(sound.encode())
    images = [Image.fromarray(frame) for frame in frames]
    for suffix in ("gif", "webp", "apng"):
        given = {"format": "PNG"} if suffix == "apng" else {}
        images[0].save(folder / f"film.{suffix}", save_all=True, append_images=images[1:], duration=40, **given)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them now, so that decoders read on."""
    body, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunk = data[at + 4 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        body += struct.pack(">I", length) + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return bytes(body) + data[at:]


def _mutated_header(data: bytes, random: Random) -> bytes:
    """A safetensors file whose header says something else, of its tensors or of what is kept beside them."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    about = header.get("__metadata__", {}).get("stylespace")
    if about is not None and random.random() < 0.7:
        header["__metadata__"]["stylespace"] = text_of(changed(json.loads(about), random), random)
    else:
        header = changed(header, random)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _mutated_record(data: bytes, chosen: Path, random: Random) -> bytes:
    if chosen.suffix == ".json":
        text = text_of(changed(json.loads(data), random), random).encode()
        return flipped(text, random) if random.random() < 0.3 else text
    from xml.sax.saxutils import escape

    from stylespace.pictures import vips
    from stylespace.pictures.settings import packet, read_settings

    settings = read_settings(data)
    text = text_of(changed(settings, random), random)
    block = packet({}).replace(b"{}", escape(text).encode("utf-8", "replace"))
    if random.random() < 0.2:
        block = flipped(block, random)
    image = vips.Image.new_from_buffer(data, "")
    made: bytes = vips.with_block(image, "xmp-data", block).pngsave_buffer(compression=1)
    return made


def _mutated_library(chosen: Path, target: Path, random: Random) -> None:
    """A library with rows that it would not write itself, or with one of its files changed."""
    shutil.copytree(chosen, target)
    if random.random() < 0.5:
        files = sorted(path for path in target.rglob("*") if path.is_file() and path.stat().st_size)
        file = files[random.integers(len(files))]
        if random.random() < 0.1:
            file.unlink()
        else:
            file.write_bytes(flipped(file.read_bytes(), random))
        return
    import lancedb

    table = lancedb.connect(str(target)).open_table("references")
    rows = table.to_arrow().to_pylist()
    for row in rows:
        for name in random.choice(list(row), int(random.geometric(0.5))):
            row[name] = _value(row[name], random)
    table.delete("true")
    table.add(_typed(rows, table.schema))


def _value(value: Any, random: Random) -> Any:
    """Another of the same type, or none."""
    if random.random() < 0.3:
        return None
    odd: Callable[[list[Any]], Any] = lambda values: values[int(random.integers(len(values)))]  # noqa: E731
    if isinstance(value, str):
        return odd(["", "x" * 5000, "\0", "'; DROP", "../../x", ";;;", "a;b"])
    if isinstance(value, bytes):
        return odd([b"", bytes(9)])
    if isinstance(value, list):
        return [odd([float("nan"), float("inf"), 65504.0, -65504.0, 0.0])] * len(value)
    if isinstance(value, float):
        return odd([float("nan"), float("inf"), -1.0])
    return odd([0, -1, 2**31 - 1, -(2**31)])


def _typed(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema)
