"""The operator's page as files: types, policy, caching, and nothing beyond its folder."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.page import FOLDER, INDEX, TYPES
from tests.contract.app_client import client_of

FILES = sorted(path.name for path in FOLDER.iterdir() if path.name != INDEX)
SCRIPTS = [name for name in FILES if name.endswith(".js")]
LINES = 250
POLICY = "content-security-policy"
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
ADDRESS = re.compile(r"(?:src|href)=\"([^\"]+)\"")
IMPORT = re.compile(r"from \"\./([^\"]+)\"")
SVG_NAMES = "http://www.w3.org/"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with client_of() as client:
        yield client


@pytest.mark.parametrize("path", ["/ui", *(f"/ui/{name}" for name in FILES), "/ui/settings.json"])
def test_every_file_has_its_type_and_the_policy(client: TestClient, path: str) -> None:
    """Planted fault: the policy on the page alone."""
    answer = client.get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers[POLICY].split("; "))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES["." + (path + ".html").split(".")[1]]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_file_that_is_known_is_not_sent_again(client: TestClient) -> None:
    """Planted fault: the tag compared with the whole field."""
    first = client.get("/ui/main.js")
    tag = first.headers["etag"]
    again = [
        client.get("/ui/main.js", headers={"if-none-match": known})
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*")
    ]
    changed = client.get("/ui/main.js", headers={"if-none-match": '"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert [(one.status_code, one.content, one.headers["etag"]) for one in again] == [
        (304, b"", tag)
    ] * 4
    assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize(
    "name",
    [
        *("nothing.js", "index.html", "INDEX.HTML", "..%2Fpage.py", "%2e%2e%2fapp.py"),
        *(
            "..%5capp.py",
            "....//app.py",
            "%2fetc%2fpasswd",
            "index.html%00.js",
            "main.js/",
            "a/b.js",
        ),
    ],
)
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    """Names are looked up, never joined to a path. Planted fault: FileResponse(FOLDER / name)."""
    answer = client.get(f"/ui/{name}")

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_the_page_is_read_only_and_a_slash_too_many_leads_to_it(client: TestClient) -> None:
    """Below /ui/ its relative addresses would lead nowhere."""
    posted = client.post("/ui")
    head = client.head("/ui")
    slash = client.get("/ui/", follow_redirects=False)

    assert posted.status_code in (404, 405)
    assert (head.status_code, head.content) == (200, b"")
    assert (slash.status_code, slash.headers["location"]) == (308, "../ui")


def test_it_needs_no_other_host_and_each_address_leads_somewhere(client: TestClient) -> None:
    """Planted fault: a script that is not there."""
    page = client.get("/ui").text
    addresses = [one for one in ADDRESS.findall(page) if not one.startswith("#")]
    imports = {f"ui/{name}" for script in SCRIPTS for name in IMPORT.findall(text_of(script))}
    answers = {one: client.get(f"/{one}").status_code for one in {*addresses, *imports}}
    foreign = [
        (name, line)
        for name in FILES
        for line in text_of(name).splitlines()
        if re.search(r"(https?:)?//\w", line) and not allowed(line)
    ]

    assert set(answers.values()) == {200}
    assert foreign == []


def allowed(line: str) -> bool:
    """Comments, and the name of a vocabulary, which is never fetched."""
    return SVG_NAMES in line or line.lstrip().startswith("//")


def test_data_never_becomes_markup_and_nothing_stands_inline() -> None:
    """Model names and errors are others' words. Planted fault: innerHTML in the journal."""
    found = [(name, line) for name in SCRIPTS for line in text_of(name).splitlines()]
    page = text_of("index.html")

    assert [each for each in found if MARKUP.search(each[1])] == []
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_its_files_are_small() -> None:
    """One idea a file."""
    long = [
        (name, len(text_of(name).splitlines()))
        for name in FILES
        if len(text_of(name).splitlines()) > LINES
    ]

    assert long == []
    assert sum(len(text_of(name)) for name in FILES) < 80_000


def test_the_page_is_told_what_it_must_know_of_the_settings() -> None:
    """And no token. Planted fault: the settings dumped whole."""
    admin, predict = "admin-" + "a" * 16, "predict-" + "p" * 16
    with client_of(
        memory_threshold=0.6, max_models=3, admin_token=admin, predict_token=predict
    ) as client:
        answer = client.get("/ui/settings.json")

    assert admin not in answer.text
    assert answer.json() == {
        "version": "0.1.0",
        "comfort_mark": 0.6,
        "max_models": 3,
        "default_model": "deberta-v3-base_pretrained",
        "ask_admin": True,
        "ask_predict": True,
    }


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
