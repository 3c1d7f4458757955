// The view of many samples: one prompt, as many seeds, written side by side by the server. It also counts
// how different they are; which is best is the highest mean log-probability in the model itself.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { readVocabulary } from "../shared/tokens/vocabulary.js";
import { EXAMPLE_TOKENS, runExample } from "./example.js";
import * as fields from "./fields.js";
import { fittedText } from "./fit_text.js";
import { workQueue } from "./queue.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { paintRamp, tokenChips, tokenSays } from "./token_chips.js";
import { meanLog, stoppedAt } from "./token_stream.js";

const EXAMPLES = 3; // samples

panel("many_at_once", ({ root, ask, find, notice, say }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const store = samplingSettings();
  let place = null,
    rows = [],
    diversity = null,
    run = 4,
    sort = "seed",
    example = false,
    led = null; // { row, at }: where the arrows lead, a sample and a token of it or null
  const letters = fittedText(() => [part("samples")], 1.7);
  let count = Math.min(32, Math.max(1, Math.round(Number(address.get("samples")) || 8)));
  const line = workQueue(notice, drawButtons);

  samplerChain(part("chain"), store);
  part("drawing").append(fields.length(store), fields.seed(store));
  part("stops").append(fields.stops(store));
  fields.choice(part("sort"), "sort", "seed", (value) => {
    sort = value;
    arrange();
  });
  fields.choice(part("run"), "run", "4", (value) => {
    run = Number(value);
    drawFigures();
  });
  part("count").value = count;
  part("count").addEventListener("input", () => {
    count = Number(part("count").value);
    address.set({ samples: count === 8 ? null : count });
    drawButtons();
  });

  async function refresh(subject) {
    const now = { model: subject.model, step: subject.step, prompt: subject.prompt };
    if (place && JSON.stringify(now) === JSON.stringify(place)) return;
    line.running?.drop();
    place = now;
    await line.enqueue(async () => {
      show([]);
      drawButtons();
      await runExample(line, (job) => write(job, EXAMPLES, EXAMPLE_TOKENS));
    });
  }

  function show(fresh) {
    rows = fresh;
    diversity = led = null;
    part("samples").replaceChildren(...rows.map((row) => row.item));
    part("empty").hidden = rows.length > 0;
    letters.reset();
    drawFigures();
    hear("");
  }

  function makeRow(seed, vocabulary) {
    const box = el("div", {
      class: "gb-written",
      tabindex: 0,
      role: "group",
      "aria-label": `The sample with seed ${seed}`,
    });
    const mean = el("span"),
      length = el("span");
    const item = el(
      "li",
      { data: { seed } },
      el(
        "div",
        { class: "gb-sample-says" },
        el("span", {}, "seed ", el("b", {}, String(seed))),
        mean,
        length,
        el("span", { class: "gb-best-mark" }, "★ most likely"),
      ),
      box,
    );
    const row = { seed, item, mean, length, tokens: [], vocabulary };
    row.written = tokenChips(box, null, null, (words) => hear(words && `Seed ${seed}. ${words}`));
    row.written.reset("", vocabulary);
    return row;
  }

  async function write(job, samples = count, max_new_tokens = store.values.max_new_tokens) {
    const settings = store.values,
      began = performance.now(),
      from = place;
    /** @type {import("../answers.js").DrawBatch} */
    let answer = await ask("begin_batch", { ...from, ...settings, max_new_tokens, samples });
    const vocabulary = await readVocabulary(ask, from, answer.tokenizer);
    if (job.dropped) return;
    store.fit(vocabulary.size);
    example = Boolean(job.example);
    show(answer.seeds.map((seed) => makeRow(seed, vocabulary)));
    for (;;) {
      take(answer, settings.stop, vocabulary);
      const written = rows.reduce((sum, row) => sum + row.tokens.length, 0);
      part("note").textContent =
        `${format.whole(written)} tokens, ${format.number((1000 * written) / (performance.now() - began))} a second`;
      if (answer.done || job.stopped) return;
      answer = await ask("draw_batch", { batch: answer.batch });
      if (job.dropped) return;
      if (answer.gone) throw new Refusal("The server has put these samples away; write them again.");
    }
  }

  function take(answer, stops, vocabulary) {
    answer.tokens.forEach((tokens, i) => {
      const row = rows[i];
      for (const [id, p, raw, rank, share] of tokens) {
        row.tokens.push({ id, p, raw, rank, share });
        row.written.add(row.tokens.at(-1));
      }
      if (answer.stopped[i] && !row.tokens.at(-1).stopped) {
        const text = vocabulary.text(row.tokens.map((token) => token.id)),
          { stop, from } = stoppedAt(text, stops);
        row.tokens.at(-1).stopped = { stop, characters: text.length - from };
        row.written.strike();
      }
      row.likely = meanLog(row.tokens);
      row.mean.textContent = row.likely === null ? "" : `${format.number(row.likely)} nats/token`;
      row.length.textContent = `${format.whole(row.tokens.length)} tokens`;
    });
    diversity = answer;
    const best = Math.max(...rows.map((row) => row.likely ?? -Infinity));
    for (const row of rows) row.item.classList.toggle("gb-best", rows.length > 1 && row.likely === best);
    letters.grow();
    drawFigures();
    hear("");
    if (answer.done) arrange();
  }

  /** By seed, or the most likely first. Rows stay put while they are being written. */
  function arrange() {
    part("samples").replaceChildren(...inOrder().map((row) => row.item));
  }
  function inOrder() {
    return [...rows].sort((a, b) =>
      sort === "seed" ? a.seed - b.seed : (b.likely ?? -Infinity) - (a.likely ?? -Infinity),
    );
  }

  /** What is pointed at; without, where the arrows led, or the sample that the model holds most likely. */
  function hear(words) {
    if (words || !diversity) return say(words);
    const best = rows.reduce((most, row) => ((row.likely ?? -Infinity) > (most.likely ?? -Infinity) ? row : most)),
      row = led?.row ?? best,
      token = row.tokens[led?.at ?? -1];
    const what = token
      ? tokenSays(token, led.at, row.vocabulary)
      : `${format.number(row.likely)} nats a token over ${format.whole(row.tokens.length)} tokens${row === best ? ", the most likely in the model" : ""}`;
    return say(`${example ? "Example. " : ""}Seed ${row.seed}: ${what}.`);
  }

  /** Lead to the sample below or above, or to the token after or before. */
  const leadRow = (by) => () => {
    const all = inOrder();
    if (!all.length) return;
    const next =
      all[Math.min(all.length - 1, Math.max(0, (led ? all.indexOf(led.row) : by > 0 ? -1 : all.length) + by))];
    leadTo(next, null);
  };
  const leadToken = (by) => () => {
    const row = led?.row ?? inOrder()[0];
    if (row) leadTo(row, Math.min(row.tokens.length - 1, Math.max(0, (led?.at ?? -1) + by)));
  };
  function leadTo(row, at) {
    led?.row.item.classList.remove("gb-led");
    led?.row.written.look(null);
    led = { row, at };
    row.item.classList.add("gb-led");
    row.item.scrollIntoView({ block: "nearest" });
    row.written.look(at);
    hear("");
  }
  leadBy(root, {
    ArrowDown: leadRow(1),
    ArrowUp: leadRow(-1),
    ArrowRight: leadToken(1),
    ArrowLeft: leadToken(-1),
    " ": () => !part("go").disabled && go(),
  });

  function drawFigures() {
    const share = (x) => (x === null || x === undefined ? "–" : `${(100 * x).toPrecision(3)} %`);
    part("distinct-n-name").textContent = `Distinct-${run}`;
    part("distinct-n-name").title = `Different runs of ${run} tokens over all runs of ${run}`;
    part("overlap-name").textContent = `Self-overlap of ${run}`;
    part("overlap-name").title =
      `The share of a sample's runs of ${run} tokens that another sample has too, averaged over the samples`;
    part("distinct-1").textContent = share(diversity?.distinct[0]);
    part("distinct-2").textContent = share(diversity?.distinct[1]);
    part("distinct-n").textContent = share(diversity?.distinct[run - 1]);
    part("overlap").textContent = share(diversity?.overlap[run - 1]);
    const mean = meanLog(rows.flatMap((row) => row.tokens));
    part("mean").textContent = mean === null ? "–" : `${format.number(mean)} nats`;
  }

  function drawButtons() {
    const going = Boolean(line.running) && !line.running.example,
      { seed } = store.values;
    part("samples-says").textContent = count;
    part("go").textContent = going ? "Stop" : `Write ${count} sample${count === 1 ? "" : "s"}`;
    part("go").disabled = !place;
    part("seeds").textContent =
      count === 1 ? "" : `Their seeds are ${seed} to ${seed + count - 1}. At most 500 tokens each.`;
  }

  function go() {
    if (line.running && !line.running.example) line.running.stop();
    else line.act(() => line.run((job) => write(job)));
  }
  part("go").addEventListener("click", go);
  store.subscribe(drawButtons);
  const ramp = () => paintRamp(part("ramp"));
  ramp();
  return {
    refresh,
    resize: letters.reset,
    theme() {
      ramp();
      for (const row of rows) row.written.theme();
    },
  };
});
