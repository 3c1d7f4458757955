// The right end of the second row in the Attention tab: a menu of worked examples, and one that
// saves what is on the screen.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { closableMenu } from "../shared/menu.js";
import { bytesOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { save as hand, savePicture } from "../shared/picture_file.js";
import { Refusal } from "../shared/server.js";
import { look, subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { allHeadsPage } from "./all_heads_page.js";
import { focus } from "./focus.js";
import { headPage, toShapes } from "./head_page.js";
import * as heat from "./heat.js";

panel("examples", ({ root, ask, find, notice }) => {
  const box = find("[data-id=examples]"),
    says = find("[data-id=says]"),
    menu = find("[data-id=menu]"),
    worked = find("[data-id=worked]");
  const safely = (work) =>
    work.catch((error) => {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error instanceof Refusal ? error.message : "This could not be saved. Try another form.");
    });

  // ---- worked examples ----------------------------------------------------------------------------

  let open = null; // the example on the screen: { name, model, prompt, ... }

  async function list() {
    const { examples } = await ask("list_worked_examples");
    box.replaceChildren(
      ...examples.map(({ name, title }) =>
        el(
          "button",
          { type: "button", "aria-pressed": "false", data: { name }, onclick: () => safely(show(name)) },
          title,
        ),
      ),
    );
    worked.hidden = examples.length === 0;
    press();
  }
  function press() {
    for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.name === open?.name));
  }

  async function show(name) {
    notice("");
    worked.open = false;
    const found = await ask("find_worked_example", { name });
    open = { name, ...found };
    focus.set({ head: found.head, cell: null });
    openView("attention", "heads");
    look({ model: found.model, step: found.step, prompt: found.prompt });
    press();
    say();
    await settled();
    if (open?.name !== name) return;
    focus.set({ head: found.head, cell: { row: found.cell[0], column: found.cell[1] } });
  }

  /** Wait until the Heads view has drawn the new subject; a cell of the old one would mean nothing. */
  async function settled() {
    const frame = () => new Promise(requestAnimationFrame),
      heads = document.querySelector("#gb-heads .gb-panel");
    for (let i = 0; i < 3; i += 1) await frame(); // the view may only now be shown
    while (heads.hasAttribute("aria-busy")) await frame();
  }

  function say() {
    says.hidden = open === null;
    if (!open) return;
    const moment = (words, step, here) =>
      el(
        "button",
        {
          type: "button",
          "aria-pressed": String(here),
          onclick: () => {
            look({ step });
            say();
          },
        },
        words,
      );
    const [first, last] = open.steps;
    says.replaceChildren(
      open.says,
      " ",
      ...(open.steps.length
        ? [
            moment(`Step ${format.whole(first)}`, first, subject.step === first),
            " ",
            moment(`Step ${format.whole(last)}`, null, subject.step === null),
            " ",
          ]
        : []),
      el(
        "button",
        { type: "button", class: "gb-look-close", "aria-label": "Close", title: "Close", onclick: close },
        "×",
      ),
    );
  }
  function close() {
    open = null;
    press();
    say();
  }
  on("subject", () => {
    // another model or prompt: what was said holds no longer
    if (!open) return;
    if (subject.model !== open.model || subject.prompt !== open.prompt) close();
    else say();
  });
  on("models", () => safely(list()));
  safely(list());

  // ---- saving -------------------------------------------------------------------------------------

  const view = () =>
    /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".gb-view[data-gb-on] .gb-panel")]).find(
      (lens) => lens.offsetParent !== null,
    );

  /** The head on the screen, as its title says it; otherwise the one that was chosen. */
  function head() {
    const title = view()?.querySelector("[data-id=title]"),
      named = /^Layer (\d+), head (\d+)/.exec(title?.textContent ?? "");
    return named ? [Number(named[1]), Number(named[2])] : focus.head();
  }
  function nameOf(kind, at) {
    const model = (subject.model ?? "").replace(/^.*:/, ""),
      words = ["glassbox", model, subject.step ?? "", at ? `L${at[0]}H${at[1]}` : kind];
    return words
      .filter((word) => word !== "")
      .join("-")
      .replace(/[^\w.-]+/g, "_");
  }

  async function save(kind) {
    const shown = view(),
      at = head();
    const scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt";
    const request = () => ({ ...subject, layer: at[0], head: at[1] });
    const pressed = /** @type {HTMLElement} */ (
      document.querySelector("[data-views-of]:not([hidden]) [aria-pressed=true]")
    );
    const name = pressed?.dataset.view ?? "picture";
    if (kind === "png" || kind === "svg") await savePicture(shown, kind, nameOf(name));
    else if (kind === "npz" || kind === "all-npz") {
      const whole = kind === "all-npz",
        { file } = await ask("pack_tensors", whole ? { ...subject, whole } : request());
      hand(new Blob([bytesOf(file)]), `${nameOf("heads", whole ? null : at)}.npz`, "application/zip");
    } else if (kind === "all-html") {
      hand(allHeadsPage(await ask("pack_heads", { ...subject }), scale, at), `${nameOf("heads")}.html`, "text/html");
    } else {
      const packed = await ask("pack_head", request());
      if (kind === "html") hand(headPage(packed, scale), `${nameOf("head", at)}.html`, "text/html");
      else hand(toShapes(packed, scale), `${nameOf("head", at)}.svg`, "image/svg+xml");
    }
  }

  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    for (const item of menu.querySelectorAll("[data-of-head]")) item.disabled = head() === null;
  });
  menu.addEventListener("click", (event) => {
    if (!event.target.value) return;
    menu.open = false;
    notice("");
    root.setAttribute("aria-busy", "true");
    safely(save(event.target.value)).finally(() => root.removeAttribute("aria-busy"));
  });
  closableMenu(menu);
  closableMenu(worked);
  return {};
});
