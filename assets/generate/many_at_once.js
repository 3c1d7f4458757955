// The view of many samples: one prompt, as many seeds, written side by side by the server. It also counts
// how different they are; which is best is the highest mean log-probability in the model itself.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { readVocabulary } from "../shared/tokens/vocabulary.js";
import * as fields from "./fields.js";
import { workQueue } from "./queue.js";
import { samplerChain } from "./sampler_chain.js";
import { samplingSettings } from "./sampling_settings.js";
import { paintRamp, tokenChips } from "./token_chips.js";
import { meanLog, stoppedAt } from "./token_stream.js";

panel("many_at_once", ({ ask, find, notice }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const store = samplingSettings();
  let place = null,
    rows = [],
    diversity = null,
    run = 4,
    sort = "seed";
  let count = Math.min(32, Math.max(1, Math.round(Number(address.get("samples")) || 8)));
  const line = workQueue(notice, drawButtons);

  samplerChain(part("chain"), store);
  part("drawing").append(fields.length(store), fields.seed(store), fields.stops(store));
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
    });
  }

  function show(fresh) {
    rows = fresh;
    diversity = null;
    part("samples").replaceChildren(...rows.map((row) => row.item));
    part("empty").hidden = rows.length > 0;
    drawFigures();
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
    const row = { seed, item, mean, length, tokens: [], written: tokenChips(box) };
    row.written.reset("", vocabulary);
    return row;
  }

  async function write(job) {
    const { max_new_tokens, ...settings } = store.values,
      began = performance.now(),
      from = place;
    /** @type {import("../answers.js").DrawBatch} */
    let answer = await ask("begin_batch", { ...from, ...settings, max_new_tokens, samples: count });
    const vocabulary = await readVocabulary(ask, from, answer.tokenizer);
    if (job.dropped) return;
    store.fit(vocabulary.size);
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
    drawFigures();
    if (answer.done) arrange();
  }

  /** By seed, or the most likely first. Rows stay put while they are being written. */
  function arrange() {
    const order = [...rows].sort((a, b) =>
      sort === "seed" ? a.seed - b.seed : (b.likely ?? -Infinity) - (a.likely ?? -Infinity),
    );
    part("samples").replaceChildren(...order.map((row) => row.item));
  }

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
    const going = Boolean(line.running),
      { seed } = store.values;
    part("samples-says").textContent = count;
    part("go").textContent = going ? "Stop" : `Write ${count} sample${count === 1 ? "" : "s"}`;
    part("go").disabled = !place;
    part("seeds").textContent =
      count === 1 ? "" : `Their seeds are ${seed} to ${seed + count - 1}. At most 500 tokens each.`;
  }

  part("go").addEventListener("click", () => {
    if (line.running) line.running.stop();
    else line.act(() => line.run(write));
  });
  store.subscribe(drawButtons);
  const ramp = () => paintRamp(part("ramp"));
  ramp();
  return {
    refresh,
    theme() {
      ramp();
      for (const row of rows) row.written.theme();
    },
  };
});
