// The samplers as a chain: one row a step, top to bottom in the order they act. Each has its slider, a
// switch, and a grip to drag it (or arrow keys on the grip, or the two small buttons) to another place. The less used
// come when asked for, or when a link has one of them on or an order of its own.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { DIALS } from "./dials.js";

const nearest = (stops, value) =>
  stops.reduce((best, stop, i) => (Math.abs(stop - value) < Math.abs(stops[best] - value) ? i : best), 0);

/** chain(box, store): the rows in `box`. */
export const samplerChain = (box, store) => {
  const rows = new Map(Object.entries(DIALS).map(([name, dial]) => [name, makeRow(name, dial)]));
  const list = el("ol", { class: "gb-chain", "aria-label": "Samplers, in the order they act" });
  const more = el(
    "button",
    {
      type: "button",
      class: "gb-link gb-small",
      onclick() {
        open = true;
        follow();
        rows.get(store.order.find((name) => DIALS[name].rare)).on.focus();
      },
    },
    "More samplers",
  );
  const order = el("span");
  const restore = el(
    "button",
    { type: "button", class: "gb-link", onclick: () => store.restoreOrder() },
    "Back to Hugging Face's order",
  );
  const note = el("p", { class: "gb-small gb-soft gb-chain-note", role: "status" }, order, " ", restore);
  const live = el("p", { class: "gb-sr", "aria-live": "polite" });
  box.append(list, more, note, live);

  function makeRow(name, dial) {
    const input = el("input", { type: "range", min: 0, "aria-label": dial.title, data: { setting: name } });
    const says = el("output", { data: { say: name } });
    const on = el("input", { type: "checkbox", data: { on: name } });
    const grip = el(
      "button",
      {
        type: "button",
        class: "gb-grip",
        title: "Drag, or press the up and down arrows",
        "aria-label": `Move ${dial.title} in the chain: up and down arrows`,
      },
      "⠿",
    );
    const move = (by, sign, where) =>
      el(
        "button",
        {
          type: "button",
          class: "gb-nudge",
          data: { by },
          "aria-label": `${dial.title} ${where}`,
          title: `Acts ${where}`,
          onclick: () => shift(name, by),
        },
        sign,
      );
    const row = el(
      "li",
      { class: "gb-step", data: { step: name } },
      el(
        "div",
        { class: "gb-step-head" },
        grip,
        el("label", { class: "gb-check", title: dial.hint }, on, el("span", {}, dial.title)),
        says,
        move(-1, "▴", "earlier"),
        move(1, "▾", "later"),
      ),
      input,
    );
    input.addEventListener("input", () => store.set(name, stopsOf(name)[Number(input.value)]));
    on.addEventListener("change", () => store.toggle(name));
    grip.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      shift(name, by);
    });
    grip.addEventListener("pointerdown", (event) => drag(event, name));
    return { row, input, says, on, grip, dial };
  }

  const known = new Map(); // what a slider runs through, for the vocabulary's size
  function stopsOf(name) {
    if (known.get("size") !== store.size) known.clear();
    known.set("size", store.size);
    if (!known.has(name)) known.set(name, DIALS[name].stops(store.size));
    return known.get(name);
  }

  function shift(name, by) {
    store.move(name, store.order.indexOf(name) + by);
    live.textContent = `${DIALS[name].title} acts as number ${store.order.indexOf(name) + 1}.`;
  }

  /** Rows change places as soon as the pointer has passed the middle of the next one. */
  function drag(event, name) {
    event.preventDefault();
    const { row, grip } = rows.get(name);
    grip.setPointerCapture(event.pointerId);
    row.classList.add("gb-dragged");
    const move = ({ clientY }) => {
      const others = store.order.filter((other) => other !== name).map((other) => rows.get(other).row);
      store.move(
        name,
        others.filter((other) => {
          const { top, height } = other.getBoundingClientRect();
          return !other.hidden && clientY > top + height / 2;
        }).length,
      );
    };
    grip.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) {
      grip.addEventListener(
        end,
        () => {
          grip.removeEventListener("pointermove", move);
          row.classList.remove("gb-dragged");
        },
        { once: true },
      );
    }
  }

  let placed = "",
    open = false, // whether the less used are there too
    seen = true,
    behind = false;
  new ResizeObserver(([{ contentRect }]) => {
    seen = contentRect.width > 0;
    if (seen && behind) follow();
  }).observe(list);
  function place() {
    if (placed === String(store.order)) return;
    placed = String(store.order);
    const all = store.order.map((name) => rows.get(name).row);
    // The others move around the row that is dragged or has the focus: moving it would let go of it.
    const still = all.findIndex(
      (row) => row.isConnected && (row.matches(".gb-dragged") || row.contains(document.activeElement)),
    );
    all.forEach((row, i) => {
      if (i < still) list.insertBefore(row, all[still]);
      else if (i > still) list.append(row);
    });
  }

  function follow() {
    behind = !seen;
    if (behind) return; // it follows when it is seen
    place();
    open ||= !store.isHuggingFaces || store.order.some((name) => DIALS[name].rare && store.isOn(name));
    more.hidden = open;
    store.order.forEach((name) => {
      const { row, input, says, on, dial } = rows.get(name),
        value = store.chosen(name),
        stops = stopsOf(name);
      row.hidden = dial.rare && !open;
      input.max = String(stops.length - 1);
      // A count is off at its far end, although its number there is the lowest.
      const whole = dial.whole && (value === dial.off || value >= store.size);
      input.value = String(whole ? stops.length - 1 : nearest(stops, value));
      on.checked = store.isOn(name);
      says.textContent = value === dial.off ? "off" : dial.say(value);
      says.classList.toggle("gb-is-off", !store.isOn(name));
      row.classList.toggle("gb-step-off", !store.isOn(name));
      input.setAttribute(
        "aria-valuetext",
        `${says.textContent}${store.isOn(name) || value === dial.off ? "" : ", switched off"}`,
      );
    });
    restore.hidden = store.isHuggingFaces;
    if (store.isHuggingFaces) order.textContent = "In Hugging Face's order, top to bottom.";
  }
  store.subscribe(follow);

  return {
    /** How much of the probability this order puts elsewhere than Hugging Face's would. */
    note(apart) {
      if (store.isHuggingFaces || apart === null) return;
      order.textContent =
        apart < 5e-7
          ? "Your order. For this prompt it makes no difference to Hugging Face's."
          : `Your order matters here: ${format.probability(apart)} of the probability lies elsewhere than in Hugging Face's (total variation).`;
    },
  };
};
