// The Generate lens. The server sends the logits of every token once a position and draws; the odds
// under the settings are worked out here (sampler.js) and shown as bars (odds.js). What was written
// is a list of tokens; the text, the chips and the next question all follow from it.
glassbox.lens("generate", ({ root, ask, find, notice }) => {
  const { el, format, sampler, visible, calm } = glassbox;
  const MOST = 2000;  // tokens after the prompt
  const text = find("[data-id=text]"), speed = find("[data-id=speed]");
  const buttons = Object.fromEntries(["generate", "one", "undo", "clear", "keep"].map((id) => [id, find(`[data-id=${id}]`)]));
  const settings = glassbox.dials(find, () => schedule());
  const odds = glassbox.odds(find("[data-id=odds]"), (id) => act(() => force(id)));

  let place = null;       // { model, step, prompt } that is shown
  let vocabulary = null;  // every token's bytes and name
  let at = null;          // { logits, own, entropy, promptIds, nCtx, reads }: the position after the last token
  let tokens = [];        // { id, p, raw, rank, forced, begins }
  let shown = 0;          // how many of them are on the page
  let live = null;        // { id, key, at }: the server's generation, while nothing but it has written
  let running = null;     // the job that is writing now

  // ---- one thing after another --------------------------------------------------------------------

  let chain = Promise.resolve();
  const frame = () => new Promise(requestAnimationFrame);
  function enqueue(work) {
    const result = chain.then(work);
    chain = result.catch(() => {});
    return result;
  }
  /** What a person does ends what is running, and then happens. */
  function act(work) {
    running?.stop();
    return enqueue(async () => {
      notice("");
      try { await work(); } catch (error) {
        if (!(error instanceof glassbox.Refusal)) console.error(error);
        live = null;  // it may have drawn tokens that never came here
        notice(error.message);
      } finally { drawButtons(); }
    });
  }

  // ---- the position after the last token ----------------------------------------------------------

  const ids = () => tokens.map((token) => token.id);
  const key = () => JSON.stringify(settings.values, ["seed", "temperature", "top_k", "top_p", "min_p", "repetition_penalty"]);

  function arrive(answer) {
    const logits = glassbox.floats(answer.logits);
    const own = sampler.softmax(logits);
    at = { ...at, logits, own, entropy: sampler.entropy(own), reads: answer.reads };
  }

  async function read() {
    const answer = await ask("read_logits", { ...place, ids: ids() });
    if (vocabulary?.hash !== answer.tokenizer) {
      vocabulary = glassbox.vocabulary(await ask("read_vocabulary", place));
      settings.fit(vocabulary.size);
    }
    at = { promptIds: answer.prompt_ids, nCtx: answer.n_ctx };
    arrive(answer);
    drawAll();
  }

  async function refresh(subject) {
    const same = place && place.model === subject.model && place.prompt === subject.prompt;
    if (same && running) await running.done;  // a newer snapshot: what is being written keeps its model to the end
    else running?.drop();
    place = { model: subject.model, step: subject.step, prompt: subject.prompt };
    const mine = place;
    return enqueue(async () => {
      if (mine !== place) return;
      live = null;
      if (!same) tokens = [];
      try { await read(); } catch (error) {
        at = null;
        tokens = [];
        odds.clear();
        drawText();
        drawFigures(null);
        drawButtons();
        throw error;
      }
    });
  }

  // ---- writing ------------------------------------------------------------------------------------

  function makeJob(continuous) {
    const job = { continuous, stopped: false, dropped: false, hurry: null,
      stop() { job.stopped = true; job.hurry?.(); },
      drop() { job.dropped = true; job.stop(); } };
    return job;
  }

  /** Ask for up to `count` tokens: from the live generation while text and settings are still its own. */
  async function draw(count) {
    const now = key();
    if (live && live.key === now && live.at === tokens.length) {
      const answer = await ask("draw_tokens", { generation: live.id, count });
      if (!answer.gone) return answer;
    }
    // The first token alone, so that it is there at once.
    const answer = await ask("begin_generation", { ...place, ...settings.values, ids: ids(), count: 1 });
    live = { id: answer.generation, key: now };
    return { ...answer, begins: true };
  }

  function take(answer) {
    tokens.push(...answer.tokens.map(([id, p, raw, rank], i) => ({ id, p, raw, rank, begins: Boolean(answer.begins) && i === 0 })));
    live.at = tokens.length;
    arrive(answer);
  }

  /** Show the tokens that came, one after the other over the time they took. */
  async function reveal(job, span) {
    const from = performance.now(), first = shown, count = tokens.length - first;
    while (shown < tokens.length) {
      const passed = job.stopped || calm() ? 1 : Math.min(1, (performance.now() - from + 16) / span);
      while (shown < first + Math.ceil(count * passed)) addChip();
      text.scrollTop = text.scrollHeight;
      if (shown < tokens.length) await frame();
    }
  }

  async function write(limit, continuous) {
    const job = running = makeJob(continuous);
    job.done = writeOn(job, limit).finally(() => { running = null; });
    drawButtons();
    return job.done;
  }

  async function writeOn(job, limit) {
    let left = Math.min(limit, MOST - tokens.length), asked = performance.now();
    const began = asked, before = tokens.length;
    let coming = left > 0 ? draw(left) : null;
    while (coming) {
      const answer = await coming;
      if (job.dropped) return;
      const span = performance.now() - asked;
      take(answer);
      left -= answer.tokens.length;
      asked = performance.now();
      // The server draws on while these are being shown.
      coming = left > 0 && !answer.ended && !job.stopped ? draw(left) : null;
      coming?.catch(() => {});  // its failure is met when it is awaited
      if (!job.continuous && !job.stopped) await odds.choose(tokens.at(-1).id, (end) => { job.hurry = end; });
      await reveal(job, Math.min(200, span));
      show();
      if (job.continuous) drawSpeed(tokens.length - before, performance.now() - began);
      if (answer.ended) { live = null; await read(); }  // what would follow the end
    }
  }

  async function force(id) {
    const { own, result } = odds.view();
    const rank = 1 + own.reduce((higher, p) => higher + (p > own[id]), 0);
    if (tokens.length >= MOST) return;
    tokens.push({ id, p: result.final[id], raw: own[id], rank, forced: true });
    live = null;
    addChip();
    await read();
  }

  const rewrite = (kept) => async () => { tokens = tokens.slice(0, kept()); live = null; speed.textContent = ""; await read(); };
  buttons.generate.addEventListener("click", () => (running?.continuous ? running.stop() : act(() => write(settings.values.max_new_tokens, true))));
  buttons.one.addEventListener("click", () => act(() => write(1, false)));
  buttons.undo.addEventListener("click", () => act(rewrite(() => tokens.length - 1)));
  buttons.clear.addEventListener("click", () => act(rewrite(() => 0)));
  buttons.keep.addEventListener("click", () => act(async () => glassbox.look({ prompt: place.prompt + vocabulary.text(ids()) })));

  // ---- drawing ------------------------------------------------------------------------------------

  let scheduled = false;
  function schedule() {  // at most once a frame, however fast a slider moves
    if (scheduled || !at) return;
    scheduled = true;
    requestAnimationFrame(() => { scheduled = false; show(); });
  }

  function show() {
    if (!at) return;
    const previous = settings.values.repetition_penalty === 1 ? [] : at.promptIds.concat(ids());
    const result = sampler.apply(at.logits, settings.values, previous);
    odds.draw({ logits: at.logits, own: at.own, result, settings: settings.values, label: vocabulary.label });
    drawFigures(result);
    drawNote();
  }

  function drawAll() {
    drawText();
    show();
    drawButtons();
    drawRamp();
  }

  function drawFigures(result) {
    const say = (id, words) => { find(`[data-id=${id}]`).textContent = words; };
    if (!result) return ["entropy", "choices", "kept", "mass"].forEach((id) => say(id, "–"));
    const before = at.entropy, after = sampler.entropy(result.final);
    const change = (a, b, unit) => (a === b ? `${a}${unit}` : `${a} → ${b}${unit}`);
    say("entropy", change(format.number(before), format.number(after), " bits"));
    say("choices", change(format.number(2 ** before), format.number(2 ** after), ""));
    let kept = 0;
    for (let i = 0; i < result.removed.length; i += 1) if (result.removed[i] === sampler.KEPT) kept += 1;
    say("kept", `${format.whole(kept)} of ${format.whole(result.removed.length)}`);
    say("mass", settings.values.temperature === 0 ? "the likeliest" : format.probability(result.keptSum / result.sum));
  }

  const ended = () => tokens.length > 0 && tokens.at(-1).id === vocabulary?.eot;
  function drawNote() {
    const total = at.promptIds.length + tokens.length, notes = [];
    if (ended()) notes.push("The model ended its text. Writing on starts a new one.");
    if (place.prompt === "") notes.push(`The prompt is empty, so the model reads ${vocabulary.label(at.promptIds[0])}, as at the start of a text.`);
    if (at.reads < total) notes.push(`Its context holds ${format.whole(at.nCtx)} tokens: it reads the last ${format.whole(at.reads)} of ${format.whole(total)}.`);
    if (tokens.length >= MOST) notes.push(`${format.whole(MOST)} tokens is as far as this goes; keep it as the prompt to write on.`);
    const words = notes.join(" "), note = find("[data-id=note]");
    if (note.textContent !== words) note.textContent = words;
  }

  function drawSpeed(count, ms) {
    speed.textContent = `${format.whole(tokens.length)} tokens, ${format.number((1000 * count) / ms)} a second`;
  }

  function drawButtons() {
    const busy = Boolean(running), going = Boolean(running?.continuous);
    buttons.generate.textContent = going ? "Stop" : "Generate";
    buttons.generate.disabled = !at || (!going && tokens.length >= MOST);
    buttons.one.disabled = !at || going || tokens.length >= MOST;
    for (const name of ["undo", "clear", "keep"]) buttons[name].disabled = !at || (!tokens.length && !busy);
    root.classList.toggle("gb-going", going);
  }

  // ---- the text as chips, coloured by surprise ----------------------------------------------------

  let reader = null;  // joins the bytes of characters that tokens cut in two
  let unfinished = [];

  function drawText() {
    text.replaceChildren(el("span", { class: "gb-written-prompt" }, place.prompt || (vocabulary && at ? vocabulary.label(at.promptIds[0]) : "")));
    reader = new TextDecoder("utf-8", { ignoreBOM: true });
    unfinished = [];
    shown = 0;
    while (shown < tokens.length) addChip();
    text.scrollTop = text.scrollHeight;
  }

  function addChip() {
    const token = tokens[shown], special = token.id === vocabulary.eot;
    const chip = el("span", { class: "gb-written-token", data: { at: shown } });
    paint(chip, token);
    const words = special ? vocabulary.label(token.id) : reader.decode(vocabulary.bytes(token.id), { stream: true });
    if (words || !vocabulary.bytes(token.id).length) {
      // The character is whole: what showed its first bytes shrinks to a sliver.
      unfinished.splice(0).forEach((part) => { part.textContent = ""; part.classList.add("gb-part"); });
      chip.textContent = words.replace(/\n/g, "⏎\n");
    } else {
      chip.textContent = vocabulary.label(token.id);
      unfinished.push(chip);
    }
    chip.classList.toggle("gb-forced", Boolean(token.forced));
    chip.classList.toggle("gb-begins", Boolean(token.begins) && shown > 0);
    text.append(chip);
    shown += 1;
  }

  const bits = (token) => -Math.log2(Math.max(token.raw, 1e-30));
  function paint(chip, token) {
    const rgb = glassbox.palette("surprise")[Math.round(25.5 * Math.min(10, bits(token)))];
    const light = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
    chip.style.backgroundColor = glassbox.rgb(rgb);
    chip.style.color = light > 0.45 ? "#16191f" : "#e8ebf0";
  }
  function drawRamp() {
    const context = glassbox.canvas2d(find("[data-id=ramp]"), 96, 10);
    glassbox.palette("surprise").forEach((rgb, i) => { context.fillStyle = glassbox.rgb(rgb); context.fillRect((i * 96) / 256, 0, 1, 10); });
  }

  function describe(chip) {
    const token = tokens[Number(chip.dataset.at)];
    if (!token) return [""];
    return [el("span", { class: "gb-mono" }, `${vocabulary.label(token.id)}  id ${token.id}`),
      `the model's own: ${format.probability(token.raw)}, rank ${format.whole(token.rank)} of ${format.whole(vocabulary.size)}, ${format.number(bits(token))} bits of surprise`,
      token.forced ? `you chose it; after filtering it had ${format.probability(token.p)}` : `drawn with ${format.probability(token.p)}, after filtering`,
      token.begins && Number(chip.dataset.at) > 0 ? "here the drawing began anew with the seed" : null].filter(Boolean);
  }
  const beside = glassbox.explainOn(text, ".gb-written-token", describe);
  text.addEventListener("click", (event) => { if (event.pointerType === "touch" && event.target.closest(".gb-written-token")) beside(event.target.closest(".gb-written-token")); });
  let pointed = -1;
  text.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !shown) return;
    event.preventDefault();
    pointed = pointed < 0 || pointed >= shown ? (step > 0 ? 0 : shown - 1) : Math.min(shown - 1, Math.max(0, pointed + step));
    const chip = text.querySelector(`[data-at="${pointed}"]`);
    chip.scrollIntoView({ block: "nearest" });
    beside(chip);
  });

  return {
    refresh,
    theme() {
      drawRamp();
      text.querySelectorAll(".gb-written-token").forEach((chip) => paint(chip, tokens[Number(chip.dataset.at)]));
    },
  };
});

/** What read_vocabulary sent: each token's bytes, its visible name, and the text of a row of ids. */
glassbox.vocabulary = ({ tokenizer, eot_id, lengths, bytes }) => {
  const all = glassbox.bytes(bytes), sizes = new Uint32Array(glassbox.bytes(lengths).buffer);
  const starts = new Uint32Array(sizes.length + 1);
  sizes.forEach((size, i) => { starts[i + 1] = starts[i] + size; });
  const of = (id) => all.subarray(starts[id], starts[id + 1]);
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    hash: tokenizer, size: sizes.length, eot: eot_id, bytes: of,
    /** A piece of a character shows its bytes. */
    label(id) {
      try { return glassbox.visible(strict.decode(of(id))); } catch {
        return `‹${Array.from(of(id), (b) => b.toString(16).toUpperCase().padStart(2, "0")).join(" ")}›`;
      }
    },
    text(ids) {
      const reader = new TextDecoder("utf-8", { ignoreBOM: true });
      return ids.filter((id) => id !== eot_id).map((id) => reader.decode(of(id), { stream: true })).join("") + reader.decode();
    },
  };
};
