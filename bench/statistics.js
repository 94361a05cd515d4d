/** Quartiles by linear interpolation: `[lower, median, upper]`. */
export function quartiles(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((part) => {
    const at = part * (sorted.length - 1);
    const below = Math.floor(at);
    const above = Math.ceil(at);
    return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
  });
}

export function median(samples) {
  return quartiles(samples)[1];
}

/** What a cell's ratios, one `[lower, median, upper]` for each unstorage version, say about its bar. */
export function verdict(ratios, { bar, aim }) {
  if (bar === undefined) return "";
  // The faster version is the one that ours wins least against.
  const [, middle, upper] = ratios.reduce((a, b) => (a[1] <= b[1] ? a : b));
  if (middle >= aim) return "met, aim too";
  if (middle >= bar) return "met";
  return upper >= bar ? "within noise" : "missed";
}
