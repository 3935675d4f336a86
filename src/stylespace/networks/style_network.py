"""A trained network with its styles: file, mixing, one call from photo to picture."""

from __future__ import annotations

import base64
import copy
import difflib
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stylespace.errors import InputError, WeightsError
from stylespace.networks.arbitrary import Reader
from stylespace.networks.body import Body
from stylespace.networks.builds import BUILDS
from stylespace.networks.code import StyleCode
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.finishing import PALETTE, check, finished
from stylespace.networks.hub import fetch, is_repository, upload
from stylespace.networks.shipped import ARBITRARY, CLASSICS, is_shipped
from stylespace.networks.shipped import MODELS as MODELS
from stylespace.pictures.affine import apply_affine
from stylespace.pictures.colour import colour_map, match_colours
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.reading import MAX_PIXELS, read
from stylespace.pictures.resizing import fit, resize
from stylespace.storage.plain import reason
from stylespace.storage.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 3  # 1: without a reader; 3: with statistics in the rows
LARGEST = 1024  # channels of a layer, or layers
SIZE = 1024  # long side above which strokes look small
_HEADER: dict[str, type] = {"version": int, "build": str, "settings": dict, "names": list, "about": dict, "provenance": dict}
Mix = str | Sequence[Any] | Mapping[Any, Any] | Any | None


