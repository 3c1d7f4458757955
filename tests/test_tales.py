"""Tales: good English, one derivation a story, its exact probability, and the floor that follows from it."""

import math
import random
import re
from itertools import islice

import pytest

from llm.corpora import tales
from llm.corpora.tales.floor import estimate_floor, ratio
from llm.corpora.tales.grammar import Draw, Grammar, Rule
from llm.corpora.tales.parser import SentenceAcceptor, derivations
from llm.corpora.tales.tables import Mention, Table, with_article
from llm.tokenizers import train_tokenizer

STORIES = list(islice(tales.stories(seed=11), 2000))


def small_grammar():
    """A grammar whose texts can be counted on paper: 2 * (3 * 2 + 1) of them, with unequal probabilities."""
    people = Table.read("name | she\nAda | she\nTom | he")
    things = Table.read("noun\negg\nhat\nring")
    rules = {
        "Story": "3* {Who=people} has {first=things:a}. {Who.she} finds {second=things-first:a}.\n{who=people} sleeps."
    }
    return Grammar(rules, {"people": people, "things": things})


def test_small_grammar_against_enumeration():
    """Every text that can be, no other, each with the probability that one works out by hand."""
    things = ["an egg", "a hat", "a ring"]
    expected = {f"{who} sleeps.": 1 / 4 / 2 for who in ("Ada", "Tom")}
    for who, she in (("Ada", "She"), ("Tom", "He")):
        for a in things:
            for b in things:
                if a != b:
                    expected[f"{who} has {a}. {she} finds {b}."] = 3 / 4 / 2 / 3 / 2
    assert math.fsum(expected.values()) == pytest.approx(1)
    grammar, rng = small_grammar(), random.Random(3)
    written = dict(grammar.write(rng) for _ in range(2000))
    assert {text: math.exp(-nats) for text, nats in written.items()} == pytest.approx(expected)
    assert all(derivations(grammar, text) == [pytest.approx(nats)] for text, nats in written.items())


def test_floor_of_small_grammar_against_exact_entropy():
    """The estimate lies within four of its own standard errors of the entropy summed over all texts."""
    probabilities = [1 / 8] * 2 + [1 / 16] * 12
    entropy = -math.fsum(p * math.log(p) for p in probabilities)
    grammar, rng = small_grammar(), random.Random(5)
    sample = [grammar.write(rng) for _ in range(5000)]
    lengths = [len(text) for text, _ in sample]
    floor = estimate_floor([nats for _, nats in sample], lengths, lengths)
    assert abs(floor.per_story.value - entropy) < 4 * floor.per_story.standard_error < 0.05


def test_choices_are_drawn_with_the_probabilities_stated():
    """What is written agrees with what is claimed: frequencies within five standard errors of exp(-nats)."""
    grammar, rng, n = small_grammar(), random.Random(9), 20_000
    written = [grammar.write(rng) for _ in range(n)]
    counts = {}
    for text, _ in written:
        counts[text] = counts.get(text, 0) + 1
    for text, nats in dict(written).items():
        p = math.exp(-nats)
        assert abs(counts[text] - n * p) < 5 * math.sqrt(n * p * (1 - p))


def test_each_story_has_one_derivation_and_its_probability_is_read_back():
    """The parser knows nothing of the choices made, and finds the same ones; so the floor is the entropy."""
    for story in STORIES:
        assert derivations(tales.GRAMMAR, story.text) == [pytest.approx(-story.log_probability, abs=1e-9)]
    assert tales.parse(STORIES[0].text) == pytest.approx(STORIES[0].log_probability, abs=1e-9)


def test_stories_depend_on_the_seed_alone():
    """The same seed tells the same stories, whatever else draws numbers; another seed tells others."""
    random.seed(0)
    assert list(islice(tales.stories(seed=11), 50)) == STORIES[:50]
    assert not {story.text for story in islice(tales.stories(seed=12), 50)} & {story.text for story in STORIES}


def test_no_story_is_likely_to_come_twice():
    """There are far more stories than can be sampled: the likeliest is rarer than one in a thousand million."""
    assert max(story.log_probability for story in STORIES) < -math.log(1e9)
    assert len({story.text for story in STORIES}) == len(STORIES)


