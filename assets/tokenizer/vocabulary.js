// The Vocabulary view: a search over all tokens, two histograms that filter it, and the making of one token.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { panel } from "../shared/panel.js";
import { roving } from "../shared/roving.js";
import { subject } from "../shared/subject.js";
import * as chips from "../shared/tokens/chip.js";
import { tip } from "../shared/tooltip.js";
import { shelf } from "./tokenizer_menu.js";

panel("vocabulary", ({ root, ask, upload, all, notice, say }) => {
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));
  const LONGEST = 24;
  const request = () => ({ model: subject.model, step: subject.step, tok: shelf.chosen() });
  const menu = shelf.attach(boxes.shelf, { root, ask, upload, notice }, () => fresh());
  let filter = { length: null, byte: null },
    tokens = [],
    asked = 0,
    pinned = null;

  // ---- asking ----------------------------------------------------------------------------------------

  async function search(start = 0) {
    const mine = ++asked;
    const counted = boxes.corpus.value;
    try {
      const answer = await ask("search_vocabulary", {
        ...request(),
        query: boxes.query.value,
        start,
        order: boxes.order.value === "count" && !counted ? "id" : boxes.order.value,
        unused: Boolean(counted) && boxes.unused.checked,
        ...(counted
          ? { corpus: counted === "prompt" ? "pasted" : counted, text: counted === "prompt" ? subject.prompt : "" }
          : {}),
        ...(filter.length ? { length: filter.length } : {}),
        ...(filter.byte === null ? {} : { byte: filter.byte }),
      });
      if (mine !== asked) return;
      notice("");
      draw(answer, start);
    } catch (error) {
      if (mine === asked) notice(error.message);
    }
  }
  function fresh() {
    filter = { length: null, byte: null };
    return search();
  }

  async function fill() {
    const { texts } = await ask("list_corpora"),
      wanted = boxes.corpus.value || address.get("lexin", "");
    boxes.corpus.replaceChildren(
      el("option", { value: "" }, "No text"),
      el("option", { value: "prompt" }, "The prompt"),
      ...texts.map((text) => el("option", { value: text.ref }, text.title)),
    );
    boxes.corpus.value = wanted;
    if (boxes.corpus.selectedIndex < 0) boxes.corpus.value = "";
  }

  // ---- drawing ---------------------------------------------------------------------------------------

  const settleWords = roving(boxes.words, "button"),
    settleLengths = roving(boxes.lengths, "button:not(:disabled)", { chosen: "[aria-pressed=true]" }),
    settleBytes = roving(boxes.bytes, "button:not(:disabled)", { chosen: "[aria-pressed=true]" });

  function draw(answer, start) {
    boxes.name.textContent = answer.name;
    boxes.about.textContent = answer.about;
    const narrowed = answer.total < answer.vocab_size;
    const everything = `${format.whole(answer.vocab_size)} tokens`;
    boxes.found.textContent = narrowed ? `${format.whole(answer.total)} of ${everything}` : `All ${everything}`;
    boxes.clear.hidden = !narrowed;
    boxes["unused-row"].hidden = answer.never === null;
    const where = answer.text === "Your text" ? "the prompt" : answer.text;
    boxes.never.textContent =
      answer.never === null ? "" : `${format.whole(answer.never)} of ${everything} never occur in ${where}.`;
    if (start === 0) {
      boxes.words.replaceChildren();
      tokens = [];
    }
    boxes.words.append(
      ...answer.tokens.map((token) => {
        const node = el(
          "button",
          { type: "button", class: "gb-tk-word", data: { id: token.id }, onclick: () => pin(token, node) },
          chips.chip(token.id, token.parts, { more: token.special ? "gb-tk-special" : "" }),
          el("small", {}, token.count === null ? String(token.id) : `× ${format.whole(token.count)}`),
        );
        return node;
      }),
    );
    settleWords();
    if (!answer.total) boxes.words.append(el("p", { class: "gb-empty" }, "No token is like that."));
    tokens.push(...answer.tokens);
    boxes.more.hidden = tokens.length >= answer.total;
    const list = boxes.words.parentElement;
    if (!boxes.more.hidden && list.scrollHeight <= list.clientHeight) search(tokens.length); // there is room for more
    drawLengths(answer.lengths);
    settleLengths();
    drawBytes(answer.bytes);
    settleBytes();
    if (start === 0) pin(null);
  }

  function drawLengths(lengths) {
    const most = Math.max(...lengths);
    boxes.lengths.replaceChildren(
      ...lengths.slice(1).map((count, i) => {
        const length = i + 1,
          name = length === LONGEST ? `${LONGEST}+` : String(length);
        return el(
          "button",
          {
            type: "button",
            "aria-pressed": String(filter.length === length),
            disabled: !count,
            "aria-label": `${format.whole(count)} tokens of ${name} bytes`,
            onclick: () => {
              filter.length = filter.length === length ? null : length;
              search();
            },
          },
          el("i", { style: `height: ${count ? Math.max(2, (100 * count) / most) : 0}%` }),
          el("small", {}, length === 1 || length % 4 === 0 ? name : ""),
        );
      }),
    );
  }

  const byteName = (byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte === 0x20 ? "·" : "");

  function drawBytes(counts) {
    const most = Math.max(...counts.map(Math.log1p));
    boxes.bytes.replaceChildren(
      ...counts.map((count, byte) => {
        const share = count ? Math.round(12 + (68 * Math.log1p(count)) / most) : 0;
        const hex = byte.toString(16).padStart(2, "0");
        return el(
          "button",
          {
            type: "button",
            "aria-pressed": String(filter.byte === byte),
            disabled: !count,
            "aria-label": `${format.whole(count)} tokens begin with ${hex} ${byteName(byte)}`,
            style: `--share: ${share}%`,
            onclick: () => {
              filter.byte = filter.byte === byte ? null : byte;
              search();
            },
          },
          byteName(byte),
        );
      }),
    );
  }
  for (const box of [boxes.bytes, boxes.lengths]) {
    box.addEventListener("pointerover", (event) => {
      const node = event.target instanceof Element && event.target.closest("button");
      if (node) tip.show(event.clientX, event.clientY, node.getAttribute("aria-label"));
      else tip.hide();
    });
    box.addEventListener("pointerleave", () => tip.hide());
  }

  // ---- one token, and how it was made ----------------------------------------------------------------

  async function pin(token, node) {
    for (const other of boxes.words.querySelectorAll(".gb-tk-picked")) other.classList.remove("gb-tk-picked");
    pinned = token === null || pinned === token.id ? null : token.id;
    if (pinned === null) {
      boxes.detail.replaceChildren(el("p", { class: "gb-soft" }, "Choose a token to see how it was made."));
      summary();
      return;
    }
    node.classList.add("gb-tk-picked");
    node.scrollIntoView({ block: "nearest" });
    const learnt = token.rank ? `, merge ${format.whole(token.rank)}` : "",
      found = token.count === null ? "" : `; ${format.whole(token.count)} times in the text`;
    say(`“${chips.spoken(token.parts)}” is token ${token.id}, in bytes ${token.hex}${learnt}${found}.`);
    const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
    const tree = el("div", { class: "gb-tk-tree" });
    boxes.detail.replaceChildren(
      chips.chip(token.id, token.parts, { more: "gb-tk-large" }),
      el(
        "dl",
        {},
        ...[
          fact("id", String(token.id)),
          fact("bytes", token.hex),
          token.rank && fact("merge", format.whole(token.rank)),
          token.count !== null && fact("in the text", format.whole(token.count)),
        ].filter(Boolean),
      ),
      tree,
    );
    try {
      const { steps } = await ask("explain_token", { ...request(), id: token.id });
      if (pinned !== token.id || !steps.length) return;
      tree.append(grow(token.id, new Map(steps.map((step) => [step.token.id, step])), token.parts));
    } catch (error) {
      notice(error.message);
    }
  }

  /** In a room the line beneath says what is listed; at the desk it is the view's own sentence. */
  function summary() {
    const inRoom = document.body.classList.contains("gb-room");
    say(inRoom ? `${boxes.name.textContent}: ${boxes.found.textContent.toLowerCase()}.` : "");
  }

  /** The token on top, under it the two it was made of, down to the bytes. */
  function grow(id, steps, parts) {
    const step = steps.get(id),
      chip = chips.chip(id, parts);
    if (!step) return el("div", { class: "gb-tk-node" }, chip);
    chip.title = `merge ${format.whole(step.rank)}`;
    return el(
      "div",
      { class: "gb-tk-node" },
      chip,
      el("small", { class: "gb-soft" }, format.whole(step.rank)),
      el(
        "div",
        { class: "gb-tk-children" },
        grow(step.left.id, steps, step.left.parts),
        grow(step.right.id, steps, step.right.parts),
      ),
    );
  }

  // ---- settings --------------------------------------------------------------------------------------

  let wait = null;
  boxes.query.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(search, 120);
  });
  for (const box of [boxes.order, boxes.unused]) box.addEventListener("input", () => search());
  boxes.corpus.addEventListener("input", () => {
    address.set({ lexin: boxes.corpus.value || null });
    if (!boxes.corpus.value) boxes.unused.checked = false;
    search();
  });
  boxes.clear.addEventListener("click", () => {
    boxes.query.value = "";
    boxes.unused.checked = false;
    fresh();
  });
  boxes.more.addEventListener("click", () => search(tokens.length));
  on("key", (event) => {
    if (event.key === "Escape" && pinned !== null) return pin(null);
    const by = { ArrowRight: 1, ArrowDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by || !root.offsetParent || event.target.closest?.("summary")) return;
    if (event.key === " " && event.target.closest?.("button")) return;
    const to = tokens.findIndex((token) => token.id === pinned) + by,
      node = boxes.words.children[to];
    if (!tokens[to]) return;
    event.preventDefault();
    pin(tokens[to], node);
  });
  for (const button of all("[data-form]")) {
    button.addEventListener("click", () =>
      shelf.download(ask, request(), button.dataset.form).catch((error) => notice(error.message)),
    );
  }

  return {
    async refresh() {
      menu.settle();
      await fill();
      return search();
    },
    resize() {
      if (menu.settle()) fresh();
      else if (pinned === null) summary();
    },
  };
});
