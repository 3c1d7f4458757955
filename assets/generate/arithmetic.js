// From logit to probability with one token's own numbers, step by step in the order of the chain.
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";
import { DIALS } from "./sampling_settings.js";

const digits = (x) => (Number.isFinite(x) ? x.toPrecision(4).replace("e-", "e−").replace(/^-/, "−") : "−∞");
const bits = (nats) => format.number(nats / Math.LN2);

/** What a step is called in a sentence: "top-k 40". */
export const stepName = (name, value) => `${DIALS[name].title.toLowerCase()} ${value}`;

/** The lines for token `id` of a view { own, logits, result, label }; the first is its name. */
export const arithmetic = ({ own, logits, result, label }, id) => {
  const { removed, steps, sum, best, final, keptBest, keptSum } = result;
  const lines = [`${label(id)}  id ${id}`],
    gone = removed[id];
  let x = logits[id],
    alive = true;
  for (const step of steps) {
    if (!alive) break;
    const goes = gone === sampler.codeOf(step.name),
      p = format.probability(Math.exp(x - step.best) / step.sum);
    const verdict = goes ? "removed" : `among the ${format.whole(step.kept)} kept`;
    alive = !goes;
    if (step.name === "repetition_penalty") {
      if (step.touched(id)) {
        const after = Math.fround(x < 0 ? x * step.value : x / step.value);
        lines.push(`repetition penalty: logit ${digits(x)} ${x < 0 ? "×" : "÷"} ${step.value} = ${digits(after)}`);
        x = after;
      }
    } else if (step.name === "temperature") {
      if (step.greedy)
        lines.push(
          `temperature ${step.value}: logit ${digits(x)} ${goes ? "is not the largest: removed" : "is the largest"}`,
        );
      else lines.push(`logit ${digits(x)} ÷ T ${step.value} = ${digits((x /= step.value))}`);
    } else if (step.name === "typical_p") {
      const surprise = Math.log(step.sum) - (x - step.best);
      lines.push(
        `${stepName(step.name, step.value)}: surprise ${bits(surprise)} bits, entropy ${bits(step.entropy)}, ` +
          `${bits(Math.abs(surprise - step.entropy))} apart, ${bits(step.limit)} allowed: ${verdict}`,
      );
    } else if (step.name === "min_p") {
      lines.push(
        `${stepName(step.name, step.value)}: ${p} against ${step.value} × ${format.probability(1 / step.sum)} = ` +
          `${format.probability(step.threshold)}: ${verdict}`,
      );
    } else lines.push(`${stepName(step.name, step.value)}: ${step.name === "top_p" ? `${p}, ` : ""}${verdict}`);
  }
  if (alive && gone === sampler.KEPT) {
    const weight = Math.exp(x - keptBest),
      all = result.final.length;
    lines.push(`exp(${digits(x)} − max ${digits(keptBest)}) = ${digits(weight)}`);
    const kept = steps.length ? steps.at(-1).kept : all;
    if (kept < all && keptBest === best) {
      lines.push(`÷ ${digits(sum)}, sum of all ${format.whole(all)}, = ${format.probability(weight / sum)}`);
    }
    lines.push(
      `÷ ${digits(keptSum)}, sum of ${kept < all ? `the ${format.whole(kept)} kept` : `all ${format.whole(all)}`}, ` +
        `= ${format.probability(final[id])}`,
    );
  }
  lines.push(`the model's own: ${format.probability(own[id])}`);
  return lines;
};
