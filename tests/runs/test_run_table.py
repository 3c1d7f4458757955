"""Runs side by side: what changed between them."""

from trainings import CONFIG, MODEL, TOKENIZER

from llm.runs.run import Run
from llm.runs.table import changed_settings


def make_run(root, model=MODEL, config=CONFIG, tokenizer=TOKENIZER, **more):
    return Run.create(root, model, config, tokenizer, corpus="cats", **more)


def test_only_what_differs_is_listed(tmp_path):
    """Settings of model, training and text in which not all runs agree, with each run's own value."""
    runs = [
        make_run(tmp_path),
        make_run(tmp_path, config=CONFIG.replace(learning_rate=0.1, seed=5)),
        make_run(tmp_path, model=MODEL.replace(n_layer=1), corpus_ref="task:sort"),
    ]
    assert changed_settings(runs) == [
        {"corpus": "cats", "n_layer": 2, "learning_rate": 3e-3, "seed": 1337},
        {"corpus": "cats", "n_layer": 2, "learning_rate": 0.1, "seed": 5},
        {"corpus": "task:sort", "n_layer": 1, "learning_rate": 3e-3, "seed": 1337},
    ]
    assert changed_settings(runs[:1]) == [{}] and changed_settings([]) == []
