// Pasted ids back to text: what is no token, and bytes that are no character, stand out and are explained.
import { el } from "../shared/elements.js";
import { latest } from "../shared/latest.js";
import { look } from "../shared/subject.js";
import { visible } from "../shared/tokens/visible.js";

/** @import { Parts } from "../shared/panel.js" */

/**
 * Ids pasted as numbers, decoded.
 * @param {Pick<Parts, "ask" | "find"> & { request: () => object }} parts request() names the tokenizer
 */
export const tokenDecoding = ({ ask, find, request }) => {
  const paste = find("[data-id=paste]"),
    out = find("[data-id=decoded]"),
    notes = find("[data-id=decode-notes]");
  const use = find("[data-id=use]");
  let text = "";

  const part = (piece) =>
    piece.text !== undefined
      ? piece.text
      : el("span", { class: "gb-tk-wrong" }, piece.hex ?? visible(`id ${piece.id}`));

  const decode = latest(async () => {
    let parts = [],
      remarks = [];
    text = "";
    if (paste.value.trim()) {
      try {
        ({ parts, remarks, text } = await ask("decode_ids", { ...request(), ids: paste.value }));
      } catch (error) {
        remarks = [error.message];
      }
    }
    out.replaceChildren(...parts.map(part));
    notes.replaceChildren(...remarks.map((remark) => el("p", {}, remark)));
    use.hidden = !text || text.length > 20000;
  });
  paste.addEventListener("input", decode);
  use.addEventListener("click", () => look({ prompt: text }));
  return decode;
};
