"""Each sample of a real layout on the page Data: what it says of the file, and what is stored.

What is expected is the table of :mod:`tests.support.exports`.
"""

import html
from urllib.parse import urlencode

import pytest

from tests.api.pages import Visitor
from tests.api.transactions.support import expected_summaries, stored
from tests.support.exports import SAMPLES


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_sample_is_shown_and_loaded_or_asked_about_or_refused(
    sample, app, client, headers, tenant
):
    client.put("/api/v1/settings", json={"timeZone": "Europe/Berlin"}, headers=headers("admin"))
    editor = Visitor(app, headers("editor", "acme"))
    body, query = sample.path.read_bytes(), urlencode(sample.choices)
    shown = html.unescape(editor.preview(query, body).text)
    answer = editor.put(f"/data/transactions?{query}", body)
    if sample.refused:
        assert sample.refused in shown and sample.refused in html.unescape(answer.text)
        return
    if sample.questions and not sample.choices:
        assert all(f'name="{parameter}"' in shown for parameter in sample.questions)
        assert answer.status_code == 400 and stored() == []
        return
    assert all(row[0] in shown for row in sample.rows)
    assert answer.status_code == 200, answer.text
    assert stored() == expected_summaries(sample)
