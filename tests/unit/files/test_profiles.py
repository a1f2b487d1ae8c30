"""The known layouts: each is found by its header, and says what its columns mean."""

import random

import pytest

from clv.config import ROOT
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.columns import profile
from clv.files.columns.header import Header, header_key
from clv.files.columns.mapping import Amount, Less
from clv.files.columns.profile import AmountNames, Layout, all_profiles, profile_of
from clv.files.columns.resolve import resolve
from clv.files.columns.toml_file import TableError, read_table
from tests.support.exports import EXPORTS, SAMPLES

SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=str)
MINIMAL = 'title = "A shop"\nsignature = [["Order"]]\n'
# Other words for the customer, which no sample happens to have.
SHOPIFY = next(sample for sample in SAMPLES if sample.profile == "shopify").table()[0]


def layout(tmp_path, text):
    """A profile's file with this text, read."""
    path = tmp_path / "shop.toml"
    path.write_text(text)
    return read_table(path, Layout)


def columns(table):
    """The lists of column names in a profile's table, however deep."""
    if isinstance(table, Layout):
        yield from table.signature
        yield from (table.customer, table.time, table.clock, table.zone, table.order, table.state)
        yield from table.joined_customer
        for part in (*table.amounts, *table.rules):
            yield from columns(part)
    else:
        yield table.column
    if isinstance(table, AmountNames):
        yield from (less.column for less in table.less)


@SAMPLE
def test_a_header_finds_its_profile(sample):
    header = sample.table()[0]
    layout = profile_of(header)
    assert (layout.name if layout else None) == sample.profile


@SAMPLE
def test_a_profile_is_found_whatever_the_order_of_the_columns_their_case_and_the_others(sample):
    header = [*sample.table()[0], "Notiz", "my own column"]
    random.Random(1).shuffle(header)
    for names in (header, [name.upper() for name in header], [f" {name} " for name in header]):
        layout = profile_of(names)
        assert (layout.name if layout else None) == sample.profile


@SAMPLE
def test_no_header_fits_two_profiles_equally_well(sample):
    header = Header(sample.table()[0])
    sizes = [len(layout.layout.signature) for layout in all_profiles() if layout.matches(header)]
    assert sizes.count(max(sizes, default=0)) <= 1


def test_the_fewest_columns_that_a_profile_asks_for_fit_no_other_as_well():
    for layout in all_profiles():
        for spelling in range(max(map(len, layout.layout.signature))):
            names = [group[min(spelling, len(group) - 1)] for group in layout.layout.signature]
            fitting = [other for other in all_profiles() if other.matches(Header(names))]
            assert fitting == [layout], names


def test_each_profile_has_a_sample_and_each_sample_a_row_in_the_table():
    assert {layout.name for layout in all_profiles()} <= {sample.profile for sample in SAMPLES}
    files = {path.name for path in EXPORTS.iterdir()} - {"expected.toml"}
    assert files == {sample.file for sample in SAMPLES}


def test_of_the_columns_that_a_profile_names_a_sample_has_one_of_each_list():
    for layout in all_profiles():
        headers = [Header(s.table()[0]) for s in SAMPLES if s.profile == layout.name]
        for names in columns(layout.layout):
            has_one = any(header.first(names) for header in headers)
            assert not names or has_one, (layout.name, names)


@SAMPLE
def test_the_columns_of_a_sample_leave_the_questions_that_are_expected(sample):
    header, *rows = sample.table()
    if sample.refused:
        with pytest.raises(Invalid, match=sample.refused):
            resolve(header, rows, Choices())
        return
    resolved = resolve(header, rows, Choices())
    questions = [question.parameter for question in resolved.questions]
    # Which of two currencies is meant only their values tell.
    assert questions == [name for name in sample.questions if name != "currency"]
    assert (resolved.mapping is None) == bool(questions)
    assert [code for code, _ in resolved.warnings] == [
        code for code in sample.warnings if code != "encoding"
    ]


@SAMPLE
def test_a_mapping_names_columns_as_the_header_does(sample):
    names = [f" {name.upper()} " for name in sample.table()[0]]
    layout = profile_of(names)
    if layout is None or layout.refusal:
        return
    mapping = layout.mapping(names)
    used = [*mapping.customer, *mapping.time, *mapping.order, mapping.state, mapping.clock]
    used += [amount.column for amount in mapping.amounts]
    assert {name for name in used if name} <= set(names)


def test_a_column_that_a_profile_uses_may_not_stand_in_the_header_twice():
    with pytest.raises(Invalid, match='2 columns "Email"'):
        resolve([*SHOPIFY, "email"], [], Choices())
    # The notes are not used.
    assert resolve([*SHOPIFY, "Notes"], [], Choices()).questions == ()


