"""Run a shop on this machine, make one purchase in it, and stay up until Ctrl-C.

    python -m local.demo            (make demo)
    python -m local.demo --once     (make demo ONCE=1)

With --once it ends by itself: status 0 if the receiver verified the webhook of that very order, else 1.
"""

import argparse
import os
import signal
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from deploy.package import PackagingFailed
from deploy.stack import DeploymentFailed
from deploy.stripe_keys import UnusableKeys
from local.aws import ROOT
from local.demo import addresses
from local.demo.evidence import Evidence
from local.demo.opening import Setting, open_shop
from local.demo.programs import logs_folder
from local.demo.sale import Sale, make_purchase
from local.demo.stripe import test_mode
from local.demo.web import NotSeen, Refused
from local.processes import ProgramFailed
from local.timeline import StepFailed, Timeline, duration

CATALOG = ROOT / "local/catalog.json"
PATIENCE = 30.0
# Whose text says all; of anything else the traceback is shown, since it is a mistake of ours.
EXPLAINED = (
    BotoCoreError, ClientError, DeploymentFailed, NotSeen, PackagingFailed, ProgramFailed, Refused,
    RequestException,
)  # fmt: skip
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants the demo to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    timeline = Timeline()
    try:
        stripe = test_mode(os.environ, api_base=options.stripe_api_base)
    except UnusableKeys as refusal:
        timeline.prose(str(refusal))
        return 1
    for number in ENDING:
        signal.signal(number, _interrupt)
    try:
        with logs_folder() as folder, ExitStack() as programs:
            setting = Setting(
                timeline=timeline,
                programs=programs,
                evidence=Evidence(),
                folder=folder,
                catalog=options.catalog,
                patience=options.patience,
                sabotage=options.sabotage,
                cold=options.cold,
                test_mode=stripe,
            )
            _tell(setting, once=options.once)
    except StepFailed:
        return 1
    except Interrupted as interruption:
        timeline.line("Interrupted; everything that was started has ended.")
        return 128 + interruption.number
    return 0


def _tell(setting: Setting, *, once: bool) -> None:
    """The story; everything is still running when a failure is explained."""
    timeline = setting.timeline
    try:
        timeline.section("Opening a shop on this machine")
        shop = open_shop(setting)
        timeline.section("A purchase")
        sale = make_purchase(setting, shop)
    except StepFailed as failure:
        _explain(failure, setting)
        raise
    _conclude(timeline, sale, setting=setting)
    if once:
        return
    addresses.show(timeline, shop, sale)
    timeline.line()
    timeline.line("The shop stays open until you press Ctrl-C.", style="bold")
    _stay()
    timeline.line()
    timeline.line("Closed: everything that was started is ending.")


def _conclude(timeline: Timeline, sale: Sale, *, setting: Setting) -> None:
    state = "functions were cold" if setting.cold else "functions were warm"
    timeline.line()
    timeline.prose(
        f"From the shopper's confirmation to the verified delivery: {duration(sale.seconds)} ({state})",
        style="bold green",
    )


def _stay() -> None:
    try:
        while True:
            signal.pause()
    except Interrupted:
        return


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """End, once: what is being ended must not be interrupted in its turn (it takes seconds at most)."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def _explain(failure: StepFailed, setting: Setting) -> None:
    """Say which step failed and why, and let everybody who took part say what they saw."""
    line = setting.timeline.line
    line()
    line(f"Failed at: {failure.step}", style="bold red")
    if isinstance(failure.error, EXPLAINED):
        setting.timeline.prose(str(failure.error))
    else:
        line("".join(traceback.format_exception(failure.error)).rstrip())
    statements = setting.evidence.collect()
    for witness, lines in statements:
        line()
        line(f"{witness}:", style="bold")
        for said in lines:
            line(f"  {said}")
    if statements:
        line()
        line(f"The programs' whole logs: {setting.folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo",
        description="A whole shop on this machine: embedded AWS, Stripe sandbox, one purchase.",
        epilog="With STRIPE_SECRET_KEY=sk_test_… and STRIPE_WEBHOOK_SECRET set, Stripe's own test mode takes "
        "the sandbox's place.",
    )
    parser.add_argument(
        "--once", action="store_true", help="end after the purchase; status 0 if it went well"
    )
    parser.add_argument(
        "--cold", action="store_true", help="leave the workers cold, to see what the first sale takes"
    )
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="what is sold (default: %(default)s)")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds to wait for what must happen by itself"
    )
    parser.add_argument(
        "--sabotage",
        choices=("callback", "receiver"),
        help="break something on purpose, to see how a failure is told: a wrong secret for either",
    )
    parser.add_argument(
        "--stripe-api-base", default="", help="where test mode finds Stripe, if not at api.stripe.com"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
