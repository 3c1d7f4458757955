// Play, in a walk: one step after the other until the last one, a press, or another view.

/**
 * @param {HTMLElement} button
 * @param {HTMLElement} root the view, which plays only while it is seen
 * @param {object} walk
 * @param {number} walk.pace milliseconds that it stays with a step
 * @param {() => number | null} walk.begin makes the first move; milliseconds until the next, or null if there is none
 * @param {() => boolean} walk.atEnd
 * @param {() => void} walk.next
 */
export function player(button, root, { pace, begin, atEnd, next }) {
  let timer = null;

  function show() {
    button.textContent = timer === null ? "Play" : "Pause";
    button.setAttribute("aria-pressed", String(timer !== null));
  }
  function pause() {
    clearTimeout(timer);
    timer = null;
    show();
  }
  function beat() {
    if (root.offsetParent === null || atEnd()) return pause();
    next();
    timer = setTimeout(beat, pace);
    return undefined;
  }
  function play() {
    const soon = begin();
    if (soon === null) return;
    timer = setTimeout(beat, soon);
    show();
  }
  return { pause, toggle: () => (timer === null ? play() : pause()) };
}
