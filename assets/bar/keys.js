// The keys of the page, shown by "?" and put away by the next key or click.
import { on } from "../shared/events.js";
import { panel } from "../shared/panel.js";

panel("keys", ({ root }) => {
  const hide = () => {
    root.hidden = true;
  };
  on("key", (event) => {
    if (event.key === "?") root.hidden = !root.hidden;
    else hide();
  });
  document.addEventListener("pointerdown", hide);
});
