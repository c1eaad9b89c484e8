"""`bursts.yaml`: when many alike contacts in a short time are a burst (IN-14)."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, le=1)]


class Flood(BaseModel):
    """From which count on cases need no words in common: `times` and `chance` as below."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    times: Annotated[float, Field(ge=1)]
    chance: Annotated[float, Field(gt=0, lt=1)]


class BurstsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[str, Field(min_length=1)]
    window_min: Annotated[float, Field(gt=0, le=60)]
    look_every_s: Annotated[float, Field(ge=1, le=60)]
    at_least: Annotated[int, Field(ge=2)]
    times: Annotated[float, Field(ge=1)]
    chance: Annotated[float, Field(gt=0, lt=1)]
    usual_at_least: Annotated[float, Field(gt=0)]
    newest: Share
    alike_share: Share
    lift: Annotated[float, Field(ge=1)]
    without_words: Flood = Flood(times=40, chance=1e-30)

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_min)
