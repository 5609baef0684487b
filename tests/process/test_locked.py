"""A real server with tokens, and one without that others can reach."""

from pathlib import Path

import httpx
import pytest

from tests.process.server import Server, served

FAKE = "tests.process.fake_service:FakeModelCache"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what is warned about
ADMIN, PREDICT = "admin-0123456789", "predict-01234567"
WARNING = "Whoever reaches 0.0.0.0 port"
BODY = b'{"text": "' + b"a" * 100_000 + b'"}'
pytestmark = pytest.mark.process


def post(server: Server, path: str, token: str | None) -> httpx.Response:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx.post(server.url + path, content=BODY, headers=headers, timeout=30)


def test_a_locked_server_opens_to_its_tokens_and_logs_none_of_them(tmp_path: Path) -> None:
    """Nor is it warned about. Planted fault: the short cut given handlers without their lock."""
    (tmp_path / "token").write_text(f"{ADMIN}\n")
    with served(
        FAKE,
        tmp_path,
        host=EVERYWHERE,
        MODEL_CACHE_ADMIN_TOKEN_FILE=str(tmp_path / "token"),
        MODEL_CACHE_PREDICT_TOKEN=PREDICT,
        MODEL_CACHE_BENTOML_ACCESS_LOG="true",
    ) as server:
        predicted = [post(server, "/predict", token) for token in (None, "x" * 16, PREDICT, ADMIN)]
        swept = [post(server, "/cleanup", token) for token in (None, PREDICT, ADMIN)]
        read = server.get("/stats")

    assert [answer.status_code for answer in predicted] == [401, 401, 200, 200]
    assert [answer.status_code for answer in swept] == [401, 403, 200]
    assert read.status_code == 200
    assert predicted[0].headers["www-authenticate"] == "Bearer"
    assert predicted[0].json()["code"] == "UNAUTHORIZED"
    assert "/predict" in server.log
    assert not any(text in server.log for text in (ADMIN, PREDICT, "MODEL_CACHE_ADMIN_TOKEN"))


def test_a_server_that_others_can_reach_says_once_that_it_is_open(tmp_path: Path) -> None:
    """Planted fault: the call left out."""
    with served(FAKE, tmp_path, host=EVERYWHERE) as server:
        answered = post(server, "/predict", None).status_code

    [line] = [line for line in server.log.splitlines() if WARNING in line]
    assert answered == 200
    assert "WARN" in line
    assert "MODEL_CACHE_ADMIN_TOKEN" in line
    assert "MODEL_CACHE_PREDICT_TOKEN" in line
