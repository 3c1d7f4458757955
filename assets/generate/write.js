// The view that writes. The server sends the logits of every token once a position and draws; the odds
// under the settings are worked out here (sampler.js) and shown as bars, against rank, and laid end to
// end. What was written is a list of tokens; the text (written_text.js) and the next question follow from it.
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { calm } from "../shared/motion.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import * as sampler from "../shared/sampler.js";
import { look } from "../shared/subject.js";
import { drawPointer } from "./draw_pointer.js";
import * as fields from "./fields.js";
import { fittedText } from "./fit_text.js";
import { leaders, oddsBars } from "./odds.js";
import { paceSlider } from "./pace_slider.js";
import { nextFrame, workQueue } from "./queue.js";
import { rankPlot } from "./rank_plot.js";
import { remarksOn } from "./remarks.js";
import { choiceOf, rewrite } from "./rewriting.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { tokenChips, tokenSays } from "./token_chips.js";
import { arrived, readPosition, tokenStream, viewAt } from "./token_stream.js";
import { transcriptMenu } from "./transcript.js";
import { weightsSwitch } from "./weights_switch.js";
import { drawFigures } from "./write_figures.js";
import { link } from "./written_link.js";
import { writtenText } from "./written_text.js";

panel("write", ({ root, ask, find, notice, say }) => {
  const MOST = 2000; // tokens after the prompt
  const part = (id) => find(`[data-id=${id}]`);
  const speed = part("speed"),
    written = tokenChips(part("text"), part("ramp"), branch, hear),
    letters = fittedText(() => [part("text")], 1.7);
  const buttons = Object.fromEntries(["generate", "one", "undo", "redo", "clear", "keep"].map((id) => [id, part(id)]));
  const store = samplingSettings(),
    pen = tokenStream(ask, "write");
  const chain = samplerChain(part("chain"), store);
  part("seed-home").append(fields.seed(store));
  part("drawing").append(fields.length(store), fields.stops(store));
  const weights = weightsSwitch(store, ask, () => place);
  part("weights").append(weights.element);
  const odds = oddsBars(part("odds"), (id) => act(() => force(id)), { point: hear });
  const ranks = rankPlot(part("ranks")),
    needle = drawPointer(part("needle"), say);
  part("off").addEventListener("click", () => store.offAll());

  let place = null; // { model, step, prompt } that is shown
  let at = null; // the position after the last token (readPosition)
  const text = writtenText();
  let view = null; // the odds that are shown
  const line = workQueue(notice, drawButtons);
  const act = (work) => line.act(work, () => pen.forget()); // it may have drawn tokens that never came here
  const here = () => ({ place, vocabulary: at.vocabulary });

  // ---- pace, the draw's animation ------------------------------------------------------------------

  const pace = paceSlider(part("pace"), part("pace-says"));
  let drawPace = "normal";
  fields.choice(part("throw"), "draw", "normal", (value) => {
    drawPace = value;
  });
  fields.choice(part("colour"), "chips", "surprise", (value) => {
    written.colour(value);
    const ends = { surprise: ["expected", "10 bits of surprise"], probability: ["drawn with 0", "with 100 %"] }[value];
    [part("ramp-low").textContent, part("ramp-high").textContent] = ends;
  });

  // ---- the position after the last token ----------------------------------------------------------

  async function read() {
    at = await readPosition(ask, place, text.ids());
    store.fit(at.vocabulary.size);
    drawAll();
  }

  async function refresh(subject) {
    const same = place && place.model === subject.model && place.prompt === subject.prompt;
    if (same && line.running)
      await line.running.done; // a newer snapshot: what is being written keeps its model
    else line.running?.drop();
    place = { model: subject.model, step: subject.step, prompt: subject.prompt };
    const mine = place;
    weights.follow();
    return line.enqueue(async () => {
      if (mine !== place) return;
      pen.forget();
      if (!same) text.forget();
      const linked = same ? null : link.entry("w", place);
      if (isHere(waiting)) adopt();
      try {
        await read();
        if (linked && !text.tokens.length) await reopen(linked);
      } catch (error) {
        at = view = null;
        text.forget();
        for (const picture of [odds, ranks, needle]) picture.clear();
        drawText();
        drawFigures(part, null);
        drawButtons();
        throw error;
      }
    });
  }

  /** The model writes again what the address holds. */
  async function reopen(linked) {
    const mine = place;
    let runs,
      settled = false;
    try {
      runs = link.readText(linked, here());
    } catch (error) {
      return notice(error.message);
    }
    function add(fresh, answer) {
      settled = Boolean(answer && !answer.ended);
      if (answer) take(answer);
      else text.add(...fresh);
      fresh.forEach(written.add);
      letters.grow();
      written.follow();
    }
    await line.run((job) => rewrite(job, runs, { ask, pen, place, ids: text.ids, add }), { continuous: true });
    if (mine !== place) return;
    if (settled) drawAll();
    else await read();
  }

  // ---- writing ------------------------------------------------------------------------------------

  function take(answer) {
    text.add(...answer.tokens.map((token) => ({ step: place.step, ...token })));
    Object.assign(at, arrived(answer));
    if (answer.ended === "stop") text.stop(at.vocabulary);
  }

  /** Show the tokens that came, one after the other over the time they took. */
  async function reveal(job, span) {
    const from = performance.now(),
      first = written.count(),
      count = text.tokens.length - first;
    while (written.count() < text.tokens.length) {
      const passed = job.stopped || calm() ? 1 : Math.min(1, (performance.now() - from + 16) / span);
      for (const token of text.tokens.slice(written.count(), first + Math.ceil(count * passed))) written.add(token);
      letters.grow();
      written.follow();
      if (written.count() === text.tokens.length) break;
      await nextFrame();
      await nextFrame(); // every second one is smooth enough, and leaves the processor to the model
    }
    written.strike();
  }

  /** The pointer falls, the token lights up: what a single token, or a slow pace, has time for. */
  async function throwNeedle(job) {
    const { share, id } = text.tokens.at(-1),
      hurried = (end) => {
        job.hurry = end;
      };
    if (!job.stopped) await needle.fall(share, id, drawPace, job.continuous ? 700 / pace() : Infinity, hurried);
    if (!job.stopped && drawPace !== "skip") await odds.choose(id, hurried);
  }

  async function write(job, limit) {
    let left = Math.min(limit, MOST - text.tokens.length),
      asked = performance.now();
    const began = asked,
      before = text.tokens.length;
    const some = () =>
      job.continuous && pace() < Infinity ? Math.min(left, Math.max(1, Math.floor(pace() / 4))) : left;
    let coming = left > 0 ? pen.draw(place, store.values, text.ids(), some()) : null;
    while (coming) {
      const answer = await coming;
      if (job.dropped) return;
      const slow = job.continuous && pace() < Infinity,
        came = answer.tokens.length;
      take(answer);
      left -= came;
      const more = () => left > 0 && !answer.ended && !job.stopped;
      // At full speed the server draws on while these are being shown, which is done before the next ones
      // are there: it never waits for the page. The last ones wait for nothing.
      const span = slow ? (1000 * came) / pace() : more() ? Math.min(400, 0.7 * (performance.now() - asked)) : 0;
      const due = asked + span;
      if (!slow) asked = performance.now();
      coming = more() && !slow ? pen.draw(place, store.values, text.ids(), some()) : null;
      coming?.catch(() => {}); // its failure is met when it is awaited
      if (!job.continuous || (slow && pace() <= 4)) await throwNeedle(job);
      await reveal(job, slow ? Math.max(0, due - performance.now()) : span);
      if (slow) {
        await job.wait(due - performance.now());
        asked = performance.now();
      }
      show();
      if (job.continuous) drawSpeed(text.tokens.length - before, performance.now() - began);
      // What would follow the end; and the odds that stay are exact, whatever wrote.
      if (answer.ended || (answer.weights === "int8" && !more())) await read();
      if (slow && more()) coming = pen.draw(place, store.values, text.ids(), some());
    }
  }

  async function force(id) {
    if (text.tokens.length >= MOST) return;
    text.add(choiceOf(odds.view(), id, place.step));
    pen.forget();
    written.add(text.tokens.at(-1));
    await read();
  }

  /** Keep so many tokens; redo brings back the rest. */
  const cut = (count) => async () => {
    text.cut(count());
    speed.textContent = "";
    await read();
  };
  const redo = async () => {
    text.redo();
    await read();
  };
  const onClick = (name, work) => buttons[name].addEventListener("click", work);
  function generate() {
    if (line.running?.continuous) line.running.stop();
    else act(() => line.run((job) => write(job, store.values.max_new_tokens), { continuous: true }));
  }
  const one = () => act(() => line.run((job) => write(job, 1), { continuous: false }));
  const undo = () => act(cut(() => text.tokens.length - 1));
  onClick("generate", generate);
  onClick("one", one);
  onClick("undo", undo);
  onClick("redo", () => act(redo));
  const press = (name, work) => () => !buttons[name].disabled && work();
  leadBy(root, {
    " ": press("generate", generate),
    ArrowRight: () => (text.undone ? press("redo", () => act(redo))() : press("one", one)()),
    ArrowLeft: press("undo", undo),
    ArrowDown: () => odds.lead(1),
    ArrowUp: () => odds.lead(-1),
    Enter: odds.pick,
  });
  onClick("clear", () => act(cut(() => 0)));
  onClick("keep", () => act(async () => look({ prompt: place.prompt + text.words(at.vocabulary) })));

  /** A past token leads to the tree of what could have been. */
  function branch(index) {
    act(async () => emit("branch", { place, tokens: [...text.tokens], at: index }));
  }
  // A branch comes back to be written on; this view may not have been seen before.
  let waiting = null; // { place, tokens }
  on("write", (branch) => {
    waiting = branch;
    if (isHere(branch))
      act(async () => {
        adopt();
        await read();
      });
  });
  const isHere = (branch) => branch && JSON.stringify(branch.place) === JSON.stringify(place);
  function adopt() {
    text.replace(waiting.tokens);
    waiting = null;
    pen.forget();
  }

  const exporter = transcriptMenu(part("export"), {
    ask,
    notice,
    now: () =>
      at && {
        place,
        tokens: text.tokens,
        promptIds: at.promptIds,
        vocabulary: at.vocabulary,
        settings: store.values,
        text: text.words(at.vocabulary),
        view,
      },
  });

  // ---- drawing ------------------------------------------------------------------------------------

  let scheduled = false;
  function schedule() {
    // at most once a frame, however fast a slider moves
    if (scheduled || !at) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      show();
    });
  }

  function show() {
    if (!at) return;
    view = viewAt(at, store.values, text.ids());
    odds.draw(view);
    ranks.draw(view);
    needle.draw(view);
    needle.rest();
    drawFigures(part, view);
    hear("");
    drawOrder();
    drawNote();
  }

  /** How far the odds are from those of the same settings in Hugging Face's order. */
  function drawOrder() {
    if (store.isHuggingFaces) return chain.note(null);
    const theirs = sampler.apply(at.logits, { ...view.settings, order: sampler.ORDER }, view.previous, at.ownOrder);
    return chain.note(sampler.distance(view.result.final, theirs.final));
  }

  function drawText() {
    written.reset(place.prompt || (at ? at.vocabulary.label(at.promptIds[0]) : ""), at?.vocabulary);
    text.tokens.forEach(written.add);
    written.strike();
    letters.reset();
    written.follow();
  }

  function drawAll() {
    drawText();
    show();
    drawButtons();
  }

  function drawNote() {
    part("note").textContent = remarksOn(place, at, text.tokens, MOST);
  }

  function drawSpeed(count, ms) {
    speed.textContent = `${format.whole(text.tokens.length)} token${text.tokens.length === 1 ? "" : "s"}, ${format.number((1000 * count) / ms)} a second.`;
  }

  function drawButtons() {
    const busy = Boolean(line.running),
      going = Boolean(line.running?.continuous);
    buttons.generate.textContent = going ? "Stop" : "Generate";
    buttons.generate.disabled = !at || (!going && text.tokens.length >= MOST);
    buttons.one.disabled = !at || going || text.tokens.length >= MOST;
    for (const name of ["undo", "clear", "keep"]) buttons[name].disabled = !at || (!text.tokens.length && !busy);
    buttons.redo.disabled = !at || busy || !text.undone;
    root.classList.toggle("gb-going", going);
    if (!at || busy) return;
    exporter.follow();
    link.keepText(here(), text.tokens);
  }

  /** What is pointed at; without, the token that came last and what may come next, once there is something to tell. */
  function hear(words) {
    if (words || !view) return say(words);
    const best = leaders(view.result, 1)[0],
      next = `Likeliest next: ${view.label(best)}, ${format.probability(view.result.final[best])}.`;
    if (!text.tokens.length) return say(inRoom() ? next : "");
    return say(`${tokenSays(text.tokens.at(-1), text.tokens.length - 1, at.vocabulary)}. ${next}`);
  }
  on("room", () => hear(""));

  const redraw = () => {
    ranks.redraw();
    needle.redraw();
  };
  store.subscribe(schedule);
  drawButtons();
  return {
    refresh,
    resize() {
      redraw();
      letters.reset();
    },
    theme() {
      written.theme();
      redraw();
    },
  };
});
