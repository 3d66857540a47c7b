"""Everything up to the moment when a shopper may come in."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chalicelib.domain.signing import new_secret
from deploy.stripe_keys import StripeKeys
from local.demo import evidence, owner
from local.demo.evidence import Evidence
from local.demo.programs import NAME, listening
from local.demo.stripe import Sandbox, Stripe, TestMode
from local.demo.web import Api, Json, Refused, wait_for
from local.stack import FUNCTIONS, LocalStack, local_stack
from local.timeline import Timeline

LISTEN_PATIENCE = 600.0  # seconds for a person to start `stripe listen` in another terminal
CALLBACK = "/callbacks/stripe"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the story is told with. `sabotage` breaks one thing on purpose; `test_mode` is Stripe's own."""

    timeline: Timeline
    programs: ExitStack
    evidence: Evidence
    folder: Path
    catalog: Path
    patience: float
    sabotage: str | None
    cold: bool
    test_mode: TestMode | None


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop that is open, with everybody it deals with."""

    stack: LocalStack
    stripe: Stripe
    admin: Api
    receiver: Api
    endpoint_id: str

    @property
    def public(self) -> Api:
        """The API as shoppers call it."""
        return Api(url=self.stack.api_url)


def open_shop(setting: Setting) -> Shop:
    """Start what the shop is made of and fill it. Raises `StepFailed`."""
    stripe = setting.test_mode or _start_sandbox(setting)
    stack = _start_stack(setting, stripe)
    if isinstance(stripe, TestMode):
        _await_stripe_listen(setting, stack, stripe)
    elif isinstance(stripe, Sandbox):
        _arrange_callback(setting, stack, stripe)
    if not setting.cold:
        _warm_up(setting, stack)
    admin = _create_admin_key(setting, stack)
    _load_catalog(setting, admin)
    receiver, endpoint_id = _register_receiver(setting, admin)
    return Shop(stack=stack, stripe=stripe, admin=admin, receiver=receiver, endpoint_id=endpoint_id)


def _start_sandbox(setting: Setting) -> Sandbox:
    log = setting.folder / "sandbox.log"
    with setting.timeline.step("Stripe sandbox") as step:
        url = setting.programs.enter_context(
            listening("local.stripe_sandbox", log=log, what="the Stripe sandbox")
        )
        sandbox = Sandbox(api_base=url)
        setting.evidence.add("Stripe sandbox", lambda: [*sandbox.webhooks_sent(), *evidence.of_program(log)])
        step.happened(f"takes payments at {url}")
    return sandbox


def _start_stack(setting: Setting, stripe: Stripe) -> LocalStack:
    aws_log = setting.folder / "aws.log"
    told = 0  # bytes of its log that are of a good start, whose grumbling would explain nothing
    setting.evidence.add("embedded AWS", lambda: evidence.of_program(aws_log, start=told))
    with setting.timeline.step("Shop on embedded AWS") as step:
        stack = setting.programs.enter_context(
            local_stack(stripe_api_base=stripe.api_base, stripe_keys=stripe.keys, name=NAME, say=step.note)
        )
        told = aws_log.stat().st_size
        for function in FUNCTIONS:
            setting.evidence.add(f"function {function}", partial(_function_log, stack, function))
        step.happened("the packaged template, deployed by CloudFormation")
    return stack


def _function_log(stack: LocalStack, function: str) -> list[str]:
    return evidence.of_function(stack.logs(function))


def _arrange_callback(setting: Setting, stack: LocalStack, sandbox: Sandbox) -> None:
    secret = _another(sandbox.keys) if setting.sabotage == "callback" else sandbox.keys.webhook_secrets
    with setting.timeline.step("Callback") as step:
        sandbox.call_back(stack.api_url + CALLBACK, secret=secret)
        step.happened(f"the sandbox tells the shop by signed POST {CALLBACK}")


def _another(keys: StripeKeys) -> str:
    return f"{keys.webhook_secrets}_but_wrong"


def _await_stripe_listen(setting: Setting, stack: LocalStack, stripe: TestMode) -> None:
    """Have Stripe say something until it comes through; wrong secrets show here, not after the purchase."""

    def heard() -> int | None:
        answers = _callbacks_answered(stack)
        if not answers:
            stripe.make_noise()
        return answers[0] if answers else None

    with setting.timeline.step("Stripe test mode") as step:
        setting.timeline.line()
        setting.timeline.line("In another terminal, please (https://docs.stripe.com/stripe-cli):")
        setting.timeline.line(f"stripe listen --forward-to {stack.api_url}{CALLBACK}", style="bold")
        setting.timeline.line()
        step.note("Waiting for `stripe listen`")
        status = wait_for(
            heard,
            what="`stripe listen` has passed nothing on",
            patience=LISTEN_PATIENCE,
            every=2.0,
        )
        if status >= 400:  # noqa: PLR2004  # HTTP's own classes
            raise Refused(
                f"The shop answered {status} to what Stripe sent. STRIPE_WEBHOOK_SECRET must be the one that "
                "`stripe listen` shows; end the demo and begin anew with it."
            )
        step.happened("`stripe listen` passes on what Stripe tells")


def _callbacks_answered(stack: LocalStack) -> list[int]:
    """The HTTP statuses that the shop gave to Stripe's callbacks, newest first."""
    lines = [json.loads(line) for line in stack.logs("api") if line.startswith("{")]
    return [line["http_status"] for line in reversed(lines) if line.get("route") == f"POST {CALLBACK}"]


def _create_admin_key(setting: Setting, stack: LocalStack) -> Api:
    with setting.timeline.step("Admin key") as step:
        admin = owner.open_admin_api(stack)
        admin.ask("GET", "/admin/endpoints")
        step.happened("created; the table keeps a hash of it")
    return admin


def _load_catalog(setting: Setting, admin: Api) -> None:
    with setting.timeline.step("Catalogue") as step:
        catalog = owner.read_catalog(setting.catalog)
        change = owner.push_catalog(admin, catalog)
        step.happened(f"{len(change['added'])} products added, stock set for {len(catalog['stock'])}")


def _register_receiver(setting: Setting, admin: Api) -> tuple[Api, str]:
    log = setting.folder / "receiver.log"
    with setting.timeline.step("Receiver") as step:
        url = setting.programs.enter_context(listening("local.receiver", log=log, what="the receiver"))
        receiver = Api(url=url)
        setting.evidence.add("receiver", lambda: [*_refusals(receiver), *evidence.of_program(log)])
        endpoint_id, secret = owner.register(admin, f"{url}/hook")
        if setting.sabotage == "receiver":
            secret = new_secret(bytes)
        receiver.ask("PUT", "/secret", {"secret": secret})
        step.happened(f"listens at {url}, registered for {owner.PAID}")
    return receiver, endpoint_id


def _refusals(receiver: Api) -> list[str]:
    received: list[Json] = receiver.ask("GET", "/received.json")["received"]
    return [f"refused {one['webhook_id']}: {one['problem']}" for one in received if not one["verified"]]


def _warm_up(setting: Setting, stack: LocalStack) -> None:
    shop = Api(url=stack.api_url)
    with setting.timeline.step("Warm-up") as step, ThreadPoolExecutor(1) as pool:
        workers = pool.submit(stack.warm_up)
        shop.ask("GET", "/products")
        workers.result()
        step.happened("each function started, as in a shop that has customers")
