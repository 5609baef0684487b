// From numbers to what is read. Nothing here touches the page.

const NONE = "–";

export function megabytes(mb) {
  if (mb === null || mb === undefined) return NONE;
  if (mb >= 10000) return `${(mb / 1000).toFixed(1)} GB`;
  return `${mb >= 100 ? Math.round(mb) : mb.toFixed(1)} MB`;
}

export function percent(fraction, digits = 1) {
  if (fraction === null || fraction === undefined || Number.isNaN(fraction)) return NONE;
  return `${(100 * fraction).toFixed(digits)} %`;
}

// Three digits that matter: 0.42 ms, 12.3 ms, 1.24 s.
export function milliseconds(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

// The two largest units: 1 h 03 m, 4 m 10 s, 9 s. Below zero it is over.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds <= 0) return "0 s";
  const whole = Math.round(seconds);
  const [d, h, m, s] = [86400, 3600, 60, 1].map((unit, at, all) =>
    Math.floor((at ? whole % all[at - 1] : whole) / unit));
  const two = (n) => String(n).padStart(2, "0");
  if (d) return `${d} d ${two(h)} h`;
  if (h) return `${h} h ${two(m)} m`;
  if (m) return `${m} m ${two(s)} s`;
  return `${s} s`;
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined || Number.isNaN(perSecond)) return NONE;
  return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} /s`;
}

export function count(n) {
  return n === null || n === undefined ? NONE : String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

// Local time of day of an ISO moment.
export function clock(iso) {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? NONE : moment.toLocaleTimeString("en-GB");
}

// How long from `now` (ms since 1970) to an ISO moment; null where there is none.
export function secondsUntil(iso, now) {
  return iso === null || iso === undefined ? null : (Date.parse(iso) - now) / 1000;
}
