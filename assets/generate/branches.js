// The view of what could have come. A tree (tree.js) for each model, moment and prompt; the chosen branch
// as text; and at one of its tokens the odds of that moment, from which another token can be taken.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { panel } from "../shared/panel.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import * as fields from "./fields.js";
import { oddsBars } from "./odds.js";
import { workQueue } from "./queue.js";
import { choiceOf, rewrite } from "./rewriting.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { tokenChips } from "./token_chips.js";
import { meanLog, readPosition, tokenStream, viewAt } from "./token_stream.js";
import { branchTree } from "./tree.js";
import { treeMap } from "./tree_map.js";
import { link } from "./written_link.js";

panel("branches", ({ ask, find, notice }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const MOST = 2000,
    MOST_TREES = 20;
  const store = samplingSettings(),
    pen = tokenStream(ask, "branches");
  const trees = new Map(); // JSON of a place -> { tree, active, at, compared }
  let place = null,
    now = null,
    ground = null; // what is looked at; its tree; the position after the prompt
  let penned = null; // the branch that the pen stands at the end of
  const line = workQueue(notice, drawButtons);
  const act = (work) => line.act(work, () => pen.forget());

  const written = tokenChips(part("text"), part("ramp"), (at) => lookAt(now.active, at));
  const second = tokenChips(part("other"));
  const odds = oddsBars(part("odds"), (id) => act(() => take(id)), "write on with it instead");
  const map = treeMap(part("tree"), {
    choose: (branch) => choose(branch),
    look: (branch, at) => lookAt(branch, at),
    keep(branch) {
      branch.kept = !branch.kept;
      draw();
    },
    rename(branch, name) {
      branch.name = name;
      draw();
    },
    prune(branch) {
      now.tree.prune(branch);
      settle();
    },
  });
  samplerChain(part("chain"), store);
  part("drawing").append(fields.seed(store));

  let reach = Number(address.get("reach") ?? 25);
  if (!(reach >= 0 && reach <= 100)) reach = 25;
  const sayReach = () => {
    part("reach").value = reach;
    part("reach-says").textContent = reach;
  };
  sayReach();
  part("reach").addEventListener("input", () => {
    reach = Number(part("reach").value);
    address.set({ reach: reach === 25 ? null : reach });
    sayReach();
  });

  // ---- which tree ---------------------------------------------------------------------------------

  function treeOf(where) {
    const key = JSON.stringify(where);
    if (!trees.has(key)) trees.set(key, { tree: branchTree(), active: null, at: null, compared: null });
    if (trees.size > MOST_TREES) trees.delete(trees.keys().next().value);
    return trees.get(key);
  }

  async function refresh(subject) {
    const wanted = { model: subject.model, step: subject.step, prompt: subject.prompt };
    if (place && JSON.stringify(wanted) === JSON.stringify(place) && ground) return;
    line.running?.drop();
    await line.enqueue(async () => {
      place = wanted;
      ground = null;
      pen.forget();
      try {
        ground = await readPosition(ask, place, []);
        store.fit(ground.vocabulary.size);
        now = treeOf(place);
        const linked = now.tree.branches.length ? null : link.entry("tree", place);
        if (linked) await reopen(linked);
        else settle();
      } catch (error) {
        now = null;
        part("work").hidden = true;
        part("empty").hidden = false;
        drawButtons();
        throw error;
      }
    });
  }

  // A text comes from another view, with the token to look at.
  on("branch", ({ place: from, tokens, at }) => {
    const there = treeOf({ model: from.model, step: from.step, prompt: from.prompt });
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
    if (now.active && now.at !== null) lookAt(now.active, now.at);
  }

  function choose(branch) {
    now.active = branch;
    if (now.compared === branch) now.compared = null;
    now.at = branch.parent ? branch.at : null;
    draw();
    if (now.at !== null) lookAt(branch, now.at);
  }

  const where = () => ({ place, vocabulary: ground.vocabulary });

  /** The model writes the tree again that the address holds. */
  async function reopen(linked) {
    const here = now,
      { tree } = now,
      made = [];
    let saved = [];
    try {
      saved = link.readTree(linked, where());
    } catch (error) {
      notice(error.message);
    }
    await line.run(async (job) => {
      for (const { parent, at, kept, name, runs } of saved) {
        if (job.stopped) return;
        const above = made[parent] ?? null,
          branch = tree.add(above, above ? Math.min(at, tree.path(above).length) : 0, [], name);
        const ids = () => tree.path(branch).map(({ id }) => id),
          add = (tokens) => {
            branch.tokens.push(...tokens);
            draw();
          };
        branch.kept = kept;
        made.push(branch);
        here.active = penned = branch;
        await rewrite(job, runs, { ask, pen, place, ids, add });
        if (job.dropped) return;
      }
    });
    made.filter(({ tokens }) => !tokens.length).forEach(tree.prune);
    here.active = made[saved.findIndex(({ active }) => active)] ?? here.active;
    here.compared = made[saved.findIndex(({ compared }) => compared)] ?? null;
    here.at = here.active?.parent ? here.active.at : null;
    if (now === here) settle();
  }

  // ---- writing ------------------------------------------------------------------------------------

  /** Write `count` tokens on at the end of a branch. */
  async function grow(job, branch, count) {
    const here = now,
      settings = store.values;
    if (penned !== branch) pen.forget(); // it may stand at the end of another one that is as long
    penned = branch;
    let ended = null;
    for (let left = Math.min(count, MOST - here.tree.path(branch).length); left > 0 && !ended && !job.stopped; ) {
      const answer = await pen.draw(
        place,
        settings,
        here.tree.path(branch).map(({ id }) => id),
        left,
      );
      if (job.dropped) return;
      branch.tokens.push(...answer.tokens);
      left -= answer.tokens.length;
      ended = answer.ended;
      draw();
    }
  }

  async function begin() {
    const branch = now.tree.add(null, 0, [], `text ${now.tree.branches.length + 1}`);
    [now.active, now.at] = [branch, null];
    pen.forget();
    await line.run((job) => grow(job, branch, Math.max(1, reach)));
    if (!branch.tokens.length) now.tree.prune(branch);
    settle();
  }

  /** Take this token at the place that is looked at, and write on. */
  async function take(id) {
    const token = choiceOf(odds.view(), id, place.step),
      at = now.at,
      before = now.tree.branches.length;
    const length = now.tree.path(now.active).length,
      from = now.active;
    const branch = now.tree.depart(from, at, token);
    const fresh = now.tree.branches.length > before || (branch === from && at === length);
    pen.forget();
    now.active = branch;
    now.at = at;
    if (fresh) {
      now.compared = branch === from ? now.compared : from;
      await line.run((job) => grow(job, branch, reach));
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
  part("on").addEventListener("click", () => {
    if (line.running) line.running.stop();
    else
      act(async () => {
        await line.run((job) => grow(job, now.active, Math.max(1, reach)));
        settle();
      });
  });
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
    moment = null; // { position, ids, token }: what is shown under the text
  async function lookAt(branch, at) {
    const mine = (turn += 1),
      tokens = now.tree.path(branch);
    [now.active, now.at] = [branch, at];
    draw();
    const ids = tokens.slice(0, at).map(({ id }) => id);
    try {
      const position = await readPosition(ask, place, ids);
      if (mine !== turn) return;
      moment = { position, ids, token: tokens[at] ?? null };
      drawMoment();
    } catch (error) {
      if (mine === turn) notice(error.message);
    }
  }

  function drawMoment() {
    if (!moment) return;
    const { position, ids, token } = moment,
      { label } = position.vocabulary;
    odds.draw({ ...viewAt(position, store.values, ids), taken: token?.id });
    part("moment").textContent = token
      ? `Token ${format.whole(now.at + 1)}: ${label(token.id)} came, rank ${format.whole(token.rank)}, ${format.probability(token.raw)} in the model. Pick another to write on from here with that one instead.`
      : "This is the end of the branch: pick the token to write on with.";
  }

  // ---- drawing ------------------------------------------------------------------------------------

  function draw() {
    const empty = !now.active;
    part("empty").hidden = !empty;
    part("work").hidden = empty;
    drawButtons();
    keepLink();
    if (empty) return;
    drawTree();
    drawText();
    const chosen = now.at !== null;
    part("odds").hidden = !chosen;
    if (!chosen)
      part("moment").textContent =
        "Click a token of the text, or a cell of the tree, to see what else could have come at that moment.";
  }

  function keepLink() {
    if (!line.running) link.keepTree(where(), now);
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

  function drawText() {
    const { vocabulary, promptIds } = ground,
      tokens = now.tree.path(now.active),
      start = place.prompt || vocabulary.label(promptIds[0]);
    part("title").textContent = now.compared
      ? `${now.active.name}, and ${now.compared.name} beside it`
      : now.active.name;
    show(written, start, tokens);
    if (now.at !== null) {
      const chip = written.chip(now.at);
      chip?.classList.add("gb-looked");
      chip?.scrollIntoView({ block: "nearest" });
    }
    part("other").hidden = part("parting").hidden = !now.compared;
    if (!now.compared) return;
    const theirs = now.tree.path(now.compared),
      apart = tokens.findIndex((token, i) => i < theirs.length && token.id !== theirs[i].id);
    show(second, start, theirs);
    if (apart >= 0) for (const text of [written, second]) text.chip(apart)?.classList.add("gb-apart");
    second.chip(apart)?.scrollIntoView({ block: "nearest" });
    const mean = (row) => `${format.number(meanLog(row.slice(Math.max(0, apart))))} nats a token`;
    const says = (branch, row) =>
      `${branch.name} takes ${vocabulary.label(row[apart].id)} (${format.probability(row[apart].raw)} in the model) and goes on with ${mean(row)}`;
    part("parting").textContent =
      apart < 0
        ? "One is the beginning of the other."
        : `They part at token ${format.whole(apart + 1)}: ${says(now.active, tokens)}; ${says(now.compared, theirs)}.`;
  }

  function show(text, start, tokens) {
    text.reset(start, ground.vocabulary);
    tokens.forEach(text.add);
    text.strike();
    text.follow();
  }

  function drawButtons() {
    const going = Boolean(line.running);
    part("begin").disabled = !ground || going;
    part("on").textContent = going ? "Stop" : "Write on";
    for (const id of ["another", "write", "prompt"]) part(id).disabled = going;
  }

  store.subscribe(() => {
    if (moment && now?.active && now.at !== null) drawMoment();
  });
  return {
    refresh,
    resize: () => map.redraw(),
    theme() {
      written.theme();
      second.theme();
      map.redraw();
    },
  };
});
