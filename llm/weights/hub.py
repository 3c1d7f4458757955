"""A model from the Hugging Face Hub: fetched once, into the cache that transformers uses too.

huggingface_hub knows where things are and who may read them, but a download of its own that is cut
off starts again from nothing. Weights are large, so those that anybody may read are fetched by
Glassbox, which takes up where it stopped, and laid in huggingface_hub's cache under the name it
looks for: the file's SHA-256. What is in the cache is used without asking the network, and
HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE mean what they always mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llm.config import GPT2_SIZES
from llm.corpora.downloads import Download, fetch
from llm.files import read_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Which shard holds which tensor, where the weights are too many for one file."""

OPENAI = "openai-community/"
"""Whose GPT-2s these are on the Hub."""
OWN_VOCABULARY = {f"{before}{name}" for before in (OPENAI, "") for name in GPT2_SIZES}
"""GPT-2 itself, whose vocabulary need not be fetched."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes there will be, of one file after another."""

_REPOSITORY = re.compile(r"[\w-][\w.-]{0,95}(/[\w-][\w.-]{0,95})?")
_SHARD = re.compile(r"[\w-][\w.-]{0,95}\.(safetensors|bin)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class UnreachableError(ValueError):
    """What is wanted isn't in the cache, and the Hub doesn't answer."""


def fetch_model(repository: str, on_progress: Progress | None = None) -> Path:
    """The folder with a repository's config.json and safetensors weights, all of one commit.

    `repository` is an id such as "openai-community/gpt2"; its newest commit is meant, or the one
    that is in the cache. Raises ValueError when it doesn't exist, holds no safetensors, can't be
    reached, or the connection is cut (the next call takes up there).
    """
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"{repository!r:.80} is neither a folder here nor a model's name on the Hub; check it.")
    config = _fetch_file(repository, CONFIG, "main", on_progress)
    if config is None:
        raise ValueError(f"{repository} holds no {CONFIG}, so it is no transformers model; choose another.")
    folder = config.parent  # named after the commit
    if _fetch_file(repository, WEIGHTS, folder.name, on_progress) is None:
        index = _fetch_file(repository, INDEX, folder.name, on_progress)
        if index is None:
            raise ValueError(f"{repository} holds no {WEIGHTS}; choose a model that is saved as safetensors.")
        for name in shard_names(read_json(index)):
            if _fetch_file(repository, name, folder.name, on_progress) is None:
                raise ValueError(f"{repository} lacks {name}, which its index names; choose another model.")
    return folder


def fetch_tokenizer(repository: str, folder: Path, on_progress: Progress | None = None) -> None:
    """Lay the files of its tokenizer beside a model that `fetch_model` fetched. Raises ValueError as that does."""
    for names in (("tokenizer.json",), ("vocab.json", "merges.txt")):
        if all(_fetch_file(repository, name, folder.name, on_progress) for name in names):
            _fetch_file(repository, "tokenizer_config.json", folder.name, on_progress)
            return


def shard_names(index: Mapping[str, Any], suffix: str = ".safetensors") -> list[str]:
    """The files that an index names. Raises ValueError unless they are plain names that end in `suffix`."""
    weight_map = index.get("weight_map")
    names = set(map(str, weight_map.values())) if isinstance(weight_map, dict) else set()
    # A name with a slash could point anywhere.
    if not names or not all(_SHARD.fullmatch(name) and name.endswith(suffix) for name in names):
        raise ValueError(f"The index of the weights doesn't name its {suffix[1:]} files; save the model again.")
    return sorted(names)


def _fetch_file(repository: str, name: str, revision: str, on_progress: Progress | None) -> Path | None:
    """The path of a file in huggingface_hub's cache, fetched if it isn't there; None if the repository has none."""
    import huggingface_hub
    from huggingface_hub import errors

    cached = huggingface_hub.try_to_load_from_cache(repository, name, revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    try:
        _fetch_blob(repository, name, revision, on_progress)
        return Path(huggingface_hub.hf_hub_download(repository, name, revision=revision))
    except errors.RemoteEntryNotFoundError:
        return None
    except errors.RepositoryNotFoundError as error:  # private and gated ones look like this too
        raise ValueError(
            f"The Hub has no model {repository} that you may read; check its name, or log in with: hf auth login"
        ) from error
    # Errors of connections are the one or the other, which is its HTTP library's.
    except (OSError, errors.HTTPError) as error:  # type: ignore[attr-defined]
        raise UnreachableError(
            f"{repository} is not on this computer and the Hub can't be reached ({type(error).__name__}); connect to "
            f"the internet, or give a folder with its {CONFIG} and {WEIGHTS}."
        ) from error


def _fetch_blob(repository: str, name: str, revision: str, on_progress: Progress | None) -> None:
    """Lay a large public file where huggingface_hub will find it and only has to link it into its snapshot.

    Other files (small ones, known by a git hash; those one must log in for) are left to huggingface_hub.
    """
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    url = hf_hub_url(repository, name, revision=revision)
    try:
        found = get_hf_file_metadata(url, token=False)
    except errors.RepositoryNotFoundError:
        return
    if found.etag is None or found.size is None or not _SHA256.fullmatch(found.etag):
        return
    blobs = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repository, repo_type="model"), "blobs")
    download = Download(f"{repository}/{name}", url, found.etag, found.size, file_name=found.etag)
    fetch(download, blobs, on_progress=on_progress)
