"""The Scaling tab, as a person uses it: the shipped sweep, what counts as a parameter, a sweep of one's own."""

import csv
import io
import re

import pytest
from playwright.sync_api import expect

DOTS = "#gb-loss_and_size .gb-scaling-dot"
DOTS_OF_BUDGETS = "[data-id=parabolas] .gb-scaling-dot"


def open_view(page, view="loss_and_size"):
    page.evaluate("(view) => glassbox.openView('scaling', view)", view)
    page.wait_for_selector(f"#gb-{view} .gb-panel >> visible=true")


def choose(page, group, value):
    page.click(f"#gb-loss_and_size [data-choice={group}] [data-value='{value}']")


def exponent(page, count):
    """The exponent that the table shows, once it is there."""
    cell = page.locator(f"#gb-loss_and_size [data-exponent='{count}']")
    expect(cell).to_have_text(re.compile(r"^\d"))
    return float(cell.text_content())


def test_the_shipped_sweep_its_law_and_its_prediction(page):
    """Dots, floor, law and prediction are there at once; counting the blocks alone moves the exponent, not a loss."""
    open_view(page)
    page.wait_for_selector(".gb-scaling-law")
    assert page.locator(DOTS).count() > 100
    expect(page.locator(".gb-scaling-floor")).to_have_count(1)
    said = page.locator("#gb-loss_and_size [data-id=predicted]")
    expect(said).to_contain_text(re.compile(r"Width \d+, from all others: .* Measured: .* nats"))
    assert exponent(page, "blocks") < exponent(page, "all") - 0.1
    before = said.text_content()
    heights = page.eval_on_selector_all(DOTS, "(all) => all.map((one) => one.getAttribute('cy'))")
    choose(page, "count", "blocks")
    expect(said).not_to_have_text(before)
    assert page.eval_on_selector_all(DOTS, "(all) => all.map((one) => one.getAttribute('cy'))") == heights
    choose(page, "e", "free")
    expect(page.locator("#gb-loss_and_size .gb-caption-now")).to_contain_text("Loss = ")
    choose(page, "across", "flops")
    expect(page.locator(".gb-scaling-frontier")).to_have_count(1)
    assert page.locator(".gb-scaling-law").count() >= 4  # one a size
    assert "count=blocks" in page.url and "e=free" in page.url and "across=flops" in page.url
    page.reload()
    page.wait_for_selector(".gb-scaling-frontier")
    pressed = page.locator("#gb-loss_and_size [data-choice=count] [data-value=blocks]")
    expect(pressed).to_have_attribute("aria-pressed", "true")


