"""The page /docs as a person uses it: a real headless Chromium against the real service."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import visibility_of_element_located
from selenium.webdriver.support.wait import WebDriverWait

from tests.processes import CHECKPOINT, create_key, environment, few_games, serving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
]
METHODS = ["GET", "POST", "PUT", "DELETE"]  # the order a person tries them in: DELETE comes last

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the shipped checkpoint is not there"),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on the PATH"
    ),
]


@dataclass(frozen=True)
class Service:
    """The running service: where it is, what it documents, and an admin key for it."""

    url: str
    document: dict[str, Any]
    key: str

    def operations(self) -> dict[str, str]:
        """Return method and path of each operation, with the id of its block on the page."""
        return {
            f"{method.upper()} {path}": "-".join(
                ["operations", operation["tags"][0], operation["operationId"]]
            )
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the demo catalogue, once for all tests here."""
    folder = tmp_path_factory.mktemp("service")
    env = environment(folder / "v")
    with serving("--demo", str(few_games(folder)), env=env, log=folder / "log") as server:
        document = server.client.get("/openapi.json").json()
        key = create_key(env)["X-API-Key"]
        yield Service(str(server.client.base_url).rstrip("/"), document, key)


@dataclass(frozen=True)
class Page:
    """The page in a browser, by what can be seen and pressed on it."""

    browser: Chrome

    def find(self, css: str) -> WebElement:
        """Return an element as soon as it is visible."""
        wait = WebDriverWait(self.browser, 60)
        return wait.until(visibility_of_element_located((By.CSS_SELECTOR, css)), css)

    def log_in(self, field: str, key: str) -> None:
        """Press "Authorize" and paste the key into one of the two fields offered."""
        self.find(".scheme-container .authorize").click()
        self.find(f"#{field}").send_keys(key)
        self.find(f".modal-ux form:has(#{field}) [type=submit]").click()
        self.find(".modal-ux form:not(:has(input)) .btn-done").click()  # the key was taken

    def open(self, block: str) -> None:
        """Open an operation and press "Try it out"."""
        self.find(f"#{block} .opblock-summary-control").click()
        self.find(f"#{block} .try-out__btn").click()

    def execute(self, block: str) -> tuple[str, str]:
        """Press "Execute"; return status and body of the answer shown."""
        self.find(f"#{block} .execute").click()
        answer = f"#{block} .live-responses-table .response .response-col_"
        return self.find(answer + "status").text, self.find(answer + "description").text

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return the entries of one of the browser's logs since the last call."""
        entries: list[dict[str, Any]] = self.browser.execute("getLog", {"type": kind})["value"]
        return entries

    def problems(self, url: str) -> list[str]:
        """Return what the console complained of and every request to another place than url."""
        severe = [e["message"] for e in self.log("browser") if e["level"] == "SEVERE"]
        events = [json.loads(e["message"])["message"] for e in self.log("performance")]
        sent = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"]["documentURL"].startswith(url)  # not of the browser's own pages
        ]
        assert f"{url}/openapi.json" in sent
        return severe + [to for to in sent if not to.startswith((f"{url}/", "data:"))]


@contextmanager
def browsing(url: str, profile: Path) -> Iterator[Page]:
    """A fresh browser on the page."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # with the driver named, selenium does not look for one on the network
    with Chrome(options, ChromeService(DRIVER)) as browser:
        browser.get(f"{url}/docs")
        yield Page(browser)


@pytest.fixture
def page(service: Service, tmp_path: Path) -> Iterator[Page]:
    """The page in a browser of its own."""
    with browsing(service.url, tmp_path / "profile") as page:
        yield page


def test_the_page_shows_every_operation(service: Service, page: Page) -> None:
    assert service.document["info"]["title"] in page.find(".information-container .title").text
    shown = {
        name: page.find(f"#{block} .opblock-summary").text.split()[:2]
        for name, block in service.operations().items()
    }
    assert shown == {name: name.split() for name in shown}
    assert len(page.browser.find_elements(By.CSS_SELECTOR, ".opblock")) == len(shown) > 0
    assert page.problems(service.url) == []


def test_every_example_works_as_it_stands(service: Service, page: Page) -> None:
    page.log_in("auth-bearer-value", service.key)
    names = sorted(service.operations(), key=lambda name: METHODS.index(name.split()[0]))
    names.remove("POST /v1/imports")
    answers = {}
    for name in names:
        block = service.operations()[name]
        page.open(block)
        answers[name] = page.execute(block)
    assert {n: a for n, a in answers.items() if not a[0].startswith("2")} == {}
    assert page.problems(service.url) == []


def test_a_file_is_uploaded(service: Service, page: Page, tmp_path: Path) -> None:
    file, block = tmp_path / "new.csv", service.operations()["POST /v1/imports"]
    file.write_text("id,title,description\nnew,New,Something new.\n", encoding="utf-8")
    page.log_in("api_key_value", service.key)
    page.open(block)
    page.find(f"#{block} input[type=file]").send_keys(str(file))
    status, body = page.execute(block)
    assert (status, '"created": 1' in body) == ("200", True), body
    assert page.problems(service.url) == []
