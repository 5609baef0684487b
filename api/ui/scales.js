// From sizes and samples to places on the page, as plain numbers.

// The parts of the memory bar in the order given, each with its place and width as parts of the limit.
// Sizes are MB.
// What is booked beyond what was measured (headroom, loads under way) is one part more.
export function memoryParts({ limit, own, tracked, residents }) {
  if (!(limit > 0)) return [];
  const held = residents.reduce((sum, each) => sum + each.mb, 0);
  const parts = [
    { name: "service", kind: "own", mb: own },
    ...residents.map((each) => ({ name: each.name, kind: each.kind, mb: each.mb, word: each.word })),
    { name: "booked beyond that", kind: "headroom", mb: Math.max(0, tracked - held) },
  ].filter((part) => part.mb > 0);
  let left = 0;
  return parts.map((part) => {
    const width = Math.max(0, Math.min(part.mb / limit, 1 - left));
    const placed = { ...part, left, width };
    left += width;
    return placed;
  });
}

// The points of a line for an SVG of this width and height; null leaves a gap: one string a stretch.
export function sparkLines(values, { width, height, least = 0, most }) {
  const top = most > least ? most : least + 1;
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const lines = [];
  let points = [];
  values.forEach((value, at) => {
    if (value === null || value === undefined || Number.isNaN(value)) {
      if (points.length) lines.push(points);
      points = [];
      return;
    }
    const part = (Math.min(Math.max(value, least), top) - least) / (top - least);
    points.push(`${(at * step).toFixed(1)},${(height - part * height).toFixed(1)}`);
  });
  if (points.length) lines.push(points);
  return lines.map((each) => each.join(" "));
}

// A top for the scale that does not jump with each sample: 1, 2 or 5 times a power of ten.
export function niceTop(values, least = 1) {
  const known = values.filter((value) => typeof value === "number" && !Number.isNaN(value));
  const most = Math.max(least, ...known);
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= most * 0.9999);
}
