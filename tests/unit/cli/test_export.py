"""``clv export``."""

import os
import threading

import pytest

from clv import db
from tests.api.support import insert_records, numbered_records, row, unreadable_records

RECORDS = "/api/v1/clv/records"


def test_an_export_is_the_file_that_the_api_sends(client, headers, tenant, run, tmp_path):
    insert_records(numbered_records(4_100))
    with db.scope():
        db.execute(
            "UPDATE clv_record SET segment = 'high', score = 90 WHERE customer_id > '002000'"
        )
    key, file = headers("viewer"), tmp_path / "records"
    for kind, accept in (("csv", "text/csv"), ("ndjson", "application/x-ndjson")):
        for segment in (None, "high"):
            for sort in ("customerId", "-clvScore"):
                query = {"sort": sort} | ({"segment": segment} if segment else {})
                sent = client.get(
                    RECORDS, query_string=query, headers={**key, "Accept": accept}, buffered=True
                )
                options = ["--tenant", "acme", "--format", kind, "--sort", sort]
                options += ["--segment", segment] if segment else []
                done = run("export", *options)
                assert done.stdout_bytes == sent.data and done.stderr == ""
                assert run("export", str(file), *options).stdout == ""
                assert file.read_bytes() == sent.data
    assert sent.data.count(b"\n") == 2_099


def test_an_export_is_a_csv_on_standard_output_unless_told_otherwise(load, client, headers, run):
    load(row("Zoë, \u2028=1+1", 1, 2, 10.5))
    client.get("/api/v1/customers/Zoë, \u2028=1+1/clv", headers=headers())
    header, line = run("export", "-", "--tenant", "acme").stdout_bytes.decode().split("\n")[:2]
    assert header.startswith("customerId,clvScore,score,") and header.endswith(",jobId")
    assert line.startswith('"Zoë, \u2028=1+1",50,50.0,42,') and line.endswith("Z,")


def test_an_export_of_another_tenant_has_none_of_these_customers(tenant, run):
    insert_records(numbered_records(3))
    run("tenants", "create", "other")
    assert run("export", "--tenant", "other").stdout.count("\n") == 1
    assert run("export", "--tenant", "acme").stdout.count("\n") == 4


def test_a_file_is_replaced_when_the_export_is_complete_and_not_before(
    tenant, run, refused, tmp_path
):
    file = tmp_path / "records.csv"
    file.write_text("the last one")
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    insert_records(numbered_records(3))
    with unreadable_records():
        said = refused("export", str(link), "--tenant", "acme")
    assert said.splitlines()[-1].startswith("Error: The database can't be reached")
    assert file.read_text() == "the last one"
    run("export", str(link), "--tenant", "acme")
    assert file.read_text().count("\n") == 4 and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, file]


def test_an_export_into_a_pipe_does_not_replace_it(tenant, run, tmp_path):
    insert_records(numbered_records(3))
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    run("export", str(pipe), "--tenant", "acme")
    reader.join()
    assert read[0].count("\n") == 4 and pipe.is_fifo()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--format", "xml"), 2),
        (("--segment", "vip"), 2),
        (("--sort", "score"), 2),
        (("no/such/folder/records.csv",), 1),
        ((".",), 1),
    ],
)
def test_an_export_with_a_wrong_choice_is_refused(tenant, refused, options, code):
    assert options[-1].split("/")[0] in refused("export", "--tenant", "acme", *options, code=code)
