"""Files that correct what was loaded before."""

from tests.api.transactions.support import HEADER, stored

SHOPIFY = (
    "Name,Email,Financial Status,Fulfillment Status,Currency,Total,Created at,Lineitem quantity,"
    "Lineitem name,Cancelled at,Refunded Amount\n"
)
YESTERDAY = (
    f"{SHOPIFY}"
    "#1,ann@example.com,paid,,EUR,58.80,2026-03-12 09:14:02 +0100,1,Tee,,0.00\n"
    "#2,Bo@Example.com,paid,,EUR,20.00,2026-03-12 10:00:00 +0100,1,Mug,,0.00\n"
    "#3,cy@example.com,paid,,EUR,30.00,2026-03-12 11:00:00 +0100,1,Cap,,0.00\n"
)
DAY = "2026-03-12"


def test_yesterdays_file_again_follows_cancellations_and_refunds(put):
    assert put(YESTERDAY).json["inserted"] == 3
    assert stored() == [
        ("ann@example.com", DAY, 1, 1, 588_000),
        ("bo@example.com", DAY, 1, 1, 200_000),
        ("cy@example.com", DAY, 1, 1, 300_000),
    ]
    again = YESTERDAY.replace("Tee,,0.00", "Tee,2026-03-13 08:00:00 +0100,0.00")
    again = again.replace("#1,ann@example.com,paid", "#1,ann@example.com,voided")
    again = again.replace("Mug,,0.00", "Mug,,5.00").replace(
        "com,paid,,EUR,20", "com,partially_refunded,,EUR,20"
    )
    answer = put(again)
    assert answer.status_code == 200, answer.text
    assert answer.json["profile"] == "shopify"
    assert (answer.json["deleted"], answer.json["updated"], answer.json["unchanged"]) == (1, 1, 1)
    assert answer.json["lowered"] == 2
    assert [one["rows"] for one in answer.json["leftOut"]] == [1]
    assert stored() == [
        ("bo@example.com", DAY, 1, 1, 150_000),
        ("cy@example.com", DAY, 1, 1, 300_000),
    ]


def test_a_sale_and_its_refund_leave_one_interaction_and_nothing(put):
    put(f"{HEADER}a,2026-04-01,80\na,2026-04-01,-80\nb,2026-04-01,5\n")
    put(f"{HEADER}b,2026-04-09,-5\n")
    assert stored() == [
        ("a", "2026-04-01", 1, 1, 0),
        ("b", "2026-04-01", 1, 1, 50_000),
        ("b", "2026-04-09", 0, 0, -50_000),
    ]


def test_half_a_day_is_counted(put):
    put(f"{HEADER}a,2026-04-01,80\na,2026-04-01,7\nb,2026-04-01,5\n")
    answer = put(f"{HEADER}a,2026-04-01,80\nb,2026-04-01,6\n")
    assert answer.json["lowered"] == 1
