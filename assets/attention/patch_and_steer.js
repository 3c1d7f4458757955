// Patch and steer: two prompts side by side, the map of what each patch brings back, and a text written with their
// difference added. The map comes row by row, so it shows how far it is and can be stopped.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { savePicture } from "../shared/picture_file.js";
import { strip } from "../shared/shades.js";
import { look } from "../shared/subject.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { patchMap, placeOf } from "./patch_map.js";
import { drawOdds } from "./patch_odds.js";
import { steeredText } from "./steered_text.js";

const WHAT = { stream: "Residual stream", attention: "Attention's output", mlp: "MLP's output", head: "Head" };
const FAINT = 0.05; // odds of the other prompt's own answer, below which there is little to bring back
const ALIKE = "Both prompts are answered nearly alike: change a word that matters, or take an example.";
const percent = (share) => `${Math.round(100 * share)}\u00a0%`.replace("-", "−");

panel("patch_and_steer", ({ root, ask, find, notice, say, count }) => {
  const part = (id) => find(`[data-id=${id}]`);
  let subject = null,
    pair = null, // what read_pair answered
    rows = [], // of the map, as far as they are known
    patch = null, // what patch_positions answered of the chosen cells
    turn = 0,
    mapping = 0;

  // ---- what the address says ------------------------------------------------------------------------

  const kind = () => (address.get("patch") in WHAT ? address.get("patch") : "stream");
  const whole = (key, otherwise) => Number(/^\d{1,3}$/.exec(address.get(key) ?? "")?.[0] ?? otherwise);
  const layer = () => Math.min(whole("ply", pair.layers - 1), pair.layers - 1); // of the heads
  function chosen() {
    const [, row, list] = /^(\d{1,3})\.(\d{1,2}(?:_\d{1,2})*)$/.exec(address.get("put") ?? "") ?? [];
    if (row === undefined || Number(row) >= names().length) return null;
    const positions = list
      .split("_")
      .map(Number)
      .filter((p) => p < pair.tokens.length);
    return positions.length ? { row: Number(row), positions } : null;
  }

  const question = () => ({ ...subject, other: address.get("other") ?? "" });
  const site = (row) =>
    kind() === "head" ? { kind: "head", layer: layer(), head: row } : { kind: kind(), layer: row };
  const names = () =>
    kind() === "head"
      ? Array.from({ length: pair.heads }, (_, head) => `H${head}`)
      : Array.from({ length: pair.layers + (kind() === "stream" ? 1 : 0) }, (_, i) =>
          kind() !== "stream" ? `L${i}` : i === pair.layers ? "end" : `L${i}`,
        );

  const steering = steeredText({ part, ask, notice, question });

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(next) {
    if (subject && (next.prompt !== subject.prompt || next.model !== subject.model) && !examples(next))
      address.set({ other: null, put: null }); // the other prompt was written beside another one
    subject = next;
    await load();
  }
  /** Whether a worked example was just put on the table. */
  const examples = (next) =>
    pair?.examples.some((one) => one.prompt === next.prompt && one.other === address.get("other"));

  async function load() {
    const mine = (turn += 1);
    mapping += 1;
    steering.stop();
    let answer;
    try {
      answer = await ask("read_pair", question());
    } catch (error) {
      if (mine !== turn) return;
      part("stage").classList.add("gb-stale");
      part("empty").hidden = pair !== null;
      throw error;
    }
    if (mine !== turn) return;
    part("stage").classList.remove("gb-stale");
    if (pair && !address.get("other") && answer.other !== pair.other) address.set({ put: null }); // another pair by itself
    const empty = answer.tokens.length === 0;
    part("empty").hidden = !empty;
    part("stage").hidden = empty;
    pair = empty ? null : answer;
    if (empty) return say();
    rows = [];
    patch = null;
    draw();
    await readPatch();
    if (mine !== turn) return undefined;
    steering.write();
    return readMap();
  }
  const safely = (work) => work.catch((error) => notice(error.message));

  /** The map, a few rows a call; what is known is drawn, and the strongest cell is patched when all is known. */
  async function readMap() {
    const mine = (mapping += 1);
    rows = [];
    part("progress").hidden = false;
    try {
      for (let total = Infinity; rows.length < total; ) {
        const answer = await ask("map_rows", { ...question(), kind: kind(), layer: layer(), first: rows.length });
        if (mine !== mapping) return;
        rows.push(...answer.rows);
        total = answer.total;
        part("progress").querySelector("progress").value = rows.length / total;
        draw();
      }
    } finally {
      if (mine === mapping) part("progress").hidden = true;
    }
    if (!chosen()) put(strongest());
  }
  function strongest() {
    let best = { row: 0, positions: [0] },
      most = -Infinity;
    for (const [row, shares] of rows.entries())
      for (const [p, share] of shares.entries())
        if (share > most + 1e-6) {
          most = share;
          best = { row, positions: [p] };
        }
    return best;
  }

  const readPatch = latest(async () => {
    const cell = chosen(),
      mine = turn;
    if (!cell) {
      patch = null;
      return draw();
    }
    try {
      const answer = await ask("patch_positions", { ...question(), ...site(cell.row), positions: cell.positions });
      if (mine !== turn) return undefined;
      patch = { ...answer, cone: floatsOf(answer.cone), key: address.get("put") };
      return draw();
    } catch (error) {
      return mine === turn ? notice(error.message) : undefined;
    }
  });

  function put(cell) {
    address.set({ put: cell && `${cell.row}.${cell.positions.join("_")}` });
    draw();
    readPatch();
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const drawMap = patchMap(part("map"), {
    onPick: (cell) => {
      const now = chosen();
      put(now && now.row === cell.row && String(now.positions) === String(cell.positions) ? null : cell);
    },
    onHover: hint,
  });
  const placeName = (row, p) =>
    `${kind() === "head" ? `Head ${row} of layer ${layer()}` : row === pair.layers ? "After the last layer" : `${WHAT[kind()]}, layer ${row}`} at ${visible(pair.tokens[p].text)} (${p})`;

  /** How far the chosen patch moves the stream in the place that a cell stands for. */
  function moved(row, p) {
    const level = kind() === "stream" ? row : row + 1;
    return patch && kind() !== "head" ? patch.cone[level * pair.tokens.length + p] : 0;
  }

  function draw() {
    const [base, source] = pair.answers.map((one) => visible(one.text));
    part("title").textContent =
      `${WHAT[kind()]}${kind() === "head" ? `s of layer ${layer()}` : ""}: from ${base} towards ${source}`;
    part("alike").textContent = pair.next.find(({ id }) => id === pair.answers[1].id).source < FAINT ? ALIKE : "";
    part("unit").textContent = `share of the logit difference between ${base} and ${source} restored`;
    strip(
      part("legend"),
      "diverging",
      [-1, 0, 1].map((x) => [placeOf(x), percent(x)]),
    );
    drawMap({ ...pair, names: names(), rows, chosen: chosen(), moved: patch ? moved : null });
    drawOdds(part("odds"), patch?.next ?? pair.next);
    drawRail();
    count(chosen() ? percent(patch?.restored ?? 0) : "");
    say(sentence());
  }

  function sentence() {
    const cell = chosen(),
      [base, source] = pair.answers.map((one) => visible(one.text));
    if (!cell || !patch) return `This prompt says ${base}, the other ${source}.`;
    const where =
      cell.positions.length > 1
        ? `${placeName(cell.row, cell.positions[0])} and ${cell.positions.length - 1} more`
        : placeName(cell.row, cell.positions[0]);
    const odds = patch.next.find(({ id }) => id === pair.answers[1].id);
    return `${where}: ${percent(patch.restored)} restored, ${source} ${format.probability(odds.base)} → ${format.probability(odds.patched)}`;
  }

  function drawRail() {
    const fill = (select, labels, value) => {
      if (select.length !== labels.length)
        select.replaceChildren(...labels.map((name, i) => el("option", { value: i }, name)));
      select.value = String(value);
    };
    if (document.activeElement !== part("other")) part("other").value = pair.other;
    part("kind").value = kind();
    part("of").hidden = kind() !== "head";
    const layers = Array.from({ length: pair.layers }, (_, i) => `layer ${i}`);
    fill(part("layer"), layers, layer());
    steering.draw(pair.layers);
    part("examples").replaceChildren(
      ...pair.examples.map(({ title, prompt, other }) =>
        el("button", { type: "button", class: "gb-button", onclick: () => example(prompt, other) }, title),
      ),
    );
  }

  // ---- pointing and settings ----------------------------------------------------------------------

  function hint(row, p, event) {
    if (row === null || !pair) {
      if (pair) say(sentence());
      return tip.hide();
    }
    const share = rows[row]?.[p],
      told = share === undefined ? "not worked out yet" : `${percent(share)} restored`;
    if (!(event instanceof PointerEvent)) say(`${placeName(row, p)}: ${told}`);
    return tip.show(
      event.clientX,
      event.clientY,
      placeName(row, p),
      told,
      ...(pair.tokens[p].text === pair.others[p].text
        ? []
        : [`${visible(pair.tokens[p].text)} here, ${visible(pair.others[p].text)} in the other`]),
    );
  }

  function example(prompt, other) {
    address.set({ other, put: null });
    if (subject.prompt === prompt) safely(load());
    else look({ prompt });
  }
  function change(changes) {
    address.set({ ...changes, put: null });
    if (!pair) return;
    patch = null;
    rows = [];
    draw();
    safely(readMap());
  }
  part("kind").addEventListener("change", (event) =>
    change({ patch: event.target.value === "stream" ? null : event.target.value }),
  );
  part("layer").addEventListener("change", (event) => change({ ply: event.target.value }));
  part("other").addEventListener("change", (event) => {
    address.set({ other: event.target.value || null, put: null });
    safely(load());
  });
  part("stop").addEventListener("click", () => {
    mapping += 1;
    part("progress").hidden = true;
  });
  for (const type of ["png", "svg"]) {
    part(type).addEventListener("click", () => savePicture(root, type, "glassbox-patch"));
  }
  const walk = (down, across) => () => {
    if (!pair) return;
    const { row, positions } = chosen() ?? { row: 0, positions: [0] },
      within = (i, many) => Math.max(0, Math.min(many - 1, i));
    put({ row: within(row + down, names().length), positions: [within(positions[0] + across, pair.tokens.length)] });
  };
  leadBy(root, {
    ArrowUp: walk(1, 0),
    ArrowDown: walk(-1, 0),
    ArrowLeft: walk(0, -1),
    ArrowRight: walk(0, 1),
    Escape: () => pair && put(null),
  });

  const redraw = () => {
    if (pair) draw();
  };
  return { refresh, theme: redraw, resize: redraw };
});
