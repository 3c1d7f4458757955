// Taking the work along: a transcript with its settings as JSON and Markdown, the Python and the command
// line that write the very same text, and the bars as a picture.
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";
import { visible } from "../shared/tokens/visible.js";
import { stepName } from "./arithmetic.js";
import { leaders } from "./odds.js";
import { meanLog } from "./token_stream.js";

/** @import { Parts } from "../shared/panel.js" */
/** @import { Ask } from "../shared/server.js" */

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What differs from the library's defaults, by the names of SamplingConfig. */
function given(settings) {
  const { OFF, ORDER } = sampler,
    changed = {};
  for (const name of ORDER) if (settings[name] !== OFF[name]) changed[name] = settings[name];
  if (String(settings.order) !== String(ORDER)) changed.order = settings.order;
  return changed;
}

const isFast = (settings) => settings.weights === "int8";

/** Rows of tokens that one call wrote: { chosen: ids by hand } or { settings, count }. */
function passages(tokens) {
  const found = [];
  for (const { id, forced, begins, settings } of tokens) {
    const last = found.at(-1);
    if (forced) {
      if (last?.chosen) last.chosen.push(id);
      else found.push({ chosen: [id] });
    } else if (!begins && last?.settings === settings) last.count += 1;
    else found.push({ settings, count: 1 });
  }
  return found;
}

// JSON's strings, numbers and lists are Python's too.
const python = (value) => {
  if (!Array.isArray(value)) return JSON.stringify(value);
  return `(${value.map(python).join(", ")}${value.length === 1 ? "," : ""})`;
};
const config = (settings, count, stop) => {
  const parts = { ...given(settings), max_new_tokens: count, ...(stop.length ? { stop } : {}), seed: settings.seed };
  return `SamplingConfig(${Object.entries(parts)
    .map(([name, value]) => `${name}=${python(value)}`)
    .join(", ")})`;
};

const FAST = ["from llm.int8_decoder import Int8Decoder, Int8Weights"];

/** Python that writes the text; what has not been written yet, in one go with the settings as they are. */
function asPython({ place, tokens, settings }, folder) {
  const parts = passages(tokens),
    path = folder.startsWith("~") ? `Path(${python(folder)}).expanduser()` : python(folder);
  const whole = parts.length === 0 || (parts.length === 1 && !parts[0].chosen);
  const lines = [
    ...(folder.startsWith("~") ? ["from pathlib import Path", ""] : []),
    "from llm.checkpoint import load_checkpoint",
  ];
  const anyFast = parts.some((part) => !part.chosen && isFast(part.settings));
  const load = ["", `checkpoint = load_checkpoint(${path})`];
  if (whole) {
    const used = parts[0]?.settings ?? settings,
      count = parts[0]?.count ?? settings.max_new_tokens;
    return [
      ...lines,
      "from llm.completion import complete",
      "from llm.config import SamplingConfig",
      ...(isFast(used) ? FAST : []),
      ...load,
      `config = ${config(used, count, used.stop)}`,
      ...(isFast(used) ? ["decoder = Int8Decoder(Int8Weights(checkpoint.model))"] : []),
      `pieces = complete(checkpoint.model, checkpoint.tokenizer, ${python(place.prompt)}, config${isFast(used) ? ", decoder=decoder" : ""})`,
      'print("".join(piece.text for piece in pieces))',
      "",
    ].join("\n");
  }
  return [
    ...lines,
    "from llm.completion import prompt_ids",
    "from llm.config import SamplingConfig",
    ...(anyFast ? FAST : []),
    "from llm.sampler import generate",
    ...load,
    "model, tokenizer = checkpoint.model, checkpoint.tokenizer",
    ...(anyFast ? ["decoder = Int8Decoder(Int8Weights(model))"] : []),
    `prompt = prompt_ids(tokenizer, ${python(place.prompt)})`,
    "ids = list(prompt)",
    ...parts.map((part) =>
      part.chosen
        ? `ids += ${JSON.stringify(part.chosen)}  # chosen by hand`
        : `ids += [c.id for c in generate(model, ids, ${config(part.settings, part.count, [])}, eot_id=tokenizer.eot_id${isFast(part.settings) ? ", decoder=decoder" : ""})]`,
    ),
    "print(tokenizer.decode(i for i in ids[len(prompt):] if i != tokenizer.eot_id))",
    "",
  ].join("\n");
}

const quoted = (text) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

