// The weights of a step: a row for each block, a column for each operation in it, and the size of something in each cell.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { roving } from "../shared/roving.js";
import { at } from "../shared/shades.js";

const COLUMNS = {
  ln_1: "norm 1",
  "attn.c_attn": "q, k, v",
  "attn.c_proj": "attn out",
  ln_2: "norm 2",
  "mlp.c_fc": "MLP in",
  "mlp.c_proj": "MLP out",
};
const SINGLE = { wte: "token embedding", wpe: "positions", ln_f: "last LayerNorm", lm_head: "head" };
const short = (x) =>
  x > 0 && x < 1e-3 ? x.toExponential(1).replace("e-", "e−") : format.number(Number(x.toPrecision(2)));
const DECADES = 3; // the faintest colour is a thousandth of the strongest

/**
 * What an operation is called in words.
 * @param {string} key as in "h.3.mlp.c_fc"
 */
export const operationName = (key) => {
  const [, layer, name] = /^h\.(\d+)\.(.+)$/.exec(key) ?? [];
  return layer === undefined ? SINGLE[key] : `block ${layer}, ${COLUMNS[name]}`;
};

/**
 * @param {HTMLElement} box
 * @param {{ onHover: (key: string | null, at: { clientX: number, clientY: number }) => void }} acts `key` of an
 *   operation, or "stream.LAYER"
 */
export const stepParts = (box, { onHover }) => {
  const keyAt = (event) =>
    /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-part]"))?.dataset.part;
  box.addEventListener("pointerover", (event) => onHover(keyAt(event) ?? null, event));
  box.addEventListener("pointerleave", (event) => onHover(null, event));
  const settle = roving(box, "[data-part]", {
    onLook: (node, at) => onHover(node.dataset.part, at),
    onLeave: () => onHover(null, { clientX: 0, clientY: 0 }),
  });

  /**
   * @param {Map<string, number>} values by operation
   * @param {number[] | null} stream of the embeddings, then after each block; null where there is nothing to say of it
   * @param {number} layers
   */
  return (values, stream, layers) => {
    const most = Math.max(...values.values()) || 1,
      flow = Math.max(...(stream ?? [0])) || 1;
    const cell = (key, x, top, span = 1) => {
      const place = x > 0 ? Math.max(0.04, 1 + Math.log10(x / top) / DECADES) : 0,
        { fill, ink } = at("sequential", place);
      return el(
        "td",
        { data: { part: key }, tabindex: "-1", colspan: span, style: `background-color: ${fill}; color: ${ink}` },
        span > 1 ? `${operationName(key)} ` : null,
        el("b", {}, short(x)),
      );
    };
    const single = (...keys) => keys.map((key) => (values.has(key) ? cell(key, values.get(key), most, 3) : null));
    const flowing = (i) => (stream ? cell(`stream.${i}`, stream[i], flow) : null);
    box.replaceChildren(
      el(
        "table",
        { class: layers > 8 ? "gb-crowded" : null, style: `--gb-down: ${layers + 3}` },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", {}, ""),
            ...Object.entries(COLUMNS).map(([key, name]) => el("th", { title: key }, name)),
            stream ? el("th", { class: "gb-of-stream" }, "stream") : null,
          ),
        ),
        el(
          "tbody",
          {},
          el("tr", {}, el("th", {}, "in"), ...single("wte", "wpe"), flowing(0)),
          ...Array.from({ length: layers }, (_, layer) =>
            el(
              "tr",
              {},
              el("th", {}, String(layer)),
              ...Object.keys(COLUMNS).map((name) => cell(`h.${layer}.${name}`, values.get(`h.${layer}.${name}`), most)),
              flowing(layer + 1),
            ),
          ),
          el("tr", {}, el("th", {}, "out"), ...single("ln_f", "lm_head")),
        ),
      ),
    );
    settle();
  };
};
