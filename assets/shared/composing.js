// Text that is being composed (Japanese, Chinese, Korean and other input methods) owns the keyboard: Enter accepts
// a word there and Escape drops it, so no handler of the page may hear either.

/** 229 is what a key says of itself in browsers that end a composition before they tell. */
const composing = (event) => event.isComposing || event.keyCode === 229;

for (const type of ["keydown", "keyup"])
  addEventListener(type, (event) => composing(event) && event.stopImmediatePropagation(), true);
