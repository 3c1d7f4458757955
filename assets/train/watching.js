// Train: a form that plans, buttons that steer, and a picture that asks for news and draws it.
glassbox.lens("watching", ({ ask, upload, notice, find, all }) => {
  const { el, format, look, emit, latest, Refusal } = glassbox;
  const MAX_FILE = 20_000_000, GHOSTS = 3, SAMPLES = 40;
  const PARTS = ["--gb-query", "--gb-key", "--gb-value", "--gb-mlp", "--gb-residual"];
  const fields = Object.fromEntries(all("[data-name]").map((field) => [field.dataset.name, field]));
  const start = find("[data-id=start]"), chart = find("[data-id=chart]");
  let choices = null, run = null, since = 0, state = "ready", timer = null, logarithmic = false;
  let introduced = true;  // whether the bar knows the run that was started here
  let current = empty(), ghosts = [], baselines = [], wanted = "";

  function empty() { return { name: "", steps: [], evaluations: [], samples: [] }; }
  const say = (error) => { if (!(error instanceof Refusal)) console.error(error); notice(error.message); };
  const guarded = (work) => async (...args) => { try { await work(...args); } catch (error) { say(error); } };

  // ---- the form -----------------------------------------------------------------------------------

  function settings() {
    return Object.fromEntries(Object.entries(fields).map(([name, field]) =>
      [name, field.tagName === "SELECT" ? field.value : field.valueAsNumber]));
  }

  function show() {  // the sliders' values, and what the chosen text is
    for (const field of all("input[type=range]")) {
      field.closest(".gb-field").querySelector("output").textContent = format.whole(field.value);
    }
    const corpus = choices.corpora.find((c) => c.name === fields.corpus.value);
    find("[data-id=about-corpus]").textContent = corpus ? `${corpus.description} ${format.bytes(corpus.bytes)}.` : "";
    const download = find("[data-id=download]");
    download.hidden = !corpus || corpus.here;
    download.textContent = corpus ? `Download (${format.bytes(corpus.bytes)})` : "";
    find("[data-for=matrix_learning_rate]").hidden = fields.optimizer.value !== "muon";
    find("[data-for=vocab_size]").hidden = !["bpe", "whitespace"].includes(fields.tokenizer.value);
  }

  async function fill({ keep = null } = {}) {
    choices = await ask("list_choices");
    fields.corpus.replaceChildren(...choices.corpora.map((c) => el("option", { value: c.name }, c.title)),
      el("option", { value: "file" }, "A file of yours…"));
    if (fields.tokenizer.options.length === 0) {
      const names = { whitespace: "Words between spaces", character: "Characters", bpe: "Byte-level BPE, trained on this text", gpt2: "GPT-2's own vocabulary" };
      const words = { adamw: "AdamW", muon: "Muon for the blocks, AdamW for the rest", cosine: "cosine", linear: "straight line" };
      for (const [name, known] of Object.entries(choices.choices)) fields[name].append(...known.map((value) => el("option", { value }, words[value])));
      fields.tokenizer.append(...choices.tokenizers.map((kind) => el("option", { value: kind }, names[kind])));
      find("[data-id=preset]").append(...choices.presets.map((p, i) => el("option", { value: i }, p.title)));
      for (const [name, [low, high]] of Object.entries(choices.limits)) Object.assign(fields[name], { min: low, max: high });
      apply(choices.presets[0]);
    }
    if (keep) fields.corpus.value = keep;
    wanted = fields.corpus.value;
    show();
  }

  function apply(preset) {
    for (const [name, [, , value]] of Object.entries(choices.limits)) fields[name].value = preset.settings[name] ?? value;
    fields.tokenizer.value = preset.settings.tokenizer ?? "character";
    for (const [name, known] of Object.entries(choices.choices)) fields[name].value = preset.settings[name] ?? known[0];
    const corpus = choices.corpora.find((c) => c.name === preset.settings.corpus) ?? choices.corpora[0];
    wanted = fields.corpus.value = corpus.name;
  }

  const plan = latest(async () => {
    try {
      const answer = await ask("plan_run", settings());
      notice("");
      start.disabled = false;
      find("[data-id=n-params]").textContent = format.whole(answer.n_params);
      find("[data-id=parts]").replaceChildren(...answer.parts.map((part, i) =>
        el("i", { title: `${part.name}: ${format.whole(part.count)}`, style: `flex:${part.count};background:var(${PARTS[i]})` })));
      find("[data-id=plan]").textContent = `${format.whole(answer.vocab_size)} tokens in the vocabulary; the text has ` +
        `${format.whole(answer.tokens)} (${answer.bytes_per_token.toFixed(2)} bytes each), read ${format.number(answer.passes)} times. ` +
        `About ${format.bytes(answer.memory)} of memory.`;
    } catch (error) {
      start.disabled = true;
      find("[data-id=n-params]").textContent = "–";
      find("[data-id=parts]").replaceChildren();
      find("[data-id=plan]").textContent = "";
      if (!corpusMissing()) say(error);
    }
  });
  const corpusMissing = () => choices.corpora.some((c) => c.name === fields.corpus.value && !c.here);

  const changed = () => { show(); plan(); };
  for (const field of Object.values(fields)) {
    if (field !== fields.corpus) field.addEventListener("input", changed);
  }
  find("[data-id=preset]").addEventListener("input", (event) => { apply(choices.presets[event.target.value]); changed(); });
  fields.corpus.addEventListener("input", () => {
    if (fields.corpus.value === "file") {
      fields.corpus.value = wanted;
      find("[data-id=file]").click();
      return;
    }
    wanted = fields.corpus.value;
    notice("");
    changed();
  });
  find("[data-id=file]").addEventListener("change", guarded(async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    if (file.size > MAX_FILE) throw new Refusal(`“${file.name}” has ${format.bytes(file.size)}; the limit is ${format.bytes(MAX_FILE)}, so use a part of it.`);
    if (file.size === 0) throw new Refusal(`“${file.name}” is empty; choose a file with something to learn from.`);
    const { path } = await upload(file);
    const { name } = await ask("keep_upload", { path });
    await fill({ keep: name });
    plan();
  }));
  find("[data-id=download]").addEventListener("click", guarded(async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    button.textContent = "Downloading…";
    try {
      await ask("download_corpus", { corpus: fields.corpus.value });
    } finally {
      button.disabled = false;
      await fill({ keep: fields.corpus.value });
    }
    plan();
  }));

  // ---- steering -----------------------------------------------------------------------------------

  const going = () => state === "running" || state === "paused";

  function buttons() {
    start.textContent = run === null ? "Start" : "Start a new run";
    start.hidden = going();
    find("[data-id=pause]").disabled = find("[data-id=step]").disabled = find("[data-id=stop]").disabled = !going();
    find("[data-id=csv]").disabled = run === null;
    find("[data-id=pause]").textContent = state === "paused" ? "Resume" : "Pause";
  }

  start.addEventListener("click", guarded(async () => {
    notice("");
    start.disabled = true;
    try {
      if (current.evaluations.length) ghosts = [current, ...ghosts].slice(0, GHOSTS);
      const answer = await ask("start_run", settings());
      follow(answer.run);
      introduced = false;
      await news();
    } finally { start.disabled = false; }
  }));
  const steer = (action) => guarded(async () => {
    state = (await ask("steer_run", { run, action })).state;
    buttons();
    await news();
  })();
  find("[data-id=pause]").addEventListener("click", () => steer(state === "paused" ? "resume" : "pause"));
  find("[data-id=step]").addEventListener("click", () => steer("step"));
  find("[data-id=stop]").addEventListener("click", () => steer("stop"));
  glassbox.on("key", (event) => {
    if (!find(".gb-stage").offsetParent || event.target.closest?.("button, summary")) return;
    if (event.key === " " && going()) { event.preventDefault(); steer(state === "paused" ? "resume" : "pause"); }
    if (event.key === "." && going()) steer("step");
  });

  // ---- news ---------------------------------------------------------------------------------------

  function follow(id) {
    run = id;
    since = 0;
    current = empty();
    state = "running";
    find("[data-id=samples]").replaceChildren();
    buttons();
  }

  const news = latest(async () => {
    clearTimeout(timer);
    if (run === null) return;
    const answer = await ask("poll_run", { run, since });
    if (answer.run !== run) return;
    since = answer.next;
    state = answer.state;
    if (answer.baselines) {
      baselines = answer.baselines;
      current.name = answer.about.name;
      find("[data-id=path]").textContent = answer.path ? `Saved in ${answer.path}. python -m llm opens its checkpoint folder.` : "";
    }
    answer.events.forEach(take);
    figures(answer);
    buttons();
    if (find(".gb-stage").offsetParent && (answer.events.length || answer.baselines)) await draw();
    // The next question waits for this answer to be drawn: a slow page asks less often.
    if (going()) timer = setTimeout(() => news().catch(say), find(".gb-stage").offsetParent ? 250 : 1500);
    else emit("models");
  });

  function take(event) {
    if (event.event === "step") { current.steps.push([event.step, event.loss]); current.norm = event.grad_norm; }
    if (event.event === "evaluation") current.evaluations.push([event.step, event.train_loss, event.validation_loss]);
    if (event.event === "sample") addSample(event);
    if (event.event === "snapshot" && !introduced) {  // from its first snapshot on, the new model is what all lenses show
      introduced = true;
      look({ model: `run:${run}`, step: null });
      emit("models");
    }
  }

  function addSample({ step, prompt, text }) {
    const list = find("[data-id=samples]");
    list.prepend(el("li", {}, el("time", {}, `step ${format.whole(step)}`),
      el("p", {}, el("span", { class: "gb-given" }, prompt.trimStart()), prompt.trim() ? text : text.trimStart())));
    while (list.children.length > SAMPLES) list.lastChild.remove();
  }

  const WORDS = { running: "Training.", paused: "Paused.", finished: "Finished.", stopped: "Stopped; everything is saved.",
    diverged: "The loss was no longer a number, so the run stopped before it spoiled the weights. Lower the learning rate.", failed: "" };

  function figures(answer) {
    const write = (id, text) => { find(`[data-id=${id}]`).textContent = text; };
    const loss = current.steps.at(-1)?.[1], evaluation = current.evaluations.at(-1);
    write("status", answer.failure || WORDS[answer.state]);
    write("n-step", `${format.whole(answer.step)} / ${format.whole(answer.max_steps)}`);
    write("n-train", format.number(loss ?? evaluation?.[1]));
    write("n-validation", format.number(evaluation?.[2]));
    write("n-perplexity", format.number(evaluation && Math.exp(evaluation[2])));
    write("n-norm", format.number(current.norm));
    write("n-speed", format.number(answer.tokens_per_second));
    write("n-left", going() ? format.seconds(answer.seconds_left ?? NaN) : "–");
    find("[data-id=progress] > i").style.transform = `scaleX(${answer.step / answer.max_steps})`;
    find("[data-id=progress]").setAttribute("aria-valuenow", Math.round((100 * answer.step) / answer.max_steps));
    write("meaning", evaluation ? `On text it has not seen, it is now about as unsure as if it chose evenly among ${format.number(Math.exp(evaluation[2]))} tokens.` : "\u00a0");
  }

  find("[data-id=csv]").addEventListener("click", guarded(async () => {
    const { csv, name } = await ask("export_metrics", { run });
    const link = el("a", { href: URL.createObjectURL(new Blob([csv], { type: "text/csv" })), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  }));

  async function draw() {
    find("[data-id=empty]").hidden = current.evaluations.length + ghosts.length > 0;
    if (current.evaluations.length + ghosts.length === 0) return;
    await glassbox.lossChart(chart, { current, ghosts, baselines, logarithmic });
  }
  for (const button of all("[data-axis]")) {
    button.addEventListener("click", () => {
      logarithmic = button.dataset.axis === "log";
      all("[data-axis]").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
      draw();
    });
  }

  guarded(async () => {
    await fill();
    plan();
    const earlier = choices.earlier.filter((id) => id !== choices.run).slice(0, GHOSTS);
    ghosts = await Promise.all(earlier.map(async (id) => {
      const history = await ask("read_history", { run: id });
      return { name: history.about.name, steps: history.steps, evaluations: history.evaluations };
    }));
    if (choices.run) { follow(choices.run); await news(); } else await draw();
  })();
  return { theme: draw, resize: draw };
});
