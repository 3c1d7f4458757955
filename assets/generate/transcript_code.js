// The Python and the command line that write the very same text again.
import * as sampler from "../shared/sampler.js";

/** What differs from the library's defaults, by the names of SamplingConfig. */
export function given(settings) {
  const { OFF, ORDER } = sampler,
    changed = {};
  for (const name of ORDER) if (settings[name] !== OFF[name]) changed[name] = settings[name];
  if (String(settings.order) !== String(ORDER)) changed.order = settings.order;
  return changed;
}

export const isFast = (settings) => settings.weights === "int8";

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
export function asPython({ place, tokens, settings }, folder) {
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
export function asShell({ place, tokens, settings }, folder) {
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
