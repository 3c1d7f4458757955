"""Links that people keep: addresses as earlier versions wrote them open what they opened then."""

import pytest

from llm.ui.subject import FIRST
from tests.ui.desk import READY

WRITTEN = (
    "n=5&k=40&t=0.8&order=tkpmyr&seed=7&prompt=Once&model=shipped%3Atales"
    "&w=ASzJUY*ad8007*se7+t0.8+k40+otkpmyr*dFiERECLYG0*cK6*dAs"
)
"""Six tokens that the first version with links drew and one that a person chose, of the model `tales`."""
DIALS = "glassbox.modules['generate/sampling_settings.js'].samplingSettings()"
HEAD = "glassbox.modules['attention/focus.js'].focus.head()?.join('.')"
CELL = "JSON.stringify(glassbox.modules['attention/focus.js'].focus.cell())"
LETTERS = {"r": "repetition_penalty", "t": "temperature", "k": "top_k", "p": "top_p", "m": "min_p", "y": "typical_p"}


def order(letters):
    """The order that such an address asks for, as a condition in the page."""
    names = ",".join(LETTERS[letter] for letter in letters)
    return f"{DIALS}.order.filter((name) => '{names}'.split(',').includes(name)).join() === '{names}'"


def dials(**values):
    """These settings act."""
    return " && ".join(f"{DIALS}.values.{name} === {value}" for name, value in values.items())


def field(name, value):
    """The Train form says so."""
    return f"document.querySelector('.gb-train [data-name={name}]')?.value === '{value}'"


