// Every token's embedding as a point of a map: its neighbours on touch, one pinned, and a search for others.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { floatsOf } from "../shared/numbers.js";
import { visible } from "../shared/tokens/visible.js";
import { vocabularyOf } from "../shared/tokens/vocabulary.js";
import { tip } from "../shared/tooltip.js";
import { pointCloud } from "./point_cloud.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * The map, the pinned token's neighbours beside it, and the search.
 * @param {object} tools
 * @param {(id: string) => any} tools.part an element of the view
 * @param {Ask} tools.ask
 * @param {(work: Promise<any>) => Promise<any>} tools.safely says what failed
 */
export const embeddingMap = ({ part, ask, safely }) => {
  let place = null, // the model and its moment
    words = null, // vocabularyOf of the model's tokenizer
    names = new Map(), // labels of tokens that were needed so far
    small = null, // all labels in small letters, for the search
    map = null, // what map_tokens answered, unpacked
    near = new Map(), // id -> its neighbours
    pinned = /^\d{1,7}$/.test(address.get("token") ?? "") ? Number(address.get("token")) : null,
    hovered = null;
  const cloud = pointCloud(part("cloud"), { onHover: hover, onPick: pin });

  /** Another model or moment: what is known is of the one before. */
  function forget(next) {
    place = next;
    map = null;
    near = new Map();
  }
  async function read() {
    const asked = place,
      answer = await ask("map_tokens", { ...place, knows: words?.hash ?? "" });
    if (asked === place) take(answer);
  }

  function take(answer) {
    if (answer.vocabulary.bytes !== undefined) {
      words = vocabularyOf(answer.vocabulary);
      names = new Map();
      small = null;
    }
    const V = words.size,
      long = (id) => words.bytes(id).length > 1;
    const ids = Array.from({ length: V }, (_, id) => id);
    map = {
      places: floatsOf(answer.places),
      shares: answer.shares,
      norms: floatsOf(answer.norms),
      width: answer.width,
      marked: answer.prompt,
      label: (id) => named(id),
      order: [...ids.filter(long), ...ids.filter((id) => !long(id))],
    };
    if (pinned !== null && pinned >= V) pinned = null;
    hovered = null;
  }
  const lower = () => (small ??= Array.from({ length: words.size }, (_, id) => named(id).toLowerCase()));
  function named(id) {
    if (!names.has(id)) names.set(id, words.label(id));
    return names.get(id);
  }

  function draw() {
    if (!map) return;
    cloud.draw(map);
    part("cloud-note").textContent = `${format.whole(words.size)} tokens, ${format.whole(map.width)} entries each`;
    describe();
    if (pinned !== null) {
      cloud.show(pinned);
      safely(know(pinned));
    }
    search();
  }

  /** The neighbours of a token, asked for once. */
  async function know(id) {
    const of = map;
    if (!near.has(id)) {
      const answer = await ask("find_neighbours", { ...place, id });
      if (of !== map) return;
      near.set(id, answer.neighbours);
    }
    if ((pinned ?? hovered) === id) describe();
  }

  function describe() {
    const id = pinned ?? hovered,
      found = near.get(id);
    cloud.star(
      id,
      (found ?? []).map(([other]) => other),
    );
    if (id === null) {
      part("token").replaceChildren(
        el("p", { class: "gb-small gb-soft" }, "Point at a token for its nearest neighbours; a click keeps it."),
      );
      return;
    }
    const rows = (found ?? []).map(([other, cosine]) =>
      el(
        "li",
        {},
        el("button", { type: "button", class: "gb-near", onclick: () => pin(other), title: "Go there" }, named(other)),
        el(
          "span",
          { class: "gb-next-bar", "aria-hidden": "true" },
          el("i", { style: `width: ${100 * Math.max(0, cosine)}%` }),
        ),
        el("span", { class: "gb-next-p" }, format.number(cosine)),
      ),
    );
    part("token").replaceChildren(
      el("h3", { class: "gb-positions-name" }, named(id)),
      el(
        "p",
        { class: "gb-small gb-soft" },
        `id ${id}, length ${format.number(map.norms[id])}`,
        pinned === id ? " · kept, Esc lets go" : "",
      ),
      el("h3", { class: "gb-heading" }, "Nearest by cosine"),
      found ? el("ol", { class: "gb-next" }, ...rows) : el("p", { class: "gb-small gb-soft" }, "Looking …"),
    );
  }

  let wait = null;
  function hover(id, event) {
    if (id === hovered && id !== null) return tip.show(event.clientX, event.clientY, ...hint(id));
    hovered = id;
    clearTimeout(wait);
    if (id === null) tip.hide();
    else {
      tip.show(event.clientX, event.clientY, ...hint(id));
      wait = setTimeout(() => safely(know(id)), near.has(id) ? 0 : 60);
    }
    if (pinned === null) describe();
  }
  const hint = (id) => [
    el("span", { class: "gb-mono" }, named(id)),
    `id ${id}, length ${format.number(map.norms[id])}`,
    ...(near.has(id)
      ? [
          `nearest: ${near
            .get(id)
            .slice(0, 4)
            .map(([other]) => named(other))
            .join("  ")}`,
        ]
      : []),
  ];

  function pin(id) {
    if (!map) return;
    pinned = id === pinned ? null : id;
    hovered = null;
    address.set({ token: pinned });
    tip.hide();
    if (pinned !== null) {
      cloud.show(pinned);
      safely(know(pinned));
    }
    describe();
  }

  /** Tokens that hold what was typed: the same first, then those that begin with it. */
  function search() {
    const wanted = visible(part("search").value.toLowerCase()),
      box = part("found");
    if (!wanted || !words) {
      box.replaceChildren();
      return;
    }
    const rank = (label) => {
      const at = label.indexOf(wanted);
      return at < 0
        ? 9
        : label.length === wanted.length
          ? 0
          : at === 0
            ? 1
            : label.length === wanted.length + 1
              ? 2
              : 3;
    };
    const hits = [];
    for (let id = 0; id < words.size; id += 1) {
      const order = rank(lower()[id]);
      if (order < 9) hits.push([order, id]);
    }
    hits.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    box.replaceChildren(
      ...hits.slice(0, 12).map(([, id]) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-near",
            onclick: () => {
              if (pinned !== id) pin(id);
            },
          },
          named(id),
        ),
      ),
      hits.length
        ? ""
        : el("span", { class: "gb-small gb-soft" }, "No token holds that; a longer word may be several tokens."),
    );
  }
  part("search").addEventListener("input", search);
  part("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") part("found").querySelector("button")?.click();
    if (event.key === "Escape") event.target.blur();
  });

  return {
    forget,
    read,
    draw,
    known: () => map !== null,
    /** Let go of the pinned token. */
    release: () => pinned !== null && pin(null),
  };
};
