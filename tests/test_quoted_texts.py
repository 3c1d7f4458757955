"""The README's commands for the texts on which others report, word for word, over stand-ins of the same format."""

import re
import shlex
import zipfile
from pathlib import Path

import pytest

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.cli.parser import main
from llm.config import ModelConfig
from llm.data import encode_corpus
from llm.evaluate import evaluate
from llm.model import GPT
from llm.tokenizers import GPT2Tokenizer

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = README.split("**The texts of the table below**")[1].split("```bash\n")[1].split("\n```")[0].splitlines()
PAGE = """  <page>
    <title>Owl &amp; pussycat</title>
    <text xml:space="preserve">'''The owl''' and the [[pussycat]] went to sea in a {{beautiful}} pea-green boat – ça va.
&lt;ref&gt;Edward Lear&lt;/ref&gt;

* They took some honey, and 1&amp;nbsp;000 notes.</text>
  </page>
"""
ARTICLE = (
    " \n = The Owl = \n \n The owl and the pussycat went to sea @-@ wards in a boat ; they took 1 @,@ 000 notes . \n"
    " They dined on mince . \n \n = = Honey = = \n \n Plenty of it , in 日本語 too . \n"
)
TEXTS = {
    "enwik8.zip": ("enwik8", '<mediawiki xml:lang="en">\n' + PAGE * 12),
    "wikitext-103-raw-v1.zip": ("wikitext-103-raw/wiki.test.raw", ARTICLE * 20),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where somebody has GPT-2's stand-in: its own vocabulary and context, but hardly a parameter."""
    folder = tmp_path_factory.mktemp("quoted")
    tokenizer = GPT2Tokenizer()
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=1024, n_embd=8, n_head=2, n_layer=1), seed=0)
    save_checkpoint(folder / "gpt2-small", model, tokenizer)
    return folder


@pytest.mark.parametrize(("fetch", "measure"), zip(COMMANDS[::2], COMMANDS[1::2], strict=True), ids=list(TEXTS))
def test_a_quoted_text_is_fetched_and_measured(folder, monkeypatch, capsys, fetch, measure):
    """Its archive unpacks to the file that the next line reads; all of it is scored, as its options say."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GLASSBOX_HOME", str(folder / "home"))
    fetched = re.fullmatch(r"curl -LO https?://\S+/(\S+) && unzip (\S+)", fetch)
    assert fetched and fetched[1] == fetched[2] in TEXTS
    inside, text = TEXTS[fetched[1]]
    with zipfile.ZipFile(fetched[1], "w") as archive:
        archive.writestr(inside, text)
    with zipfile.ZipFile(fetched[2]) as archive:
        archive.extractall()
    python, dash, llm, *arguments = shlex.split(measure)
    assert (python, dash, llm) == ("python", "-m", "llm")
    assert main(arguments) == 0
    shown = capsys.readouterr().out

    checkpoint = load_checkpoint(folder / "gpt2-small")
    tokens = encode_corpus(checkpoint.tokenizer, text)
    assert len(tokens) > 1024 and inside in arguments
    lengths = [len(checkpoint.tokenizer.token_bytes(id)) for id in range(checkpoint.tokenizer.vocab_size)]
    stride = {"stride": int(arguments[arguments.index("--stride") + 1])} if "--stride" in arguments else {}
    expected = evaluate(checkpoint.model, tokens, bytes_per_id=lengths, **stride)
    assert f"{Path(inside).name}, all of it" in shown
    assert f"{expected.loss:.4f} nats a token, over {expected.tokens:,} tokens" in shown
    assert f"perplexity     {expected.perplexity:,.2f}" in shown
    assert f"bits per byte  {expected.bits_per_byte:.4f}" in shown
    assert f"a context of 1024 tokens and a stride of {stride.get('stride', 1024)}" in shown
