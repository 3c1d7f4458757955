// While generating: the text, its heads growing row by row, and the odds of the next token. The
// server sends rows as it draws them; what has come can be walked through back and forth.
import { address } from "../shared/address.js";
import { connected } from "../shared/connection.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { nextTokenBars } from "../shared/next_token_bars.js";
import { bytesOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { NoAnswer } from "../shared/server.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { focus } from "./focus.js";
import { growingHeads } from "./growing_heads.js";
import { drawGrowingText } from "./growing_text.js";
import { countWords, growthNotes, lookedAt, weightOf } from "./growing_words.js";
import { headGrid } from "./head_grid.js";
import { headZoom } from "./head_zoom.js";
import * as heat from "./heat.js";

panel("while_generating", ({ root, ask, find, notice, say }) => {
  const PACES = [0.5, 1, 2, 4, 8, 16, 60]; // tokens a second; the last one is more than comes
  const SIDES = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
  const part = (id) => find(`[data-id=${id}]`);
  const text = part("text"),
    play = part("play"),
    pace = part("pace"),
    temperature = part("temperature"),
    seed = part("seed");

  let growth = null; // growingHeads: all that came
  let id = null; // the server's name for it
  let ended = null; // why nothing more will come
  let shown = 0; // the reading that is on the screen
  let coming = null; // the request under way
  let playing = false;
  let place = null,
    turn = 0;
  let at = null; // [layer, head] that is enlarged

  const atDesk = matchMedia("(min-width: 901px)"),
    left = find(".gb-grow-grid");
  /** At a desk the grid leaves room for its heading and its legend. */
  const gridRoom = () =>
    atDesk.matches
      ? left.clientHeight - left.firstElementChild.offsetHeight - left.lastElementChild.offsetHeight - 16
      : Infinity;
  const grid = headGrid(part("grid"), { onHover: hintHead, onPick: pick, tall: gridRoom });
  const zoom = headZoom(part("zoom"), { onHover: hoverCell, onPick: () => {}, tall: () => part("zoom").clientHeight });

  function fromAddress(key, otherwise, low, high) {
    const words = address.get(key),
      x = words === null || words.trim() === "" ? NaN : Number(words);
    return Number.isFinite(x) ? Math.min(high, Math.max(low, x)) : otherwise;
  }

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(subject) {
    stop();
    place = { model: subject.model, step: subject.step, prompt: subject.prompt };
    temperature.value = fromAddress("t", 1, 0, 2);
    seed.value = Math.round(fromAddress("seed", 1337, 0, Number.MAX_SAFE_INTEGER));
    saySettings();
    await begin();
  }

  async function begin() {
    const mine = (turn += 1);
    part("stage").classList.add("gb-stale"); // what is on the screen is of another subject or setting
    const [layer, head] = focus.head() ?? [];
    const answer = await ask("begin_rows", {
      ...place,
      layer,
      head,
      temperature: Number(temperature.value),
      seed: Number(seed.value),
    });
    if (mine !== turn) return;
    part("stage").classList.remove("gb-stale");
    part("empty").hidden = true;
    part("stage").hidden = false;
    growth = growingHeads(answer);
    ({ growth: id } = answer);
    notice(answer.note ?? "", "info");
    coming = null;
    shown = 0;
    take(answer);
    at = answer.head;
    text.replaceChildren();
    draw();
  }

  const known = ([layer, h]) => layer < growth.layers && h < growth.heads;

  function take(answer) {
    answer.readings.forEach(growth.add);
    ended = answer.ended;
    shown = Math.max(shown, growth.oldest);
  }

  /** Ask for more, once at a time. */
  function more(count) {
    const mine = growth;
    coming ??= ask("grow_rows", { growth: id, count }).then(
      (answer) => {
        if (mine !== growth) return;
        coming = null;
        if (answer.gone) throw new NoAnswer("The server has put this text away; it begins again.");
        take(answer);
      },
      (error) => {
        if (mine === growth) coming = null;
        throw error;
      },
    );
    return coming;
  }

  /** Show the next reading; false when there is none. */
  async function advance() {
    const mine = growth,
      ahead = () => growth.length - 1 - shown;
    if (ahead() === 0 && !ended) await more(1);
    if (mine !== growth || ahead() === 0) return false;
    shown += 1;
    draw();
    return true;
  }

  async function run() {
    playing = true;
    sayPlaying();
    const mine = turn;
    while (playing && mine === turn) {
      const asked = performance.now();
      try {
        if (!(await advance())) break;
      } catch (error) {
        if (mine !== turn) return;
        if (!(error instanceof NoAnswer)) {
          notice(error.message);
          break;
        }
        await connected();
        if (playing && mine === turn) return begin().then(run, (failure) => notice(failure.message));
        break;
      }
      if (playing && growth.length - 1 - shown < 4 && !ended && !coming) more(8).catch(() => {}); // met when it is awaited
      const left = 1000 / PACES[pace.value] - (performance.now() - asked);
      await new Promise((done) => (left > 4 ? setTimeout(done, left) : requestAnimationFrame(done)));
    }
    if (mine === turn) stop();
  }
  function stop() {
    playing = false;
    sayPlaying();
  }
  const safely = (work) => work.catch((error) => notice(error.message));

  function step(by) {
    if (!growth) return;
    stop();
    if (by > 0) {
      safely(
        advance().catch(async (error) => {
          if (!(error instanceof NoAnswer)) throw error;
          await connected();
          await begin();
          notice(error.message);
        }),
      );
      return;
    }
    shown = Math.max(growth.oldest, shown - 1);
    draw();
  }
  function restart() {
    stop();
    if (place) safely(begin());
  }

  // ---- drawing ------------------------------------------------------------------------------------

  function draw() {
    if (!growth) return;
    const now = growth.at(shown),
      limit = growth.room;
    const side = Math.min(limit, SIDES.find((size) => size >= now.reads) ?? limit);
    now.small = now.thumbnails();
    now.cells = Math.ceil(side / now.small.cell);
    now.full = now.triangle(chosen());
    grid.draw(
      { layers: growth.layers, heads: growth.heads, side: now.cells, tokens: growth.tokens.slice(now.first, now.end) },
      now.small.triangles,
      false,
    );
    heat.legend(part("legend"), "sqrt");
    part("pooled").hidden = now.small.cell === 1;
    part("pooled").textContent =
      `Each cell of these shows the strongest of ${now.small.cell} × ${now.small.cell} weights.`;
    part("size").textContent =
      `All ${growth.layers * growth.heads} heads, ${format.whole(now.reads)} row${now.reads > 1 ? "s" : ""}`;
    drawHead(now, side);
    fetchHead(now);
    nextTokenBars(part("next"), now.next);
    drawGrowingText(text, growth, now, now.row(chosen()));
    sayState(now);
  }

  function drawHead(now, side) {
    const [layer, h] = at,
      name = `Layer ${layer}, head ${h}`,
      tokens = growth.tokens.slice(now.first, now.end);
    const blank = Array.from({ length: side - tokens.length }, () => ({ text: "" })); // rows that are still to come
    grid.choose(layer, h);
    part("title").textContent = name;
    if (now.full) zoom.draw([...tokens, ...blank], now.full, side, false, name);
    else zoom.draw([...tokens, ...blank], now.small.triangles[chosen()], now.cells, false, name);
    part("zoom").querySelector("canvas").setAttribute("aria-label", `${name}: ${tokens.length} rows, one a token`);
    zoom.point({ row: tokens.length - 1, column: null }, false);
    say(`${name}: ${lookedAt(growth, now, now.row(chosen()))}`);
  }

  const chosen = () => at[0] * growth.heads + at[1];

  /** The rows that a long text started with come for one head at a time; until then it is drawn in cells. */
  async function fetchHead({ full, start }) {
    const of = growth,
      head = chosen(),
      [layer, h] = at;
    if (full || start.full.has(head)) return;
    start.full.set(head, null); // on its way
    try {
      const answer = await ask("read_start", { growth: id, start: start.number, layer, head: h });
      if (answer.gone) return; // it stays in cells
      start.full.set(head, bytesOf(answer.rows));
      if (of === growth && head === chosen() && growth.at(shown).start === start) draw();
    } catch (error) {
      start.full.delete(head);
      if (of === growth) notice(error.message);
    }
  }
  const index = (row, column) => (row * (row + 1)) / 2 + column;
  const tokenAt = (i) => visible(growth.tokens[i].text);

  function sayState(now) {
    const atEnd = shown === growth.length - 1;
    part("count").replaceChildren(...countWords(growth, now));
    part("note").textContent = growthNotes(growth, now, atEnd ? ended : null);
    part("back").disabled = shown === growth.oldest;
    part("step").disabled = play.disabled = atEnd && ended !== null;
  }
  function sayPlaying() {
    play.textContent = playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", String(playing));
  }
  function saySettings() {
    part("say-temperature").textContent = Number(temperature.value) === 0 ? "0, greedy" : temperature.value;
    part("say-pace").textContent =
      PACES[pace.value] === PACES.at(-1) ? "as fast as it comes" : `${PACES[pace.value]} a second`;
    pace.setAttribute("aria-valuetext", part("say-pace").textContent);
  }

  // ---- pointing -----------------------------------------------------------------------------------

  function pick(layer, h) {
    focus.set({ head: [layer, h] });
  }
  on("focus", () => {
    // another head was chosen, here or in another view
    const wanted = focus.head();
    if (!growth || !wanted || !known(wanted) || wanted.join() === at.join()) return;
    at = wanted;
    if (root.offsetParent !== null) draw();
  });
  function hintHead(over, event) {
    if (!over) return tip.hide();
    tip.show(event.clientX, event.clientY, `Layer ${over[0]}, head ${over[1]}`, "Click to enlarge");
  }
  function hoverCell(cell, event) {
    if (!growth) return;
    const now = growth.at(shown);
    const full = now.triangle(chosen());
    if (!cell || cell.column === null || cell.row >= now.reads || !full) return tip.hide();
    const byte = full[index(cell.row, cell.column)];
    tip.show(
      event.clientX,
      event.clientY,
      `${tokenAt(now.first + cell.row)} → ${tokenAt(now.first + cell.column)}`,
      `about ${format.probability(weightOf(byte))}, from one byte a weight`,
    );
  }

  play.addEventListener("click", () => (playing ? stop() : safely(run())));
  part("back").addEventListener("click", () => step(-1));
  part("step").addEventListener("click", () => step(1));
  part("again").addEventListener("click", restart);
  pace.max = PACES.length - 1;
  pace.value = Math.max(0, PACES.indexOf(fromAddress("pace", 2, 0.5, 60)));
  pace.addEventListener("input", () => {
    saySettings();
    address.set({ pace: PACES[pace.value] === 2 ? null : PACES[pace.value] });
  });
  temperature.addEventListener("input", saySettings);
  temperature.addEventListener("change", () => {
    address.set({ t: Number(temperature.value) === 1 ? null : temperature.value });
    restart();
  });
  seed.addEventListener("change", () => {
    const value = Math.round(seed.valueAsNumber); // NaN where nothing, or no number, stands there: the seed stays
    const before = Math.round(fromAddress("seed", 1337, 0, Number.MAX_SAFE_INTEGER));
    seed.value = Number.isFinite(value) ? Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, value)) : before;
    address.set({ seed: Number(seed.value) === 1337 ? null : seed.value });
    if (Number(seed.value) !== before) restart();
  });
  on("key", (event) => {
    if (!growth || root.offsetParent === null) return;
    if (event.key === " " && !event.target.closest?.("button, summary, a")) {
      event.preventDefault();
      play.click();
    }
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      event.preventDefault();
      step(event.key === "ArrowRight" ? 1 : -1);
    }
  });
  on("freeze", (frozen) => frozen && stop());

  saySettings();
  return { refresh, theme: draw, resize: draw };
});
