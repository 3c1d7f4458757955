// The view inside a head: one pair of tokens, from the product of query and key to the tokens that
// the head's write promotes. The head and the pair are those of the Heads view (focus.js).
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import * as shades from "../shared/shades.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { focus } from "./focus.js";
import { headStep } from "./head_walk.js";
import { digits, withPlace } from "./head_words.js";
import { revealIn } from "./prompt_text.js";
import { strips } from "./strips.js";

panel("inside_a_head", ({ ask, find, all, root, notice, say }) => {
  let subject = null,
    picture = null,
    whose = address.get("whose") === "pair" ? "pair" : "head";
  let shown = ""; // which head and pair the picture is of

  const meeting = strips(find("[data-id=meeting]"), { onHover: hintTerm });
  const row = strips(find("[data-id=row]"), { onHover: hintToken, onPick: (column) => pick(picture.row, column) });
  const value = strips(find("[data-id=value]"), { onHover: hintValue });

  // ---- data ---------------------------------------------------------------------------------------

  const wanted = () => JSON.stringify([focus.head(), focus.cell()]);

  async function refresh(next) {
    subject = next;
    await load();
  }

  /** Ask for what the address names; a newer subject or pair makes the answer stale. */
  async function load() {
    const of = subject,
      key = wanted(),
      head = focus.head() ?? [],
      cell = focus.cell();
    const answer = await ask("open_head", {
      ...of,
      layer: head[0],
      head: head[1],
      row: cell?.row,
      column: cell?.column ?? undefined,
    });
    if (of !== subject || key !== wanted()) return undefined;
    focus.follow(answer.tokens);
    if (key !== wanted()) return load(); // the pair was one of another prompt
    shown = key;
    find("[data-id=empty]").hidden = answer.tokens.length > 0;
    find("[data-id=stage]").hidden = answer.tokens.length === 0;
    picture = answer.tokens.length ? unpacked(answer) : null;
    if (picture && answer.note) notice(answer.note, "info");
    if (picture) draw();
    return undefined;
  }

  function unpacked(answer) {
    const names = ["q", "k", "v", "scores", "weights", "lengths", "shares"];
    const numbers = Object.fromEntries(names.map((name) => [name, floatsOf(answer[name])]));
    return { ...answer, ...numbers, terms: numbers.q.map((x, i) => x * numbers.k[i]) };
  }

  const follow = latest(async () => {
    if (!subject || root.offsetParent === null || shown === wanted()) return;
    try {
      await load();
    } catch (error) {
      notice(error.message);
    }
  });
  on("focus", follow);

  const pick = (r, column) => focus.set({ cell: { row: r, column } });

  // ---- drawing ------------------------------------------------------------------------------------

  const largest = (values) => values.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
  const token = (i, role) => el("span", { class: `gb-mono gb-${role}` }, visible(picture.tokens[i].text));

  function draw() {
    const { layer, head, row: r, column: c, tokens } = picture;
    find("[data-id=title]").textContent = `Layer ${layer}, head ${head}`;
    say(
      `Layer ${layer}, head ${head}: ${withPlace(tokens, r)} looks at ${withPlace(tokens, c)}, ` +
        `score ${digits(picture.scores[c], 5)}, weight ${digits(picture.weights[c], 5)}; ` +
        `it writes a vector of length ${digits(picture.length.pair, 5)}.`,
    );
    find("[data-id=pair]").replaceChildren(token(r, "q"), ` (${r}) looks at `, token(c, "k"), ` (${c})`);
    drawTokens();
    drawSums();
    const both = Math.max(largest(picture.q), largest(picture.k));
    meeting.draw(
      [
        { name: `query of ${visible(tokens[r].text)}`, values: picture.q, ink: "--gb-query", most: both },
        { name: `key of ${visible(tokens[c].text)}`, values: picture.k, ink: "--gb-key", most: both },
        { name: "query × key", values: picture.terms, ink: "--gb-ink", most: largest(picture.terms) },
      ],
      { name: `Query, key and their product in ${picture.q.length} dimensions` },
    );
    row.draw(
      [
        { name: "weight", values: picture.weights, ink: "--gb-key", most: largest(picture.weights) },
        {
          name: "share of what the head writes here",
          values: picture.shares,
          ink: "--gb-value",
          most: largest(picture.shares),
        },
      ],
      {
        name: `The weight of each of ${r + 1} tokens and its share in what is written; a click chooses one`,
        labels: tokens.slice(0, r + 1).map(({ text }) => visible(text)),
        chosen: c,
      },
    );
    const carried = {
      name: `value of ${visible(tokens[c].text)}`,
      values: picture.v,
      ink: "--gb-value",
      most: largest(picture.v),
    };
    value.draw([carried], { name: `The value in ${picture.v.length} dimensions` });
    drawLogits();
    drawRail();
  }

  function drawTokens() {
    const { row: r, column: c, tokens } = picture;
    find("[data-id=reading]").replaceChildren(...shades.running(tokens));
    for (const node of all("[data-id=reading] .gb-token")) {
      const i = Number(node.dataset.at);
      node.classList.toggle("gb-looked", i === c);
      node.classList.toggle("gb-looks", i === r);
      if (i === r) revealIn(find("[data-id=reading]"), node);
      node.classList.toggle("gb-unseen", i > r);
    }
  }

  function drawSums() {
    const { row: r, column: c, q, terms, scores, weights } = picture;
    const part = (role) => el("i", { class: `gb-${role}` }, role);
    const dot = terms.reduce((sum, x) => sum + x, 0),
      D = q.length;
    find("[data-id=formula]").replaceChildren(
      "weight = softmax( ",
      part("q"),
      " · ",
      part("k"),
      ` / √${D} ) = `,
      el("b", {}, digits(weights[c], 5)),
      "  →  written: weight × ",
      part("v"),
      " · W",
      el("sub", {}, "O"),
      `, length ${digits(picture.length.pair, 5)}`,
    );
    find("[data-id=sum]").replaceChildren(
      part("q"),
      " · ",
      part("k"),
      ` = sum of the ${D} products = ${digits(dot, 5)};  divided by √${D}: score `,
      el("b", {}, digits(scores[c], 5)),
      ".",
    );
    find("[data-id=shares]").textContent =
      `Softmax over the ${r + 1} token${r ? "s" : ""} in sight; ` +
      "the weights add up to 1. A share is the part of the head's write that comes from that token, along the direction " +
      "of the whole: shares add up to 100 %, and one that pulls the other way is negative.";
  }

  function drawLogits() {
    for (const button of all("[data-id=whose] button"))
      button.setAttribute("aria-pressed", String(button.value === whose));
    find("[data-id=writes]").textContent = whose === "head" ? "the head writes" : "this pair writes";
    const ends = picture[`${whose}_logits`],
      most = largest([...ends.promoted, ...ends.suppressed].map((one) => one.by));
    for (const [id, list] of Object.entries(ends)) {
      find(`[data-id=${id}]`).replaceChildren(
        ...list.map(({ text, by }) =>
          el(
            "tr",
            {},
            el("td", {}, visible(text)),
            el("td", {}, el("i", { style: `width: ${(100 * Math.abs(by)) / (most || 1)}%` })),
            el("td", {}, `${by > 0 ? "+" : ""}${format.number(by)}`),
          ),
        ),
      );
    }
    fitLogits();
    find("[data-id=folded]").textContent =
      "The direct path only: the write goes through the last LayerNorm and the " +
      "unembedding, as if no later layer read it. LayerNorm's scale is held at what it is for the whole stream at this " +
      `token (1 / ${format.number(picture.scale)}); logits are relative to their mean over the vocabulary.`;
  }

  /** As many rows of the tables as can be seen whole; on a phone all. */
  function fitLogits() {
    const box = find(".gb-logits"),
      low = box.getBoundingClientRect().top + box.clientHeight,
      rows = all(".gb-logits tr");
    for (const row of rows) row.hidden = false;
    if (!matchMedia("(min-width: 901px)").matches) return;
    const late = rows.filter((row) => row.getBoundingClientRect().bottom > low + 1);
    for (const row of late) row.hidden = true;
  }

  function drawRail() {
    const { layers, heads, layer, head, row: r, length } = picture;
    for (const [id, count, at] of [
      ["layer", layers, layer],
      ["head", heads, head],
    ]) {
      const select = find(`[data-id=${id}]`);
      if (select.length !== count) {
        select.replaceChildren(...Array.from({ length: count }, (_, i) => el("option", { value: i }, String(i))));
      }
      select.value = at;
    }
    find("[data-id=who]").replaceChildren(token(r, "q"));
    const lengths = [
      ["this pair's part", length.pair],
      ["this head, all tokens", length.head],
      ["all heads of the layer, with bias", length.layer],
      ["the residual stream it is added to", length.stream],
    ];
    find("[data-id=lengths]").replaceChildren(
      ...lengths.map(([name, x]) => el("tr", {}, el("td", {}, name), el("td", {}, format.number(x)))),
    );
  }

  // ---- pointing, keys and settings ----------------------------------------------------------------

  function hintTerm(i, event) {
    if (i === null) return tip.hide();
    tip.show(
      event.clientX,
      event.clientY,
      `dimension ${i}`,
      `query ${digits(picture.q[i], 5)} × key ${digits(picture.k[i], 5)} = ${digits(picture.terms[i], 5)}`,
    );
  }
  function hintValue(i, event) {
    if (i === null) return tip.hide();
    tip.show(
      event.clientX,
      event.clientY,
      `dimension ${i}`,
      `value ${digits(picture.v[i], 5)}`,
      `times the weight: ${digits(picture.v[i] * picture.weights[picture.column], 5)}`,
    );
  }
  function hintToken(i, event) {
    if (i === null) return tip.hide();
    tip.show(
      event.clientX,
      event.clientY,
      el("span", {}, token(i, ""), ` (${i})`),
      `score ${digits(picture.scores[i], 5)}, weight ${digits(picture.weights[i], 5)}`,
      `writes a vector of length ${digits(picture.lengths[i], 5)}: ${format.number(100 * picture.shares[i])} % of the whole`,
    );
  }

  find("[data-id=reading]").addEventListener("click", (event) => {
    const node = event.target.closest(".gb-token");
    if (node) pick(Number(node.dataset.at), null);
  });
  for (const id of ["layer", "head"]) {
    find(`[data-id=${id}]`).addEventListener("change", (event) => {
      event.target.blur(); // arrow keys go back to the heads
      focus.set({ head: [Number(find("[data-id=layer]").value), Number(find("[data-id=head]").value)] });
    });
  }
  find("[data-id=whose]").addEventListener("click", (event) => {
    if (!event.target.value || !picture) return;
    whose = event.target.value;
    address.set({ whose: whose === "head" ? null : whose });
    drawLogits();
  });

  on("key", (event) => {
    if (!picture || root.offsetParent === null) return;
    const within = (i, count) => Math.max(0, Math.min(count - 1, i)),
      head = headStep(event, [picture.layer, picture.head], picture.layers, picture.heads);
    if (head) {
      event.preventDefault();
      focus.set({ head });
    } else if (event.key === "," || event.key === ".") {
      pick(within(picture.row + (event.key === "," ? -1 : 1), picture.tokens.length), null);
    }
  });

  function redraw() {
    if (!picture) return;
    if (shown === wanted()) draw();
    else follow(); // the head or the pair was chosen in another view
  }
  return { refresh, theme: redraw, resize: redraw };
});