def test_without_the_column_of_refunds_it_is_a_question_what_was_paid_back():
    header = [name for name in SHOPIFY if name != "Refunded Amount"]
    (question,) = resolve(header, [], Choices()).questions
    assert question.parameter == "refund"
    assert resolve(header, [], Choices(refund="")).questions == ()
    mapping = resolve([*header, "Back"], [], Choices(refund="back")).mapping
    assert mapping.amounts == (Amount("Total", (Less("Back"),), currency="Currency"),)


def test_the_amount_in_the_account_s_currency_comes_first_but_not_without_its_refunds():
    header = ["id", "Created (UTC)", "Amount", "Amount Refunded", "Currency", "Status"]
    header += ["Customer ID", "Converted Amount", "Converted Currency"]
    mapping = resolve(header, [], Choices()).mapping
    assert [amount.column for amount in mapping.amounts] == ["Amount"]
    mapping = resolve([*header, "Converted Amount Refunded"], [], Choices()).mapping
    assert [amount.column for amount in mapping.amounts] == ["Converted Amount", "Amount"]


def test_orders_joined_with_both_payments_and_items_are_a_question():
    header = next(s for s in SAMPLES if s.file == "olist_joined.csv").table()[0]
    (question,) = resolve([*header, "order_item_id", "price"], [], Choices()).questions
    assert question.parameter == "amount"
    assert "payments and items" in question.message


@pytest.mark.parametrize(
    "text, message",
    [
        (MINIMAL + "custommer = []\n", r"shop.toml: custommer is not a key\. There are: title"),
        (MINIMAL + "[[amounts]]\ncolumns = []\n", r"shop.toml: amounts\.columns is not a key"),
        (MINIMAL + "[[amounts]]\nis_negated = true\n", r"amounts\.column is missing"),
        (MINIMAL + 'customer = "Email"\n', "customer must be a list"),
        (MINIMAL + "customer = [1]\n", "customer must be of the type str, not 1"),
        (MINIMAL + 'customer_length = "15"\n', "customer_length must be of the type int"),
        (MINIMAL + "customer_length = true\n", "customer_length must be of the type int"),
        (MINIMAL + "refusal = 3\n", "refusal must be of the type str"),
        (MINIMAL + 'amounts = ["Total"]\n', "amounts must be a table"),
        ('title = "A shop"\n', "shop.toml: signature is missing"),
        ("title = \n", "shop.toml: Invalid value"),
    ],
)
def test_a_profile_with_a_mistake_is_an_error_that_names_file_and_key(tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        layout(tmp_path, text)


def test_a_profile_is_added_by_a_file_alone(tmp_path, monkeypatch):
    text = MINIMAL + 'customer = ["Who"]\ntime = ["When"]\n[[amounts]]\ncolumn = ["How much"]\n'
    (tmp_path / "shop.toml").write_text(text)
    monkeypatch.setattr(profile, "FOLDER", tmp_path)
    all_profiles.cache_clear()
    try:
        mapping = resolve(["when", "order", "who", "how much"], [], Choices()).mapping
    finally:
        all_profiles.cache_clear()
    assert (mapping.customer, mapping.time) == (("who",), ("when",))
    assert mapping.amounts == (Amount("how much"),)


def test_the_words_of_every_profile_are_what_the_reader_knows():
    for layout in all_profiles():
        known = layout.layout
        assert known.order_lines in ("each", "sum", "first")
        assert known.date_order in (None, "dmy", "mdy", "ymd")
        assert known.decimal in (None, ".", ",")
        assert all(rule.sign in ("", "negative", "positive") for rule in known.rules)
        assert all(word == word.casefold() for rule in known.rules for word in rule.values)
        assert known.refusal or (known.time and known.amounts), layout.name
        assert not known.order or known.order_lines != "each", layout.name
        assert all(notice.message.endswith(".") for notice in known.warnings + known.questions)


def test_a_header_s_key_is_that_of_its_columns_in_whatever_order_and_case():
    assert header_key(["Order ID", "Total "]) == header_key(["total", "order  id"])
    assert header_key(["Order ID", "Total"]) != header_key(["Order ID", "Totals"])
    assert len(header_key([])) == 64


def test_the_order_of_dates_is_the_layout_s_own_only_if_they_have_its_form():
    etsy = {layout.name: layout for layout in all_profiles()}["etsy_orders"]
    assert etsy.date_order(["03/12/26", "", "2026-03-12"]) == "mdy"
    # Saved by a spreadsheet.
    assert etsy.date_order(["03/12/26", "12.03.2026"]) is None
    assert etsy.date_order(["03/12/2026"]) is None


def test_the_page_on_profiles_explains_every_key():
    page = (ROOT / "docs/profiles.md").read_text()
    classes = (Layout, AmountNames, profile.LessNames, profile.RuleNames, profile.Notice)
    for name in {name for kind in classes for name in kind.__dataclass_fields__}:
        assert f"`{name}`" in page, name
