// The Read view: a text's tokens, their ids and bytes, linked to one another, drawn anew as it is typed.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { closableMenu } from "../shared/menu.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { look, subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import * as chips from "../shared/tokens/chip.js";
import { edit } from "./edited_text.js";
import { fit } from "./fitting.js";
import { tokenLessons } from "./lessons.js";
import { tokenDecoding } from "./token_decoding.js";
import { tokenFlow } from "./token_flow.js";
import { shelf } from "./tokenizer_menu.js";

panel("read", ({ root, ask, upload, find, all, notice, say }) => {
  const MAX_TEXT = 1_000_000,
    WINDOW = 3000;
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));
  const sheet = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("");

  let source = "prompt",
    answer = null,
    sent = null,
    version = 0,
    window_ = null;
  let names = address.get("special") !== "tokens";
  const flow = tokenFlow(boxes.tokens, boxes.ids, (i, pinned) => detail(i, pinned));
  const request = () => ({ model: subject.model, step: subject.step, tok: shelf.chosen() });
  const menu = shelf.attach(boxes.shelf, { root, ask, upload, notice }, () => {
    read();
    decode();
  });
  const decode = tokenDecoding({ ask, find, request });

  // ---- asking: only what was typed is sent -----------------------------------------------------------

  const text = () => (source === "own" ? boxes.own.value : subject.prompt);

  async function update() {
    if (subject.model === null) return;
    const now = text(),
      place = window_ === null ? {} : { first: window_ },
      asked = { ...request(), ...place, sheet, version, names_are_text: names };
    if (now.length > MAX_TEXT) {
      throw new Refusal(`This text has ${format.whole(now.length)} characters; use at most ${format.whole(MAX_TEXT)}.`);
    }
    let fresh = await ask("read_text", sent === null ? { ...asked, text: now } : { ...asked, ...edit(sent, now) });
    if (fresh.gone) fresh = await ask("read_text", { ...asked, text: now });
    sent = now;
    window_ = null;
    version = fresh.version;
    teach();
    find(".gb-picture").classList.remove("gb-tk-stale");
    notice("");
    draw(fresh);
  }
  const attempt = async () => {
    try {
      await update();
    } catch (error) {
      find(".gb-picture").classList.add("gb-tk-stale"); // it stays, but it is of another text
      notice(error.message);
    }
  };
  /** One question at a time: an answer changes what the one before it drew. */
  let running = null,
    again = false;
  function read() {
    again = true;
    running ||= (async () => {
      while (again) {
        again = false;
        await attempt();
      }
    })().finally(() => {
      running = null;
    });
    return running;
  }

  // ---- drawing ---------------------------------------------------------------------------------------

  const count = (name, value, title) => el("div", { title }, el("dt", {}, name), el("dd", {}, value));
  const ratio = (a, b) => (b ? (a / b).toFixed(2) : "–");

  function draw(fresh) {
    answer = fresh;
    const { counts, total, n_ctx: context } = fresh;
    const unread = fresh.ref === "model" ? Math.max(0, total - context) : 0;
    flow.patch({ ...fresh, unread });
    boxes.name.textContent = fresh.name;
    boxes.about.textContent = fresh.about;
    boxes.counts.replaceChildren(
      count("bytes", format.whole(counts.bytes), "Bytes of the text in UTF-8"),
      count("characters", format.whole(counts.characters), "Unicode code points; an emoji can be several"),
      count(
        "graphemes",
        format.whole(counts.graphemes),
        "What a reader takes for one character: an emoji, a letter with its accents",
      ),
      count("words", format.whole(counts.words), "Stretches without white space"),
      count("tokens", format.whole(total)),
      count("bytes per token", ratio(counts.bytes, total)),
      count("tokens per word", ratio(total, counts.words)),
      count(
        `of a context of ${format.whole(context)}`,
        `${format.number((100 * total) / context)} %`,
        `This model reads at most ${format.whole(context)} tokens at once`,
      ),
    );
    boxes.detail.hidden = boxes.list.hidden = !total;
    boxes.empty.hidden = total > 0;
    boxes.empty.textContent = `${source === "own" ? "Type or paste a text" : "Type a prompt"} above: its tokens appear here.`;
    const { last } = fresh;
    boxes.pager.hidden = fresh.first === 0 && last === total;
    boxes.window.textContent =
      `Tokens ${format.whole(fresh.first + 1)} to ${format.whole(last)} of ${format.whole(total)} ` +
      "are drawn; the counts are of all.";
    boxes.back.disabled = fresh.first === 0;
    boxes.forth.disabled = last === total;
    boxes.remarks.textContent = [
      fresh.lost && `Lost on the way back: ${fresh.lost[0].toLowerCase()}${fresh.lost.slice(1)}`,
      unread &&
        `This model reads the last ${format.whole(context)} tokens; the first ${format.whole(unread)}, ` +
          "drawn without a border, are out of its sight.",
    ]
      .filter(Boolean)
      .join(" ");
    boxes.remarks.hidden = !boxes.remarks.textContent;
    const special = fresh.special_tokens,
      listed = special
        .slice(0, 6)
        .map(([name, id]) => `${name} (${id})`)
        .join(", ");
    boxes.special.textContent = special.length
      ? `Special here: ${listed}${special.length > 6 ? " and more" : ""}.`
      : "This vocabulary has no special tokens.";
    flow.pin(null);
    enlarge();
  }

  /** Few tokens fill the picture, each over its id. */
  function enlarge() {
    if (!answer) return;
    fit(boxes.tokens, answer.last - answer.first, 18, 52);
  }

  // ---- one token: id, bytes, and how it was made -----------------------------------------------------

  const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));

  function detail(i, pinned) {
    if (i === null || !answer) {
      boxes.detail.replaceChildren(
        el("p", { class: "gb-soft" }, "Point at a token or an id to see what it is made of."),
      );
      summary();
      return;
    }
    const { id, token, whole, note, place, times } = flow.facts(i);
    const turn = `${format.whole(place + 1)} of ${format.whole(answer.total)}`;
    say(`“${chips.spoken(token.parts)}” is token ${id}, in bytes ${token.hex}: ${turn}.`);
    boxes.detail.replaceChildren(
      chips.chip(id, token.parts, { more: "gb-tk-large" }),
      el(
        "dl",
        {},
        ...[
          fact("id", String(id)),
          fact(`byte${token.hex.includes(" ") ? "s" : ""}`, token.hex),
          fact("characters", codePoints(token.hex)),
          token.rank && fact("merge", format.whole(token.rank)),
          whole && fact("part of", chips.write(el("span"), [{ text: whole }])),
          note === "special" && fact("special", "stands for no text"),
          note && note !== "special" && fact("stands for", note),
          fact("place", turn),
          fact("here", times === 1 ? "once" : `${format.whole(times)} times`),
        ].filter(Boolean),
      ),
      el("div", { class: "gb-tk-steps", data: { id: "steps" } }),
    );
    if (pinned && token.rank) making(id, i);
  }

  /** In a room the line beneath says how many there are; at the desk it is the view's own sentence. */
  function summary() {
    const inRoom = document.body.classList.contains("gb-room");
    if (!inRoom || !answer?.total) return say();
    const { counts, total, name } = answer;
    say(
      `${name}: ${format.whole(counts.bytes)} bytes are ${format.whole(total)} tokens, ${ratio(counts.bytes, total)} bytes each.`,
    );
  }

  /** "3 (U+0065 ...)": code points, spelt out while they are few. */
  function codePoints(hex) {
    let found;
    try {
      const bytes = Uint8Array.from(hex.split(" "), (pair) => Number.parseInt(pair, 16));
      found = [...new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)];
    } catch {
      return "not a whole one";
    }
    const points = found.map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
    return found.length <= 4 ? `${found.length} (${points.join(" ")})` : String(found.length);
  }

  async function making(id, i) {
    const { steps } = await ask("explain_token", { ...request(), id }).catch(() => ({ steps: [] }));
    const box = boxes.detail.querySelector("[data-id=steps]");
    if (flow.pinned() !== i || !box) return;
    const line = ({ left, right, token, rank }) =>
      el(
        "span",
        { class: "gb-tk-step" },
        chips.chip(left.id, left.parts),
        "+",
        chips.chip(right.id, right.parts),
        "→",
        chips.chip(token.id, token.parts),
        el("span", { class: "gb-soft" }, `merge ${format.whole(rank)}`),
      );
    box.replaceChildren(el("span", { class: "gb-soft" }, "How it was made"), ...steps.map(line));
  }

  document.addEventListener("click", (event) => {
    // click away
    const inside = event.target instanceof Element && event.target.closest("[data-token], .gb-tk-detail");
    if (flow.pinned() !== null && !inside) flow.pin(null);
  });
  on("key", (event) => {
    if (event.key === "Escape" && flow.pinned() !== null) return flow.pin(null);
    if (!root.offsetParent || event.defaultPrevented || event.target.closest?.("button, summary")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, " ": 1 }[event.key];
    if (by && flow.step(by)) event.preventDefault();
  });

  // ---- settings --------------------------------------------------------------------------------------

  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      const ids = flow.ids(),
        before = button.textContent;
      const written = { json: JSON.stringify(ids), python: `ids = [${ids.join(", ")}]`, text: ids.join(" ") }[
        button.dataset.copy
      ];
      try {
        await navigator.clipboard.writeText(written);
        button.textContent = "copied";
        setTimeout(() => {
          button.textContent = before;
        }, 1200);
      } catch {
        notice("This browser lets no page copy here; select the ids and copy them yourself.", "info");
      }
    });
  }
  function choose(which) {
    source = which;
    boxes.own.hidden = which !== "own";
    if (which === "own" && !boxes.own.value) boxes.own.value = subject.prompt;
    for (const button of all("[data-source]"))
      button.setAttribute("aria-pressed", String(button.dataset.source === which));
    read();
  }
  for (const button of all("[data-source]")) button.addEventListener("click", () => choose(button.dataset.source));
  boxes.own.addEventListener("input", read);
  const turn = (to) => {
    window_ = Math.max(0, to);
    read();
  };
  boxes.back.addEventListener("click", () => turn(answer.first - WINDOW));
  boxes.forth.addEventListener("click", () => turn(answer.last));
  shelf.blanks(boxes.marks, (marks) => flow.show(marks));
  boxes.names.checked = names;
  boxes.names.addEventListener("change", () => {
    names = boxes.names.checked;
    address.set({ special: names ? null : "tokens" });
    read();
  });

  // ---- why it matters --------------------------------------------------------------------------------

  const reasons = new Map(
    tokenLessons.map((lesson) => [
      lesson,
      el(
        "button",
        {
          type: "button",
          onclick: () => {
            boxes.lessons.open = false;
            if (source !== "prompt") choose("prompt");
            shelf.choose("gpt2");
            look({ prompt: lesson.prompt });
          },
        },
        lesson.title,
      ),
    ]),
  );
  boxes.why.append(...reasons.values());
  closableMenu(boxes.lessons);

  /** A lesson stands there as long as its text does. */
  function teach() {
    const now = tokenLessons.find((lesson) => lesson.prompt === text());
    for (const [lesson, button] of reasons) button.setAttribute("aria-pressed", String(lesson === now));
    boxes.lesson.hidden = !now;
    if (!now) return;
    boxes.lesson.replaceChildren(now.says);
    if (!now.view) return;
    boxes.lesson.append(
      " ",
      el(
        "button",
        { type: "button", class: "gb-tk-copy", onclick: () => openView("tokenizer", now.view) },
        "See it in Compare",
      ),
    );
  }

  detail(null);
  return {
    refresh() {
      menu.settle();
      decode(); // the pasted ids mean something else to another tokenizer
      return read();
    },
    resize() {
      if (menu.settle()) read();
      enlarge();
      if (flow.pinned() === null) summary();
    },
  };
});
