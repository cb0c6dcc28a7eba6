"""What has to be asked, because it can neither be measured nor read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer", "Question"]


@dataclass(frozen=True)
class Answer:
    """One possible answer.

    Attributes:
        options: of the command line, as they are typed.
        meaning: the formula of z that it stands for.
        evidence: what speaks for or against it; empty if nothing does.
        parametrisation: of v.
        scale: of epsilon.
        swapped: whether v is the first tensor.
    """

    options: tuple[str, ...]
    meaning: str
    evidence: tuple[str, ...]
    parametrisation: str
    scale: float
    swapped: bool = False


@dataclass(frozen=True)
class Question:
    """A question to the user.

    Attributes:
        where: the model and the layer.
        what: the options that answer it.
        why: why it cannot be known, and what else would help.
        answers: the candidates; empty if they are not few.
        hint: how to weigh figures among the evidence; empty without figures.
    """

    where: str
    what: str
    why: str
    answers: tuple[Answer, ...] = ()
    hint: str = ""

    def line(self) -> str:
        """The question in one line."""
        return f"{self.where}: {self.why} tell {self.what}"
