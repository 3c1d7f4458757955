// The Step through view: the prompt's pieces, and the merges inside one of them. The server sends all steps
// of a piece at once; going back and forth between them happens here.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import { panel } from "../shared/panel.js";
import { subject } from "../shared/subject.js";
import * as chips from "../shared/tokens/chip.js";
import { fit } from "./fitting.js";
import { shelf } from "./tokenizer_menu.js";

panel("step_through", ({ root, ask, upload, all, notice, say }) => {
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));
  const KINDS = ["word", "number", "punctuation", "contraction", "space"];
  const request = () => ({ model: subject.model, step: subject.step, tok: shelf.chosen() });
  const menu = shelf.attach(boxes.shelf, { root, ask, upload, notice }, () => cut());

  let pieces = [],
    chosen = 0,
    film = null,
    merging = null,
    states = [],
    at = 0,
    asked = 0;

  boxes.legend.append(...KINDS.map((kind) => el("span", { class: `gb-tk-kind gb-tk-kind-${kind}` }, kind)));

  // ---- the pieces ------------------------------------------------------------------------------------

  async function cut() {
    const mine = ++asked;
    try {
      const answer = await ask("cut_text", { ...request(), text: subject.prompt });
      if (mine !== asked) return;
      notice("");
      drawPieces(answer);
    } catch (error) {
      if (mine === asked) notice(error.message);
    }
  }

  function drawPieces(answer) {
    const before = pieces[chosen]?.piece;
    pieces = answer.pieces;
    boxes.name.textContent = answer.name;
    boxes.about.textContent = answer.about;
    boxes.pieces.replaceChildren(
      ...pieces.flatMap(({ kind, parts }, i) => {
        const node = chips.write(
          el("button", {
            type: "button",
            role: "radio",
            title: kind,
            data: { i },
            class: `gb-token gb-tk-piece gb-tk-kind-${kind}`,
          }),
          parts,
        );
        return parts[parts.length - 1]?.text?.endsWith("\n") ? [node, el("br")] : [node];
      }),
    );
    boxes.empty.hidden = pieces.length > 0;
    boxes.stage.hidden = !pieces.length || !merging; // its first merges are still asked for
    boxes.empty.textContent = answer.merges
      ? "Type a prompt above: its pieces appear here."
      : "This tokenizer merges nothing: it takes words or characters whole. " +
        "Choose GPT-2's vocabulary or another byte-level one at the right.";
    boxes.more.hidden = answer.total <= pieces.length;
    boxes.more.textContent = `The first ${format.whole(pieces.length)} of ${format.whole(answer.total)} pieces are drawn.`;
    if (!pieces.length) {
      say();
      return stop();
    }
    const wanted = Number(address.get("piece", "-1"));
    const kept = pieces[chosen]?.piece === before ? chosen : pieces.findIndex((entry) => entry.piece === before);
    const telling = pieces.findIndex((entry) => entry.kind === "word" && entry.piece.length > 5);
    choose(
      before === undefined && pieces[wanted] ? wanted : before !== undefined && kept >= 0 ? kept : Math.max(0, telling),
    );
  }

  async function choose(i) {
    chosen = i;
    stop();
    address.set({ piece: i });
    [...boxes.pieces.querySelectorAll("[data-i]")].forEach((node, j) => {
      node.setAttribute("aria-checked", String(j === i));
      node.tabIndex = j === i ? 0 : -1;
    });
    const mine = ++asked;
    try {
      const answer = await ask("merge_piece", { ...request(), piece: pieces[i].piece });
      if (mine !== asked) return;
      notice("");
      merging = answer;
      states = [answer.start];
      for (const { place, candidates } of answer.steps) {
        const last = states[states.length - 1],
          token = candidates.find(([p]) => p === place)[2];
        states.push([...last.slice(0, place), token, ...last.slice(place + 2)]);
      }
      boxes.at.max = answer.steps.length;
      boxes.stage.hidden = false;
      drawLadder();
      go(0);
      enlarge();
    } catch (error) {
      if (mine !== asked) return;
      notice(error.message);
      boxes.stage.hidden = true;
    }
  }
  boxes.pieces.addEventListener("click", (event) => {
    const node = event.target instanceof Element && event.target.closest("[data-i]");
    if (node) choose(Number(node.dataset.i));
  });
  boxes.pieces.addEventListener("keydown", (event) => {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: pieces.length - 1 }[event.key];
    if (to === undefined || !pieces[to]) return;
    event.preventDefault();
    choose(to);
    boxes.pieces.querySelector(`[data-i="${to}"]`).focus();
  });

  // ---- the merges ------------------------------------------------------------------------------------

  const token = (id) => merging.tokens[id];
  const chip = (id, more = "") => chips.chip(id, token(id).parts, { more });

  /** The tokens of now, and above each gap what its two would become; the one that goes next in amber. */
  function drawTower() {
    const ids = states[at],
      step = merging.steps[at];
    const waiting = new Map(step ? step.candidates.map(([place, rank, id]) => [place, { rank, id }]) : []);
    const made = at > 0 ? merging.steps[at - 1].place : -1;
    const cells = ids.flatMap((id, i) => {
      const cell = el(
        "div",
        { class: "gb-tk-cell" },
        chip(id, `gb-tk-large${i === made ? " gb-tk-made" : ""}`),
        el("small", { class: "gb-soft" }, String(id)),
      );
      if (i === ids.length - 1) return [cell];
      const found = waiting.get(i);
      const gap = el("div", { class: "gb-tk-gap" });
      if (found) {
        const next = step.place === i;
        gap.append(
          el(
            "div",
            { class: `gb-tk-could${next ? " gb-tk-next" : ""}` },
            chip(found.id),
            el("b", {}, format.whole(found.rank)),
          ),
        );
      }
      return [cell, gap];
    });
    boxes.tower.replaceChildren(...cells);
  }

  /** In the line beneath: what the next merge joins, and why it is the next. */
  function tell() {
    const step = merging.steps[at],
      n = merging.steps.length;
    const spoken = (id) => `“${chips.spoken(token(id).parts)}”`;
    if (!step) {
      const left = states[at].length,
        tokens = left === 1 ? "one token" : `${left} tokens`;
      say(
        !n
          ? "Nothing merges here."
          : `No neighbours are left that may merge: ${tokens} after ${n} merge${n === 1 ? "" : "s"}.`,
      );
      return;
    }
    const [, rank, id] = step.candidates.find(([place]) => place === step.place);
    const [left, right] = states[at].slice(step.place, step.place + 2);
    const others = step.candidates.length - 1;
    say(
      `Merge ${at + 1} of ${merging.steps.length}: ${spoken(left)} and ${spoken(right)} become ${spoken(id)}, by rank ${format.whole(rank)}` +
        (others ? `, the lowest of ${others + 1} that could go.` : ", the only one that could go."),
    );
  }

  function drawLadder() {
    boxes.ladder.replaceChildren(
      ...merging.steps.map(({ place, candidates }, i) => {
        const [, rank, id] = candidates.find(([p]) => p === place),
          [left, right] = states[i].slice(place, place + 2);
        return el(
          "button",
          {
            type: "button",
            class: "gb-tk-rung",
            data: { i: i + 1 },
            onclick: () => {
              stop();
              go(i + 1);
            },
          },
          el("span", { class: "gb-soft" }, `${i + 1}`),
          chip(left),
          "+",
          chip(right),
          "→",
          chip(id),
          el("span", { class: "gb-soft" }, `rank ${format.whole(rank)}, id ${id}`),
        );
      }),
    );
    const ids = states[states.length - 1],
      same = ids.join() === merging.encoded.join();
    boxes.final.replaceChildren(
      el("b", {}, "Final ids "),
      el("span", { class: "gb-mono" }, `[${merging.encoded.join(", ")}]`),
      el(
        "span",
        { class: "gb-soft" },
        same
          ? " the same that the tokenizer's own fast code gives."
          : " since this whole piece is a token, it is taken without any merge.",
      ),
    );
  }

  function go(to) {
    at = Math.max(0, Math.min(merging.steps.length, to));
    boxes.at.value = at;
    boxes.step.textContent = `${at} of ${merging.steps.length}`;
    boxes.back.disabled = at === 0;
    boxes.forth.disabled = at === merging.steps.length;
    for (const rung of boxes.ladder.children) {
      rung.classList.toggle("gb-tk-later", Number(rung.dataset.i) > at);
      rung.classList.toggle("gb-tk-now", Number(rung.dataset.i) === at);
    }
    drawTower();
    tell();
  }

  /** As large as the first step allows, which has the most tokens: the sizes stay while they merge. */
  function enlarge() {
    if (boxes.stage.hidden) return;
    const now = at;
    at = 0;
    drawTower();
    fit(boxes.tower, states[0].length, 22, 110);
    at = now;
    drawTower();
  }

  // ---- play, pause, step, drag -----------------------------------------------------------------------

  function stop() {
    clearTimeout(film);
    film = null;
    boxes.play.setAttribute("aria-pressed", "false");
    boxes.play.setAttribute("aria-label", "Play the merges");
  }
  function roll() {
    film = setTimeout(
      () => {
        if (!root.offsetParent || at >= merging.steps.length) return stop();
        go(at + 1);
        roll();
      },
      (1000 / Number(boxes.speed.value)) * (calm() ? 1.5 : 1),
    );
  }
  function play() {
    if (film) return stop();
    if (at >= merging.steps.length) go(0);
    boxes.play.setAttribute("aria-pressed", "true");
    boxes.play.setAttribute("aria-label", "Pause");
    roll();
  }
  boxes.play.addEventListener("click", play);
  boxes.back.addEventListener("click", () => {
    stop();
    go(at - 1);
  });
  boxes.forth.addEventListener("click", () => {
    stop();
    go(at + 1);
  });
  boxes.at.addEventListener("input", () => {
    stop();
    go(Number(boxes.at.value));
  });
  const speed = () => {
    boxes["shown-speed"].textContent = format.number(Number(boxes.speed.value));
  };
  boxes.speed.addEventListener("input", speed);
  speed();
  on("key", (event) => {
    if (!root.offsetParent || !merging || event.target.closest?.("button, summary")) return;
    if (event.key === " ") {
      event.preventDefault();
      play();
    } else if (event.key === "ArrowRight") {
      stop();
      go(at + 1);
    } else if (event.key === "ArrowLeft") {
      stop();
      go(at - 1);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const to = chosen + (event.key === "ArrowDown" ? 1 : -1);
      if (pieces[to]) choose(to);
    }
  });

  return {
    refresh() {
      menu.settle();
      return cut();
    },
    resize() {
      if (menu.settle()) cut();
      else enlarge();
    },
  };
});
