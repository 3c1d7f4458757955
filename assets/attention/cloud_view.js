// Where to look at points from: what of them is in the picture, and how large.

/** @typedef {{ x: number, y: number, k: number }} CloudView the point in the middle, and pixels for a length of 1 */
/** @typedef {{ width: number, height: number }} Size in CSS pixels */

const GAP = 1 / 3, // so wide a gap, of the whole width or height, leaves those beyond it out,
  MINORITY = 0.4; // where they are fewer than this share

/**
 * Where the points of an axis begin and end, without a minority beyond a gap wider than this share of the whole.
 * @param {Float32Array} places x and y of each point in turn
 * @param {0 | 1} axis
 * @param {number} widest
 * @returns {[number, number]}
 */
function ends(places, axis, widest) {
  const all = Float32Array.from({ length: places.length / 2 }, (_, i) => places[2 * i + axis]).sort(),
    last = all.length - 1,
    wide = widest * (all[last] - all[0]),
    few = MINORITY * all.length;
  let [low, high] = [0, last];
  for (let i = 0; i < last; i += 1) {
    if (all[i + 1] - all[i] <= wide) continue;
    if (i + 1 < few) low = i + 1;
    else if (last - i < few) high = Math.min(high, i);
  }
  return [all[low], all[high]];
}

/** @returns {CloudView} the same scale on both axes */
function holding([[left, right], [low, high]], { width, height }) {
  const k = 0.9 * Math.min(width / (right - left || 1), height / (high - low || 1));
  return { x: (left + right) / 2, y: (low + high) / 2, k };
}

/**
 * The view that holds every point.
 * @param {Float32Array} places
 * @param {Size} size
 */
export const allOf = (places, size) => holding([ends(places, 0, 1), ends(places, 1, 1)], size);

/**
 * The view that holds those which lie together. Tokens that no text ever had lie far from the others, and would leave
 * these a third of the picture.
 * @param {Float32Array} places
 * @param {Size} size
 */
export const mostOf = (places, size) => holding([ends(places, 0, GAP), ends(places, 1, GAP)], size);
