/** Medians and ratios of alternating runs, and their spread. A single run says nothing on a machine whose disk changes. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** { median, min, max, runs } */
export function summary(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), runs: values };
}

/** One ratio for each pair of runs that stood side by side. */
export function ratios(ours, peers) {
  return summary(ours.map((value, index) => value / peers[index]));
}

/** Three significant digits, thousands in full. */
export function number(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

export function spread({ median: middle, min, max }) {
  return `${number(middle)} [${number(min)}-${number(max)}]`;
}

/** Does the ratio (or, without a peer, the value) reach the goal: { atLeast } or { atMost }? */
export function reaches(goal, value) {
  if (goal.atLeast !== undefined) return value >= goal.atLeast;
  return value <= goal.atMost;
}

export function goalText(goal, unit) {
  return goal.atLeast !== undefined ? `>= ${goal.atLeast}${unit}` : `<= ${goal.atMost}${unit}`;
}
