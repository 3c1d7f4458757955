// The one tooltip of the page.
import { el } from "./elements.js";

export const tip = {
  /** @type {HTMLElement | null} */
  node: null,
  /**
   * Show rows beside the pointer; the first one is the headline.
   * @param {number} x of the pointer in the window
   * @param {number} y
   * @param {...(Node | string | null | undefined)} rows
   */
  show(x, y, ...rows) {
    if (!this.node) {
      this.node = el("div", { class: "gb-tip", role: "tooltip" });
      (document.querySelector(".gradio-container") || document.body).append(this.node);
    }
    this.node.replaceChildren(...rows.map((row) => el("div", {}, row)));
    this.node.hidden = false;
    const box = this.node.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth ? x - 12 - box.width : x + 16;
    const top = y + 16 + box.height > innerHeight ? y - 12 - box.height : y + 16;
    this.node.style.left = `${Math.max(4, left)}px`;
    this.node.style.top = `${Math.max(4, top)}px`;
  },
  hide() {
    if (this.node) this.node.hidden = true;
  },
};
