"""The receiver as the shop, a person, a program and a hostile web page meet it."""

import json
import re
import signal
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from local.processes import await_ready, running
from local.receiver.app import create_app
from local.receiver.inbox import Inbox
from tests.unit.local.receiver.test_inbox import BODY, OTHER, SECRET, signed


@pytest.fixture
def client() -> FlaskClient:
    client = create_app(Inbox()).test_client()
    assert client.put("/secret", json={"secret": SECRET}).status_code == 200
    return client


def _order(name: str = "Enamel mug") -> bytes:
    line = {"sku": "mug", "name": name, "quantity": 2, "amount": 2900}
    order = {"id": "ord_1", "amount": 2900, "currency": "eur", "lines": [line]}
    return json.dumps({"type": "order.paid", "data": {"order": order}}).encode()


def _page(client: FlaskClient) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_verified_webhook_is_taken_and_shown(client: FlaskClient) -> None:
    body = _order()
    answer = client.post("/hook", data=body, headers=signed(body))
    assert (answer.status_code, answer.text) == (200, "verified")
    page = _page(client)
    for text in (
        "order.paid",
        "ord_1",
        "2 \N{MULTIPLICATION SIGN} Enamel mug",
        "29.00 EUR",
        "1 verified",
        "0 refused",
    ):
        assert text in page


def test_a_refused_webhook_is_answered_and_shown_with_the_reason(client: FlaskClient) -> None:
    answer = client.post("/hook", data=BODY, headers=signed(secret=OTHER))
    assert (answer.status_code, answer.text) == (400, "No matching signature found")
    assert "No matching signature found." in _page(client)


def test_programs_read_the_same_as_json(client: FlaskClient) -> None:
    client.post("/hook", data=BODY, headers=signed())
    client.post("/hook", data=BODY)
    newest, oldest = client.get("/received.json").get_json()["received"]
    assert (newest["verified"], newest["problem"]) == (False, "Missing required headers")
    assert (oldest["verified"], oldest["webhook_id"], oldest["payload"]) == (True, "evt_1", json.loads(BODY))


def test_an_empty_inbox_says_so() -> None:
    page = _page(create_app(Inbox()).test_client())
    assert "Nothing yet" in page
    assert "no secret yet" in page


@pytest.mark.parametrize("payload", [b"{}", b'{"data": 1}', b'{"data": {"order": []}, "type": 7}'])
def test_any_verified_payload_can_be_shown(client: FlaskClient, payload: bytes) -> None:
    assert client.post("/hook", data=payload, headers=signed(payload)).status_code == 200
    assert "1 verified" in _page(client)


def test_what_came_in_is_text_on_the_page_and_never_markup(client: FlaskClient) -> None:
    body = _order("<script>alert(1)</script>")
    client.post("/hook", data=body, headers=signed(body))
    client.post("/hook", data=body, headers={"webhook-id": "<img src=x>"})
    page = _page(client)
    assert "<script>alert" not in page
    assert "<img" not in page


def test_the_page_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    addresses = re.findall(r'(?:src|href)="([^"]*)"', answer.get_data(as_text=True))
    assert [address for address in addresses if not address.startswith(("data:", "/"))] == []


def test_a_page_of_another_site_can_neither_read_nor_change_anything(client: FlaskClient) -> None:
    assert client.get("/received.json", headers={"host": "rebound.example"}).status_code == 400
    as_a_form = client.put("/secret", data=json.dumps({"secret": OTHER}), content_type="text/plain")
    assert as_a_form.status_code == 415
    assert client.post("/hook", data=BODY, headers=signed()).status_code == 200


@pytest.mark.parametrize("given", [{}, [], {"secret": 7}, {"secret": "sesame"}])
def test_a_useless_secret_is_refused(client: FlaskClient, given: object) -> None:
    assert client.put("/secret", json=given).status_code == 400


def test_it_runs_as_a_program_and_ends_when_told(tmp_path: Path) -> None:
    log = tmp_path / "receiver.log"
    with running("local.receiver", log=log, folder=Path(__file__).parents[4]) as process:
        await_ready(process, lambda: "listening on" in log.read_text(), log=log, what="the receiver")
        address = log.read_text().split()[-1]
        assert requests.get(f"{address}/received.json", timeout=5).json() == {"received": []}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
