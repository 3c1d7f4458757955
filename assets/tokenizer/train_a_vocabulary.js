// The Train a vocabulary view: starts and steers a training on the server, asks for its merges, draws them.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { failures } from "../shared/failures.js";
import { format } from "../shared/format.js";
import { handOver } from "../shared/handed_vocabulary.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import * as chips from "../shared/tokens/chip.js";
import { pairRows } from "./pair_rows.js";
import { tokenCollapse } from "./token_collapse.js";
import { tokenCurve } from "./token_curve.js";
import { shelf } from "./tokenizer_menu.js";

panel("train_a_vocabulary", ({ root, ask, all, notice, say: caption }) => {
  const boxes = Object.fromEntries(all("[data-id]").map((node) => [node.dataset.id, node]));
  const SIZES = [300, 512, 1024, 2048, 4096, 8192, 16384, 32768],
    PACES = [1, 3, 10, 20, 50, 150, 0];
  const NEWEST = 10;
  const WORDS = {
    ready: "Ready.",
    reading: "Counting the pairs of the text.",
    running: "Merging.",
    paused: "Paused.",
    finished: "Finished.",
    stopped: "Stopped; what it has learnt is kept.",
    failed: "",
  };
  const tokens = []; // how each id reads
  let state = "ready",
    example = false, // what stands there is the server's, until the first Start
    since = 0,
    timer = null,
    about = null,
    merges = [];
  let kept = null,
    loaded = false,
    proposed = "",
    learntFrom = null;
  const collapse = tokenCollapse(boxes.sample, tokens),
    pairs = pairRows(boxes.pairs);
  const busy = () => state === "reading" || state === "running" || state === "paused";
  const going = () => busy() && !example;
  const { fail, guarded } = failures(notice);

  // ---- the form --------------------------------------------------------------------------------------

  const size = () => SIZES[boxes.size.value],
    pace = () => PACES[boxes.pace.value];
  function follow() {
    boxes["shown-size"].textContent = format.whole(size());
    boxes["shown-pace"].textContent = pace() || "as fast as it goes";
    boxes.paste.hidden = boxes.corpus.value !== "pasted";
    address.set({ bpe: boxes.corpus.value || null, bpesize: size() === 1024 ? null : size() });
  }

  async function fill() {
    const { texts, going: before } = await ask("prepare_learning");
    const wanted = boxes.corpus.value || address.get("bpe", "pydoc");
    boxes.corpus.replaceChildren(
      el("option", { value: "pasted" }, "A text of yours"),
      el("option", { value: "prompt" }, "The prompt"),
      ...texts.map((text) => el("option", { value: text.ref }, `${text.title} (${format.bytes(text.bytes)})`)),
    );
    boxes.corpus.value = [...boxes.corpus.options].some((option) => option.value === wanted)
      ? wanted
      : (texts[0]?.ref ?? "pasted");
    follow();
    return before;
  }
  boxes.size.value = Math.max(0, SIZES.indexOf(Number(address.get("bpesize", "1024"))));
  for (const box of [boxes.corpus, boxes.size]) box.addEventListener("input", follow);
  boxes.pace.addEventListener(
    "input",
    guarded(async () => {
      follow();
      if (state === "running") await ask("steer_learning", { action: "resume", pace: pace() });
    }),
  );

  // ---- steering --------------------------------------------------------------------------------------

  boxes.start.addEventListener(
    "click",
    guarded(async () => {
      notice("");
      const corpus = boxes.corpus.value,
        own = { pasted: boxes.text.value, prompt: subject.prompt }[corpus];
      learntFrom = corpus;
      await ask("start_learning", {
        corpus: own === undefined ? corpus : "pasted",
        ...(own === undefined ? {} : { text: own }),
        vocab_size: size(),
        pace: pace(),
      });
      example = false;
      begin();
      await news();
    }),
  );
  const steer = (action) =>
    guarded(async () => {
      ({ state } = await ask("steer_learning", { action, pace: pace() }));
      await news();
    })();
  boxes.pause.addEventListener("click", () => steer(state === "paused" ? "resume" : "pause"));
  boxes.step.addEventListener("click", () => steer("step"));
  boxes.stop.addEventListener("click", () => steer("stop"));
  on("key", (event) => {
    if (!root.offsetParent || !(going() || example) || event.target.closest?.("button, summary")) return;
    if (event.key === " ") {
      event.preventDefault();
      if (example) boxes.start.click();
      else steer(state === "paused" ? "resume" : "pause");
    }
    if (going() && (event.key === "." || event.key === "ArrowRight")) steer("step");
  });

  function begin() {
    state = "reading";
    since = 0;
    about = null;
    merges = [];
    tokens.length = 0;
    kept = null;
    pairs.clear();
    boxes.newest.replaceChildren();
    boxes.keep.hidden = boxes.kept.hidden = true;
    buttons();
  }

  function buttons() {
    boxes.start.textContent = !example && (about || going()) ? "Start again" : "Start";
    for (const button of [boxes.pause, boxes.step, boxes.stop]) button.hidden = example;
    boxes.pause.disabled = boxes.step.disabled = boxes.stop.disabled = !going();
    boxes.pause.textContent = state === "paused" ? "Go on" : "Pause";
    boxes.keep.hidden = example || !merges.length;
  }

  // ---- news ------------------------------------------------------------------------------------------

  const news = latest(async () => {
    clearTimeout(timer);
    const of = example,
      asked = since;
    const answer = await ask("poll_learning", { since, example }).catch((error) => {
      if (going() && error instanceof Refusal) gone();
      throw error;
    });
    if (of !== example || asked !== since) return void news(); // meanwhile another one was started
    if (since === 0 && answer.sample) {
      about = answer;
      tokens.splice(0, tokens.length, ...answer.bytes);
      collapse.begin(answer.sample);
      const untouched = !boxes.name.value || boxes.name.value === proposed;
      proposed = `${answer.title}, ${answer.vocab_size}`.slice(0, 60);
      if (untouched) boxes.name.value = proposed;
    }
    state = answer.state;
    since = answer.next;
    if (answer.failure) notice(answer.failure);
    take(answer.merges);
    if (root.offsetParent) draw(answer);
    buttons();
    const behind = answer.next < answer.learnt;
    // Asking takes time from a training at full speed, so it is asked less often than one that is to be watched.
    const wait = !busy() ? 0 : !root.offsetParent ? 1500 : pace() ? Math.max(120, Math.min(400, 900 / pace())) : 250;
    if (busy() || behind) timer = setTimeout(() => news().catch(fail), wait);
  });

  /** The server knows nothing of this training any more: it was started again. What came stays on the page. */
  function gone() {
    state = "stopped";
    boxes.status.textContent = "The server has forgotten this training. Start it again.";
    buttons();
    boxes.keep.hidden = true;
  }

  function take(fresh) {
    const applied = fresh.map(([left, right, , , parts]) => {
      tokens.push(parts);
      return [left, right, tokens.length - 1];
    });
    merges.push(
      ...fresh.map(([left, right, count, length], i) => ({ left, right, count, length, token: applied[i][2] })),
    );
    if (applied.length) collapse.apply(applied);
  }

  function draw(answer) {
    const last = merges[merges.length - 1],
      length = last?.length ?? about?.n_bytes ?? 0,
      vocabulary = 257 + merges.length;
    const count = (name, value, title = "") => el("div", { title }, el("dt", {}, name), el("dd", {}, value));
    const early = state === "finished" && about && vocabulary < about.vocab_size;
    const made = `${format.whole(merges.length)} merges`;
    boxes.status.textContent = example
      ? `Example: ${about?.title}, ${made}; Start trains your own.`
      : WORDS[state] + (early ? " No pair is left that occurs twice." : "");
    tell(last, made);
    boxes.figures.replaceChildren(
      count("merges", format.whole(merges.length)),
      count("vocabulary", format.whole(vocabulary), "256 bytes, the merges, and <|endoftext|>"),
      count("bytes of the text", format.whole(about?.n_bytes ?? 0)),
      count("tokens of the text", format.whole(length)),
      count("bytes per token", length ? (about.n_bytes / length).toFixed(2) : "–"),
      count("time spent learning", format.seconds(answer.seconds), `${answer.seconds.toFixed(3)} s, pauses left out`),
    );
    const share = about ? merges.length / Math.max(1, about.vocab_size - 257) : 0;
    boxes.progress.firstElementChild.style.transform = `scaleX(${Math.min(1, share)})`;
    boxes.progress.setAttribute("aria-valuenow", Math.round(100 * share));
    pairs.draw(answer.pairs, !pace() || pace() > 20);
    drawNewest();
    curves();
  }

  /** In the line beneath, in a room: what merged last. */
  function tell(last, made) {
    if (!document.body.classList.contains("gb-room") || !last) return caption();
    const spoken = (id) => `“${chips.spoken(tokens[id])}”`;
    caption(
      `${example ? `Example, ${about.title}. ` : ""}After ${made}: ${spoken(last.left)} and ${spoken(last.right)}, ` +
        `together ${format.whole(last.count)} times, became ${spoken(last.token)}, token ${last.token}.`,
    );
  }

  function drawNewest() {
    const newest = merges.slice(-NEWEST).reverse();
    boxes.newest.replaceChildren(
      ...newest.map(({ left, right, token, count }) =>
        el(
          "div",
          { class: "gb-tk-step" },
          chips.chip(left, tokens[left]),
          "+",
          chips.chip(right, tokens[right]),
          "→",
          chips.chip(token, tokens[token]),
          el("span", { class: "gb-soft gb-small" }, `id ${token}, ${format.whole(count)} times`),
        ),
      ),
    );
  }

  function curves() {
    const end = about?.vocab_size ?? 0,
      empty = "The curve begins with the second merge.";
    const start = about ? [[257, 1]] : [];
    const rates = [...start, ...merges.map((m, i) => [258 + i, about.n_bytes / m.length])];
    tokenCurve(boxes.compression, rates, { end, empty, label: (v) => v.toFixed(2) });
    tokenCurve(
      boxes.counts,
      merges.map((m, i) => [258 + i, m.count]),
      { end, empty, logarithmic: true, label: format.whole },
    );
  }

  // ---- keeping ---------------------------------------------------------------------------------------

  boxes.save.addEventListener(
    "click",
    guarded(async () => {
      ({ ref: kept } = await ask("save_vocabulary", { name: boxes.name.value }));
      await shelf.load(ask, true);
      emit("tokenizers");
      boxes.kept.hidden = false;
      boxes.save.textContent = "Kept";
      setTimeout(() => {
        boxes.save.textContent = "Keep";
      }, 1500);
    }),
  );
  for (const button of all("[data-go]")) {
    button.addEventListener("click", () => {
      const where = button.dataset.go;
      if (where === "train") {
        // that tab may not be on the page yet: it looks for this when it appears
        handOver({ tokenizer: kept, corpus: learntFrom });
        scrollTo({ top: 0 });
        return openView("train", "run");
      }
      if (where === "compare_tokenizers") emit("compare tokenizers", kept);
      else shelf.choose(kept);
      openView("tokenizer", where);
    });
  }
  for (const button of all("[data-form]")) {
    button.addEventListener(
      "click",
      guarded(() => shelf.download(ask, { tok: kept }, button.dataset.form)),
    );
  }

  on("found", ({ restarted }) => {
    if (restarted && loaded) guarded(fill)();
    if (restarted && going()) news().catch(fail);
  });

  async function appear() {
    const before = await fill();
    if (loaded) return;
    loaded = true;
    example = !before; // a reload finds the training that was left
    begin();
    await news();
  }
  return {
    refresh: appear,
    resize() {
      if (!loaded) return;
      guarded(fill)();
      if (about) {
        curves();
        tell(merges[merges.length - 1], `${format.whole(merges.length)} merges`);
        if (going()) news().catch(fail);
      }
    },
    theme: curves,
  };
});
