// What a dry run says: who would go, who would be waited for, who would stay.

import { byId, el, say } from "./dom.js";
import { megabytes } from "./format.js";

const HELD = {
  leased: "it answers now",
  pinned: "pinned",
  loading: "it loads",
  leaving: "it leaves already",
  young: "loaded a moment ago",
};

export function prepare() {
  byId("plan-close").addEventListener("click", close);
}

// `opener` gets the focus back when the plan is closed.
export function showLoadPlan(plan, opener) {
  const sums = `needs ${megabytes(plan.needed_mb)}; ${megabytes(plan.tracked_mb)} of ${megabytes(plan.budget_mb)} are booked`;
  show(`Dry run: load ${plan.model_name}`, `Decision: ${plan.decision}. ${plan.reason} (${sums}).`, [
    ["Would go, in this order", plan.victims],
    ["Would be waited for", plan.blockers],
    ["Would stay", plan.others],
  ], opener);
}

export function showCleanupPlan(plan, opener) {
  const reasons = {
    memory_threshold_exceeded: "Memory is above the comfort mark",
    expired: "Models have expired",
    nothing_to_do: "There is nothing to do",
  };
  const words = `${reasons[plan.cleanup_reason]}: ${megabytes(plan.memory_to_free_mb)} would be freed.`;
  show("Dry run: sweep", words, [
    ["Have expired, would go", plan.expired],
    ["Would go, in this order", plan.evicted],
    ["Would stay", plan.others],
  ], opener);
}

function show(title, words, lists, opener) {
  const section = byId("plan");
  say(byId("plan-title"), title);
  say(byId("plan-words"), words);
  byId("plan-body").replaceChildren(...lists.filter(([, found]) => found.length).map(list));
  section.hidden = false;
  section.returnTo = opener;
  section.focus();
}

function close() {
  const section = byId("plan");
  section.hidden = true;
  section.returnTo?.focus();
}

function list([title, found]) {
  return el("div", { class: "standings" }, el("h3", {}, title), el("ul", {}, ...found.map(standing)));
}

function standing(one) {
  const held = one.held_by ? `; ${HELD[one.held_by] ?? one.held_by}` : "";
  const score = one.score === null ? "" : `, score ${Number(one.score.toPrecision(3))}`;
  const facts = `rank ${one.rank}, class ${one.class}${one.class_fixed ? " (fixed)" : ""}${score}, ${megabytes(one.memory_mb)}${held}`;
  return el("li", {}, el("strong", {}, one.model), ` ${facts}`);
}