/** The command line that writes the text, or null when it was written in several goes. */
function asShell({ place, tokens, settings }, folder) {
  const parts = passages(tokens);
  if (parts.length > 1 || parts[0]?.chosen) return null;
  const used = parts[0]?.settings ?? settings,
    count = parts[0]?.count ?? settings.max_new_tokens;
  const { order, ...numbers } = given(used);
  const options = Object.entries({ ...numbers, max_new_tokens: count, seed: used.seed }).map(
    ([name, value]) => `--${name.replace(/_/g, "-")} ${value}`,
  );
  if (isFast(used)) options.push("--weights int8");
  if (order) options.push(`--order ${order.join(" ")}`);
  // "=" lets a text begin with a dash.
  for (const text of used.stop) options.push(`--stop=${quoted(text)}`);
  return `python -m llm generate --checkpoint ${quoted(folder)} --prompt=${quoted(place.prompt)} ${options.join(" ")}`;
}

function asJson(now, source) {
  const { place, tokens, promptIds, vocabulary, settings, text } = now,
    { max_new_tokens, ...drawn } = settings;
  return `${JSON.stringify(
    {
      model: place.model,
      checkpoint: source.folder,
      step: source.step,
      prompt: place.prompt,
      prompt_ids: promptIds,
      text,
      settings: drawn,
      tokens: tokens.map((token) => ({
        id: token.id,
        token: vocabulary.label(token.id),
        probability: token.p,
        model_probability: token.raw,
        rank: token.rank,
        ...(token.forced
          ? { chosen_by_hand: true }
          : { random_number: token.share, settings: given(token.settings), seed: token.settings.seed }),
        ...(!token.forced && isFast(token.settings) ? { weights: "int8" } : {}),
        ...(token.begins ? { drawing_begins: true } : {}),
      })),
      mean_log_probability: meanLog(tokens),
      python: asPython(now, source.folder),
      command_line: asShell(now, source.folder),
    },
    null,
    2,
  )}\n`;
}

/** A fence longer than any row of backticks in the text. */
function fenced(text, language = "") {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length)),
    fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

function asMarkdown(now, source) {
  const { place, tokens, settings, text } = now,
    shell = asShell(now, source.folder),
    mean = meanLog(tokens);
  const used = tokens.find((token) => !token.forced)?.settings ?? settings;
  const rows = Object.entries({
    ...given(used),
    seed: used.seed,
    ...(used.stop.length ? { stop: used.stop } : {}),
    ...(isFast(used) ? { weights: used.weights } : {}),
  }).map(([name, value]) => `| ${name} | \`${JSON.stringify(value)}\` |`);
  return [
    "# Written with Glassbox",
    "",
    `Model ${source.title}${source.step === null ? "" : `, step ${source.step}`}; ${tokens.length} tokens` +
      `${mean === null ? "" : `, mean log-probability ${mean.toFixed(3)} nats`}.`,
    "",
    "## Prompt",
    "",
    fenced(place.prompt),
    "",
    "## Text",
    "",
    fenced(text),
    "",
    "## Settings",
    "",
    "| setting | value |",
    "|---|---|",
    ...rows,
    "",
    "## The same again",
    "",
    ...(shell ? [fenced(shell, "bash"), ""] : []),
    fenced(asPython(now, source.folder).trimEnd(), "python"),
    "",
  ].join("\n");
}

