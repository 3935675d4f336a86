"""The nodes: V3 schema of ComfyUI. Their ids are in people's workflows and do not change."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import functions

CATEGORY = "Stylespace"
COLOURS = ["style", "luminance", "cholesky", "root", "transport"]
STEADY = ["fast", "best", "off"]
METHODS = ["gatys", "strotss", "nnst", "deformable", "quilting"]
QUALITIES = ["draft", "good", "best"]
MASKS = 4


def _looks() -> list[io.Input]:
    """What all nodes with a network have."""
    return [
        io.Float.Input("strength", default=1.0, min=0.0, max=1.0, step=0.05, tooltip="From 0, the photo, to 1."),
        io.Int.Input(
            "size", default=0, min=0, max=8192, tooltip="Long side at which it is painted; smaller: larger strokes. 0: its own."
        ),
        io.Combo.Input("colour", options=COLOURS, default="style", tooltip="The style's colours, or the photo's."),
        _steady(),
    ]


def _steady() -> io.Input:
    return io.Combo.Input("steady", options=STEADY, default="fast", tooltip="How the frames of a batch are held still.")


class Paint(io.ComfyNode):
    """One pass of a network."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """See ComfyUI's documentation of V3 nodes."""
        names = functions.names()
        return io.Schema(
            node_id="StylespacePaint", display_name="Paint (Stylespace)", category=CATEGORY,
            description="Redraws in a style of the shipped network, a mix of two, or a painting. A batch is one shot of a film.",
            inputs=[
                io.Image.Input("image"),
                io.Combo.Input("style", options=names, default=names[0]),
                io.Combo.Input("second_style", options=names, default=names[0]),
                io.Float.Input("second_share", default=0.0, min=0.0, max=1.0, step=0.05),
                *_looks(),
                io.Image.Input("painting", optional=True, tooltip="A style picture, instead of the styles."),
            ],
            outputs=[io.Image.Output("painted", display_name="IMAGE")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, image, style, second_style, second_share, strength, size, colour, steady, painting=None
    ) -> io.NodeOutput:  # fmt: skip
        """The inputs, by name."""
        mix = functions.weights([(style, 1 - second_share), (second_style, second_share)])
        return io.NodeOutput(functions.paint(image, mix, painting, strength=strength, size=size, colour=colour, steady=steady))


class Mix(io.ComfyNode):
    """Styles by masks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """See ComfyUI's documentation of V3 nodes."""
        names = functions.names()
        pairs = []
        for number in range(1, MASKS + 1):
            pairs.append(io.Combo.Input(f"style_{number}", options=names, default=names[(number - 1) % len(names)]))
            pairs.append(
                io.Mask.Input(f"mask_{number}", optional=True, tooltip="White where the style goes; without one it is left out.")
            )
        return io.Schema(
            node_id="StylespaceMix", display_name="Mix by masks (Stylespace)", category=CATEGORY,
            description="Redraws in up to four styles, each where its mask is white; overlapping masks mix.",
            inputs=[io.Image.Input("image"), *pairs, *_looks()],
            outputs=[io.Image.Output("painted", display_name="IMAGE")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, strength, size, colour, steady, **slots) -> io.NodeOutput:
        """The inputs, by name."""
        styles = {slots[f"style_{n}"]: slots[f"mask_{n}"] for n in range(1, MASKS + 1) if slots.get(f"mask_{n}") is not None} or {
            slots["style_1"]: None
        }
        return io.NodeOutput(functions.mixed(image, styles, strength=strength, size=size, colour=colour, steady=steady))


def _optimised() -> list[io.Input]:
    """What all nodes that optimise have."""
    return [
        io.Combo.Input("quality", options=QUALITIES, default="good"),
        io.Int.Input("size", default=512, min=32, max=8192, tooltip="Long side at which it is optimised."),
        io.Int.Input("seed", default=0, min=0, max=2**31 - 1),
        io.Combo.Input("colour", options=["style", "luminance"], default="style"),
        _steady(),
    ]


class Transfer(io.ComfyNode):
    """A method that optimises."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """See ComfyUI's documentation of V3 nodes."""
        return io.Schema(
            node_id="StylespaceTransfer", display_name="Transfer (Stylespace)", category=CATEGORY,
            description="Redraws in the style of any painting, by optimisation: seconds to minutes a frame.",
            inputs=[
                io.Image.Input("image"),
                io.Image.Input("style", tooltip="A batch: all in equal weights."),
                io.Combo.Input("method", options=METHODS, default="gatys"),
                *_optimised(),
            ],
            outputs=[io.Image.Output("painted", display_name="IMAGE")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, style, method, quality, size, seed, colour, steady) -> io.NodeOutput:
        """The inputs, by name."""
        made, _ = functions.transfer(
            image, style, method=method, quality=quality, size=size, seed=seed, colour=colour, steady=steady
        )
        return io.NodeOutput(made)


class Blend(io.ComfyNode):
    """The blend of references that suits the photo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """See ComfyUI's documentation of V3 nodes."""
        return io.Schema(
            node_id="StylespaceBlend", display_name="Blend (Stylespace)", category=CATEGORY,
            description="Redraws in the style that many references share, weighted to suit the photo.",
            inputs=[io.Image.Input("image"), io.Image.Input("references", tooltip="A batch of style pictures."), *_optimised()],
            outputs=[io.Image.Output("painted", display_name="IMAGE"), io.String.Output("weights", display_name="weights")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image, references, quality, size, seed, colour, steady) -> io.NodeOutput:
        """The inputs, by name."""
        made, found = functions.transfer(
            image, references, method="blend", quality=quality, size=size, seed=seed, colour=colour, steady=steady
        )
        return io.NodeOutput(made, found)


class Stylespace(ComfyExtension):
    """The four."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """See ComfyUI's documentation of V3 nodes."""
        return [Paint, Transfer, Blend, Mix]


async def comfy_entrypoint() -> Stylespace:
    """Called by ComfyUI."""
    return Stylespace()
