// The bars of the next token: what the model says (ghost), what is drawn from (solid), what a filter
// took away (hatched), and where each filter cuts. One row a token, the most likely first.
(() => {
  "use strict";
  const { el, format, tip, calm } = glassbox;
  const ROWS = 20;
  const AXIS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
  const legend = (look, words) => el("span", {}, el("i", { class: `gb-odds-swatch ${look}` }), words);
  const digits = (x) => (Number.isFinite(x) ? x.toPrecision(4).replace("e-", "e−").replace(/^-/, "−") : "−∞");

  /** Put the tooltip beside what is hovered, focused or tapped; Esc or a tap elsewhere takes it away. */
  glassbox.explainOn = (box, selector, describe) => {
    const at = (event) => event.target.closest?.(selector);
    const show = (node, x, y) => tip.show(x, y, ...describe(node));
    const beside = (node) => {
      const { left, width, bottom } = node.getBoundingClientRect();
      show(node, left + Math.min(width, 240), bottom);
    };
    box.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      if (at(event)) show(at(event), event.clientX, event.clientY); else tip.hide();
    });
    box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && tip.hide());
    box.addEventListener("focusin", (event) => at(event)?.matches(":focus-visible") && beside(at(event)));
    box.addEventListener("focusout", () => tip.hide());
    box.addEventListener("keydown", (event) => event.key === "Escape" && tip.hide());
    document.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" && !box.contains(event.target)) tip.hide();
    });
    return beside;
  };

  /** odds(box, onForce): the picture in `box`; onForce(id) runs when a person picks a token. */
  glassbox.odds = (box, onForce) => {
    let view = null;  // { own, result, settings, label }
    const ticks = [0, 0.5, 1].map(() => el("span"));
    const rows = Array.from({ length: ROWS }, makeRow);
    const items = rows.map((row) => row.item);
    const list = el("ol", { class: "gb-odds", "aria-label": "The most likely next tokens" }, ...items);
    const beyond = el("p", { class: "gb-small gb-soft gb-beyond" });
    const empty = el("p", { class: "gb-empty" },
      "The bars of the next token appear here as soon as there is a prompt that the model can read.");
    const picture = el("div", { hidden: true },
      el("div", { class: "gb-odds-head gb-small gb-soft", "aria-hidden": "true" }, el("span", {}, "token"),
        el("span", {}, "id"), el("span", { class: "gb-axis" }, ...ticks),
        el("span", {}, "model"), el("span", {}, "final")),
      list, beyond,
      el("p", { class: "gb-legend gb-odds-legend" }, legend("gb-ghost", "the model's own probability"),
        legend("gb-solid", "after your settings"), legend("gb-hatch", "removed by a filter")));
    box.append(empty, picture);

    function makeRow(_, i) {
      const cell = (look) => el("span", { class: `gb-mono ${look}` });
      const part = { token: cell("gb-odds-token"), id: cell("gb-soft"), own: cell("gb-soft"), final: cell(""),
        ghost: el("i", { class: "gb-ghost" }), solid: el("i", { class: "gb-solid" }) };
      part.button = el("button", { type: "button", tabindex: i ? -1 : 0 }, part.token, part.id,
        el("span", { class: "gb-bars" }, part.ghost, part.solid), part.own, part.final);
      part.item = el("li", {}, part.button);
      return part;
    }

    /** Ids to show, the most likely first. */
    function leaders() {
      const { result } = view, greedy = result.removed.includes(glassbox.sampler.TEMPERATURE);
      const order = greedy ? glassbox.sampler.ascending(result.penalised) : result.order;
      const ids = Array.from(order.subarray(-ROWS)).reverse();
      const best = result.order[result.order.length - 1];  // of several equal ones greedy takes the lowest id
      return greedy ? [best, ...ids.filter((id) => id !== best)].slice(0, ROWS) : ids;
    }

    const share = (p, most) => `translateX(${(100 * Math.min(1, p / most) - 100).toFixed(3)}%)`;

    function draw(now) {
      view = now;
      empty.hidden = true;
      picture.hidden = false;
      const { own, result, label } = view, ids = leaders();
      const top = ids.reduce((most, id) => Math.max(most, own[id], result.final[id]), 0);
      const most = AXIS.find((limit) => limit >= top * 0.999) ?? 1;
      ticks.forEach((tick, i) => { tick.textContent = i ? `${Number((50 * i * most).toPrecision(2))} %` : "0"; });
      rows.forEach((row, i) => {
        row.item.hidden = i >= ids.length;
        if (row.item.hidden) return;
        const id = ids[i], p = result.final[id], removed = result.removed[id] !== glassbox.sampler.KEPT;
        Object.assign(row.button.dataset, { token: id, own: own[id], final: p });
        row.item.classList.toggle("gb-removed", removed);
        row.token.textContent = label(id);
        row.id.textContent = id;
        row.own.textContent = format.probability(own[id]);
        row.final.textContent = removed ? "–" : format.probability(p);
        row.ghost.style.transform = share(own[id], most);
        row.solid.style.transform = share(p, most);
        row.button.setAttribute("aria-label", `${label(id)}, id ${id}, model ${format.probability(own[id])}, `
          + (removed ? `removed by ${reason(result.removed[id])}` : `final ${format.probability(p)}`));
      });
      drawCuts();
    }

    function reason(code) {
      if (code === glassbox.sampler.TEMPERATURE) return "temperature 0";
      const { TOP_K, TOP_P, MIN_P } = glassbox.sampler;
      const name = { [TOP_K]: "top-k", [TOP_P]: "top-p", [MIN_P]: "min-p" }[code];
      return `${name} ${view.settings[name.replace("-", "_")]}`;
    }

    /** A dashed line under the last token that each filter keeps. */
    function drawCuts() {
      const { removed } = view.result, dropped = [0, 0, 0, 0, 0];
      for (let i = 0; i < removed.length; i += 1) dropped[removed[i]] += 1;
      const cuts = new Map();
      let left = removed.length - dropped[glassbox.sampler.TEMPERATURE];
      for (const code of [glassbox.sampler.TOP_K, glassbox.sampler.TOP_P, glassbox.sampler.MIN_P]) {
        left -= dropped[code];
        if (dropped[code]) cuts.set(left, [...(cuts.get(left) ?? []), reason(code)]);
      }
      rows.forEach((row, i) => {
        const cut = cuts.get(i + 1);
        row.item.classList.toggle("gb-cut", Boolean(cut));
        if (cut) row.item.dataset.cut = cut.join(", "); else delete row.item.dataset.cut;
      });
      beyond.textContent = [...cuts].filter(([rank]) => rank > ROWS)
        .map(([rank, names]) => `${names.join(", ")} cuts after rank ${format.whole(rank)}, below this list.`)
        .join(" ");
    }

    /** The arithmetic from logit to probability, with this token's numbers. */
    function explain(button) {
      const id = Number(button.dataset.token), { own, logits, result, settings, label } = view;
      const { penalised, scaled, weights, sum, removed, keptSum, final } = result, V = logits.length;
      const best = scaled[result.order[V - 1]], lines = [`${label(id)}  id ${id}`];
      if (penalised[id] !== logits[id]) {
        const by = `${logits[id] < 0 ? "×" : "÷"} ${settings.repetition_penalty}`;
        lines.push(`repetition penalty: logit ${digits(logits[id])} ${by} = ${digits(penalised[id])}`);
      }
      if (settings.temperature === 0) {
        const largest = removed[id] === glassbox.sampler.KEPT ? ", the largest" : "";
        lines.push(`logit ${digits(penalised[id])}${largest}; temperature 0 takes only the largest`);
      } else {
        lines.push(`logit ${digits(penalised[id])} ÷ T ${settings.temperature} = ${digits(scaled[id])}`,
          `exp(${digits(scaled[id])} − max ${digits(best)}) = ${digits(weights[id])}`,
          `÷ ${digits(sum)}, sum of all ${format.whole(V)}, = ${format.probability(weights[id] / sum)}`);
        if (removed[id] !== glassbox.sampler.KEPT) lines.push(`removed by ${reason(removed[id])}`);
        else if (keptSum !== sum) {
          lines.push(`÷ ${digits(keptSum)}, sum of the kept, = ${format.probability(final[id])}`);
        }
      }
      lines.push(`the model's own: ${format.probability(own[id])}`,
        matchMedia("(hover: none)").matches ? "Tap again to write it." : "Click to write it.");
      return lines.map((line, i) => el("span", { class: i ? "gb-math" : "gb-mono" }, line));
    }

    const beside = glassbox.explainOn(list, "button", explain);
    let tapped = null;  // a first tap explains, a second one on the same row picks
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (event.pointerType === "touch" && tapped !== button.dataset.token) {
        tapped = button.dataset.token;
        beside(button);
        return;
      }
      tapped = null;
      tip.hide();
      onForce(Number(button.dataset.token));
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const at = rows.findIndex((row) => row.button === document.activeElement);
      if (!step || at < 0) return;
      event.preventDefault();
      const next = rows[Math.min(ROWS - 1, Math.max(0, at + step))];
      rows.forEach((row) => { row.button.tabIndex = row === next ? 0 : -1; });
      next.button.focus();
    });

    return {
      draw,
      view: () => view,
      /** Nothing to show: say what will appear. */
      clear() { view = null; empty.hidden = false; picture.hidden = true; },
      /** Light up the token that was drawn, for as long as it takes to see; a hurried person ends it. */
      choose(id, hurried) {
        const row = rows.find((r) => Number(r.button.dataset.token) === id);
        if (!row || calm()) return Promise.resolve();
        row.item.classList.add("gb-drawn");
        return new Promise((done) => {
          const timer = setTimeout(done, 260);
          hurried(() => { clearTimeout(timer); done(); });
        }).finally(() => row.item.classList.remove("gb-drawn"));
      },
    };
  };
})();
