// A second model, or a second moment of the same one, to compare with: two menus, kept in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * The name of a model and its moment, as the bar's menu has it.
 * @param {{ model: string, step: number | null }} place
 */
export const subjectTitle = ({ model, step }) => {
  const menu = /** @type {HTMLSelectElement} */ (document.querySelector("#gb-bar [data-id=model]"));
  const option = [...menu.options].find((one) => one.value === model);
  const name = option?.textContent ?? model.slice(model.indexOf(":") + 1);
  return step === null ? name : `${name}, step ${format.whole(step)}`;
};

/**
 * The menus in `box`; place() gives { model, step }, or null for none.
 * @param {HTMLElement} box
 * @param {Ask} ask
 * @param {object} options
 * @param {string} options.key names it in the address
 * @param {string} options.none what the menu says when nothing else is chosen
 * @param {() => void} options.changed runs when a person chooses
 */
export const rivalMenu = (box, ask, { key, none, changed }) => {
  const model = el("select", { "aria-label": "The other model", data: { id: "rival" } });
  const moment = el("select", { "aria-label": "The other model's moment", data: { id: "rival-step" }, hidden: true });
  box.append(model, moment);
  let models = [];
  const current = () => models.find((one) => one.ref === model.value);
  const wanted = { model: address.get(key), step: address.get(`${key}step`) };

  function fillMoments(step) {
    const steps = current()?.steps ?? [];
    moment.hidden = steps.length < 2;
    moment.replaceChildren(
      el("option", { value: "" }, "newest moment"),
      ...steps.map((one) => el("option", { value: one }, `step ${format.whole(one)}`)),
    );
    moment.value = steps.map(String).includes(String(step)) ? step : "";
  }

  async function fill() {
    models = (await ask("list_rivals")).models;
    const keep = model.value || wanted.model || "",
      step = moment.value || wanted.step;
    const groups = new Map();
    for (const one of models) {
      if (!groups.has(one.group)) groups.set(one.group, el("optgroup", { label: one.group }));
      groups.get(one.group).append(el("option", { value: one.ref }, one.title));
    }
    model.replaceChildren(el("option", { value: "" }, none), ...groups.values());
    model.value = models.some((one) => one.ref === keep) ? keep : "";
    fillMoments(step);
  }

  function chosen() {
    wanted.model = wanted.step = null;
    address.set({ [key]: model.value, [`${key}step`]: moment.value });
    changed();
  }
  model.addEventListener("change", () => {
    fillMoments(null);
    chosen();
  });
  moment.addEventListener("change", chosen);
  on("models", () => fill().catch(() => {}));

  return {
    fill,
    place: () => (model.value ? { model: model.value, step: moment.value === "" ? null : Number(moment.value) } : null),
    title: () =>
      model.value
        ? `${current().title}${moment.value === "" ? "" : `, step ${format.whole(Number(moment.value))}`}`
        : null,
  };
};
