// Positions and embeddings: three pictures of the model's own tables. Which one is shown, the pinned
// token and the LayerNorm are in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { bytesOf, floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { visible } from "../shared/tokens/visible.js";
import { vocabularyOf } from "../shared/tokens/vocabulary.js";
import { tip } from "../shared/tooltip.js";
import { layerNorm } from "./layer_norm.js";
import { pointCloud } from "./point_cloud.js";
import { cosineLegend, positionWaves } from "./waves.js";

panel("positions_and_embeddings", ({ root, ask, find, all, notice, say }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const SAYS = {
    tokens: [
      "Every token is a vector; here all of them are seen from the side where they differ most.",
      "Search for a name or a number and look at its neighbours: what do they have in common?",
    ],
    positions: [
      "GPT-2 learns a vector for each position; the first transformer used waves of fixed lengths instead.",
      "Choose a model at the start of its training: at first every position is like only itself.",
    ],
    norm: [
      "LayerNorm evens a vector out, then stretches and shifts each entry as it has learned.",
      "Walk up the layers: what comes in grows and grows, what goes out far less.",
    ],
  };
  const asNumber = (key) => (/^\d{1,7}$/.test(address.get(key) ?? "") ? Number(address.get(key)) : null);

  let kind = address.get("space") in SAYS ? address.get("space") : "tokens";
  let place = null,
    turn = 0;
  let words = null; // vocabularyOf of the model's tokenizer
  let names = new Map(); // labels of tokens that were needed so far
  let small = null; // all labels in small letters, for the search
  let map = null; // what map_tokens answered, unpacked
  let near = new Map(); // id -> its neighbours
  let pinned = asNumber("token"),
    hovered = null;
  let positions = null,
    normed = null,
    norm = asNumber("norm"),
    position = asNumber("pos");

  const cloud = pointCloud(part("cloud"), { onHover: hover, onPick: pin });
  const codes = {
    learned: positionWaves(part("learned"), "learned", pointPair),
    sinusoidal: positionWaves(part("sinusoidal"), "sinusoidal", pointPair),
  };
  const bars = layerNorm(part("norm-bars"), pointEntry);

  // ---- which picture ------------------------------------------------------------------------------

  async function refresh(subject) {
    place = { model: subject.model, step: subject.step, prompt: subject.prompt };
    map = positions = normed = null;
    near = new Map();
    await load();
  }

  async function load() {
    const mine = (turn += 1);
    show();
    notice("");
    if (kind === "tokens" && !map) {
      const answer = await ask("map_tokens", { ...place, knows: words?.hash ?? "" });
      if (mine === turn) takeTokens(answer);
    } else if (kind === "positions" && !positions) {
      const answer = await ask("compare_positions", place);
      if (mine === turn) takePositions(answer);
    } else if (kind === "norm" && !normed) {
      const answer = await ask("read_norm", { ...place, norm: norm ?? 0, ...(position === null ? {} : { position }) });
      if (mine === turn) takeNorm(answer);
    }
    if (mine === turn) draw();
  }
  const safely = (work) => work.catch((error) => notice(error.message));

  function show() {
    for (const button of all("[data-id=kinds] button"))
      button.setAttribute("aria-pressed", String(button.value === kind));
    for (const stage of all("[data-kind]")) stage.hidden = stage.dataset.kind !== kind;
    part("empty").hidden = true;
    [part("lead").textContent, part("try").textContent] = SAYS[kind];
  }
  function draw() {
    if (kind === "tokens" && map) drawTokens();
    if (kind === "positions" && positions) drawPositions();
    if (kind === "norm" && normed) drawNorm();
  }
  part("kinds").addEventListener("click", (event) => {
    if (!event.target.value || event.target.value === kind) return;
    kind = event.target.value;
    address.set({ space: kind === "tokens" ? null : kind });
    if (place) safely(load());
  });

  // ---- token embeddings ---------------------------------------------------------------------------

  function takeTokens(answer) {
    if (answer.vocabulary.bytes !== undefined) {
      words = vocabularyOf(answer.vocabulary);
      names = new Map();
      small = null;
    }
    const V = words.size,
      long = (id) => words.bytes(id).length > 1;
    const ids = Array.from({ length: V }, (_, id) => id);
    map = {
      places: floatsOf(answer.places),
      shares: answer.shares,
      norms: floatsOf(answer.norms),
      width: answer.width,
      marked: answer.prompt,
      label: (id) => named(id),
      order: [...ids.filter(long), ...ids.filter((id) => !long(id))],
    };
    if (pinned !== null && pinned >= V) pinned = null;
    hovered = null;
  }
  const lower = () => (small ??= Array.from({ length: words.size }, (_, id) => named(id).toLowerCase()));
  function named(id) {
    if (!names.has(id)) names.set(id, words.label(id));
    return names.get(id);
  }

  function drawTokens() {
    cloud.draw(map);
    part("cloud-note").textContent = `${format.whole(words.size)} tokens, ${format.whole(map.width)} entries each`;
    describe();
    if (pinned !== null) {
      cloud.show(pinned);
      safely(know(pinned));
    }
    search();
  }

  /** The neighbours of a token, asked for once. */
  async function know(id) {
    const of = map;
    if (!near.has(id)) {
      const answer = await ask("find_neighbours", { ...place, id });
      if (of !== map) return;
      near.set(id, answer.neighbours);
    }
    if ((pinned ?? hovered) === id) describe();
  }

  function describe() {
    const id = pinned ?? hovered,
      found = near.get(id);
    cloud.star(
      id,
      (found ?? []).map(([other]) => other),
    );
    if (id === null) {
      part("token").replaceChildren(
        el("p", { class: "gb-small gb-soft" }, "Point at a token for its nearest neighbours; a click keeps it."),
      );
      return;
    }
    const rows = (found ?? []).map(([other, cosine]) =>
      el(
        "li",
        {},
        el("button", { type: "button", class: "gb-near", onclick: () => pin(other), title: "Go there" }, named(other)),
        el(
          "span",
          { class: "gb-next-bar", "aria-hidden": "true" },
          el("i", { style: `width: ${100 * Math.max(0, cosine)}%` }),
        ),
        el("span", { class: "gb-next-p" }, format.number(cosine)),
      ),
    );
    part("token").replaceChildren(
      el("h3", { class: "gb-positions-name" }, named(id)),
      el(
        "p",
        { class: "gb-small gb-soft" },
        `id ${id}, length ${format.number(map.norms[id])}`,
        pinned === id ? " · kept, Esc lets go" : "",
      ),
      el("h3", { class: "gb-heading" }, "Nearest by cosine"),
      found ? el("ol", { class: "gb-next" }, ...rows) : el("p", { class: "gb-small gb-soft" }, "Looking …"),
    );
  }

  let wait = null;
  function hover(id, event) {
    if (id === hovered && id !== null) return tip.show(event.clientX, event.clientY, ...hint(id));
    hovered = id;
    clearTimeout(wait);
    if (id === null) tip.hide();
    else {
      tip.show(event.clientX, event.clientY, ...hint(id));
      wait = setTimeout(() => safely(know(id)), near.has(id) ? 0 : 60);
    }
    if (pinned === null) describe();
  }
  const hint = (id) => [
    el("span", { class: "gb-mono" }, named(id)),
    `id ${id}, length ${format.number(map.norms[id])}`,
    ...(near.has(id)
      ? [
          `nearest: ${near
            .get(id)
            .slice(0, 4)
            .map(([other]) => named(other))
            .join("  ")}`,
        ]
      : []),
  ];

  function pin(id) {
    if (!map) return;
    pinned = id === pinned ? null : id;
    hovered = null;
    address.set({ token: pinned });
    tip.hide();
    if (pinned !== null) {
      cloud.show(pinned);
      safely(know(pinned));
    }
    describe();
  }

  /** Tokens that hold what was typed: the same first, then those that begin with it. */
  function search() {
    const wanted = visible(part("search").value.toLowerCase()),
      box = part("found");
    if (!wanted || !words) {
      box.replaceChildren();
      return;
    }
    const rank = (label) => {
      const at = label.indexOf(wanted);
      return at < 0
        ? 9
        : label.length === wanted.length
          ? 0
          : at === 0
            ? 1
            : label.length === wanted.length + 1
              ? 2
              : 3;
    };
    const hits = [];
    for (let id = 0; id < words.size; id += 1) {
      const order = rank(lower()[id]);
      if (order < 9) hits.push([order, id]);
    }
    hits.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    box.replaceChildren(
      ...hits.slice(0, 12).map(([, id]) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-near",
            onclick: () => {
              if (pinned !== id) pin(id);
            },
          },
          named(id),
        ),
      ),
      hits.length
        ? ""
        : el("span", { class: "gb-small gb-soft" }, "No token holds that; a longer word may be several tokens."),
    );
  }
  part("search").addEventListener("input", search);
  part("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") part("found").querySelector("button")?.click();
    if (event.key === "Escape") event.target.blur();
  });

  // ---- positions ----------------------------------------------------------------------------------

  function takePositions(answer) {
    const side = Math.ceil(answer.n_ctx / answer.every);
    const unpack = (code) => ({
      side,
      similar: bytesOf(code.similar),
      values: floatsOf(code.curves),
      shares: code.shares,
    });
    positions = {
      every: answer.every,
      n_ctx: answer.n_ctx,
      learned: unpack(answer.learned),
      sinusoidal: unpack(answer.sinusoidal),
    };
  }
  function drawPositions() {
    for (const [name, picture] of Object.entries(codes)) picture.draw(positions[name]);
    cosineLegend(part("cosines"));
    pointPair(null);
  }
  function pointPair(cell) {
    for (const picture of Object.values(codes)) picture.point(cell);
    const skipped = positions.every > 1 ? ` Every ${positions.every}th position is shown.` : "";
    if (!cell) {
      say(`${format.whole(positions.n_ctx)} positions. Point at a cell for its cosine in both codes.${skipped}`);
      return;
    }
    const [row, column] = cell,
      { every, learned, sinusoidal } = positions;
    const value = (code) => format.number(Math.round(100 * (code.similar[row * code.side + column] / 127 - 1)) / 100);
    const entry = (code) => format.number(code.values[row]);
    say(
      column === null
        ? `Position ${row * every}, first component: learned ${entry(learned)}, sinusoidal ${entry(sinusoidal)}.`
        : `Positions ${row * every} and ${column * every}: learned ${value(learned)}, sinusoidal ${value(sinusoidal)}.`,
    );
  }

  // ---- LayerNorm ----------------------------------------------------------------------------------

  function takeNorm(answer) {
    normed = answer;
    if (!answer.tokens.length) return;
    for (const name of ["before", "gain", "bias", "after"]) normed[name] = floatsOf(answer[name]);
    normed.normed = normed.before.map((x) => (x - answer.mean) / answer.std);
    if (answer.note) notice(answer.note, "info");
  }

  const nameOf = (number, layers) =>
    number === 2 * layers
      ? "last one, before the head"
      : `layer ${Math.floor(number / 2)}, before ${number % 2 ? "the MLP" : "attention"}`;

  function drawNorm() {
    const { tokens, layers } = normed,
      select = part("norm");
    part("norm-facts").hidden = tokens.length === 0;
    if (!tokens.length) {
      part("norm-tokens").replaceChildren(
        el(
          "p",
          { class: "gb-empty" },
          "Write a prompt at the top; its tokens appear here, and what LayerNorm makes of each.",
        ),
      );
      return;
    }
    if (select.options.length !== 2 * layers + 1) {
      select.replaceChildren(
        ...Array.from({ length: 2 * layers + 1 }, (_, i) => el("option", { value: i }, nameOf(i, layers))),
      );
    }
    select.value = normed.norm;
    part("norm-tokens").replaceChildren(
      ...tokens.map((token, i) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-token gb-norm-token",
            "aria-pressed": String(i === normed.position),
            onclick: () => choose({ at: i }),
          },
          visible(token.text),
        ),
      ),
    );
    const facts = [
      ["mean", normed.mean],
      ["standard deviation", normed.std],
      ["length in", length(normed.before)],
      ["length out", length(normed.after)],
    ];
    part("norm-facts").replaceChildren(
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, format.number(value)))),
    );
    bars.draw(normed);
    pointEntry(null);
  }
  const length = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

  function pointEntry(i) {
    bars.point(i);
    const n = (x) => (x < 0 ? `(${format.number(x)})` : format.number(x));
    say(
      i === null
        ? "Point at an entry to follow it down."
        : `Entry ${i}: (${n(normed.before[i])} − ${n(normed.mean)}) ÷ ${n(normed.std)} = ${n(normed.normed[i])}; ` +
            `× gain ${n(normed.gain[i])} + bias ${n(normed.bias[i])} = ${n(normed.after[i])}.`,
    );
  }
  async function choose({ at = normed.position, number = normed.norm }) {
    [position, norm, normed] = [at, number, null];
    address.set({ pos: position, norm: norm || null });
    await safely(load());
  }
  part("norm").addEventListener("change", (event) => choose({ number: Number(event.target.value) }));

  on("key", (event) => {
    if (event.key === "Escape" && pinned !== null && kind === "tokens" && root.offsetParent !== null) pin(null);
  });

  show();
  return { refresh, theme: draw, resize: draw };
});
