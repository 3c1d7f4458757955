"""Tasks: right answers, floors against enumeration, held-out questions, and the score."""

import dataclasses
import math
import random
from collections import Counter
from datetime import date
from itertools import islice, product

import pytest

from llm.corpora.tasks import TASKS, Addition, Brackets, Copy, Dates, Example, Modular, Reverse, Sort
from llm.corpora.tasks.addition import carries

DEFAULTS = [task() for task in TASKS.values()]
BY_NAME = pytest.mark.parametrize("task", DEFAULTS, ids=lambda task: task.name)


def strings(low, high, alphabet):
    """All strings with their probabilities: the length is uniform, and so is each character."""
    for length in range(low, high + 1):
        for letters in product(alphabet, repeat=length):
            yield "".join(letters), 1 / (high - low + 1) / len(alphabet) ** length


def is_balanced(text):
    """Whether taking innermost pairs away, again and again, leaves nothing."""
    while "()" in text or "[]" in text:
        text = text.replace("()", "").replace("[]", "")
    return not text


def deepest(text):
    """The most brackets open at once."""
    depths = [0]
    for bracket in text:
        depths.append(depths[-1] + (1 if bracket in "([" else -1))
    return max(depths)


def all_lines(task):
    """Every line that a small instance can write, with its probability, worked out from its definition."""
    match task:
        case Copy() | Reverse() | Sort():
            change = {"copy": lambda s: s, "reverse": lambda s: s[::-1], "sort": lambda s: "".join(sorted(s))}[
                task.name
            ]
            return {
                f"{s}{task.sign}{change(s)}\n": p for s, p in strings(task.min_length, task.max_length, task.alphabet)
            }
        case Addition():
            width = task.digits
            lines = []
            for a, b in product(range(10**width), repeat=2):
                column, carried = 0, 0
                for place in range(width):
                    column = int(a // 10**place % 10 + b // 10**place % 10 + column > 9)
                    carried += column
                if carried >= task.min_carries:
                    total = str(a + b).zfill(width + 1)
                    lines.append(
                        f"{str(a).zfill(width)}+{str(b).zfill(width)}={total[::-1] if task.backwards else total}\n"
                    )
            return dict.fromkeys(lines, 1 / len(lines))
        case Brackets():
            found = ["".join(signs) for signs in product("()[]", repeat=2 * task.pairs)]
            found = [text for text in found if is_balanced(text) and deepest(text) <= task.max_depth]
            ends = [max(text.rfind("("), text.rfind("[")) + 1 for text in found]
            return {f"{t[:end]}={t[end:]}\n": 1 / len(found) for t, end in zip(found, ends, strict=True)}
    raise AssertionError(task)


@pytest.mark.parametrize(
    "task",
    [
        Copy(min_length=1, max_length=3, alphabet="ab"),
        Reverse(min_length=2, max_length=3, alphabet="abc"),
        Sort(min_length=1, max_length=4, alphabet="01"),
        Addition(digits=1),
        Addition(digits=2, backwards=True),
        Addition(digits=2, min_carries=1),
        Addition(digits=2, min_carries=2),
        Brackets(pairs=3, max_depth=3),
        Brackets(pairs=4, max_depth=2),
        Brackets(pairs=1),
    ],
    ids=repr,
)
def test_floor_against_enumeration(task):
    """Entropy and mean length summed over every line that can be; what is drawn is among them, with right answers."""
    lines = all_lines(task)
    assert math.fsum(lines.values()) == pytest.approx(1)
    assert task.nats_per_example == pytest.approx(-math.fsum(p * math.log(p) for p in lines.values()))
    assert task.mean_characters == pytest.approx(math.fsum(p * len(line) for line, p in lines.items()))
    n = 4000
    counts = Counter(example.text for example in islice(task.examples(seed=2), n))
    assert counts.keys() <= lines.keys()
    for line, p in lines.items():  # within six standard errors, and one for the rarest
        assert abs(counts[line] - n * p) < 6 * math.sqrt(n * p) + 1


@pytest.mark.parametrize(
    "task", [Modular(modulus=7), Modular(modulus=5, operation="/"), Dates(2000, 2000), Dates(1900, 1901, 0.3)], ids=repr
)
def test_pool_is_every_question_once_in_two_parts(task):
    """The floor is ln of the questions that training shows, and no held-out question is among them."""
    train = {example.text for example in islice(task.examples(seed=1), 20 * len(task.pool.train))}
    held_out = {example.text for example in islice(task.examples(seed=1, held_out=True), 20 * len(task.pool.held_out))}
    everything = {example.text for example in task.all_examples()}
    assert not train & held_out
    assert train | held_out == everything
    assert len(train) == round(len(everything) * task.train_share)
    assert task.nats_per_example == pytest.approx(math.log(len(train)))
    assert task.mean_characters == pytest.approx(sum(map(len, train)) / len(train))


@pytest.mark.parametrize("operation", ["+", "-", "*", "/"])
def test_modular_answers_solve_their_equations(operation):
    """Checked by the defining equation: a - b = c means c + b = a, and a / b = c means c * b = a, modulo p."""
    for example in Modular(modulus=13, operation=operation).all_examples():
        a, b = map(int, example.prompt[:-1].split(operation))
        c = int(example.answer)
        left, right = {"+": (a + b, c), "-": (c + b, a), "*": (a * b, c), "/": (c * b, a)}[operation]
        assert 0 <= c < 13 and (left - right) % 13 == 0
    n_questions = {"+": 169, "-": 169, "*": 169, "/": 156}[operation]
    assert len(Modular(modulus=13, operation=operation).all_examples()) == n_questions


def test_dates_know_leap_years_and_weekdays():
    """Days that are on record, and the century years: 2000 had a 29 February, 1900 did not."""
    answers = {example.prompt: example.answer for example in Dates(1969, 2027).all_examples()}
    assert answers["1969-07-20="] == "Sunday"
    assert answers["2000-01-01="] == "Saturday"
    assert answers["2024-02-29="] == date(2024, 2, 29).strftime("%A") == "Thursday"
    assert len(Dates(2000, 2000).all_examples()) == 366
    assert len(Dates(1900, 1900).all_examples()) == 365


def test_carries_are_counted_from_the_digits():
    """999 + 1 carries three times, 123 + 456 never, 95 + 15 twice."""
    assert [carries(999, 1), carries(123, 456), carries(95, 15), carries(0, 0)] == [3, 0, 2, 0]


@BY_NAME
def test_examples_depend_on_the_seed_alone(task):
    """The same seed asks the same questions; another seed others."""
    first = list(islice(task.examples(seed=4), 30))
    random.seed(0)
    assert list(islice(task.examples(seed=4), 30)) == first
    assert list(islice(task.examples(seed=5), 30)) != first


@BY_NAME
def test_text_is_whole_lines(task):
    """A corpus ends with the line that reaches its size, and each line is a prompt with its answer."""
    text = task.text(5_000, seed=1)
    assert text.isascii() and text.endswith("\n")
    assert 5_000 <= len(text) < 5_000 + 3 * task.mean_characters
    answers = {example.text for example in islice(task.examples(seed=1), text.count("\n"))}
    assert set(text.splitlines(keepends=True)) == answers
    assert 0 < task.nats_per_character < math.log(128)


@BY_NAME
def test_score_of_one_who_knows_and_of_one_who_does_not(task):
    """All right, all wrong, right but for what follows the line, and half right, each counted as such."""
    held_out = task.holds_out
    answers = {e.prompt: e.answer for e in islice(task.examples(seed=1, held_out=held_out), 60)}
    assert task.exact_match(answers.__getitem__, 60).share == 1.0
    assert task.exact_match(lambda prompt: f"{answers[prompt]}\nand so on", 60).share == 1.0
    assert task.exact_match(lambda prompt: f"{answers[prompt]}0", 60).correct == 0
    assert task.exact_match(lambda prompt: "", 60).correct <= 60 * (task.name == "brackets")
    turns = iter(range(60))
    half = task.exact_match(lambda prompt: answers[prompt] if next(turns) % 2 else "?", 60)
    assert (half.correct, half.total, half.share) == (30, 60, 0.5)
    assert half.standard_error == pytest.approx(math.sqrt(0.25 / 60))


def test_held_out_questions_are_asked_unless_told_otherwise():
    """Learning by heart must not look like understanding: memory alone scores nothing on held-out questions."""
    task = Modular(modulus=11)
    memory = {example.prompt: example.answer for example in task.pool.train}
    assert task.exact_match(lambda prompt: memory.get(prompt, "?"), 100).correct == 0
    assert task.exact_match(lambda prompt: memory.get(prompt, "?"), 100, held_out=False).share == 1.0


def test_only_tasks_with_held_out_questions_ask_them():
    """Copying has no questions put aside; saying so at once beats scoring something else."""
    with pytest.raises(ValueError, match="no questions out"):
        Copy().examples(seed=1, held_out=True)


def test_example_is_one_line():
    """Prompt, answer and the line end that tells where the answer stops."""
    assert Example("2+2=", "4").text == "2+2=4\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Copy(min_length=5, max_length=4), "exchange"),
        (lambda: Copy(min_length=0, max_length="9"), "min_length.*max_length"),
        (lambda: Copy(alphabet="aba"), "twice"),
        (lambda: Sort(alphabet="a|b"), "plain letters"),
        (lambda: Reverse(alphabet=""), "plain letters"),
        (lambda: Addition(digits=0), "digits"),
        (lambda: Addition(digits=2, min_carries=3), "min_carries"),
        (lambda: Addition(backwards=1), "backwards"),
        (lambda: Brackets(pairs=True), "pairs"),
        (lambda: Brackets(max_depth=0), "max_depth"),
        (lambda: Modular(modulus=91), "prime"),
        (lambda: Modular(operation="%"), "operation"),
        (lambda: Modular(train_share=1), "train_share"),
        (lambda: Dates(first_year=2001, last_year=2000), "exchange"),
        (lambda: Dates(first_year=1500), "first_year"),
        (lambda: Copy().exact_match(str, n_examples=0), "at least one"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    """Each wrong value is named, several at once, before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        make()


@BY_NAME
def test_settings_are_frozen(task):
    """A floor that was shown stays true: settings can't change afterwards, only be replaced."""
    field = dataclasses.fields(task)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(task, field, 1)
    assert dataclasses.replace(task) == task
