"""Evaluations: exam answers, the passage's losses, and that what isn't asked for isn't done."""

import pytest
import torch
import torch.nn.functional as F
from trainings import CONFIG, MODEL, SPLITS, TOKENIZER, make, timeless
from twins import SHAPES, hugging_face_twin, randomised

from llm.config import SamplingConfig, TrainConfig
from llm.sampler import generate
from llm.training.events import EvalEvent, ExamEvent, LayerEvent, PassageEvent, Question, SampleEvent, SnapshotEvent
from llm.training.examination import answers, check_readable, count_correct

SHAPE = SHAPES[0]
PROMPTS = [(5, 3, 9), (7,), (1, 2, 3), (90, 4), (8, 8, 8), (50,) * 20]
LENGTHS = (4, 2, 1, 5, 3, 12)


def greedy(model, prompt, count):
    return tuple(c.id for c in generate(model, prompt, SamplingConfig(temperature=0.0, max_new_tokens=count)))


def test_answers_are_those_of_greedy_generation():
    """Side by side, with prompts and answers of different lengths, each is what `generate` writes alone."""
    model = randomised(SHAPE)
    questions = [Question(prompt, (0,) * n) for prompt, n in zip(PROMPTS, LENGTHS, strict=True)]
    expected = tuple(greedy(model, prompt, n + 1) for prompt, n in zip(PROMPTS, LENGTHS, strict=True))
    assert answers(model, questions) == expected
    assert answers(model, []) == ()


def test_more_questions_than_fit_a_pass():
    """Seventy of one length take two passes and lose none."""
    model = randomised(SHAPE)
    questions = [Question((n, n + 1), (0, 0)) for n in range(70)]
    assert answers(model, questions) == tuple(greedy(model, question.prompt_ids, 3) for question in questions)


def test_right_wrong_and_nearly_right():
    """A model that is exactly right gets them all; one wrong last id, or an answer cut short, is wrong."""
    model = randomised(SHAPE)
    right = [Question(prompt, greedy(model, prompt, n)) for prompt, n in zip(PROMPTS, LENGTHS, strict=True)]
    wrong = [Question(q.prompt_ids, (*q.answer_ids[:-1], (q.answer_ids[-1] + 1) % SHAPE.vocab_size)) for q in right]
    assert count_correct(right, answers(model, right)) == len(right)
    assert count_correct(wrong, answers(model, wrong)) == 0
    assert count_correct([*right, *wrong], answers(model, [*right, *wrong])) == len(right)
    assert count_correct(right[:1], [right[0].answer_ids[:-1]]) == 0


def test_a_training_reports_exam_and_passage_in_order():
    """Both come between the losses and the sample of each evaluation, and change nothing else."""
    config = CONFIG.replace(layer_stats=True)
    questions = [Question((1, 2), (3,)), Question((4,), (5, 6))]
    trainer = make(config, questions=questions, passage_ids=SPLITS.validation[:40].tolist())
    events, passages = [], []
    for event in trainer:
        events.append(event)
        if isinstance(event, ExamEvent):
            model = trainer.model.eval()
            given = tuple(greedy(model, q.prompt_ids, len(q.answer_ids) + 1) for q in questions)
            assert event == ExamEvent(event.step, count_correct(questions, given), 2, given)
            model.train()
        if isinstance(event, PassageEvent):
            passages.append(event)
    kinds = [type(event) for event in events if event.step == 10][1:]
    assert kinds == [EvalEvent, ExamEvent, PassageEvent, LayerEvent, SampleEvent, SnapshotEvent]
    assert len(passages) == 4 and all(len(event.losses) == 39 for event in passages)
    others = [event for event in events if not isinstance(event, ExamEvent | PassageEvent | LayerEvent)]
    assert timeless(others) == timeless(make())


def test_passage_losses_are_the_cross_entropy_of_torch():
    """Each next token's, from transformers' logits of the same weights."""
    trainer = make(dropout=0.0, passage_ids=SPLITS.validation[:16].tolist())
    event = next(event for event in trainer if isinstance(event, PassageEvent) and event.step == 10)
    ids_1T = SPLITS.validation[None, :16].long()
    logits_1TV = hugging_face_twin(trainer.model)(ids_1T).logits
    expected = F.cross_entropy(logits_1TV[0, :-1], ids_1T[0, 1:], reduction="none")
    assert torch.allclose(torch.tensor(event.losses), expected, atol=1e-4)


def test_what_cannot_be_asked_is_refused_before_training():
    """Too long for the context, empty, or not of the vocabulary: a sentence with a remedy."""
    for questions, passage, sentence in [
        ([Question((1,) * 10, (2,) * 7)], [], "take 17 tokens.*use a context of 17 or more"),
        ([Question((), (2,))], [], "no tokens"),
        ([Question((1,), ())], [], "no tokens"),
        ([Question((1,), (TOKENIZER.vocab_size,))], [], "not one of the model's"),
        ([], [1], "at least two"),
        ([], [1, -1], "not one of the model's"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            make(questions=questions, passage_ids=passage)
    check_readable([Question((1,) * 10, (2,) * 6)], [1, 2], MODEL)  # just fits


def test_settings_of_the_end_are_checked():
    """Negative or fractional stop conditions are refused like any other setting."""
    for wrong in ({"max_seconds": -1.0}, {"target_loss": -0.1}, {"patience": 1.5}, {"layer_stats": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TrainConfig(**wrong)
