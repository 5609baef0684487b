# ruff: noqa: INP001
"""What the dashboard shows: its panels, their queries and thresholds."""

from deploy.grafana.panel import AMBER, GREEN, MODELS, ONE, RED, Panel, by_model, quantile, total

HIT_RATE = f"{total('cache_hits')} / ({total('cache_hits')} + {total('cache_misses')})"
MEMORY = f"max(model_cache_used_bytes{{{ONE}}} / model_cache_limit_bytes{{{ONE}}})"
DEATHS = f'increase(model_cache_removals_total{{{ONE}, cause="failed"}}'
KEPT = "prediction_cache"
RECALLED = (
    f"{total(f'{KEPT}_hits')} / ({total(f'{KEPT}_hits')} + {total(f'{KEPT}_misses')}"
    f" + {total(f'{KEPT}_bypassed')})"
)

GLANCE = (
    Panel(
        "Ready",
        "Does every instance take traffic? Not while it preloads, stops, or after a defect.",
        {"": f"min(model_cache_ready{{{ONE}}})"},
        steps=((None, RED), (1, GREEN)),
        width=3,
        kind="stat",
        words={"0": "no", "1": "yes"},
    ),
    Panel(
        "Resident models",
        "Models that load, are in memory, or are leaving.",
        {"": f"sum(model_cache_models_cached{{{ONE}}})"},
        width=3,
        kind="stat",
    ),
    Panel(
        "Hit rate",
        "Answers from a model in memory or from the prediction cache. Target: above 90 %.",
        {"": HIT_RATE},
        "percentunit",
        ((None, RED), (0.8, AMBER), (0.9, GREEN)),
        width=3,
        kind="stat",
    ),
    Panel(
        "Memory",
        "All processes of the fullest instance against its limit. Target: below 80 %.",
        {"": MEMORY},
        "percentunit",
        ((None, GREEN), (0.7, AMBER), (0.8, RED)),
        width=3,
        kind="stat",
    ),
    Panel(
        "Latency p99",
        "Time to answer, waiting and loading included.",
        {"": quantile(0.99)},
        "s",
        ((None, GREEN), (0.1, AMBER), (1, RED)),
        width=3,
        kind="stat",
    ),
    Panel(
        "Waiting",
        "Requests that wait for a model now.",
        {"": f"sum(model_cache_waiting{{{ONE}}})"},
        steps=((None, GREEN), (1, AMBER), (50, RED)),
        width=3,
        kind="stat",
    ),
    Panel(
        "Runner deaths, 1 h",
        "Processes of models that crashed or hung. Their requests were asked again.",
        {"": f"sum({DEATHS}[1h]))"},
        steps=((None, GREEN), (0.5, AMBER), (2.5, RED)),
        width=3,
        kind="stat",
    ),
    Panel(
        "In quarantine",
        "Models that failed to load and are left alone for a while.",
        {"": f"sum(model_cache_quarantined{{{ONE}}})"},
        steps=((None, GREEN), (1, AMBER), (3, RED)),
        width=3,
        kind="stat",
    ),
)

RESIDENCY = (
    Panel(
        "Models in memory against the budget",
        "Bytes of each model. Charged are also reservations for loads and models that are leaving;"
        " it stays below the budget, which is what the service itself leaves of 80 % of the limit.",
        {
            "{{model}}": f"sum by (model) (model_cache_resident_bytes{{{MODELS}}})",
            "budget": f"sum(model_cache_budget_bytes{{{ONE}}})",
            "charged": f"sum(model_cache_tracked_bytes{{{ONE}}})",
        },
        "bytes",
        width=12,
        stacked=True,
        lines=("budget", "charged"),
    ),
    Panel(
        "All processes against the limit",
        "Memory of the service and its runners (proportional set size).",
        {
            "used": f"sum(model_cache_used_bytes{{{ONE}}})",
            "of it the service itself": f"sum(model_cache_own_bytes{{{ONE}}})",
            "limit": f"sum(model_cache_limit_bytes{{{ONE}}})",
            "80 % of it": f"0.8 * sum(model_cache_limit_bytes{{{ONE}}})",
        },
        "bytes",
        width=12,
        lines=("limit", "80 % of it"),
    ),
    Panel(
        "Removals by cause",
        "Evicted: for room. Expired: by age. Many evictions and a low hit rate: too little memory.",
        {
            "{{cause}}": "sum by (cause)"
            f" (increase(model_cache_removals_total{{{ONE}}}[$__rate_interval]))"
        },
        stacked=True,
        bars=True,
    ),
    Panel(
        "Loads by model",
        "A model that is loaded again and again is thrashed: pin it, or give it memory.",
        {
            "{{model}}": "sum by (model)"
            f" (increase(model_cache_loads_total{{{MODELS}}}[$__rate_interval]))"
        },
        stacked=True,
        bars=True,
    ),
    Panel(
        "Failures",
        "Loads that failed, and runners that died. GET /events names the model.",
        {
            "failed loads": "sum(increase(model_cache_load_failures_total"
            f"{{{MODELS}}}[$__rate_interval])) or vector(0)",
            "runner deaths": f"sum({DEATHS}[$__rate_interval]))",
        },
        steps=((None, GREEN), (1, RED)),
        bars=True,
    ),
)

