// The sampling settings: sliders whose ends mean something, a plain word for "off", and the address
// that brings them back. glassbox.dials(...).values holds them under
// the names of llm.SamplingConfig.
(() => {
  "use strict";
  const { address, format } = glassbox;
  const three = (x) => Number(x.toPrecision(3));
  const span = (n, value) => Array.from({ length: n + 1 }, (_, i) => value(i));
  const nearest = (stops, value) =>
    stops.reduce((best, stop, i) => (Math.abs(stop - value) < Math.abs(stops[best] - value) ? i : best), 0);

  // key: its name in the address; off: the value that changes nothing; stops: what the slider runs through.
  const DIALS = {
    temperature: { key: "t", off: 1, low: 0, high: 10,
      stops: () => [0, ...span(200, (i) => three(10 ** ((i - 100) / 100)))],
      say: (x) => (x === 0 ? "0, greedy" : x === 1 ? "1, off" : String(x)) },
    top_k: { key: "k", off: 0, low: 0, high: 1e6, whole: true,
      stops: (V) => [...new Set([...span(120, (i) => Math.round(V ** (i / 120))).filter((k) => k < V), 0])],
      say: (x) => (x ? format.whole(x) : "off") },
    top_p: { key: "p", off: 1, low: 0, high: 1,
      stops: () => span(99, (i) => (i + 1) / 100), say: (x) => (x === 1 ? "off" : String(x)) },
    min_p: { key: "m", off: 0, low: 0, high: 1,
      stops: () => span(100, (i) => three((i / 100) ** 2)), say: (x) => (x ? String(x) : "off") },
    repetition_penalty: { key: "r", off: 1, low: 0.1, high: 10,
      stops: () => span(100, (i) => (100 + i) / 100), say: (x) => (x === 1 ? "off" : String(x)) },
    max_new_tokens: { key: "n", off: 100, low: 1, high: 2000, whole: true, say: format.whole,
      stops: () => [1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000] },
  };
  const SEED = 1337, MAX_SEED = Number.MAX_SAFE_INTEGER;

  /** Bring the inputs of a lens to life; `changed()` runs whenever a value moves. */
  glassbox.dials = (find, changed) => {
    const values = { seed: fromAddress("seed", SEED, 0, MAX_SEED, true) };
    const stops = {};
    let vocabulary = 2;
    const dials = Object.entries(DIALS).map(([name, dial]) =>
      ({ name, dial, input: find(`[data-setting=${name}]`), says: find(`[data-say=${name}]`) }));
    const seed = find("[data-id=seed]");

    function fromAddress(key, otherwise, low, high, whole) {
      const text = address.get(key), x = text === null || text.trim() === "" ? NaN : Number(text);
      if (!Number.isFinite(x)) return otherwise;
      return Math.min(high, Math.max(low, whole ? Math.round(x) : x));
    }

    function follow({ name, dial, input, says }) {
      const value = values[name], list = stops[name];
      // No filter at top-k is its far end, although its number is 0.
      input.value = name === "top_k" && (value === 0 || value >= vocabulary) ? list.length - 1 : nearest(list, value);
      says.textContent = dial.say(value);
      says.classList.toggle("gb-is-off", name !== "max_new_tokens" && value === dial.off);
      input.setAttribute("aria-valuetext", says.textContent);
    }

    let wait = null;
    function remember() {
      const state = { seed: values.seed === SEED ? null : values.seed };
      for (const { name, dial } of dials) state[dial.key] = values[name] === dial.off ? null : values[name];
      address.set(state);
    }
    function moved() {
      changed();
      clearTimeout(wait);  // browsers refuse an address that changes with every movement of a slider
      wait = setTimeout(remember, 200);
    }

    /** Top-k's slider ends at the size of the vocabulary. */
    function fit(size) {
      vocabulary = size;
      for (const part of dials) {
        stops[part.name] = part.dial.stops(size);
        part.input.min = 0;
        part.input.max = stops[part.name].length - 1;
        follow(part);
      }
    }

    for (const part of dials) {
      const { name, dial, input } = part;
      values[name] = fromAddress(dial.key, dial.off, dial.low, dial.high, dial.whole);
      input.addEventListener("input", () => {
        values[name] = stops[name][Number(input.value)];
        follow(part);
        moved();
      });
    }
    seed.value = values.seed;
    seed.addEventListener("input", () => {
      const x = Math.round(Number(seed.value));
      if (seed.value.trim() === "" || !Number.isFinite(x)) return;
      values.seed = Math.min(MAX_SEED, Math.max(0, x));
      moved();
    });
    seed.addEventListener("change", () => { seed.value = values.seed; });
    find("[data-id=dice]").addEventListener("click", () => {
      values.seed = 1 + Math.floor(Math.random() * 99_999);
      seed.value = values.seed;
      moved();
    });
    find("[data-id=off]").addEventListener("click", () => {
      for (const part of dials.filter(({ name }) => name !== "max_new_tokens")) {
        values[part.name] = part.dial.off;
        follow(part);
      }
      moved();
    });
    fit(vocabulary);
    return { values, fit };
  };
})();
