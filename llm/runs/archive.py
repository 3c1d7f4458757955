"""A run as one file to take along: a zip that holds the model, the settings and how it went.

RUN/checkpoint/   config.json, model.safetensors, tokenizer.json, README.md: a folder to open in Glassbox
RUN/run.json
RUN/metrics.jsonl
"""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

from llm.checkpoint import CARD
from llm.config import ModelConfig
from llm.files import new_file, read_json

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
"""What a person needs of a checkpoint. The optimiser stays: it is twice as large as the model."""
CARD_TEXT = """# {name}

A GPT-2 of {params:,} parameters, trained on {corpus} with Glassbox.

    python -m llm generate --checkpoint {id}/checkpoint --prompt ""

`run.json` holds its settings, `metrics.jsonl` how the training went, one event a line.
"""


def write_archive(run: Path, path: Path) -> None:
    """Write the zip of the run in folder `run` whole or not at all.

    Nothing else in the folder goes into it. The run may be in training. Raises ValueError when it
    has no checkpoint yet.
    """
    with new_file(path) as fresh:
        for _ in range(3):  # the checkpoint may be replaced meanwhile, and weights must not meet another step's config
            config = read_json(run / "checkpoint" / "config.json")
            with suppress(FileNotFoundError):
                _write(run, fresh)
                if read_json(run / "checkpoint" / "config.json") == config:
                    return
        raise ValueError("The run is saving just now; try again in a moment.")


def _write(run: Path, path: Path) -> None:
    checkpoint = run / "checkpoint"
    own_card = checkpoint / CARD
    texts = {
        f"checkpoint/{CARD}": own_card.read_text(encoding="utf-8") if own_card.is_file() else _card(run),
        "run.json": (run / "run.json").read_text(encoding="utf-8"),
        # Up to the last line that is whole.
        "metrics.jsonl": "".join((run / "metrics.jsonl").read_text(encoding="utf-8").rpartition("\n")[:2]),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in MODEL_FILES:
            # Weights hardly get smaller, and trying takes seconds.
            how = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
            file.write(checkpoint / name, f"{run.name}/checkpoint/{name}", how)
        for name, text in texts.items():
            file.writestr(f"{run.name}/{name}", text)


def _card(run: Path) -> str:
    values = read_json(run / "run.json")
    params = ModelConfig.from_dict(values["model"]).n_params
    return CARD_TEXT.format(name=values["name"], corpus=values["corpus"], id=run.name, params=params)
