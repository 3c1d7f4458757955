// A text written with the difference of two prompts added before a layer. How often and where is in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

/** @import { Ask } from "../shared/server.js" */

const SOON = 250; // milliseconds after the last change before a text is written

/**
 * The settings and the text.
 * @param {object} tools
 * @param {(id: string) => any} tools.part an element of the view
 * @param {Ask} tools.ask
 * @param {(text: string) => void} tools.notice
 * @param {() => object} tools.question what is asked about: both prompts
 */
export const steeredText = ({ part, ask, notice, question }) => {
  let layers = 0,
    writing = 0,
    soon = null;
  const whole = (key, otherwise) => Number(/^\d{1,9}$/.exec(address.get(key) ?? "")?.[0] ?? otherwise);
  const at = () => Math.min(whole("sly", Math.floor(layers / 2)), layers);
  const factor = () => Math.max(-8, Math.min(8, Number(address.get("push") ?? 1) || 0));

  /** The text, a few tokens a call; a newer wish ends this one. */
  async function write() {
    const mine = (writing += 1);
    let ids = [];
    try {
      for (let ended = false; !ended; ) {
        const wanted = { layer: at(), factor: factor(), ids, seed: whole("luck", 1) },
          answer = await ask("write_steered", { ...question(), ...wanted });
        if (mine !== writing) return;
        ({ ids, ended } = answer);
        part("text").textContent = answer.text;
      }
    } catch (error) {
      if (mine === writing) notice(error.message);
    }
  }

  /** @param {number} of how many layers the model has */
  function draw(of) {
    layers = of;
    const places = [...Array.from({ length: layers }, (_, i) => `layer ${i}`), "the end"];
    if (part("at").length !== places.length)
      part("at").replaceChildren(...places.map((name, i) => el("option", { value: i }, name)));
    part("at").value = String(at());
    part("factor").value = String(factor());
    part("times").textContent = format.number(factor());
    part("steered").textContent = `Written with ${format.number(factor())} times the difference`;
  }
  function change(changes) {
    address.set(changes);
    draw(layers);
    clearTimeout(soon);
    soon = setTimeout(write, SOON);
  }
  part("factor").addEventListener("input", ({ target }) =>
    change({ push: target.value === "1" ? null : target.value }),
  );
  part("at").addEventListener("change", ({ target }) => change({ sly: target.value }));
  part("again").addEventListener("click", () => {
    address.set({ luck: whole("luck", 1) + 1000 }); // each call adds the tokens written so far
    write();
  });

  return {
    write,
    draw,
    /** What is being written is of another pair. */
    stop() {
      writing += 1;
    },
  };
};
