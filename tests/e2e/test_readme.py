"""What the README tells receivers to write, run against a webhook that the packaged stack really sent."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.e2e.shop import Json, Shop

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sent:
    body: bytes
    headers: dict[str, str]
    secret: str


def _block(language: str) -> str:
    """The README's code block in this language."""
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    return str(found)


@pytest.fixture(scope="module")
def sent(shop: Shop) -> Sent:
    """The raw request of an `order.paid`."""
    arrived = threading.Event()
    requests: list[tuple[bytes, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        made = shop.admin("POST", "/endpoints", {"url": url, "events": ["order.paid"]})
        checkout: Json = shop.check_out(shop.cart(**{shop.product(): 1})).json()
        assert shop.pay(checkout).ok
        assert arrived.wait(30)
        shop.admin("DELETE", f"/endpoints/{made['endpoint']['id']}")
        server.shutdown()
    body, headers = requests[0]
    return Sent(body=body, headers=headers, secret=made["secret"])


def test_the_python_receiver_reads_a_real_webhook_and_refuses_an_altered_one(sent: Sent) -> None:
    names: dict[str, object] = {}
    exec(_block("python"), names)  # noqa: S102 (our own README)
    receive = names["receive"]
    assert callable(receive)
    assert receive(sent.body, sent.headers, sent.secret)["type"] == "order.paid"
    with pytest.raises(Exception, match="signature"):
        receive(sent.body.replace(b"eur", b"usd"), sent.headers, sent.secret)


def test_the_javascript_receiver_reads_a_real_webhook_and_refuses_an_altered_one(
    sent: Sent, tmp_path: Path
) -> None:
    for program in ("node", "npm"):
        assert shutil.which(program), f"this test needs {program}: install Node.js 18 or newer"
    subprocess.run(["npm", "install", "--silent", "standardwebhooks@1.0.0"], cwd=tmp_path, check=True)
    script = tmp_path / "receive.js"
    script.write_text(
        _block("javascript")
        + """
const { body, headers, secret } = JSON.parse(require("fs").readFileSync(0));
console.log(receive(body, headers, secret).type);
try { receive(body.replace("eur", "usd"), headers, secret); } catch (error) { console.log(error.message); }
"""
    )
    given = {"body": sent.body.decode(), "headers": sent.headers, "secret": sent.secret}
    done = subprocess.run(
        ["node", str(script)], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["order.paid", "No matching signature found"]