@dataclass
class StyleNetwork:
    """A body and the rows of its styles.

    ``rows`` (S, P): one per style. ``names``: theirs. ``about``: facts about each style (title, artist, year, licence, losses, thumbnail
    as base64 JPEG). ``provenance``: how it was trained (seconds, machine, settings, curve). ``reader``: what reads any painting as a style;
    None: the network paints in its own styles only.
    """

    body: Body
    build: str
    rows: Tensor
    names: list[str]
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    reader: Reader | None = None

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles."""
        return tuple(self.names)

    def __call__(
        self,
        photo: Any,
        mix: Mix = None,
        *,
        strength: float = 1.0,
        size: int | None = None,
        colour: str = "style",
        max_pixels: int = MAX_PIXELS,
    ) -> Image:
        """Redraw ``photo`` (anything ``pictures.read`` takes) as a PIL picture, with the photo's transparency.

        ``mix``: a style's name; a painting (anything ``pictures.read`` takes; a name goes before a file of that name); a
        :class:`~stylespace.networks.code.StyleCode` or its file; several of them; or a mapping from names, paths and codes to weight, or to
        a map of weights over the photo (a picture, or an array (H, W)). Weights are made to sum to 1, at each pixel where there are maps
        (equal ones where all are 0). None: the first style. A network of several stages takes a style for each, ``large/brush``: large
        shapes of one, brushwork of the other.
        ``strength``: from 0, the photo, to 1. ``size``: long side of the result; 0: the photo's; None: the photo's, at most
        1024, above which strokes look small. ``colour``: ``style``; ``palette``: with the mean and spread of the style pictures' own
        colours, as their thumbnails show them; or the photo's by ``luminance``, or by an affine match: ``cholesky``,
        ``root``, ``transport``. Raises ``InputError`` and ``PictureError``.
        """
        check(colour, strength, PALETTE)
        picture = read(photo, max_pixels=max_pixels)
        pixels = resize(picture.pixels, working_size(picture.size, size)).to(self.device)
        network, mix = self.taking(mix, max_pixels)
        made = network.pixels(pixels, mix)
        if colour == PALETTE:
            made, colour = network.in_palette(made, mix), "style"
        done = picture.with_pixels(finished(made, pixels, colour, strength).cpu())
        return to_pil(done.pixels, done.alpha)

    def in_palette(self, made: Tensor, mix: Mix) -> Tensor:
        """``made`` (1, 3, H, W) with the mean and covariance of the colours of the styles' thumbnails, by their weights: everywhere, or
        each style's where it goes.

        Networks paint duller than paintings are. Raises ``InputError`` for styles without a thumbnail.
        """
        weights = self._weights(mix)
        varies = not all(isinstance(weight, Real) for weight in weights.values())
        coloured, shares = torch.zeros_like(made), self._shares(weights, made)
        for number, name in enumerate(weights):
            seen, share = self.thumbnail(name), shares[:, number : number + 1]
            if not seen:
                raise InputError(f"The palette of '{name}' is not known: choose other colours.")
            theirs = read(seen).pixels.to(made)
            if not varies:
                coloured += share * match_colours(made, theirs)
            elif float(share.max()) > 0:
                coloured += share * apply_affine(made, colour_map(made, theirs, share)[None, :, :, None, None]).clamp(0, 1)
        return coloured

    @property
    def device(self) -> torch.device:
        """The device it computes on."""
        return self.rows.device

    @torch.no_grad()
    def pixels(self, picture: Tensor, mix: Mix = None, stage: int | None = None) -> Tensor:
        """``picture`` (N, 3, H, W; sRGB in [0, 1]) redrawn, the same shape. ``mix`` as in :meth:`__call__`; maps want one picture.

        ``stage``: in a network with several stages, the one to stop after; its picture may be smaller.
        """
        weights = self._weights(mix)
        varies = not all(isinstance(weight, Real) for weight in weights.values())
        # Only the named rows take part, so adding or removing others changes nothing.
        rows = torch.stack([self._row(name) for name in weights])
        if varies:
            if picture.shape[0] != 1:
                raise InputError("Weights that vary over the picture need one picture at a time.")
            conditioning = Conditioning.of(rows, self.body.channels, self._shares(weights, picture))
        else:
            conditioning = Conditioning.of(self.row(mix), self.body.channels)
        if stage is None:
            return self.body(picture.to(rows.dtype), conditioning).to(picture.dtype)
        stages = len(self.body.stage_weights)
        if not 1 <= stage <= stages:
            raise InputError(f"The network has no stage {stage}: give one from 1 to {stages}.")
        return self.body.stage(picture.to(rows.dtype), conditioning, stage).to(picture.dtype)

    def _row(self, name: str) -> Tensor:
        """A style's row; for ``large/brush`` the first network's part is from the one style, the later networks' from the other."""
        parts = [self.rows[self.names.index(part)] for part in self._parts(name)]
        return parts[0] if len(parts) == 1 else self.body.joined(parts)

    def _parts(self, name: str) -> list[str]:
        return [name] if name in self.names or len(self.body.stage_weights) == 1 else name.split("/")

    def row(self, mix: Mix) -> Tensor:
        """The one row (P,) of a style or of a mix without maps; else ``InputError``."""
        weights = self._weights(mix)
        if not all(isinstance(weight, Real) for weight in weights.values()):
            raise InputError(
                "Weights that vary over the picture need it in one piece: leave --tiles out, or give a smaller --size."
            )
        rows = torch.stack([self._row(name) for name in weights])
        shares = torch.tensor([float(weight) for weight in weights.values()], dtype=rows.dtype, device=rows.device)
        return rows[0] if len(rows) == 1 else torch.einsum("k,kp->p", shares / shares.sum(), rows)

    def code(self, painting: Any, name: str | None = None, max_pixels: int = MAX_PIXELS) -> StyleCode:
        """What the network takes from ``painting`` (anything ``pictures.read`` takes), to be kept. Raises ``InputError``."""
        if self.reader is None:
            raise InputError(
                "This network paints in its own styles only: redraw with the painting by 'stylespace transfer', or first teach it the"
                " painting with 'stylespace add-style'."
            )
        picture = read(painting, max_pixels=max_pixels)
        row = self.reader.read(picture.pixels)
        title = Path(painting).stem if isinstance(painting, str | Path) else "painting"
        return StyleCode(name or title, row.cpu(), self.checksum(), {"title": title, "thumbnail": thumbnail(picture.pixels)})

    @classmethod
    def painting(cls, mix: Mix) -> tuple[str, StyleNetwork]:
        """The shipped network that paints ``mix``, and its name: ``classics``, or ``arbitrary`` where a style is a painting or a code."""
        network = cls.load(CLASSICS)
        others = [each for each in ([] if mix is None else _each(mix)) if not isinstance(each, str) or each not in network.names]
        if not is_shipped() or all(isinstance(each, StyleCode) and each.network == network.checksum() for each in others):
            return CLASSICS, network
        return ARBITRARY, cls.load(ARBITRARY)

    def taking(self, mix: Mix, max_pixels: int = MAX_PIXELS) -> tuple[StyleNetwork, dict[str, Any]]:
        """The network with the paintings and codes of ``mix`` as styles beside its own, and the mix by name."""
        if mix is None:
            mix = self.names[0]
        pairs = list(mix.items()) if isinstance(mix, Mapping) else [(each, 1.0) for each in _each(mix)]
        network, named = self, {}
        for number, (style, weight) in enumerate(pairs, 1):
            name = str(style) if isinstance(style, str | Path) else getattr(style, "name", None) or f"painting {number}"
            known = isinstance(style, str) and all(part in self.names for part in self._parts(style))
            if not known and (not isinstance(style, str) or self._is_file(style)):
                code = self._coded(style, max_pixels)
                network = network.with_style(name, code.row, code.about)
            named[name] = weight
        return network, named

    def of(self, mix: Mix, max_pixels: int = MAX_PIXELS) -> StyleNetwork:
        """The network with the styles of ``mix`` alone: names, paintings, codes; weights do not count."""
        network, named = self.taking(mix, max_pixels)
        network.check(named)
        kept = [network.names.index(name) for name in named]
        about = {name: network.about[name] for name in named if name in network.about}
        return replace(network, rows=network.rows[kept], names=list(named), about=about)

    @staticmethod
    def _is_file(name: str) -> bool:
        return Path(name).suffix != "" or Path(name).is_file()

    def _coded(self, style: Any, max_pixels: int) -> StyleCode:
        if isinstance(style, str | Path) and Path(style).suffix == ".safetensors":
            style = StyleCode.load(style)
        if not isinstance(style, StyleCode):
            return self.code(style, max_pixels=max_pixels)
        style.check(self.checksum())
        return style

    def _weights(self, mix: Mix) -> dict[str, Any]:
        if mix is None:
            mix = self.names[0]
        weights: dict[str, Any] = (
            {mix: 1.0} if isinstance(mix, str) else dict(mix) if isinstance(mix, Mapping) else dict.fromkeys(mix, 1.0)
        )
        for whole, weight in weights.items():
            for name in self._parts(whole):
                if name in self.names:
                    continue
                near = difflib.get_close_matches(name, self.names, 1)
                painting = "" if self.reader is None else ", or give a painting's file"
                hint = f"did you mean '{near[0]}'?" if near else f"choose among {', '.join(self.names)}{painting}."
                raise InputError(f"The network has no style '{name}': {hint}")
            if isinstance(weight, Real) and not 0 <= float(weight) < math.inf:
                raise InputError(f"The weight of '{whole}' is {weight}: give a number, 0 or more.")
        kept = {name: weight for name, weight in weights.items() if not (isinstance(weight, Real) and weight == 0)}
        if not kept:
            raise InputError("No style has a weight: give one of them more than zero.")
        return kept

    def _shares(self, weights: Mapping[str, Any], picture: Tensor) -> Tensor:
        """How much of each style goes where on ``picture`` (1, 3, H, W): (1, K, H, W), or (1, K, 1, 1) where nothing varies; they sum
        to 1."""
        varies = not all(isinstance(weight, Real) for weight in weights.values())
        size = (picture.shape[2], picture.shape[3]) if varies else (1, 1)
        drawn = torch.cat([self._map(weight, size) for weight in weights.values()], 1).to(picture)
        total = drawn.sum(1, keepdim=True)
        return torch.where(total > 0, drawn / total.clamp_min(1e-12), 1 / len(weights))

    @staticmethod
    def _map(weight: Any, size: tuple[int, int]) -> Tensor:
        if isinstance(weight, Real):
            return torch.full((1, 1, *size), float(weight))
        drawn = read(weight).pixels.mean(1, keepdim=True)
        return resize(drawn, size).clamp(0, 1)

    def remove(self, name: str) -> StyleNetwork:
        """The network without a style; the others' pictures do not change by a bit."""
        self._weights(name)
        if len(self.names) == 1:
            raise InputError(f"'{name}' is the network's only style: it cannot be removed.")
        kept = [i for i, other in enumerate(self.names) if other != name]
        return replace(
            self,
            rows=self.rows[kept],
            names=[self.names[i] for i in kept],
            about={k: v for k, v in self.about.items() if k != name},
        )

    def rename(self, name: str, to: str) -> StyleNetwork:
        """The network with a style renamed."""
        self._weights(name)
        if to in self.names or not to.strip():
            raise InputError(f"A style cannot be called '{to}': choose a name that is not taken.")
        about = {to if k == name else k: v for k, v in self.about.items()}
        return replace(self, names=[to if n == name else n for n in self.names], about=about)

    def with_style(self, name: str, row: Tensor, about: Mapping[str, Any] | None = None) -> StyleNetwork:
        """The network with one more style of this ``row`` (P,)."""
        if name in self.names:
            raise InputError(f"The network has a style '{name}' already: choose another name, or remove it first.")
        rows = torch.cat([self.rows, row[None].to(self.rows)])
        return replace(self, rows=rows, names=[*self.names, name], about={**self.about, name: dict(about or {})})

    def merge(self, other: StyleNetwork) -> StyleNetwork:
        """This network with the other's styles added. Raises ``InputError`` when the bodies differ or a name is in both."""
        if self.checksum() != other.checksum():
            raise InputError("The networks have different bodies: only styles added to the same body can be merged.")
        if both := sorted(set(self.names) & set(other.names)):
            raise InputError(f"Both networks have a style '{both[0]}': rename one of them first.")
        return replace(
            self,
            rows=torch.cat([self.rows, other.rows.to(self.rows)]),
            names=self.names + other.names,
            about={**self.about, **other.about},
        )

    def check(self, mix: Mix) -> None:
        """Raise ``InputError`` when ``mix`` names a style that is not there, or gives none a weight."""
        self._weights(mix)

    def checksum(self, names: Sequence[str] = ()) -> str:
        """SHA-256 of the body's build, settings and weights as they are saved, and of the rows of ``names``."""
        kind = [self.build, self.body.settings(), *(["affine"] if self.body.is_affine else [])]
        found = hashlib.sha256(json.dumps(kind, sort_keys=True).encode())
        for name, tensor in sorted(self.body.state_dict().items()):
            found.update(name.encode() + tensor.detach().cpu().half().contiguous().numpy().tobytes())
        for name in names:
            found.update(name.encode() + self._row(name).detach().cpu().half().numpy().tobytes())
        return found.hexdigest()

    def to(self, device: str | torch.device) -> StyleNetwork:
        """The network on another device; this one stays where it is."""
        if torch.device(device) == self.device:
            return self
        reader = None if self.reader is None else copy.deepcopy(self.reader).to(device)
        return replace(self, body=copy.deepcopy(self.body).to(device), rows=self.rows.to(device), reader=reader)

    def thumbnail(self, name: str) -> bytes:
        """The JPEG of a style's picture, empty where there is none."""
        return base64.b64decode(self.about.get(name, {}).get("thumbnail", ""))

    def save(self, path: str | Path) -> Path:
        """Write one safetensors file: weights in half precision, everything else as JSON in its header. Atomic."""
        affine = self.body.is_affine
        # A gain and an offset that hold statistics cancel each other out in part: they are kept exactly.
        tensors = {f"body.{k}": v.half() for k, v in self.body.state_dict().items()}
        tensors["rows"] = self.rows.float() if affine else self.rows.half()
        more: dict[str, Any] = {"affine": True} if affine else {}
        if self.reader is not None:
            tensors |= {f"reader.{k}": v.half() for k, v in self.reader.state_dict().items()}
            more["reader"] = self.reader.settings()
        version = VERSION if affine else 2 if more else 1
        about = {
            "kind": "stylespace-network", "version": version, **more, "build": self.build,
            "settings": self.body.settings(), "names": self.names, "about": self.about, "provenance": self.provenance,
        }  # fmt: skip
        return write_tensors(path, tensors, about)

    def push(self, repository: str, *, private: bool = False, token: str | None = None) -> str:
        """Publish on the Hugging Face Hub as ``owner/name`` (extra ``hub``), with a card that lists the styles; the address of the change.

        ``token``: of an account that may write there; by default the one that ``hf auth login`` keeps. Raises ``InputError``.
        """
        return upload(self, repository, private=private, token=token)

    @classmethod
    def load(cls, source: str | Path, device: str | torch.device = "cpu") -> StyleNetwork:
        """A shipped network by name (``classics``), a file that :meth:`save` wrote, or ``owner/name`` on the Hugging Face Hub.

        Raises ``WeightsError`` that says what is wrong with it.
        """
        path = Path(source)
        if not path.suffix and (MODELS / f"{source}.safetensors").is_file():
            path = MODELS / f"{source}.safetensors"
        if not path.exists() and is_repository(source):
            path = fetch(str(source))
        if not path.is_file():
            shipped = ", ".join(_shipped()) or "none"
            raise WeightsError(f"There is no network '{source}': give a file, or one that is shipped ({shipped}).")
        try:
            about, tensors = read_tensors(path)
        except ValueError as error:
            raise WeightsError(f"{path} cannot be read as a network ({error}): get the file again.") from error
        if about.get("kind") != "stylespace-network":
            raise WeightsError(f"{path} is not a network of Stylespace: give a file that 'stylespace train' wrote.")
        if isinstance(about.get("version"), int) and about["version"] > VERSION:
            raise WeightsError(
                f"{path} was written by a newer Stylespace (format {about['version']}): update Stylespace to read it."
            )
        wrong = [key for key, kind in _HEADER.items() if not isinstance(about.get(key), kind)]
        wrong = wrong or ["names"] * (not all(isinstance(name, str) for name in about["names"]))
        wrong = wrong or ["about"] * (not all(isinstance(each, dict) for each in about["about"].values()))
        if wrong:
            raise WeightsError(f"{path} has no valid {wrong[0]}: get the file again.")
        if about["build"] not in BUILDS:
            raise WeightsError(
                f"{path} has a body '{about['build']}' that this version does not know: update Stylespace to read it."
            )
        try:
            body = _body(about["build"], about["settings"])
            rows = tensors.pop("rows").float()
            parts: dict[str, dict[str, Tensor]] = {"body": {}, "reader": {}}
            for key, tensor in tensors.items():
                part, _, name = key.partition(".")
                parts[part][name] = tensor.float()
            body.load_state_dict(parts["body"], assign=True)
            body = body.affine() if about.get("affine") is True else body
            reader = None
            if "reader" in about or parts["reader"]:
                reader = _reader(body.row_size, about["reader"])
                reader.load_state_dict(parts["reader"], assign=True)
                reader.eval().requires_grad_(False)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise WeightsError(
                f"{path} does not hold the weights that its header describes ({reason(error)}): get the file again."
            ) from error
        if rows.shape != (len(about["names"]), body.row_size):
            raise WeightsError(
                f"{path} names {len(about['names'])} styles but holds rows of shape {tuple(rows.shape)}: get it again."
            )
        every = (rows, *body.state_dict().values(), *(reader.state_dict().values() if reader else ()))
        if not all(bool(torch.isfinite(tensor).all()) for tensor in every):
            raise WeightsError(f"{path} holds weights that are not finite numbers: get the file again, or train it again.")
        body = body.eval().requires_grad_(False)
        network = cls(body, about["build"], rows, list(about["names"]), about["about"], about["provenance"], reader)
        return network.to(device)


