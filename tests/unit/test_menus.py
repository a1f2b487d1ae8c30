"""The menus of the page Data, for previews of files."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest

from clv.api.schemas.uploads import PreviewQuery
from clv.dashboard import menus
from clv.errors import Invalid
from clv.files.choices import Choices, Question
from clv.services.preview import BadLines, CurrencyTotal, FileColumn, Preview, Reading, UsedColumns

PREVIEW = Preview(
    profile=None,
    title=None,
    reading=Reading("windows-1252", ";", ",", None, "Europe/Berlin", 3),
    mapping=UsedColumns(
        ("Mail", "Tel"), ("Tag", "Uhr"), ("Betrag",), None, None, None, None, "Status"
    ),
    questions=(),
    rows=2,
    transactions=2,
    corrections=0,
    customers=2,
    first_day="2026-03-12",
    last_day="2026-03-12",
    total=10_000,
    currencies=(CurrencyTotal("EUR", 1, 5_000), CurrencyTotal("USD", 1, 5_000)),
    left_out=(),
    bad_lines=BadLines(0, ()),
    warnings=(),
    sample=(),
    columns=tuple(
        FileColumn(name, ("1",)) for name in ("Mail", "Tel", "Tag", "Uhr", "Betrag", "Status")
    ),
)


def all_menus(preview=PREVIEW, choices=Choices()):  # noqa: B008
    listed = [*menus.column_menus(preview, choices), *menus.reading_menus(preview, choices)]
    return {menu.name: menu for menu in listed}


def asked(parameter, *choices):
    question = Question(parameter, choices, "Which?")
    return replace(PREVIEW, questions=(question,))


def test_everything_that_can_be_chosen_has_a_menu_and_is_a_parameter_of_the_api():
    names = {menus.parameter(field.name) for field in fields(Choices)} - {"rate"}
    assert set(all_menus()) == names | {"clock"}
    known = {field.data_key for field in PreviewQuery().fields.values()}
    assert names | {"rate"} <= known


def test_a_menu_says_what_the_file_itself_says():
    read = {name: menu.read for name, menu in all_menus().items()}
    assert read["customer"] == "Mail, else Tel"
    assert (read["time"], read["clock"]) == ("Tag", "Uhr")
    assert read["delimiter"] == "Semicolon" and read["encoding"].startswith("Windows")
    assert read["dateOrder"] == "" and read["headerLine"] == "3"


def test_what_was_chosen_stays_chosen():
    choices = Choices(customer=("Tel",), order="", delimiter=",", rates=(("USD", Decimal("0.92")),))
    shown = all_menus(choices=choices)
    chosen = {
        name: [option.value for option in shown[name].options if option.is_chosen]
        for name in ("customer", "order", "delimiter", "amount")
    }
    assert chosen == {"customer": ["Tel"], "order": [""], "delimiter": ["comma"], "amount": []}
    assert menus.given_rates(choices) == {"USD": "0.92"}


@pytest.mark.parametrize("name", ["date_order", "dateOrder"])
def test_a_question_takes_the_place_of_the_menu(name):
    preview = asked(name, "dmy", "mdy")
    [question] = menus.questions(preview)
    assert (question.name, question.kind) == ("dateOrder", "radio")
    assert [option.label[:9] for option in question.options] == ["Day first", "Month fir"]
    assert "dateOrder" not in all_menus(preview)


def test_currencies_are_asked_with_what_there_is_in_each():
    [question] = menus.questions(asked("currency", "EUR", "USD"))
    assert question.options[0].label == "Only EUR: 0.50 in 1 transaction"


def test_states_that_usually_count_are_ticked_when_it_is_asked_which_do():
    [question] = menus.questions(asked("keepStates", "paid", "verschollen"))
    assert question.kind == "several"
    assert [option.is_chosen for option in question.options] == [True, False]


def test_states_that_were_chosen_are_sent_again_as_they_are():
    states = ("paid, shipped", "done")
    text = all_menus(choices=Choices(keep_states=states))["keepStates"].chosen
    assert PreviewQuery().load({"keepStates": [text]})["choices"].keep_states == states


def test_many_answers_are_a_menu_and_none_a_text():
    assert menus.questions(asked("customer", *"abcdef"))[0].kind == "menu"
    assert menus.questions(asked("time_zone"))[0].kind == "text"


def test_an_error_about_a_choice_offers_that_choice():
    error = Invalid("No.", {"query": {"headerLine": ["No."], "other": ["No."]}})
    assert [menu.name for menu in menus.asked_by_error(error)] == ["headerLine"]
    assert menus.asked_by_error(Invalid("No.")) == []
