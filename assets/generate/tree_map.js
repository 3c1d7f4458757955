// The tree as a map: a row for each branch, a cell for each of its own tokens coloured by surprise, and a
// line down from where it departs. Names and buttons stand beside the one canvas, row by row.
import { canvas2d } from "../shared/canvas.js";
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { tip } from "../shared/tooltip.js";
import { tokenSays } from "./token_chips.js";
import { bitsOf, meanLog } from "./token_stream.js";

const ROW = 34,
  CELL = 28, // at most, in CSS pixels: the longest branch has the width
  MOST_BITS = 10;

/**
 * The map in `box`: draw(tree, { active, at, compared }, vocabulary) shows it.
 * @param {HTMLElement} box
 * @param {any} acts what a person does with a branch: { choose(branch), look(branch, at), point(words), keep, prune, rename }
 */
export const treeMap = (box, acts) => {
  const canvas = el("canvas", { role: "img" }),
    names = el("ol", { class: "gb-branches", "aria-label": "Branches" });
  const field = el("div", { class: "gb-branch-map" }, canvas);
  box.append(names, field);
  let now = null,
    cell = CELL,
    row = ROW;

  function button(sign, says, work, more = {}) {
    return el(
      "button",
      { type: "button", class: "gb-branch-act", title: says, "aria-label": says, onclick: work, ...more },
      sign,
    );
  }

  function nameRow(branch) {
    const { vocabulary, state } = now,
      first = branch.tokens[0];
    const chosen = el(
      "button",
      {
        type: "button",
        class: "gb-branch-name",
        "aria-pressed": String(branch === state.active),
        data: { branch: branch.id },
        onclick: () => acts.choose(branch),
      },
      el("b", {}, branch.name),
      el(
        "span",
        { class: "gb-small gb-soft" },
        `${first ? `${vocabulary.label(first.id)} ${format.probability(first.raw)}` : "empty"} · ${format.number(meanLog(branch.tokens))}`,
      ),
    );
    chosen.title = first
      ? `It begins with ${vocabulary.label(first.id)}, which the model gave ${format.probability(first.raw)}. ` +
        `Its own ${branch.tokens.length} tokens have a mean log-probability of ${format.number(meanLog(branch.tokens))} nats.`
      : "";
    const edit = el("input", { type: "text", maxlength: 40, "aria-label": `A name for ${branch.name}`, hidden: true });
    edit.value = branch.name;
    const done = (save) => {
      if (edit.hidden) return;
      edit.hidden = true;
      chosen.hidden = false;
      if (save && edit.value.trim()) acts.rename(branch, edit.value.trim());
    };
    edit.addEventListener("blur", () => done(true));
    edit.addEventListener("keydown", (event) => {
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") done(false);
    });
    const rename = () => {
      chosen.hidden = true;
      edit.hidden = false;
      edit.focus();
      edit.select();
    };
    return el(
      "li",
      { class: branch === state.active ? "gb-active" : "" },
      chosen,
      edit,
      button("✎", `Rename ${branch.name}`, rename),
      button(
        branch.kept ? "★" : "☆",
        branch.kept ? `No longer keep ${branch.name}` : `Keep ${branch.name}`,
        () => acts.keep(branch),
        { "aria-pressed": String(branch.kept) },
      ),
      button("×", `Prune ${branch.name} and what departs from it`, () => acts.prune(branch)),
    );
  }

  const left = (at) => 6 + at * cell,
    half = () => Math.round(0.3 * row); // half the height of a cell

  function draw(tree, state, vocabulary) {
    const rows = tree.rows();
    now = { tree, state, vocabulary, rows };
    names.replaceChildren(...rows.map(nameRow));
    row = /** @type {HTMLElement} */ (names.firstElementChild)?.offsetHeight || ROW;
    const longest = rows.reduce(
      (most, branch) => Math.max(most, (branch.parent ? branch.at : 0) + branch.tokens.length),
      1,
    );
    const room = field.clientWidth - 12;
    cell = Math.max(3, Math.min(CELL, room / longest));
    const context = canvas2d(canvas, Math.max(room + 12, left(longest) + 6), Math.max(1, rows.length * row));
    const ink = color("--gb-ink"),
      line = color("--gb-line-strong"),
      accent = color("--gb-accent");
    const shades = palette("surprise"),
      on = new Set(trunk(state.active));
    context.lineWidth = 1.5;
    rows.forEach((branch, r) => {
      const from = branch.parent ? branch.at : 0,
        middle = r * row + row / 2;
      if (branch.parent) {
        const above = rows.indexOf(branch.parent) * row + row / 2 + half();
        context.strokeStyle = on.has(branch) ? accent : line;
        context.beginPath();
        context.moveTo(left(from) - 1, above);
        context.lineTo(left(from) - 1, middle);
        context.lineTo(left(from), middle);
        context.stroke();
      }
      branch.tokens.forEach((token, i) => {
        const x = left(from + i),
          shade = Math.round((255 * Math.min(MOST_BITS, bitsOf(token))) / MOST_BITS);
        context.fillStyle = cssRgb(shades[shade]);
        context.fillRect(x, middle - half(), cell - 0.5, 2 * half());
        if (token.forced) {
          context.fillStyle = accent;
          context.fillRect(x, middle + half(), cell - 0.5, 2);
        }
      });
      context.strokeStyle = branch === state.active ? accent : line;
      context.strokeRect(left(from), middle - half(), branch.tokens.length * cell - 0.5, 2 * half());
    });
    drawPlace(context, ink);
    canvas.setAttribute(
      "aria-label",
      rows
        .map(
          (branch) =>
            `${branch.name}: departs at token ${branch.parent ? branch.at + 1 : 1}, ${branch.tokens.length} tokens`,
        )
        .join("; "),
    );
  }

  /** A branch and those it departs from. */
  function trunk(branch) {
    return branch ? [branch, ...trunk(branch.parent)] : [];
  }

  /** Where the looked-at token lies: on the active branch, or on the one it came from. */
  function drawPlace(context, ink) {
    const { rows, state } = now;
    if (state.at === null || !state.active) return;
    const on = trunk(state.active).find((branch) => !branch.parent || state.at >= branch.at) ?? state.active;
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(
      left(state.at),
      rows.indexOf(on) * row + row / 2 - half() - 2,
      Math.max(cell, 5),
      2 * half() + 4,
    );
  }

  function under(event) {
    const box = canvas.getBoundingClientRect(),
      branch = now?.rows[Math.floor((event.clientY - box.top) / row)];
    if (!branch) return null;
    const at = Math.floor((event.clientX - box.left - 6) / cell),
      own = at - (branch.parent ? branch.at : 0);
    return own >= 0 && own < branch.tokens.length ? { branch, at, token: branch.tokens[own] } : null;
  }
  canvas.addEventListener("pointermove", (event) => {
    const found = under(event);
    canvas.style.cursor = found ? "pointer" : "default";
    if (!found) return leave();
    const { token, branch, at } = found;
    acts.point(`${branch.name}: ${tokenSays(token, at, now.vocabulary)}`);
    tip.show(
      event.clientX,
      event.clientY,
      el("span", { class: "gb-mono" }, now.vocabulary.label(token.id)),
      `${branch.name}, token ${at + 1}`,
      `the model's own: ${format.probability(token.raw)}, rank ${format.whole(token.rank)}`,
      token.forced ? "you chose it" : `drawn with ${format.probability(token.p)}`,
    );
  });
  function leave() {
    tip.hide();
    acts.point("");
  }
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("click", (event) => {
    const found = under(event);
    if (found) acts.look(found.branch, found.at);
  });
  return {
    draw,
    redraw() {
      if (now) draw(now.tree, now.state, now.vocabulary);
    },
  };
};
