"""`understanding.yaml`: how the words of the rules and what was learned come together (IN-5, IN-12)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoryBy(_Part):
    """`winner`: whose category counts where both speak. Under `model_at_least` the model does not speak."""

    winner: Literal["keywords", "model"]
    model_at_least: Share
    review_without_model: bool


class SentimentBy(_Part):
    """`model_share`: how much of the score is the model's where there is one; the words have the rest."""

    model_share: Share


class UnderstandingFile(_Part):
    version: Annotated[str, Field(min_length=1)]
    category: CategoryBy
    sentiment: SentimentBy
