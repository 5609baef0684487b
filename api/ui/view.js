// What the service says, put together into what is shown. Nothing here touches the page.

import { nameOf, ordered, stateOf } from "./states.js";

// `models` as in /models, `details` name → /models/NAME, `loads` key → MB reserved.
export function entries(models, details, loads) {
  const loading = new Map([...loads].map(([key, mb]) => [nameOf(key), mb]));
  return ordered(models, details).map((name) => {
    const reserved = models[name].cached ? loading.get(name) : undefined; // the end of a load may have been missed
    return entry(models[name], details.get(name), reserved);
  });
}

function entry(model, detail, reserved) {
  const counted = detail?.performance_metrics;
  return {
    name: model.name,
    version: model.version,
    cached: model.cached,
    loaded: model.loaded,
    state: stateOf(model, detail, reserved !== undefined),
    mb: model.memory_usage_mb || (model.loaded ? 0 : reserved ?? 0),
    priority: model.cache_priority,
    fixed: detail?.cache_priority_fixed ?? false,
    rank: detail?.rank ?? null,
    score: detail?.score ?? null,
    pinned: detail?.pinned ?? false,
    expires: detail?.expires_at ?? null,
    registered: detail?.model_info?.registered ?? model.version !== null,
    asked: counted ? counted.cache_hits + counted.cache_misses : 0,
    hitRate: counted?.hit_rate ?? null,
    inferences: counted?.total_inferences ?? 0,
    inferenceMs: counted?.avg_inference_time_ms ?? null,
  };
}

// Those that take memory now, for the bar.
export function residents(found) {
  return found.filter((model) => model.cached && model.mb > 0).map(({ name, mb, state }) => ({ name, mb, kind: state.kind, word: state.word }));
}
