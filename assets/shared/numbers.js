// How arrays travel: as text that holds their bytes.

/**
 * bytesOf("AAEC"): how pictures travel.
 * @param {string} base64
 */
export function bytesOf(base64) {
  const text = atob(base64),
    out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) out[i] = text.charCodeAt(i);
  return out;
}
/** @param {string} base64 the bytes of float32 numbers, lowest byte first */
export const floatsOf = (base64) => new Float32Array(bytesOf(base64).buffer);
