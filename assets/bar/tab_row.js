// The second row of the page: the tabs, and right after the open one its views. Gradio's own row of tabs is out of
// sight; it still does the switching. The views of a tab come here when the tab is first drawn.
import { on } from "../shared/events.js";
import { panel } from "../shared/panel.js";
import { openView } from "../shared/tabs.js";

panel("tab_row", ({ all, find }) => {
  const tabs = all("[role=tab]");

  /**
   * On a phone the row is wider than the screen: the open tab comes into sight, and its open view's word between its
   * neighbours. Not before they are drawn: to say where they lie the whole page would be laid out once more.
   */
  function reveal() {
    find("[role=tab][aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    find("[data-views-of]:not([hidden]) [aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }
  let asked = false;
  function revealSoon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        asked = false;
        reveal();
      }),
    );
  }

  function show(open) {
    for (const tab of tabs) {
      const here = tab.dataset.tab === open;
      tab.setAttribute("aria-selected", String(here));
      const slot = find(`[data-views-of=${tab.dataset.tab}]`);
      slot.hidden = !here;
      const views = document.querySelector(`#gb-${tab.dataset.tab}-views .gb-views`);
      if (views) slot.append(views);
      else if (here) requestAnimationFrame(() => show(open)); // Gradio draws a tab when it is first opened
    }
    revealSoon();
  }
  for (const tab of tabs) tab.addEventListener("click", () => openView(tab.dataset.tab));

  /** Whoever opens a tab, Gradio marks its own button, once it has drawn them. */
  function follow() {
    const theirs = document.querySelector(".tab-container[role=tablist]");
    if (!theirs) return requestAnimationFrame(follow);
    const tell = () => {
      const open = theirs.querySelector("[role=tab][aria-selected=true]")?.textContent.trim().toLowerCase();
      if (open) show(open);
    };
    new MutationObserver(tell).observe(theirs, { attributes: true, subtree: true, childList: true });
    return tell();
  }
  follow();

  new MutationObserver(revealSoon).observe(find("[role=tablist]"), {
    attributeFilter: ["aria-pressed"],
    subtree: true,
  });

  // Digits lead to the views of the open tab.
  on("key", (event) => {
    const views = all("[data-views-of]:not([hidden]) [data-view]");
    if (/^[1-9]$/.test(event.key)) views[Number(event.key) - 1]?.click();
  });
});
