// Scaling, ablate: the full model and one change of it beside one another, and the visitor's own of both in training.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { save } from "../shared/picture_file.js";
import { Refusal } from "../shared/server.js";
import { drawFields } from "../shared/setting_fields.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { tip } from "../shared/tooltip.js";
import { drawAblation, meanOf } from "./ablate_chart.js";
import { offerChoices } from "./choices.js";
import { live, showButtons, WORDS } from "./standing.js";

panel("ablate", ({ ask, notice, say, find, root }) => {
  const POLL = 1000;
  const box = find("[data-id=box]"),
    list = find("[data-id=list]");
  let told = null, // what read_ablations said
    standing = null, // what poll_ablation said
    fields = {},
    chosen = address.get("ablation") ?? "",
    at = null, // the step that is looked at
    chart = null,
    sure = false, // own ones of other steps may go for these
    timer = null;
  const choices = { loss: "linear" },
    offer = offerChoices([find("[data-choice]")], choices, () => draw());

  const guarded =
    (work) =>
    async (...args) => {
      try {
        notice("");
        await work(...args);
      } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        notice(error.message);
      }
    };
  const changes = () => told.changes.filter(({ name }) => name !== "full");
  const change = () => told.changes.find(({ name }) => name === chosen);
  const signed = (nats) => (nats < 0 ? "−" : "+") + Math.abs(nats).toFixed(3);
  const shipped = (name) => meanOf(told.curves.filter((curve) => curve.name === name && !curve.mine));

  const load = latest(
    guarded(async () => {
      const first = !told;
      told = await ask("read_ablations");
      if (first) {
        fields = drawFields(find(".gb-rail"), told.settings);
        fields.steps.value = told.steps;
        fields.steps.tell();
        fields.steps.node.addEventListener("input", edited);
      }
      if (!change()) chosen = changes().reduce((one, other) => (other.apart > one.apart ? other : one)).name;
      draw();
      await poll();
    }),
  );
  function edited() {
    fields.steps.tell();
    sure = false;
    tell();
  }

  // ---- drawing ---------------------------------------------------------------------------------------
  function draw() {
    if (!told || !root.offsetParent) return;
    offer.show();
    const [full] = told.changes;
    find("[data-id=legend]").textContent =
      `${told.text}, ${format.whole(full.params)} parameters, a line for each seed` +
      `${told.curves.some(({ mine }) => mine) ? "; dotted: yours" : ""}`;
    tell(); // its words take room from the picture
    const titles = new Map(told.changes.map(({ name, title }) => [name, title])),
      log = choices.loss === "log";
    chart = drawAblation(box, { curves: told.curves, chosen, titles, floor: told.floor, log, at });
  }

  function tell() {
    const most = Math.max(...changes().flatMap(({ least, most: worst }) => [Math.abs(least), Math.abs(worst)])),
      share = (nats) => (100 * Math.max(0, nats)) / most,
      spread = ([low, high]) => `left:${share(low)}%;width:${share(high) - share(low)}%`;
    list.replaceChildren(
      ...changes().map(({ name, title, apart, least, most: worst, mine }) =>
        el(
          "button",
          {
            type: "button",
            role: "option",
            tabindex: "-1",
            data: { name },
            "aria-selected": String(name === chosen),
            title: mine === null ? null : `Yours: ${signed(mine)}`,
            onclick: () => choose(name),
          },
          el("span", {}, title),
          el("output", {}, signed(apart)),
          el(
            "span",
            { class: "gb-ablate-track" },
            el("span", {
              class: "gb-ablate-bar",
              "data-better": apart < 0 ? "" : null,
              style: `width:${share(Math.abs(apart))}%`,
            }),
            el("span", { class: "gb-ablate-spread", style: spread(apart < 0 ? [-worst, -least] : [least, worst]) }),
          ),
        ),
      ),
    );
    const { title, does, params, mine } = change(),
      learnt = sentences(change());
    find("[data-id=does]").textContent = `${does} ${format.whole(params)} parameters.`;
    find("[data-id=learnt]").textContent = learnt + (mine === null ? "" : ` Yours: ${signed(mine)} nats.`);
    say(at === null ? `${title}: ${signed(change().apart)} nats. ${change().learnt}` : moment());

    showButtons(find, standing);
    find("[data-id=start]").textContent = sure ? "Replace my others" : "Start";
    find("[data-id=status]").textContent = status();
    const own = told.curves.filter(({ mine, name }) => mine && (name === chosen || name === "full"));
    find("[data-id=open]").hidden = !own.length;
    find("[data-id=open]").replaceChildren(...own.map(opener));
  }
  /** What was learnt, and how far the seeds bear it out. */
  function sentences({ learnt, least, most, seeds }) {
    if (seeds < 2) return learnt;
    const within = least <= 0 && most >= 0 ? ", so it may be chance" : "";
    return `${learnt} ${format.whole(seeds)} seeds: ${signed(least)} to ${signed(most)}${within}.`;
  }
  function status() {
    if (!standing || standing.state === "none") return "The full model and this change, in the background.";
    const under = told.changes.find(({ name }) => name === standing.name);
    if (live(standing) && under && standing.state !== "waiting")
      return `${under.title}: step ${format.whole(standing.step)} of ${format.whole(standing.steps)}, ${WORDS[standing.state]}`;
    return standing.failure || (WORDS[standing.state] ?? "");
  }
  function opener({ name, ref }) {
    const title = told.changes.find((one) => one.name === name).title;
    const go = () => {
      emit("models");
      look({ model: ref, step: null }, { turn: true });
      openView("attention", "heads");
    };
    return el(
      "button",
      { type: "button", class: "gb-link gb-small", onclick: go },
      `Heads of my ${title.toLowerCase()}`,
    );
  }
  /** Both losses at the step that is looked at. */
  function moment() {
    const [full, changed] = ["full", chosen].map((name) => {
      const { steps, losses } = shipped(name);
      return losses[steps.indexOf(at)];
    });
    if (full === undefined || changed === undefined) return "";
    return `Step ${at}: full model ${full.toFixed(3)}, ${change().title} ${changed.toFixed(3)}, ${signed(changed - full)} nats a token`;
  }

  // ---- looking ---------------------------------------------------------------------------------------
  function choose(name) {
    chosen = name;
    address.set({ ablation: name });
    draw();
  }
  const other = (by) => {
    const all = changes().map(({ name }) => name);
    choose(all[(all.indexOf(chosen) + by + all.length) % all.length]);
  };
  function lookAt(step) {
    if (at === step) return;
    at = step;
    draw();
  }
  const walk = (by) => {
    const { steps } = shipped("full"),
      from = at === null ? (by > 0 ? -1 : 0) : steps.indexOf(at);
    lookAt(steps[(from + by + steps.length) % steps.length]);
  };
  box.addEventListener("pointermove", (event) => {
    if (!chart) return;
    const step = chart.stepAt(event.clientX - box.getBoundingClientRect().left),
      { steps } = shipped("full");
    lookAt(steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best)));
    const [headline, ...rest] = moment().split(": ");
    tip.show(event.clientX, event.clientY, headline, rest.join(": "));
  });
  box.addEventListener("pointerleave", () => {
    tip.hide();
    lookAt(null);
  });
  find("[data-id=csv]").addEventListener("click", () => {
    if (told) save(told.csv, "ablations.csv", "text/csv");
  });

  // ---- driving ---------------------------------------------------------------------------------------
  const poll = latest(async () => {
    clearTimeout(timer);
    const before = standing?.losses;
    standing = await ask("poll_ablation");
    if (before !== undefined && before !== standing.losses) {
      told = await ask("read_ablations");
      draw();
    } else tell();
    if (live(standing) && root.isConnected) timer = setTimeout(guarded(poll), POLL);
  });
  find("[data-id=start]").addEventListener(
    "click",
    guarded(async () => {
      const steps = fields.steps.value;
      if (standing?.losses && standing.steps !== steps && !sure) {
        sure = true;
        tell();
        return;
      }
      await ask("start_ablation", { name: chosen, steps, replace: sure });
      sure = false;
      emit("models");
      await poll();
    }),
  );
  const steer = guarded(async (action) => {
    await ask("steer_ablation", { action });
    await poll();
  });
  const turn = () => steer(standing?.state === "paused" ? "resume" : "pause");
  find("[data-id=pause]").addEventListener("click", turn);
  find("[data-id=stop]").addEventListener("click", () => steer("stop"));
  leadBy(root, {
    ArrowUp: () => told && other(-1),
    ArrowDown: () => told && other(1),
    ArrowLeft: () => told && walk(-1),
    ArrowRight: () => told && walk(1),
    " ": () => {
      if (live(standing)) turn();
    },
  });

  return { theme: draw, resize: () => (told ? draw() : load()) };
});
