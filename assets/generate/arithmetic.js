// From logit to probability with one token's own numbers, step by step in the order of the chain.
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";
import { DIALS } from "./dials.js";

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
    const name = stepName(step.name, step.value);
    if (step.touched) {
      if (!step.touched(id)) continue;
      const after = Math.fround(x < 0 ? x * step.value : x / step.value);
      lines.push(
        `${DIALS[step.name].title.toLowerCase()}: logit ${digits(x)} ${x < 0 ? "×" : "÷"} ${step.value} = ${digits(after)}`,
      );
      x = after;
    } else if (step.greedy) {
      lines.push(`${name}: logit ${digits(x)} ${goes ? "is not the largest: removed" : "is the largest"}`);
    } else if (step.divided) lines.push(`logit ${digits(x)} ÷ T ${step.value} = ${digits((x /= step.value))}`);
    else if (step.entropy !== undefined) {
      const surprise = Math.log(step.sum) - (x - step.best);
      lines.push(
        `${name}: surprise ${bits(surprise)} bits, entropy ${bits(step.entropy)}, ` +
          `${bits(Math.abs(surprise - step.entropy))} apart, ${bits(step.limit)} allowed: ${verdict}`,
      );
    } else if (step.threshold !== undefined) {
      lines.push(
        `${name}: ${p} against ${step.value} × ${format.probability(step.times)} = ` +
          `${format.probability(step.threshold)}: ${verdict}`,
      );
    } else lines.push(`${name}: ${step.sum === undefined ? "" : `${p}, `}${verdict}`);
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
