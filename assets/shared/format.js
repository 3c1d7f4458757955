// Numbers as people read them.

/** @type {Intl.DateTimeFormatOptions} */
const SHORT_DATE = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };

export const format = {
  /**
   * Three significant digits, thousands with a thin space.
   * @param {number | null | undefined} x
   */
  number(x) {
    if (x === null || x === undefined || Number.isNaN(x)) return "–";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    const size = Math.abs(x);
    if (size !== 0 && size < 1e-3) return x.toExponential(2).replace("e-", "e−").replace(/^-/, "−");
    const text =
      size >= 1000 ? Math.round(x).toLocaleString("en-US").replace(/,/g, "\u202f") : String(Number(x.toPrecision(3)));
    return text.replace(/^-/, "−");
  },
  /**
   * Percent above 1 %, two decimals down to 0.1 %, scientific below.
   * @param {number} p from 0 to 1
   */
  probability(p) {
    if (p === 0) return "0";
    if (p >= 0.01) return `${(100 * p).toPrecision(3)} %`;
    if (p >= 0.001) return `${(100 * p).toFixed(2)} %`;
    return p.toExponential(1).replace("e-", "e−");
  },
  /** @param {number | string} n */
  whole: (n) => Number(n).toLocaleString("en-US").replace(/,/g, "\u202f"),
  /** @param {number} s */
  seconds(s) {
    if (!Number.isFinite(s)) return "–";
    if (s < 10) return `${s.toFixed(1)} s`;
    const whole = Math.round(s),
      m = Math.floor(whole / 60);
    if (whole < 60) return `${whole} s`;
    return m < 60 ? `${m} min ${String(whole % 60).padStart(2, "0")} s` : `${Math.floor(m / 60)} h ${m % 60} min`;
  },
  /**
   * A moment in the visitor's own time.
   * @param {string} text as the server writes it: ISO 8601, the offset with or without a colon
   */
  date(text) {
    const moment = new Date(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
    return Number.isNaN(moment.getTime()) ? "–" : moment.toLocaleString([], SHORT_DATE);
  },
  /** @param {number} n */
  bytes: (n) => (n < 1e3 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : `${(n / 1e6).toPrecision(3)} MB`),
};
