// Four figures of the choice to come: how uncertain it is, and what the filters leave of it.
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";

/** drawFigures(part, view): into the elements part("entropy"), part("choices"), part("kept") and part("mass"). */
export const drawFigures = (part, view) => {
  const say = (id, words) => {
    part(id).textContent = words;
  };
  if (!view) {
    for (const id of ["entropy", "choices", "kept", "mass"]) say(id, "–");
    return;
  }
  const { result } = view,
    before = view.entropy,
    after = sampler.entropy(result.final);
  const change = (a, b, unit) => (a === b ? `${a}${unit}` : `${a} → ${b}${unit}`);
  say("entropy", change(format.number(before), format.number(after), " bits"));
  say("choices", change(format.number(2 ** before), format.number(2 ** after), ""));
  let kept = 0,
    mass = 0;
  for (let i = 0; i < result.removed.length; i += 1) {
    if (result.removed[i] !== sampler.KEPT) continue;
    kept += 1;
    mass += Math.exp(result.shaped[i] - result.best);
  }
  say("kept", `${format.whole(kept)} of ${format.whole(result.removed.length)}`);
  say("mass", format.probability(Math.min(1, mass / result.sum)));
};
