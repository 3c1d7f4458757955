// The view of what could have come. A tree (tree.js) for each model, moment and prompt; the chosen branch
// as text; and at one of its tokens the odds of that moment, from which another token can be taken.
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { branchTexts } from "./branch_texts.js";
import * as fields from "./fields.js";
import { oddsBars } from "./odds.js";
import { workQueue } from "./queue.js";
import { reachSlider } from "./reach_slider.js";
import { choiceOf } from "./rewriting.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { tokenSays } from "./token_chips.js";
import { readPosition, tokenStream, viewAt } from "./token_stream.js";
import { branchTree } from "./tree.js";
import { treeMap } from "./tree_map.js";
import { mostSurprising, treeWriting } from "./tree_writing.js";
import { weightsSwitch } from "./weights_switch.js";
import { link } from "./written_link.js";

panel("branches", ({ root, ask, find, notice, say }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const MOST_TREES = 20;
  const store = samplingSettings(),
    pen = tokenStream(ask, "branches");
  const trees = new Map(); // JSON of a place -> { tree, active, at, compared, example }
  let place = null,
    now = null,
    ground = null; // what is looked at; its tree; the position after the prompt
  const line = workQueue(notice, drawButtons);
  const act = (work) => line.act(work, () => pen.forget());
  const writing = treeWriting({ ask, pen, line, store, drawn: () => draw() });
  const grow = (job, branch, count) => writing.grow(job, now, place, branch, count);

  const texts = branchTexts(part, (at) => lookAt(now.active, at), hear);
  const odds = oddsBars(part("odds"), (id) => act(() => take(id)), { act: "write on with it instead", point: hear });
  const map = treeMap(part("tree"), {
    choose: (branch) => choose(branch),
    look: (branch, at) => lookAt(branch, at),
    point: hear,
    keep(branch) {
      now.example = false;
      branch.kept = !branch.kept;
      draw();
    },
    rename(branch, name) {
      now.example = false;
      branch.name = name;
      draw();
    },
    prune(branch) {
      now.example = false;
      now.tree.prune(branch);
      settle();
    },
  });
  samplerChain(part("chain"), store);
  const weights = weightsSwitch(store, ask, () => place);
  part("drawing").append(fields.seed(store), weights.element);

  const reach = reachSlider(part("reach"), part("reach-says"));

  // ---- which tree ---------------------------------------------------------------------------------

  function treeOf(where) {
    const key = JSON.stringify(where);
    if (!trees.has(key)) trees.set(key, { tree: branchTree(), active: null, at: null, compared: null, example: false });
    if (trees.size > MOST_TREES) trees.delete(trees.keys().next().value);
    return trees.get(key);
  }

  async function refresh(subject) {
    const wanted = { model: subject.model, step: subject.step, prompt: subject.prompt };
    if (place && JSON.stringify(wanted) === JSON.stringify(place) && ground) return;
    line.running?.drop();
    await line.enqueue(async () => {
      place = wanted;
      weights.follow();
      ground = null;
      pen.forget();
      try {
        ground = await readPosition(ask, place, []);
        store.fit(ground.vocabulary.size);
        now = treeOf(place);
        const linked = now.tree.branches.length ? null : link.entry("tree", place);
        if (linked) await reopen(linked);
        if (now.tree.branches.length) settle();
        else await showExample();
      } catch (error) {
        now = null;
        part("work").hidden = part("tree").hidden = true;
        part("empty").hidden = false;
        drawButtons();
        throw error;
      }
    });
  }

  // A text comes from another view, with the token to look at.
  on("branch", ({ place: from, tokens, at }) => {
    const there = treeOf({ model: from.model, step: from.step, prompt: from.prompt });
    endExample(there);
    const found = there.tree.find(tokens.map(({ id }) => id));
    there.active = found ?? there.tree.add(null, 0, tokens, `text ${there.tree.branches.length + 1}`);
    there.at = at;
    look({ model: from.model, step: from.step, prompt: from.prompt });
    openView("generate", "branches");
    if (now === there) settle();
  });

  /** After a change of the tree: what was chosen may be gone. */
  function settle() {
    const { branches } = now.tree;
    if (!branches.includes(now.active)) [now.active, now.at] = [branches.at(-1) ?? null, null];
    if (!branches.includes(now.compared) || now.compared === now.active) now.compared = null;
    draw();
    if (now.active) lookAt(now.active, now.at ?? placeToLook(now.active));
  }

  function choose(branch) {
    now.active = branch;
    if (now.compared === branch) now.compared = null;
    lookAt(branch, placeToLook(branch));
  }

  /** Where a branch departs; in a first text the most surprising token. */
  const placeToLook = ({ parent, at, tokens }) => (parent ? at : mostSurprising(tokens));

  const where = () => ({ place, vocabulary: ground.vocabulary });

  /** The model writes the tree again that the address holds. */
  async function reopen(linked) {
    const here = now;
    let saved = [];
    try {
      saved = link.readTree(linked, where());
    } catch (error) {
      notice(error.message);
    }
    await writing.again(here, place, saved);
    if (now === here) settle();
  }

  // ---- writing ------------------------------------------------------------------------------------

  async function showExample() {
    const here = now;
    await writing.example(here, place);
    if (now === here) settle();
  }

  /** The first text that a person writes, or brings, takes the example's place. */
  function endExample(there) {
    if (!there.example) return;
    if (line.running?.example) line.running.stop();
    Object.assign(there, { tree: branchTree(), active: null, at: null, compared: null, example: false });
  }

  async function begin() {
    endExample(now);
    const branch = now.tree.add(null, 0, [], `text ${now.tree.branches.length + 1}`);
    [now.active, now.at] = [branch, null];
    pen.forget();
    await line.run((job) => grow(job, branch, Math.max(1, reach())));
    if (!branch.tokens.length) now.tree.prune(branch);
    settle();
  }

  /** Take this token at the place that is looked at, and write on. */
  async function take(id) {
    const { at, branch: from } = moment,
      token = choiceOf(odds.view(), id, place.step),
      before = now.tree.branches.length;
    const length = now.tree.path(from).length;
    now.example = false;
    const branch = now.tree.depart(from, at, token);
    const fresh = now.tree.branches.length > before || (branch === from && at === length);
    pen.forget();
    now.active = branch;
    now.at = at;
    if (fresh) {
      now.compared = branch === from ? now.compared : from;
      await line.run((job) => grow(job, branch, reach()));
    }
    settle();
  }

  part("begin").addEventListener("click", () => act(begin));
  part("another").addEventListener("click", () =>
    act(async () => {
      store.roll();
      await begin();
    }),
  );
  function writeOn() {
    if (line.running) return line.running.stop();
    now.example = false;
    return act(async () => {
      await line.run((job) => grow(job, now.active, Math.max(1, reach())));
      settle();
    });
  }
  part("on").addEventListener("click", writeOn);
  part("others").addEventListener("click", () => {
    now.tree.pruneOthers();
    settle();
  });
  part("write").addEventListener("click", () => {
    emit("write", { place, tokens: now.tree.path(now.active) });
    openView("generate", "write");
  });
  part("prompt").addEventListener("click", () => {
    look({ prompt: place.prompt + ground.vocabulary.text(now.tree.path(now.active).map(({ id }) => id)) });
  });
  part("compare").addEventListener("change", () => {
    now.compared = now.tree.branches.find(({ id }) => String(id) === part("compare").value) ?? null;
    draw();
  });

  // ---- one moment ---------------------------------------------------------------------------------

  let turn = 0,
    moment = null; // { position, ids, token, branch, at }: what the bars show
  async function lookAt(branch, at) {
    const mine = (turn += 1),
      tokens = now.tree.path(branch);
    [now.active, now.at] = [branch, at];
    draw();
    const ids = tokens.slice(0, at).map(({ id }) => id);
    try {
      const position = await readPosition(ask, place, ids);
      if (mine !== turn) return;
      moment = { position, ids, token: tokens[at] ?? null, branch, at };
      drawMoment();
    } catch (error) {
      if (mine === turn) notice(error.message);
    }
  }

  function drawMoment() {
    if (!moment) return;
    const { position, ids, token, at } = moment;
    odds.draw({ ...viewAt(position, store.values, ids), taken: token?.id });
    part("odds").dataset.at = at;
    hear("");
  }

  /** What is pointed at; without, the token whose odds are shown. */
  function hear(words) {
    if (words || !now?.active || !moment) return say(words);
    const { token, at, branch, position } = moment;
    const what = token ? `${tokenSays(token, at, position.vocabulary)}.` : "Its end: pick a bar to write on.";
    return say(`${now.example ? "Example, " : ""}${branch.name}. ${what}`);
  }

  /** Lead to the token before or after, or to the branch above or below. */
  const leadTo = (by) => () => {
    if (!now?.active) return;
    const last = now.tree.path(now.active).length - 1;
    lookAt(now.active, Math.min(last, Math.max(0, (now.at ?? 0) + by)));
  };
  const leadBranch = (by) => () => {
    const rows = now?.tree.rows() ?? [],
      next = rows[rows.indexOf(now?.active) + by];
    if (next) choose(next);
  };
  leadBy(root, {
    ArrowRight: leadTo(1),
    ArrowLeft: leadTo(-1),
    ArrowDown: leadBranch(1),
    ArrowUp: leadBranch(-1),
    " ": () => now?.active && writeOn(),
  });

  // ---- drawing ------------------------------------------------------------------------------------

  function draw() {
    const empty = !now.active;
    part("empty").hidden = !empty;
    part("work").hidden = part("tree").hidden = empty;
    drawButtons();
    keepLink();
    if (empty) return;
    drawTree();
    texts.draw(now, place.prompt || ground.vocabulary.label(ground.promptIds[0]), ground.vocabulary);
    part("odds").hidden = now.at === null; // while a first text is being written
  }

  function keepLink() {
    if (!line.running && !now.example) link.keepTree(where(), now);
  }

  function drawTree() {
    map.draw(now.tree, now, ground.vocabulary);
    const menu = part("compare");
    menu.replaceChildren(
      el("option", { value: "" }, "nothing"),
      ...now.tree
        .rows()
        .filter((branch) => branch !== now.active)
        .map((branch) => el("option", { value: branch.id }, branch.name)),
    );
    menu.value = now.compared?.id ?? "";
    part("others").disabled = !now.tree.branches.some(({ kept }) => kept);
  }

  function drawButtons() {
    const going = Boolean(line.running) && !line.running.example,
      empty = !now?.active,
      begins = empty || now.example;
    part("begin").hidden = !begins;
    part("begin").disabled = !ground || going;
    part("on").textContent = going ? "Stop" : "Write on";
    part("another").hidden = begins;
    part("on").disabled = empty;
    for (const id of ["another", "write", "prompt"]) part(id).disabled = going || empty;
  }

  store.subscribe(() => {
    if (moment && now?.active && now.at !== null) drawMoment();
  });
  return {
    refresh,
    resize() {
      map.redraw();
      texts.resize();
    },
    theme() {
      texts.theme();
      map.redraw();
    },
  };
});
