// Taking the work along: a transcript, the code that writes it again, and the bars as a picture.
import { el } from "../shared/elements.js";
import { save } from "../shared/picture_file.js";
import { oddsPicture } from "./odds_picture.js";
import { asPython, asShell } from "./transcript_code.js";
import { asJson, asMarkdown } from "./transcript_texts.js";

/** @import { Parts } from "../shared/panel.js" */
/** @import { Ask } from "../shared/server.js" */

/**
 * The buttons and the code in `box`.
 * @param {HTMLElement} box
 * @param {{ ask: Ask, notice: Parts["notice"], now: () => any }} parts now() is what there is to take along
 */
export const transcriptMenu = (box, { ask, notice, now }) => {
  let kind = "python";
  const code = el("pre", { class: "gb-code", tabindex: 0, data: { id: "code" } });
  const copy = el("button", { type: "button", class: "gb-button", data: { id: "copy" } }, "Copy");
  const named = new Map(); // place -> what the server calls it
  async function source() {
    const { place } = now(),
      key = JSON.stringify([place.model, place.step]);
    if (!named.has(key)) named.set(key, await ask("name_source", place));
    return named.get(key);
  }
  const safely = (work) => async () => {
    if (!now()) return;
    try {
      await work();
    } catch (error) {
      notice(error.message);
    }
  };
  const button = (words, id, work) =>
    el(
      "button",
      {
        type: "button",
        class: "gb-button",
        data: { id },
        title: { png: "The bars as a picture" }[id],
        onclick: safely(work),
      },
      words,
    );
  const segments = el(
    "div",
    { class: "gb-segments", role: "group", "aria-label": "Which code" },
    ...Object.entries({ python: "Python", shell: "Command line" }).map(([name, words]) =>
      el(
        "button",
        {
          type: "button",
          value: name,
          onclick: () => {
            kind = name;
            refresh();
          },
        },
        words,
      ),
    ),
  );
  const refresh = safely(async () => {
    for (const one of segments.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.value === kind));
    const { folder } = await source(),
      shell = kind === "shell" ? asShell(now(), folder) : null;
    code.textContent =
      kind === "python"
        ? asPython(now(), folder).trimEnd()
        : (shell ??
          "The command line writes in one go; this text was written in several. Its Python does all of them.");
  });
  copy.addEventListener("click", async () => {
    await refresh();
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
      setTimeout(() => {
        copy.textContent = "Copy";
      }, 1200);
    } catch {
      notice("Copying is not allowed here; select the code and copy it yourself.", "info");
    }
  });
  box.append(
    el(
      "div",
      { class: "gb-row" },
      button("JSON", "json", async () => save(asJson(now(), await source()), "transcript.json", "application/json")),
      button("Markdown", "markdown", async () =>
        save(asMarkdown(now(), await source()), "transcript.md", "text/markdown"),
      ),
      button(
        "PNG",
        "png",
        () =>
          new Promise((done) =>
            oddsPicture(now()).toBlob((blob) => {
              save(blob, "next-token.png");
              done(undefined);
            }),
          ),
      ),
    ),
    el("div", { class: "gb-row gb-spread" }, segments, copy),
    code,
  );
  const details = box.closest("details");
  details.addEventListener("toggle", () => {
    if (details.open) refresh();
  });
  return {
    follow() {
      if (details.open) refresh();
    },
  };
};
