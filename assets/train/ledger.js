// Train, the runs: a table to sort, name, hide, delete and take along, and the choice of ghosts.
glassbox.lens("ledger", ({ ask, notice, find, root }) => {
  const { el, format, address, emit, on, latest, Refusal } = glassbox;
  const HIDDEN = "glassbox.hidden-runs", WHILE_LIVE = 2000;
  const STATES = { running: "training", paused: "paused", finished: "finished", stopped: "stopped", time: "time was up", target: "loss reached",
    patience: "no longer fell", diverged: "diverged", failed: "failed", interrupted: "cut off" };
  const share = (x) => (x === null ? "–" : `${Math.round(100 * x)} %`);
  const COLUMNS = [
    ["name", "run"], ["created", "when", (row) => when(row.created)], ["state", "state", (row) => STATES[row.state] ?? row.state],
    ["n_params", "parameters", (row) => format.number(row.n_params), true], ["step", "steps", (row) => format.whole(row.step), true],
    ["train", "train loss", (row) => format.number(row.train), true], ["validation", "validation", (row) => format.number(row.validation), true],
    ["best", "best", (row) => format.number(row.best), true], ["accuracy", "right", (row) => share(row.accuracy), true],
    ["seconds", "time in steps", (row) => format.seconds(row.seconds ?? NaN), true], ["bytes", "on the disk", (row) => format.bytes(row.bytes), true],
  ];
  let rows = [], chosen = null, timer = null, all = false;
  const say = (error) => { if (!(error instanceof Refusal)) console.error(error); notice(error.message); };
  const guarded = (work) => async (...args) => { try { notice(""); await work(...args); } catch (error) { say(error); } };

  const when = (text) => new Date(text.replace(/(\d\d)$/, ":$1")).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const hidden = () => { try { return JSON.parse(localStorage.getItem(HIDDEN)) ?? []; } catch { return []; } };
  const hide = (ids) => { try { localStorage.setItem(HIDDEN, JSON.stringify(ids)); } catch { /* then they stay */ } };

  // The address holds which runs are ghosts, and by what the table is sorted ("-" is downwards).
  const ghosts = () => glassbox.ghostRuns().filter((id) => rows.some((row) => row.id === id));
  const setGhosts = (ids) => { address.set({ ghosts: ids.join(",") || "none" }); emit("ghosts"); draw(); };
  const sorting = () => (address.get("sort") ?? "-created");

  function sorted() {
    const key = sorting().replace(/^-/, ""), down = sorting().startsWith("-") ? -1 : 1;
    const shown = rows.filter((row) => all || !hidden().includes(row.id));
    return shown.sort((a, b) => (a[key] === null) - (b[key] === null) || down * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
  }

  function heads() {
    const key = sorting().replace(/^-/, ""), down = sorting().startsWith("-");
    find("[data-id=heads]").replaceChildren(el("th", {}, ""), ...COLUMNS.map(([name, title, , number]) =>
      el("th", { class: number ? "gb-number" : null, "aria-sort": name === key ? (down ? "descending" : "ascending") : null },
        el("button", { type: "button", onclick: () => { address.set({ sort: name === key && !down ? `-${name}` : name }); draw(); } },
          `${title}${name === key ? (down ? " ↓" : " ↑") : ""}`))), el("th", {}, "changed since the run before"));
  }

  const spoken = (value) => (typeof value === "number" ? format.number(value) : String(value));
  const changed = (changes) => (changes.length > 12 ? `${changes.length} settings` : changes.map(([name, from, to]) => `${name} ${spoken(from)} → ${spoken(to)}`).join("; "));

  function draw() {
    const shown = sorted(), away = rows.filter((row) => hidden().includes(row.id)).length;
    find("[data-id=empty]").hidden = rows.length > 0;
    find("[data-id=unhide]").hidden = !away;
    find("[data-id=unhide]").textContent = all ? "Hide the hidden runs again" : `Show ${away} hidden ${away === 1 ? "run" : "runs"}`;
    heads();
    find("[data-id=rows]").replaceChildren(...shown.flatMap((row) => [line(row), ...(row.id === chosen ? [actions(row)] : [])]));
    compare().catch(say);
  }

  function line(row) {
    const tick = el("input", { type: "checkbox", "aria-label": `Draw ${row.name} behind the run on show`, onchange: ({ target }) =>
      setGhosts(target.checked ? [...ghosts(), row.id] : ghosts().filter((id) => id !== row.id)) });
    tick.checked = ghosts().includes(row.id);
    const choose = () => { chosen = chosen === row.id ? null : row.id; draw(); };
    const name = el("button", { type: "button", class: "gb-run-name", "aria-expanded": String(chosen === row.id), onclick: choose }, row.name);
    return el("tr", { "aria-selected": String(chosen === row.id), data: { run: row.id } }, el("td", {}, tick), el("td", {}, name),
      ...COLUMNS.slice(1).map(([key, , text, number]) => el("td", { class: number ? "gb-number" : key === "state" && row.live ? "gb-live" : null }, text(row))),
      el("td", { class: "gb-run-changes gb-soft" }, changed(row.changes)));
  }

  function actions(row) {
    const box = el("td", { colspan: COLUMNS.length + 2 });
    const button = (text, onclick, more = "") => el("button", { type: "button", class: `gb-button ${more}`, onclick: guarded(onclick) }, text);
    const usual = () => box.replaceChildren(el("div", { class: "gb-row" },
      button("Show it", () => { emit("open-run", row.id); glassbox.open("train", "watching"); }, "gb-primary"),
      button("Rename", naming), button("CSV", () => glassbox.exportRun(row.id, "csv")), button("JSON lines", () => glassbox.exportRun(row.id, "jsonl")),
      button("zip", () => glassbox.exportRun(row.id, "zip")),
      button(hidden().includes(row.id) ? "Unhide" : "Hide", () => {
        hide(hidden().includes(row.id) ? hidden().filter((id) => id !== row.id) : [...hidden(), row.id]);
        draw();
      }),
      row.live ? null : button("Delete", ({ target }) => target.replaceWith(button(`Delete it for good (${format.bytes(row.bytes)})`, remove, "gb-danger")))));
    function naming() {
      const field = el("input", { type: "text", maxlength: 100, value: row.name, "aria-label": "The run's name" });
      const keep = guarded(async () => { await ask("rename_run", { run: row.id, name: field.value }); usual(); await load(); emit("models"); });
      field.addEventListener("keydown", (event) => { if (event.key === "Enter") keep(); if (event.key === "Escape") usual(); });
      box.replaceChildren(el("div", { class: "gb-row" }, field, button("Keep", keep, "gb-primary"), button("Cancel", usual)));
      field.select();
    }
    async function remove() {
      await ask("delete_run", { run: row.id });
      if (address.get("ghosts")) address.set({ ghosts: ghosts().filter((id) => id !== row.id).join(",") || "none" });
      await load();
      emit("models");
      emit("run-gone", row.id);
    }
    usual();
    return el("tr", { class: "gb-actions" }, box);
  }

  async function compare() {
    const ids = ghosts(), box = find("[data-id=compare]");
    box.hidden = ids.length < 2;
    if (box.hidden) return;
    const { runs, settings } = await ask("compare_runs", { runs: ids });
    find("[data-id=compare-heads]").replaceChildren(el("th", {}, ""), ...runs.map((run) => el("th", {}, run.name)));
    const reached = (title, key, text) => [title, runs.map((run) => text(rows.find((row) => row.id === run.id)?.[key] ?? null))];
    const lines = [...settings.map(({ name, values }) => [name, values.map(spoken)]), reached("validation loss", "validation", format.number), reached("best validation loss", "best", format.number)];
    find("[data-id=compare-rows]").replaceChildren(...lines.map(([name, values]) => el("tr", {}, el("th", { scope: "row" }, name), ...values.map((value) => el("td", {}, value)))));
  }

  const load = latest(async () => {
    clearTimeout(timer);
    rows = (await ask("list_ledger")).rows;
    const renaming = root.querySelector(".gb-actions input");  // whoever types a name keeps the field
    if (!renaming) draw();
    if (root.offsetParent && rows.some((row) => row.live)) timer = setTimeout(() => load().catch(say), WHILE_LIVE);
  });
  const shown = () => { if (root.offsetParent) load().catch(say); };
  find("[data-id=unhide]").addEventListener("click", () => { all = !all; draw(); });
  find("[data-id=first]").addEventListener("click", () => glassbox.open("train", "watching"));
  on("runs", shown);
  return { resize: shown };
});
