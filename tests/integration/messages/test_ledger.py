"""The ledger's promises, as the database keeps them, and its figures."""

from __future__ import annotations

import psycopg
import pytest

from chalicelib.analytics import projector
from chalicelib.core.clock import utc_now
from chalicelib.core.db import transaction
from chalicelib.deliveries import repository, service
from tests.support.api import ApiClient
from tests.support.web_api import web_api

TO = "+15005550006"
ORDER = {"accepted": 0, "unknown": 1, "delivered": 2, "failed": 2}


@pytest.fixture
def node(bench):
    with web_api(lambda request: (201, {"sid": "SM1", "status": "queued"})) as api:
        slug = bench.credential("twilio", {"account_sid": "AC0123456789", "auth_token": "the-token", "sender": "+15005550001", "api_url": api.url})
        yield bench.node("sms.send", credential=slug, to=TO, text="x")


@pytest.mark.parametrize("before", list(ORDER))
@pytest.mark.parametrize("after", list(ORDER))
def test_the_database_lets_no_status_go_back(node, database, before, after):
    node.run()
    (row,) = node.rows()
    if before != "accepted":
        database.execute("UPDATE deliveries SET status = %(s)s WHERE id = %(id)s", {"s": before, "id": row["id"]})
    change = {"s": after, "id": row["id"]}
    if ORDER[after] > ORDER[before] or after == before:
        database.execute("UPDATE deliveries SET status = %(s)s WHERE id = %(id)s", change)
        assert node.rows()[0]["status"] == after
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute("UPDATE deliveries SET status = %(s)s WHERE id = %(id)s", change)
        assert node.rows()[0]["status"] == before


def test_the_database_lets_no_second_message_be_under_way(node, database):
    node.run()
    columns = "workspace_id, workflow_id, execution_id, node_id, iteration, idempotency_key, channel, recipient, recipient_digest, provider"
    with pytest.raises(psycopg.errors.UniqueViolation, match="deliveries_once"):
        database.execute(f"INSERT INTO deliveries (id, attempt, {columns}) SELECT 'dlv_2', 2, {columns} FROM deliveries")


def test_a_receipt_moves_on_and_never_back(node):
    node.run()
    rows = node.rows()
    with transaction() as connection:
        assert service.settle_message(connection, rows, "delivered", "", "") == 1
        assert service.settle_message(connection, rows, "failed", "bounced", "later") == 0
        assert service.settle_message(connection, rows, "unknown", "x", "") == 0
    (row,) = node.rows()
    assert (row["status"], row["detail"]) == ("delivered", "bounced: later")
    assert node.run().output["recipients"][0]["status"] == "delivered"


def test_it_holds_no_address(node, database):
    node.run()
    text = str(database.execute("SELECT * FROM deliveries"))
    assert TO not in text
    assert "5005550006" not in text
    assert "…006" in text


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("jo@example.org", "j…@example.org"),
        ("+1 500 555 0006", "…006"),
        ("https://jo@hooks.example/a?token=abcdef", "https://hooks.example/…"),
        ("C0123", "C0123"),
        ("a-device-token-of-many-characters", "a-de…ters"),
    ],
)
def test_recipients_are_shortened(recipient, shown):
    assert service.shortened(recipient) == shown


def fold() -> None:
    with transaction() as connection:
        projector.fold_facts(connection, utc_now())


def test_figures_by_channel_provider_and_reason(bench, database, api: ApiClient):
    sent = {"n": 0}

    def answer(_request):
        sent["n"] += 1
        return (201, {"sid": f"SM{sent['n']}"}) if sent["n"] <= 3 else (400, {"code": 21211, "message": "no"}) if sent["n"] == 4 else None

    with web_api(answer) as server:
        slug = bench.credential("twilio", {"account_sid": "AC0123456789", "auth_token": "the-token", "sender": "+15005550001", "api_url": server.url})
        for position in range(5):
            node = bench.node("sms.send", credential=slug, to=TO, text="x")
            node.run() if position < 3 else node.fails()
    with transaction() as connection:
        rows = database.execute("SELECT * FROM deliveries WHERE message_id = 'SM1'")
        service.settle_message(connection, rows, "delivered", "", "")
        rows = database.execute("SELECT * FROM deliveries WHERE message_id = 'SM2'")
        service.settle_message(connection, rows, "failed", "unreachable", "")
    fold()
    fold()
    expected = {
        "channel": "sms", "provider": "twilio", "sent": 3, "delivered": 1, "failed": 2, "unknown": 1,
        "reasons": [{"reason": "invalid_recipient", "count": 1}, {"reason": "unreachable", "count": 1}],
    }  # fmt: skip
    assert api.get("/analytics/deliveries").json["items"] == [expected]
    assert api.get("/analytics/deliveries?workflow_id=wf_other").json["items"] == []
    assert b"sms,twilio,3,1,2,1," in api.get("/analytics/deliveries?format=csv").body
    before = database.execute("SELECT * FROM delivery_rollups ORDER BY 1, 2, 3, 4, 5, 6, 7, 8")
    assert database.one("SELECT count(*) AS n FROM facts WHERE kind = 'delivery'")["n"] == 0
    from datetime import timedelta

    from chalicelib.analytics import folding

    today = utc_now().date()
    folding.recount_days(today - timedelta(days=1), today + timedelta(days=1))
    assert database.execute("SELECT * FROM delivery_rollups ORDER BY 1, 2, 3, 4, 5, 6, 7, 8") == before


def test_the_api_lists_and_reads(node, api: ApiClient):
    node.run()
    (item,) = api.get("/deliveries?channel=sms&status=accepted").json["items"]
    assert (item["recipient"], item["provider"], item["message_id"], item["execution_id"]) == ("…006", "twilio", "SM1", node.execution_id)
    assert item["handed_at"]
    assert api.get(f"/deliveries/{item['id']}").json == item
    assert api.get("/deliveries?channel=email").json["items"] == []
    assert api.get(f"/deliveries?execution_id={node.execution_id}").json["items"] == [item]
    for path in ("/deliveries?status=sent", "/deliveries?channel=fax"):
        assert api.get(path).status == 422
    assert api.get("/deliveries/dlv_00000000000000000000000000").status == 404
    assert api.get("/deliveries/x").status == 404


def test_handing_over_twice_is_counted_once(node, database):
    node.run()
    (row,) = node.rows()
    with transaction() as connection:
        repository.hand(connection, row["id"], "twilio", row["credential_id"], "SM9", "delivered")
    kinds = [fact["subject"].split(":")[1] for fact in database.execute("SELECT subject FROM facts WHERE kind = 'delivery' ORDER BY id")]
    assert kinds == ["sent", "delivered"]