LINKS = {
    "tab=attention&view=circuit&head=1.2&cell=7.3": ("attention", "inside_a_head", f"{HEAD} === '1.2'"),
    "head=1.2&cell=7.3": ("attention", "heads", f"""{CELL} === '{{"row":7,"column":3}}'"""),
    "tab=attention&head=0.1&cell=4": ("attention", "heads", f"""{CELL} === '{{"row":4,"column":null}}'"""),
    "tab=attention&view=compare&a=1.0&b=1.3&cell=6.2": ("attention", "compare", "location.hash.includes('b=1.3')"),
    "tab=attention&view=depth&at=1.3&lens=rank": (
        "attention", "logit_lens",
        "document.querySelector('#gb-logit_lens button[value=rank]')?.ariaPressed === 'true'",
    ),
    "tab=attention&view=ablation&cut=1.0_1.2&fill=mean": (
        "attention", "switch_off", "document.querySelector('#gb-switch_off').textContent.includes('2')",
    ),
    "tab=attention&view=growing&t=0.5&seed=7": (
        "attention", "while_generating", "document.querySelector('#gb-while_generating [data-id=temperature]').value "
        "=== '0.5' && document.querySelector('#gb-while_generating [data-id=seed]').value === '7'",
    ),
    "tab=attention&view=space&space=positions": ("attention", "positions_and_embeddings", "true"),
    "tab=generate&view=writing&n=8&k=40&seed=7": (
        "generate", "write", dials(max_new_tokens=8, top_k=40, seed=7),
    ),
    "tab=generate&t=0.8&order=kpmyrt": ("generate", "write", f"{dials(temperature=0.8)} && {order('kpmyrt')}"),
    "tab=generate&r=1.3&p=0.9&off=p&order=ytmpkr": (
        "generate", "write", f"{dials(repetition_penalty=1.3, top_p=1)} && {DIALS}.chosen('top_p') === 0.9 && "
        + order("ytmpkr"),
    ),
    "tab=generate&m=0.05&y=0.9&order=tr&stop=%5B%22%5Cn%22%5D": (  # an order that lacks samplers
        "generate", "write", f"{dials(min_p=0.05, typical_p=0.9)} && {order('trkpmy')} && {DIALS}.stops[0] === '\\n'",
    ),
    "tab=generate&order=rzt.kpmyq&t=0.5": ("generate", "write", dials(temperature=0.5)),  # one that was never written
    f"tab=generate&{WRITTEN}": (
        "generate", "write", "document.querySelectorAll('#gb-write .gb-written-token').length === 7 && "
        "document.querySelectorAll('#gb-write .gb-forced').length === 1",
    ),
    "tab=generate&view=branches&reach=10&seed=4": (
        "generate", "branches", f"{dials(seed=4)} && document.querySelector('#gb-branches [data-id=reach]').value "
        "=== '10'",
    ),
    "tab=generate&view=duel&t=0.7&b.t=1.2&b.order=tkpmyr": (
        "generate", "side_by_side", f"{dials(temperature=0.7)} && glassbox.modules['generate/sampling_settings.js']"
        ".samplingSettings('b.').values.temperature === 1.2",
    ),
    "tab=generate&view=batch&samples=5": (
        "generate", "many_at_once", "document.querySelector('#gb-many_at_once [data-id=count]').value === '5'",
    ),
    "tab=generate&view=surprisal&text=A+cat": (
        "generate", "surprise", "document.querySelector('#gb-surprise [data-id=paste]').value === 'A cat'",
    ),
    "tab=tokenizer&view=languages&toks=model,gpt2&measure=tokens": (
        "tokenizer", "compare_tokenizers", "location.hash.includes('toks=')",
    ),
    "tab=tokenizer&view=merging&tok=bpe": (
        "tokenizer", "step_through", "document.querySelector('#gb-step_through select[aria-label=Tokenizer]').value "
        "=== 'bpe'",
    ),
    "tab=tokenizer&view=lexicon": ("tokenizer", "vocabulary", "true"),
    "tab=train&view=watching&preset=seconds&set=n_layer:2,learning_rate:0.003,optimizer:muon": (
        "train", "run", f"{field('n_layer', 2)} && {field('optimizer', 'muon')} && "
        "document.querySelector('.gb-train [data-name=learning_rate]').dataset.exact === '0.003'",
    ),
    "tab=train&preset=sorting&set=n_layer%3A3%2Clearning_rate%3A0.01": (
        "train", "run", f"{field('n_layer', 3)} && {field('corpus', 'task:sort')}",
    ),
    "tab=train&preset=grokking": ("train", "run", f"{field('corpus', 'task:modular')} && {field('vocab_size', 360)}"),
    "tab=train&set=corpus:task%253Asort,layer_stats:true,gone:3": (  # a setting that is gone
        "train", "run", "document.querySelector('.gb-train [data-name=layer_stats]')?.checked",
    ),
    "tab=train&view=ledger": ("train", "runs", "true"),
    "model=shipped:sorter&prompt=31%3E": (
        "attention", "heads", "glassbox.subject.model === 'shipped:sorter' && glassbox.subject.prompt === '31>'",
    ),
}  # fmt: skip
"""Address -> the tab and the view that it opens, and what else is true there."""


@pytest.mark.slow
@pytest.mark.parametrize("address", LINKS)
def test_an_old_link_opens_what_it_opened(browser, app_url, address):
    """The tab, the view under its new name, and the state that the address holds, without a word of complaint."""
    tab, view, also = LINKS[address]
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app_url}/#{address}")
    page.wait_for_function(READY)
    if "model=" not in address:
        assert page.evaluate("glassbox.subject.model") == f"shipped:{FIRST}"
    page.locator(f"[role=tab][data-tab={tab}][aria-selected=true]").wait_for()
    page.locator(f"#gb-{view}").wait_for()
    page.wait_for_function(
        "(name) => document.querySelector(`[data-view=${name}]`).getAttribute('aria-pressed') === 'true'", arg=view
    )
    page.wait_for_function(f"() => {also}")
    page.wait_for_timeout(100)
    notices = page.locator(".gb-notice:visible").all_inner_texts()
    context.close()
    assert not errors and not notices
