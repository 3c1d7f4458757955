// A token's text as it is shown.

/**
 * Spaces as a middle dot, newlines as a return sign, controls by name.
 * @param {string} text of a token
 */
export function visible(text) {
  return text
    .replace(/ /g, "·")
    .replace(/\n/g, "⏎")
    .replace(/\t/g, "⇥")
    .replace(/\r/g, "␍")
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCodePoint(0x2400 + c.charCodeAt(0)));
}
