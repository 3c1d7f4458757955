// Train, the runs: a table to sort, name, hide, delete and take along, and the choice of ghosts.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { failures } from "../shared/failures.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { keep, kept } from "../shared/storage.js";
import { openView } from "../shared/tabs.js";
import { saveRun } from "./run_files.js";
import { drawLosses } from "./run_losses.js";
import { shownRun } from "./shown_run.js";

panel("runs", ({ ask, notice, say, find, root }) => {
  const HIDDEN = "glassbox.hidden-runs",
    WHILE_LIVE = 2000;
  const STATES = {
    waiting: "waiting",
    running: "training",
    paused: "paused",
    finished: "finished",
    stopped: "stopped",
    time: "time was up",
    target: "loss reached",
    patience: "no longer fell",
    diverged: "diverged",
    failed: "failed",
    interrupted: "cut off",
  };
  const NUMBERS = {
    n_params: ["parameters", format.number],
    step: ["steps", format.whole],
    train_loss: ["train loss", format.number],
    validation_loss: ["validation", format.number],
    best: ["best", format.number],
    accuracy: ["right", (x) => `${Math.round(100 * x)} %`],
    seconds: ["time in steps", format.seconds],
    bytes: ["on the disk", format.bytes],
  };
  // From afar, or in a narrow window, a table of these alone.
  const MAJOR = ["step", "validation_loss", "accuracy"];
  let rows = [],
    example = null, // a row of a run that ships, while there is none of the visitor's own
    curves = [], // of the newest runs
    chosen = null,
    told = 0, // the row that the line beneath speaks of
    timer = null,
    all = false;
  const { fail, guarded } = failures(notice);
  const anew = (work) =>
    guarded(async (...args) => {
      notice("");
      await work(...args);
    });
  const spoken = (value) => (typeof value === "number" ? format.number(value) : String(value));
  const numeric = (name) => `gb-number${MAJOR.includes(name) ? "" : " gb-minor"}`;
  const number = (name, value) => (value === null || value === undefined ? "–" : NUMBERS[name][1](value));

  const hidden = () => {
    try {
      return JSON.parse(kept(HIDDEN)) ?? [];
    } catch {
      return []; // somebody else wrote there
    }
  };
  const hide = (ids) => keep(HIDDEN, JSON.stringify(ids));

  // The address holds which runs are ghosts, and by what the table is sorted ("-" is downwards).
  const ghosts = () => shownRun.ghosts().filter((id) => rows.some((row) => row.id === id));
  const setGhosts = (ids) => {
    address.set({ ghosts: ids.join(",") || "none" });
    emit("ghosts");
    draw();
  };
  function sorting() {
    const text = address.get("sort") ?? "-created";
    return { key: text.replace(/^-/, ""), down: text.startsWith("-") };
  }

  function sorted() {
    const { key, down } = sorting(),
      shown = rows.filter((row) => all || !hidden().includes(row.id));
    const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
    return shown.sort((a, b) => Number(a[key] === null) - Number(b[key] === null) || order(a[key], b[key])); // what lacks it comes last
  }

  // ---- the table ------------------------------------------------------------------------------------

  function head(name, title, align = null) {
    const { key, down } = sorting(),
      here = name === key;
    const turn = () => {
      address.set({ sort: here && !down ? `-${name}` : name });
      draw();
    };
    return el(
      "th",
      { class: align, "aria-sort": here ? (down ? "descending" : "ascending") : null },
      el("button", { type: "button", onclick: turn }, `${title}${here ? (down ? " ↓" : " ↑") : ""}`),
    );
  }

  function draw() {
    const away = rows.filter((row) => hidden().includes(row.id)).length;
    find("[data-id=empty]").hidden = rows.length > 0;
    find("[data-id=unhide]").hidden = !away;
    find("[data-id=unhide]").textContent = all ? "Hide the hidden runs again" : `Show hidden runs (${away})`;
    const numbers = Object.entries(NUMBERS).map(([name, [title]]) => head(name, title, numeric(name)));
    find("[data-id=heads]").replaceChildren(
      el("th", {}, ""),
      head("name", "run"),
      head("created", "when", "gb-minor"),
      head("state", "state"),
      ...numbers,
      el("th", {}, "changed since the run before"),
    );
    find("[data-id=rows]").replaceChildren(
      ...(example ? [example] : sorted()).flatMap((row) =>
        row.id === chosen ? [line(row), actions(row)] : [line(row)],
      ),
    );
    speak();
    compare().catch(fail);
  }

  /** The line beneath the table: one run in words. */
  function speak() {
    const row = example ?? sorted()[told];
    drawLosses(find("[data-id=losses]"), curves, row?.id);
    if (!row) return say();
    for (const node of find("[data-id=rows]").children) node.classList.toggle("gb-told", node.dataset.run === row.id);
    const reached = `step ${format.whole(row.step)}, validation loss ${number("validation_loss", row.validation_loss)}`,
      best = `best ${number("best", row.best)} nats`,
      right = row.accuracy === null ? "" : `, ${number("accuracy", row.accuracy)} of the answers right`;
    say(
      `${example ? "An example: " : ""}${row.name}: ${STATES[row.state] ?? row.state} at ${reached}, ${best}${right}.`,
    );
  }

  function line(row) {
    const tick = el("input", { type: "checkbox", "aria-label": `Draw ${row.name} behind the run on show` });
    tick.checked = ghosts().includes(row.id);
    tick.addEventListener("change", () =>
      setGhosts(tick.checked ? [...ghosts(), row.id] : ghosts().filter((id) => id !== row.id)),
    );
    const open = chosen === row.id,
      choose = () => {
        chosen = open ? null : row.id;
        draw();
      };
    const name = el(
      "button",
      { type: "button", class: "gb-run-name", "aria-expanded": String(open), onclick: choose },
      row.name,
    );
    const numbers = Object.keys(NUMBERS).map((key) => el("td", { class: numeric(key) }, number(key, row[key])));
    return el(
      "tr",
      { "aria-selected": String(open), data: { run: row.id } },
      el("td", {}, example ? null : tick),
      el(
        "td",
        {},
        example ? `${row.name}, ${row.corpus}` : name,
        row.parent ? beneath(`↳ from ${row.parent}`) : null,
        row.kept ? beneath("kept") : null,
      ),
      el("td", { class: "gb-minor" }, format.date(row.created)),
      el("td", { class: row.live ? "gb-live" : null }, STATES[row.state] ?? row.state),
      ...numbers,
      el("td", { class: "gb-run-changes gb-soft" }, changed(row.changes ?? [])),
    );
  }

  /** What a run trained on from, and whether it stays. */
  const beneath = (text) => el("span", { class: "gb-run-beneath gb-small gb-soft" }, text);

  function changed(changes) {
    if (changes.length > 12) return `${changes.length} settings`;
    return changes.map(([name, from, to]) => `${name} ${spoken(from)} → ${spoken(to)}`).join("; ");
  }

  // ---- what can be done with a run ------------------------------------------------------------------

  function actions(row) {
    const box = el("td", { colspan: 5 + Object.keys(NUMBERS).length });
    const button = (text, onclick, more = "") =>
      el("button", { type: "button", class: `gb-button ${more}`, onclick: anew(onclick) }, text);
    const fill = (...nodes) => box.replaceChildren(el("div", { class: "gb-row" }, ...nodes));
    const away = hidden().includes(row.id),
      sure = `Delete it for good (${format.bytes(row.bytes)})`;
    const show = () => {
      emit("open-run", row.id);
      openView("train", "run");
    };
    const toggle = () => {
      hide(away ? hidden().filter((id) => id !== row.id) : [...hidden(), row.id]);
      draw();
    };
    const usual = () =>
      fill(
        button("Show it", show, "gb-primary"),
        button("Rename", naming),
        .../** @type {const} */ (["csv", "jsonl", "zip"]).map((kind) =>
          button(kind.toUpperCase(), () => saveRun(ask, row.id, kind)),
        ),
        button(away ? "Unhide" : "Hide", toggle),
        Object.assign(button(row.kept ? "Keep no longer" : "Keep", keeping), {
          title: "When there is no more room the oldest runs go, but for those that are kept.",
        }),
        row.live ? null : button("Delete", ({ target }) => target.replaceWith(button(sure, remove, "gb-danger"))),
      );
    function naming() {
      const field = el("input", { type: "text", maxlength: 100, value: row.name, "aria-label": "The run's name" });
      const save = anew(async () => {
        await ask("rename_run", { run: row.id, name: field.value });
        usual();
        await load();
        emit("models");
      });
      field.addEventListener("keydown", ({ key }) => {
        if (key === "Enter") save();
        if (key === "Escape") usual();
      });
      fill(field, button("Rename", save, "gb-primary"), button("Cancel", usual));
      field.select();
    }
    async function keeping() {
      await ask("keep_run", { run: row.id, kept: !row.kept });
      await load();
    }
    async function remove() {
      await ask("delete_run", { run: row.id });
      if (address.get("ghosts"))
        address.set({
          ghosts:
            ghosts()
              .filter((id) => id !== row.id)
              .join(",") || "none",
        });
      await load();
      emit("models");
      emit("run-gone", row.id);
    }
    usual();
    return el("tr", { class: "gb-actions" }, box);
  }

  async function compare() {
    const ids = ghosts();
    find("[data-id=compare]").hidden = ids.length < 2;
    if (ids.length < 2) return;
    const { runs, settings } = await ask("compare_runs", { runs: ids });
    const row = (id) => rows.find((other) => other.id === id) ?? {};
    const reached = ["validation_loss", "best"].map((key) => [
      NUMBERS[key][0],
      runs.map(({ id }) => number(key, row(id)[key])),
    ]);
    const lines = [...settings.map(({ name, values }) => [name, values.map(spoken)]), ...reached];
    find("[data-id=compare-heads]").replaceChildren(el("th", {}, ""), ...runs.map(({ name }) => el("th", {}, name)));
    find("[data-id=compare-rows]").replaceChildren(
      ...lines.map(([name, values]) =>
        el("tr", {}, el("th", { scope: "row" }, name), ...values.map((value) => el("td", {}, value))),
      ),
    );
  }

  const load = latest(async () => {
    clearTimeout(timer);
    const answer = await ask("list_ledger");
    [rows, example, curves] = [answer.rows, answer.example ?? null, answer.curves];
    if (!root.querySelector(".gb-actions input")) draw(); // whoever types a name keeps the field
    if (root.offsetParent && rows.some((row) => row.live)) timer = setTimeout(() => load().catch(fail), WHILE_LIVE);
  });
  const shown = () => {
    if (root.offsetParent) load().catch(fail);
  };
  find("[data-id=rows]").addEventListener("pointermove", ({ target }) => {
    const i = sorted().findIndex((row) => row.id === target.closest("tr")?.dataset.run);
    if (i < 0 || i === told) return;
    told = i;
    speak();
  });
  on("key", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!root.offsetParent || !rows.length) return;
    if (by) {
      event.preventDefault();
      told = Math.max(0, Math.min(sorted().length - 1, told + by));
      speak();
      find("[data-id=rows] .gb-told").scrollIntoView({ block: "nearest" });
    }
    if (event.key === " " && !event.target.closest?.("button, summary, input")) {
      event.preventDefault();
      const { id } = sorted()[told];
      chosen = chosen === id ? null : id;
      draw();
    }
  });
  find("[data-id=unhide]").addEventListener("click", () => {
    all = !all;
    draw();
  });
  find("[data-id=first]").addEventListener("click", () => openView("train", "run"));
  on("runs", shown);
  return { resize: shown };
});
