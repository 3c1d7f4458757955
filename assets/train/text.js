// Train, the text: a card of what the form has chosen.
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { visible } from "../shared/tokens/visible.js";
import { shownRun } from "./shown_run.js";

panel("text", ({ ask, notice, say, find, root }) => {
  let shownFor = null,
    told = null, // the card on show
    row = 0; // the frequent token that the line beneath speaks of

  const write = (id, text) => {
    find(`[data-id=${id}]`).textContent = text;
  };
  /** Rows of a name, a bar and a number; bars are shares of the greatest value. */
  function bars(id, rows) {
    const most = Math.max(...rows.map((row) => row.value));
    find(`[data-id=${id}]`).replaceChildren(
      ...rows.flatMap(({ name, value, text, mono, plain }) => [
        el("span", { class: mono ? "gb-mono" : null }, name),
        el("i", { class: plain ? "gb-plain" : null, style: `width:${(100 * value) / most}%` }),
        el("b", {}, text),
      ]),
    );
  }

  const load = latest(async () => {
    const settings = shownRun.settings();
    if (!settings || !root.offsetParent) return;
    const { corpus, tokenizer, vocab_size, origin } = settings,
      key = JSON.stringify([corpus, tokenizer, vocab_size, origin]);
    if (key === shownFor) return;
    root.setAttribute("aria-busy", "true");
    try {
      const card = await ask("describe_corpus", { corpus, tokenizer, vocab_size, origin });
      shownFor = key;
      notice("");
      draw(card);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    } finally {
      root.removeAttribute("aria-busy");
    }
  });

  function draw(card) {
    find("[data-id=card]").hidden = false;
    find("[data-id=empty]").hidden = true;
    [told, row] = [card, 0];
    write("title", card.title);
    write("source", `${card.source} · licence: ${card.licence}`);
    write("c-bytes", format.bytes(card.n_bytes));
    write("c-characters", format.whole(card.n_characters));
    write("c-tokens", format.whole(card.n_tokens));
    write("c-per", format.number(card.bytes_per_token));
    write("c-vocab", format.whole(card.vocab_size));
    write("c-used", format.probability(card.vocab_used / card.vocab_size));
    write("sample", card.sample);
    const losses = [
      ["all tokens alike", card.even_loss],
      ["single tokens counted", card.unigram_loss],
      ["pairs of tokens counted", card.bigram_loss],
      ["the floor: no model gets lower", card.floor?.value],
    ];
    const known = losses.filter(([, value]) => value !== null && value !== undefined);
    bars(
      "losses",
      known.map(([name, value], i) => ({
        name,
        value,
        plain: i === known.length - 1 && Boolean(card.floor),
        text: `${format.number(value)} · ${format.number(value / Math.LN2 / card.bytes_per_token)} bits a byte`,
      })),
    );
    bars(
      "frequent",
      card.most_frequent.map(({ text, count }) => ({
        name: visible(text),
        value: count,
        mono: true,
        text: `${format.whole(count)} · ${format.probability(count / card.n_tokens)}`,
      })),
    );
    speak();
  }

  /** The line beneath the card: one of its frequent tokens, and what it has to do with the loss. */
  function speak() {
    if (!told?.most_frequent.length) return say();
    const cells = [...find("[data-id=frequent]").children],
      { text, count } = told.most_frequent[row],
      share = count / told.n_tokens;
    cells.forEach((cell, i) => cell.classList.toggle("gb-chosen-row", Math.floor(i / 3) === row && i % 3 !== 1));
    say(
      `“${visible(text)}” stands in it ${format.whole(count)} times, ${(100 * share).toPrecision(3)} % of all tokens: ` +
        `whoever knows only that is surprised by ${format.number(-Math.log(share))} nats when it comes.`,
    );
  }
  const choose = (to) => {
    row = Math.max(0, Math.min(told.most_frequent.length - 1, to));
    speak();
    find("[data-id=frequent]").children[3 * row].scrollIntoView({ block: "nearest" });
  };
  find("[data-id=frequent]").addEventListener("pointermove", ({ target }) => {
    const i = [...find("[data-id=frequent]").children].indexOf(target);
    if (i < 0) return;
    row = Math.floor(i / 3);
    speak();
  });
  on("key", (event) => {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    if (!by || !told || !root.offsetParent) return;
    event.preventDefault();
    choose(row + by);
  });

  const shown = () => load();
  on("recipe", shown);
  return { resize: shown };
});