/** The bars as a picture, in the colours of the theme that is on. */
function picture({ place, view }) {
  const ids = leaders(view.result, 20);
  const wide = 960,
    row = 26,
    top = 84,
    canvas = el("canvas"),
    sans = color("--gb-sans"),
    mono = color("--gb-mono");
  canvas.width = wide * 2;
  canvas.height = (top + ids.length * row + 28) * 2;
  const c = canvas.getContext("2d");
  c.scale(2, 2);
  const write = (text, x, y, font, fill, align = /** @type {CanvasTextAlign} */ ("left"), room = undefined) => {
    c.font = font;
    c.fillStyle = fill;
    c.textAlign = align;
    c.textBaseline = "middle";
    c.fillText(text, x, y, room);
  };
  const ink = color("--gb-ink"),
    soft = color("--gb-soft");
  c.fillStyle = color("--gb-paper");
  c.fillRect(0, 0, wide, canvas.height);
  const tail = visible(place.prompt.slice(-90));
  write("The next token", 24, 28, `600 18px ${sans}`, ink);
  write(`after “${place.prompt.length > 90 ? "…" : ""}${tail}”`, 156, 29, `14px ${mono}`, soft, "left", wide - 180);
  const does = view.result.steps.map((step) => stepName(step.name, step.value)).join(" · ");
  write(does || "the model's own odds: every sampler is off", 24, 56, `14px ${sans}`, soft, "left", wide - 48);
  const most = ids.reduce((best, id) => Math.max(best, view.own[id], view.result.final[id]), 0),
    from = 190,
    long = wide - from - 190;
  ids.forEach((id, i) => {
    const y = top + i * row,
      middle = y + row / 2,
      removed = view.result.removed[id] !== sampler.KEPT;
    write(view.label(id), 24, middle, `14px ${mono}`, removed ? soft : ink, "left", 150);
    c.globalAlpha = removed ? 0.25 : 0.4;
    c.fillStyle = soft;
    c.fillRect(from, y + 3, (long * view.own[id]) / most, row - 6);
    c.globalAlpha = 1;
    c.fillStyle = color("--gb-accent");
    c.fillRect(from, y + 8, (long * view.result.final[id]) / most, row - 16);
    write(format.probability(view.own[id]), wide - 104, middle, `13px ${mono}`, soft, "right");
    write(
      removed ? "removed" : format.probability(view.result.final[id]),
      wide - 24,
      middle,
      `13px ${mono}`,
      removed ? soft : ink,
      "right",
    );
  });
  write(
    "grey: the model's own probability; colour: after the settings",
    24,
    top + ids.length * row + 14,
    `12px ${sans}`,
    soft,
  );
  return canvas;
}

/**
 * The buttons and the code in `box`.
 * @param {HTMLElement} box
 * @param {{ ask: Ask, notice: Parts["notice"], now: () => any }} parts now() is what there is to take along
 */
export const transcriptMenu = (box, { ask, notice, now }) => {
  let kind = "python";
  const code = el("pre", { class: "gb-code", tabindex: 0, data: { id: "code" } });
  const copy = el("button", { type: "button", class: "gb-button", data: { id: "copy" } }, "Copy");
  const named = new Map(); // place -> what the server calls it
  async function source() {
    const { place } = now(),
      key = JSON.stringify([place.model, place.step]);
    if (!named.has(key)) named.set(key, await ask("name_source", place));
    return named.get(key);
  }
  const safely = (work) => async () => {
    if (!now()) return;
    try {
      await work();
    } catch (error) {
      notice(error.message);
    }
  };
  const button = (words, id, work) =>
    el(
      "button",
      {
        type: "button",
        class: "gb-button",
        data: { id },
        title: { png: "The bars as a picture" }[id],
        onclick: safely(work),
      },
      words,
    );
  const segments = el(
    "div",
    { class: "gb-segments", role: "group", "aria-label": "Which code" },
    ...Object.entries({ python: "Python", shell: "Command line" }).map(([name, words]) =>
      el(
        "button",
        {
          type: "button",
          value: name,
          onclick: () => {
            kind = name;
            refresh();
          },
        },
        words,
      ),
    ),
  );
  const refresh = safely(async () => {
    for (const one of segments.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.value === kind));
    const { folder } = await source(),
      shell = kind === "shell" ? asShell(now(), folder) : null;
    code.textContent =
      kind === "python"
        ? asPython(now(), folder).trimEnd()
        : (shell ??
          "The command line writes in one go; this text was written in several. Its Python does all of them.");
  });
  copy.addEventListener("click", async () => {
    await refresh();
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
      setTimeout(() => {
        copy.textContent = "Copy";
      }, 1200);
    } catch {
      notice("Copying is not allowed here; select the code and copy it yourself.", "info");
    }
  });
  box.append(
    el(
      "div",
      { class: "gb-row" },
      button("JSON", "json", async () =>
        save("transcript.json", new Blob([asJson(now(), await source())], { type: "application/json" })),
      ),
      button("Markdown", "markdown", async () =>
        save("transcript.md", new Blob([asMarkdown(now(), await source())], { type: "text/markdown" })),
      ),
      button(
        "PNG",
        "png",
        () =>
          new Promise((done) =>
            picture(now()).toBlob((blob) => {
              save("next-token.png", blob);
              done(undefined);
            }),
          ),
      ),
    ),
    el("div", { class: "gb-row gb-spread" }, segments, copy),
    code,
  );
  const details = box.closest("details");
  details.addEventListener("toggle", () => {
    if (details.open) refresh();
  });
  return {
    follow() {
      if (details.open) refresh();
    },
  };
};
