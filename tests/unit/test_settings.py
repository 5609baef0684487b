"""Settings: documented names and defaults, strict values, clear messages."""

import json
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError
from api.variables import unknown_variables
from models.config import ServingConfig, SharedConfig

DOCUMENTED = {
    "max_memory_usage": 0.8,
    "cache_ttl": 3600,
    "preload_models": ("deberta-v3-base_pretrained", "roberta-base_pretrained"),
    "warmup_requests": 10,
    "enable_auto_scaling": True,
    "memory_threshold": 0.7,
    "cleanup_interval": 300,
    "max_models": 10,
}


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"MODEL_CACHE_{name.upper()}", value)
    return Settings.from_environment()


def test_defaults_are_the_documented_ones() -> None:
    """Seen failing with memory_threshold at 0.75."""
    settings = Settings()

    assert {name: getattr(settings, name) for name in DOCUMENTED} == DOCUMENTED
    assert settings.eviction_policy == "gdsf"
    assert settings.to_config() == ServingConfig()


def test_every_setting_that_the_use_cases_know_reaches_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen failing with room_timeout, and with overtake_seconds, left out of to_config."""
    values = {
        "max_memory_usage": 0.9,
        "memory_threshold": 0.6,
        "memory_limit_mb": 600,
        "max_models": 3,
        "cache_ttl": 60.0,
        "cleanup_interval": 5.0,
        "enable_auto_scaling": False,
        "default_model": "a",
        "preload_models": ["a", "b"],
        "warmup_requests": 2,
        "catalogue": "other.toml",
        "cores": 2,
        "room_timeout": 1.0,
        "load_timeout": 2.0,
        "inference_timeout": 3.0,
        "request_timeout": 4.0,
        "max_waiting": 5,
        "ttl_by_type": {"onnx": 10.0},
        "eviction_policy": "lru",
        "churn_guard": 0.0,
        "max_loads": 7,
        "overtake_limit": 0,
        "overtake_seconds": 0.5,
        "postpone_seconds": 0.25,
        "quarantine_base": 6.0,
        "quarantine_max": 8.0,
        "refresh_ahead": 0.0,
        "journal": "elsewhere.journal",
        "journal_enabled": False,
        "restore_working_set": False,
        "events_kept": 9,
        "store_watch": "poll",
        "store_poll_seconds": 2.5,
        "device": "cuda:1",
        "dispatch": "single",
        "max_windows": 3,
        "prediction_cache_mb": 1.5,
        "prediction_cache_ttl": 11.0,
        "redis_url": "redis://cache:6379/1",
        "redis_timeout": 0.5,
        "redis_retry_seconds": 1.5,
        "redis_prefix": "ours",
    }
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items()}
    config = read(monkeypatch, **texts).to_config()

    expected = {
        **values,
        "memory_limit": 600_000_000,
        "prediction_cache": 1_500_000,
        "preload_models": ("a", "b"),
        "catalogue": Path("other.toml"),
        "journal": Path("elsewhere.journal"),
        "shared": SharedConfig("redis://cache:6379/1", 0.5, 1.5, "ours"),
    }
    del expected["memory_limit_mb"], expected["prediction_cache_mb"]
    expected = {name: v for name, v in expected.items() if not name.startswith("redis_")}
    assert {name: getattr(config, name) for name in expected} == expected
    assert set(ServingConfig.__slots__) == set(expected)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("max_models", "many", "MODEL_CACHE_MAX_MODELS: Input should be a valid integer"),
        ("max_models", "0", "MODEL_CACHE_MAX_MODELS: Input should be greater than or equal to 1"),
        ("max_memory_usage", "1.2", "MODEL_CACHE_MAX_MEMORY_USAGE: Input should be less than"),
        ("max_memory_usage", "0", "MODEL_CACHE_MAX_MEMORY_USAGE: Input should be greater than 0"),
        ("memory_threshold", "nan", "MODEL_CACHE_MEMORY_THRESHOLD: Input should be"),
        ("memory_threshold", "0.9", "MODEL_CACHE_MEMORY_THRESHOLD (0.9) must not be above"),
        ("cache_ttl", "inf", "MODEL_CACHE_CACHE_TTL: Input should be a finite number"),
        ("memory_limit_mb", "-1", "MODEL_CACHE_MEMORY_LIMIT_MB: Input should be greater than 0"),
        ("preload_models", "a,b", "written as JSON"),
        ("preload_models", '[""]', "MODEL_CACHE_PRELOAD_MODELS[0]: String should have at least"),
        ("default_model", "", "MODEL_CACHE_DEFAULT_MODEL: String should have at least"),
        ("enable_auto_scaling", "perhaps", "MODEL_CACHE_ENABLE_AUTO_SCALING: Input should be"),
        ("eviction_policy", "fifo", "POLICY: there is no policy 'fifo': give gdsf or lru"),
        ("eviction_policy", "LRU", "POLICY: there is no policy 'LRU': give gdsf or lru"),
        ("churn_guard", "-1", "MODEL_CACHE_CHURN_GUARD: Input should be greater than or equal"),
        ("churn_guard", "inf", "MODEL_CACHE_CHURN_GUARD: Input should be a finite number"),
        ("max_loads", "0", "MODEL_CACHE_MAX_LOADS: Input should be greater than or equal to 1"),
        ("overtake_limit", "1.5", "MODEL_CACHE_OVERTAKE_LIMIT: Input should be a valid integer"),
        ("quarantine_base", "301", "MODEL_CACHE_QUARANTINE_BASE (301.0) must not be above"),
        ("refresh_ahead", "1", "MODEL_CACHE_REFRESH_AHEAD: Input should be less than 1"),
        ("events_kept", "0", "MODEL_CACHE_EVENTS_KEPT: Input should be greater than or equal to 1"),
        ("memory_limt_mb", "5", "did you mean MODEL_CACHE_MEMORY_LIMIT_MB?"),
        ("nonsense", "5", "MODEL_CACHE_NONSENSE: no such setting; unset it"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, **{name: value})

    assert complaint in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, max_models="0", warmup_requests="0", nonsense="1")

    assert str(caught.value).count("MODEL_CACHE_") == 3


def test_variables_that_kubernetes_sets_for_a_service_are_no_typing_errors() -> None:
    """A Service named model-cache puts them into every pod. Seen failing without the exception."""
    links = [
        "MODEL_CACHE_SERVICE_HOST",
        "MODEL_CACHE_SERVICE_PORT",
        "MODEL_CACHE_SERVICE_PORT_HTTP",
        "MODEL_CACHE_PORT",
        "MODEL_CACHE_PORT_8003_TCP",
        "MODEL_CACHE_PORT_8003_TCP_ADDR",
        "MODEL_CACHE_REDIS_SERVICE_HOST",
    ]

    assert unknown_variables(dict.fromkeys(links, "1"), ("cache_ttl",)) == []
    assert len(unknown_variables({"MODEL_CACHE_PORTS": "1"}, ("cache_ttl",))) == 1
