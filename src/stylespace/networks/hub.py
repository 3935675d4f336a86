"""Networks on the Hugging Face Hub: each repository has one file, ``network.safetensors``, and a card. Needs the extra ``hub``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import InputError, MissingExtraError, WeightsError

if TYPE_CHECKING:
    from stylespace.networks.style_network import StyleNetwork

FILE = "network.safetensors"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_repository(source: object) -> bool:
    """Whether ``source`` names a repository, ``owner/name``, rather than a file in an existing folder."""
    if not isinstance(source, str) or not _REPOSITORY.fullmatch(source) or source.endswith(".safetensors"):
        return False
    return not Path(source).parent.is_dir()


def fetch(repository: str, *, revision: str | None = None, token: str | None = None) -> Path:
    """The network's file in the Hub's cache on this machine; downloaded when it is not there or has changed.

    Offline the cached one is used. Raises ``WeightsError`` when there is none.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise MissingExtraError(
            f"There is no file '{repository}'; to get a network from the Hugging Face Hub: pip install 'stylespace[hub]'."
        ) from error
    with _reworded(
        WeightsError,
        f"There is no file '{repository}', and no network of this name could be downloaded from the Hugging Face Hub",
    ):
        return Path(hf_hub_download(repository, FILE, revision=revision, token=token))


def upload(network: StyleNetwork, repository: str, *, private: bool = False, token: str | None = None) -> str:
    """Upload the network, creating the repository if necessary; returns the address of the commit. Raises ``InputError``."""
    if not _REPOSITORY.fullmatch(repository):
        raise InputError(f"'{repository}' cannot be the name of a repository: give 'owner/name'.")
    try:
        from huggingface_hub import ModelCard, ModelHubMixin
    except ImportError as error:
        raise MissingExtraError("Publishing needs the Hugging Face Hub's client: pip install 'stylespace[hub]'.") from error

    class PublishedNetwork(ModelHubMixin, library_name="stylespace"):
        def _save_pretrained(self, save_directory: Path) -> None:
            network.save(save_directory / FILE)

        def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
            return ModelCard(card(network, repository))

    with _reworded(InputError, f"The network could not be uploaded to the Hugging Face Hub as '{repository}'"):
        return str(
            PublishedNetwork().push_to_hub(repository, private=private, token=token, commit_message="Network of Stylespace")
        )


def card(network: StyleNetwork, repository: str) -> str:
    """The repository's front page, in Markdown: how to use the network, its styles with what is known of them, how it was trained."""
    parameters = sum(p.numel() for p in network.body.parameters()) + network.rows.numel()
    text = f"A network that redraws photos in {len(network.names)} styles and their mixes"
    lines = [
        "---", "library_name: stylespace", "tags:", "- style-transfer", "---", "", f"# {repository.rpartition('/')[2]}", "",
        f"{text} ({parameters:,} parameters, body `{network.build}`).", "",
        "```python", "import stylespace as ss", "", f'net = ss.StyleNetwork.load("{repository}")',
        f"net(\"photo.jpg\", {network.names[0]!r}).save(\"redrawn.png\")", "```", "",
        "| style | title | artist | licence | source |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name in network.names:
        about = network.about.get(name, {})
        cells = [name, *(about.get(key, "") for key in ("title", "artist", "licence", "source"))]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    trained = {key: network.provenance[key] for key in ("steps", "photos", "seconds", "machine") if key in network.provenance}
    if trained:
        lines += ["", "Trained with " + ", ".join(f"{key}: {value}" for key, value in trained.items()) + "."]
    return "\n".join(lines) + "\n"


@contextmanager
def _reworded(kind: type[Exception], what: str) -> Iterator[None]:
    """Turns errors of the Hub's client into one sentence."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        yield
    except RepositoryNotFoundError as error:
        raise kind(f"{what}: it is not there, or is not open to you. Check the name, or log in with 'hf auth login'.") from error
    except LocalEntryNotFoundError as error:
        raise kind(f"{what}: it cannot be reached, and this machine keeps no copy. Check the name and the connection.") from error
    except EntryNotFoundError as error:
        raise kind(f"{what}: the repository holds no {FILE}. Check the name.") from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise kind(f"{what}: {_first(error)} Check the connection, or log in with 'hf auth login'.") from error
    except Exception as error:
        # The client's transport has errors of its own, which differ between its releases.
        if type(error).__module__.split(".")[0] not in {"httpx", "httpx2", "httpcore", "requests"}:
            raise
        raise kind(f"{what}: {_first(error)} Check the connection.") from error


def _first(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith(".") else line + "."
