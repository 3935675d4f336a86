"""What mkdocs asks while it builds the site: tables of settings, the gallery's page, and Sphinx's roles in docstrings as plain names."""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

GALLERY = Path(__file__).parent / "gallery"
SETTINGS = re.compile(r"<!-- settings: (\w+) -->")
ROLE = re.compile(r":(?:class|func|meth|mod|attr):<code>~?([\w.]+)</code>")


def on_files(files: Any, config: Any) -> Any:
    """The page of the gallery: every script beside its picture."""
    text = ["# Gallery\n\nEvery picture is made by the script below it: `python docs/gallery/mix.py --size 640 -o mix.png`.\n"]
    for script in sorted(GALLERY.glob("*.py")):
        if script.stem == "inputs":
            continue
        code = script.read_text(encoding="utf-8")
        title, _, about = (ast.get_docstring(ast.parse(code)) or script.stem).partition("\n")
        body = code.split('"""', 2)[2].strip()
        text.append(f"## {title}\n\n{about.strip()}\n\n![{title}](gallery/{script.stem}.webp)\n\n```python\n{body}\n```\n")
    files.append(File.generated(config, "gallery.md", content="\n".join(text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """``<!-- settings: gatys -->`` becomes the table of that method's settings."""
    return SETTINGS.sub(lambda found: table(found[1]), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """:class:`~a.b.C` becomes C."""
    return ROLE.sub(lambda found: f"<code>{found[1].rpartition('.')[2]}</code>", html)


def table(method: str) -> str:
    """The settings of a method: name, default, choices or range, help, source."""
    from stylespace.methods.registry import METHODS
    from stylespace.settings import shown

    rows = ["| setting | default | what it is | from |", "| --- | --- | --- | --- |"]
    for each in fields(METHODS[method].settings):
        default = each.default if each.default is not MISSING else each.default_factory()  # type: ignore[misc]
        about = f"{each.metadata.get('help', '')}{_range(each)}".replace("|", "\\|")
        rows.append(f"| `{each.name}` | `{shown(default) or 'empty'}` | {about} | {each.metadata.get('source', '')} |")
    presets = ", ".join(f"`{name}`" for name in METHODS[method].presets)
    return "\n".join(rows) + f"\n\nPresets: {presets}."


def _range(each: Field[Any]) -> str:
    choices = each.metadata.get("choices")
    return f"; one of {', '.join(f'`{choice}`' for choice in choices)}" if choices else ""
