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
    const sign = x < 0 ? "−" : "",
      size = Math.abs(x),
      rounded = Number(size.toPrecision(3)); // which of the forms it takes is seen after rounding
    if (size === Infinity) return `${sign}∞`;
    if (rounded !== 0 && rounded < 1e-3) return sign + rounded.toExponential(2).replace("e-", "e−");
    return sign + (rounded >= 1000 ? format.whole(Math.round(size)) : String(rounded));
  },
  /**
   * Percent above 1 %, two decimals down to 0.1 %, scientific below.
   * @param {number} p from 0 to 1
   */
  probability(p) {
    if (Number.isNaN(p)) return "–";
    if (p === 0) return "0";
    if (p >= 0.01) return `${(100 * p).toPrecision(3)} %`;
    if (p >= 0.00095) return `${(100 * p).toFixed(2)} %`; // from here on it rounds to 0.10 %
    return p.toExponential(1).replace("e-", "e−");
  },
  /** @param {number | string} n */
  whole: (n) => Number(n).toLocaleString("en-US").replace(/,/g, "\u202f"),
  /** @param {number} s */
  seconds(s) {
    if (!Number.isFinite(s)) return "–";
    if (s < 9.95) return `${s.toFixed(1)} s`;
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
  bytes(n) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let size = n;
    while (units.length > 1 && Number(size.toPrecision(3)) >= 1000) {
      size /= 1000;
      units.shift();
    }
    return size === n ? `${n} B` : `${size.toPrecision(3)} ${units[0]}`;
  },
};