def test_dots_say_their_numbers_to_pointer_and_keys(page):
    """Hovering shows the loss in full, a click holds it, arrows walk, and the points leave as CSV."""
    open_view(page)
    page.wait_for_selector(".gb-scaling-law")
    exponent(page, "blocks")  # the last law is there, so the picture stays
    dot = page.locator(DOTS).nth(7).bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    caption = page.locator("#gb-loss_and_size .gb-caption-now")
    expect(page.locator(".gb-tip")).to_contain_text("nats")
    expect(caption).to_contain_text(re.compile(r"Width 16, seed \d: .* FLOPs: \d\.\d{4} nats"))
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#gb-loss_and_size [data-id=chosen-about]")).to_contain_text("nats")
    page.mouse.move(5, 400)
    held = caption.text_content()
    page.keyboard.press("ArrowRight")
    expect(caption).not_to_have_text(held)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    expect(caption).to_contain_text("Width 32")
    with page.expect_download() as told:
        page.click("#gb-loss_and_size [data-id=csv]")
    rows = list(csv.DictReader(io.StringIO(told.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == page.locator(DOTS).count() and float(rows[0]["loss"]) > 1


def test_a_point_opens_by_itself_and_beside_another(page):
    """The largest says how to get its model; a small one, which ships, opens in Compare with a larger one as B."""
    open_view(page)
    exponent(page, "blocks")
    view = page.locator("#gb-loss_and_size")
    view.locator("[data-id=box]").focus()
    page.keyboard.press("ArrowLeft")
    expect(view.locator("[data-id=chosen-name]")).to_have_text("Width 192, seed 3")
    expect(view.locator("[data-id=start]")).to_contain_text("Train this one here")
    expect(view.locator("[data-id=open]")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(view.locator("[data-id=open]")).to_have_text("Look at its heads at the end")
    view.locator("[data-id=beside]").click()
    page.wait_for_function("glassbox.subject.model === 'shipped:width-16-seed-1'")
    other = page.locator("#gb-compare [data-side=b]")
    expect(other.locator("select").nth(2)).to_have_value("shipped:width-96-seed-1")
    expect(other.locator(".gb-compared-what")).to_contain_text("Width 96, seed 1")
    page.reload()
    expect(other.locator(".gb-compared-what")).to_contain_text("Width 96, seed 1")


@pytest.mark.slow
def test_a_point_is_trained_again_and_opens_at_its_moment(page):
    """Started from its dot, followed, held against the table, then looked at where the dot is."""
    open_view(page)
    exponent(page, "blocks")
    view = page.locator("#gb-loss_and_size")
    view.locator("[data-id=box]").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(view.locator("[data-id=chosen-name]")).to_have_text("Width 16, seed 2")
    view.locator("[data-id=start]").click()
    expect(view.locator("[data-id=training]")).to_contain_text("Width 16, seed 2: step", timeout=60_000)
    expect(view.locator("[data-id=chosen-about]")).to_contain_text("Trained here: 3.9614", timeout=120_000)
    expect(view.locator("[data-id=stop]")).to_be_hidden(timeout=120_000)
    view.locator("[data-id=open]").click()
    page.wait_for_function("glassbox.subject.model === 'point:width-16-seed-2' && glassbox.subject.step === 250")
    page.wait_for_selector("#gb-heads [data-picture] >> visible=true")


def test_budgets_have_a_best_size_that_grows(page):
    """Parabolas with their lowest points, the frontier and the law's; arrows walk the budgets; the link keeps them."""
    open_view(page, "compute_and_size")
    view = page.locator("#gb-compute_and_size")
    expect(view.locator(".gb-budget-frontier")).to_have_count(1)
    expect(view.locator(".gb-budget-law")).to_have_count(1)
    assert view.locator(".gb-budget-curve").count() >= 4
    measured = view.locator("[data-frontier=measured]")
    before = measured.text_content()
    assert re.match(r"C\^0\.\d\d", before)
    view.locator("[data-choice=count] [data-value=blocks]").click()
    expect(measured).not_to_have_text(before)
    view.locator(".gb-budgets").focus()
    page.keyboard.press("ArrowRight")
    caption = view.locator(".gb-caption-now")
    expect(caption).to_contain_text(re.compile(r"FLOPs: best are .* parameters and .* tokens"))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert "count=blocks" in page.url and "budget=1" in page.url
    page.reload()
    expect(view.locator("[data-id=budgets] [aria-pressed=true]")).to_have_count(1)
    expect(view.locator("[data-choice=count] [data-value=blocks]")).to_have_attribute("aria-pressed", "true")
    dot = view.locator(DOTS_OF_BUDGETS).nth(1).bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    expect(page.locator(".gb-tip")).to_contain_text("nats")
    with page.expect_download() as told:
        view.locator("[data-id=csv]").click()
    rows = list(csv.DictReader(io.StringIO(told.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == view.locator(DOTS_OF_BUDGETS).count() and float(rows[0]["loss"]) > 1


def test_what_counts_in_one_view_counts_in_the_other(page):
    """The same choice in two views is one choice."""
    open_view(page)
    choose(page, "count", "blocks")
    open_view(page, "compute_and_size")
    pressed = page.locator("#gb-compute_and_size [data-choice=count] [data-value=blocks]")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    page.locator("#gb-compute_and_size [data-choice=count] [data-value=all]").click()
    open_view(page)
    expect(page.locator("#gb-loss_and_size [data-choice=count] [data-value=all]")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_four_sizes_stand_beside_the_model_that_is_looked_at(page):
    """Exact counts, the paper's own and its scores; arrows walk the rows, and each says what it means."""
    open_view(page, "four_sizes")
    view = page.locator("#gb-four_sizes")
    expect(view.locator("[data-id=names]")).to_contain_text("tales")
    expect(view.locator("[data-id=rows]")).to_contain_text("124\u202f439\u202f808")
    page.keyboard.press("ArrowUp")
    expect(view.locator("[data-id=what]")).to_have_text("weights")
    view.locator("[data-value=reach]").click()
    expect(view.locator("[data-id=rows] tr")).to_have_count(10)
    expect(view.locator("[data-id=command]")).to_contain_text("--lambada")
    view.locator("[data-id=rows] tr", has_text="CBT, names").click()
    expect(view.locator("[data-id=command]")).to_contain_text("Nothing here")
    assert "sizes=reach" in page.url


def test_the_model_is_measured_on_a_text_beside_the_papers_scores(page):
    """Progress, Stop, and a row of what was reached so far, below the paper's."""
    open_view(page, "four_sizes")
    view = page.locator("#gb-four_sizes")
    view.locator("[data-value=reach]").click()
    expect(view.locator("[data-id=measured-model]")).to_have_text("tales")
    view.locator("[data-id=text]").select_option("tales")
    view.locator("[data-id=measure]").click()
    row = view.locator("[data-measured]")
    expect(row).to_contain_text(re.compile(r"tales on .*perplexity.* a token, .* a word; .* bits per byte"))
    expect(view.locator("[data-id=measured]")).to_contain_text(re.compile(r"Window \d+ of 128"))
    view.locator("[data-id=stop]").click()
    expect(view.locator("[data-id=measured]")).to_contain_text("the first")
    expect(view.locator("[data-id=measure]")).to_be_visible()
    assert 1 < float(re.search(r"perplexity\D*([\d.]+) a token", row.text_content())[1]) < 2


def test_the_learning_rates_that_were_tried_are_shown_beside_the_rule(page):
    """In the plan: a curve and a mark of the rule for each width."""
    open_view(page, "plan_a_sweep")
    expect(page.locator(".gb-rates-rule")).to_have_count(3)
    expect(page.locator("[data-id=rates-about]")).to_contain_text("the rule gives")


@pytest.mark.slow
def test_a_sweep_is_planned_trained_and_looked_into(page):
    """Bad plans are refused beside the form; a small one trains, its losses are drawn, and a run opens in Attention."""
    open_view(page)
    choose(page, "sweep", "mine")
    expect(page.locator("#gb-loss_and_size .gb-notice")).to_contain_text("plan one")
    open_view(page, "plan_a_sweep")
    view = page.locator("#gb-plan_a_sweep")
    view.locator("[data-name=corpus]").select_option("task:copy")
    widths, forecast = view.locator("[data-name=widths]"), view.locator("[data-id=forecast]")
    widths.fill("16 17")
    expect(forecast).to_contain_text("multiples of 16")
    expect(view.locator("[data-id=start]")).to_be_disabled()
    widths.fill("16 32 48 64")
    view.locator("[data-name=steps]").fill("24")
    view.locator("summary").click()
    for name, value in (("batch_size", "2"), ("n_ctx", "32"), ("seeds", "1")):
        view.locator(f"[data-name={name}]").fill(value)
    expect(forecast).to_contain_text("in all")
    expect(view.locator("tbody tr")).to_have_count(4)
    view.locator("[data-id=start]").click()
    expect(view.locator("[data-id=status]")).to_contain_text("4 of 4 trained", timeout=60_000)
    view.locator("[data-id=show]").click()
    expect(page.locator("#gb-loss_and_size .gb-scaling-legend")).to_contain_text("Your sweep of task:copy")
    expect(page.locator(".gb-scaling-law")).to_have_count(1, timeout=60_000)
    expect(page.locator(DOTS)).to_have_count(4 * 8)
    page.locator("#gb-loss_and_size [data-id=box]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#gb-loss_and_size [data-id=chosen-name]")).to_have_text("Width 64, seed 1")
    page.click("#gb-loss_and_size [data-id=open]")
    page.wait_for_function("glassbox.subject.model === 'sweep:width-64-seed-1'")
    page.wait_for_selector("#gb-heads [data-picture] >> visible=true")


def test_ablations_are_compared_and_linked_to(page):
    """Both curves are there at once; a change is chosen by pointer and keys, said in words, and kept in the link."""
    open_view(page, "ablate")
    view = page.locator("#gb-ablate")
    for curve in ("full", "changed"):
        expect(view.locator(f".gb-ablate-curve.gb-ablate-{curve}")).not_to_have_count(0)
    expect(view.locator(".gb-scaling-floor")).to_have_count(1)
    choices, caption = view.locator("[data-id=list] button"), view.locator(".gb-caption-now")
    expect(choices).to_have_count(10)
    choices.filter(has_text="No MLP").click()
    expect(caption).to_contain_text(re.compile(r"^No MLP: \+\d\.\d{3} nats\. ."))
    assert "ablation=no-mlp" in page.url
    page.keyboard.press("ArrowDown")
    expect(caption).to_contain_text("ReLU")
    page.keyboard.press("ArrowLeft")
    expect(caption).to_contain_text(re.compile(r"^Step \d+: full model \d\.\d{3}, ReLU \d\.\d{3}, [+−]\d\.\d{3} nats"))
    view.locator("[data-choice=loss] [data-value=log]").click()
    page.reload()
    page.wait_for_selector("#gb-ablate .gb-ablate-curve")
    expect(view.locator("[aria-selected=true]")).to_contain_text("ReLU")
    expect(view.locator("[data-value=log]")).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as told:
        view.locator("[data-id=csv]").click()
    rows = list(csv.DictReader(io.StringIO(told.value.path().read_text(encoding="utf-8"))))
    assert {row["point"].partition("-width-")[0] for row in rows} >= {"full", "no-mlp", "muon"}


@pytest.mark.slow
def test_an_ablation_is_trained_and_looked_into(page):
    """Started beside the curves, followed to its end, drawn dotted, and opened in Attention."""
    open_view(page, "ablate")
    view = page.locator("#gb-ablate")
    view.locator("[data-id=list] button").filter(has_text="No positions").click()
    view.locator("[data-name=steps]").fill("20")
    view.locator("[data-id=start]").click()
    expect(view.locator("[data-id=status]")).to_have_text("done", timeout=60_000)
    expect(view.locator(".gb-ablate-mine.gb-ablate-changed")).to_have_count(1)
    view.locator("[data-id=open] button").filter(has_text="no positions").click()
    page.wait_for_function("glassbox.subject.model === 'ablation:no-positions-width-64-seed-1'")
    page.wait_for_selector("#gb-heads [data-picture] >> visible=true")