def _each(mix: Mix) -> list[Any]:
    """The styles of a mix."""
    return list(mix) if isinstance(mix, Mapping) or (isinstance(mix, Sequence) and not isinstance(mix, str)) else [mix]


def _body(build: str, settings: Mapping[str, Any]) -> Body:
    """A body on the meta device: the sizes that a file states are only trusted once its weights fit them."""
    _check_sizes(settings)
    with torch.device("meta"):
        return BUILDS[build](**settings)


def _reader(row_size: int, settings: Mapping[str, Any]) -> Reader:
    """As :func:`_body`."""
    _check_sizes(settings)
    with torch.device("meta"):
        return Reader(row_size, **settings)


def _check_sizes(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if name != "seed" and any(
            isinstance(n, int | float) and n > LARGEST for n in (value if isinstance(value, list) else [value])
        ):
            raise ValueError(f"{name} cannot be {value}")


def thumbnail(pixels: Tensor) -> str:
    """A small JPEG of a picture (1, 3, H, W), in base64."""
    small = to_pil(pixels)
    small.thumbnail((96, 96))
    out = io.BytesIO()
    small.convert("RGB").save(out, "JPEG", quality=80)
    return base64.b64encode(out.getvalue()).decode()


def working_size(own: Sequence[int], size: int | None = None) -> tuple[int, int]:
    """Height and width at which a picture of ``own`` (h, w) is painted; ``size`` as for :class:`StyleNetwork`."""
    return fit(own, min(SIZE, max(own)) if size is None else size or max(own))


def _shipped() -> list[str]:
    """Names of networks in the package."""
    found = []
    for path in sorted(MODELS.glob("*.safetensors")):
        with suppress(ValueError):
            if read_tensors(path, tensors=False)[0].get("kind") == "stylespace-network":
                found.append(path.stem)
    return found
