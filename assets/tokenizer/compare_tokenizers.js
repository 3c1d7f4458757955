// The Compare view: the prompt under up to four tokenizers, and what they cost over languages and code.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { panel } from "../shared/panel.js";
import { look, subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { tip } from "../shared/tooltip.js";
import { fit } from "./fitting.js";
import * as tokenRows from "./token_rows.js";
import { shelf } from "./tokenizer_menu.js";

panel("compare_tokenizers", ({ root, ask, upload, all, notice, say }) => {
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));
  const MAX = 4;
  let chosen = (address.get("toks") || "model,gpt2,bpe,character").split(",").map(decodeURIComponent).slice(0, MAX);
  let measure = address.get("measure") === "tokens" ? "tokens" : "rate";
  let compared = null,
    measured = null,
    asked = 0,
    lit = null;

  const menu = shelf.attach(boxes.shelf, { root, ask, upload, notice }, () => pick(shelf.chosen(), true), {
    menu: false,
  });

  // ---- which -----------------------------------------------------------------------------------------

  function drawChoices() {
    const known = new Set(
      shelf
        .groups()
        .flatMap((group) => group.tokenizers)
        .map((entry) => entry.ref),
    );
    if (!known.size) return;
    chosen = chosen.filter((ref) => known.has(ref));
    if (!chosen.length) chosen = ["model", "gpt2"];
    boxes.choices.replaceChildren(
      ...shelf.groups().flatMap(({ title, tokenizers }) => [
        ...(title && tokenizers.length ? [el("span", { class: "gb-small gb-soft" }, title)] : []),
        ...tokenizers.map((entry) =>
          el(
            "label",
            { class: "gb-check" },
            el("input", {
              type: "checkbox",
              value: entry.ref,
              checked: chosen.includes(entry.ref),
              disabled: chosen.length >= MAX && !chosen.includes(entry.ref),
              onchange: (event) => pick(entry.ref, event.target.checked),
            }),
            entry.name,
          ),
        ),
      ]),
    );
  }
  function pick(ref, whether) {
    if (whether && chosen.includes(ref)) return;
    const others = chosen.filter((other) => other !== ref),
      next = whether ? [...others.slice(0, MAX - 1), ref] : others;
    if (next.length) chosen = next;
    address.set({ toks: chosen.map(encodeURIComponent).join(",") });
    drawChoices();
    show();
  }
  on("shelf", () => {
    drawChoices();
    if (root.offsetParent) show();
  });
  on("compare tokenizers", (ref) => {
    if (!chosen.includes(ref)) chosen = [...chosen.slice(0, MAX - 1), ref];
    compared = null; // drawn when the view is shown
    drawChoices();
  });

  // ---- asking and drawing ----------------------------------------------------------------------------

  async function show() {
    if (subject.model === null || !shelf.groups().length) return;
    const mine = ++asked,
      request = { model: subject.model, step: subject.step, toks: chosen, text: subject.prompt };
    try {
      const rows = await ask("compare_tokenizers", request);
      if (mine !== asked) return;
      notice("");
      drawRows(rows);
      const samples = await ask("measure_samples", request);
      if (mine !== asked) return;
      measured = samples;
      drawBars();
    } catch (error) {
      if (mine === asked) notice(error.message);
    }
  }

  function drawRows(answer) {
    compared = answer;
    boxes.table.replaceChildren(
      ...tokenRows.table(answer, (row) => {
        shelf.choose(row.ref);
        openView("tokenizer", "read");
      }),
    );
    boxes.aligned.replaceChildren(...tokenRows.columns(answer, boxes.marks.checked));
    boxes.empty.hidden = answer.bytes_drawn > 0 || answer.counts.bytes > 0;
    enlarge();
    light(null);
    const rest = answer.counts.bytes - answer.bytes_drawn,
      drawn = answer.rows.some((row) => row.cells);
    boxes.drawn.textContent =
      !rest || !drawn
        ? ""
        : `Only the first ${format.bytes(answer.bytes_drawn)} of the text are drawn; the table counts all of it.`;
    boxes.drawn.hidden = !boxes.drawn.textContent;
  }

  /** Few tokens are large; the names of the rows stand at each line as it breaks then. */
  function enlarge() {
    boxes.aligned.querySelectorAll(".gb-tk-labels").forEach((node) => node.remove());
    fit(boxes.aligned, boxes.aligned.children.length, 13, 30);
    tokenRows.label(boxes.aligned, compared.rows);
  }

  /** Light a column, and tell in the line beneath how each tokenizer cuts it; in a room, of no column, all. */
  function light(i) {
    const columns = [...boxes.aligned.querySelectorAll(".gb-tk-column")];
    columns[lit]?.classList.remove("gb-tk-lit");
    lit = columns[i] ? i : null;
    const counts = compared.rows.map(
      (row) => `${row.short} ${format.whole((lit === null ? row.total : row.cells?.[lit]) ?? 0)}`,
    );
    if (lit !== null) {
      columns[lit].classList.add("gb-tk-lit");
      columns[lit].scrollIntoView({ block: "nearest" });
      const [first] = columns[lit].children;
      say(`“${first.textContent}”, tokens under each: ${counts.join(", ")}.`);
    } else say(document.body.classList.contains("gb-room") ? `Tokens of the prompt: ${counts.join(", ")}.` : "");
  }
  on("key", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, " ": 1 }[event.key];
    if (!compared || !root.offsetParent || event.target.closest?.("button, summary")) return;
    if (event.key === "Escape") light(null);
    if (!by) return;
    event.preventDefault();
    light(lit === null ? 0 : lit + by);
  });

  function drawBars() {
    const { samples, rows } = measured;
    function value(sample, i) {
      const tokens = sample.tokens[i];
      return tokens === null || measure === "tokens" ? tokens : sample.bytes / Math.max(1, tokens);
    }
    const written = measure === "tokens" ? format.whole : (v) => v.toFixed(2);
    // Of tokens only what was written to be compared sets the scale; a long prompt's bar ends at the edge.
    const scale = Math.max(
      ...samples.filter((s) => measure === "rate" || s.language).flatMap((s) => rows.map((_, i) => value(s, i) ?? 0)),
    );
    boxes.caption.textContent =
      measure === "tokens"
        ? "Tokens for each sample: shorter is cheaper"
        : "Bytes per token over short samples: longer is cheaper";
    boxes.keys.replaceChildren(
      ...rows.map((row, i) => el("span", {}, el("i", { class: `gb-tk-swatch gb-tk-bar-${i}` }), row.short)),
    );
    boxes.bars.replaceChildren(
      ...samples.map((sample) =>
        el(
          "div",
          { class: "gb-tk-sample-row" },
          el(
            "button",
            {
              type: "button",
              class: "gb-tk-link",
              title: "Use as prompt",
              onclick: () => look({ prompt: sample.text }),
            },
            sample.name,
          ),
          el(
            "div",
            {},
            ...rows.map((row, i) => {
              const v = value(sample, i);
              if (v === null)
                return el("div", { class: "gb-tk-measure" }, el("small", { class: "gb-soft" }, "can't write it"));
              const said = `${row.short}: ${format.whole(sample.tokens[i])} tokens for ${format.whole(sample.bytes)} bytes`;
              return el(
                "div",
                { class: "gb-tk-measure", data: { tip: `${sample.name}\u0000${said}` } },
                el("i", { class: `gb-tk-bar-${i}`, style: `width: ${Math.min(100, (100 * v) / scale).toFixed(1)}%` }),
                el("small", {}, written(v)),
              );
            }),
          ),
        ),
      ),
    );
  }

  for (const box of [boxes.aligned, boxes.bars]) {
    box.addEventListener("pointerover", (event) => {
      const node = event.target instanceof Element && event.target.closest("[data-tip]");
      if (node) tip.show(event.clientX, event.clientY, ...node.dataset.tip.split("\u0000"));
      else tip.hide();
    });
    box.addEventListener("pointerleave", () => tip.hide());
  }
  for (const button of all("[data-measure]")) {
    button.addEventListener("click", () => {
      ({ measure } = button.dataset);
      address.set({ measure: measure === "rate" ? null : measure });
      press();
      if (measured) drawBars();
    });
  }
  const press = () =>
    all("[data-measure]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.measure === measure)),
    );
  press();
  shelf.blanks(boxes.marks, () => {
    if (compared && root.offsetParent) drawRows(compared);
    else compared = null; // drawn when the view is shown
  });

  return {
    async refresh() {
      await shelf.load(ask);
      drawChoices();
      return show();
    },
    resize() {
      menu.settle();
      if (!compared) show();
      else {
        enlarge();
        if (lit === null) light(null);
      }
    },
  };
});
