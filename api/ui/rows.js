// The table of models. A model's row stays the same element, so that focus and selection stay.

import * as acting from "./acting.js";
import { byId, el, say, set } from "./dom.js";
import { count, duration, megabytes, milliseconds, percent, secondsUntil } from "./format.js";
import { fit, small } from "./memory.js";

const LABELS = ["Model", "State", "Memory", "Class", "Rank", "TTL left", "Hit rate", "Inference", "Actions"];
const rows = new Map();

// `models` are as `entries` in view.js makes them, in order.
export function show(models, budget) {
  const body = byId("rows");
  for (const [name, row] of rows) {
    if (!models.some((model) => model.name === name)) { row.node.remove(); rows.delete(name); }
  }
  models.forEach((model, at) => {
    if (!rows.has(model.name)) rows.set(model.name, made(model.name));
    const row = rows.get(model.name);
    fill(row, model, budget);
    if (body.children[at] !== row.node) place(body, row.node, at);
  });
  tick(Date.now());
}

// The times that run down, between two answers of the service.
export function tick(now) {
  for (const row of rows.values()) {
    say(row.ttl, ttlWords(row, now));
    set(row.ttl.parentNode, "data-none", row.loaded ? null : "yes");
  }
}

function ttlWords(row, now) {
  if (!row.loaded) return "–";
  if (!row.expires) return "for ever";
  const left = secondsUntil(row.expires, now);
  return left > 0 ? duration(left) : "over; goes at the next sweep";
}

// Moving an element takes the focus from what is in it.
function place(body, node, at) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  body.insertBefore(node, body.children[at] ?? null);
  focused?.focus({ preventScroll: true });
}

function made(name) {
  const row = { name, pinned: false };
  const version = el("small", {});
  const dot = el("span", { class: "dot" });
  const word = el("span", {});
  const bar = small(0, 1, "off");
  const size = el("span", { class: "number" });
  const cells = Array.from({ length: 5 }, () => el("span", { class: "number" }));
  const buttons = buttonsOf(row);
  const contents = [
    [el("strong", {}, name), " ", version], [dot, " ", word], [bar, " ", size],
    ...cells.map((cell) => [cell]), [el("div", { class: "acts" }, ...Object.values(buttons))],
  ];
  row.node = el("tr", { role: "row", "data-model": name }, ...contents.map((inside, at) => cellOf(at, inside)));
  const [cls, rank, ttl, hits, inference] = cells;
  return Object.assign(row, { version, dot, word, bar, size, cls, rank, ttl, hits, inference, buttons });
}

function cellOf(at, inside) {
  const head = at === 0;
  return el(head ? "th" : "td", { role: head ? "rowheader" : "cell", scope: head ? "row" : null, "data-label": LABELS[at] }, ...inside);
}

function buttonsOf(row) {
  const button = (text, act, what) => el("button", {
    type: "button", "data-act": what, "data-lock": "admin", "aria-label": `${text} ${row.name}`,
    onclick: (event) => act(event.currentTarget, row.name, !row.pinned),
  }, text);
  return {
    load: button("Load", acting.load, "load"),
    unload: button("Unload", acting.unload, "unload"),
    warm: button("Warm up", acting.warmUp, "warmup"),
    pin: button("Pin", acting.pin, "pin"),
    plan: button("Dry run", acting.dryRun, "plan"),
  };
}

function fill(row, model, budget) {
  Object.assign(row, { loaded: model.loaded, expires: model.expires, pinned: model.pinned });
  set(row.node, "data-memory", model.mb > 0 ? "held" : null);
  set(row.dot, "data-state", model.state.kind);
  set(row.word, "title", model.state.why || null);
  say(row.word, model.state.word);
  say(row.version, model.version ?? "");
  say(row.size, model.mb > 0 ? megabytes(model.mb) : "–");
  fit(row.bar, model.mb, budget, model.state.kind);
  say(row.cls, model.fixed ? `${model.priority} (fixed)` : model.priority);
  say(row.rank, model.rank === null ? "–" : String(model.rank));
  set(row.rank, "title", model.score === null ? null : `score ${model.score}`);
  say(row.hits, model.asked > 0 ? `${percent(model.hitRate)} of ${count(model.asked)}` : "–");
  say(row.inference, model.inferences > 0 ? milliseconds(model.inferenceMs) : "–");
  say(row.buttons.pin, model.pinned ? "Unpin" : "Pin");
  set(row.buttons.pin, "aria-label", `${model.pinned ? "Unpin" : "Pin"} ${model.name}`);
  keepInPlace(row, model);
  for (const cell of row.node.children) set(cell, "data-none", cell.textContent.trim() === "–" ? "yes" : null);
}

// Where one of the pair goes, the other takes its place, and the focus with it.
function keepInPlace(row, { cached }) {
  const { load, unload } = row.buttons;
  const gone = cached ? load : unload;
  const come = cached ? unload : load;
  const focused = document.activeElement === gone;
  gone.hidden = true;
  come.hidden = false;
  if (focused) come.focus({ preventScroll: true });
}
