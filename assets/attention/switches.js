// Switches for every head and MLP, layers down: a click flips one, dragging flips those it crosses the
// same way, shift and a click flips all between. Their colour is what the sweep found.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import * as shades from "../shared/shades.js";

/**
 * In words: layer 0, head 3.
 * @param {string} part as LAYER.HEAD or LAYER.mlp
 */
const partName = (part) => {
  const [layer, head] = part.split(".");
  return head === "mlp" ? `layer ${layer}, MLP` : `layer ${layer}, head ${head}`;
};
/**
 * "+0.12": a difference, always with its sign.
 * @param {number} x in nats
 */
const signed = (x) => (Math.abs(x) < 5e-7 ? "0" : `${x > 0 ? "+" : ""}${format.number(x)}`);
/**
 * A place on the diverging map: a signed root, because one part often costs more than all others.
 * @param {number} x
 * @param {number} most what lies at the map's end
 * @param {number} power of the root, at most 1
 */
const placed = (x, most, power) => 0.5 + 0.5 * Math.sign(x) * Math.min(1, Math.abs(x) / most) ** power;

/**
 * The switches in `box`.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(parts: string[], off: boolean) => void} acts.onFlip
 * @param {(part: string | null, event: Event) => void} acts.onHover
 */
export const partSwitches = (box, { onFlip, onHover }) => {
  let shape = null,
    buttons = new Map(),
    stroke = null,
    from = null,
    current = "0.0";
  const names = () => [...buttons.keys()];

  function build({ layers, heads }) {
    if (shape?.layers === layers && shape.heads === heads) return;
    shape = { layers, heads };
    buttons = new Map();
    const across = [...Array.from({ length: heads }, (_, head) => String(head)), "mlp"];
    box.style.setProperty("--gb-across", String(across.length));
    box.style.setProperty("--gb-down", String(layers));
    const nodes = [
      el("span"),
      ...across.map((head) =>
        el(
          "span",
          { class: head === "mlp" ? "gb-ab-mlp" : "", "aria-hidden": "true" },
          head === "mlp" ? "MLP" : heads <= 16 || Number(head) % 2 === 0 ? `H${head}` : "",
        ),
      ),
    ];
    for (let layer = 0; layer < layers; layer += 1) {
      nodes.push(el("span", { "aria-hidden": "true" }, `L${layer}`));
      for (const head of across) {
        const part = `${layer}.${head}`;
        const button = el("button", {
          type: "button",
          role: "switch",
          class: "gb-switch",
          tabindex: "-1",
          data: { part },
        });
        buttons.set(part, button);
        nodes.push(button);
      }
    }
    box.replaceChildren(...nodes);
    current = buttons.has(current) ? current : "0.0";
    buttons.get(current).tabIndex = 0;
  }

  function draw(off, costs, most) {
    for (const [part, button] of buttons) {
      const cost = costs?.get(part);
      button.setAttribute("aria-checked", String(!off.has(part)));
      button.setAttribute("aria-label", partName(part) + (cost === undefined ? "" : `, costs ${signed(cost)} nats`));
      shades.shade(button, "diverging", cost === undefined ? null : placed(cost, most, 1 / 3));
    }
  }

  const partAt = (node) => node?.closest?.(".gb-switch")?.dataset.part;
  const isOn = (part) => buttons.get(part).getAttribute("aria-checked") === "true";

  /** All parts in the rectangle between two. */
  function between(a, b) {
    const place = (part) => [
      Math.floor(names().indexOf(part) / (shape.heads + 1)),
      names().indexOf(part) % (shape.heads + 1),
    ];
    const [rows, columns] = [0, 1].map((i) => [place(a)[i], place(b)[i]].sort((x, y) => x - y));
    return names().filter((part) =>
      [rows, columns].every(([low, high], i) => place(part)[i] >= low && place(part)[i] <= high),
    );
  }

  function walkTo(part) {
    buttons.get(current).tabIndex = -1;
    current = part;
    buttons.get(part).tabIndex = 0;
  }

  box.addEventListener("pointerdown", (event) => {
    const part = partAt(event.target);
    if (!part || event.button !== 0) return;
    if (event.pointerType === "mouse" && !event.shiftKey) stroke = { off: isOn(part), first: part, moved: false };
  });
  box.addEventListener("pointerover", (event) => {
    const part = partAt(event.target);
    if (stroke && part && event.buttons & 1 && (stroke.moved || part !== stroke.first)) {
      onFlip(stroke.moved ? [part] : [stroke.first, part], stroke.off);
      stroke.moved = true;
    }
    if (event.pointerType !== "touch") onHover(part ?? null, event);
  });
  box.addEventListener("pointerleave", (event) => onHover(null, event));
  addEventListener("pointerup", () =>
    setTimeout(() => {
      stroke = null;
    }),
  ); // after the click that may follow
  box.addEventListener("click", (event) => {
    const part = partAt(event.target),
      dragged = stroke?.moved;
    if (!part || dragged) return;
    walkTo(part);
    onFlip(event.shiftKey && from ? between(from, part) : [part], isOn(part));
    from = part;
  });
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  box.addEventListener("keydown", (event) => {
    const step = STEPS[event.key],
      part = partAt(event.target);
    if (!step || !part) return;
    event.preventDefault();
    const i = names().indexOf(part),
      width = shape.heads + 1,
      column = (i % width) + step[1];
    const next = names()[i + step[0] * width + step[1]];
    if (!next || column < 0 || column >= width) return;
    walkTo(next);
    buttons.get(next).focus();
  });
  return { build, draw, has: (part) => buttons.has(part) };
};
export { partName, placed, signed };
