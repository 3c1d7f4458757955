"""Vocabularies that people keep: one file, the two of OpenAI, or whatever lies in a model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.files import parsed_json, read_json
from llm.tokenizers.base import END_OF_TEXT, MAX_FILE_BYTES, Tokenizer
from llm.tokenizers.byte_level import PATTERN_NAME
from llm.tokenizers.gpt2 import GPT2Tokenizer
from llm.tokenizers.hugging_face import HuggingFaceTokenizer
from llm.tokenizers.reading import read_tokenizer

FAST, VOCAB, MERGES, META = "tokenizer.json", "vocab.json", "merges.txt", "meta.json"
FOREIGN = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt", "meta.pkl")
"""Files of vocabularies that can't be read here, each of which `read_tokenizer` calls by its kind."""
_TAKES = ("single_word", "lstrip", "rstrip", "normalized")
_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token")


@dataclass(frozen=True)
class Found:
    """A tokenizer, and the names of the files that it was read from."""

    tokenizer: Tokenizer
    files: tuple[str, ...]


def open_tokenizer(path: str | Path) -> Tokenizer:
    """What a file or a folder holds: all that `read_tokenizer` reads, and vocab.json with merges.txt beside it.

    Raises ValueError, naming the trouble, when there is none.
    """
    path = Path(path)
    if path.is_dir():
        found = tokenizer_in(path)
        if found is None:
            raise ValueError(f"{path} holds no tokenizer; name its file.")
        return found.tokenizer
    if not path.is_file():
        raise ValueError(f"There is no file {path}; name a tokenizer's file or a folder that holds one.")
    if path.name in (VOCAB, MERGES) and all((path.parent / name).is_file() for name in (VOCAB, MERGES)):
        return HuggingFaceTokenizer(_slow_file(path.parent))
    return read_tokenizer(_bytes(path), PATTERN_NAME)


def tokenizer_in(folder: Path) -> Found | None:
    """The tokenizer that lies in a folder, GPT-2's own if it is that; None where none does.

    tokenizer.json counts before vocab.json with merges.txt, these before a .tiktoken and nanoGPT's
    meta.json. Raises ValueError when it can't be read, or when the first two disagree.
    """
    fast = read_tokenizer(_bytes(folder / FAST)) if (folder / FAST).is_file() else None
    halves = [name for name in (VOCAB, MERGES) if (folder / name).is_file()]
    if len(halves) == 1 and fast is None:
        lacks = MERGES if halves == [VOCAB] else VOCAB
        raise ValueError(f"{folder} holds {halves[0]} but not {lacks}; put both there, or a {FAST}.")
    slow = HuggingFaceTokenizer(_slow_file(folder)) if len(halves) == 2 else None
    if fast is not None:
        if isinstance(fast, HuggingFaceTokenizer) and slow is not None:
            _check_agreement(fast, slow)
            return Found(_published(fast), (FAST, VOCAB, MERGES))
        return Found(_published(fast), (FAST,))
    if slow is not None:
        return Found(_published(slow), (VOCAB, MERGES))
    others = [*sorted(folder.glob("*.tiktoken")), *(folder / name for name in (META, *FOREIGN))]
    for path in others:
        if path.is_file():
            return Found(read_tokenizer(_bytes(path)), (path.name,))
    return None


def _check_agreement(fast: HuggingFaceTokenizer, slow: HuggingFaceTokenizer) -> None:
    """Both give the same ids: the same names for them, and the same merges in the same order."""
    ours, theirs = _ids(fast.file), _ids(slow.file)
    names = {id: name for name, id in ours.items()}
    for name, id in theirs.items():
        if ours.get(name, id) != id or names.get(id, name) != name:
            raise ValueError(
                f"{FAST} calls {names.get(id, name)[:40]!r} {ours.get(names.get(id, name))} and {VOCAB} calls "
                f"{name[:40]!r} {id}; remove the one that is not this model's."
            )
    if [fast.rank(id) for id in range(fast.vocab_size)] != [slow.rank(id) for id in range(fast.vocab_size)]:
        raise ValueError(f"{FAST} and {MERGES} merge in different orders; remove the one that is not this model's.")


def _ids(file: dict[str, Any]) -> dict[str, int]:
    return {**file["model"]["vocab"], **{token["content"]: token["id"] for token in file["added_tokens"] or ()}}


def _slow_file(folder: Path) -> dict[str, Any]:
    """OpenAI's two files as one tokenizer.json, with the tokens that transformers notes beside them."""
    vocab = parsed_json(_bytes(folder / VOCAB), VOCAB)
    lines = _bytes(folder / MERGES).decode("utf-8", "replace").splitlines()
    merges = [line for line in lines if line.strip() and not line.startswith("#version")]
    notes = _notes(folder / "tokenizer_config.json")
    added = {name: True for name in (END_OF_TEXT, *(_content(notes.get(key)) for key in _NAMED)) if name in vocab}
    ids = {name: vocab[name] for name in added}
    for name, id in _notes(folder / "added_tokens.json").items():
        added[name], ids[name] = True, id
    decoder = notes.get("added_tokens_decoder")
    for id, entry in decoder.items() if isinstance(decoder, dict) else ():
        if isinstance(entry, dict) and str(id).isdigit():
            added[_content(entry)], ids[_content(entry)] = bool(entry.get("special")), int(id)
    return {
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": bool(notes.get("add_prefix_space", False)),
            "trim_offsets": True,
            "use_regex": True,
        },
        "added_tokens": [
            {"id": ids[name], "content": name, "special": special, **dict.fromkeys(_TAKES, False)}
            for name, special in added.items()
        ],
    }


def _notes(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _content(token: Any) -> str:
    """A token's name, which may stand in an object that says more."""
    return str(token.get("content") if isinstance(token, dict) else token)


def _published(tokenizer: Tokenizer) -> Tokenizer:
    """GPT-2's own vocabulary where a file spells just that; any other as it is."""
    size = 50_257
    if not isinstance(tokenizer, HuggingFaceTokenizer) or tokenizer.vocab_size != size or not tokenizer.is_plain:
        return tokenizer
    gpt2 = GPT2Tokenizer()
    same = tokenizer.special_tokens == gpt2.special_tokens and all(
        tokenizer.token_bytes(id) == gpt2.token_bytes(id)
        and (tokenizer.rank(id), tokenizer.pair(id)) == (gpt2.rank(id), gpt2.pair(id))
        for id in range(size)
    )
    return gpt2 if same else tokenizer


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path.name} is over {MAX_FILE_BYTES:,} bytes, too large for a vocabulary.")
    return path.read_bytes()
