// Switching parts off: joins the switches, the sweep that colours them, and what changes: next tokens,
// the loss of every token, and a text written with the same luck.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import * as shades from "../shared/shades.js";
import { look } from "../shared/subject.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { pairedBars, partRanks, sweepParts } from "./sweep.js";
import { partName, partSwitches, placed, signed } from "./switches.js";

panel("switch_off", ({ ask, find, all, root, notice }) => {
  const MEANINGS = {
    zero: "Zeros are plain, but nothing that the layers above have met: some of the damage may come from that.",
    mean: "At every position the same vector: what the part hands on in the whole model, averaged over all tokens of this prompt, later ones too.",
  };
  const part = (id) => find(`[data-id=${id}]`);

  let off = new Set((address.get("cut") ?? "").split("_").filter((name) => /^\d{1,4}\.(\d{1,4}|mlp)$/.test(name)));
  let how = address.get("fill") === "mean" ? "mean" : "zero";
  let seed = Number(/^\d{1,9}$/.exec(address.get("luck") ?? "")?.[0] ?? 1);
  let place = null; // { model, step, prompt } that is shown
  let picture = null; // what compare_parts answered; losses as Float32Array, of all tokens but the first
  let costs = null; // part -> loss it costs, from the sweep
  let sweeping = null; // the sweep under way
  let turn = 0,
    writing = 0;
  const texts = { before: null, after: null };
  const board = partSwitches(part("switches"), { onFlip: flip, onHover: hintPart });

  const state = () => ({ ...place, how, off: [...off].join("_") });

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(subject) {
    const mine = (turn += 1);
    stopSweep();
    writing += 1;
    place = { model: subject.model, step: subject.step, prompt: subject.prompt };
    let answer;
    try {
      answer = await ask("compare_parts", state());
    } catch (error) {
      if (mine !== turn) return;
      part("stage").classList.add("gb-stale");
      throw error;
    }
    if (mine !== turn) return;
    const empty = answer.tokens.length === 0;
    part("stage").classList.remove("gb-stale");
    part("empty").hidden = !empty;
    part("invite").hidden = !empty;
    part("stage").hidden = empty;
    picture = null;
    if (empty) return;
    place.step = answer.step;
    costs = null;
    board.build(answer);
    off = new Set(answer.off); // a link made with a larger model may name parts that this one lacks
    take(answer);
    if (answer.note) notice(answer.note, "info");
    write("before");
    if (answer.light && answer.tokens.length > 1) sweep();
  }

  function take(answer) {
    picture = { ...answer, before: floatsOf(answer.before), after: floatsOf(answer.after) };
    draw();
  }

  const compare = latest(async () => {
    const mine = turn;
    try {
      const answer = await ask("compare_parts", state());
      if (mine !== turn) return;
      if (answer.off.length === off.size) take(answer); // otherwise the next one is on its way
      write("after");
    } catch (error) {
      if (mine === turn) notice(error.message);
    }
  });

  function flip(parts, toOff) {
    for (const name of parts) {
      if (toOff) off.add(name);
      else off.delete(name);
    }
    address.set({ cut: [...off].join("_") || null });
    writing += 1;
    drawSwitches();
    compare();
  }

  // ---- the text that is written -------------------------------------------------------------------

  /** Write both texts, or only the one that changed, a few tokens a call; a newer wish ends this one. */
  async function write(from) {
    const mine = (writing += 1);
    const sides = from === "before" ? ["before", "after"] : texts.before?.ended ? ["after"] : ["before", "after"];
    try {
      for (const side of sides) {
        if (side === "after" && off.size === 0) {
          texts.after = null;
          drawTexts();
          break;
        }
        texts[side] = { ids: [], text: "", ended: false };
        while (!texts[side].ended) {
          drawTexts();
          const answer = await ask("write_without", {
            ...state(),
            seed,
            ids: texts[side].ids,
            ...(side === "before" && { off: "" }),
          });
          if (mine !== writing) return;
          texts[side] = answer;
        }
        drawTexts();
      }
    } catch (error) {
      if (mine === writing) notice(error.message);
    }
  }

  function drawTexts() {
    const { before, after } = texts;
    part("text-before").replaceChildren(
      ...(before ? [before.text, before.ended ? "" : el("span", { class: "gb-soft" }, " …")] : []),
    );
    if (!off.size)
      return part("text-after").replaceChildren(
        el("span", { class: "gb-soft" }, "Switch something off to see another text here."),
      );
    if (!after) return part("text-after").replaceChildren(el("span", { class: "gb-soft" }, "…"));
    const [a, b] = [before.text, after.text].map((text) => Array.from(text));
    let same = 0;
    while (same < b.length && a[same] === b[same]) same += 1;
    const rest = b.slice(same).join("");
    part("text-after").replaceChildren(
      b.slice(0, same).join(""),
      rest ? el("mark", { class: "gb-ab-new" }, rest) : "",
      el("span", { class: "gb-soft" }, !after.ended ? " …" : rest || a.length !== b.length ? "" : " (the same text)"),
    );
  }

  // ---- the sweep ----------------------------------------------------------------------------------

  async function sweep() {
    const job = (sweeping = {}),
      of = state();
    drawSweep(0, NaN);
    try {
      const losses = await sweepParts(ask, of, () => sweeping === job, drawSweep);
      if (!losses) return;
      const whole = mean(picture.before),
        names = [];
      for (let layer = 0; layer < picture.layers; layer += 1) {
        for (let head = 0; head <= picture.heads; head += 1)
          names.push(`${layer}.${head < picture.heads ? head : "mlp"}`);
      }
      costs = new Map(names.map((name, i) => [name, losses[i] - whole]));
    } catch (error) {
      if (sweeping === job) notice(error.message);
    }
    if (sweeping !== job) return;
    sweeping = null;
    drawSwitches();
  }
  function stopSweep() {
    sweeping = null;
    drawSweep();
  }
  function drawSweep(share = 0, left = NaN) {
    part("progress").hidden = !sweeping;
    part("progress").querySelector("progress").value = share;
    part("left").textContent = Number.isFinite(left) ? `${format.seconds(left)} left` : "";
    part("sweep").textContent = sweeping ? "Stop" : "Rank all parts";
    part("short").hidden = !(picture?.tokens.length < 2);
    part("sweep").hidden = !part("short").hidden || (!sweeping && costs !== null);
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const most = (values, least) => values.reduce((top, x) => Math.max(top, Math.abs(x)), least);

  function named() {
    const mlps = [...off].filter((name) => name.endsWith("mlp")).length,
      heads = off.size - mlps;
    const many = (n, what) => (n ? `${n} ${what}${n > 1 ? "s" : ""}` : "");
    return [many(heads, "head"), many(mlps, "MLP")].filter(Boolean).join(" and ");
  }

  function drawSwitches() {
    const top = costs ? most([...costs.values()], 1e-3) : 1;
    part("state").textContent = off.size ? `${named()} off` : "All heads and MLPs are on";
    part("restore").hidden = off.size === 0;
    for (const id of ["off-title", "text-title"]) part(id).textContent = off.size ? `${named()} off` : "some off";
    board.draw(off, costs, top);
    part("scale").hidden = part("ranks").hidden = costs === null;
    if (costs) {
      shades.strip(
        part("cost-legend"),
        "diverging",
        [-1, -0.125, 0, 0.125, 1].map((x) => [placed(x, 1, 1 / 3), signed(x * top)]),
      );
      partRanks(part("ranks"), costs, top, off, flip);
    }
    drawSweep();
  }

  function draw() {
    for (const button of all("[data-id=how] button")) button.setAttribute("aria-pressed", String(button.value === how));
    part("meaning").textContent = MEANINGS[how];
    drawSwitches();
    part("table").classList.toggle("gb-ab-one", off.size === 0);
    pairedBars(part("odds"), picture.next, off.size > 0);
    drawLosses();
    drawTexts();
  }

  function drawLosses() {
    const { tokens, before, after } = picture,
      some = off.size > 0;
    part("losses").hidden = tokens.length < 2;
    if (tokens.length < 2) return;
    const change = after.map((x, i) => x - before[i]),
      change_ = mean(after) - mean(before);
    const dearest = most([...before, ...after], 1),
      widest = most(change, 0.1);
    part("loss-before").textContent = `all on: ${format.number(mean(before))} on average`;
    part("loss-after").textContent = some ? `${named()} off: ${format.number(mean(after))} on average` : "some off";
    part("loss-change").textContent = `what that changed: ${signed(change_)} on average`;
    part("difference").hidden = !some;
    const shaded = {
      before: [before, "surprise", (x) => x / dearest],
      after: [some ? after : null, "surprise", (x) => x / dearest],
      change: [some ? change : null, "diverging", (x) => placed(x, widest, 1 / 2)],
    };
    for (const [name, [values, map, at]] of Object.entries(shaded)) {
      const box = find(`[data-text=${name}]`);
      if (!values) {
        box.replaceChildren(el("span", { class: "gb-soft" }, "Switch something off to compare."));
        continue;
      }
      box.replaceChildren(...shades.running(tokens));
      for (const node of box.querySelectorAll(".gb-token")) {
        const i = Number(node.dataset.at);
        shades.shade(node, map, i ? at(values[i - 1]) : null);
        node.classList.toggle("gb-unseen", i === 0);
      }
    }
    shades.strip(
      part("loss-legend"),
      "surprise",
      [0, 0.25, 0.5, 0.75, 1].map((x) => [x, format.number(x * dearest)]),
    );
    shades.strip(
      part("change-legend"),
      "diverging",
      [-1, -0.25, 0, 0.25, 1].map((x) => [placed(x, 1, 1 / 2), signed(x * widest)]),
    );
  }

  // ---- pointing and settings ----------------------------------------------------------------------

  function hintPart(name, event) {
    if (!name) return tip.hide();
    const cost = costs?.get(name),
      text = partName(name);
    tip.show(
      event.clientX,
      event.clientY,
      text[0].toUpperCase() + text.slice(1) + (off.has(name) ? ", off" : ""),
      cost === undefined ? "not ranked yet" : `off alone it costs ${signed(cost)} nats a token`,
    );
  }

  root.addEventListener("pointerover", (event) => {
    const target = /** @type {Element} */ (event.target),
      node = /** @type {HTMLElement} */ (target.closest(".gb-reading .gb-token")),
      i = node && Number(node.dataset.at);
    for (const other of all(".gb-reading .gb-token"))
      other.classList.toggle("gb-looked", Boolean(node) && Number(other.dataset.at) === i);
    if (!node) return target.closest(".gb-switch") ? null : tip.hide();
    const said = (nats) => `${format.number(nats)} nats, p ${format.probability(Math.exp(-nats))}`;
    const [a, b] = [picture.before[i - 1], picture.after[i - 1]];
    tip.show(
      event.clientX,
      event.clientY,
      el("span", { class: "gb-mono" }, visible(picture.tokens[i].text)),
      ...(i === 0
        ? ["the first token: nothing comes before it to predict it from"]
        : [`all on: ${said(a)}`, ...(off.size ? [`${named()} off: ${said(b)}`, `${signed(b - a)} nats`] : [])]),
    );
  });
  root.addEventListener("pointerleave", () => tip.hide());

  part("how").addEventListener("click", (event) => {
    if (!event.target.value || event.target.value === how) return;
    how = event.target.value;
    address.set({ fill: how === "zero" ? null : how });
    costs = null;
    stopSweep();
    if (!picture) return;
    draw();
    compare();
    if (picture.light && picture.tokens.length > 1) sweep();
  });
  part("sweep").addEventListener("click", () => {
    if (sweeping) stopSweep();
    else if (picture) sweep();
  });
  part("restore").addEventListener("click", () => flip([...off], false));
  part("again").addEventListener("click", () => {
    seed += 1000; // each call adds the tokens written so far, so neighbours would share their luck
    address.set({ luck: seed });
    if (picture) write("before");
  });
  part("example").addEventListener("click", () => look({ prompt: "To be or not to be" }));

  const redraw = () => {
    if (picture) draw();
  };
  return { refresh, theme: redraw };
});