def test_every_story_has_the_promised_length():
    """60 to 180 words, whatever is chosen: the longest and shortest choice at each step, added up."""
    roles = tales.GRAMMAR.roles()

    def spaces(item, pick):
        if isinstance(item, str):
            return item.count(" ")
        if isinstance(item, Rule):
            return pick(sum(spaces(part, pick) for part in a.items) for a in item.alternatives)
        if isinstance(item, Mention | Draw):
            cells = [entry[item.column] for entry in roles[item.role] if item.column in entry]
            return pick(spaces(cell, pick) for cell in cells)
        return sum(spaces(part, pick) for part in item)

    start = tales.GRAMMAR.rules["Story"]
    shortest, longest = spaces(start, min) + 1, spaces(start, max) + 1
    assert shortest >= 60 and longest <= 180


def test_words_are_many_and_plain():
    """At least 1,000 distinct words; ASCII; one space between words; sentences begin with capitals and end."""
    text = " ".join(story.text for story in STORIES)
    assert len(set(re.findall(r"[a-z'-]+", text.lower()))) >= 1000
    assert text.isascii()
    assert "\n" not in text and "  " not in text
    assert not re.search(r" [.,!?]|[.,!?]{2}|\W a [aeiou]|\W an [^aeiou]|\b(\w+) \1\b", text)
    for sentence in tales.sentences(text):
        assert re.match(r'"?[A-Z]', sentence) and re.search(r'[.!?]"?$', sentence), sentence
        assert sentence.count('"') % 2 == 0


def test_article_follows_the_sound():
    """An egg and an umbrella, but a hat and a unicorn."""
    assert [with_article(noun) for noun in ("egg", "umbrella", "hat", "unicorn")] == [
        "an egg",
        "an umbrella",
        "a hat",
        "a unicorn",
    ]


def test_acceptor_knows_every_sentence_of_the_stories():
    """Whatever the generator writes counts as grammatical, one sentence at a time."""
    for story in STORIES[:300]:
        assert tales.accepted_share(story.text) == 1.0


@pytest.mark.parametrize(
    "sentence",
    [
        "His greatest treasure was a red kite, a present from her aunt.",  # two people in one
        "Her greatest treasure was an red kite, a present from her aunt.",
        "She tried, and swallowed half the lake",  # unfinished
        "She tried, and swallowed half the moon.",
        'So far away?" asked Mrs Alder.',
        "Was it under the pier? No.",  # two sentences
        "",
    ],
)
def test_acceptor_refuses_what_the_grammar_never_writes(sentence):
    """Nearly right is wrong: the share of accepted sentences must not flatter a model."""
    assert not tales.accepts(sentence)


@pytest.mark.parametrize("sentence", ["She tried, and swallowed half the lake.", "Was it under the pier?", "No."])
def test_acceptor_accepts_right_sentences(sentence):
    """The corrected forms of the refused ones pass, without any story around them."""
    assert tales.accepts(sentence)


def test_links_within_a_story_are_binding():
    """Another child, another pronoun or another lost thing at the end than at the beginning makes it no tale."""
    for story in STORIES[:100]:
        name = max(re.findall(r"[A-Z][a-z]+", story.text), key=story.text.count)
        start, _, end = story.text.rpartition(name)
        other = "Nora" if name != "Nora" else "Lily"
        assert tales.parse(f"{start}{name}{end}") is not None
        assert tales.parse(f"{start}{other}{end}") is None

        pronoun = re.search(r"\b([Ss]he|[Hh]e)\b", story.text)
        if pronoun:
            exchanged = {"She": "He", "He": "She", "she": "he", "he": "she"}[pronoun[1]]
            assert tales.parse(story.text[: pronoun.start()] + exchanged + story.text[pronoun.end() :]) is None
    lost = [story.text for story in STORIES if "greatest treasure" in story.text]
    for text in lost:
        thing = re.search(r"greatest treasure was an? \w+ ([\w ]+),", text)[1]
        start, _, end = text.rpartition(thing)
        assert tales.parse(f"{start}{'drum' if thing != 'drum' else 'doll'}{end}") is None
    assert len(lost) > 50


def test_unfinished_and_continued_stories_are_no_stories():
    """A probability belongs to a whole story and nothing else."""
    text = STORIES[0].text
    assert tales.parse(text[:-1]) is tales.parse(text + " ") is tales.parse("") is None


