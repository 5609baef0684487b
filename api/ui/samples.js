// From the text of /metrics to figures of the time between two looks at it.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// All samples by name: name → [{labels, value}].
export function parseMetrics(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    if (line.startsWith("#") || !match) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(LABEL)].map((m) => [m[1], m[2]]));
    const value = match[3] === "+Inf" ? Infinity : Number(match[3]);
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value });
  }
  return found;
}

function total(metrics, name) {
  return (metrics.get(`model_cache_${name}`) ?? []).reduce((sum, each) => sum + each.value, 0);
}

// Counts of the histogram over all models, by upper bound in seconds, in order.
function buckets(metrics) {
  const sums = new Map();
  for (const { labels, value } of metrics.get("model_cache_prediction_seconds_bucket") ?? []) {
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return [...sums].sort((a, b) => a[0] - b[0]);
}

// One look: what counts up, and what stands. Memory in MB; `at` in seconds.
export function sample(text, at) {
  const metrics = parseMetrics(text);
  const mb = (name) => total(metrics, name) / 1e6;
  return {
    at,
    hits: total(metrics, "cache_hits_total"),
    misses: total(metrics, "cache_misses_total"),
    hitRate: total(metrics, "hit_rate"),
    predictions: total(metrics, "prediction_seconds_count"),
    buckets: buckets(metrics),
    inferences: total(metrics, "inference_seconds_count"),
    inferenceSeconds: total(metrics, "inference_seconds_sum"),
    waiting: total(metrics, "waiting"),
    ready: total(metrics, "ready") > 0,
    uptime: total(metrics, "uptime_seconds"),
    memory: { limit: mb("limit_bytes"), own: mb("own_bytes"), budget: mb("budget_bytes"),
              tracked: mb("tracked_bytes"), used: mb("used_bytes") },
  };
}

// The quantile (0 to 1) of what came between two histograms, interpolated as Prometheus does:
// https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile. null of nothing.
export function quantile(part, before, after) {
  const earlier = new Map(before);
  const grown = after.map(([bound, n]) => [bound, n - (earlier.get(bound) ?? 0)]);
  const all = grown.length ? grown[grown.length - 1][1] : 0;
  if (!(all > 0)) return null;
  const wanted = part * all;
  let [lower, below] = [0, 0];
  for (const [bound, n] of grown) {
    if (n >= wanted) {
      if (bound === Infinity) return lower;
      return lower + (bound - lower) * (n > below ? (wanted - below) / (n - below) : 1);
    }
    [lower, below] = [bound, n];
  }
  return lower;
}

const PAST = 10;

// What happened between two looks; null where nothing did. A restart (counters fall) has no past, nor
// has a tab that was hidden: its last look is too long ago.
export function between(before, after) {
  const fell = !before || after.uptime < before.uptime || after.predictions < before.predictions;
  const seconds = fell || after.at - before.at > PAST ? 0 : after.at - before.at;
  if (!(seconds > 0)) return { hitRate: null, perSecond: null, p95: null, inference: null, waiting: after.waiting };
  const asked = after.hits + after.misses - before.hits - before.misses;
  const computed = after.inferences - before.inferences;
  return {
    hitRate: asked > 0 ? (after.hits - before.hits) / asked : null,
    perSecond: (after.predictions - before.predictions) / seconds,
    p95: thousand(quantile(0.95, before.buckets, after.buckets)),
    inference: computed > 0 ? (1000 * (after.inferenceSeconds - before.inferenceSeconds)) / computed : null,
    waiting: after.waiting,
  };
}

function thousand(seconds) {
  return seconds === null ? null : 1000 * seconds;
}
