// A menu is a details element: it opens and closes by itself. Here it also closes with Esc and when
// a person turns to something else.

/** @param {HTMLDetailsElement} details */
export const closableMenu = (details) => {
  document.addEventListener("pointerdown", (event) => {
    if (!details.contains(/** @type {Node} */ (event.target))) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation(); // Esc closes the innermost thing alone
    details.open = false;
    details.querySelector("summary").focus();
  });
};
