"""Whose ids are addresses, for audience files."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as some

from clv.files.audiences import TARGETS, address_of

# What addresses, and those who forge them, are made of.
SIGNS = some.sampled_from("aZé+-=@.'_ 1\t\uff1d\uff0b\uff20,;|\"<(#!%&/\u2028")


@given(some.text(SIGNS, min_size=1, max_size=8), some.sampled_from(["@example.com", "@x.y", ""]))
def test_no_address_in_a_plain_file_begins_what_a_spreadsheet_evaluates(local, domain):
    address = address_of(local + domain, TARGETS["klaviyo"])
    if address is None:
        return
    assert unicodedata.normalize("NFKC", address[0]) not in "=+-@\t\r\n"
    assert not set(address) & set(',;|"<>() \t\r\n\u2028')
    assert address.count("@") == 1 and address == address.lower()


@given(some.text(SIGNS, max_size=8))
def test_a_hashed_file_has_everybody_whom_the_plain_one_has(text):
    for customer_id in (text, f"{text}@example.com"):
        plain = address_of(customer_id, TARGETS["klaviyo"])
        hashed = {address_of(customer_id, TARGETS[name]) for name in ("google", "meta")}
        assert len(hashed) == 1 and (plain is None or hashed == {plain})
