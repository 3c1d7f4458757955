// A token's text as it is shown.

const sign = (control) => (control === "\u007f" ? "\u2421" : String.fromCodePoint(0x2400 + control.codePointAt(0))); // ␡ and ␀ to ␟

/**
 * Controls by their sign, line breaks and tabs left as they are: for running text.
 * @param {string} text
 */
export const withSigns = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, sign);

/**
 * Spaces as a middle dot, newlines as a return sign, controls by their sign.
 * @param {string} text of a token
 */
export const visible = (text) => withSigns(text.replace(/ /g, "·").replace(/\n/g, "⏎").replace(/\t/g, "⇥"));
