"""The page in a real browser: Debian's Chromium, driven by selenium, checked against WCAG by axe-core."""

from __future__ import annotations

import shutil

import pytest

from edge_run.cases import CaseLog, find
from edge_run.serve.tokens import Tokens

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")

from selenium.webdriver.chrome.service import Service  # noqa: E402 - after the check that it is there
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Debian's packages chromium and chromium-driver are not installed"
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser for all tests here; both paths are given, so that selenium downloads nothing."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    # A page that is on its way has what is looked for in a moment.
    driver.implicitly_wait(20)
    yield driver
    driver.quit()


class Browser:
    """A person in front of the page."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, path="/"):
        self.driver.get(self.address + path)
        return self

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, key):
        self.driver.switch_to.active_element.send_keys(key)

    def arrives(self, path):
        """Wait until the page is there."""
        WebDriverWait(self.driver, 20).until(lambda _: self.path.startswith(path))

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.address)

    def opacity(self):
        style = (
            "const s = getComputedStyle(document.querySelector('#layer')); return s.display === 'none' ? 0 : +s.opacity"
        )
        return self.driver.execute_script("return (() => {" + style + "})()")

    def emulate(self, *, scheme="light", width=1280):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def violations(self):
        found = axe.Axe().run(self.driver, options={"runOnly": WCAG})["violations"]
        return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


@pytest.fixture
def browser(chromium, served):
    """Open the page's address; keywords are those of the page's model."""

    def make(**changes):
        return Browser(chromium, served(**changes))

    yield make
    # Nothing was blocked by the page's own policy, and no script failed. (What is not found is said here as well.)
    complaints = [
        entry["message"] for entry in chromium.get_log("browser") if "Failed to load resource" not in entry["message"]
    ]
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert complaints == []


def notes(answered, case):
    with CaseLog.existing(answered.path) as log:
        return [(note["label"], note["remark"]) for note in find(log, case)["notes"]]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_meets_wcag_aa(browser, answered, tmp_path, scheme, width):
    page = browser()
    page.emulate(scheme=scheme, width=width)
    ids = answered.ids
    found = {path: page.open(path).violations() for path in ("/", f"/cases/{ids[0]}", f"/cases/{ids[2]}", "/cases/zzz")}
    page.open(f"/cases/{ids[0]}")
    page.find("#help summary").click()
    page.find("#remark").send_keys("seen")
    page.find("#agree").click()
    page.arrives(f"/cases/{ids[3]}?")
    found["noted"] = page.violations()
    found["reviewed"] = page.open("/?show=all").violations()
    found["notes"] = page.open(f"/cases/{ids[0]}").violations()
    closed = browser(keep_images=False, tokens=Tokens(tmp_path / "tokens.json"))
    found["login"] = closed.open("/").violations()
    closed.find("#token").send_keys("wrong")
    closed.find("button.primary").click()
    assert "unknown" in closed.find("[role=alert]").text
    found["refused"] = closed.violations()
    bare = browser(keep_images=False)
    found["nothing kept"] = bare.open("/").violations()
    found["no scan"] = bare.open(f"/cases/{ids[3]}").violations()
    found["empty"] = browser(log=tmp_path / "none.sqlite").open("/").violations()
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_heatmap_lies_over_its_scan_and_its_opacity_changes(browser, answered):
    page = browser().open(f"/cases/{answered.ids[0]}")
    boxes = [page.find(selector).rect for selector in ("img.scan", "img.layer")]
    assert boxes[0] == boxes[1]
    assert boxes[0]["width"] > 300
    assert page.driver.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.opacity() == pytest.approx(0.7)
    page.find("#opacity").send_keys(Keys.END)
    assert page.opacity() == pytest.approx(1.0)
    page.find(".on-off").click()
    assert page.opacity() == 0
    # The next case is shown as this one was.
    page.open(f"/cases/{answered.ids[2]}")
    assert page.opacity() == 0
    page.find(".on-off").click()
    assert page.opacity() == pytest.approx(1.0)


def test_keys_walk_through_the_list_and_the_cases(browser, answered):
    page = browser().open("/")
    page.press("j")
    page.press("j")
    page.press("k")
    page.press("j")
    assert page.driver.switch_to.active_element.text == answered.ids[2]
    page.press(Keys.ENTER)
    page.arrives(f"/cases/{answered.ids[2]}")
    page.press("j")
    page.arrives(f"/cases/{answered.ids[0]}")
    page.press("k")
    page.arrives(f"/cases/{answered.ids[2]}")
    page.press("m")
    assert page.opacity() == 0
    page.press("?")
    assert page.find("#help").get_attribute("open") is not None


@pytest.mark.parametrize(("key", "label"), [("a", "same"), ("d", "other"), ("u", None)])
def test_keys_review_a_case_and_go_on(browser, answered, key, label):
    case = answered.ids[3]
    with CaseLog.existing(answered.path) as log:
        same = find(log, case)["label"]
    expected = {"same": same, "other": {"covid": "non_covid", "non_covid": "covid"}[same], None: None}[label]
    page = browser().open(f"/cases/{case}")
    page.press("r")
    page.press("bad day: juad")
    assert page.path == f"/cases/{case}"
    page.press(Keys.ESCAPE)
    page.press(key)
    page.arrives(f"/cases/{answered.ids[2]}?noted={case}")
    assert case in page.find(".flash").text
    assert [noted for noted, _ in notes(answered, case)] == [expected]
    assert "bad day: juad" in notes(answered, case)[0][1]


def test_keys_can_be_switched_off(browser, answered):
    page = browser().open(f"/cases/{answered.ids[3]}")
    page.find("#help summary").click()
    page.find("#shortcuts").click()
    page.open(f"/cases/{answered.ids[3]}")
    page.press("a")
    page.press("j")
    assert page.path == f"/cases/{answered.ids[3]}"
    assert notes(answered, answered.ids[3]) == []


def test_case_is_reviewed_without_javascript(browser, answered):
    page = browser()
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/")
    page.find("td.id a").click()
    page.find("#older").click()
    page.arrives(f"/cases/{answered.ids[2]}")
    page.find(".on-off").click()
    assert not page.find("#layer").is_displayed()
    page.find(".on-off").click()
    page.find("#opacity").send_keys(Keys.HOME)
    page.find(".controls noscript button, .controls button").click()
    page.arrives(f"/cases/{answered.ids[2]}?opacity=0")
    page.find("#remark").send_keys("motion")
    page.find("#unsure").click()
    page.arrives(f"/cases/{answered.ids[0]}?noted")
    assert "Noted: you are unsure" in page.find(".flash").text
    assert notes(answered, answered.ids[2]) == [(None, "unsure: motion")]


def test_person_logs_in_reviews_and_logs_out(browser, answered, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    secret = tokens.add("doctor", ["review"])
    page = browser(tokens=tokens).open(f"/cases/{answered.ids[0]}")
    assert page.path == "/login"
    page.find("#token").send_keys(secret + Keys.ENTER)
    WebDriverWait(page.driver, 20).until(lambda _: page.path == "/")
    assert [link.text for link in page.all("td.id a")] == [answered.ids[n] for n in (3, 2, 0)]
    # No script may read the cookie.
    assert page.driver.execute_script("return document.cookie") == ""
    page.find("td.id a").click()
    page.find("#agree").click()
    page.arrives(f"/cases/{answered.ids[2]}?noted")
    assert len(notes(answered, answered.ids[3])) == 1
    page.find("form[action='/logout'] button").click()
    page.arrives("/login")
    page.open("/")
    assert page.path == "/login"