REQUESTS = (
    Panel(
        "Predictions by model",
        "Answered texts a second.",
        {"{{model}}": by_model("model_cache_prediction_seconds_count")},
        "reqps",
        stacked=True,
    ),
    Panel(
        "Latency",
        "Time to answer, waiting and loading included.",
        {"p50": quantile(0.5), "p99": quantile(0.99)},
        "s",
    ),
    Panel(
        "Inference time",
        "Average time in the runner, without answers that were recalled. Target: below 100 ms.",
        {
            "{{model}}": f"{by_model('model_cache_inference_seconds_sum')}"
            f" / ({by_model('model_cache_inference_seconds_count')} > 0)"
        },
        "s",
        ((None, GREEN), (0.1, RED)),
    ),
    Panel(
        "Hit rate",
        "Answers from a model in memory or from the prediction cache. Target: above 90 %.",
        {"hits": HIT_RATE},
        "percentunit",
        ((None, RED), (0.9, GREEN)),
        most=1,
    ),
    Panel(
        "Prediction cache",
        "Part of the look-ups that found an answer given before.",
        {"hits": RECALLED},
        "percentunit",
        most=1,
    ),
    Panel(
        "Error responses by code",
        "What docs/endpoints.md calls `code`. 400 and 404 are the clients' own; the log has 500s.",
        {
            "{{code}}": "sum by (code)"
            f" (increase(model_cache_errors_total{{{ONE}}}[$__rate_interval])) > 0 or vector(0)"
        },
        stacked=True,
        bars=True,
    ),
    Panel(
        "Queue",
        "Requests that wait for a model. For long above 0: pins and models in use fill the budget.",
        {"{{instance}}": f"model_cache_waiting{{{ONE}}}"},
    ),
)

LOADS = (
    Panel(
        "Last load",
        "What the last load of each model took. Target: below 5 s.",
        {"{{model}}": f"max by (model) (model_cache_last_load_seconds{{{MODELS}}})"},
        "s",
        ((None, GREEN), (5, RED)),
    ),
    Panel(
        "Last warm-up",
        "What the last warm-up of each model took. Target: below 2 s.",
        {"{{model}}": f"max by (model) (model_cache_last_warmup_seconds{{{MODELS}}})"},
        "s",
        ((None, GREEN), (2, RED)),
    ),
    Panel(
        "Failed loads in a row",
        "Above 0 the model is in quarantine, or was, and has not been loaded since.",
        {"{{model}}": f"max by (model) (model_cache_failures_in_a_row{{{MODELS}}})"},
        steps=((None, GREEN), (1, RED)),
    ),
    Panel(
        "Instances",
        "1 while Prometheus gets an answer.",
        {"{{instance}}": f'up{{job="model-cache", {ONE}}}'},
        steps=((None, RED), (1, GREEN)),
        width=12,
        most=1,
    ),
    Panel(
        "Time since the start",
        "A saw: something ends the service again and again.",
        {"{{instance}}": f"model_cache_uptime_seconds{{{ONE}}}"},
        "s",
        width=12,
    ),
)

ROWS = {
    "At a glance": (GLANCE, 4),
    "Residency": (RESIDENCY, 8),
    "Requests": (REQUESTS, 8),
    "Loads and instances": (LOADS, 7),
}
