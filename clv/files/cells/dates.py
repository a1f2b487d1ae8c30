"""Calendar days as files write them, and the order of day and month in them.

Functions raise ``ValueError`` with what would be right, as the rule of a
:class:`~clv.files.cells.bad_value.BadValue`.
"""

import re
import unicodedata
from datetime import date

# No date is as long, nor a date with its time.
MAX_TIME_LENGTH = 80
# In English, German, French, Spanish, Italian, Dutch and Portuguese.
_MONTHS = (
    "jan january januar jän jaen jänner jaenner janv janvier ene enero gen gennaio januari janeiro",
    "feb february februar feber févr fevr fév fev février fevrier febrero febbraio februari"
    " fevereiro",
    "mar march mär mrz märz maerz maer mars marzo mrt maart março marco",
    "apr april avr avril abr abril aprile",
    "may mai mayo mag maggio mei maio",
    "jun june juni juin junio giu giugno junho",
    "jul july juli juil juillet julio lug luglio julho",
    "aug august août aout aoû ago agosto augustus",
    "sep sept september septembre septiembre setiembre set settembre setembro",
    "oct october okt oktober octobre octubre ott ottobre out outubro",
    "nov november novembre noviembre novembro",
    "dec december dez dezember déc décembre decembre dic diciembre dicembre dezembro",
)
MONTH_OF_NAME = {name: month for month, names in enumerate(_MONTHS, 1) for name in names.split()}
_WEEKDAYS = frozenset(
    """
    mon monday mo montag tue tues tuesday di dienstag wed wednesday mi mittwoch thu thur thurs
    thursday do donnerstag fri friday fr freitag sat saturday sa samstag sonnabend sun sunday so
    sonntag lun lundi lunes lunedì lunedi mardi martes martedì martedi mer mercredi mercoledì
    mercoledi miércoles mié jeu jeudi jueves jue gio giovedì ven vendredi viernes vie venerdì sam
    samedi sábado sáb sab sabato dim dimanche domingo dom domenica ma maandag dinsdag woensdag wo
    donderdag vrijdag vr za zaterdag zo zondag
    """.split()
)
# Year, month and day among the three numbers of a date.
_PLACES = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}
_ORDER_IN_WORDS = {
    "ymd": "year, month, day",
    "dmy": "day, month, year",
    "mdy": "month, day, year",
}

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{1,2})")
_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMERIC = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})")
_NAME = r"([^\W\d_]+)\.?"
_DAY_NAME_YEAR = re.compile(
    rf"([0-9]{{1,2}})(?:st|nd|rd|th|er|\.)?(?:[-/ ]| de )?{_NAME}(?:[-/ ,]{{0,2}}| de | del )"
    r"([0-9]{4}|[0-9]{2})",
    re.I,
)
_NAME_DAY_YEAR = re.compile(
    rf"{_NAME}[-/ ]?([0-9]{{1,2}})(?:st|nd|rd|th)?[-/ ,]{{1,2}}([0-9]{{4}}|[0-9]{{2}})", re.I
)
_YEAR_NAME_DAY = re.compile(rf"([0-9]{{4}})[-/ ]{_NAME}[-/ ]([0-9]{{1,2}})")
_WEEKDAY = re.compile(r"([^\W\d_]+)[.,]{0,2} ")


def date_of(text: str, order: str | None, this_year: int) -> date:
    """The day that a text names; runs of blanks are single ones in it.

    :param order: of year, month and day in dates such as 03/04/2026; None if it is not known
    :param this_year: years of two digits are at most the next, and at least 98 years before
    """
    text = _without_weekday(text)
    if match := _YEAR_FIRST.fullmatch(text):
        return _date(match[1], match[3], match[4])
    if match := _DIGITS.fullmatch(text):
        return _date(*match.groups())
    if parts := numeric_parts(text):
        return numeric_date(parts, order, this_year)
    return _with_name(unicodedata.normalize("NFC", text), this_year)


def numeric_parts(text: str) -> tuple[str, str, str] | None:
    """The three numbers of a date whose order may be in doubt; None for any other text."""
    match = _NUMERIC.fullmatch(_without_weekday(text))
    return (match[1], match[3], match[4]) if match else None


def numeric_date(parts: tuple[str, str, str], order: str | None, this_year: int) -> date:
    """The day that three numbers name in an order."""
    if order is None:
        raise ValueError("Must be a date whose order of day and month is known, such as 2026-03-12")
    year, month, day = (parts[place] for place in _PLACES[order])
    # A year of one digit, or one behind another year.
    if len(year) == 1 or len(day) > 2:
        raise _other_order(order)
    try:
        return date(_full_year(year, this_year), int(month), int(day))
    except ValueError:
        raise _other_order(order) from None


def _without_weekday(text: str) -> str:
    match = _WEEKDAY.match(text)
    return text[match.end() :] if match and match[1].lower() in _WEEKDAYS else text


def _with_name(text: str, this_year: int) -> date:
    if match := _DAY_NAME_YEAR.fullmatch(text):
        day, name, year = match.groups()
    elif match := _NAME_DAY_YEAR.fullmatch(text):
        name, day, year = match.groups()
    elif match := _YEAR_NAME_DAY.fullmatch(text):
        year, name, day = match.groups()
    else:
        raise ValueError("Must be a time such as 2026-03-12 09:14, or a date")
    month = MONTH_OF_NAME.get(name.lower())
    if month is None:
        raise ValueError("Must be a date whose month is a number, or in words such as Mar or März")
    return _date(str(_full_year(year, this_year)), str(month), day)


def _full_year(text: str, this_year: int) -> int:
    if len(text) > 2:
        return int(text)
    year = this_year // 100 * 100 + int(text)
    return year if year <= this_year + 1 else year - 100


def _date(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError("Must be a day of the calendar") from None


def _other_order(order: str) -> ValueError:
    return ValueError(f"Must be a day of the calendar, written as {_ORDER_IN_WORDS[order]}")
