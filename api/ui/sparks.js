// The tiles of figures: the newest value, its line over the last minutes, its target.

import { byId, el, say, set, svg } from "./dom.js";
import { milliseconds, percent, rate } from "./format.js";
import { niceTop, sparkLines } from "./scales.js";

const KEPT = 120;
const SIZE = { width: 160, height: 36 };
const TILES = [
  { id: "hits", name: "Hit rate", of: "hitRate", say: percent, most: 1, target: 0.9, better: "above", aim: "target > 90 %" },
  { id: "p95", name: "Answer, 95 of 100", of: "p95", say: milliseconds, aim: "loads and waiting included" },
  { id: "inference", name: "Inference, mean", of: "inference", say: milliseconds, target: 100, better: "below", aim: "target < 100 ms" },
  { id: "rate", name: "Predictions", of: "perSecond", say: rate, aim: "a second" },
  { id: "queue", name: "Waiting for room", of: "waiting", say: (n) => (n === null ? "–" : String(n)), target: 1, better: "below", aim: "none is good" },
  { id: "used", name: "Memory", of: "used", say: percent, most: 1, target: 0.8, better: "below", aim: "target < 80 %" },
];
const series = new Map(TILES.map((tile) => [tile.of, []]));
const nodes = new Map();

export function prepare() {
  byId("tiles").append(...TILES.map(made));
}

// `figures` has a value, or null, for each tile; one call a sample.
export function show(figures, every) {
  for (const [name, kept] of series) {
    kept.push(figures[name] ?? null);
    if (kept.length > KEPT) kept.shift();
  }
  for (const tile of TILES) draw(tile, series.get(tile.of));
  const seconds = Math.round((every / 1000) * (KEPT - 1));
  say(byId("span"), `the last ${Math.round(seconds / 60)} minutes, a look every ${every / 1000} s`);
}

function made(tile) {
  const value = el("p", { class: "value" }, "–");
  const drawn = svg("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const scale = el("span", {});
  nodes.set(tile.id, { value, drawn, scale });
  return el("div", { class: "tile", id: `tile-${tile.id}` }, el("h3", {}, tile.name), value, drawn, el("p", { class: "aim" }, tile.aim, scale));
}

function draw(tile, values) {
  const { value, drawn, scale } = nodes.get(tile.id);
  const newest = [...values].reverse().find((each) => each !== null) ?? null;
  const most = tile.most ?? niceTop([...values, ...(tile.target ? [tile.target] : [])]);
  const missed = newest !== null && tile.target !== undefined && (tile.better === "above" ? newest < tile.target : newest >= tile.target);
  say(value, tile.say(newest) + (missed ? " ▲" : ""));
  set(value, "data-kind", missed ? "bad" : "good");
  set(value, "title", missed ? "beyond the target" : null);
  say(scale, ` · top ${tile.say(most, 0)}`);
  const padded = [...Array(KEPT - values.length).fill(null), ...values];
  const lines = sparkLines(padded, { ...SIZE, most }).map((points) => svg("polyline", { points: alone(points) }));
  drawn.replaceChildren(...(tile.target ? [aimLine(tile.target / most)] : []), ...lines);
}

// One sample alone is a short dash: a line of no length is not drawn.
function alone(points) {
  return points.includes(" ") ? points : `${points} ${Number(points.split(",")[0]) - 1.4},${points.split(",")[1]}`;
}

function aimLine(part) {
  const y = SIZE.height * (1 - Math.min(1, part));
  return svg("line", { class: "aim", x1: 0, x2: SIZE.width, y1: y, y2: y });
}
