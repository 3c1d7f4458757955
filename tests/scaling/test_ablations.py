"""Ablations: each changes what its name says and nothing else; a study resumes, and its sentences are its figures."""

import dataclasses
from pathlib import Path

import pytest
import torch
from test_ablated import by_hand

from llm.model import GPT
from llm.scaling.ablations import ABLATIONS, FULL, AblationPlan, ablation_of, outcomes, title_of
from llm.scaling.plan import Plan
from llm.scaling.sweep import Sweep
from llm.scaling.table import read_table, to_csv
from llm.training.events import StepEvent

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "scaling" / "ablations"
TINY = AblationPlan(
    corpus="task:copy", widths=("32",), steps=8, batch_size=2, n_ctx=32, evaluations=4, seeds=2, n_layer=2,
    ablations=("no-mlp", "rate-tenth"),
)  # fmt: skip
FIELDS = {
    "no-positions": {"without": ("positions",)},
    "no-norms": {"without": ("norms",)},
    "no-residual": {"without": ("residual",)},
    "one-head": {"n_head": 1},
    "no-mlp": {"without": ("mlp",)},
    "relu": {"activation_function": "relu"},
    "untied": {"tie_word_embeddings": False},
    "muon": {"optimizer": "muon"},
    "rate-tenth": {"learning_rate": 3e-3 * 0.1},
    "rate-tenfold": {"learning_rate": 3e-3 * 10},
}


def steps_of(study, most=10**9):
    """Which step of which training is made, until so many have been."""
    made = []
    for progress in study.train():
        if isinstance(progress.event, StepEvent):
            made.append((progress.point.id, progress.event.step))
        if len(made) == most:
            break
    return made


def losses(study):
    return [(row.point, row.tokens, row.loss) for row in study.rows()]


def test_each_changes_one_thing():
    """Fields of ModelConfig or TrainConfig alone: those of the name, against the full model of the same seed."""
    assert set(FIELDS) == set(ABLATIONS)
    by_id = {point.id: point for point in AblationPlan().points(1024)}
    assert len(by_id) == 2 * (1 + len(ABLATIONS))
    for id, point in by_id.items():
        name = ablation_of(id)
        full = by_id[id.replace(name, FULL, 1)]
        both = [dataclasses.asdict(one.model) | dataclasses.asdict(one.train) for one in (full, point)]
        changed = {field: both[1][field] for field in both[0] if both[0][field] != both[1][field]}
        assert changed == FIELDS.get(name, {}), id


