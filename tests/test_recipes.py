"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository: they are all that it takes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPES = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Recipes")[1]
STEP = re.compile(r"^- `(?P<path>[^`]+)`, (?P<where>[^\n]+):\n\n```\w+\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("llm", "assets", "tests", "app.py", "pyproject.toml", "README.md", "requirements.txt", ".github")


def steps(recipe):
    """(path, where, lines) of each step under a heading."""
    text = RECIPES.split(f"### {recipe}\n")[1].split("\n### ")[0]
    found = [match.groups() for match in STEP.finditer(text)]
    assert found and len(found) == text.count("\n```") // 2, "a step is not written as the others are"
    return found


def added(text, where, lines):
    """The text with a step's lines in it."""
    if where == "at the end":
        return f"{text.rstrip()}\n\n\n{lines}"
    place = re.fullmatch(r"(below|below the help of|at the end of) `([^`]+)`", where)
    assert place, where
    how, anchor = place.groups()
    rows = text.splitlines(keepends=True)
    starts = [
        i for i, row in enumerate(rows) if row.strip() == anchor or row.strip().startswith(f"{anchor}: Annotated")
    ]
    assert len(starts) == 1, f"{anchor} is there {len(starts)} times"
    ends = {"below": lambda row: True, "below the help of": lambda row: row.rstrip().endswith('"""')}
    at = next(i for i in range(starts[0], len(rows)) if ends.get(how, lambda row: row == "};\n")(rows[i]))
    at += how != "at the end of"
    return "".join([*rows[:at], lines, *rows[at:]])


class Copy:
    """The repository with a recipe followed in it."""

    def __init__(self, folder, recipe):
        self.folder = folder
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
            else:
                shutil.copy(ROOT / name, folder / name)
        (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
        for path, where, lines in steps(recipe):
            file = folder / path
            assert file.exists() == (where != "a new file"), path
            file.write_text(added(file.read_text(encoding="utf-8"), where, lines) if file.exists() else lines, "utf-8")

    def run(self, *command):
        """A command in the copy, which must succeed."""
        env = {**os.environ, "PYTHONPATH": str(self.folder), "GLASSBOX_HOME": str(self.folder / "home")}
        env["OMP_NUM_THREADS"] = "1"
        done = subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=env, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def test(self, *files):
        """Those of the suite's files pass as they are."""
        self.run("-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *files)

    def see(self, script):
        """A test of the page, given as its body, passes on the copy's app. Without Chromium it is left out."""
        lines = ["from playwright.sync_api import expect", "", "", "def test_it(page, app_url):", *script.splitlines()]
        (self.folder / "tests" / "ui" / "test_new.py").write_text("\n".join(lines), encoding="utf-8")
        self.test("tests/ui/test_new.py")

    def is_styled(self):
        """The new lines are as ruff wants them."""
        self.run("-m", "ruff", "check", "llm")
        self.run("-m", "ruff", "format", "--check", "llm")


SAMPLER_SEEN = """
    page.goto("about:blank")
    page.goto(f"{app_url}/#tab=generate&order=ptkrmy&top_a=0.5")  # an order from before it was there
    rows = page.locator("#gb-write .gb-step")
    expect(rows).to_have_count(7)
    assert rows.evaluate_all("all => all.map((row) => row.dataset.step)") == [
        "top_p", "temperature", "top_k", "repetition_penalty", "min_p", "typical_p", "top_a"
    ]
    row = page.locator("#gb-write [data-step=top_a]")
    expect(row).to_contain_text("Top-a")
    expect(row.locator("output")).to_have_text("0.5")
    kept = page.locator("#gb-write [data-id=kept]")
    expect(kept).not_to_have_text("–")
    some = kept.inner_text()
    row.locator("input[type=range]").fill("0")
    expect(row.locator("output")).to_have_text("off")
    expect(kept).not_to_have_text(some)
    off = kept.inner_text()
    row.locator("input[type=range]").fill("100")
    expect(kept).not_to_have_text(off)
    page.keyboard.press("Tab")
    page.locator("#gb-write [data-id=one]").click()
    expect(page.locator("#gb-write .gb-written-token")).to_have_count(1)
    page.wait_for_function("location.hash.includes('top_a=1') && location.hash.includes('.top_a-1')")
    page.reload()
    expect(page.locator("#gb-write .gb-written-token")).to_have_count(1)
    expect(row.locator("output")).to_have_text("1")
    row.locator("[data-by='-1']").click()
    page.wait_for_function("location.hash.includes('order=p.t.k.r.m.top_a.y.')")
    page.reload()
    expect(rows.nth(5)).to_have_attribute("data-step", "top_a")
"""
VIEW_SEEN = """
    page.goto("about:blank")
    page.goto(f"{app_url}/#tab=attention&view=hello&prompt=ab+c")
    expect(page.locator("#gb-hello [data-id=letters]")).to_have_text("The prompt has 3 letters.")
    expect(page.get_by_role("button", name="Hello", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#gb-hello")).to_be_hidden()
"""
SETTING_SEEN = """
    page.goto("about:blank")
    page.goto(f"{app_url}/#tab=train&preset=seconds&set=label_smoothing:0.1")
    page.locator(".gb-train .gb-more summary").click()
    smoothing = page.get_by_label("Label smoothing")
    expect(smoothing).to_have_value("0.1")
    expect(smoothing).to_have_attribute("max", "0.3")
    expect(page.locator("[data-for=label_smoothing]")).to_have_attribute("title", "Share of the target that is "
        "spread over all tokens; 0 is off.")
    smoothing.fill("0.2")
    page.wait_for_function("decodeURIComponent(location.hash).includes('label_smoothing:0.2')")
    page.get_by_label("Steps", exact=True).fill("3")
    page.locator(".gb-train [data-id=start]:enabled").click()
    page.get_by_text("Finished.").wait_for()
    smoothing.fill("0.1")
    page.get_by_text("label smoothing 0.2 → 0.1").wait_for()
"""


@pytest.mark.slow
def test_a_new_sampler(tmp_path):
    """The checks, the command line and the page know it; the page's twin equals it; old links take it in."""
    copy = Copy(tmp_path, "A new sampler")
    copy.is_styled()
    copy.test("tests/test_settings.py", "tests/test_filters.py", "tests/test_sampler.py", "tests/test_readme.py")
    copy.test("tests/assets", "tests/ui/test_generate_endpoints.py")
    assert "--top-a" in copy.run("-m", "llm", "generate", "--help")
    copy.run("-m", "llm", "generate", "--checkpoint", "checkpoints/tales", "--prompt", "Once", "--top-a", "1")
    # Of odds of 60, 37 and 3 % those below a share of 36 % go.
    odds = "torch.tensor([[0.6, 0.37, 0.03]]).log()"
    for share, kept in ((1.0, 2), (0.05, 3)):
        left = f"filter_logits({odds}, SamplingConfig(top_a={share})).isfinite().sum().item()"
        script = "import torch; from llm.config import SamplingConfig; from llm.filters import filter_logits"
        assert copy.run("-c", f"{script}; print({left})").strip() == str(kept)
    copy.see(SAMPLER_SEEN)


@pytest.mark.slow
def test_a_new_view(tmp_path):
    """It has a button and an address of its own, is drawn when it is seen, and follows the prompt."""
    copy = Copy(tmp_path, "A new view")
    copy.is_styled()
    copy.test("tests/test_house.py", "tests/assets", "tests/ui/test_attention_endpoints.py")
    copy.see(VIEW_SEEN)


@pytest.mark.slow
def test_a_new_tokenizer_kind(tmp_path):
    """It can be trained, saved and chosen on the command line and in the page."""
    copy = Copy(tmp_path, "A new tokenizer kind")
    copy.is_styled()
    copy.test("tests/test_house.py", "tests/test_settings.py", "tests/test_tokenizers.py", "tests/test_readme.py")
    copy.test("tests/ui/test_tokenizer_endpoints.py", "tests/ui/test_train_endpoints.py")
    told = copy.run("-m", "llm", "tokenize", "--tokenizer", "byte", "--json", "ça")
    assert "[195, 167, 97]" in " ".join(told.split()).replace("[ ", "[").replace(" ]", "]"), told
    copy.see("""
    page.goto(f"{app_url}/#tab=train")
    page.get_by_label("Tokenizer", exact=True).first.select_option("Single bytes")
""")


@pytest.mark.slow
def test_a_new_setting(tmp_path):
    """It is checked, an option of its command, and a field of the form that runs and links remember."""
    copy = Copy(tmp_path, "A new setting")
    copy.is_styled()
    copy.test("tests/test_settings.py", "tests/assets/test_answers.py")
    copy.test("tests/ui/test_train_endpoints.py", "tests/ui/test_train_runs.py")
    assert "--label-smoothing" in copy.run("-m", "llm", "train", "--help")
    copy.see(SETTING_SEEN)


@pytest.mark.slow
def test_a_new_task(tmp_path):
    """It is asked, scored and learnt like the others, and stands in the menu."""
    copy = Copy(tmp_path, "A new task")
    copy.is_styled()
    copy.test("tests/test_house.py", "tests/test_tasks.py", "tests/test_task_corpora.py", "tests/test_readme.py")
    copy.test("tests/ui/test_train_endpoints.py")


SITES = {
    "A new sampler": ["llm/config.py", "llm/filters.py", "assets/shared/sampler.js"],
    "A new view": [
        "llm/ui/attention/hello.py", *(f"assets/attention/hello.{kind}" for kind in ("html", "js", "css")),
        "llm/ui/attention/__init__.py",
    ],
    "A new tokenizer kind": ["llm/tokenizers/byte.py", "llm/tokenizers/reading.py"],
    "A new setting": ["llm/config.py", "llm/ui/train/presets.py"],
    "A new task": ["llm/corpora/tasks/parity.py", "llm/corpora/tasks/__init__.py"],
}  # fmt: skip
"""What each recipe may touch, at most."""


@pytest.mark.parametrize("recipe", SITES)
def test_a_recipe_stays_short(recipe):
    """It touches these files and no others, and beside an import and a row each only once."""
    paths = [path for path, _, _ in steps(recipe)]
    assert list(dict.fromkeys(paths)) == SITES[recipe]
    assert max(paths.count(path) for path in paths) <= 2


@pytest.mark.parametrize("recipe", SITES)
def test_a_recipe_finds_its_places(recipe):
    """What its lines go below is there, once, and the file is in order with them: moving it shows at once."""
    texts: dict[str, str] = {}
    for path, where, lines in steps(recipe):
        assert (ROOT / path).exists() == (where != "a new file"), path
        before = texts.get(path) or ("" if where == "a new file" else (ROOT / path).read_text(encoding="utf-8"))
        texts[path] = added(before, where, lines) if before else lines
    for path, text in texts.items():
        if path.endswith(".py"):
            ruff = [sys.executable, "-m", "ruff", "check", "--quiet", "--stdin-filename", path]
            checked = subprocess.run(ruff, cwd=ROOT, input=text, capture_output=True, encoding="utf-8", check=False)
            assert checked.returncode == 0, checked.stdout


def test_every_recipe_is_followed():
    """No heading is left untested."""
    assert re.findall(r"^### (.+)$", RECIPES, re.MULTILINE) == list(SITES)
