// The maps from numbers to colours. No page is needed to work them out.

/** @typedef {"sequential" | "surprise" | "diverging"} MapName */
/** @typedef {[number, number, number]} Triple */

/**
 * A colour as [lightness, green to red, blue to yellow]: equal steps look equally large.
 * @param {string} hex as in "#3b7fc0"
 * @returns {Triple}
 */
export function oklab(hex) {
  const [r, g, b] = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
/** @returns {Triple} */
function srgb([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const [red, green, blue] = linear.map((c) =>
    Math.round(255 * Math.min(1, Math.max(0, c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055))),
  );
  return [red, green, blue];
}
export const MAPS = {
  // One hue, lightness falling (light theme) or rising (dark theme) in even steps of OKLab.
  sequential: {
    light: ["#ffffff", "#c6dcf2", "#7fb2e0", "#3b7fc0", "#134f8f", "#062a55"],
    dark: ["#10141b", "#1a3557", "#25609c", "#4a93d6", "#95c6f2", "#f2f9ff"],
  },
  surprise: {
    light: ["#ffffff", "#fdf0cf", "#f9d58a", "#eeb03f", "#d08a0c"],
    dark: ["#10141b", "#3a2c10", "#6e4f12", "#a97816", "#e2a72e"],
  },
  // Neutral in the middle; blue below, orange above.
  diverging: {
    light: ["#1f5fa8", "#9fc3e6", "#f7f7f5", "#f0b98a", "#b4500f"],
    dark: ["#7db8f0", "#2c5680", "#16191f", "#7a4a24", "#f0a468"],
  },
};
const tables = new Map();
/**
 * 256 x [r, g, b], each 0 to 255, of a map.
 * @param {MapName} name
 * @param {"light" | "dark"} ground what it is seen on
 * @returns {Triple[]}
 */
export function colourTable(name, ground) {
  const key = `${name}:${ground}`;
  if (!tables.has(key)) {
    const stops = MAPS[name][ground].map(oklab);
    tables.set(
      key,
      Array.from({ length: 256 }, (_, i) => {
        const at = (i / 255) * (stops.length - 1),
          k = Math.min(stops.length - 2, Math.floor(at)),
          t = at - k;
        const between = (j) => stops[k][j] + t * (stops[k + 1][j] - stops[k][j]);
        return srgb([between(0), between(1), between(2)]);
      }),
    );
  }
  return tables.get(key);
}
