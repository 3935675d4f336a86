"""A device without float64, as Apple's are: tensors that say they are on ``mps`` and compute on the processor.

Within :class:`Apple` whatever is made with ``device="mps"``, or moved there, is such a tensor. What a real one refuses raises here too:
float64 and numpy arrays (``TypeError``), tensors of two devices in one operation (``RuntimeError``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MPS, CPU = torch.device("mps", 0), torch.device("cpu")
BETWEEN = (
    "copy_",
    "index",
    "index_put",
    "index_put_",
    "_index_put_impl_",
)  # may have an index, or what is copied, on the processor


class OnApple(Tensor):
    """A tensor on the device; ``inner`` holds its numbers."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnApple:
        if inner.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")
        made: Any = Tensor._make_wrapper_subclass(
            cls, inner.size(), inner.stride(), inner.storage_offset(), dtype=inner.dtype, layout=inner.layout, device=CPU
        )
        made.inner = inner
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return MPS

    def __repr__(self, **_: Any) -> str:
        return f"OnApple({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and kwargs.get("device") == CPU:
            return func(args[0].inner, **kwargs)
        name = func.overloadpacket.__name__
        others = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and not isinstance(x, OnApple)]
        # Autograd puts zeros where a gradient is missing, and takes this device for the processor.
        if name not in BETWEEN and any(x.ndim > 0 and x.any() for x in others):
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two, mps:0 and cpu, in {func}."
            )
        found = func(*tree_map(inside, args), **tree_map(inside, kwargs))
        if name.endswith("_") and isinstance(args[0], OnApple):
            return args[0]
        return tree_map(lambda x: OnApple(x) if isinstance(x, Tensor) else x, found)


class _Made(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return OnApple(func(*args, **(kwargs or {})))


class Apple(TorchFunctionMode):
    """While it lasts, ``mps`` is there."""

    def __enter__(self) -> Apple:
        self.before = torch.__future__.get_overwrite_module_params_on_conversion()
        # A parameter cannot become another kind of tensor in place.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.__future__.set_overwrite_module_params_on_conversion(self.before)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        own = bool(args) and isinstance(args[0], OnApple)
        if func is Tensor.to:
            return _moved(args[0], args[1:], kwargs)
        if func is Tensor.cpu:
            return back(args[0])
        if func is Tensor.tolist:
            return func(inside(args[0]))
        if func is Tensor.numpy and own:
            raise TypeError(
                "can't convert mps:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if name.startswith("new_") and own:
            kwargs.setdefault("device", MPS)
            args = (args[0].inner, *tree_map(inside, args[1:]))
        if _is_apple(kwargs.get("device")) and name != "_parse_to":
            return there(func(*args, **{**kwargs, "device": CPU}))
        return func(*args, **kwargs)


def there(x: Tensor) -> Tensor:
    """``x`` on the device; its gradient comes back."""
    if isinstance(x, OnApple):
        return x
    x = _hooked(x, inside)
    with _Made():
        return torch.ops.aten._to_copy.default(x)


def back(x: Tensor) -> Tensor:
    """``x`` on the processor; its gradient goes there."""
    if not isinstance(x, OnApple):
        return x
    x = _hooked(x, lambda gradient: gradient if isinstance(gradient, OnApple) else OnApple(gradient))
    return torch.ops.aten._to_copy.default(x, device=CPU)


def inside(x: Any) -> Any:
    """The numbers of a tensor on the device; anything else as it is."""
    return x.inner if isinstance(x, OnApple) else x


def _moved(x: Tensor, args: Any, kwargs: Any) -> Tensor:
    device, kind = kwargs.pop("device", None), kwargs.pop("dtype", None)
    for given in args:
        if isinstance(given, Tensor):
            device, kind = given.device, given.dtype
        elif isinstance(given, torch.dtype):
            kind = given
        elif isinstance(given, torch.device | str):
            device = given
    x = x if device is None or _is_apple(device) else back(x)
    if kind is not None or kwargs:
        x = Tensor.to(x, dtype=kind or x.dtype, **kwargs)
    return there(x) if _is_apple(device) else x


def _hooked(x: Tensor, hook: Callable[[Tensor], Tensor]) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        x = x.view_as(x)
        x.register_hook(hook)
    return x


def _is_apple(x: Any) -> bool:
    return (isinstance(x, torch.device) and x.type == "mps") or (isinstance(x, str) and x.startswith("mps"))
