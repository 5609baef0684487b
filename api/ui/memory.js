// The memory bar: the limit from end to end, what takes it, and the two marks.

import { byId, el, say, set } from "./dom.js";
import { megabytes, percent } from "./format.js";
import { memoryParts } from "./scales.js";

// `memory` as in a sample; `residents` are {name, kind, mb, word}.
export function show(memory, residents, settings) {
  const parts = memoryParts({ limit: memory.limit, own: memory.own, tracked: memory.tracked, residents });
  const hard = Math.min(1, (memory.own + memory.budget) / memory.limit);
  byId("rule").replaceChildren(
    el("div", { class: "bar", role: "img", "aria-label": words(memory, residents, hard) }, ...parts.map(piece)),
    mark(settings.comfort_mark, "comfort", `comfort ${percent(settings.comfort_mark, 0)}`),
    mark(hard, "hard", `budget ${percent(hard, 0)}`),
  );
  byId("legend").replaceChildren(...parts.map(entry), entry({ name: "free below the limit", kind: "free", mb: Math.max(0, memory.limit - memory.used) }));
  say(byId("memory-words"), `${megabytes(memory.used)} of ${megabytes(memory.limit)} (${percent(memory.used / memory.limit)}); booked ${megabytes(memory.tracked)} of a budget of ${megabytes(memory.budget)}`);
}

// Each piece is as wide as its part of the limit; the style is set by script, as the policy allows.
function piece(part) {
  const node = el("span", { class: "piece", "data-kind": part.kind, title: `${part.name}: ${megabytes(part.mb)}` });
  node.style.setProperty("--left", part.left);
  node.style.setProperty("--width", part.width);
  return node;
}

function mark(part, kind, text) {
  const node = el("span", { class: `mark ${kind}` }, el("span", {}, text));
  node.style.setProperty("--left", Math.min(1, part));
  return node;
}

function entry(part) {
  const doing = part.word ? [el("span", { class: "doing" }, part.word)] : [];
  return el("li", {}, el("span", { class: "swatch", "data-kind": part.kind }), el("span", { class: "name" }, part.name), ...doing, el("span", { class: "number" }, megabytes(part.mb)));
}

function words(memory, residents, hard) {
  const each = residents.map((one) => `${one.name} ${megabytes(one.mb)}`).join(", ");
  return `Of a limit of ${megabytes(memory.limit)}: service ${megabytes(memory.own)}, ${each || "no model"}; budget mark at ${percent(hard, 0)}`;
}

// The bar of one model in its row, on the scale of the budget.
export function small(mb, budget, kind) {
  const bar = el("span", { class: "small", "aria-hidden": "true" }, el("span", {}));
  fit(bar, mb, budget, kind);
  return bar;
}

export function fit(bar, mb, budget, kind) {
  set(bar, "data-kind", kind);
  bar.firstChild.style.setProperty("--width", budget > 0 ? Math.min(1, mb / budget) : 0);
}
