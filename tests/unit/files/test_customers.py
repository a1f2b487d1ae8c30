"""Customers as files write them."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.config import ROOT
from clv.files.cells.customers import PLACEHOLDERS, customer, customers, looks_like_name


@pytest.mark.parametrize(
    ("cell", "id"),
    [
        ("CUST-1", "CUST-1"),
        ("  CUST1 ", "CUST1"),
        ("\u00a0cus_A1\t", "cus_A1"),
        ("", ""),
        ("   ", ""),
        ("ann@example.com", "ann@example.com"),
        (" Ann@Example.COM ", "ann@example.com"),
        ("ÄNN@Exämple.de", "änn@exämple.de"),
        ("Bo Placeholder", "Bo Placeholder"),
        ("Someone @ Home", "Someone @ Home"),
        ("@Handle", "@Handle"),
        ("99850.0", "99850"),
        ("99850.00", "99850.00"),
        ("99850.5", "99850.5"),
        ("-1.0", "-1.0"),
        ("v1.0", "v1.0"),
        ("2345678901.1700000002", "2345678901.1700000002"),
        ("'00123", "00123"),
        ("'+4930123", "+4930123"),
        ("'=1", "=1"),
        ("'12345.0", "12345"),
        ("'n Sync", "'n Sync"),
        ("'ann", "'ann"),
        ("'12'", "'12'"),
        ('="00123"', "00123"),
        ('="Ann@Example.com"', "ann@example.com"),
        ('=""', ""),
        ('="a"b"', '="a"b"'),
        ("1E11", "1E11"),
        ("12e-4", "12e-4"),
        ("a1.2E+11", "a1.2E+11"),
        ("Mu\u0308ller", "Müller"),
        ("001000000000001AAA", "001000000000001AAA"),
    ],
)
def test_ids_as_they_were_before_a_spreadsheet(cell, id):
    assert customer(cell) == id
    assert customers([cell]) == [id]


@pytest.mark.parametrize("cell", ["1.23457E+11", "1,23457E+11", "1E+11", "'1.2e+16", '="1.2E+11"'])
def test_an_id_that_a_spreadsheet_has_shortened_is_refused(cell):
    with pytest.raises(ValueError, match="Must be a whole id; a spreadsheet has shortened"):
        customer(cell)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("a/b", "Must not contain '/'."),
        ("..", "Must be 1 to 128 characters, and not '.' or '..'."),
        ("x" * 129, "Must be at most 128 characters."),
        ("X" * 1_000_000, "Must be at most 128 characters."),
        ("a\x00b", "Must not contain control characters or lone surrogates."),
        ("a\nb", "Must not contain control characters or lone surrogates."),
        ("\udcff", "Must not contain control characters or lone surrogates."),
    ],
)
def test_what_can_be_no_id_is_refused(cell, message):
    for read in (customer, lambda cell: customers([cell, "b"])):
        with pytest.raises(ValueError) as error:
            read(cell)
        assert str(error.value) == message


ids = st.text(max_size=8) | st.from_regex(r"['=]?[\"']?[0-9A-Za-z@._+-]{0,8}\"?", fullmatch=True)


@given(st.lists(ids))
def test_many_customers_are_the_same_as_one_by_one(cells):
    try:
        one_by_one = [customer(cell) for cell in cells]
    except ValueError as error:
        with pytest.raises(ValueError) as many:
            customers(cells)
        assert str(many.value) == str(error)
    else:
        assert customers(cells) == one_by_one


@given(st.text("abcXYZäÄéÉ0123456789 .-_#", min_size=1, max_size=20), st.sampled_from(["", " "]))
def test_other_ids_are_exact_but_for_outer_space_and_their_normal_form(text, space):
    id = unicodedata.normalize("NFC", text.strip())
    if id not in (".", "..") and not (id.endswith(".0") and id[:-2].isdigit()):
        decomposed = unicodedata.normalize("NFD", id)
        assert customer(f"{space}{decomposed}{space}") == id


def test_placeholders_are_in_lower_case_and_without_outer_space():
    assert {"na", "n/a", "null", "none", "guest", "gast", "0", "not logged in", "--"} < PLACEHOLDERS
    assert all(text == text.strip().lower() and text for text in PLACEHOLDERS)


@pytest.mark.parametrize(
    ("ids", "are_names"),
    [
        (["A. EXAMPLE", "B. PLACEHOLDER"], True),
        (["Ann Example", "Bo Placeholder", "cust-3"], True),
        (["Example, Ann", "Jean-Luc d'Été", "Änne O’Müller"], True),
        (["Ann Example", "cust-2"], False),
        (["annbuys", "buyer_two"], False),
        (["ann@example.com"], False),
        (["CUST 1", "CUST 2"], False),
        ([], False),
    ],
)
def test_names_instead_of_ids(ids, are_names):
    assert looks_like_name(iter(ids)) is are_names


def test_an_empty_cell_below_many_short_ids_does_not_keep_the_reader_for_ever():
    # In a process of its own: while the pattern was tried in all ways, nothing could stop it.
    read = "from clv.files.cells.customers import customers; print(customers(['ann'] * 60 + ['']))"
    run = subprocess.run(
        [sys.executable, "-c", read], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.stdout.strip() == str(["ann"] * 60 + [""]), run.stderr
