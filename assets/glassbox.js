// The page's core: one subject (model, moment, prompt) that every lens looks at, a way to ask the
// server, and the few helpers that all pictures share. Lenses never know each other; they know this.
//
// A lens is a file that calls
//   glassbox.lens("name", ({ root, ask, upload, notice }) => ({ refresh(subject), theme(), resize() }))
// `refresh` runs when the lens is visible and the subject has changed since it last ran; `theme` and
// `resize` redraw. All three are optional. `ask(fn, args)` calls a Python function of the component.
(() => {
  "use strict";

  const lenses = new Map();   // name -> function that brings it to life
  const mounted = new Set();  // what is on the page

  // ---- text and elements: everything that people or files wrote enters through textContent ----------

  /** el("button", { class: "primary", onclick: go }, "Start"): an element; strings become text nodes. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "style") node.style.cssText = value;
      else if (key === "data") Object.assign(node.dataset, value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  }

  /** A token's text made visible: spaces as a middle dot, newlines as a return sign, controls by name. */
  function visible(text) {
    return text.replace(/ /g, "·").replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(/\r/g, "␍")
      .replace(/[\u0000-\u001f]/g, (c) => String.fromCodePoint(0x2400 + c.charCodeAt(0)));
  }

  const format = {
    /** Three significant digits, thousands with a thin space. */
    number(x) {
      if (x === null || x === undefined || Number.isNaN(x)) return "–";
      if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
      const size = Math.abs(x);
      if (size !== 0 && size < 1e-3) return x.toExponential(2).replace("e-", "e−").replace(/^-/, "−");
      const text = size >= 1000 ? Math.round(x).toLocaleString("en-US").replace(/,/g, "\u202f") : String(Number(x.toPrecision(3)));
      return text.replace(/^-/, "−");
    },
    /** Percent above 1 %, two decimals down to 0.1 %, scientific below. */
    probability(p) {
      if (p === 0) return "0";
      if (p >= 0.01) return `${(100 * p).toPrecision(3)} %`;
      if (p >= 0.001) return `${(100 * p).toFixed(2)} %`;
      return p.toExponential(1).replace("e-", "e−");
    },
    whole: (n) => Number(n).toLocaleString("en-US").replace(/,/g, "\u202f"),
    seconds(s) {
      if (!Number.isFinite(s)) return "–";
      if (s < 10) return `${s.toFixed(1)} s`;
      const whole = Math.round(s), m = Math.floor(whole / 60);
      if (whole < 60) return `${whole} s`;
      return m < 60 ? `${m} min ${String(whole % 60).padStart(2, "0")} s` : `${Math.floor(m / 60)} h ${m % 60} min`;
    },
    bytes: (n) => (n < 1e3 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : `${(n / 1e6).toPrecision(3)} MB`),
  };

  // ---- colour -------------------------------------------------------------------------------------

  /** The value of a CSS variable now, e.g. color("--gb-query"). */
  const color = (name) => getComputedStyle(document.querySelector(".gradio-container") || document.body).getPropertyValue(name).trim();
  const dark = () => document.body.classList.contains("dark");

  function oklab(hex) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
      1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
      0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
  }
  function srgb([L, a, b]) {
    const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s]
      .map((c) => Math.round(255 * Math.min(1, Math.max(0, c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055))));
  }
  const MAPS = {
    // One hue, lightness falling (light theme) or rising (dark theme) in even steps of OKLab.
    sequential: { light: ["#ffffff", "#c6dcf2", "#7fb2e0", "#3b7fc0", "#134f8f", "#062a55"],
      dark: ["#10141b", "#1a3557", "#25609c", "#4a93d6", "#95c6f2", "#f2f9ff"] },
    surprise: { light: ["#ffffff", "#fdf0cf", "#f9d58a", "#eeb03f", "#d08a0c"],
      dark: ["#10141b", "#3a2c10", "#6e4f12", "#a97816", "#e2a72e"] },
    // Neutral in the middle; blue below, orange above.
    diverging: { light: ["#1f5fa8", "#9fc3e6", "#f7f7f5", "#f0b98a", "#b4500f"],
      dark: ["#7db8f0", "#2c5680", "#16191f", "#7a4a24", "#f0a468"] },
  };
  const tables = new Map();
  /** 256 x [r, g, b] of a map ("sequential", "surprise", "diverging") in the theme that is on. */
  function palette(name = "sequential") {
    const key = `${name}:${dark()}`;
    if (!tables.has(key)) {
      const stops = MAPS[name][dark() ? "dark" : "light"].map(oklab);
      tables.set(key, Array.from({ length: 256 }, (_, i) => {
        const at = (i / 255) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at)), t = at - k;
        return srgb(stops[k].map((v, j) => v + t * (stops[k + 1][j] - v)));
      }));
    }
    return tables.get(key);
  }
  const rgb = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

  /** bytes("AAEC") -> Uint8Array: how pictures travel. */
  function bytes(base64) {
    const text = atob(base64), out = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) out[i] = text.charCodeAt(i);
    return out;
  }
  const floats = (base64) => new Float32Array(bytes(base64).buffer);

  /** Size a canvas to its box in device pixels; returns a context that draws in CSS pixels. */
  function canvas2d(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  // ---- the one tooltip ----------------------------------------------------------------------------

  const tip = {
    node: null,
    /** Show rows of nodes or strings beside the pointer; the first one is the headline. */
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
    hide() { if (this.node) this.node.hidden = true; },
  };

  // ---- asking the server --------------------------------------------------------------------------

  /** What the server refused, in its own words for the visitor. */
  class Refusal extends Error {}

  const keep = (key, make) => {
    try {
      const kept = localStorage.getItem(key) || make();
      localStorage.setItem(key, kept);
      return kept;
    } catch { return make(); }  // storage can be forbidden; the visit then lasts as long as the page
  };
  const visitor = keep("glassbox.visitor", () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""));

  function asker(server) {
    return async (fn, args = {}) => {
      let answer;
      try {
        answer = await server[fn]({ visitor, ...args });
      } catch (error) {
        throw new Refusal("The server does not answer. Is it still running?", { cause: error });
      }
      if (answer && answer.error) throw new Refusal(answer.error);
      return answer;
    };
  }

  /** Wrap an async function so that at most one call runs and only the newest waiting one follows it. */
  function latest(fn) {
    let running = false, next = null;
    return async function call(...args) {
      if (running) { next = args; return; }
      running = true;
      try { await fn(...args); } finally {
        running = false;
        if (next) { const again = next; next = null; call(...again); }
      }
    };
  }

  // ---- the subject, and the state kept in the address ---------------------------------------------

  const address = {
    all: () => new URLSearchParams(location.hash.slice(1)),
    get(key, otherwise = null) { return this.all().get(key) ?? otherwise; },
    set(changes) {
      const state = this.all();
      for (const [key, value] of Object.entries(changes)) {
        const nothing = value === null || value === undefined || (value === "" && key !== "prompt");  // an empty prompt is one
        if (nothing) state.delete(key);
        else state.set(key, String(value));
      }
      history.replaceState(null, "", `#${state}`);
    },
  };

  const listeners = new Map();
  const on = (event, fn) => listeners.set(event, [...(listeners.get(event) || []), fn]);
  const emit = (event, detail) => (listeners.get(event) || []).forEach((fn) => fn(detail));

  let version = 0;
  // model: a reference such as "shipped:shakespeare"; step: a snapshot's step, or null for the newest.
  const subject = { model: null, step: null, prompt: "" };

  /** Point every lens at another model, moment or prompt. The bar does this; so may a lens. */
  function look(changes) {
    const before = JSON.stringify(subject);
    Object.assign(subject, changes);
    if (JSON.stringify(subject) === before) return;
    version += 1;
    address.set({ model: subject.model, step: subject.step, prompt: subject.prompt });
    emit("subject", subject);
    refreshAll();
  }

  /** The same subject shows something new (its newest snapshot moved on): draw it again. */
  function renew() {
    version += 1;
    refreshAll();
  }

  const seen = (part) => part.root.isConnected && part.root.offsetParent !== null;

  async function refresh(part) {
    if (frozen() || !part.lens.refresh || subject.model === null || part.version === version || !seen(part)) return;
    part.version = version;
    try {
      part.root.setAttribute("aria-busy", "true");
      part.notice("");
      await part.lens.refresh({ ...subject });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      part.notice(error instanceof Refusal ? error.message : "This picture could not be drawn. Reload the page to try again.");
    } finally { part.root.removeAttribute("aria-busy"); }
  }
  const refreshAll = () => mounted.forEach(refresh);
  /** Draw again all that is seen, at once: for another size or resolution. */
  const redraw = () => mounted.forEach((part) => seen(part) && part.lens.resize?.());

  // ---- bringing a lens to life --------------------------------------------------------------------

  const lens = (name, make) => lenses.set(name, make);

  function mount(name, element, server, upload) {
    const root = element.querySelector(".gb-lens") || element;
    const bar = el("p", { class: "gb-notice", role: "status", hidden: true });
    root.prepend(bar);
    const notice = (text, kind = "warning") => { bar.textContent = text; bar.dataset.kind = kind; bar.hidden = !text; };
    const part = { name, root, notice, version: -1, lens: {} };
    const ask = asker(server);
    part.lens = lenses.get(name)({ root, ask, upload, notice, find: (s) => root.querySelector(s), all: (s) => [...root.querySelectorAll(s)] }) || {};
    mounted.add(part);
    const rail = root.querySelector(".gb-rail");
    if (rail) {  // below 900 px the rail is a drawer, and this is its handle
      const handle = el("button", { type: "button", class: "gb-button gb-drawer", "aria-expanded": "false",
        onclick: () => {
          const open = rail.classList.toggle("gb-open");
          handle.setAttribute("aria-expanded", String(open));
          handle.textContent = open ? "Close" : "Settings";
        } }, "Settings");
      root.append(handle);
    }
    let width = 0;
    new ResizeObserver(() => {  // also how a lens learns that its tab was opened
      const now = root.clientWidth;
      if (now === width) return;
      width = now;
      if (!now) return;
      if (!part.lens.refresh || part.version === version) part.lens.resize?.();
      else refresh(part);
    }).observe(root);
    refresh(part);
  }

  // ---- theme, room mode, keys ---------------------------------------------------------------------

  new MutationObserver(() => {
    if (document.body.dataset.gbDark === String(dark())) return;
    document.body.dataset.gbDark = String(dark());
    mounted.forEach((part) => part.lens.theme?.());
    emit("theme");
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });

  function room(onOff = !document.body.classList.contains("gb-room")) {
    document.body.classList.toggle("gb-room", onOff);
    emit("room", onOff);
    requestAnimationFrame(redraw);
  }

  /** Frozen, every picture stays as it is, whatever trains or is chosen; it catches up when released. */
  const frozen = () => document.body.classList.contains("gb-frozen");
  function freeze(onOff = !frozen()) {
    document.body.classList.toggle("gb-frozen", onOff);
    emit("freeze", onOff);
    if (!onOff) refreshAll();
  }
  const typing = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "p" || event.key === "P") room();
    if (event.key === "f" || event.key === "F") freeze();
    emit("key", event);
  });
  document.addEventListener("pointermove", (event) => {
    if (!document.body.classList.contains("gb-room")) return;
    document.body.style.setProperty("--gb-x", `${event.clientX}px`);
    document.body.style.setProperty("--gb-y", `${event.clientY}px`);
  }, { passive: true });

  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  window.glassbox = {
    lens, mount, look, renew, redraw, subject, on, emit, address, visitor, latest, Refusal,
    el, visible, format, color, dark, palette, rgb, bytes, floats, canvas2d, tip, room, typing, calm,
  };
})();
