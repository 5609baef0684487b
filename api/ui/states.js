// What a model is doing, in one word, from its entry in /models, its detail and the events.

// → {word, kind, why}. `kind` chooses the colour; the word always stands beside it.
export function stateOf(model, detail, loading) {
  if (model.loaded) return loadedState(detail);
  if (loading || detail?.held_by === "loading") return { word: "loading", kind: "loading", why: "a load is under way" };
  if (model.cached) return { word: "leaving", kind: "leaving", why: "its memory is not free yet" };
  const quarantine = detail?.quarantine;
  if (quarantine && quarantine.retry_after_seconds > 0) {
    return { word: "quarantined", kind: "bad", why: `${quarantine.failures} failed loads: ${quarantine.error}` };
  }
  if (detail && detail.model_info?.registered === false) {
    return { word: "not registered", kind: "off", why: "its weights are not in the store: scripts/register" };
  }
  return { word: "not loaded", kind: "off", why: "" };
}

function loadedState(detail) {
  const words = {
    leased: { word: "busy", kind: "busy", why: "it answers now; not evicted meanwhile" },
    pinned: { word: "pinned", kind: "pinned", why: "never evicted" },
    leaving: { word: "leaving", kind: "leaving", why: "it is unloaded after its last answer" },
    young: { word: "young", kind: "idle", why: "loaded a moment ago; not evicted yet" },
    loading: { word: "loading", kind: "loading", why: "a load is under way" },
  };
  if (detail?.pinned && detail.held_by !== "leased") return words.pinned;
  return words[detail?.held_by] ?? { word: "idle", kind: "idle", why: "in memory; may make room" };
}

// Those in memory first, by rank (1 goes first), then the others by name, the registered ones first.
export function ordered(models, details) {
  const place = (name) => (models[name].cached ? details.get(name)?.rank ?? 1e6 : models[name].version === null ? 1e9 : 1e8);
  return Object.keys(models).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

// Which keys ("name:version") load, after these events in order; → key → MB reserved.
export function loadsUnderWay(events) {
  const loads = new Map();
  for (const event of events) {
    if (event.event === "load_started") loads.set(event.model, event.memory_mb ?? 0);
    else if (["load_finished", "load_failed", "removed"].includes(event.event)) loads.delete(event.model);
  }
  return loads;
}

export function nameOf(key) {
  return key.split(":")[0];
}
