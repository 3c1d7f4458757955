// Scaling, compute and size: for each budget the loss of every size, the best of them, and the frontier.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { save } from "../shared/picture_file.js";
import { Refusal } from "../shared/server.js";
import { tip } from "../shared/tooltip.js";
import { short } from "./axes.js";
import { drawFrontier, drawParabolas, inkOf } from "./budget_charts.js";
import { offerChoices, ofSweep } from "./choices.js";

panel("compute_and_size", ({ ask, notice, say, find, all, root }) => {
  const parabolas = find("[data-id=parabolas]"),
    REACH = 24, // CSS pixels from a dot that still mean it
    /** @type {Record<string, string>} */ choices = { sweep: "shipped", count: "all" };
  let told = null, // what read_budgets answered
    places = [],
    at = -1; // the budget that is looked at

  const offer = offerChoices(all("[data-choice]"), choices, () => load());

  const load = latest(async () => {
    try {
      notice("");
      told = await ofSweep(choices, notice, (whose) => ask("read_budgets", { whose, count: choices.count }));
      at = Math.min(Number(address.get("budget", "0")) || 0, told.budgets.length) - 1;
      draw();
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    }
  });

  function draw() {
    if (!told || !root.offsetParent) return;
    offer.show();
    const { budgets, frontier, law } = told;
    find("[data-id=legend]").replaceChildren(
      el("span", {}, `${told.whose === "mine" ? "Your sweep" : "The shipped sweep"} of ${told.text}; FLOPs`),
      ...budgets.map(({ flops }, i) =>
        el("span", {}, el("i", { style: `background:${inkOf(budgets, i)}` }), short(flops)),
      ),
      el("span", {}, "◇ best size"),
      law && el("span", {}, "– – by the law"),
    );
    if (budgets.length) {
      places = drawParabolas(parabolas, budgets, at);
      drawFrontier(find("[data-id=frontier]"), budgets, frontier, law, at);
    } else
      parabolas.replaceChildren(
        el("p", { class: "gb-soft" }, "The first budgets will be here when its first evaluation is done."),
      );
    tell();
  }

  function tell() {
    const { budgets, frontier, law } = told;
    const power = (name, found, more) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, name),
        el("td", {}, el("b", { data: { frontier: name } }, found ? `C^${found.exponent.toFixed(2)}` : "–")),
        el("td", { class: "gb-soft" }, more),
      );
    find("[data-id=exponents]").replaceChildren(
      power(
        "measured",
        frontier,
        frontier ? `${frontier.low.toFixed(2)} to ${frontier.high.toFixed(2)}` : "too few best sizes",
      ),
      power("by the law", law, law ? "b / (a + b)" : "no law yet"),
    );
    const [least, most] = told.each.map(format.number),
      read = Math.max(...budgets.flatMap(({ reached }) => reached.map(({ tokens }) => tokens)));
    find("[data-id=about]").textContent = [
      frontier && "From to: whichever one budget is left out.",
      law && read > 1.01 * law.tokens && `The law saw at most ${short(law.tokens)} tokens, the budgets ${short(read)}.`,
      told.each.length && `A parameter so counted costs ${least} to ${most} FLOPs a token.`,
    ]
      .filter(Boolean)
      .join(" ");
    find("[data-id=budgets]").replaceChildren(
      ...budgets.map(({ flops, lowest }, i) =>
        el(
          "button",
          { type: "button", "aria-pressed": String(i === at), onclick: () => turn(i === at ? -1 : i) },
          el("i", { style: `background:${inkOf(budgets, i)}` }),
          el("span", {}, short(flops)),
          el("span", {}, lowest ? `best ${short(lowest.params)}` : "no best size"),
        ),
      ),
    );
    say(at >= 0 ? about(budgets[at]) : "");
  }
  const about = ({ flops, lowest, why_not }) =>
    `${short(flops)} FLOPs: ` +
    (lowest
      ? `best are ${short(lowest.params)} parameters and ${short(lowest.tokens)} tokens, ` +
        `${format.number(lowest.tokens / lowest.params)} a parameter; ${lowest.loss.toFixed(3)} nats.`
      : why_not);

  // ---- looking ---------------------------------------------------------------------------------------
  function turn(index) {
    at = index;
    address.set({ budget: at < 0 ? null : at + 1 });
    draw();
  }
  function near(event) {
    const edge = parabolas.getBoundingClientRect();
    const far = ({ x, y }) => Math.hypot(x - (event.clientX - edge.left), y - (event.clientY - edge.top));
    const best = places.reduce((one, place) => (!one || far(place) < far(one) ? place : one), null);
    return best && far(best) < REACH ? best : null;
  }
  parabolas.addEventListener("pointermove", (event) => {
    const place = near(event);
    if (!place) return tip.hide();
    const budget = told.budgets[place.budget],
      { width, params, tokens, loss } = budget.reached[place.size];
    tip.show(
      event.clientX,
      event.clientY,
      `Width ${width} after ${short(budget.flops)} FLOPs`,
      `${short(params)} parameters, ${short(tokens)} tokens: ${loss.toFixed(4)} nats.`,
    );
  });
  parabolas.addEventListener("pointerleave", () => tip.hide());
  parabolas.addEventListener("click", (event) => turn(near(event)?.budget ?? -1));
  const step = (by) => {
    const number = told?.budgets.length;
    if (number) turn(at < 0 && by < 0 ? number - 1 : (at + by + number) % number);
  };
  leadBy(root, { ArrowRight: () => step(1), ArrowLeft: () => step(-1) });
  find("[data-id=csv]").addEventListener("click", () => {
    if (told) save(told.csv, `${told.whose}-budgets.csv`, "text/csv");
  });

  on("sweep", () => {
    if (choices.sweep !== "mine") return;
    told = null;
    if (root.offsetParent) load();
  });
  const seen = () => {
    const other = offer.read(); // made in another view meanwhile
    return !told || other.length ? load() : draw();
  };
  return { theme: draw, resize: seen };
});
