// The Generate lens. The server sends the logits of every token once a position and draws; the odds
// under the settings (dials.js) are worked out here (sampler.js) and shown as bars (odds.js). What was
// written is a list of tokens; the text (written.js) and the next question follow from it.
glassbox.lens("writing", ({ root, ask, find, notice }) => {
  const { format, sampler, calm } = glassbox;
  const MOST = 2000;  // tokens after the prompt
  const part = (id) => find(`[data-id=${id}]`);
  const speed = part("speed"), written = glassbox.written(part("text"), part("ramp"));
  const buttons = Object.fromEntries(["generate", "one", "undo", "clear", "keep"].map((id) => [id, part(id)]));
  const settings = glassbox.dials(find, () => schedule());
  const odds = glassbox.odds(part("odds"), (id) => act(() => force(id)));

  let place = null;       // { model, step, prompt } that is shown
  let vocabulary = null;  // every token's bytes and name
  let at = null;          // { logits, own, entropy, promptIds, nCtx, reads }: the position after the last token
  let tokens = [];        // { id, p, raw, rank, forced, begins }
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
  const MATTERS = ["seed", "temperature", "top_k", "top_p", "min_p", "repetition_penalty"];
  const key = () => JSON.stringify(settings.values, MATTERS);

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
    answer.tokens.forEach(([id, p, raw, rank], i) =>
      tokens.push({ id, p, raw, rank, begins: answer.begins && i === 0 }));
    live.at = tokens.length;
    arrive(answer);
  }

  /** Show the tokens that came, one after the other over the time they took. */
  async function reveal(job, span) {
    const from = performance.now(), first = written.count(), count = tokens.length - first;
    while (written.count() < tokens.length) {
      const passed = job.stopped || calm() ? 1 : Math.min(1, (performance.now() - from + 16) / span);
      for (const token of tokens.slice(written.count(), first + Math.ceil(count * passed))) written.add(token);
      written.follow();
      if (written.count() < tokens.length) await frame();
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
      const seen = job.continuous || job.stopped;
      if (!seen) await odds.choose(tokens.at(-1).id, (end) => { job.hurry = end; });
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
    written.add(tokens.at(-1));
    await read();
  }

  /** Keep so many tokens; the rest is unwritten. */
  const cut = (count) => async () => {
    tokens = tokens.slice(0, count());
    live = null;
    speed.textContent = "";
    await read();
  };
  const on = (name, work) => buttons[name].addEventListener("click", work);
  on("generate", () => {
    if (running?.continuous) running.stop();
    else act(() => write(settings.values.max_new_tokens, true));
  });
  on("one", () => act(() => write(1, false)));
  on("undo", () => act(cut(() => tokens.length - 1)));
  on("clear", () => act(cut(() => 0)));
  on("keep", () => act(async () => glassbox.look({ prompt: place.prompt + vocabulary.text(ids()) })));

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

  function drawText() {
    written.reset(place.prompt || (at ? vocabulary.label(at.promptIds[0]) : ""), vocabulary);
    tokens.forEach(written.add);
    written.follow();
  }

  function drawAll() {
    drawText();
    show();
    drawButtons();
  }

  function drawFigures(result) {
    const say = (id, words) => { part(id).textContent = words; };
    if (!result) return ["entropy", "choices", "kept", "mass"].forEach((id) => say(id, "–"));
    const before = at.entropy, after = sampler.entropy(result.final);
    const change = (a, b, unit) => (a === b ? `${a}${unit}` : `${a} → ${b}${unit}`);
    say("entropy", change(format.number(before), format.number(after), " bits"));
    say("choices", change(format.number(2 ** before), format.number(2 ** after), ""));
    let kept = 0;
    for (let i = 0; i < result.removed.length; i += 1) if (result.removed[i] === sampler.KEPT) kept += 1;
    say("kept", `${format.whole(kept)} of ${format.whole(result.removed.length)}`);
    say("mass", format.probability(result.keptSum / result.sum));
  }

  function drawNote() {
    const total = at.promptIds.length + tokens.length, notes = [], whole = format.whole;
    const ended = tokens.length > 0 && tokens.at(-1).id === vocabulary.eot;
    if (ended) notes.push("The model ended its text. Writing on starts a new one.");
    if (place.prompt === "") {
      notes.push(`The prompt is empty, so the model reads ${vocabulary.label(at.promptIds[0])} instead.`);
    }
    if (at.reads < total) {
      notes.push(`The model reads the last ${whole(at.reads)} of ${whole(total)} tokens; its context holds ${whole(at.nCtx)}.`);
    }
    if (tokens.length >= MOST) notes.push(`This stops at ${whole(MOST)} tokens; keep them as the prompt to write on.`);
    part("note").textContent = notes.join(" ");
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

  return { refresh, theme: written.theme };
});
