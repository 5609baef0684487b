// The operator's page: looks at the service every two seconds, follows its events, draws.

import { get, getText, ofModel } from "./asking.js";
import * as acting from "./acting.js";
import { byId, say, set } from "./dom.js";
import { duration } from "./format.js";
import * as keys from "./keys.js";
import * as journal from "./journal.js";
import * as memory from "./memory.js";
import * as plan from "./plan.js";
import * as rows from "./rows.js";
import { between, sample } from "./samples.js";
import * as sparks from "./sparks.js";
import * as theme from "./theme.js";
import * as token from "./token.js";
import * as trying from "./trying.js";
import { entries, residents } from "./view.js";

const EVERY = 2000;
const SETTLED = 150;
const seen = { settings: null, sample: null, models: {}, details: new Map() };
let measuring = false;
let looking = null;
let again = false;
let soon = 0;

async function begin() {
  theme.prepare();
  plan.prepare();
  trying.prepare();
  sparks.prepare();
  journal.prepare();
  byId("sweep").addEventListener("click", (event) => acting.sweep(event.currentTarget).then(look));
  byId("sweep-plan").addEventListener("click", (event) => acting.planSweep(event.currentTarget));
  byId("rows").addEventListener("click", () => lookSoon());
  keys.prepare();
  document.addEventListener("visibilitychange", () => document.hidden || measure());
  await settings();
  journal.follow(lookSoon, showStream);
  await measure();
  setInterval(() => document.hidden || measure(), EVERY);
  setInterval(() => rows.tick(Date.now()), 1000);
}

// The page begins before the service may have: it asks until it is told.
async function settings() {
  for (;;) {
    try {
      seen.settings = await get("ui/settings.json");
      break;
    } catch (trouble) {
      showService("bad", trouble.message);
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  }
  token.prepare(seen.settings);
}

// One sample of the figures; the models are looked at with it. One at a time: a service that hangs
// gets no more of them.
async function measure() {
  if (measuring) return;
  measuring = true;
  try {
    const now = sample(await getText("metrics"), performance.now() / 1000);
    const figures = between(seen.sample, now);
    seen.sample = now;
    sparks.show({ ...figures, used: now.memory.used / now.memory.limit }, EVERY);
    showService(now.ready ? "good" : "leaving", now.ready ? "ready" : "not ready");
    say(byId("facts"), `up ${duration(now.uptime)} · version ${seen.settings.version}`);
    await look();
  } catch (trouble) {
    unreachable(trouble);
  } finally {
    measuring = false;
  }
}

// Asks for the models, one look at a time; a wish meanwhile is for one more.
function look() {
  again = looking !== null;
  looking ??= models().catch(unreachable).finally(() => {
    looking = null;
    if (again) lookSoon();
  });
  return looking;
}

function lookSoon() {
  clearTimeout(soon);
  soon = setTimeout(look, SETTLED);
}

// The details of what is in memory each time, of the others once and after each change of theirs.
async function models() {
  const listed = (await get("models")).models;
  const names = Object.keys(listed).filter((name) => listed[name].cached || changed(listed[name]));
  const found = await Promise.all(names.map((name) => get(ofModel(name))));
  for (const detail of found) seen.details.set(detail.name, detail);
  seen.models = listed;
  draw();
}

function changed(model) {
  const known = seen.details.get(model.name);
  return !known || known.cached || known.quarantine !== null || known.version !== model.version
    || known.access_count !== model.access_count || known.pinned !== model.pinned;
}

function draw() {
  const found = entries(seen.models, seen.details, journal.loading());
  const loaded = found.filter((model) => model.loaded).length;
  rows.show(found, seen.sample?.memory.budget ?? 0);
  say(byId("models-words"), `${loaded} of ${found.length} in memory, at most ${seen.settings.max_models}`);
  trying.offer(found.filter((model) => model.registered).map((model) => model.name).sort(), seen.settings.default_model);
  if (seen.sample) memory.show(seen.sample.memory, residents(found), seen.settings);
}

function unreachable(trouble) {
  if (trouble.status === undefined) throw trouble;
  showService("bad", trouble.message);
}

function showService(kind, words) {
  set(byId("service-state").firstElementChild, "data-state", kind);
  say(byId("service-word"), words);
}

function showStream(connected) {
  set(byId("stream-state").firstElementChild, "data-state", connected ? "good" : "bad");
  say(byId("stream-word"), connected ? "events: live" : "events: broken off, trying again");
}

begin();
