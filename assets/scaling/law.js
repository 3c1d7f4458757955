// A law through losses, L(N, D) = E + A / N^a + B / D^b, as Python fits it (llm/scaling/fit.py).

const [LOW, HIGH] = [0.005, 0.995]; // between these quantiles of the bootstrap lies its band

/**
 * The loss that a law expects.
 * @param {number[]} law E, A, a, B, b
 * @param {number} params N
 * @param {number} tokens D
 */
const lossOf = ([E, A, a, B, b], params, tokens) => E + A / params ** a + B / tokens ** b;

/**
 * How far apart the laws of the bootstrap are there: [low, high].
 * @param {number[][]} laws
 * @param {number} params
 * @param {number} tokens
 */
function bandOf(laws, params, tokens) {
  const losses = laws.map((law) => lossOf(law, params, tokens)).sort((x, y) => x - y);
  const at = (share) => losses[Math.round(share * (losses.length - 1))];
  return [at(LOW), at(HIGH)];
}

export { bandOf, lossOf };
