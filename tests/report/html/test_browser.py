"""The page in a real browser: Debian's chromium and chromium-driver, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.report.document import Chapter
from edgetl.report.html.page import to_html

pytestmark = pytest.mark.slow
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of this file."""
    selenium = pytest.importorskip("selenium", reason="needs the package selenium (extra dev)")
    found = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in found:
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    assert selenium
    options = webdriver.ChromeOptions()
    options.binary_location = str(found[0])
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ARGUMENTS:
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Any, chapters: tuple[Chapter, ...], tmp_path: Path) -> Any:
    """The page, from a file, in light and on a screen of 1280 pixels."""
    page = tmp_path / "a report.html"
    page.write_text(to_html(chapters), encoding="utf-8")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    prefer(browser, "light")
    browser.get(page.as_uri())
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    return browser


def prefer(browser: Any, theme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def css(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def paper(browser: Any) -> str:
    return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def show_on(browser: Any, wide: int) -> None:
    """All that is folded open, on a screen so many pixels wide."""
    screen = {"width": wide, "height": 800, "deviceScaleFactor": 1, "mobile": wide < 700}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def test_page_opens_from_a_file_without_complaints(opened: Any) -> None:
    assert opened.get_log("browser") == []
    assert opened.title == "solar-cells, version 3: EdgeTL report"
    requested = "return performance.getEntriesByType('resource').length"
    assert opened.execute_script(requested) == 0


def test_hover_tells_what_a_point_is(opened: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    tip = css(opened, "#tip")
    assert not tip.is_displayed()
    rejected = css(opened, "#c1-s1-b2 .mark[data-mark='2'] circle")
    ActionChains(opened).move_to_element(rejected).perform()
    assert tip.is_displayed()
    for words in ("int8/onnxruntime/int8/2t", "runtime\nonnxruntime", "rejected: accuracy: it loses 2.6 points"):
        assert words in tip.text
    ActionChains(opened).move_to_element(css(opened, "h1")).perform()
    assert not tip.is_displayed()


def test_tab_reaches_every_point_and_tells_it(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    tip, wanted = css(opened, "#tip"), len(opened.find_elements("css selector", "#c1-s1-b2 .mark"))
    told: dict[str, str] = {}
    for _ in range(60):
        press(opened, Keys.TAB)
        at = opened.execute_script(
            "const e = document.activeElement; return e.closest('#c1-s1-b2') ? e.dataset.mark : null"
        )
        if at is not None:
            told[at] = tip.text.partition("\n")[0]
        if len(told) == wanted:
            break
    assert wanted == 4
    assert list(told.values()) == [
        "int8/openvino/int8/2t",
        "fp32/openvino/bf16/2t",
        "int8/onnxruntime/int8/2t",
        "fp32/onnxruntime/fp32/2t",
    ]
    press(opened, Keys.ESCAPE)
    assert not tip.is_displayed()


def test_first_stop_of_the_keyboard_leads_past_the_contents(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    press(opened, Keys.TAB)
    assert opened.switch_to.active_element.text == "Skip to the report"
    press(opened, Keys.ENTER)
    assert opened.current_url.endswith("#main")


def test_arrow_keys_walk_along_latency(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    cursor = css(opened, ".cursor")
    opened.execute_script("arguments[0].focus()", cursor)
    assert cursor.get_attribute("aria-valuetext").startswith("0.000 s: ")
    press(opened, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert cursor.get_attribute("aria-valuenow") == "2"
    press(opened, Keys.END)
    assert cursor.get_attribute("aria-valuenow") == cursor.get_attribute("aria-valuemax") == "1199"
    assert cursor.get_attribute("aria-valuetext").split(": ")[1] in css(opened, "#tip").text


@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_toggle_switches_the_theme_and_stays(preferred: str, opened: Any) -> None:
    prefer(opened, preferred)
    before, button = paper(opened), css(opened, "#theme")
    assert button.get_attribute("aria-pressed") == str(preferred == "dark").lower()
    button.click()
    after = paper(opened)
    assert {before, after} == {"rgb(255, 255, 255)", "rgb(13, 17, 23)"}
    assert button.get_attribute("aria-pressed") == str(preferred == "light").lower()
    opened.refresh()
    assert paper(opened) == after


@pytest.mark.parametrize("wide", [360, 768, 1600])
def test_page_itself_never_scrolls_sideways(wide: int, opened: Any) -> None:
    show_on(opened, wide)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= wide
    beyond = "return [...document.querySelectorAll('body *')].filter((e) => !e.closest('.wide, .skip, #tip'))"
    beyond += ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"
    assert opened.execute_script(beyond) == []


@pytest.mark.parametrize("wide", [360, 400, 1280])
def test_tables_and_charts_fit_the_screen(wide: int, opened: Any) -> None:
    show_on(opened, wide)
    beyond = "return [...document.querySelectorAll('table, figure svg')]"
    beyond += ".filter((e) => e.getBoundingClientRect().right > innerWidth || e.closest('.scrolls'))"
    assert opened.execute_script(beyond + ".map((e) => e.id || e.parentElement.parentElement.id)") == []


def test_what_is_wider_than_the_screen_scrolls_and_says_so(opened: Any) -> None:
    show_on(opened, 400)
    opened.execute_script("document.querySelector('.cards').style.width = '900px'")
    opened.execute_script("dispatchEvent(new Event('resize'))")
    (box,) = opened.find_elements("css selector", ".wide.scrolls")
    assert box.get_attribute("tabindex") == "0"
    hint = "const s = getComputedStyle(arguments[0], '::before'); return [s.content, s.position]"
    assert opened.execute_script(hint, box) == ['"scrolls sideways \u2192"', "sticky"]
    assert opened.execute_script("return getComputedStyle(arguments[0]).borderTopStyle", box) == "solid"


def test_words_of_charts_are_readable_on_a_phone(opened: Any) -> None:
    show_on(opened, 400)
    sizes = "return [...document.querySelectorAll('figure svg text')].map("
    sizes += "(e) => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a)"
    assert min(opened.execute_script(sizes)) >= 10


def test_every_finding_is_read_on_a_phone(opened: Any) -> None:
    show_on(opened, 400)
    cells = opened.find_elements("css selector", "section[aria-labelledby='c1-s2'] :is(th, td)")
    said = [cell.text for cell in cells if cell.is_displayed() and cell.size["height"] >= 16]
    for words in (
        "W-THROTTLED was seen; do something about it",
        "W-TURBO was seen; do something about it",
        "governor schedutil changes clocks",
    ):
        assert said.count(words) == 1
    rights = opened.execute_script("return arguments[0].map((e) => e.getBoundingClientRect().right)", cells)
    assert max(rights) <= 400


def test_cards_name_the_column_of_each_cell_and_stay_tables(opened: Any) -> None:
    show_on(opened, 400)
    table = css(opened, "#c1-s1-b3")
    titles = "return [...arguments[0].querySelectorAll('tbody tr:first-child td')]"
    titles += ".map((e) => getComputedStyle(e, '::before').content.slice(1, -1))"
    heads = [one.get_attribute("textContent") for one in table.find_elements("css selector", "thead th")]
    assert opened.execute_script(titles, table) == heads[1:]
    roles = {one.aria_role for one in table.find_elements("css selector", "th, td")}
    assert table.aria_role == "table"
    assert roles == {"columnheader", "rowheader", "cell"}


def test_page_makes_sense_without_its_script(opened: Any) -> None:
    opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened.refresh()
        assert css(opened, "#c1-s1-b2 .mark circle").is_displayed()
        assert css(opened, "#c1-s4-b1 .trace").is_displayed()
        assert not css(opened, "#theme").is_displayed()
    finally:
        opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_every_stop_of_the_keyboard_is_seen(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    opened.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    unseen = []
    for _ in range(40):
        press(opened, Keys.TAB)
        outline = opened.execute_script(
            "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
        )
        if outline[0] == "none" or outline[1] < 2:
            unseen.append(opened.execute_script("return document.activeElement.outerHTML.slice(0, 80)"))
    assert unseen == []
