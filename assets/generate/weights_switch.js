// The switch for the fast 8-bit weights: whether they write, and what that changes on this very model.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

/** @import { Ask } from "../shared/server.js" */
/** @import { MeasureWeights } from "../answers.js" */

let made = 0;

/** What the measurement says, short enough for the rail. */
const told = ({ positions, agreement, perplexity, change }) =>
  `On this model: the same likeliest token at ${format.number(100 * agreement)} % of ${format.whole(positions)} positions, ` +
  `perplexity ${format.number(perplexity)}, ${format.number(Math.abs(100 * change))} % ${change < 0 ? "less" : "more"}.`;

/**
 * A checkbox, and what it changes. Several views may show it for the same settings.
 * @param {any} store the sampling settings
 * @param {Ask} ask
 * @param {() => { model: string, step: number | null } | null} here the model that is shown
 */
export const weightsSwitch = (store, ask, here) => {
  const name = `gb-weights-${(made += 1)}`,
    box = /** @type {HTMLInputElement} */ (
      el("input", { type: "checkbox", data: { id: "fast" }, "aria-describedby": name })
    ),
    says = el("span", { id: name, class: "gb-small gb-soft", data: { id: "fast-says" } });
  let known = null, // { key, answer }: what the server said last, and of what
    timer = null;

  function draw() {
    const answer = known?.answer;
    box.disabled = !answer || answer.why_not !== null;
    box.checked = !box.disabled && store.values.weights === "int8";
    says.textContent = words(answer);
  }
  function words(answer) {
    if (!answer) return "";
    if (answer.why_not !== null) return answer.why_not;
    if (!box.checked) return "Writes long texts faster with rounded weights. All odds shown stay exact.";
    if (answer.cost) return told(answer.cost);
    return answer.ready ? "Measuring what they change …" : "Being made; until then the exact ones write.";
  }

  /** Ask about the model that is shown, again and again while the copy is being made or measured. */
  async function follow() {
    clearTimeout(timer);
    const place = here();
    if (!place) return;
    const { model, step } = place,
      on = store.fast,
      key = JSON.stringify([model, step, on]);
    /** @type {MeasureWeights} */
    let answer;
    try {
      answer = await ask("measure_weights", { model, step, ...(on === null ? {} : { on }) });
    } catch {
      return; // the view that shows the model says what is wrong; the next change asks again
    }
    const now = here();
    if (key !== JSON.stringify([now?.model, now?.step, store.fast])) return;
    known = { key, answer };
    store.noteFast(answer.usual, answer.why_not === null);
    draw();
    const waiting = box.checked && !answer.cost;
    clearTimeout(timer);
    if (waiting) timer = setTimeout(follow, 700);
  }

  box.addEventListener("change", () => store.setFast(box.checked));
  let asked = store.fast;
  store.subscribe(() => {
    if (asked !== store.fast) follow();
    asked = store.fast;
    draw();
  });
  return {
    element: el("div", { class: "gb-field" }, el("label", { class: "gb-check" }, box, " Fast weights (8 bits)"), says),
    follow,
  };
};
