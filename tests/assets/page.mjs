// What a page has and Node has not, for modules that keep their state in the address or ask the server.
globalThis.location = { hash: "", href: "http://localhost/" };
const goTo = (_state, _title, url) => {
  location.hash = url;
};
globalThis.history = { replaceState: goTo, pushState: goTo };
globalThis.addEventListener = () => {};
globalThis.document = { querySelector: () => ({ content: "route process code" }), addEventListener() {} };
