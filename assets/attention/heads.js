// The Attention tab: joins the grid of heads, one head enlarged, the prompt as shaded text and the
// next-token bars. All of it comes from one forward pass; only a newly zoomed head's exact numbers
// are fetched later, and the picture doesn't wait for them.
glassbox.lens("heads", ({ ask, find, all, root, notice }) => {
  const { el, address, bytes, floats, format, heat, palette, rgb, tip, visible } = glassbox;
  // In the order of the scores that the server sends: kind, name of such a head, where it looks.
  const KINDS = [["previous", "previous token", "previous token"], ["first", "first token", "first token"],
    ["self", "self", "itself"], ["duplicate", "duplicate token", "same token before"],
    ["induction", "induction", "what followed it before"], ["diffuse", "diffuse", "evenly, everywhere"]];

  let picture = null;      // what trace_prompt answered, its bytes unpacked
  let exact = new Map();   // "layer.head" -> the float32 values of that head
  let at = pair(address.get("head"));
  let chosen = at !== null;  // a head that someone chose stays; otherwise each model opens on its clearest
  let pinned = cellFrom(address.get("cell")), hovered = null;
  let scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt";
  let muted = address.get("mute") === "1";
  let turn = 0, model = null;

  const grid = glassbox.headGrid(find("[data-id=grid]"), { onHover: hintHead, onPick: zoomTo });
  const zoom = glassbox.headZoom(find("[data-id=zoom]"), { onHover: hoverCell, onPick: pinCell });
  const reading = find("[data-id=reading]");

  function pair(text) {
    return /^\d{1,4}\.\d{1,4}$/.test(text ?? "") ? text.split(".").map(Number) : null;
  }
  function cellFrom(text) {
    const [row, column] = pair(text) ?? pair(`${text}.0`) ?? [];
    if (row === undefined || column > row) return null;
    return { row, column: pair(text) ? column : null };
  }

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(subject) {
    const mine = (turn += 1);
    if (!chosen && (subject.model !== model || picture?.tokens.length < 3)) at = null;
    let answer;
    try {
      answer = await ask("trace_prompt", { ...subject, layer: at?.[0], head: at?.[1] });
    } catch (error) {
      if (mine !== turn) return;
      find("[data-id=stage]").classList.add("gb-stale");  // the picture is of another subject than the bar says
      throw error;
    }
    if (mine !== turn) return;
    model = subject.model;
    find("[data-id=stage]").classList.remove("gb-stale");
    find("[data-id=empty]").hidden = answer.tokens.length > 0;
    find("[data-id=invite]").hidden = answer.tokens.length > 0;
    find("[data-id=stage]").hidden = answer.tokens.length === 0;
    if (!answer.tokens.length) { picture = null; return; }
    if (answer.note) notice(answer.note, "info");
    take(answer, subject);
    draw();
  }

  function take(answer, subject) {
    const ids = (tokens) => tokens.map((token) => token.id).join();
    if (picture && ids(picture.tokens) !== ids(answer.tokens)) pin(null);
    hovered = null;
    tip.hide();
    if (pinned && pinned.row >= answer.tokens.length) pin(null);
    const count = answer.layers * answer.heads;
    const cut = (values) => Array.from({ length: count }, (_, i) =>  // a piece for each head
      values.subarray((i * values.length) / count, ((i + 1) * values.length) / count));
    picture = { ...answer, subject: { ...subject, step: answer.step },
      weights: cut(heat.weights(bytes(answer.thumbnails))), rests: cut(floats(answer.rests)) };
    exact = new Map();
    at = keep(answer.zoomed);
  }

  /** Unpack one head's exact values; returns which head it was. */
  function keep({ layer, head, pattern, scores }) {
    const values = { pattern: floats(pattern), scores: floats(scores), rests: new Float32Array(picture.tokens.length) };
    for (let row = 0, k = 0; row < values.rests.length; row += 1, k += 1) {  // k skips each row's first column
      for (let column = 1; column <= row; column += 1) values.rests[row] += values.pattern[k += 1];
    }
    exact.set(`${layer}.${head}`, values);
    return [layer, head];
  }

  async function zoomTo(layer, head) {
    if (!picture) return;
    at = [layer, head];
    chosen = true;
    address.set({ head: at.join(".") });
    drawHead();
    if (exact.has(at.join("."))) return;
    const of = picture;
    try {
      const answer = await ask("read_head", { ...of.subject, layer, head });
      if (of !== picture) return;
      keep(answer);
      if (at.join(".") === `${layer}.${head}`) drawHead();
    } catch (error) { if (of === picture) notice(error.message); }
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const number = () => at[0] * picture.heads + at[1];
  const values = () => exact.get(at.join("."));
  const place = (row, column) => (row * (row + 1)) / 2 + column;

  /** "previous token 0.83", or null for a head that shows no kind. */
  function label(i) {
    const { kind, score } = picture.kinds[i];
    return score === null ? null : `${KINDS.find((known) => known[0] === kind)[1]} ${score.toFixed(2)}`;
  }

  function draw() {
    for (const button of all("[data-id=scale] button")) button.setAttribute("aria-pressed", String(button.value === scale));
    find("[data-id=mute]").checked = muted;
    find("[data-id=hatched]").hidden = !muted;
    find("[data-id=unit]").textContent = muted ? "share of the weight that is not on the first token" : "attention weight";
    const count = picture.tokens.length;
    find("[data-id=size]").textContent = `All ${picture.layers * picture.heads} heads, ${count} token${count > 1 ? "s" : ""}`;
    find("[data-id=pooled]").hidden = picture.side === picture.tokens.length;
    find("[data-id=pooled]").textContent = `Thumbnails have ${picture.side} cells a side; each shows the strongest weight in it.`;
    heat.legend(find("[data-id=legend]"), scale);
    grid.draw(picture, picture.weights.map((weights, i) =>
      heat.levels(weights, picture.side, scale, muted ? picture.rests[i] : null)), muted);
    glassbox.nextTokenBars(find("[data-id=next]"), picture.next);
    reading.replaceChildren(...picture.tokens.flatMap((token, i) => {
      const text = visible(token.text).replace(/·/g, (dot, k) => (token.text[k] === " " ? " " : dot));  // chips show spaces
      const node = el("span", { class: "gb-token", data: { at: i } }, text);
      return token.text.includes("\n") ? [node, el("br")] : [node];
    }));
    drawHead();
  }

  function drawHead() {
    const [layer, head] = at, name = `Layer ${layer}, head ${head}`, found = picture.kinds[number()];
    const fine = values(), side = fine ? picture.tokens.length : picture.side;
    const weights = fine?.pattern ?? picture.weights[number()], rests = fine?.rests ?? picture.rests[number()];
    find("[data-id=title]").textContent = name;
    find("[data-id=kind]").textContent = label(number()) ?? "unclear: nothing stands out here";
    find("[data-id=scores]").replaceChildren(...KINDS.map(([kind, , where], i) => {
      const score = found.scores[i];
      return el("tr", { class: found.kind === kind && "gb-here" }, el("td", {}, where),
        el("td", {}, el("i", { style: `width: ${100 * (score ?? 0)}%` })), el("td", {}, score === null ? "–" : score.toFixed(2)));
    }));
    grid.choose(layer, head);
    picture.levels = heat.levels(weights, side, scale, muted ? rests : null);
    zoom.draw(picture.tokens, picture.levels, side, muted, name);
    point();
  }

  /** The crosshair, the sentence and the text: everything that follows the chosen cell. */
  function point() {
    const here = pinned ?? hovered ?? { row: picture.tokens.length - 1, column: null };
    zoom.point(here, pinned !== null);
    shade(here);
    find("[data-id=readout]").replaceChildren(...sentence(here));
  }

  /** The prompt, each token shaded as in the chosen row. */
  function shade({ row, column }) {
    const map = palette("sequential"), side = values() ? picture.tokens.length : picture.side;
    const cell = (i) => Math.floor((i * side) / picture.tokens.length);
    for (const node of reading.querySelectorAll(".gb-token")) {
      const i = Number(node.dataset.at), seen = i <= row;
      const [r, g, b] = seen ? map[picture.levels[place(cell(row), cell(i))]] : [0, 0, 0];
      node.style.backgroundColor = seen ? rgb([r, g, b]) : "";
      node.style.color = seen ? (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16191f" : "#ffffff") : "";
      node.classList.toggle("gb-unseen", !seen);
      node.classList.toggle("gb-looks", i === row);
      node.classList.toggle("gb-looked", i === column);
      node.classList.toggle("gb-muted", muted && i === 0);
    }
  }

  const named = (i, kind) => [el("span", { class: `gb-${kind}` }, visible(picture.tokens[i].text)), ` (${i})`];
  const digits = (x) => String(Number(x.toPrecision(7))).replace("-", "−");

  function sentence({ row, column }) {
    const fine = values();
    if (!fine) return ["Reading the exact weights …"];
    if (row === 0 && column === null) return [...named(0, "from"), " comes first and can only look at itself."];
    if (column === null) {
      const weights = fine.pattern.subarray(place(row, 0), place(row, row) + 1);
      const best = weights.reduce((top, w, i) => (w > weights[top] ? i : top), 0);
      return [...named(row, "from"), " looks most at ", ...named(best, "to"), `: ${format.number(weights[best])} of its attention. `,
        el("span", { class: "gb-soft" }, "Point at a cell for its weight; a click keeps it.")];
    }
    const weight = fine.pattern[place(row, column)], score = fine.scores[place(row, column)];
    const percent = weight >= 0.001 ? ` (${format.probability(weight)})` : "";
    return [...named(row, "from"), " looks at ", ...named(column, "to"), ": weight ", el("b", {}, digits(weight)),
      `${percent}, score before softmax `, el("b", {}, digits(score)), ".",
      pinned ? el("span", { class: "gb-soft" }, " Kept; Esc lets go.") : ""];
  }

  // ---- pointing -----------------------------------------------------------------------------------

  function hintHead(head, event) {
    if (!head) return tip.hide();
    const [layer, h] = head;
    tip.show(event.clientX, event.clientY, `Layer ${layer}, head ${h}`, label(layer * picture.heads + h) ?? "unclear");
  }

  function hoverCell(cell, event) {
    if (!picture) return;
    if (pinned === null && JSON.stringify(cell) !== JSON.stringify(hovered)) {
      hovered = cell;
      point();
    }
    if (!cell || cell.column === null || pinned !== null || !values()) return tip.hide();
    const k = place(cell.row, cell.column);
    tip.show(event.clientX, event.clientY,
      el("span", {}, ...named(cell.row, "from"), " → ", ...named(cell.column, "to")),
      `weight ${digits(values().pattern[k])}`, `score before softmax ${digits(values().scores[k])}`);
  }

  function pin(cell) {
    pinned = cell;
    address.set({ cell: cell && (cell.column === null ? cell.row : `${cell.row}.${cell.column}`) });
  }
  function pinCell(cell) {
    if (!picture) return;
    pin(JSON.stringify(cell) === JSON.stringify(pinned) ? null : cell);
    hovered = null;
    tip.hide();
    point();
  }

  const tokenOf = (event) => event.target.closest?.(".gb-token");
  const rowOf = (node) => node && { row: Number(node.dataset.at), column: null };
  reading.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch" && tokenOf(event)) hoverCell(rowOf(tokenOf(event)), event);
  });
  reading.addEventListener("pointerleave", (event) => hoverCell(null, event));
  reading.addEventListener("click", (event) => { if (tokenOf(event)) pinCell(rowOf(tokenOf(event))); });
  root.addEventListener("click", (event) => {  // a click on nothing in particular lets go
    if (pinned && !event.target.closest(".gb-heads, .gb-zoom, .gb-reading, .gb-readout, .gb-rail, button")) pinCell(null);
  });

  // ---- keys and settings --------------------------------------------------------------------------

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const within = (i, count) => Math.max(0, Math.min(count - 1, i));

  glassbox.on("key", (event) => {
    if (!picture || root.offsetParent === null) return;
    if (event.key === "Escape" && pinned) pinCell(null);
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    if (!event.shiftKey) {
      zoomTo(within(at[0] + step[0], picture.layers), within(at[1] + step[1], picture.heads));
      return;
    }
    const { row, column } = pinned ?? { row: picture.tokens.length - 1, column: null };
    const down = within(row + step[0], picture.tokens.length);
    pin({ row: down, column: within((column ?? down + 1) + step[1], down + 1) });
    point();
  });

  find("[data-id=scale]").addEventListener("click", (event) => {
    if (!event.target.value) return;
    scale = event.target.value;
    address.set({ scale: scale === "sqrt" ? null : scale });
    if (picture) draw();
  });
  find("[data-id=mute]").addEventListener("change", (event) => {
    muted = event.target.checked;
    if (!event.target.matches(":focus-visible")) event.target.blur();  // after a click, arrow keys stay with the heads
    address.set({ mute: muted ? "1" : null });
    if (picture) draw();
  });
  find("[data-id=example]").addEventListener("click", () => glassbox.look({ prompt: "To be or not to be" }));

  const redraw = () => { if (picture) draw(); };
  return { refresh, theme: redraw, resize: redraw };
});
