"""Which model predicts revenue, and which one churn: what serves now, why, and since when.

Pure. Each full run fits the calibrated model and measures both models on the tenant's own history
(:mod:`clv.prediction.backtest`); :func:`choose` decides from that. Revenue and churn are two
predictions, and are chosen apart: the better model of one may be the worse one of the other.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clv.domain.scoring import MODELS
from clv.domain.settings import MODEL_NAMES, ScoreSettings
from clv.domain.stored import restored
from clv.prediction import model as models
from clv.prediction.base import Base
from clv.prediction.btyd import Parameters
from clv.prediction.model import Model

RFM, CALIBRATED = MODEL_NAMES
# What is predicted: the names of a calibration's two choices.
PREDICTIONS = ("revenue", "churn")
# With ``auto``, in how many backtests running the other model must be better. One month differs
# from the next: a model that changed with each would make the history of a customer unreadable.
RUNS_TO_CHANGE = 3
# The version of the calibrated model that full runs fit, and that of calibrations stored by
# releases that chose one model for both predictions.
VERSION, FORMER_VERSION = 2, 1
AS_SET = "The tenant's settings say so."
NOT_FITTED_YET = (
    "A full run fits the calibrated model, and none has finished with this setting yet."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves for one prediction.

    :param name: ``rfm`` or ``calibrated``
    :param reason: why it serves, a sentence
    :param since_ms: time of the full run since which it serves; None if that is not known
    :param ahead: in how many backtests running the other model was better
    :param chosen: what serves whenever it can; None before the first backtest. It differs from
        ``name`` while the calibrated model can't be fitted
    """

    name: str
    reason: str
    since_ms: int | None = None
    ahead: int = 0
    chosen: str | None = None

    @property
    def is_calibrated(self) -> bool:
        """Whether the calibrated model predicts."""
        return self.name == CALIBRATED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a backtest says about one prediction.

    :param better: ``rfm`` or ``calibrated``
    :param sentence: how far off both were
    """

    better: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a full run found out: the fitted model with a verdict for each prediction, or the reason
    why there is none.

    :param fitted: the calibrated model; None if it can't be fitted, or must not be
    :param not_fitted: a sentence; None with a model
    :param coverage: in the backtest, share of the customers whose revenue was in the interval
    """

    fitted: Model | None
    revenue: Verdict | None
    churn: Verdict | None
    not_fitted: str | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What predicts a tenant's revenue and churn. Stored with a snapshot.

    :param fitted: the calibrated model; None where it predicts neither
    :param as_of_ms: time of the full run that decided; None before the first
    :param setting: the setting ``model`` that it decided by
    :param version: of the fitted model
    :param coverage: in the backtest, share of the customers whose revenue was in the interval
    """

    fitted: Model | None
    revenue: Choice
    churn: Choice
    as_of_ms: int | None = None
    setting: str = "auto"
    version: int = VERSION
    coverage: float | None = None

    @property
    def index(self) -> int:
        """What predicts, as records have it: an index in ``clv.domain.scoring.MODELS``."""
        ours = f"{CALIBRATED}/{self.version}"
        revenue, churn = (
            ours if choice.is_calibrated else MODELS[0][0] for choice in (self.revenue, self.churn)
        )
        return MODELS.index((revenue, churn))

    def to_json(self) -> str:
        """The calibration as it is stored with a snapshot.

        Releases before choose one model for both. They read ``parameters``, ``reason`` and
        ``as_of_ms``, and let rfm serve where there are no parameters.
        """
        stored: dict[str, Any] = {
            "parameters": None,
            "reason": self.revenue.reason,
            "as_of_ms": self.as_of_ms,
        }
        if self.version == FORMER_VERSION and self.fitted is not None:
            stored["parameters"] = self.fitted.base.parameters.to_dict()
        else:
            stored |= {
                "fitted": None if self.fitted is None else self.fitted.to_dict(),
                "coverage": self.coverage,
                "revenue": asdict(self.revenue),
                "churn": asdict(self.churn),
                "setting": self.setting,
            }
        return json.dumps(stored, ensure_ascii=False)


def from_json(text: str) -> Calibration:
    """The inverse of :meth:`Calibration.to_json`. What a release before has stored serves both
    predictions until the next full run."""
    stored = json.loads(text)
    if "revenue" not in stored:
        return _of_former(stored)
    fitted = stored["fitted"]
    return Calibration(
        None if fitted is None else models.from_dict(fitted),
        restored(Choice, stored["revenue"]),
        restored(Choice, stored["churn"]),
        stored["as_of_ms"],
        stored["setting"],
        coverage=stored["coverage"],
    )


def serving(settings: ScoreSettings, calibration: Calibration | None) -> Calibration:
    """What predicts for a tenant with these settings, and why.

    :param calibration: of the last full run; None before the first
    """
    if settings.model == RFM:
        since_ms = _since(calibration) if calibration and calibration.setting == RFM else {}
        return _both_by_rfm(AS_SET, RFM, since_ms)
    if calibration is None or calibration.setting == RFM:
        return _both_by_rfm(NOT_FITTED_YET, settings.model, {})
    return calibration


def choose(
    previous: Calibration | None, findings: Findings | None, setting: str, as_of_ms: int
) -> Calibration:
    """What predicts from this full run on.

    - ``rfm`` serves if the setting says so; nothing is fitted, and nothing remembered.
    - ``calibrated``: the verdict of each run decides at once.
    - ``auto``: the first verdict decides at once. Later a prediction changes its model only when
      the other one was better in three backtests running.
    - Without a fitted model rfm serves; what was chosen is remembered, and serves again as soon
      as it is fitted.

    :param previous: the calibration of the full run before
    :param findings: None with the setting ``rfm``
    """
    if setting == RFM or findings is None:
        revenue, churn = (
            _dated(Choice(RFM, AS_SET), _previous(previous, name), as_of_ms) for name in PREDICTIONS
        )
        return Calibration(None, revenue, churn, as_of_ms, setting)
    revenue, churn = (
        _dated(
            _chosen(_previous(previous, name), findings, name, setting),
            _previous(previous, name),
            as_of_ms,
        )
        for name in PREDICTIONS
    )
    serves = revenue.is_calibrated or churn.is_calibrated
    return Calibration(
        findings.fitted if serves else None,
        revenue,
        churn,
        as_of_ms,
        setting,
        coverage=findings.coverage if serves else None,
    )


def _chosen(previous: Choice | None, findings: Findings, name: str, setting: str) -> Choice:
    """What serves for one prediction, without the date."""
    chosen, ahead = (None, 0) if previous is None else (previous.chosen, previous.ahead)
    verdict: Verdict | None = getattr(findings, name)
    if findings.fitted is None or verdict is None:
        return Choice(RFM, findings.not_fitted or NOT_FITTED_YET, ahead=ahead, chosen=chosen)
    if setting == CALIBRATED or chosen is None or chosen == verdict.better:
        return Choice(verdict.better, verdict.sentence, chosen=verdict.better)
    if ahead + 1 >= RUNS_TO_CHANGE:
        return Choice(verdict.better, verdict.sentence, chosen=verdict.better)
    reason = (
        f"{chosen} stays until {verdict.better} has been better in {RUNS_TO_CHANGE} full runs"
        f" running; it was in {ahead + 1}. {verdict.sentence}"
    )
    return Choice(chosen, reason, ahead=ahead + 1, chosen=chosen)


def _dated(choice: Choice, previous: Choice | None, as_of_ms: int) -> Choice:
    """The choice with the time since which its model serves."""
    is_same = previous is not None and previous.name == choice.name
    since_ms = previous.since_ms if previous is not None and is_same else as_of_ms
    return Choice(choice.name, choice.reason, since_ms, choice.ahead, choice.chosen)


def _previous(calibration: Calibration | None, name: str) -> Choice | None:
    return None if calibration is None else getattr(calibration, name)


def _since(calibration: Calibration) -> dict[str, int | None]:
    return {name: getattr(calibration, name).since_ms for name in PREDICTIONS}


def _both_by_rfm(reason: str, setting: str, since_ms: Mapping[str, int | None]) -> Calibration:
    revenue, churn = (Choice(RFM, reason, since_ms.get(name)) for name in PREDICTIONS)
    return Calibration(None, revenue, churn, setting=setting)


def _of_former(stored: Mapping[str, Any]) -> Calibration:
    """What a release stored that chose one model for both predictions."""
    parameters = stored["parameters"]
    fitted = None if parameters is None else Model(Base(Parameters.from_dict(parameters)))
    name, chosen = (RFM, None) if fitted is None else (CALIBRATED, CALIBRATED)
    both = Choice(name, stored["reason"], chosen=chosen)
    version = VERSION if fitted is None else FORMER_VERSION
    return Calibration(fitted, both, both, stored["as_of_ms"], CALIBRATED, version)
