// The event journal, newest first, and the stream that it comes by.

import { byId, el, say } from "./dom.js";
import { clock } from "./format.js";
import { sentence } from "./sentences.js";
import { loadsUnderWay } from "./states.js";

const KEPT = 200;
const PAUSE = 3000;
const KINDS = ["load_started", "load_finished", "load_failed", "draining", "removed", "refreshed", "refresh_failed"];
const events = [];
let held = [];

// `changed` is called with each event; `connected` with true or false. A hidden tab lets the stream
// go: a browser keeps six connections to a service, for all tabs together.
export function follow(changed, connected) {
  let source = null;
  let later = 0;
  const anew = () => {
    clearTimeout(later);
    source?.close();
    source = document.hidden ? null : open(changed, connected, () => { later = setTimeout(anew, PAUSE); });
  };
  document.addEventListener("visibilitychange", anew);
  anew();
}

// `lost` is called when the browser does not try any more.
function open(changed, connected, lost) {
  const source = new EventSource("events?stream=true&limit=100");
  source.onopen = () => connected(true);
  source.onerror = () => {
    connected(false);
    if (source.readyState === EventSource.CLOSED) lost();
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) => {
      const event = JSON.parse(message.data);
      if (take(event)) changed(event);
    });
  }
  return source;
}

export function prepare() {
  const still = byId("journal-still");
  still.addEventListener("change", () => {
    if (still.checked) return;
    held.forEach(write);
    held = [];
    sum();
  });
}

// MB reserved by the loads under way, by "name:version".
export function loading() {
  return loadsUnderWay(events);
}

// A service that began anew counts its events anew: its first ones are not those that are known.
function take(event) {
  if (events.some((known) => known.id === event.id && known.timestamp === event.timestamp)) return false;
  if (events.length && event.id <= events[events.length - 1].id) events.length = 0;
  events.push(event);
  if (events.length > KEPT) events.shift();
  if (byId("journal-still").checked) held = [...held, event].slice(-KEPT);
  else write(event);
  sum();
  return true;
}

function write(event) {
  const journal = byId("journal");
  const { kind, head, text } = sentence(event);
  journal.prepend(el("li", { "data-id": event.id },
    el("time", { datetime: event.timestamp }, clock(event.timestamp)), " ",
    el("span", { class: "word", "data-state": kind }, head), " ",
    el("span", { class: "what" }, el("strong", {}, event.model), text ? ` ${text}` : "")));
  while (journal.children.length > KEPT) journal.lastChild.remove();
}

function sum() {
  const waiting = held.length ? `, ${held.length} held back` : "";
  say(byId("journal-words"), `${byId("journal").children.length} shown, newest first${waiting}`);
}
