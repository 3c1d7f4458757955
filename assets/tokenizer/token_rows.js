// One text under several tokenizers: a row each, cut into columns that hold the same stretch of text, and
// a table of what each of them costs. The answer is that of compare_tokenizers.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import * as chips from "../shared/tokens/chip.js";

/** How much of a model's context so many tokens are. */
const share = (tokens, context) => `${format.number((100 * tokens) / context)} %`;
const written = (rows) => rows.filter((row) => row.cells);

/** The columns, each with one cell a row. They wrap like words. Where rows cut differently, a line marks it. */
function columns({ rows, breaks }, marks) {
  const ends = new Set(breaks),
    nodes = [];
  const states = written(rows).map((row) => ({ row, next: 0 }));
  for (let c = 0; c < (states[0]?.row.cells.length ?? 0); c += 1) {
    const differs = states.length > 1 && states.some(({ row }) => row.cells[c] !== states[0].row.cells[c]);
    nodes.push(
      el(
        "div",
        { class: `gb-tk-column${differs ? " gb-tk-differs" : ""}` },
        ...states.map((state) => cell(state, c, marks)),
      ),
    );
    if (ends.has(c)) nodes.push(el("div", { class: "gb-tk-break" }));
  }
  return nodes;
}

function cell(state, c, marks) {
  const box = el("div"),
    { row } = state;
  for (let n = row.cells[c]; n > 0; n -= 1) {
    const id = row.ids[state.next++],
      token = row.tokens[id];
    const node = chips.chip(id, token.parts, { marks });
    node.dataset.tip = `${chips.spoken(token.parts)}\u0000id ${id}\u0000${token.hex}`;
    box.append(node);
  }
  return box;
}

/** Name the rows at the start of each line. Lines are where the browser broke them, read in one go. */
function label(box, rows) {
  box.querySelectorAll(".gb-tk-labels").forEach((node) => node.remove());
  const tops = new Set([...box.querySelectorAll(".gb-tk-column")].map((column) => column.offsetTop));
  const names = written(rows).map((row) => row.short);
  box.append(
    ...[...tops].map((top) =>
      el(
        "div",
        { class: "gb-tk-labels", style: `top: ${top}px` },
        ...names.map((name) => el("div", { title: name }, name)),
      ),
    ),
  );
}

/** The table's rows; `open` is called with the row whose name is pressed. */
function table({ rows, counts, n_ctx: context }, open) {
  const most = Math.max(1, ...rows.map((row) => row.total ?? 0));
  return rows.map((row, i) => {
    const name = el(
      "td",
      {},
      el("i", { class: `gb-tk-swatch gb-tk-bar-${i}` }),
      el("button", { type: "button", class: "gb-tk-link", onclick: () => open(row) }, row.name),
      " ",
      el("span", { class: "gb-soft gb-tk-about", title: row.about }, row.about),
    );
    if (row.error) return el("tr", {}, name, el("td", { colspan: 3, class: "gb-soft" }, row.error));
    const bar = el(
      "div",
      { class: "gb-tk-bar" },
      el("i", { class: `gb-tk-bar-${i}`, style: `width: ${((100 * row.total) / most).toFixed(1)}%` }),
      el("span", {}, format.whole(row.total)),
    );
    return el(
      "tr",
      {},
      name,
      el("td", {}, bar, row.lost && el("div", { class: "gb-soft gb-tk-about", title: row.lost }, row.lost)),
      el("td", {}, row.total ? (counts.bytes / row.total).toFixed(2) : "–"),
      el("td", {}, share(row.total, context)),
    );
  });
}

export { columns, label, table };
