// Events of the cache as sentences, with their causes.

import { duration, megabytes, milliseconds } from "./format.js";

const CAUSES = {
  evicted: "evicted to make room",
  expired: "expired",
  unloaded: "unloaded by request",
  replaced: "replaced by another version",
  abandoned: "load given up: nobody waited for it any more",
  failed: "its runner ended",
  closed: "the service closes",
};

// → {kind, head, text}: `kind` chooses the colour, `head` is the word in front.
export function sentence(event) {
  const size = event.memory_mb === null ? "" : megabytes(event.memory_mb);
  switch (event.event) {
    case "load_started":
      return { kind: "loading", head: "loading", text: `${size} reserved` };
    case "load_finished":
      return { kind: "good", head: "loaded", text: `in ${milliseconds(1000 * event.seconds)}, ${size}` };
    case "load_failed":
      return { kind: "bad", head: "failed", text: failed(event) };
    case "draining":
      return { kind: "leaving", head: "leaving", text: leaving(event) };
    case "removed":
      return { kind: event.cause === "failed" ? "bad" : "off", head: "removed", text: joined(cause(event), `${size} freed`) };
    case "refreshed":
      return { kind: "good", head: "refreshed", text: "its time to live begins anew" };
    case "refresh_failed":
      return { kind: "bad", head: "not refreshed", text: event.error ?? "" };
    default:
      return { kind: "off", head: event.event, text: cause(event) };
  }
}

function cause(event) {
  const words = CAUSES[event.cause] ?? event.cause ?? "";
  return event.for_model ? `${words} for ${event.for_model}` : words;
}

function failed(event) {
  const again = event.seconds ? `tried again in ${duration(event.seconds)}` : "";
  return joined(event.error ?? "", again);
}

function leaving(event) {
  const idle = event.seconds === null ? "" : `unused for ${duration(event.seconds)}`;
  const judged = event.priority ? `class ${event.priority}` : "";
  const score = event.score === null ? "" : `score ${Number(event.score.toPrecision(3))}`;
  return joined(cause(event), idle, judged, score);
}

function joined(...parts) {
  return parts.filter((part) => part).join("; ");
}
