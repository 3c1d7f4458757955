// Text as large as its box allows: few tokens fill the picture, many are small and scroll in it.

const MANY = 600; // nodes from which on trying sizes would hold up the typing
const EDGE = 4; // px that a line may stand over the side

/**
 * Set --gb-tk-size on a box that scrolls: the largest size at which nothing has to, or the smallest.
 * @param {HTMLElement} box
 * @param {number} count how much is in it, in nodes
 * @param {number} least in px at the desk; a room enlarges both
 * @param {number} most
 */
export function fit(box, count, least, most) {
  const style = getComputedStyle(box),
    scale = Number.parseFloat(style.getPropertyValue("--gb-scale")) || 1;
  const set = (size) => box.style.setProperty("--gb-tk-size", `${size}px`);
  let low = Math.round(least * scale),
    high = Math.round(most * scale);
  set(low);
  box.classList.toggle("gb-tk-few", count <= MANY); // few are laid out whole: what is skipped has no true height
  if (count > MANY || style.overflowY === "visible") return; // on a phone the page scrolls, not the box
  const fits = () => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth + EDGE;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    set(middle);
    if (fits()) low = middle;
    else high = middle - 1;
  }
  set(low);
}
