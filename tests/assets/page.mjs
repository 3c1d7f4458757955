// What a page has and Node has not, for modules that keep their state in the address.
globalThis.location = { hash: "" };
globalThis.history = {
  replaceState(_state, _title, url) {
    location.hash = url;
  },
};
