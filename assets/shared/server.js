// Asking the server: a Python function of a panel, called by its name.

/** What the server refused, in its own words for the visitor. */
export class Refusal extends Error {}

const keep = (key, make) => {
  try {
    const kept = localStorage.getItem(key) || make();
    localStorage.setItem(key, kept);
    return kept;
  } catch {
    return make();
  } // storage can be forbidden; the visit then lasts as long as the page
};
export const visitor = keep("glassbox.visitor", () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""),
);

/** The address of a file that the server may hand out, by its path there. */
export const fileUrl = (path) => `${window.gradio_config?.root || ""}/gradio_api/file=${path}`;

export function asker(server) {
  return async (fn, args = {}) => {
    let answer;
    try {
      answer = await server[fn]({ visitor, ...args });
    } catch (error) {
      throw new Refusal("The server does not answer. Is it still running?", { cause: error });
    }
    if (answer?.error) throw new Refusal(answer.error);
    return answer;
  };
}
