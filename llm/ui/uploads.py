"""Files that visitors bring. Each is bounded before it is read and refused with one clear sentence."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import gradio as gr

from llm.checkpoint import load_checkpoint
from llm.corpora import read_text_file
from llm.ui import inputs
from llm.ui.components import Request
from llm.ui.sessions import Session

MAX_CHECKPOINT_BYTES = 64_000_000
MAX_UPLOADS = 5
"""Texts, and checkpoints, kept for a visitor; the oldest goes first."""
CHECKPOINT_FILES = ("config.json", "tokenizer.json", "model.safetensors")


def keep_text(session: Session, request: Request) -> str:
    """Read an uploaded text and keep it for the visitor's session; returns the name it is known by."""
    path = _uploaded(request.get("path"))
    try:
        corpus = read_text_file(path)
    finally:
        path.unlink(missing_ok=True)
    session.uploads.pop(corpus.name, None)
    session.uploads[corpus.name] = corpus.text
    while len(session.uploads) > MAX_UPLOADS:
        session.uploads.popitem(last=False)
    return corpus.name


def keep_checkpoint(session: Session, request: Request) -> str:
    """Check an uploaded checkpoint's three files and keep them; returns the folder's name."""
    wanted = re.sub(r"[^A-Za-z0-9_-]+", "-", inputs.text(request, "name", limit=200)).strip("-")[:48] or "model"
    given = request.get("paths")
    if not isinstance(given, dict) or set(given) != set(CHECKPOINT_FILES):
        raise ValueError(f"A checkpoint is a folder with {', '.join(CHECKPOINT_FILES)}; choose those three files.")
    paths = {name: _uploaded(given[name]) for name in CHECKPOINT_FILES}
    if sum(path.stat().st_size for path in paths.values()) > MAX_CHECKPOINT_BYTES:
        raise ValueError(f"That checkpoint is larger than {MAX_CHECKPOINT_BYTES:,} bytes; use a smaller model.")
    fresh = session.folder / ".upload"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        for name, path in paths.items():
            shutil.move(path, fresh / name)
        load_checkpoint(fresh)
        target = session.models / wanted
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    kept = sorted(session.models.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in kept[:-MAX_UPLOADS]:
        shutil.rmtree(folder)
    return wanted


def _uploaded(path: object) -> Path:
    """The path of a file that Gradio received. The page names it, so it could be any path: only those count."""
    folder = Path(gr.utils.get_upload_folder()).resolve()
    if not isinstance(path, str) or "\0" in path:
        raise ValueError("The upload did not arrive; choose the file again.")
    resolved = Path(path).resolve()
    if not resolved.is_relative_to(folder) or not resolved.is_file():
        raise ValueError("The upload did not arrive; choose the file again.")
    return resolved
