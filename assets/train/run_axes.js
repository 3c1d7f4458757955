// What a person chooses of the chart: its axes and how smooth the line is. The address holds what isn't the usual.
import { address } from "../shared/address.js";
import { closableMenu } from "../shared/menu.js";

const SMOOTHING = 0.8;

/** { x, y, right, smooth } as chosen; chosen() is called after each change. */
export function runAxes({ find, all, chosen }) {
  const view = {
    x: address.get("cx"),
    y: address.get("cy"),
    right: address.get("cr"),
    smooth: Number(address.get("cs") ?? SMOOTHING),
  };
  for (const menu of all(".gb-drive .gb-menu")) closableMenu(menu);
  for (const group of all("[data-choice]")) {
    const name = group.dataset.choice,
      options = [...group.querySelectorAll("button")];
    const here = (button) => button.dataset.value === view[name];
    const show = () => options.forEach((button) => button.setAttribute("aria-pressed", String(here(button))));
    if (!options.some(here)) view[name] = options[0].dataset.value;
    show();
    group.addEventListener("click", ({ target }) => {
      if (!target.dataset.value) return;
      view[name] = target.dataset.value;
      address.set({ [`c${name[0]}`]: view[name] === options[0].dataset.value ? null : view[name] });
      show();
      chosen();
    });
  }
  const smooth = find("[data-id=smooth]");
  if (!Number.isFinite(view.smooth)) view.smooth = SMOOTHING;
  smooth.value = view.smooth;
  smooth.addEventListener("input", () => {
    view.smooth = smooth.valueAsNumber;
    address.set({ cs: view.smooth === SMOOTHING ? null : view.smooth });
    chosen();
  });
  return view;
}
