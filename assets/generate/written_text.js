// What was written after the prompt: a list of tokens, from which the text and the next question follow.
import { stoppedAt } from "./token_stream.js";

export function writtenText() {
  /** @type {any[]} */ let tokens = []; // { id, p, raw, rank, share, forced, begins, settings, step, stopped }
  /** @type {any[][]} */ let undone = []; // what undo and clear took away, the newest last

  const ids = () => tokens.map(({ id }) => id);
  return {
    get tokens() {
      return tokens;
    },
    get undone() {
      return undone.length > 0;
    },
    ids,
    add(...fresh) {
      tokens.push(...fresh);
      undone = [];
    },
    /** The last token's stop text ended it: note where that begins. */
    stop(vocabulary) {
      const begun = tokens.findLastIndex((token) => token.begins);
      const words = vocabulary.text(ids().slice(begun)),
        { stop, from } = stoppedAt(words, tokens.at(-1).settings.stop);
      tokens.at(-1).stopped = { stop, characters: words.length - from };
    },
    /** Keep so many tokens; redo brings back the rest. */
    cut(count) {
      if (tokens.length > count) undone.push(tokens.slice(count));
      tokens = tokens.slice(0, count);
    },
    redo() {
      tokens = tokens.concat(undone.pop() ?? []);
    },
    /** Another text takes its place; redo brings this one back. */
    replace(others) {
      if (tokens.length) undone.push(tokens);
      tokens = others.map((token) => ({ ...token }));
    },
    forget() {
      tokens = [];
      undone = [];
    },
    /** Its words, without a stop text that ended it. */
    words(vocabulary) {
      const all = vocabulary.text(ids()),
        stopped = tokens.at(-1)?.stopped;
      return stopped ? all.slice(0, all.length - stopped.characters) : all;
    },
  };
}
