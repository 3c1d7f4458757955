// What was typed into a text: only that is sent, not the whole text again (llm/ui/tokenizer/edited_text.py).

const high = (text, i) => (text.charCodeAt(i) & 0xfc00) === 0xd800,
  low = (text, i) => (text.charCodeAt(i) & 0xfc00) === 0xdc00;

/** Characters as Python counts them. */
function points(text, from, to) {
  let n = to - from;
  for (let i = from; i + 1 < to; i += 1) if (high(text, i) && low(text, i + 1)) n -= 1;
  return n;
}

/**
 * What became of a text that the server has: at which character how many went, and what came.
 * @param {string} before
 * @param {string} after
 */
export function edit(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0,
    end = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  if (start && high(before, start - 1)) start -= 1;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  if (end && low(before, before.length - end)) end -= 1;
  return {
    at: points(before, 0, start),
    removed: points(before, start, before.length - end),
    added: after.slice(start, after.length - end),
  };
}
