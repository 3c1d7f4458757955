// Letters as large as the box allows: a short text fills its place and is read from the back of a room, a long
// one shrinks to the page's own size and scrolls.

const SIZES = [2.4, 2, 1.7, 1.45, 1.2, 1]; // times the size of the page's text

/**
 * Sizes for the texts of some boxes, the same in all of them; their style takes it from --gb-fit.
 * @param {() => HTMLElement[]} boxes - those on the page now
 * @param {number} most - the largest letters, as a multiple of the page's own
 */
export const fittedText = (boxes, most) => {
  const largest = SIZES.findIndex((size) => size <= most);
  let at = largest;
  /** A text has grown: make the letters smaller where they no longer fit. */
  function grow() {
    const all = boxes().filter((box) => box.clientHeight);
    const use = () => {
      for (const box of all) box.style.setProperty("--gb-fit", String(SIZES[at]));
    };
    use();
    while (at < SIZES.length - 1 && all.some((box) => box.scrollHeight > box.clientHeight + 1)) {
      at += 1;
      use();
    }
  }
  return {
    grow,
    /** Other texts, or boxes of another size: begin with the largest letters. */
    reset() {
      at = largest;
      grow();
    },
  };
};
