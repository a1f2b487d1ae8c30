"""What a file of a small shop would do, as the tests of these files ask it."""

import io

from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading


def preview(shop, text, **choices):
    """What a file with this text would do."""
    return loading.preview_transactions(shop, File(io.BytesIO(text.encode())), Choices(**choices))


def transactions(shop, text, **choices):
    """What a file has, one line each; nothing may be open or unreadable."""
    result = preview(shop, text, **choices)
    assert (list(result.questions), result.bad_lines.count) == ([], 0)
    return [
        f"{row.customer_id} {row.day} {row.amount / 10_000:.2f}"
        + " correction" * (row.kind == "correction")
        for row in result.sample
    ]


def load(shop, text):
    """Load a file with this text."""
    return loading.load_transactions(
        shop, File(io.BytesIO(text.encode())), Choices(), loading.Options()
    )
