// The controls of one side of a comparison: its head, and under "other" what it has apart from the bar.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { closableMenu } from "../shared/menu.js";

/**
 * Build them in `box`.
 * @param {HTMLElement} box
 * @param {string} name of the side
 * @param {(choice: { head?: [number, number], model?: string | null, step?: number | null, prompt?: string | null }) => void} change
 *   hears of a choice; null means as in the bar
 */
export const comparedSide = (box, name, change) => {
  const option = (value, text) => el("option", { value }, text);
  const layer = el("select", { "aria-label": `Layer of ${name}` });
  const head = el("select", { "aria-label": `Head of ${name}` });
  const model = el("select"),
    step = el("select");
  const prompt = el("textarea", { rows: 2, maxlength: 20000, placeholder: "as in the bar", spellcheck: "false" });
  const what = el("p", { class: "gb-compared-what" }),
    zoom = el("div", { class: "gb-zoom" });
  const field = (title, control) => el("label", { class: "gb-field" }, el("span", {}, title), control);
  const named = el("span", { class: "gb-compared-name" }); // in a room, where there are no menus
  const other = el(
    "details",
    { class: "gb-menu gb-compared-other" },
    el("summary", {}, "other prompt or model"),
    el("div", { class: "gb-menu-items" }, field("Model", model), field("Moment", step), field("Own prompt", prompt)),
  );
  closableMenu(other);
  box.replaceChildren(
    el(
      "div",
      { class: "gb-compared-head" },
      el(
        "div",
        { class: "gb-row gb-in-picture" },
        el("h3", {}, name),
        el("label", {}, "layer", layer),
        el("label", {}, "head", head),
        named,
      ),
      other,
    ),
    what,
    zoom,
  );

  const chosenHead = () => change({ head: [Number(layer.value), Number(head.value)] });
  layer.addEventListener("change", chosenHead);
  head.addEventListener("change", chosenHead);
  model.addEventListener("change", () => change({ model: model.value || null }));
  step.addEventListener("change", () => change({ step: step.value === "" ? null : Number(step.value) }));
  let wait = null;
  prompt.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => change({ prompt: prompt.value || null }), 250);
  });

  const fill = (select, count) => {
    if (select.length !== count)
      select.replaceChildren(...Array.from({ length: count }, (_, i) => option(i, String(i))));
  };

  /** Show what was read, and what this side has of its own. */
  function draw(read, own, models, subject) {
    fill(layer, read.layers);
    fill(head, read.heads);
    named.textContent = `layer ${read.layer}, head ${read.head}`;
    layer.value = read.layer;
    head.value = read.head;
    model.replaceChildren(
      option("", "as in the bar"),
      ...models.map(({ ref, title, group }) => option(ref, `${title} (${group.toLowerCase()})`)),
    );
    model.value = own.model ?? "";
    const { steps = [] } = models.find(({ ref }) => ref === (own.model ?? subject.model)) ?? {};
    step.replaceChildren(
      option("", own.model ? "the newest" : "as in the bar"),
      ...steps.map((at) => option(at, `step ${format.whole(at)}`)),
    );
    step.value = own.step ?? "";
    step.disabled = steps.length === 0;
    if (document.activeElement !== prompt) prompt.value = own.prompt ?? "";
    const moment = (own.model || own.step !== null) && read.step !== null;
    const apart = [
      own.model && read.title,
      moment && `step ${format.whole(read.step)}`,
      own.prompt !== null && `“${own.prompt}”`,
    ].filter(Boolean);
    what.textContent = apart.length ? apart.join(", ") : "as in the bar";
  }
  return { draw, zoom };
};
