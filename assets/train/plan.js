// What a run would be, told before it starts: where its parameters are, how much it reads, what counting alone reaches.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

const PARTS = ["--gb-query", "--gb-key", "--gb-value", "--gb-mlp", "--gb-residual"];

/**
 * @param {(selector: string) => any} find
 * @param {any} plan what plan_run told
 */
function drawPlan(find, plan) {
  const shade = (i) => `background:var(${PARTS[i]})`,
    row = (name, value) => el("li", {}, name, el("b", {}, value));
  find("[data-id=n-params]").textContent = format.whole(plan.n_params);
  find("[data-id=parts]").replaceChildren(
    ...plan.parts.map(({ name, count }, i) =>
      el("i", { title: `${name}: ${format.whole(count)}`, style: `flex:${count};${shade(i)}` }),
    ),
  );
  find("[data-id=part-names]").replaceChildren(
    ...plan.parts.map(({ name, count }, i) =>
      el("li", {}, el("i", { style: shade(i) }), name, el("b", {}, format.number(count))),
    ),
  );
  find("[data-id=plan]").replaceChildren(
    row("tokens in the vocabulary", format.whole(plan.vocab_size)),
    row("tokens in the text", format.whole(plan.tokens)),
    row("bytes a token", plan.bytes_per_token.toFixed(2)),
    row("times it reads the text", format.number(plan.passes)),
    row("memory, about", format.bytes(plan.memory)),
    ...plan.baselines
      .slice(2)
      .map(({ name, loss }) => row(`loss, ${name.split(":")[0]}`, `${format.number(loss)} nats`)),
  );
}

/**
 * There is no plan: say why, where the numbers would stand.
 * @param {(selector: string) => any} find
 * @param {string} why
 */
function refusePlan(find, why) {
  for (const id of ["parts", "part-names", "plan"]) find(`[data-id=${id}]`).replaceChildren();
  find("[data-id=n-params]").textContent = "–";
  find("[data-id=forecast]").replaceChildren(el("span", { class: "gb-refused" }, why));
}

export { drawPlan, refusePlan };
