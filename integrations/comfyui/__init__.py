"""Stylespace's nodes for ComfyUI, which loads this folder from its ``custom_nodes``."""

from .nodes import comfy_entrypoint as comfy_entrypoint
