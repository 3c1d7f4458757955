// Shows one view of a tab at a time. The chosen one is in the address; the first is there by default.
glassbox.lens("views", ({ all }) => {
  const { address, on } = glassbox;
  const buttons = all("[data-view]"), names = buttons.map((button) => button.dataset.view);

  let shown = null;
  function show(chosen) {
    shown = chosen;
    for (const button of buttons) {
      const here = button.dataset.view === chosen;
      button.setAttribute("aria-pressed", String(here));
      document.getElementById(`gb-${button.dataset.view}`)?.toggleAttribute("data-gb-on", here);
    }
    // Gradio puts views on the page one after the other, and later ones need telling too.
    if (names.some((name) => !document.getElementById(`gb-${name}`))) requestAnimationFrame(() => show(shown));
  }
  function choose(name) {
    show(name);
    address.set({ view: name === names[0] ? null : name });
  }
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.view));
  on("view", (name) => { if (names.includes(name)) choose(name); });  // glassbox.emit("view", "heads") leads there

  const wanted = address.get("view");
  show(names.includes(wanted) ? wanted : names[0]);
});

// The open tab is in the address as well. Gradio draws the tabs' buttons; they are known by their text.
(() => {
  "use strict";
  const button = (name) => [...document.querySelectorAll(".tab-container [role=tab]")].find((tab) => tab.textContent.trim().toLowerCase() === name);
  document.addEventListener("click", (event) => {
    const tab = event.target instanceof Element && event.target.closest(".tab-container [role=tab]");
    if (tab) glassbox.address.set({ tab: tab.textContent.trim().toLowerCase() });
  });

  /** Open a tab, and one of its views. */
  glassbox.open = (tab, view = null) => {
    button(tab)?.click();
    if (view) requestAnimationFrame(() => glassbox.emit("view", view));
  };
  const wanted = glassbox.address.get("tab");
  let tries = 0;
  const settle = () => {
    const tab = wanted && button(wanted);
    if (tab) tab.click();
    else if (wanted && (tries += 1) < 100) setTimeout(settle, 50);
  };
  settle();
})();
