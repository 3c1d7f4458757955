// Groups of things to look at, such as tokens or cells: one stop of the Tab key for each group, arrows within it. The
// view tells what is looked at in the line beneath its picture, which is read out.

const WAYS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "above", ArrowDown: "below" };

/**
 * A key moves from one item to the next, or to the nearest one of the line above or below.
 * @param {string} key
 * @param {number} from
 * @param {number} count
 * @param {(i: number) => { left: number, top: number, width: number, height: number }} placeOf an item
 * @returns {number | null} where to; null for other keys
 */
export function stepTo(key, from, count, placeOf) {
  const way = { Home: -count, End: count, ...WAYS }[key];
  if (way === undefined || count === 0) return null;
  if (typeof way === "number") return Math.max(0, Math.min(count - 1, from + way));
  const middle = (i) => {
    const { left, top, width, height } = placeOf(i);
    return [left + width / 2, top + height / 2];
  };
  const [x, y] = middle(from),
    half = placeOf(from).height / 2;
  let best = from,
    least = [Infinity, Infinity];
  for (let i = 0; i < count; i += 1) {
    const [ox, oy] = middle(i),
      down = way === "below" ? oy - y : y - oy;
    if (down < half) continue;
    const line = Math.round(down / half / 2), // items of one line may stand a little higher or lower
      aside = Math.abs(ox - x);
    if (line < least[0] || (line === least[0] && aside < least[1])) {
      best = i;
      least = [line, aside];
    }
  }
  return best;
}

/**
 * @param {HTMLElement} box
 * @param {string} items that can be looked at, as a selector
 * @param {object} [acts]
 * @param {string} [acts.chosen] the item where Tab arrives, as a selector
 * @param {(item: HTMLElement, at: { clientX: number, clientY: number }) => void} [acts.onLook]
 * @param {() => void} [acts.onLeave]
 * @param {(item: HTMLElement, event: KeyboardEvent) => void} [acts.onPick] Enter or space; a button's own click otherwise
 * @returns {() => void} call it when the items were made anew
 */
export function roving(box, items, { chosen, onLook, onLeave, onPick } = {}) {
  let at = 0,
    within = false;
  const all = () => /** @type {HTMLElement[]} */ ([...box.querySelectorAll(items)]);
  const indexOf = (event) => all().indexOf(/** @type {Element} */ (event.target).closest(items));

  function settle() {
    const found = all(),
      first = chosen ? found.findIndex((item) => item.matches(chosen)) : -1;
    if (!within && first >= 0) at = first;
    at = Math.max(0, Math.min(found.length - 1, at));
    for (const [i, item] of found.entries()) item.tabIndex = i === at ? 0 : -1;
    if (within && document.activeElement === document.body) found[at]?.focus({ preventScroll: true });
  }
  box.addEventListener("focusin", (event) => {
    const i = indexOf(event);
    if (i < 0) return;
    within = true;
    at = i;
    const item = all()[i],
      { left, bottom } = item.getBoundingClientRect();
    onLook?.(item, { clientX: left, clientY: bottom });
  });
  box.addEventListener("focusout", (event) => {
    queueMicrotask(() => {
      if (!(/** @type {Element} */ (event.target).isConnected) || box.contains(document.activeElement)) return; // drawn anew
      within = false;
      settle();
      onLeave?.();
    });
  });
  box.addEventListener("keydown", (event) => {
    const found = all(),
      i = indexOf(event);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (onPick && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      onPick(found[i], event);
      return;
    }
    const to = stepTo(event.key, i, found.length, (n) => found[n].getBoundingClientRect());
    if (to === null) return;
    event.preventDefault(); // arrows are its own from here on
    at = to;
    for (const [n, item] of found.entries()) item.tabIndex = n === at ? 0 : -1;
    found[at].focus();
  });
  // A pointer takes no focus: arrows go on leading through the view.
  box.addEventListener("mousedown", (event) => {
    if (indexOf(event) >= 0) event.preventDefault();
  });
  return settle;
}
