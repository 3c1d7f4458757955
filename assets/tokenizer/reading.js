// The Tokenizer lens: the prompt's tokens, their ids and bytes, linked to one another; or the same
// prompt under all tokenizers, in rows that line up.
glassbox.lens("reading", ({ root, ask, find, all, notice }) => {
  const { el, format, address, chips, tokenRows, tip, on, subject } = glassbox;
  const DRAWN = 2000;  // tokens; more than a screen can show, few enough to redraw on every key
  const KINDS = all("[name=gb-tk-kind]");
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));

  let kind = KINDS.some((radio) => radio.value === address.get("tok")) ? address.get("tok") : "model";
  let view = address.get("tokview") === "compare" ? "compare" : "one";
  let marks = address.get("blanks") !== "off";
  let answer = null, tokenNodes = [], idNodes = [], occurrences = new Map(), pinned = null, lit = [], asked = 0;

  // ---- asking and drawing ---------------------------------------------------------------------------

  async function show({ model, step, prompt }) {
    const mine = ++asked;
    const fresh = await ask(view === "one" ? "read_tokens" : "compare_tokens", { model, step, kind, text: prompt })
      .catch((error) => {
        if (mine !== asked) return;
        find(".gb-picture").classList.add("gb-tk-stale");  // it stays, but it is of another text
        throw error;
      });
    if (mine !== asked) return;
    find(".gb-picture").classList.remove("gb-tk-stale");
    notice("");
    if (view === "one") drawOne(fresh);
    else drawCompare(fresh);
  }
  const again = () => subject.model !== null
    && show(subject).catch((error) => notice(error.message));

  function count(name, value, title) {
    return el("div", { title }, el("dt", {}, name), el("dd", {}, value));
  }

  function drawCounts({ counts, ids, n_ctx: context }) {
    boxes.counts.replaceChildren(
      count("bytes", format.whole(counts.bytes), "Bytes of the text in UTF-8"),
      count("characters", format.whole(counts.characters), "Unicode code points; an emoji can be several"),
      count("words", format.whole(counts.words), "Stretches without white space"),
      ...(ids ? [count("tokens", format.whole(ids.length)),
        count("bytes per token", ids.length ? (counts.bytes / ids.length).toFixed(2) : "–"),
        count(`of a context of ${format.whole(context)}`, tokenRows.share(ids.length, context),
          `This model reads at most ${format.whole(context)} tokens at once`)] : []));
  }

  function drawOne(fresh) {
    answer = fresh;
    const { ids } = answer;
    const unread = kind === "model" ? Math.max(0, ids.length - answer.n_ctx) : 0;
    boxes.name.textContent = answer.name;
    boxes.about.textContent = answer.about;
    drawCounts(answer);
    const drawn = chips.flow(answer, { limit: DRAWN, marks, unread });
    tokenNodes = drawn.chips;
    boxes.detail.hidden = boxes.list.hidden = !ids.length;
    boxes.tokens.replaceChildren(...(ids.length ? drawn.nodes
      : [el("p", { class: "gb-empty" }, "Type a prompt above: its tokens appear here.")]));
    occurrences = new Map();
    ids.forEach((id, i) => {
      if (occurrences.has(id)) occurrences.get(id).push(i);
      else occurrences.set(id, [i]);
    });
    drawIds(ids);
    drawRemarks(unread);
    pin(null);
  }

  function drawIds(ids) {
    idNodes = ids.slice(0, DRAWN).map((id, i) => el("span", { data: { i } }, String(id)));
    const list = idNodes.flatMap((node, i) => (i ? [", ", node] : [node]));
    if (ids.length > DRAWN) list.push(`, … ${format.whole(ids.length - DRAWN)} more`);
    boxes.ids.replaceChildren("[", ...list, "]");
  }

  function drawRemarks(unread) {
    const said = [answer.lost && `Lost on the way back: ${answer.lost[0].toLowerCase()}${answer.lost.slice(1)}`,
      unread && `This model reads the last ${format.whole(answer.n_ctx)} tokens; `
        + `the first ${format.whole(unread)}, drawn without a border, are out of its sight.`,
      answer.ids.length > DRAWN && `The first ${format.whole(DRAWN)} tokens are drawn; `
        + `${format.whole(answer.ids.length - DRAWN)} more follow. The counts are of all of them.`];
    boxes.remarks.textContent = said.filter(Boolean).join(" ");
    boxes.remarks.hidden = !boxes.remarks.textContent;
  }

  // ---- one token: chip, id, bytes and every other place ---------------------------------------------

  function light(i) {
    for (const node of lit) node.classList.remove("gb-tk-on", "gb-tk-same");
    lit = [];
    if (i === null) return drawDetail(null);
    for (const j of occurrences.get(answer.ids[i])) {
      for (const node of [tokenNodes[j], idNodes[j]]) {
        if (!node) continue;
        node.classList.add(j === i ? "gb-tk-on" : "gb-tk-same");
        lit.push(node);
      }
    }
    const list = boxes.ids, at = idNodes[i];  // its id may be scrolled out of the list; the page stays put
    if (at.offsetTop < list.scrollTop || at.offsetTop + at.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = at.offsetTop - list.clientHeight / 2;
    }
    drawDetail(i);
  }

  const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));

  function drawDetail(i) {
    if (i === null) {
      boxes.detail.replaceChildren(el("p", { class: "gb-soft" }, "Point at a token or an id to see what it is made of."));
      return;
    }
    const id = answer.ids[i], token = answer.tokens[id], here = occurrences.get(id).length;
    const cluster = answer.clusters.find(([first, size]) => i >= first && i < first + size);
    const word = answer.unknown.find(([at]) => at === i);
    boxes.detail.replaceChildren(
      chips.chip(id, token.parts, { more: "gb-tk-large" }),
      el("dl", {}, ...[
        fact("id", String(id)),
        fact(`byte${token.hex.includes(" ") ? "s" : ""}`, token.hex),
        fact("characters", codePoints(token.hex)),
        token.rank && fact("merge", format.whole(token.rank)),
        cluster && fact("part of", chips.write(el("span"), [{ text: cluster[2] }])),
        word && fact("stands for", word[1]),
        fact("here", here === 1 ? "once" : `${format.whole(here)} times`),
      ].filter(Boolean)),
      el("div", { class: "gb-tk-steps", data: { id: "steps" } }));
  }

  /** "3 (U+0065 ...)": code points, spelt out while they are few. */
  function codePoints(hex) {
    let points;
    try {
      const bytes = Uint8Array.from(hex.split(" "), (pair) => Number.parseInt(pair, 16));
      points = [...new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)];
    } catch { return "not a whole one"; }
    const names = points.map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
    return points.length <= 4 ? `${points.length} (${names.join(" ")})` : String(points.length);
  }

  async function pin(i) {
    pinned = i;
    light(i);
    if (i === null || answer.tokens[answer.ids[i]].rank === null) return;
    const { model, step } = subject;
    const { steps } = await ask("explain_token", { model, step, kind, id: answer.ids[i] }).catch(() => ({ steps: [] }));
    const box = boxes.detail.querySelector("[data-id=steps]");
    if (pinned !== i || !box) return;
    const line = ({ left, right, token, rank }) => el("span", { class: "gb-tk-step" },
      chips.chip(left.id, left.parts), "+", chips.chip(right.id, right.parts), "→", chips.chip(token.id, token.parts),
      el("span", { class: "gb-soft" }, `merge ${format.whole(rank)}`));
    box.replaceChildren(el("span", { class: "gb-soft" }, "How it was made"), ...steps.map(line));
  }

  const indexOf = (event) => {
    const node = event.target instanceof Element && event.target.closest("[data-i]");
    return node ? Number(node.dataset.i) : null;
  };
  for (const box of [boxes.tokens, boxes.ids]) {
    box.addEventListener("pointerover", (event) => {
      if (pinned === null && event.pointerType !== "touch") light(indexOf(event));
    });
    box.addEventListener("pointerleave", () => pinned === null && light(null));
    box.addEventListener("click", (event) => { const i = indexOf(event); pin(i === pinned ? null : i); });
  }
  document.addEventListener("click", (event) => {  // click away
    const inside = event.target instanceof Element && event.target.closest("[data-i], .gb-tk-detail");
    if (pinned !== null && !inside) pin(null);
  });
  on("key", (event) => event.key === "Escape" && pinned !== null && pin(null));

  // One stop for the Tab key, then the arrows.
  boxes.tokens.addEventListener("focusin", (event) => {
    const i = indexOf(event);
    if (i !== null && pinned === null) light(i);
  });
  boxes.tokens.addEventListener("focusout", () => pinned === null && light(null));
  boxes.tokens.addEventListener("keydown", (event) => {
    const i = indexOf(event);
    if (i === null) return;
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tokenNodes.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") pin(i === pinned ? null : i);
    else if (to === undefined || !tokenNodes[to]) return;
    else {
      tokenNodes[i].tabIndex = -1;
      tokenNodes[to].tabIndex = 0;
      if (pinned !== null) pin(null);
      tokenNodes[to].focus();
    }
    event.preventDefault();
  });

  boxes.copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(JSON.stringify(answer.ids));
      boxes.copy.textContent = "Copied";
      setTimeout(() => { boxes.copy.textContent = "Copy as JSON"; }, 1200);
    } catch { notice("This browser lets no page copy here; select the ids and copy them yourself.", "info"); }
  });

  // ---- all tokenizers on the same text --------------------------------------------------------------

  let compared = null;
  function drawCompare(fresh) {
    boxes.name.textContent = "Five tokenizers, one text";
    boxes.about.textContent = "the same words stand above one another";
    drawCounts(fresh);
    boxes.counted.hidden = false;
    boxes.table.replaceChildren(...tokenRows.table(fresh, (row) => choose(row.kind, "one")));
    boxes.aligned.replaceChildren(...tokenRows.columns(fresh, marks));
    tokenRows.label(boxes.aligned, fresh.rows);
    compared = fresh.rows;
    const rest = fresh.counts.bytes - fresh.bytes_drawn;
    const said = fresh.rows.filter((row) => row.error).map((row) => `${row.name}: ${row.error}`);
    if (rest) said.push(`Only the first ${format.bytes(fresh.bytes_drawn)} of the text are drawn; the table counts all of it.`);
    boxes.drawn.textContent = said.join(" ");
    boxes.drawn.hidden = !said.length;
  }
  boxes.aligned.addEventListener("pointerover", (event) => {
    const node = event.target instanceof Element && event.target.closest("[data-tip]");
    if (node) tip.show(event.clientX, event.clientY, ...node.dataset.tip.split("\u0000"));
    else tip.hide();
  });
  boxes.aligned.addEventListener("pointerleave", () => tip.hide());

  // ---- settings -------------------------------------------------------------------------------------

  function choose(newKind, newView) {
    kind = newKind;
    view = newView;
    follow();
    decode();
    again();
  }

  function follow() {
    const shared = { tok: kind === "model" ? null : kind, tokview: view === "one" ? null : view };
    address.set({ ...shared, blanks: marks ? null : "off" });
    for (const radio of KINDS) radio.checked = radio.value === kind;
    boxes.marks.checked = marks;
    boxes.one.hidden = view !== "one";
    boxes.compare.hidden = view !== "compare";
    for (const button of all("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  for (const radio of KINDS) radio.addEventListener("change", () => choose(radio.value, "one"));
  for (const button of all("[data-view]")) button.addEventListener("click", () => choose(kind, button.dataset.view));
  boxes.marks.addEventListener("change", () => { marks = boxes.marks.checked; choose(kind, view); });

  // ---- ids back to text -----------------------------------------------------------------------------

  const decode = glassbox.latest(async () => {
    const ids = boxes.paste.value;
    let text = "", note = "";
    if (ids.trim()) {
      try {
        const { model, step } = subject;
        const back = await ask("decode_ids", { model, step, kind, ids });
        text = back.text;
        const broken = back.broken.slice(0, 4).join(", ");
        if (broken) note = `The bytes ${broken} are no whole character, so � stands for them.`;
      } catch (error) { note = error.message; }
    }
    boxes.decoded.textContent = text;
    boxes["decode-note"].textContent = note;
    boxes.use.hidden = !text;
  });
  boxes.paste.addEventListener("input", decode);
  boxes.use.addEventListener("click", () => glassbox.look({ prompt: boxes.decoded.textContent }));

  follow();
  return {
    refresh(now) {
      decode();  // the pasted ids mean something else to another tokenizer
      return show(now);
    },
    resize() { if (view === "compare" && compared) tokenRows.label(boxes.aligned, compared); },
  };
});
