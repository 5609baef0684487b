"""Debian's Chromium without a screen, and what tests ask of the operator's page in it."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.tools import debian_tool

PATIENCE = 30.0
WIDE, PHONE = (1280, 900), (360, 740)


@dataclass(frozen=True, slots=True)
class Browser:
    """One tab. What it finds, it waits for."""

    driver: webdriver.Chrome

    def open(self, url: str) -> None:
        """Show the operator's page of a service, until it has drawn its models."""
        self.driver.get(f"{url}/ui")
        self.until(lambda: self.all("#rows tr"))

    def reset(self, url: str) -> None:
        """As for somebody who was never here."""
        self.size(*WIDE)
        self.driver.get(f"{url}/ui")
        self.run("localStorage.clear(); sessionStorage.clear()")
        self.problems()
        self.open(url)

    def size(self, width: int, height: int) -> None:
        """What the page sees, whatever a window's least width is."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < WIDE[0]},
        )

    def scheme(self, name: str) -> None:
        """What the system prefers: light or dark."""
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": name}]},
        )

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.one(selector).text

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, holds: Callable[[], object]) -> None:
        """Ask until it holds; fails with what the page tells, and its problems."""
        waiting = WebDriverWait(
            self.driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException]
        )
        try:
            waiting.until(lambda _: holds())
        except Exception as error:
            told = self.run("return document.querySelector('#told')?.textContent")
            raise AssertionError(f"told: {told}; problems: {self.problems()}") from error

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, selector: str, limit: int = 80) -> None:
        """Press the tabulator until that has the focus, as who has no mouse does."""
        target = self.one(selector)
        for _ in range(limit):
            if self.driver.switch_to.active_element == target:
                return
            self.press(Keys.TAB)
        raise AssertionError(f"{selector} is not reached with the tabulator")

    def problems(self) -> list[str]:
        """What the console has of errors and breaches of the policy since it was last asked."""
        log: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start Chromium with a profile in `folder`; skip, or fail, where there is none."""
    chromium, driver_path = debian_tool("chromium"), debian_tool("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--lang=en"):
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses root with it
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver_path)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def axe_findings(browser: Browser, script: Path) -> list[str]:
    """What axe-core finds that is serious or critical: rule, and the first element it names."""
    browser.run(script.read_text(encoding="utf-8"))
    found = browser.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']})"
        ".then(result => done(JSON.stringify(result.violations)))"
    )
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}; {each['nodes'][0]['failureSummary']}"
        for each in json.loads(found)
        if each["impact"] in ("serious", "critical")
    ]