def test_every_training_is_called_as_a_person_says_it():
    """From its id alone, each by a title of its own; what is no id of a plan's stays as it is."""
    points = [*AblationPlan().points(1024), *Plan(rates=("0.5", "1")).points(1024)]
    titles = {point.id: title_of(point.id) for point in points}
    assert len(set(titles.values())) == len(titles) and not any("-" in title for title in titles.values())
    assert titles["width-16-seed-1"] == "Width 16, seed 1"
    assert titles["width-16-seed-1-rate-0_5"] == "Width 16, seed 1, learning rate × 0.5"
    assert titles["full-width-64-seed-1"] == "Full model, width 64, seed 1"
    assert titles["no-mlp-width-64-seed-2"] == "No MLP, width 64, seed 2"
    assert title_of("tales") == "tales"


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablated_model_is_the_full_one_but_for_its_name(name):
    """Its logits are those of a forward pass written by hand with that change, from weights that begin alike."""
    points = AblationPlan(widths=("32",), n_layer=3, ablations=(name,), seeds=1).points(61)
    full, changed = (GPT(point.model, seed=1) for point in points)
    own = changed.state_dict()
    alike = [key for key, weight in full.state_dict().items() if key in own and torch.equal(weight, own[key])]
    assert len(alike) == len(set(own) - {"lm_head.weight"})
    lacking = {part: False for part in changed.config.without}
    ids_BT = torch.randint(61, (2, 12), generator=torch.Generator().manual_seed(1))
    by_it = by_hand(own, ids_BT, heads=changed.config.n_head, activation=changed.config.activation_function, **lacking)
    torch.testing.assert_close(changed(ids_BT), by_it, atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that was never cut off, trained to its end."""
    study = Sweep.create(tmp_path_factory.mktemp("whole"), TINY)
    made = steps_of(study)
    assert len(made) == len(set(made)) == 2 * 3 * 8
    return study


@pytest.mark.parametrize("cut", [1, 8, 11, 29])
def test_cut_off_and_taken_up_a_study_ends_the_same(tmp_path, whole, cut):
    """Wherever it was stopped, its losses are those of one that wasn't, and no training is made twice."""
    parted = Sweep.create(tmp_path / "parted", TINY)
    steps_of(parted, cut)
    ended = {point.id for point in parted.points if parted.ended(point)}
    again = Sweep.open(tmp_path / "parted", AblationPlan)
    assert again.plan == TINY and not ended & {point for point, _ in steps_of(again)}
    assert losses(again) == losses(whole) and steps_of(again) == []


def test_outcomes_compare_like_with_like(tmp_path):
    """Each seed with the full model's of that seed; what has not ended is left out; the table comes back."""
    study = Sweep.create(tmp_path, TINY)
    steps_of(study, 2 * 8 + 3)
    assert set(outcomes(study.rows())) == {FULL, "no-mlp"}
    steps_of(study)
    rows = study.rows()
    (tmp_path / "table.csv").write_text(to_csv(rows))
    assert read_table(tmp_path / "table.csv") == rows
    ends = {(ablation_of(row.point), row.seed): row.loss for row in rows if row.last}
    found = outcomes(rows)
    apart = [ends["no-mlp", seed] - ends[FULL, seed] for seed in (1, 2)]
    assert found["no-mlp"].apart == pytest.approx(sum(apart) / 2)
    assert (found["no-mlp"].least, found["no-mlp"].most, found["no-mlp"].seeds) == (min(apart), max(apart), 2)
    assert found[FULL].apart == 0.0


@pytest.mark.parametrize("wrong", [("heads",), (), ("relu", "relu")])
def test_ablations_that_make_no_sense_are_refused(wrong):
    """With the names of those that there are."""
    with pytest.raises(ValueError, match="different ones of no-positions"):
        TINY.replace(ablations=wrong)


CLAIMS = {
    "no-positions": lambda one, all: -0.3 < one.least <= one.most < 0,
    "no-norms": lambda one, all: one.apart > 1,
    "no-residual": lambda one, all: one.apart == max(o.apart for o in all.values()) and abs(one.loss - 5.78) < 0.05,
    "one-head": lambda one, all: one.least < 0 < one.most and abs(one.apart) < 0.05,
    "no-mlp": lambda one, all: one.apart > 1,
    "relu": lambda one, all: -0.3 < one.least <= one.most < 0,
    "untied": lambda one, all: one.apart < -0.2,
    "muon": lambda one, all: one.apart == min(other.apart for other in all.values()) < -0.5,
    "rate-tenth": lambda one, all: one.apart > 1.5,
    "rate-tenfold": lambda one, all: one.apart > 1,
}
"""What each sentence of `Ablation.learnt` says of the figures."""


def test_what_was_learnt_is_what_the_table_says():
    """Each sentence against the shipped table, and so every line of the study's card, worst first."""
    plan, rows = Sweep.open(SHIPPED, AblationPlan).plan, read_table(SHIPPED / "table.csv")
    found = outcomes(rows)
    assert set(found) == {FULL, *ABLATIONS} and all(one.seeds == plan.seeds for one in found.values())
    assert set(CLAIMS) == set(ABLATIONS) and all(one.learnt for one in ABLATIONS.values())
    for name, holds in CLAIMS.items():
        assert holds(found[name], found), (name, found[name])
    params = {ablation_of(row.point): row.params["all"] for row in rows}
    assert params["no-mlp"] == pytest.approx(params[FULL] / 2, rel=0.05)
    assert params["untied"] == pytest.approx(params[FULL] * 1.25, rel=0.02)
    worst_first = sorted(ABLATIONS, key=lambda name: -found[name].apart)
    lines = [
        f"| {ABLATIONS[name].title} | {one.apart:+.2f} | {one.least:+.2f} to {one.most:+.2f} |"
        for name in worst_first
        for one in [found[name]]
    ]
    assert "\n".join(lines) in (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert {row.point for row in rows} == {point.id for point in plan.points(1024)}
