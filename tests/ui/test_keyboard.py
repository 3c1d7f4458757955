"""The page without a mouse: every control is reached by Tab, shows that it has the focus, and has a name."""

import pytest

from tests.ui.test_stage import settled, views

MOST = 200
"""Stops of one walk by Tab; no view has as many."""
AT = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const { outlineStyle, outlineWidth, outlineOffset, boxShadow } = getComputedStyle(one);
  const box = one.getBoundingClientRect(), ring = parseFloat(outlineWidth) + parseFloat(outlineOffset);
  const cut = new Set();
  for (let node = one.parentElement; node !== document.documentElement; node = node.parentElement) {
    if (outlineStyle === "none" || getComputedStyle(node).overflow === "visible") continue;
    const clip = node.getBoundingClientRect();
    for (const [side, way] of [["left", 1], ["top", 1], ["right", -1], ["bottom", -1]])
      if (way * (box[side] - clip[side]) < ring - 0.5) cut.add(side);
  }
  window.stops ??= new WeakMap();
  if (!stops.has(one)) stops.set(one, (window.last = (window.last ?? 0) + 1));
  return {
    stop: stops.get(one), is: one.outerHTML.slice(0, 120), room: box.width * box.height, cut: [...cut],
    marked: (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none",
  };
}"""
NOT_REACHED = """(name) => [...document.querySelectorAll(`#gb-${name} :is(button, input, select, textarea, summary)`)]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => one.type !== "radio" && !stops.has(one)).map((one) => one.outerHTML.slice(0, 120))"""


def nameless(page):
    """Roles of the controls that have no accessible name."""
    session = page.context.new_cdp_session(page)
    found = []
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        focusable = any(one["name"] == "focusable" and one["value"].get("value") for one in node.get("properties", []))
        role = node.get("role", {}).get("value")
        control = focusable and not node.get("ignored") and role not in ("RootWebArea", "generic")
        if control and not node.get("name", {}).get("value", "").strip():
            found.append(role)
    session.detach()
    return found


def walked(page):
    """From the prompt on by Tab, once around: what is wrong with its stops."""
    page.locator("#gb-bar [data-id=prompt]").focus()
    wrong, seen = [], []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(AT)
        if at is None or at["stop"] in seen:
            if at and at["stop"] == seen[-1]:
                wrong.append(("a trap", at["is"]))
            return wrong
        seen.append(at["stop"])
        if not at["marked"] or not at["room"]:
            wrong.append(("unmarked or unseen", at["is"]))
        if len(at["cut"]) > 2 or {"top", "bottom"} <= {*at["cut"]}:
            wrong.append(("its mark is cut off", at["cut"], at["is"]))
    return [*wrong, ("too many stops", len(seen))]


@pytest.mark.slow
def test_every_view_is_walked_by_tab(page):
    """No trap, no stop too many, unseen, unmarked or its mark cut off; no control is left out, none without a name."""
    wrong = []
    for tab, name in views(page):
        settled(page, tab, name)
        page.evaluate("document.activeElement.blur(); window.stops = new WeakMap()")
        wrong += [(tab, name, *one) for one in walked(page)]
        if page.evaluate(NOT_REACHED, name):  # a button that waited for an answer when Tab came by
            walked(page)
        wrong += [(tab, name, "not reached", one) for one in page.evaluate(NOT_REACHED, name)]
        wrong += [(tab, name, "no name", role) for role in nameless(page)]
    assert not wrong, wrong


@pytest.mark.parametrize(
    "view, names",
    [
        ("tab=attention&view=while_generating", ["Speed", "Temperature"]),
        ("tab=attention&view=patch_and_steer", ["times the difference"]),
        ("tab=generate&view=write", ["Pace", "Most new tokens"]),
        ("tab=generate&view=branches", ["Tokens to write on"]),
        ("tab=generate&view=many_at_once", ["How many"]),
    ],
)
def test_a_slider_bears_the_name_that_stands_above_it(visit, view, names):
    """And not the value beside that name."""
    page = visit(view)
    page.wait_for_selector(".gb-view[data-gb-on] .gb-rail .gb-field input[type=range] >> nth=0", state="attached")
    page.evaluate("document.querySelectorAll('.gb-rail details').forEach((one) => (one.open = true))")
    for name in names:
        page.get_by_role("slider", name=name).first.wait_for(state="attached")
