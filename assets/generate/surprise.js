// The view that reads: a text coloured by surprise, by rank, or by how far two models are apart.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import { Refusal } from "../shared/server.js";
import { subject } from "../shared/subject.js";
import { withSigns } from "../shared/tokens/visible.js";
import { explainOn } from "./explaining.js";
import * as fields from "./fields.js";
import { fittedText } from "./fit_text.js";
import { drawRankShares, rankShade } from "./rank_shares.js";
import { readText, surpriseApart } from "./reading_text.js";
import { rivalMenu } from "./rival_menu.js";
import { surpriseTable } from "./surprise_table.js";
import { surpriseLines, surpriseSentence } from "./surprise_words.js";
import { paintRamp, tintChip } from "./token_chips.js";

panel("surprise", ({ root, ask, find, notice, say }) => {
  const letters = fittedText(() => [box], 2.4);
  const part = (id) => find(`[data-id=${id}]`);
  const MOST_BITS = 10,
    MOST_APART = 5,
    MOST_KEPT = 2000; // ends of the colours; characters that fit an address
  part("text").dir = "auto"; // from right to left where the text reads so
  const box = part("text"),
    paste = part("paste");
  let place = null,
    text = address.get("text") ?? null; // null: the prompt is read
  let reading = null,
    other = null,
    apart = [];
  let colour = "bits",
    turn = 0;

  const rival = rivalMenu(part("rival"), ask, { key: "rival", none: "no other model", changed: () => again(true) });
  rival.fill().catch((error) => notice(error.message));
  const chooseColour = fields.choice(part("colour"), "colour", "bits", (value) => {
    colour = value;
    paintAll();
  });

  // ---- which text ---------------------------------------------------------------------------------

  paste.value = text ?? "";
  let wait = null;
  paste.addEventListener("input", () => {
    text = paste.value === "" ? null : paste.value;
    address.set({ text: text && text.length <= MOST_KEPT ? text : null });
    clearTimeout(wait);
    wait = setTimeout(() => again(), 250);
  });
  part("prompt").addEventListener("click", () => {
    text = null;
    paste.value = "";
    address.set({ text: null });
    again();
  });

  async function refresh(subject) {
    place = { model: subject.model, step: subject.step };
    await read(text ?? subject.prompt, rival.place());
  }
  /** Read once more; failures go to the notice, as they do for refresh. */
  async function again(onlyOther = false) {
    notice("");
    try {
      await read(text ?? subject.prompt, rival.place(), onlyOther);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    }
  }

  async function read(words, second, onlyOther = false) {
    const mine = (turn += 1),
      go = () => mine === turn;
    part("which").textContent =
      words.length > MOST_KEPT
        ? "A text of this length does not fit into the page's address, so a link will not bring it back."
        : "";
    part("whose").hidden = text === null;
    root.setAttribute("aria-busy", "true");
    try {
      const first = onlyOther && reading ? reading : await readText(ask, place, words, timed("Reading"), go);
      if (!first) return;
      const rivals = second ? await readText(ask, second, words, timed("The other model reads"), go) : null;
      if (!go()) return;
      [reading, other] = [first, rivals];
      apart = other ? surpriseApart(reading, other) : [];
      draw();
    } catch (error) {
      if (!go()) return;
      reading = other = null;
      box.replaceChildren(
        el("span", { class: "gb-soft" }, "The text appears here, coloured, once the model can read it."),
      );
      for (const id of ["figures", "shares"]) part(id).replaceChildren();
      part("note").textContent = part("windows").textContent = "";
      throw error;
    } finally {
      if (go()) root.removeAttribute("aria-busy");
    }
  }

  /** What is done and how long the rest will take, once it takes long enough to wonder. */
  function timed(verb) {
    const began = performance.now();
    return (done, total) => {
      const passed = (performance.now() - began) / 1000;
      if (done < total && passed > 0.6) {
        part("note").textContent =
          `${verb}: window ${format.whole(done)} of ${format.whole(total)}, ${format.seconds((passed / done) * (total - done))} left`;
      }
    };
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const drawShares = () =>
    drawRankShares(
      part("shares"),
      reading.met.filter(Boolean).map(({ rank }) => rank),
    );

  function draw() {
    const { ids, vocabulary } = reading,
      decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const cut = []; // chips whose bytes are no whole character yet
    const chips = ids.map((id, i) => {
      const words = decoder.decode(vocabulary.bytes(id), { stream: true });
      const chip = el("span", { class: "gb-written-token", data: { at: i } });
      if (words) {
        for (const before of cut.splice(0)) {
          before.textContent = "";
          before.classList.add("gb-part");
        }
        chip.textContent = withSigns(words).replace(/\n/g, "⏎\n");
      } else {
        chip.textContent = vocabulary.label(id);
        cut.push(chip);
      }
      return chip;
    });
    box.replaceChildren(...chips);
    pointed = -1;
    letters.reset();
    hear(null);
    const difference = part("colour").querySelector("[value=apart]");
    const appears = difference.hidden && Boolean(other);
    difference.hidden = !other;
    if (appears && !address.get("colour")) chooseColour("apart");
    else if (!other && colour === "apart") chooseColour("bits");
    else paintAll();
    surpriseTable(part("figures"), reading, other, 0, ids.length);
    drawShares();
    drawSelection();
    part("note").textContent = reading.lost ? `Bits per byte can't be counted here: ${reading.lost}` : "";
    const half = Math.max(1, Math.floor(reading.nCtx / 2));
    part("windows").textContent =
      reading.windows > 1
        ? `The text is longer than the context of ${format.whole(reading.nCtx)} tokens, so it was read in ${format.whole(reading.windows)} windows that overlap by half: ` +
          `every token but the first ${format.whole(half)} had at least ${format.whole(half)} before it. A blue edge marks where a window begins to count.`
        : "Each token was read with all those before it. The first has none before it and is not scored.";
  }

  function paintAll() {
    const ends = {
      bits: ["expected", `${MOST_BITS} bits of surprise`],
      rank: ["rank 1", "beyond 1 000"],
      apart: [`this model knew better`, `the other did, by ${MOST_APART} bits`],
    }[colour];
    part("low").textContent = ends[0];
    part("high").textContent = ends[1];
    const map = { bits: "surprise", rank: "sequential", apart: "diverging" }[colour];
    paintRamp(part("ramp"), map);
    if (!reading) return;
    [...box.children].forEach((chip, i) => {
      const met = reading.met[i],
        gap = apart[i],
        starts = reading.starts.has(i);
      chip.classList.toggle("gb-unmet", !met);
      chip.classList.toggle("gb-window", starts);
      const at = !met
        ? null
        : colour === "bits"
          ? met.nats / Math.LN2 / MOST_BITS
          : colour === "rank"
            ? rankShade(met.rank)
            : gap
              ? 0.5 + gap.bits / MOST_APART / 2
              : null;
      if (at === null) chip.removeAttribute("style");
      else tintChip(chip, map, at);
    });
  }

  // ---- one token, and a selection -------------------------------------------------------------------

  const describe = (chip) => surpriseLines(reading, Number(chip.dataset.at), apart[Number(chip.dataset.at)]);
  const beside = explainOn(box, ".gb-written-token", describe, hear);
  let pointed = -1; // the token that the keys led to
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !reading || event.shiftKey) return;
    event.preventDefault();
    lead(pointed + step);
    beside(box.children[pointed]);
  });

  /** What is pointed at; without, the token that the keys led to, or in a room the most surprising one. */
  function hear(chip) {
    const i = chip ? Number(chip.dataset.at) : pointed >= 0 ? pointed : inRoom() ? bySurprise()[0] : null;
    say(!reading || i === null || i === undefined ? "" : surpriseSentence(reading, i));
  }
  /** Places of the tokens, the most surprising first. */
  const bySurprise = () =>
    reading
      ? [...reading.met.keys()].filter((i) => reading.met[i]).sort((a, b) => reading.met[b].nats - reading.met[a].nats)
      : [];

  function lead(to) {
    if (!reading) return;
    box.children[pointed]?.classList.remove("gb-looked");
    pointed = Math.min(box.children.length - 1, Math.max(0, to));
    box.children[pointed].classList.add("gb-looked");
    box.children[pointed].scrollIntoView({ block: "nearest" });
    hear(null);
  }
  leadBy(root, {
    ArrowRight: () => lead(pointed + 1),
    ArrowLeft: () => lead(pointed - 1),
    " ": () => {
      // from surprise to lesser surprise
      const order = bySurprise();
      if (order.length) lead(order[(order.indexOf(pointed) + 1) % order.length]);
    },
  });
  on("room", () => hear(null));
  box.addEventListener("click", (event) => {
    const chip = event.target.closest(".gb-written-token");
    if (chip && reading && event.pointerType === "touch") beside(chip);
  });

  function drawSelection() {
    const selection = getSelection(),
      range = selection.rangeCount ? selection.getRangeAt(0) : null;
    const inside = reading && range && !range.collapsed && range.intersectsNode(box);
    const marked = inside ? [...box.children].flatMap((chip, i) => (touches(range, chip) ? [i] : [])) : [];
    part("hint").hidden = marked.length > 0;
    part("selected").hidden = marked.length === 0;
    if (marked.length) surpriseTable(part("selected"), reading, other, marked[0], marked.at(-1) + 1);
  }
  /** Whether the range holds any of the chip's letters, and not only touches its edge. */
  function touches(range, chip) {
    const whole = document.createRange();
    whole.selectNodeContents(chip);
    return (
      range.compareBoundaryPoints(Range.END_TO_START, whole) < 0 &&
      range.compareBoundaryPoints(Range.START_TO_END, whole) > 0
    );
  }
  document.addEventListener("selectionchange", () => {
    if (reading && root.offsetParent !== null) drawSelection();
  });

  return {
    refresh,
    resize: letters.reset,
    theme() {
      if (reading) {
        paintAll();
        drawShares();
      }
    },
  };
});
