// What the buttons do: load, unload, warm up, pin, dry runs, sweep.

import { ofModel, post } from "./asking.js";
import { megabytes, milliseconds } from "./format.js";
import { during, tell } from "./telling.js";
import { showCleanupPlan, showLoadPlan } from "./plan.js";

export async function load(button, name) {
  const done = await during(button, `Loading ${name}`, () => post(ofModel(name, "load")));
  if (done) tell(`${name} is loaded: ${megabytes(done.memory_usage_mb)}, its load took ${milliseconds(1000 * done.load_time_seconds)}`);
}

export async function unload(button, name) {
  const done = await during(button, `Unloading ${name}`, () => post(ofModel(name, "unload")));
  if (done) tell(done.memory_freed_mb > 0 ? `${name} is unloaded: ${megabytes(done.memory_freed_mb)} freed` : `${name} was not in memory; nothing was freed`);
}

export async function warmUp(button, name) {
  const done = await during(button, `Warming up ${name}`, () => post(ofModel(name, "warmup")));
  if (done) tell(`${name} is warm: ${done.warmup_requests} sample texts, ${milliseconds(done.avg_response_time_ms)} each`);
}

export async function pin(button, name, pinned) {
  const verb = pinned ? "pin" : "unpin";
  const done = await during(button, `${pinned ? "Pinning" : "Unpinning"} ${name}`, () => post(ofModel(name, verb)));
  if (!done) return;
  const where = done.cached ? "" : ", from when it is loaded";
  tell(done.pinned ? `${name} is pinned: never evicted${where}, until the service ends` : `${name} may be evicted again`);
}

export async function dryRun(button, name) {
  const plan = await during(button, `Dry run of a load of ${name}`, () => post(`${ofModel(name, "load")}?dry_run=true`));
  if (!plan) return;
  tell(plan.message);
  showLoadPlan(plan, button);
}

export async function sweep(button) {
  const done = await during(button, "Sweeping", () => post("cleanup"));
  if (!done) return;
  const { models_affected: names, memory_freed_mb: freed } = done.cleanup_summary;
  tell(names.length ? `The sweep unloaded ${names.join(", ")}: ${megabytes(freed)} freed` : "The sweep found nothing to unload");
}

export async function planSweep(button) {
  const plan = await during(button, "Dry run of a sweep", () => post("cleanup?dry_run=true"));
  if (!plan) return;
  tell(plan.message);
  showCleanupPlan(plan, button);
}
