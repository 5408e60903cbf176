"""The report of one run."""

from genlatent.numerics.randomness import drawing_from, stream
from genlatent.report.page import note, page
from genlatent.report.sections import SECTIONS
from genlatent.report.subject import Subject


def run_report(subject: Subject) -> str:
    """One HTML file of everything there is to see of a model, the same for the same model, records and seed."""
    training = subject.model.training
    subject.model.eval()
    try:
        with drawing_from(stream(subject.seed, name="report")):
            sections = [section for make in SECTIONS if (section := make(subject)) is not None]
    finally:
        subject.model.train(training)
    kind = type(subject.model).__name__
    return page(subject.name, note(f"{kind} on {subject.data.title}"), sections)
