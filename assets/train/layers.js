// Train, the layers: norms as lines, attention entropy as a strip a head, both over the evaluations. One step and one
// head are chosen; arrows and the pointer move them.
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import { Refusal } from "../shared/server.js";
import { tip } from "../shared/tooltip.js";
import { drawHeads, drawLines, headAt, momentAt, PANELS, panelAt } from "./layers_drawing.js";
import { shownRun } from "./shown_run.js";

panel("layers", ({ ask, notice, say, find, root }) => {
  const NAMES = { wte: "tokens", wpe: "positions", ln_f: "last norm", lm_head: "head" };
  const LATER = "The first measurement comes with the next evaluation.",
    NONE = "No layer was measured in this run. Tick “Measure each layer” under More in the form, then start a run.";
  const lines = find("[data-id=lines]"),
    strips = find("[data-id=heads]");
  let run, // whose layers are on show; null is the example
    moments = [],
    told = null,
    at = null, // the chosen moment, null for the newest
    row = 0; // the chosen head

  const named = (name) => (name.startsWith("h.") ? `layer ${name.slice(2)}` : (NAMES[name] ?? name));
  const parts = () => moments[0].layers.map((part) => part.name);
  /** Blocks get darker with depth; what is no block has the colour of its role. */
  function shade(name) {
    if (!name.startsWith("h.")) return color({ wte: "--gb-query", wpe: "--gb-key" }[name] ?? "--gb-residual");
    const deepest = Math.max(1, parts().filter((part) => part.startsWith("h.")).length - 1);
    return cssRgb(palette("sequential")[Math.round(110 + (130 * Number(name.slice(2))) / deepest)]);
  }
  const heads = () =>
    moments[0].layers.flatMap(({ name, attention_entropy: each }, k) =>
      each.map((_, head) => ({ k, head, first: head === 0, block: named(name), name: `${named(name)}, head ${head}` })),
    );
  const here = () => (at === null ? moments.length - 1 : Math.min(at, moments.length - 1));
  /** The greatest entropy a head can have on average over the positions that were measured. */
  const widest = () => {
    const T = Math.min(told.n_ctx, 256);
    let sum = 0;
    for (let t = 1; t <= T; t += 1) sum += Math.log(t);
    return sum / T;
  };

  const load = latest(async () => {
    if (!root.offsetParent) return;
    const id = shownRun.id();
    if (id !== run) {
      run = id;
      moments = [];
      [told, at, row] = [null, null, 0];
    }
    try {
      const answer = await ask("read_layers", { run, since: moments.at(-1)?.step ?? -1 });
      if (id !== shownRun.id()) return;
      told = answer;
      moments = [...moments, ...answer.moments].slice(-240);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    }
    draw();
  });

  function draw() {
    const ready = moments.length > 0;
    find("[data-id=empty]").hidden = ready || told === null;
    find("[data-id=charts]").hidden = !ready;
    find("[data-id=example]").hidden = !ready || run !== null;
    find("[data-id=names]").hidden = !ready;
    if (!ready) {
      find("[data-id=empty]").textContent = told?.measured ? LATER : NONE;
      return say();
    }
    const steps = format.whole(moments.at(-1).step);
    find("[data-id=example]").textContent =
      `A finished example: ${told.name}, ${steps} steps, trained again to measure it.`;
    find("[data-id=names]").replaceChildren(
      ...parts().map((name) => el("span", {}, el("i", { style: `background:${shade(name)}` }), named(name))),
    );
    const chosen = { moments, at: here() };
    drawLines(lines, { ...chosen, shades: parts().map(shade) });
    drawHeads(strips, find("[data-id=ramp]"), { ...chosen, heads: heads(), row, widest: widest() });
    find("[data-id=ramp-end]").textContent = `evenly at all (${format.number(widest())} nats)`;
    speak();
  }

  /** The line beneath the picture: the chosen head and its block at the chosen step. */
  function speak() {
    const { step, layers } = moments[here()],
      head = heads()[row],
      part = layers[head.k],
      nats = part.attention_entropy[head.head],
      moved = format.probability(part.update_norm / part.weight_norm);
    const wide = `${format.number(nats)} nats wide, as if evenly at ${Math.exp(nats).toPrecision(3)} tokens`;
    say(
      `Step ${format.whole(step)}: ${head.name} looks ${wide}` +
        (inRoom() ? "." : `; the layer moved by ${moved} of its weights.`),
    );
  }
  function choose(moment, head = row) {
    at = moment === moments.length - 1 ? null : moment;
    row = head;
    draw();
  }

  lines.addEventListener("pointermove", (event) => {
    const [title, value] = PANELS[panelAt(lines, event.offsetY)],
      near = momentAt(lines, moments, event.offsetX),
      values = moments[near].layers.map((part) => `${named(part.name)}: ${format.number(value(part))}`);
    choose(near);
    tip.show(event.clientX, event.clientY, `step ${format.whole(moments[near].step)}: ${title}`, ...values);
  });
  strips.addEventListener("pointermove", (event) => {
    const head = headAt(strips, heads(), event.offsetY),
      near = momentAt(strips, moments, event.offsetX);
    choose(near, head);
    const { k, head: h, name } = heads()[head],
      nats = format.number(moments[near].layers[k].attention_entropy[h]);
    tip.show(
      event.clientX,
      event.clientY,
      `${name}, step ${format.whole(moments[near].step)}`,
      `${nats} nats of attention entropy`,
    );
  });
  for (const canvas of [lines, strips])
    canvas.addEventListener("pointerleave", () => {
      tip.hide();
      choose(moments.length - 1);
    });
  on("key", (event) => {
    if (!root.offsetParent || !moments.length) return;
    const [over, down] =
      { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (over === undefined) return;
    event.preventDefault();
    const within = (value, count) => Math.max(0, Math.min(count - 1, value));
    choose(within(here() + over, moments.length), within(row + down, heads().length));
  });

  on("layers", load);
  on("runs", load);
  return { theme: draw, resize: load };
});
