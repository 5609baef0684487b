"""The operator's page before locked doors, and when the service is gone; over fake use cases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.fakes_models import DEBERTA
from tests.process.axe import axe_script
from tests.process.browser import PATIENCE, Browser, axe_findings, browsing
from tests.process.server import Server, served

FAKE = "tests.process.fake_service:FakeModelCache"
ADMIN, PREDICT = "admin-0123456789", "predict-01234567"
PIN = f'tr[data-model="{DEBERTA}"] button[data-act="pin"]'
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(
        FAKE,
        tmp_path_factory.mktemp("locked"),
        MODEL_CACHE_ADMIN_TOKEN=ADMIN,
        MODEL_CACHE_PREDICT_TOKEN=PREDICT,
    ) as server:
        yield server


@pytest.fixture
def page(server: Server, tmp_path: Path) -> Iterator[Browser]:
    with browsing(tmp_path) as browser:
        browser.reset(server.url)
        yield browser


def give(page: Browser, token: str) -> None:
    page.until(lambda: page.one("#token-dialog").is_displayed())
    page.one("#token-field").send_keys(token, Keys.ENTER)
    page.until(lambda: not page.one("#token-dialog").is_displayed())


def told(page: Browser, words: str) -> bool:
    return words in page.text("#told")


def test_a_token_is_asked_for_once_and_kept_for_the_tab_alone(page: Browser) -> None:
    """Planted fault: localStorage."""
    page.one(PIN).click()
    page.until(lambda: page.one("#token-dialog").is_displayed())
    asked = page.text("#token-words")
    barriers = axe_findings(page, axe_script())
    give(page, ADMIN)
    page.until(lambda: told(page, "pinned: never evicted"))
    page.one("#sweep").click()
    page.until(lambda: told(page, "The sweep found nothing"))
    kept = page.run("return [Object.values(sessionStorage), JSON.stringify(localStorage)]")

    assert "asks for a token (401)" in asked
    assert barriers == []
    assert kept == [[ADMIN], "{}"]
    assert ADMIN not in page.driver.page_source


def test_a_wrong_token_and_one_that_is_not_enough_are_told_apart(page: Browser) -> None:
    """Planted fault: 403 told as 401."""
    page.one(PIN).click()
    give(page, "x" * 16)
    page.until(lambda: told(page, "The token is not a right one (401)"))
    page.one(PIN).click()
    give(page, PREDICT)
    page.until(lambda: told(page, "for predictions only; this asks for the admin token (403)"))
    page.one("#try-text").send_keys("anything", Keys.CONTROL, Keys.ENTER)
    page.until(lambda: page.all("#answer .verdict"))
    page.one(PIN).click()
    page.until(lambda: page.one("#token-dialog").is_displayed())
    page.one("#token-field").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.one("#token-dialog").is_displayed())

    assert page.text("#token-button") == "Token: given"


def test_what_no_header_can_have_is_not_kept_as_a_token(page: Browser) -> None:
    """Fault found: it was, and no action ever asked for another."""
    page.one("#sweep").click()
    give(page, f"{ADMIN}\N{HORIZONTAL ELLIPSIS}")
    page.until(lambda: told(page, "asks for a token (401)"))
    page.one("#sweep").click()
    give(page, ADMIN)
    page.until(lambda: told(page, "The sweep found nothing"))


def test_tabs_that_nobody_sees_leave_room_for_one_more(page: Browser, server: Server) -> None:
    """Fault found: each held a stream of events, and a browser has six connections to a service."""
    page.driver.set_page_load_timeout(PATIENCE)
    for _ in range(7):
        page.driver.switch_to.new_window("tab")
        page.open(server.url)

    page.until(lambda: "live" in page.text("#stream-word"))


def test_a_service_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    """And the page goes on when it is back. Planted fault: the first failure ends the looking."""
    with browsing(tmp_path) as page:
        with served(FAKE, tmp_path) as server:
            page.reset(server.url)
            port = int(server.url.rpartition(":")[2])
        page.until(lambda: "cannot be reached" in page.text("#service-word"))
        page.until(lambda: "broken off" in page.text("#stream-word"))
        with served(FAKE, tmp_path, port=port):
            page.until(lambda: page.text("#service-word") == "ready")
            page.until(lambda: "live" in page.text("#stream-word"))
