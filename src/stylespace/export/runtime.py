"""Runs exported networks: arrays in, arrays out. Imports neither PyTorch nor anything else of the package but its errors.

painter = Runtime("classics")
painter(frame, {"starry_night": 0.6, "great_wave": 0.4})  # frame and result: (H, W, 3) of 8 bits, sRGB
row = Runtime("reader.onnx").read(painting)
Runtime("painter.onnx")(frame, row)  # or the file of a style's code
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylespace.errors import InputError, MissingExtraError, WeightsError

MODELS = Path(__file__).resolve().parent.parent / "models"
ENGINES = ("openvino", "onnxruntime")
GRAPHS = ("styles", "painter", "reader")
PRECISIONS = ("fp32", "bf16", "fp16")
KEY = "stylespace"
VERSION = 1
Pixels = NDArray[Any]
Mix = str | Sequence[str] | Mapping[str, float] | Pixels | None
_Session = Callable[..., Pixels]
SIDE = 256  # long side at which paintings are read


class Runtime:
    """An exported network, run by an inference engine on the processor.

    ``source``: a file of ``stylespace export``, or the name of a shipped network; ``classics-int8`` is the 8-bit integer variant.
    ``engine``: ``openvino``, ``onnxruntime``, or ``auto``: the first that is installed, in this order. ``threads``: None takes all cores.
    ``precision``: of OpenVINO's arithmetic; ``bf16`` and ``fp16`` help on processors that have them. ``cache``: a folder for OpenVINO's
    compiled networks, which makes the next start faster.

    ``graph``: ``styles``; ``painter``, which takes a style's row; ``reader``, which makes rows of paintings (:meth:`read`).
    ``styles``: their names. ``pixels``: ``bytes`` or ``float``, in and out. ``checksum``: of its weights.

    Raises ``WeightsError`` for a file that is not one, ``MissingExtraError`` when no engine is installed.
    """

    def __init__(
        self, source: str | Path, engine: str = "auto", *, threads: int | None = None, precision: str = "fp32",
        cache: str | Path | None = None,
    ) -> None:  # fmt: skip
        if engine not in ("auto", *ENGINES):
            raise InputError(f"The engine '{engine}' is unknown: choose among auto, {', '.join(ENGINES)}.")
        if precision not in PRECISIONS:
            raise InputError(f"The precision '{precision}' is unknown: choose among {', '.join(PRECISIONS)}.")
        if precision != "fp32" and engine == "onnxruntime":
            raise InputError("ONNX Runtime computes in fp32 on processors: leave the precision out, or use OpenVINO.")
        path = _found(source)
        threads = threads or _cores()
        for name in ENGINES if engine == "auto" else (engine,):
            try:
                opened = _openvino(path, threads, precision, cache) if name == "openvino" else _onnxruntime(path, threads)
            except ImportError:
                continue
            self._session, about = opened
            self.engine = name
            break
        else:
            wanted = "OpenVINO or ONNX Runtime" if engine == "auto" else {"openvino": "OpenVINO"}.get(engine, "ONNX Runtime")
            raise MissingExtraError(f"Running {path.name} needs {wanted}: pip install 'stylespace[fast]'.")
        try:
            metadata = json.loads(about)
            self.graph: str = metadata.get("graph", "styles")
            self.styles: tuple[str, ...] = tuple(metadata["names"]) if self.graph == "styles" else ()
            self.row = 0 if self.graph == "styles" else int(metadata["row"])
            self.pixels: str = metadata["pixels"]
            self.checksum: str = metadata["checksum"] + ("-int8" if metadata.get("integers") else "")
            version = int(metadata["version"])
            if not all(isinstance(name, str) for name in self.styles) or self.graph not in GRAPHS:
                raise TypeError
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise WeightsError(f"{path} is not a network of Stylespace: give a file that 'stylespace export' wrote.") from error
        if version > VERSION:
            raise WeightsError(f"{path} was written by a newer Stylespace (format {version}): update Stylespace to read it.")

    def __call__(self, photo: Pixels, mix: Mix = None, *, strength: float = 1.0) -> Pixels:
        """``photo`` redrawn, the same shape and kind: a frame keeps its size and takes the style's colours.

        ``photo``: (H, W, 3) or (N, H, W, 3), sRGB, of 8 bits; or, for a network of ``float`` pixels, float32 in [0, 1]. ``mix``: a style's
        name, several, or a mapping from name to weight; None: the first. A painter takes a row (P,) or style codes' files instead.
        ``strength``: from 0, the photo, to 1.
        """
        if self.graph == "reader":
            raise InputError("This graph reads paintings: give the photo to the painter's.")
        if not 0 <= strength <= 1:
            raise InputError(f"The strength is {strength}: give a number from 0 (the photo) to 1.")
        wanted = self._check(photo)
        batch = np.ascontiguousarray(photo if photo.ndim == 4 else photo[None])
        weights = self.weights(mix)
        # One at a time: a picture does not depend on the others, and the engine has all cores for it.
        painted = np.concatenate([self._session(batch[i : i + 1], weights) for i in range(len(batch))])
        if strength < 1:
            mixed = batch + np.float32(strength) * (painted.astype(np.float32) - batch)
            painted = mixed if wanted == np.float32 else (mixed + 0.5).astype(np.uint8)
        return painted if photo.ndim == 4 else painted[0]

    def read(self, painting: Pixels) -> NDArray[np.float32]:
        """The row (P,) of ``painting`` (H, W, 3), pixels as for :meth:`__call__`, for a painter. It is seen :data:`SIDE` pixels long."""
        if self.graph != "reader":
            raise InputError("This graph paints: give the painting to the one that 'stylespace export --graph reader' wrote.")
        self._check(painting)
        if painting.ndim != 3:
            raise InputError("Paintings are read one at a time: give an array (H, W, 3).")
        if max(painting.shape[:2]) != SIDE:
            painting = _seen(painting)
        row: NDArray[np.float32] = self._session(np.ascontiguousarray(painting[None]))
        return row

    def _check(self, photo: Pixels) -> np.dtype[Any]:
        """The kind of pixels that is expected. Raises ``InputError`` for others."""
        wanted = np.dtype(np.uint8 if self.pixels == "bytes" else np.float32)
        if photo.dtype != wanted or photo.ndim not in (3, 4) or photo.shape[-1] != 3 or 0 in photo.shape:
            raise InputError(f"An array (H, W, 3) of {wanted} is expected, not {photo.shape} of {photo.dtype}.")
        return wanted

    def weights(self, mix: Mix = None) -> NDArray[np.float32]:
        """``mix`` as the network takes it: (S,), which sums to 1; for a painter the row (P,)."""
        if self.graph == "painter":
            return self._row(mix)
        if isinstance(mix, np.ndarray):
            raise InputError(
                "This graph has its styles' rows inside: give names, or a row to one of 'stylespace export --graph painter'."
            )
        if mix is None:
            mix = self.styles[0]
        weights: dict[Any, float] = (
            {mix: 1.0} if isinstance(mix, str) else dict(mix) if isinstance(mix, Mapping) else dict.fromkeys(mix, 1.0)
        )
        made = np.zeros(len(self.styles), np.float32)
        for name, weight in weights.items():
            if name not in self.styles:
                raise InputError(f"The network has no style '{name}': choose among {', '.join(self.styles)}.")
            if not 0 <= weight < float("inf"):
                raise InputError(f"The weight of '{name}' is {weight}: give 0 or more.")
            made[self.styles.index(name)] = weight
        if not made.sum() > 0:
            raise InputError("No style has a weight: give one of them more than zero.")
        return made / made.sum()

    def _row(self, mix: Mix) -> NDArray[np.float32]:
        if isinstance(mix, np.ndarray):
            if mix.shape != (self.row,) or not np.isfinite(mix).all():
                raise InputError(f"A row of {self.row} finite numbers is expected, not an array {mix.shape}.")
            return np.ascontiguousarray(mix, np.float32)
        files = [mix] if isinstance(mix, str | os.PathLike) else mix
        weighted: dict[Any, float] = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files or (), 1.0)
        total = sum(weighted.values())
        if not weighted or not all(0 <= weight < float("inf") for weight in weighted.values()) or not total > 0:
            raise InputError(
                "This graph paints in any style: give a row, or style codes' files with weights, one of them above zero."
            )
        rows = [
            np.float32(weight / total) * _code(file, self.row, self.checksum.removesuffix("-int8"))
            for file, weight in weighted.items()
        ]
        return np.sum(rows, 0, dtype=np.float32)


def _code(path: str | os.PathLike[str], size: int, network: str) -> NDArray[np.float32]:
    """The row of a style code's file. Raises ``InputError`` for one of another network, ``WeightsError`` for what is none."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputError(f"There is no style code {path}: give a file that 'stylespace network read' wrote.")
    try:
        with safe_open(path, "np") as file:
            about = json.loads((file.metadata() or {}).get(KEY, "{}"))
            row: NDArray[np.float32] = file.get_tensor("row").astype(np.float32)
            owner = about["network"]
    except (SafetensorError, AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not a style code: give a file that 'stylespace network read' wrote.") from error
    if owner != network or row.shape != (size,):
        raise InputError(
            f"The code {path} was made by another network, or another version of it: make it anew from its painting."
        )
    return row


def _seen(painting: Pixels) -> Pixels:
    """``painting`` at :data:`SIDE` pixels, by Pillow's bicubic filter, which is the one that networks learn with."""
    from PIL import Image

    high, wide = painting.shape[:2]
    scale = SIDE / max(high, wide)
    size = (max(1, int(wide * scale + 0.5)), max(1, int(high * scale + 0.5)))
    if painting.dtype == np.uint8:
        return np.asarray(Image.fromarray(painting).resize(size, Image.Resampling.BICUBIC))
    bands = [Image.fromarray(painting[..., band]).resize(size, Image.Resampling.BICUBIC) for band in range(3)]
    return np.stack([np.asarray(band) for band in bands], -1).clip(0, 1)


def shipped() -> list[str]:
    """Names of exported networks in the package."""
    return sorted(path.stem for path in MODELS.glob("*.onnx"))


def _found(source: str | Path) -> Path:
    path = Path(source)
    if not path.suffix and (MODELS / f"{source}.onnx").is_file():
        return MODELS / f"{source}.onnx"
    if not path.is_file():
        names = ", ".join(shipped()) or "none"
        raise WeightsError(f"There is no exported network '{source}': give a file of 'stylespace export', or one of: {names}.")
    return path


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _openvino(path: Path, threads: int, precision: str, cache: str | Path | None) -> tuple[_Session, str]:
    import openvino

    core = openvino.Core()
    if cache is not None:
        core.set_property({"CACHE_DIR": str(cache)})
    try:
        model = core.read_model(path)
        framework = model.rt_info["framework"] if "framework" in model.rt_info else {}  # noqa: SIM401
        stored = framework[KEY] if KEY in framework else "{}"  # noqa: SIM401 (no mapping: it has no get)
        about = str(stored.value if hasattr(stored, "value") else stored)
        integers = '"integers"' in about
        names = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
        settings = {"INFERENCE_PRECISION_HINT": names[precision], "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    except (RuntimeError, ValueError) as error:  # a record that is not text
        raise _unreadable(path, error) from error
    try:
        request = core.compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        if precision != "fp32":
            raise InputError(f"OpenVINO cannot compute in {precision} on this processor: leave the precision out.") from error
        raise _unreadable(path, error) from error
    any_size, held, before = request, (), ()

    def run(photo: Pixels, *style: Pixels) -> Pixels:
        nonlocal request, held, before
        try:
            # The second picture of a size is likely not the last: compiled for this size alone it is a third faster. Networks of integers
            # are always compiled so: OpenVINO 2026.4 gives wrong pictures for them where the size is open.
            if photo.shape != held:
                request, held = any_size, ()
                if photo.shape == before or integers:
                    fixed = model.clone()
                    fixed.reshape({number: list(array.shape) for number, array in enumerate((photo, *style))})
                    request, held = core.compile_model(fixed, "CPU", settings).create_infer_request(), photo.shape
            before = photo.shape
            request.infer([photo, *style], share_inputs=True)
            made: Pixels = request.get_output_tensor(0).data.copy()
        except RuntimeError as error:
            raise _refused(photo, error) from error
        return made

    return run, about


def _onnxruntime(path: Path, threads: int) -> tuple[_Session, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        about = session.get_modelmeta().custom_metadata_map.get(KEY, "{}")
    except Exception as error:  # its errors share no class
        raise _unreadable(path, error) from error

    def run(photo: Pixels, *style: Pixels) -> Pixels:
        try:
            made: Pixels = session.run(None, dict(zip(names, (photo, *style), strict=True)))[0]
        except Exception as error:  # as above
            raise _refused(photo, error) from error
        return made

    return run, about


def _refused(photo: Pixels, error: Exception) -> InputError:
    high, wide = photo.shape[1:3]
    small = "larger pictures (this body mirrors its borders)" if min(high, wide) < 64 else "a smaller picture, or more memory"
    return InputError(f"The engine could not redraw {wide} x {high} pixels ({_line(error)}): give it {small}.")


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path} cannot be read as a network ({_line(error)}): export it again.")


def _line(error: Exception) -> str:
    return next((line.strip()[:160] for line in str(error).splitlines() if line.strip()), type(error).__name__)
