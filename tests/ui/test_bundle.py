"""llm/ui/bundle.py: the page's modules joined to one script, and everything it can't join refused by file and line."""

import json
import subprocess

import programs
import pytest

from llm.ui.bundle import bundle, read_module, read_modules


@pytest.fixture
def write(tmp_path):
    """write({"a.js": code, ...}) puts modules into a folder and returns it."""

    def put(files):
        for path, code in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(code, encoding="utf-8")
        return tmp_path

    return put


def run(script):
    """What the entry exports, once the script has run in Node."""
    code = f"globalThis.window = {{}};\n{script}\nconst {{ modules, ...own }} = window.glassbox;"
    code += "\nconsole.log(JSON.stringify(own));"
    done = subprocess.run([programs.node(), "-e", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


MADE = {
    "const": ("export const made = 1;", "made", "made"),
    "function": ("export function made() {\n  return 1;\n}", "made", "made"),
    "async function": ("export async function made() {}", "made", "made"),
    "generator": ("export function* made() {}", "made", "made"),
    "class": ("export class Made {}", "Made", "Made"),
    "list": ("const made = 1;\nexport { made };", "made", "made"),
    "list under another name": ("const inside = 1;\nexport { inside as made };", "made", "inside"),
    "list over lines": ("const made = 1;\nexport {\n  made,\n};", "made", "made"),
}


@pytest.mark.parametrize("form", MADE)
def test_what_a_module_exports(write, form):
    """Each form of export is known by the name others use, and the code keeps no `export`."""
    code, name, inside = MADE[form]
    module = read_module(write({"a.js": code}), "a.js")
    assert module.exports == {name: inside}
    assert "export" not in module.code


TAKEN = {
    "names": ('import { b } from "./b.js";\nexport const a = b;', ["b"]),
    "other name": ('import { b as c } from "./b.js";\nexport const a = c;', ["b"]),
    "over lines": ('import {\n  b,\n  d as e,\n} from "./b.js";\nexport const a = b + e - 2;', ["b", "d"]),
    "all": ('import * as all from "./b.js";\nexport const a = all.b;', ["*"]),
    "handed on": ('export { b as a } from "./b.js";', ["b"]),
    "for what it does": ('import "./b.js";\nexport const a = globalThis.b;', []),
}


@pytest.mark.parametrize("form", TAKEN)
def test_what_a_module_imports(write, form):
    """Each form of import takes the other module's value, and says which names it took."""
    code, names = TAKEN[form]
    root = write({"a.js": code, "b.js": "export const b = 1;\nexport const d = 2;\nglobalThis.b = b;\n"})
    assert read_module(root, "a.js").imports == {"b.js": names}
    assert run(bundle(root, "a.js", [])) == {"a": 1}


def test_paths_go_up_and_down(write):
    """A path is read from the folder of the file that names it."""
    root = write(
        {
            "app.js": 'export { x } from "./views/one.js";',
            "views/one.js": 'import { y } from "../shared/two.js";\nexport const x = y;',
            "shared/two.js": "export const y = 3;",
        }
    )
    assert list(read_modules(root, ["app.js"])) == ["shared/two.js", "views/one.js", "app.js"]
    assert run(bundle(root, "app.js", [])) == {"x": 3}


def test_each_module_runs_once_after_those_it_needs(write):
    """Two that import the same module share it, panels run too, and inner names stay inside."""
    root = write(
        {
            "app.js": 'import "./b.js";\nimport { log } from "./log.js";\nlog.push("app");\nexport { log };',
            "b.js": 'import { log } from "./log.js";\nconst mine = "b";\nlog.push(mine);',
            "panel.js": 'import { log } from "./log.js";\nconst mine = "panel";\nlog.push(mine);',
            "log.js": 'export const log = ["log"];',
        }
    )
    assert run(bundle(root, "app.js", ["panel.js"])) == {"log": ["log", "b", "app", "panel"]}


def test_words_inside_a_line_stay(write):
    """Only what begins a line is a statement: a text or a comment may speak of imports."""
    code = 'export const a = `\n  import "x"\n`; // export let\n// import it from "there"\n'
    assert run(bundle(write({"a.js": code}), "a.js", [])) == {"a": '\n  import "x"\n'}


REFUSED = ("export let a = 1;", "export var a = 1;", "export default 1;", 'import a from "./b.js";', "import './b.js';",
           'export * from "./b.js";', "export const { a } = b;", 'import { a } from "./b.js"')  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_other_forms_are_refused(write, statement):
    """What would be joined wrongly is refused, and the sentence names the file, the line and the statement."""
    root = write({"views/a.js": f"// A view.\n\n{statement}\n", "views/b.js": ""})
    with pytest.raises(ValueError, match=r"assets/views/a\.js, line 3: .* has no form for") as refused:
        read_modules(root, ["views/a.js"])
    assert statement.split(" ", 1)[0] in str(refused.value)


def test_a_circle_is_refused(write):
    """Modules that need one another can't be put in order; the sentence shows the way round."""
    root = write({f"{a}.js": f'import "./{b}.js";' for a, b in ("ab", "bc", "ca")})
    with pytest.raises(ValueError, match=r"circle: a\.js -> b\.js -> c\.js -> a\.js"):
        read_modules(root, ["a.js"])


def test_a_missing_file_is_refused(write):
    """A file that isn't there is named, and so is who wants it."""
    with pytest.raises(ValueError, match=r"assets/a\.js imports gone\.js, which is not there"):
        read_modules(write({"a.js": 'import "./gone.js";'}), ["a.js"])


@pytest.mark.parametrize("statement", ['import { c } from "./b.js";', 'export { c } from "./b.js";'])
def test_a_missing_export_is_refused(write, statement):
    """A name that the other module doesn't export would be undefined in the page."""
    root = write({"a.js": statement, "b.js": "const c = 1;\nexport const b = c;"})
    with pytest.raises(ValueError, match=r"assets/a\.js imports 'c', which assets/b\.js does not export"):
        read_modules(root, ["a.js"])
