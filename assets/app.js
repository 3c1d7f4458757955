// The page's door: what its panels are mounted by, and what a person can try in the browser's console.
// The server bundles this module with every panel's (llm/ui/bundle.py) and names the result `glassbox`.
import "./shared/composing.js";

export { address } from "./shared/address.js";
export { mount } from "./shared/panel.js";
export { look, subject } from "./shared/subject.js";
export { openView } from "./shared/tabs.js";