def test_accepted_share_counts_whole_sentences():
    """An unfinished last sentence is left out, and one without any has no share."""
    assert tales.accepted_share("No. He flew to the moon. She tried to be") == 0.5
    assert tales.accepted_share('"Yes!" said the moon.\n\nNo.') == 0.5
    with pytest.raises(ValueError, match="no whole sentence"):
        tales.accepted_share("Once there was")


def test_sentences_keep_speech_together():
    """A question within speech does not end the sentence around it; a full stop before speech does."""
    assert tales.sentences('"Why? Oh no!" said Tom. "It is gone." He sat down') == [
        '"Why? Oh no!" said Tom.',
        '"It is gone."',
        "He sat down",
    ]
    assert tales.sentences('He said, "wait\n\nNo. Yes.') == ['He said, "wait', "No.", "Yes."]


def test_floor_of_characters_is_that_of_bytes():
    """The tales are ASCII, so a character tokenizer spells each byte with one token."""
    tokenizer = train_tokenizer("character", tales.text(200_000, seed=1))
    floor = tales.floor(tokenizer, n_stories=300)
    assert floor.per_token == floor.per_byte
    assert floor.perplexity == pytest.approx(math.exp(floor.per_byte.value))
    assert floor.per_story.value == pytest.approx(floor.per_token.value * floor.tokens_per_story)


def test_floor_counts_tokens_as_they_are_in_a_long_text():
    """Stories encoded one by one, each with a separator, have the tokens of the text that they make up."""
    text = tales.text(150_000, seed=1)
    tokenizer = train_tokenizer("bpe", text, vocab_size=512)
    n = text.count(tales.SEPARATOR)
    floor = tales.floor(tokenizer, n_stories=n, seed=1)
    assert round(floor.tokens_per_story * n) == pytest.approx(len(tokenizer.encode(text)), abs=2)
    assert floor.per_token.value * floor.tokens_per_story == pytest.approx(floor.per_byte.value * len(text) / n)


def test_standard_error_is_how_far_estimates_scatter():
    """Over 40 samples the estimates scatter as each one says that it may be off."""
    nats = [-story.log_probability for story in STORIES]
    sizes = [len(story.text) for story in STORIES]
    estimates = [ratio(nats[i : i + 50], sizes[i : i + 50]) for i in range(0, 2000, 50)]
    mean = sum(e.value for e in estimates) / 40
    scatter = math.sqrt(sum((e.value - mean) ** 2 for e in estimates) / 39)
    assert scatter == pytest.approx(sum(e.standard_error for e in estimates) / 40, rel=0.3)


def test_floor_needs_two_stories():
    """One story has no standard error."""
    with pytest.raises(ValueError, match="two stories"):
        tales.floor(train_tokenizer("character", tales.text(100_000, seed=1)), n_stories=1)


def test_corpus_has_the_size_announced():
    """The text ends with the story that reaches the size; a story is a few hundred bytes."""
    corpus = tales.load(size_bytes=50_000)
    assert 50_000 <= len(corpus.text.encode()) < 52_000
    assert corpus.text.endswith(tales.SEPARATOR)
    assert all(tales.parse(story) for story in corpus.text.split(tales.SEPARATOR)[:-1])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("A {nobody.she} came.", "nobody"),
        ("{who=people} saw {what=things}.", "things"),
        ("{who=people} saw <Nothing>.", "Nothing"),
        ("{who=people:she} came.", "tell apart"),
        ("{who=people} {who.height}.", "height"),
        ("{who=people saw.", "can't be read"),
        ("{who=people} saw {what=hats-who}.", "leave out"),
    ],
)
def test_grammar_refuses_lines_that_could_not_be_written(rule, message):
    """A slip in a plot is found when the grammar is made, not in the thousandth story."""
    people = Table.read("name | she\nAda | she\nEve | she")
    with pytest.raises(ValueError, match=message):
        Grammar({"Story": rule}, {"people": people, "hats": Table.read("noun\ncap\nbonnet")})


def test_ambiguous_texts_are_noticed():
    """Two ways to the same words are two derivations: the test of uniqueness above can fail."""
    grammar = Grammar({"Story": "A <tail>\nA cat.", "tail": "cat.\ndog."}, {})
    assert len(derivations(grammar, "A cat.")) == 2
    assert SentenceAcceptor(grammar).accepts("A dog.")
