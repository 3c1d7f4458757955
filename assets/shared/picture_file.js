// What is on the screen, as a file. A part of the page is drawn once more as SVG: backgrounds, borders
// and text as shapes, canvases as the pixels they hold, inline SVG as it is. A PNG is that SVG painted
// at twice its size. Nothing in it is HTML, so every program can open it. Controls are left out, but for
// those in a .gb-in-picture, which say what is seen.
import { color } from "./colour.js";
import { el } from "./elements.js";
import { redraw } from "./panel.js";

const SKIP =
  ".gb-rail, .gb-drawer, .gb-notice, .gb-try, .gb-lead, label, select, input, textarea, summary, details:not([open]) > :not(summary), .gb-button, .gb-icon, .gb-segments, .gb-tip";
const MARGIN = 16;
const escaped = (text) =>
  text
    .replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
const round = (x) => Math.round(100 * x) / 100;
const clear = (ink) => ink === "transparent" || /^rgba\(.*,\s*0\)$|\/\s*0\)$/.test(ink);
const measure = document.createElement("canvas").getContext("2d");

/**
 * An element with all that can be seen in it, as the text of an SVG file.
 * @param {HTMLElement} root
 */
function toSvg(root) {
  const area = root.getBoundingClientRect(),
    out = [],
    paper = color("--gb-paper");
  const edge = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity }; // of what can be read
  let ids = 0,
    seen = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };

  /** Whether anything of it is seen; if so, the file is large enough for that. */
  function reach(at) {
    const left = Math.max(at.left, seen.left),
      top = Math.max(at.top, seen.top),
      right = Math.min(at.right, seen.right),
      bottom = Math.min(at.bottom, seen.bottom);
    if (left >= right || top >= bottom) return false;
    edge.left = Math.min(edge.left, left - area.left);
    edge.top = Math.min(edge.top, top - area.top);
    edge.right = Math.max(edge.right, right - area.left);
    edge.bottom = Math.max(edge.bottom, bottom - area.top);
    return true;
  }

  function box(x, y, width, height, more) {
    out.push(
      `<rect x="${round(x - area.left)}" y="${round(y - area.top)}" width="${round(width)}" height="${round(height)}" ${more}/>`,
    );
  }

  function ground(style, at) {
    const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, at.height / 2);
    const stops = /^linear-gradient\(to right, (.*)\)$/.exec(style.backgroundImage)?.[1].match(/rgba?\([^)]*\)/g);
    if (stops) {
      const id = `g${(ids += 1)}`;
      out.push(
        `<linearGradient id="${id}">${stops.map((ink, i) => `<stop offset="${i / (stops.length - 1)}" stop-color="${ink}"/>`).join("")}</linearGradient>`,
      );
      box(at.left, at.top, at.width, at.height, `rx="${radius}" fill="url(#${id})"`);
    } else if (!clear(style.backgroundColor))
      box(at.left, at.top, at.width, at.height, `rx="${radius}" fill="${style.backgroundColor}"`);
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      wide: parseFloat(style[`border${side}Width`]) || 0,
      ink: style[`border${side}Color`],
    }));
    const drawn = sides.map(({ wide, ink }) => wide > 0 && !clear(ink));
    if (drawn.every(Boolean)) {
      const wide = sides[0].wide;
      box(
        at.left + wide / 2,
        at.top + wide / 2,
        Math.max(0, at.width - wide),
        Math.max(0, at.height - wide),
        `rx="${radius}" fill="none" stroke="${sides[0].ink}" stroke-width="${wide}"`,
      );
      return;
    }
    if (drawn[0]) box(at.left, at.top, at.width, sides[0].wide, `fill="${sides[0].ink}"`);
    if (drawn[1]) box(at.right - sides[1].wide, at.top, sides[1].wide, at.height, `fill="${sides[1].ink}"`);
    if (drawn[2]) box(at.left, at.bottom - sides[2].wide, at.width, sides[2].wide, `fill="${sides[2].ink}"`);
    if (drawn[3]) box(at.left, at.top, sides[3].wide, at.height, `fill="${sides[3].ink}"`);
  }

  /** A text in the middle of a line box, from `left` on. */
  function write(text, left, at, style) {
    if (!reach(at)) return;
    measure.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = measure.measureText("x");
    const look = `font-family="${escaped(style.fontFamily)}" font-size="${parseFloat(style.fontSize)}" font-weight="${style.fontWeight}"${style.fontStyle === "normal" ? "" : ` font-style="${style.fontStyle}"`} fill="${style.color}"`;
    const base = at.top + (at.height - up - down) / 2 + up;
    out.push(`<text x="${round(left - area.left)}" y="${round(base - area.top)}" ${look}>${escaped(text)}</text>`);
  }

  /** Words where the browser put them; one that is broken over two lines goes letter by letter. */
  function words(node) {
    const style = getComputedStyle(node.parentElement),
      range = document.createRange();
    const put = (from, to) => {
      range.setStart(node, from);
      range.setEnd(node, to);
      const places = range.getClientRects();
      if (places.length > 1 && to - from > 1) {
        for (let i = from; i < to; ) {
          const next = i + String.fromCodePoint(node.data.codePointAt(i)).length;
          put(i, next);
          i = next;
        }
      } else if (places.length && places[0].width > 0)
        write(node.data.slice(from, to), places[0].left, places[0], style);
    };
    for (const word of node.data.matchAll(/\S+/g)) put(word.index, word.index + word[0].length);
  }

  /** SVG in the page, its looks written into it. */
  function inline(node, at) {
    const copy = node.cloneNode(true),
      all = [node, ...node.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((part, i) => {
      const style = getComputedStyle(all[i]);
      for (const name of [
        "fill",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "fill-opacity",
        "opacity",
        "stroke-dasharray",
        "stroke-linecap",
        "font-family",
        "font-size",
      ])
        part.setAttribute(name, style.getPropertyValue(name));
      part.removeAttribute("class");
      part.removeAttribute("style");
    });
    if (!reach(at)) return;
    copy.setAttribute("x", round(at.left - area.left));
    copy.setAttribute("y", round(at.top - area.top));
    copy.setAttribute("width", at.width);
    copy.setAttribute("height", at.height);
    out.push(new XMLSerializer().serializeToString(copy));
  }

  function bitmap(node, at) {
    if (!at.width || !reach(at)) return;
    out.push(
      `<image x="${round(at.left - area.left)}" y="${round(at.top - area.top)}" width="${round(at.width)}" height="${round(at.height)}" preserveAspectRatio="none" href="${node.toDataURL()}"/>`,
    );
  }

  /** Everything inside a box, cut at its edges if it scrolls. */
  function inside(node, style, at) {
    const cut = /auto|scroll|hidden|clip/.test(style.overflowX + style.overflowY) && style.display !== "inline",
      whole = seen;
    if (cut) {
      seen = {
        left: Math.max(seen.left, at.left),
        top: Math.max(seen.top, at.top),
        right: Math.min(seen.right, at.right),
        bottom: Math.min(seen.bottom, at.bottom),
      };
      out.push(
        `<clipPath id="c${(ids += 1)}"><rect x="${round(at.left - area.left)}" y="${round(at.top - area.top)}" width="${round(at.width)}" height="${round(at.height)}"/></clipPath><g clip-path="url(#c${ids})">`,
      );
    }
    node.childNodes.forEach(walk);
    if (cut) out.push("</g>");
    seen = whole;
  }

  function walk(node) {
    if (node.nodeType === Node.TEXT_NODE) return words(node);
    if (node.nodeType !== Node.ELEMENT_NODE || (node.matches(SKIP) && !node.closest(".gb-in-picture")))
      return undefined;
    const style = getComputedStyle(node),
      at = node.getBoundingClientRect();
    if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return undefined;
    const faint = style.opacity !== "1";
    if (faint) out.push(`<g opacity="${style.opacity}">`);
    if (node.tagName === "CANVAS") bitmap(node, at);
    else if (node.tagName === "SELECT")
      write(node.selectedOptions[0]?.text ?? "", at.left + parseFloat(style.paddingLeft), at, style);
    else if (node.tagName.toLowerCase() === "svg") inline(node, at);
    else {
      if (style.display !== "contents") ground(style, at);
      inside(node, style, at);
    }
    if (faint) out.push("</g>");
    return undefined;
  }

  walk(root);
  const [left, top] = [Math.floor(edge.left) - MARGIN, Math.floor(edge.top) - MARGIN];
  const [width, height] = [Math.ceil(edge.right) + MARGIN - left, Math.ceil(edge.bottom) + MARGIN - top];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${left} ${top} ${width} ${height}">` +
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="${paper}"/>${out.join("\n")}</svg>\n`
  );
}

/**
 * Run `work` while everything is drawn with two pixels to each of the page's.
 * @template T
 * @param {() => Promise<T>} work
 */
async function atTwice(work) {
  const before = Object.getOwnPropertyDescriptor(window, "devicePixelRatio");
  const frame = () => new Promise(requestAnimationFrame);
  try {
    Object.defineProperty(window, "devicePixelRatio", { configurable: true, value: Math.max(2, devicePixelRatio) });
    redraw();
    await frame(); // some pictures wait for the next frame
    return await work();
  } finally {
    Object.defineProperty(window, "devicePixelRatio", before);
    redraw();
  }
}

/**
 * A PNG at twice its size.
 * @param {string} svg the text of an SVG file
 * @returns {Promise<Blob>}
 */
async function toPng(svg) {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" })),
    image = new Image();
  try {
    image.src = url;
    await image.decode();
    const canvas = el("canvas");
    [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Hand a file to the browser, as a download would.
 * @param {Blob | string} content
 * @param {string} name
 * @param {string} [type] the MIME type, where the content is a string
 */
function save(content, name, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Hand what is seen of a part of the page to the browser.
 * @param {HTMLElement} root
 * @param {string} kind "png" or "svg"
 * @param {string} name of the file, without its ending
 */
async function savePicture(root, kind, name) {
  const svg = await atTwice(async () => toSvg(root));
  save(kind === "svg" ? svg : await toPng(svg), `${name}.${kind}`, "image/svg+xml");
}

export { save, savePicture, toSvg };
