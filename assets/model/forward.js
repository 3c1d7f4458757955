// The walk forward: one token of the prompt, step by step through the model, with every number, formula and line of code.
// The step, the token and the head that are looked at live in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit } from "../shared/events.js";
import { leadBy } from "../shared/lead_keys.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { savePicture } from "../shared/picture_file.js";
import { openView } from "../shared/tabs.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { drawActive } from "./active_neurons.js";
import { cellWords, inFull } from "./cell_words.js";
import { cells } from "./cells.js";
import { codePane } from "./code_pane.js";
import { drawFormula, drawNumbers } from "./formula.js";
import { logitParts } from "./logit_parts.js";
import { machine } from "./machine.js";
import { neuronPanel } from "./neuron_panel.js";
import { player } from "./player.js";
import { promptTokens } from "./prompt_tokens.js";
import { ofNextBlock, shapeOf, stepsOf } from "./steps.js";

const PACE = 1600; // milliseconds that Play stays with a step
const SOON = 300; // milliseconds from a press on Play to the next step
const numberIn = (key) => (/^\d{1,6}$/.test(address.get(key) ?? "") ? Number(address.get(key)) : null);

panel("forward", ({ root, ask, find, notice, say, count }) => {
  /** @type {import("./steps.js").Architecture} */ let model = null;
  let ofModel = null; // the reference of the model that it describes
  /** @type {import("./steps.js").Step[]} */ let steps = [];
  let subject = null,
    shown = null, // the step on the screen, its arrays unpacked
    /** @type {[row: number, cell: number]} */ cell = [0, 0], // the cell that its formula speaks of
    coming = new Map(), // answers by question, so that the next step is there already
    noted = null, // what was said of the prompt
    turn = 0;

  const drawTokens = promptTokens(find("[data-id=reading]"), (position) => go({ follow: position }));
  const code = codePane(find("[data-id=code]"));
  const tree = machine(find("[data-id=machine]"), {
    onPick: (key) => go({ walk: key }),
    onHover: (step) => shown && code.light((step ?? here()).operation),
  });
  const picture = cells(find("[data-id=cells]"), { onHover: hint, onPick: pick });
  const neuron = neuronPanel(find("[data-id=neuron]"), { ask, notice, onPick: (at) => chooseNeuron(...at) });
  const parts = logitParts(find("[data-id=parts]"), {
    onTarget: (id) => go({ target: id }),
    onHead: openHead,
    onNeuron: chooseNeuron,
    say,
  });

  // ---- data ---------------------------------------------------------------------------------------

  const index = () =>
    Math.max(
      0,
      steps.findIndex(({ key }) => key === shown?.key),
    );
  const here = () => steps[index()];

  /** What the address names; the server turns what a model lacks into what it has. */
  const wanted = () => ({ key: address.get("walk", "id"), position: numberIn("follow"), head: numberIn("lane") ?? 0 });

  /** @returns {Promise<any>} the step's answer, asked for once */
  function step(question) {
    const name = JSON.stringify(question);
    if (!coming.has(name)) {
      const answer = ask("read_step", { ...subject, ...question });
      coming.set(name, answer);
      answer.catch(() => coming.delete(name));
    }
    return coming.get(name);
  }

  async function refresh(next) {
    if (subject && next.prompt !== subject.prompt) address.set({ follow: null, target: null }); // of another text
    const of = (subject = next);
    noted = null;
    coming = new Map();
    const [read] = await Promise.all([
      ofModel === next.model ? model : ask("read_architecture", { ...next }),
      step(wanted()),
    ]).catch((error) => {
      if (of === subject) find("[data-id=empty]").hidden = shown !== null;
      throw error;
    });
    if (of !== subject) return;
    model = read;
    ofModel = next.model;
    steps = stepsOf(model);
    neuron.fit(model.layers, model.sizes.N);
    code.fill(model);
    await load();
  }

  /** Show what the address names; a newer question makes the answer stale. */
  async function load() {
    const mine = (turn += 1),
      of = subject,
      answer = await step(wanted());
    if (mine !== turn || of !== subject) return;
    const empty = answer.tokens.length === 0;
    find("[data-id=empty]").hidden = !empty;
    find("[data-id=stage]").hidden = empty;
    if (empty) {
      shown = null;
      say();
      return;
    }
    shown = {
      ...answer,
      rows: answer.rows.map((row) => ({ ...row, values: floatsOf(row.values) })),
      unseen: Object.fromEntries(Object.entries(answer.unseen).map(([name, values]) => [name, floatsOf(values)])),
      matrix: answer.matrix && floatsOf(answer.matrix),
      own: answer.cell, // the cell whose terms came along
    };
    cell = shown.cell;
    if (shown.note !== noted) notice(shown.note ?? "", "info");
    noted = shown.note;
    draw();
    await Promise.all([drawParts(mine), showNeuron()]);
    const after = steps[index() + 1]; // ready when it is asked for
    if (after && mine === turn) step({ ...wanted(), key: after.key }).catch(() => {});
  }

  const safely = (work) => work.catch((error) => notice(error.message));

  /** Turn to another step, token, head or target: all in the address. */
  function go(changes, { byPlay = false } = {}) {
    if (!byPlay) pause();
    address.set(changes);
    if (subject) safely(load());
  }
  const turnTo = (i, how) => go({ walk: steps[Math.max(0, Math.min(steps.length - 1, i))].key }, how);

  // ---- drawing ------------------------------------------------------------------------------------

  const nameOf = ({ layer, operation }) => (layer === null ? operation.title : `Block ${layer}: ${operation.title}`);
  const token = () => visible(shown.tokens[shown.position].text);

  function draw() {
    const now = here(),
      { operation } = now;
    drawTokens(shown.tokens, shown.position);
    const open = now.layer ?? (operation.where === "before" ? 0 : model.layers - 1);
    tree.draw(model, steps, now, shown.tokens.length, open);
    code.light(operation);
    find("[data-id=title]").textContent = nameOf(now);
    const weights = operation.weights.length ? `, weights ${operation.weights.join(" × ")}` : "";
    find("[data-id=shape]").textContent =
      `${shapeOf(operation.reads, model.sizes, shown.tokens.length)} → ${shapeOf(operation.writes, model.sizes, shown.tokens.length)}${weights}`;
    find("[data-id=says]").textContent = shown.says;
    const apart = shown.rows.length === 0;
    find("[data-id=cells]").hidden = apart;
    find("[data-id=parts]").hidden = !apart;
    find(".gb-walk").classList.toggle("gb-apart", apart); // no line of the file does it
    const active = find("[data-id=active]");
    active.hidden = operation.key !== "mlp.activation";
    if (!active.hidden) drawActive(active, shown.rows[1].values, (n) => chooseNeuron(now.layer, n));
    drawSums();
    if (!apart) picture.draw(shown, cell);
    drawRail();
    count(`${index() + 1} / ${steps.length}`);
    sayStep();
  }

  /** In a room this is the only line: the token, the step, the number. */
  function sayStep() {
    const [r, c] = cell,
      row = shown.rows[r];
    const value = row ? `: ${row.name}[${c}] = ${inFull(row.values[c])}` : "";
    say(`${token()} (${shown.position}), ${nameOf(here())}${value}`);
  }

  const termsOf = ([r, c]) => (shown.own[0] === r && shown.own[1] === c ? shown.terms : null);
  /** @param {[row: number, cell: number]} at */
  function drawSums(at = cell) {
    drawFormula(find("[data-id=formula]"), shown, at[0]);
    drawNumbers(find("[data-id=numbers]"), shown, at, termsOf(at));
  }

  async function drawParts(mine) {
    if (shown.rows.length) return;
    const answer = await ask("read_attribution", { ...subject, position: shown.position, target: numberIn("target") });
    if (mine === turn) parts.draw(answer);
  }

  function drawRail() {
    const heads = find("[data-id=head]");
    if (heads.length !== model.heads)
      heads.replaceChildren(...Array.from({ length: model.heads }, (_, i) => el("option", { value: i }, `head ${i}`)));
    heads.value = String(shown.head);
    find("[data-id=attention]").disabled = here().layer === null;
    find("[data-id=back]").disabled = index() === 0;
    find("[data-id=next]").disabled = index() === steps.length - 1;
  }

  // ---- cells --------------------------------------------------------------------------------------

  function hint(place, event) {
    if (!shown || !place) {
      tip.hide();
      if (shown) {
        picture.mark(null, cell);
        drawSums();
        sayStep();
      }
      return;
    }
    const [head, value] = cellWords(shown, place);
    tip.show(event.clientX, event.clientY, head, value);
    say(`${nameOf(here())}, ${head}: ${value}`);
    if ("down" in place) return;
    picture.mark([place.row, place.cell], cell);
    if (!shown.numbers.includes("{terms}")) drawSums([place.row, place.cell]);
  }

  /** Choose a cell: its sum is spelt out; a neuron shows what it is. */
  function pick(place) {
    pause();
    if ("down" in place) return go({ follow: place.down });
    cell = [place.row, place.cell];
    picture.mark(null, cell);
    const { layer, operation } = here();
    if (operation.key === "mlp.activation") chooseNeuron(layer, place.cell);
    if (shown.terms === null || termsOf(cell)) return drawSums();
    const of = shown;
    return safely(
      step({ ...wanted(), row: place.row, cell: place.cell }).then((answer) => {
        if (of !== shown || String(answer.cell) !== String(cell)) return;
        if (answer.terms) Object.assign(shown, { terms: answer.terms, own: answer.cell });
        drawSums(answer.terms ? cell : shown.own);
      }),
    );
  }

  // ---- neurons and heads --------------------------------------------------------------------------

  /** The neuron that the address names, or the one that is most on in the block that is looked at. */
  function showNeuron() {
    const [, layer, n] = /^(\d{1,3})\.(\d{1,6})$/.exec(address.get("neuron") ?? "") ?? [];
    const at = layer === undefined ? [here().layer ?? model.layers - 1, null] : [Number(layer), Number(n)];
    return neuron.show(/** @type {[number, number | null]} */ (at), { ...subject, position: shown.position });
  }
  function chooseNeuron(layer, n) {
    pause();
    address.set({ neuron: `${layer}.${n}` });
    safely(showNeuron());
    const rail = find(".gb-rail");
    if (!matchMedia("(min-width: 901px)").matches && !rail.classList.contains("gb-open")) find(".gb-drawer").click();
  }
  function openHead(layer, head) {
    address.set({ head: `${layer}.${head}`, cell: shown.position }); // the Attention tab looks at the same token
    emit("focus");
    openView("attention", "heads");
  }

  // ---- leading ------------------------------------------------------------------------------------

  const { pause, toggle } = player(find("[data-id=play]"), root, {
    pace: PACE,
    atEnd: () => index() === steps.length - 1,
    begin() {
      if (!shown) return null;
      if (index() < steps.length - 1) return SOON;
      turnTo(0, { byPlay: true });
      return PACE;
    },
    next: () => turnTo(index() + 1, { byPlay: true }),
  });
  const by = (count) => () => shown && turnTo(index() + count);
  const block = (way) => () => shown && turnTo(ofNextBlock(steps, index(), way));
  const along = (count) => () =>
    shown && go({ follow: Math.max(0, Math.min(shown.tokens.length - 1, shown.position + count)) });

  find("[data-id=play]").addEventListener("click", toggle);
  find("[data-id=back]").addEventListener("click", by(-1));
  find("[data-id=next]").addEventListener("click", by(1));
  find("[data-id=head]").addEventListener("change", (event) => {
    go({ lane: Number(event.target.value) || null });
    event.target.blur(); // arrow keys go back to the steps
  });
  find("[data-id=attention]").addEventListener("click", () => openHead(here().layer, shown.head));
  for (const kind of ["png", "svg"]) {
    find(`[data-id=${kind}]`).addEventListener("click", () => savePicture(root, kind, `glassbox-${shown.key}`));
  }
  leadBy(root, {
    ArrowRight: by(1),
    ArrowLeft: by(-1),
    ArrowDown: block(1),
    ArrowUp: block(-1),
    " ": toggle,
    ",": along(-1),
    ".": along(1),
  });

  function redraw() {
    if (!shown) return;
    draw();
    if (!shown.rows.length) safely(drawParts(turn));
  }
  return { refresh, theme: redraw, resize: redraw };
});
