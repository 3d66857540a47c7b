"""The page in the README, bought from in a real browser on another origin, over the packaged stack."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

from local.stripe_sandbox.server import Running
from tests.e2e.shop import Shop

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def _browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), str(MAC) if MAC.exists() else None)
    assert found, "this test needs Chrome or Chromium: on Debian and Ubuntu, sudo apt-get install chromium"
    return found


@pytest.fixture
def page() -> Iterator[Page]:
    # Without Chromium's own sandbox, which it refuses to root; only our own pages are opened.
    with (
        sync_playwright() as driver,
        driver.chromium.launch(executable_path=_browser(), args=["--no-sandbox"]) as browser,
    ):
        yield browser.new_page()


@pytest.fixture
def site(tmp_path: Path, shop: Shop) -> Iterator[str]:
    """The README's page on a static site of its own, with the shop's address filled in."""
    (html,) = re.findall(r"^```html\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    filled = re.sub(r'const api = "[^"]*"', f'const api = "{shop.api_url}"', html)
    (tmp_path / "index.html").write_text(filled)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_shopper_buys_from_the_page_in_the_readme(
    page: Page, site: str, shop: Shop, sandbox: Running
) -> None:
    product = {"name": "Mug", "amount": 1500, "currency": "eur", "stock": "tracked"}
    shop.admin("PUT", "/products/mug", product)
    shop.admin("PUT", "/stock/mug", {"available": 1})
    # Stripe.js comes from Stripe; here from the sandbox, which has its stand-in.
    page.route(
        "https://js.stripe.com/**",
        lambda route: route.fulfill(status=302, headers={"location": f"{sandbox.url}/v3/stripe.js"}),
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(site)
    page.get_by_role("button", name="Buy a mug").click()
    status = page.get_by_role("status")
    expect(status).to_have_text("One mug, 15.00 EUR")
    page.get_by_label("E-mail").fill("ada@shopper.example")
    page.get_by_role("button", name="Pay").click()
    expect(status).to_have_text("Enter your card, then pay.")
    _pay(page, "4000 0000 0000 0002")
    expect(status).to_have_text("Your card was declined.")
    # The order is known as failed, and Stripe's word of the second card is slow: the page must wait for it.
    assert sandbox.sandbox.webhooks.wait_until_idle(20)
    switches = f"{sandbox.url}/_sandbox/webhooks/switches"
    requests.put(switches, json={"delay": 2.0}, timeout=5).raise_for_status()
    try:
        _pay(page, "4242 4242 4242 4242")
        expect(status).to_have_text("Paid. Thank you!", timeout=20_000)
    finally:
        requests.put(switches, json={}, timeout=5).raise_for_status()
    assert shop.stock("mug") == 0
    assert problems == []


def _pay(page: Page, card: str) -> None:
    page.get_by_label("Card number").fill(card)
    page.get_by_label("Expiration").fill("12 / 40")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Pay").click()
