"""The report in Debian's Chromium: it asks for nothing, runs nothing, fits a phone, and prints page by page."""

from __future__ import annotations

import re
import subprocess
import warnings
from pathlib import Path

import pytest
from report.build import audit, large_audit
from report.hostile import hostile_audit

from auditor.report import render_html

with warnings.catch_warnings():
    # The driver imports asyncio interfaces that newer Pythons have announced the end of; that is not ours to mend.
    warnings.simplefilter("ignore", DeprecationWarning)
    from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "report"
CASES = {
    "emulated": audit(emulated=True), "incomplete": audit(missed=4), "empty": audit(units=()), "hostile": hostile_audit(),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("report")
    for case, whole in CASES.items():
        (made / f"{case}.html").write_text(render_html(whole), encoding="utf-8")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return made


class Opened:
    """A page and everything it did that a report must not do."""

    def __init__(self, browser, path, width, height):
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.requests, self.dialogs, self.complaints = [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.url = path.as_uri()
        self.page.goto(self.url)

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        self.page.close()


@pytest.mark.parametrize("case", CASES)
def test_report_asks_for_nothing_and_runs_nothing(browser, folder, case):
    with Opened(browser, folder / f"{case}.html", 1280, 900) as opened:
        for key in ("Tab", "Tab", "Enter", "End", "Home"):
            opened.page.keyboard.press(key)
        opened.page.mouse.move(200, 300)
        opened.page.mouse.wheel(0, 4000)
        opened.page.wait_for_timeout(300)
        assert [url for url in opened.requests if url.split("#")[0] != opened.url] == []
        assert opened.dialogs == []
        assert opened.complaints == []
        assert (
            opened.page.evaluate(
                "document.scripts.length + document.querySelectorAll('iframe,object,embed,img,link,form').length"
            )
            == 0
        )
        assert (
            opened.page.evaluate(
                "[...document.querySelectorAll('*')].some(e => e.getAttributeNames().some(n => n.startsWith('on')))"
            )
            is False
        )
        assert (
            opened.page.evaluate("getComputedStyle(document.querySelector('h2')).borderTopWidth") == "3px"
        )  # the policy let our style in
        if case != "hostile":
            opened.page.screenshot(path=ARTEFACTS / f"{case}-wide.png", full_page=True)


def test_a_script_that_gets_into_the_page_does_not_run(browser, folder, tmp_path):
    """The policy is the second wall: break the first one on purpose."""
    broken = tmp_path / "broken.html"
    text = (folder / "emulated.html").read_text(encoding="utf-8")
    broken.write_text(
        text.replace(
            "</main>", "<script>alert(1)</script><img src=x onerror=alert(2)><p style='color:red'>x</p></main>"
        ),
        encoding="utf-8",
    )
    with Opened(browser, broken, 1280, 900) as opened:
        opened.page.wait_for_timeout(300)
        assert opened.dialogs == []
        assert len([text for text in opened.complaints if "Content Security Policy" in text]) >= 3


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1600])
@pytest.mark.parametrize("case", CASES)
def test_no_page_scrolls_sideways(browser, folder, case, width):
    with Opened(browser, folder / f"{case}.html", width, 800) as opened:
        inner, scroll = opened.page.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        wide = opened.page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll,svg,.hidden,thead') && e.getBoundingClientRect().right > innerWidth + 1)"
            ".slice(0, 5).map(e => e.outerHTML.slice(0, 120))"
        )
        assert (scroll, wide) == (inner, [])
        if width == 360 and case != "hostile":
            opened.page.screenshot(path=ARTEFACTS / f"{case}-phone.png", full_page=True)


def test_text_is_never_cut_off_at_twice_the_size(browser, folder):
    """WCAG 1.4.4 and 1.4.10: 1280 pixels at 400 % are 320, tried above; here the letters alone are doubled."""
    with Opened(browser, folder / "emulated.html", 1280, 900) as opened:
        opened.page.evaluate("document.documentElement.style.fontSize = '200%'")
        inner, scroll = opened.page.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        assert scroll == inner


def test_keyboard_reaches_the_result_first(browser, folder):
    with Opened(browser, folder / "incomplete.html", 1280, 900) as opened:
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.className") == "skip"
        assert opened.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        opened.page.keyboard.press("Enter")
        assert opened.page.evaluate("document.activeElement.id") == "main"


def printed(opened, path):
    opened.page.emulate_media(media="print")
    opened.page.pdf(path=path, prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True).stdout
    information = subprocess.run(["pdfinfo", str(path)], check=True, capture_output=True, text=True).stdout
    return text.removesuffix("\f").split("\f"), information


def test_print_is_a4_numbered_and_stamped_on_every_page(browser, folder):
    with Opened(browser, folder / "emulated.html", 1280, 900) as opened:
        pages, information = printed(opened, ARTEFACTS / "emulated.pdf")
    assert re.search(r"Page size:\s+59[45]\.\d+ x 84[12]\.\d+ pts \(A4\)", information)
    number = int(re.search(r"Pages:\s+(\d+)", information)[1])
    assert len(pages) == number > 10
    for index, page in enumerate(pages, 1):
        assert "EMULATED: not a real site" in page, index
        assert f"{index} / {number}" in page, index
        assert "Camera audit of Ministry HQ, 21 November 2026" in page, index
    subprocess.run(
        ["pdftoppm", "-r", "70", "-png", str(ARTEFACTS / "emulated.pdf"), str(ARTEFACTS / "emulated-print")], check=True
    )


def test_each_work_order_is_one_printed_page_with_room_to_sign(browser, folder):
    with Opened(browser, folder / "incomplete.html", 1280, 900) as opened:
        pages, _information = printed(opened, ARTEFACTS / "incomplete.pdf")
    for wave in CASES["incomplete"].plan.waves:
        for order in wave.orders:
            (sheet,) = [page for page in pages if order.title in page and "Do this" in page]
            assert sheet.count("Do this") == 1
            sheet = " ".join(sheet.split())
            for needle in (order.id, order.steps[0], order.steps[-1], order.rollback[0], "Signature", "Done by"):
                assert needle in sheet
    assert all("INCOMPLETE AUDIT" in page for page in pages)
    assert "EMULATED" not in "".join(pages)


def test_hostile_report_prints(browser, folder, tmp_path):
    with Opened(browser, folder / "hostile.html", 1280, 900) as opened:
        pages, _information = printed(opened, tmp_path / "hostile.pdf")
        assert opened.dialogs == []
    assert len(pages) > 100


def test_a_thousand_devices_open(browser, tmp_path):
    path = tmp_path / "large.html"
    path.write_text(render_html(large_audit(1000)), encoding="utf-8")
    with Opened(browser, path, 1280, 900) as opened:
        paint = opened.page.evaluate("performance.getEntriesByType('paint').map(e => e.startTime)")
        assert opened.page.evaluate("document.querySelectorAll('article.order').length") > 400
        assert max(paint) < 2000
        assert opened.complaints == []
