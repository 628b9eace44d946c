"""Wanted and standing made alike. Each run looks at everything anew, so a call that failed, a run that died and a hand that meddled are mended by the next."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.logging import logger
from chalicelib.mirror.alarms import Alarm
from chalicelib.mirror.eventbridge import Clock

LOOKED_INTO = 50  # alarms a run that are compared in every part: lists do not show all of it
FAILURES_IN_A_ROW = 5  # then AWS is given rest until the next run

log = logger("mirror")


@dataclass(slots=True)
class Report:
    """What a run did. `failed`: calls that AWS refused; `left`: whether time ran out, so that the next run goes on."""

    wanted: int = 0
    made: int = 0
    removed: int = 0
    mended: int = 0
    failed: int = 0
    left: bool = False
    _in_a_row: int = field(default=0, repr=False)

    def as_dict(self) -> dict[str, int | bool]:
        """For the log and the handler's answer."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    def attempt(self, what: str, name: str, call: Callable[[], object]) -> str | None:
        """Make a call; returns what AWS says when it refuses, None when it went well."""
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            self.failed += 1
            self._in_a_row += 1
            log.warning("the mirror's call was refused; the next run tries again", extra={"what": what, "name_of_it": name, "error": str(error)[:500]})
            return str(error)
        self._in_a_row = 0
        return None

    def may_go_on(self, time_left: Callable[[], bool]) -> bool:
        """Whether there is time, and AWS answers."""
        if time_left() and self._in_a_row < FAILURES_IN_A_ROW:
            return True
        self.left = True
        return False


def mirror_alarms(clock: Clock, alarms: Mapping[str, Alarm], time_left: Callable[[], bool], *, look_into: int = LOOKED_INTO) -> Report:
    """Bring the clock's alarms to these (by name). Raises botocore's errors when not even a list can be had."""
    report = Report(wanted=len(alarms))
    standing = clock.standing()
    for name in sorted(standing.keys() - alarms.keys()):
        if not report.may_go_on(time_left):
            return report
        report.removed += report.attempt("remove an alarm", name, partial(clock.remove, name)) is None
    for name in sorted(alarms.keys() - {name for name, rings in standing.items() if rings}):
        if not report.may_go_on(time_left):
            return report
        done = report.attempt("put an alarm", name, partial(clock.put, alarms[name])) is None
        report.mended += done and name in standing
        report.made += done and name not in standing
    intact = sorted(name for name in alarms.keys() & standing.keys() if standing[name])
    for name in random.sample(intact, min(look_into, len(intact))):
        if not report.may_go_on(time_left):
            return report
        report.attempt("look into an alarm", name, partial(_mend, clock, alarms[name], report))
    return report


def _mend(clock: Clock, alarm: Alarm, report: Report) -> None:
    if not clock.is_whole(alarm):
        clock.put(alarm)
        report.mended += 1
