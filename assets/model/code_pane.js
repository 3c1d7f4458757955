// The file that runs, with the lines lit that do what is looked at.
import { el } from "../shared/elements.js";

/** @import { Architecture, Operation } from "./steps.js" */

/** @param {HTMLElement} box */
export const codePane = (box) => {
  let lines = [],
    file = "",
    lit = [];

  /** @param {Architecture} model */
  function fill(model) {
    if (lines.length) return; // the file that runs stays the same
    file = model.file;
    lines = model.source.map((text, i) =>
      el("div", { class: "gb-source-line", data: { line: i + 1 } }, el("span", {}, String(i + 1)), text),
    );
    box.replaceChildren(...lines);
  }

  /** @param {Operation} operation */
  function light(operation) {
    for (const line of lit) line.classList.remove("gb-lit", "gb-alike");
    const of = (numbers) => numbers.map((n) => lines[n - 1]).filter(Boolean);
    const now = of(operation.lines),
      alike = of(operation.writtenOut);
    for (const line of now) line.classList.add("gb-lit");
    for (const line of alike) line.classList.add("gb-alike");
    lit = [...now, ...alike];
    box.classList.toggle("gb-unlit", lit.length === 0);
    box.title = lit.length ? `${file}, line ${operation.lines.join(", ")}` : `${file} ends with the logits`;
    if (!lit.length) return;
    const tall = lit[0].offsetHeight,
      middle = lit.reduce((sum, line) => sum + line.offsetTop + tall / 2, 0) / lit.length;
    box.scrollTop = Math.round((middle - box.clientHeight / 2) / tall) * tall; // whole lines
  }
  return { fill, light };
};
