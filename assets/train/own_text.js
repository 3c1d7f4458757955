// A text of the visitor's own: a file, a table's column, another encoding than UTF-8, or what they paste.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { Refusal } from "../shared/server.js";

/** @import { Parts } from "../shared/panel.js" */

/**
 * @typedef {object} Told
 * @property {(work: (...args: any[]) => unknown) => (...args: any[]) => Promise<void>} guarded says what the server refuses
 * @property {(name: string) => Promise<void>} learnFrom chooses a text that was taken in
 * @property {() => number} most bytes of a file
 */

/** @param {Pick<Parts, "find" | "ask" | "upload"> & Told} parts */
export const ownText = ({ find, ask, upload, guarded, learnFrom, most }) => {
  const column = find("[data-id=column]"),
    encoding = find("[data-id=encoding]");
  /** @type {{ file: File } | { local: string } | null} */
  let source = null; // one that is sent, or one that lies in a folder of the server's computer, by its key

  /** Ask for nothing more: another text was chosen. */
  function forget() {
    find("[data-id=column-field]").hidden = true;
    find("[data-id=encoding-field]").hidden = true;
  }

  /** Take it in, in the encoding that was chosen if one was; the column is the server's choice unless given. */
  async function takeIn(more = {}) {
    const where = "file" in source ? await upload(source.file) : source;
    if (encoding.value) more.encoding = encoding.value;
    const kept = await ask("keep_upload", { ...where, ...more });
    if (kept.encodings.length) {
      find("[data-id=found]").textContent = `${kept.found}, or choose how it reads best:`;
      const choices = kept.encodings.map(({ name, sample }) => el("option", { value: name }, `${name}: ${sample}`));
      encoding.replaceChildren(el("option", { value: "", hidden: true }, "Read it as…"), ...choices);
      find("[data-id=encoding-field]").hidden = false;
      return;
    }
    if (!more.column) column.replaceChildren(...kept.columns.map((text) => el("option", { value: text }, text)));
    if (kept.column) column.value = kept.column;
    find("[data-id=column-field]").hidden = !kept.columns.length;
    await learnFrom(kept.name);
  }

  /** @param {NonNullable<typeof source>} chosen */
  async function take(chosen) {
    source = chosen;
    encoding.replaceChildren();
    await takeIn();
  }

  find("[data-id=file]").addEventListener(
    "change",
    guarded(async (event) => {
      const [chosen] = event.target.files;
      event.target.value = "";
      if (!chosen) return;
      forget();
      if (chosen.size > most()) {
        const size = `“${chosen.name}” has ${format.bytes(chosen.size)}; the limit is ${format.bytes(most())}`;
        throw new Refusal(`${size}, so use a part of it.`);
      }
      if (chosen.size === 0) {
        throw new Refusal(`“${chosen.name}” is empty; choose a file with something to learn from.`);
      }
      await take({ file: chosen });
    }),
  );
  column.addEventListener(
    "input",
    guarded(() => takeIn({ column: column.value })),
  );
  encoding.addEventListener(
    "input",
    guarded(() => takeIn()),
  );
  find("[data-id=use-paste]").addEventListener(
    "click",
    guarded(async () => {
      await learnFrom((await ask("keep_paste", { text: find("[data-id=paste]").value })).name);
    }),
  );
  const takeLocal = guarded((key) => take({ local: key }));
  return { forget, takeLocal };
};
