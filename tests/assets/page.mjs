// What a page has and Node has not, for modules that keep their state in the address or ask the server.
globalThis.location = { hash: "", href: "http://localhost/" };
const goTo = (_state, _title, url) => {
  location.hash = url;
};
globalThis.history = { replaceState: goTo, pushState: goTo };
globalThis.addEventListener = () => {};
const METAS = { server: "route process code", dials: process.env.GLASSBOX_DIALS };
globalThis.document = {
  querySelector: (selector) => ({ content: METAS[/glassbox-(\w+)/.exec(selector)[1]] }),
  addEventListener() {},
};
