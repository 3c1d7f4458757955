// The learned code of positions beside the sinusoidal one: how alike each two are, and the first components.
import { format } from "../shared/format.js";
import { bytesOf, floatsOf } from "../shared/numbers.js";
import { cosineLegend, positionWaves } from "./waves.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * Both codes.
 * @param {object} tools
 * @param {(id: string) => any} tools.part an element of the view
 * @param {Ask} tools.ask
 * @param {(text: string) => void} tools.say
 */
export const positionCodes = ({ part, ask, say }) => {
  let place = null, // the model and its moment
    positions = null; // what compare_positions answered, unpacked
  const codes = {
    learned: positionWaves(part("learned"), "learned", pointPair),
    sinusoidal: positionWaves(part("sinusoidal"), "sinusoidal", pointPair),
  };

  /** Another model or moment: what is known is of the one before. */
  function forget(next) {
    place = next;
    positions = null;
  }
  async function read() {
    const asked = place,
      answer = await ask("compare_positions", place);
    if (asked === place) take(answer);
  }

  function take(answer) {
    const side = Math.ceil(answer.n_ctx / answer.every);
    const unpack = (code) => ({
      side,
      similar: bytesOf(code.similar),
      values: floatsOf(code.curves),
      shares: code.shares,
    });
    positions = {
      every: answer.every,
      n_ctx: answer.n_ctx,
      learned: unpack(answer.learned),
      sinusoidal: unpack(answer.sinusoidal),
    };
  }
  function draw() {
    if (!positions) return;
    for (const [name, picture] of Object.entries(codes)) picture.draw(positions[name]);
    cosineLegend(part("cosines"));
    pointPair(null);
  }
  function pointPair(cell) {
    for (const picture of Object.values(codes)) picture.point(cell);
    const skipped = positions.every > 1 ? ` Every ${positions.every}th position is shown.` : "";
    if (!cell) {
      say(`${format.whole(positions.n_ctx)} positions. Point at a cell for its cosine in both codes.${skipped}`);
      return;
    }
    const [row, column] = cell,
      { every, learned, sinusoidal } = positions;
    const value = (code) => format.number(Math.round(100 * (code.similar[row * code.side + column] / 127 - 1)) / 100);
    const entry = (code) => format.number(code.values[row]);
    say(
      column === null
        ? `Position ${row * every}, first component: learned ${entry(learned)}, sinusoidal ${entry(sinusoidal)}.`
        : `Positions ${row * every} and ${column * every}: learned ${value(learned)}, sinusoidal ${value(sinusoidal)}.`,
    );
  }

  return { forget, read, draw, known: () => positions !== null };
};
