// The view of two sides. Each has its samplers, its model and its pen; prompt, seed, length and stop
// texts are common. What is compared is where the two texts first differ.
import { emit } from "../shared/events.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import * as sampler from "../shared/sampler.js";
import { Refusal } from "../shared/server.js";
import { stepName } from "./arithmetic.js";
import { EXAMPLE_TOKENS, runExample } from "./example.js";
import * as fields from "./fields.js";
import { fittedText } from "./fit_text.js";
import { workQueue } from "./queue.js";
import { rivalMenu, subjectTitle } from "./rival_menu.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { paintRamp, tokenChips } from "./token_chips.js";
import { meanLog, readPosition, stoppedAt, tokenStream } from "./token_stream.js";
import { weightsSwitch } from "./weights_switch.js";

panel("side_by_side", ({ root, ask, find, notice, say }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const stores = { a: samplingSettings(), b: samplingSettings("b.") };
  const sides = Object.fromEntries(
    ["a", "b"].map((name) => [
      name,
      {
        name,
        store: stores[name],
        pen: tokenStream(ask, name === "a" ? "left" : "right"),
        tokens: [],
        promptIds: [],
        vocabulary: null,
        used: null,
        written: tokenChips(
          part(`text-${name}`),
          null,
          (i) => branch(name, i),
          (words) => hear(words && `${name.toUpperCase()}. ${words}`),
        ),
      },
    ]),
  );
  let place = null,
    seen = null, // the subject; what it was when the texts were written
    example = false,
    looked = null; // the place that the arrows lead to, in both texts
  const letters = fittedText(() => [part("text-a"), part("text-b")], 2.4);
  const line = workQueue(notice, drawButtons);

  for (const name of ["a", "b"]) samplerChain(part(`chain-${name}`), stores[name]);
  fields.choice(part("side"), "side", "b", (value) => {
    part("chain-a").hidden = value !== "a";
    part("chain-b").hidden = value !== "b";
  });
  const weights = weightsSwitch(stores.a, ask, () => place);
  part("drawing").append(fields.seed(stores.a), fields.length(stores.a), weights.element);
  part("stops").append(fields.stops(stores.a));
  const rival = rivalMenu(part("rival"), ask, {
    key: "b.model",
    none: "the same as A",
    changed: () => {
      prepare();
    },
  });
  const filled = rival.fill().catch((error) => notice(error.message));
  part("same").addEventListener("click", () => stores.b.copy(stores.a));

  const placeOf = ({ name }) => ({ ...place, ...(name === "b" ? rival.place() : null) });
  const settingsOf = ({ store }) => {
    const { seed, stop, max_new_tokens, weights } = stores.a.values;
    return { ...store.values, seed, stop, max_new_tokens, weights };
  };
  const describe = (settings) => {
    const does = settings.order
      .filter((name) => settings[name] !== sampler.OFF[name])
      .map((name) => stepName(name, settings[name]));
    return does.length ? does.join(", then ") : "every sampler off: the model's own odds";
  };
  const titleOf = ({ name }) => (name === "b" && rival.title()) || subjectTitle(place);

  async function refresh(subject) {
    await filled;
    const now = { model: subject.model, step: subject.step, prompt: subject.prompt };
    const same = place && JSON.stringify(now) === JSON.stringify(place);
    if (!same) line.running?.drop();
    place = now;
    weights.follow();
    await line.enqueue(async () => {
      if (!same) clear();
      await prepare();
      if (!same && sides.a.vocabulary && sides.b.vocabulary) await showExample();
    });
  }

  /** Know the tokens' names of both sides, and show the prompt. */
  async function prepare() {
    notice("");
    try {
      for (const side of Object.values(sides)) {
        const { vocabulary, promptIds } = await readPosition(ask, placeOf(side), []);
        if (side.vocabulary !== vocabulary || JSON.stringify(placeOf(side)) !== side.used?.place) side.tokens = [];
        Object.assign(side, { vocabulary, promptIds });
        side.store.fit(vocabulary.size);
      }
      draw();
    } catch (error) {
      for (const side of Object.values(sides)) side.vocabulary = null;
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    } finally {
      drawButtons();
    }
  }

  function clear() {
    for (const side of Object.values(sides)) Object.assign(side, { tokens: [], used: null });
    seen = looked = null;
    example = false;
  }

  /** Two short texts, so that there is something to compare; sides that are alike would write the same one. */
  async function showExample() {
    if (alike()) stores.b.set("temperature", stores.a.values.temperature === 2 ? 1 : 2);
    await runExample(line, (job) => write(job, EXAMPLE_TOKENS));
  }

  async function write(job, most = stores.a.values.max_new_tokens) {
    clear();
    example = Boolean(job.example);
    seen = JSON.stringify(identity());
    draw();
    await Promise.all(Object.values(sides).map((side) => writeSide(job, side, most)));
    if (!job.dropped) draw();
  }

  async function writeSide(job, side, most) {
    const from = placeOf(side),
      settings = { ...settingsOf(side), max_new_tokens: most };
    side.used = { place: JSON.stringify(from), settings, title: titleOf(side) };
    side.pen.forget();
    for (let left = most, ended = null; left > 0 && !ended && !job.stopped; ) {
      const answer = await side.pen.draw(
        from,
        settings,
        side.tokens.map((token) => token.id),
        left,
      );
      if (job.dropped) return;
      side.tokens.push(...answer.tokens);
      answer.tokens.forEach(side.written.add);
      left -= answer.tokens.length;
      ended = answer.ended;
      if (ended === "stop") {
        const text = side.vocabulary.text(side.tokens.map((token) => token.id));
        const { stop, from: at } = stoppedAt(text, settings.stop);
        side.tokens.at(-1).stopped = { stop, characters: text.length - at };
        side.written.strike();
      }
      letters.grow();
      side.written.follow();
      drawParting();
      drawFigures(side);
    }
  }

  // ---- where they part ----------------------------------------------------------------------------

  /** The first token of each side that makes its text differ, or null; with one vocabulary by ids, else by letters. */
  function parting() {
    const { a, b } = sides;
    if (a.vocabulary === b.vocabulary) {
      const at = a.tokens.findIndex((token, i) => i < b.tokens.length && token.id !== b.tokens[i].id);
      return at < 0 ? null : { a: at, b: at };
    }
    const texts = [a, b].map((side) => side.vocabulary.text(side.tokens.map((token) => token.id)));
    let same = 0;
    while (same < texts[0].length && texts[0][same] === texts[1][same]) same += 1;
    if (same >= texts[0].length || same >= texts[1].length) return null;
    const holder = (side) => {
      // the token with the letter after the first `same`
      for (let i = 0; i < side.tokens.length; i += 1) {
        if (side.vocabulary.text(side.tokens.slice(0, i + 1).map((token) => token.id)).length > same) return i;
      }
      return side.tokens.length - 1;
    };
    return { a: holder(a), b: holder(b) };
  }

  function drawParting() {
    const { a, b } = sides,
      at = a.tokens.length && b.tokens.length ? parting() : null;
    for (const side of [a, b]) {
      part(`text-${side.name}`).querySelector(".gb-apart")?.classList.remove("gb-apart");
      if (at) side.written.chip(at[side.name])?.classList.add("gb-apart");
    }
    hear("");
  }

  /** What is pointed at; without, the place that the arrows led to, or where the texts part. */
  function hear(words) {
    const { a, b } = sides,
      both = Math.min(a.tokens.length, b.tokens.length);
    if (words || !both) return say(words);
    const at = looked === null ? parting() : { a: looked, b: looked };
    const says = (side) => {
      const token = side.tokens[at[side.name]];
      if (!token) return `${side.name.toUpperCase()} has ended`;
      return `${side.name.toUpperCase()} wrote ${side.vocabulary.label(token.id)} (drawn with ${format.probability(token.p)})`;
    };
    const where = at && (looked === null ? `They part at token ${format.whole(at.a + 1)}` : `Token ${looked + 1}`);
    return say(
      (example ? "Example. " : "") +
        (at ? `${where}: ${says(a)}, ${says(b)}.` : `The same so far, for ${format.whole(both)} tokens.`),
    );
  }

  /** Lead through both texts at once. */
  function leadTo(place) {
    const last = Math.max(sides.a.tokens.length, sides.b.tokens.length) - 1;
    if (last < 0) return;
    looked = place === null ? null : Math.min(last, Math.max(0, place));
    for (const side of Object.values(sides)) side.written.look(looked ?? parting()?.[side.name]);
    hear("");
  }
  leadBy(root, {
    ArrowRight: () => leadTo((looked ?? parting()?.a ?? -1) + 1),
    ArrowLeft: () => leadTo((looked ?? parting()?.a ?? 1) - 1),
    ArrowUp: () => leadTo(null), // back to where they part
    ArrowDown: () => leadTo(Infinity),
    " ": () => !part("go").disabled && go(),
  });

  // ---- drawing ------------------------------------------------------------------------------------

  const alike = () => {
    const [a, b] = identity();
    return JSON.stringify(a) === JSON.stringify(b);
  };
  const identity = () => Object.values(sides).map((side) => [placeOf(side), settingsOf(side)]);

  function draw() {
    for (const side of Object.values(sides)) {
      if (!side.vocabulary) continue;
      side.written.reset(place.prompt || side.vocabulary.label(side.promptIds[0]), side.vocabulary);
      side.tokens.forEach(side.written.add);
      side.written.strike();
      drawFigures(side);
    }
    letters.reset();
    for (const side of Object.values(sides)) side.written.follow();
    drawParting();
    follow();
  }

  function drawFigures(side) {
    const mean = meanLog(side.tokens);
    part(`figures-${side.name}`).textContent =
      mean === null
        ? ""
        : `${format.whole(side.tokens.length)} tokens, mean log-probability ${format.number(mean)} nats, perplexity ${format.number(Math.exp(-mean))} in its own model`;
  }

  /** What each side is, and whether that is still what the texts were written with. */
  function follow() {
    if (!place) return;
    for (const side of Object.values(sides)) {
      part(`what-${side.name}`).textContent = side.tokens.length ? side.used.title : titleOf(side);
      part(`with-${side.name}`).textContent = describe(side.tokens.length ? side.used.settings : settingsOf(side));
    }
    const stale = seen && seen !== JSON.stringify(identity()) && sides.a.tokens.length > 0;
    part("note").textContent = stale
      ? "The settings have changed since; write both again."
      : alike()
        ? "Both sides are the same now, so they will write the same. Change the samplers or the model of one."
        : "";
  }

  function branch(name, at) {
    const side = sides[name];
    emit("branch", { place: JSON.parse(side.used.place), tokens: side.tokens, at });
  }

  function drawButtons() {
    const going = Boolean(line.running) && !line.running.example,
      ready = sides.a.vocabulary && sides.b.vocabulary;
    part("go").textContent = going ? "Stop" : "Write both";
    part("go").disabled = !ready;
    part("clear").disabled = going || !sides.a.tokens.length;
  }

  function go() {
    if (line.running && !line.running.example) line.running.stop();
    else line.act(() => line.run((job) => write(job)));
  }
  part("go").addEventListener("click", go);
  part("clear").addEventListener("click", () =>
    line.act(async () => {
      clear();
      draw();
    }),
  );
  for (const store of Object.values(stores)) store.subscribe(follow);
  const ramp = () => paintRamp(part("ramp"));
  ramp();
  return {
    refresh,
    resize: letters.reset,
    theme() {
      ramp();
      for (const side of Object.values(sides)) side.written.theme();
    },
  };
});
