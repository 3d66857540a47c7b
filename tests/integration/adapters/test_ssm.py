from __future__ import annotations

import pytest

from chalicelib.adapters.ssm import SsmSecrets, StripeKeys, read_stripe_keys, write_stripe_keys
from chalicelib.domain.errors import ProviderUnavailable
from tests.integration.adapters.conftest import Clients, Stores
from tests.making import an_id, signing_secrets

HOOK, OTHER_HOOK = an_id("ep", 1), an_id("ep", 2)
STRIPE = StripeKeys(
    secret_key="sk_test_1", publishable_key="pk_test_1", webhook_secrets=["whsec_a", "whsec_b"]
)


def test_secrets_are_read_by_the_version_that_putting_them_named(stores: Stores) -> None:
    version = stores.secrets.put_secrets(HOOK, signing_secrets("whsec_new", "whsec_old"))
    assert stores.secrets.get_secrets(HOOK, version) == signing_secrets("whsec_new", "whsec_old")


def test_an_older_version_stays_readable_and_is_never_the_newer_one(stores: Stores) -> None:
    first = stores.secrets.put_secrets(HOOK, signing_secrets("whsec_1"))
    second = stores.secrets.put_secrets(HOOK, signing_secrets("whsec_2", "whsec_1"))
    assert first != second
    assert stores.secrets.get_secrets(HOOK, first) == signing_secrets("whsec_1")
    assert stores.secrets.get_secrets(HOOK, second) == signing_secrets("whsec_2", "whsec_1")
    assert stores.secrets.get_secrets(HOOK, first) == signing_secrets("whsec_1")


def test_secrets_of_one_endpoint_are_not_anothers(stores: Stores) -> None:
    mine = stores.secrets.put_secrets(HOOK, signing_secrets("a"))
    theirs = stores.secrets.put_secrets(OTHER_HOOK, signing_secrets("b"))
    assert stores.secrets.get_secrets(HOOK, mine) == signing_secrets("a")
    assert stores.secrets.get_secrets(OTHER_HOOK, theirs) == signing_secrets("b")


def test_secrets_that_are_not_there_are_a_failure_of_ours(stores: Stores) -> None:
    with pytest.raises(Exception, match=r"ParameterNotFound|ep_"):
        stores.secrets.get_secrets(HOOK, 1)


def test_deleted_secrets_are_gone_and_deleting_them_again_is_no_error(stores: Stores) -> None:
    version = stores.secrets.put_secrets(HOOK, signing_secrets("a"))
    stores.secrets.delete_secrets(HOOK)
    stores.secrets.delete_secrets(HOOK)
    with pytest.raises(Exception, match=r"ParameterNotFound|ep_"):
        stores.secrets.get_secrets(HOOK, version)


def test_headers_are_kept_beside_the_secrets_and_in_their_order(stores: Stores) -> None:
    headers = {"X-Shop": "mine", "Authorization": 'Basic "x\\', "X-Json": '{"a":{"b":1}}'}
    kept = signing_secrets("a", "b").with_headers(headers)
    version = stores.secrets.put_secrets(HOOK, kept)
    found = stores.secrets.get_secrets(HOOK, version)
    assert found == kept
    assert list(found.headers) == list(headers)


def test_what_is_kept_of_an_endpoint_today_does_not_change_what_it_was(stores: Stores) -> None:
    first = stores.secrets.put_secrets(HOOK, signing_secrets("a").with_headers({"X-Key": "1"}))
    second = stores.secrets.put_secrets(HOOK, signing_secrets("a").with_headers({"X-Key": "2"}))
    third = stores.secrets.put_secrets(HOOK, signing_secrets("a"))
    found = [stores.secrets.get_secrets(HOOK, version).headers for version in (first, second, third)]
    assert found == [{"X-Key": "1"}, {"X-Key": "2"}, {}]


def test_secrets_lie_encrypted_under_the_stage(aws: Clients) -> None:
    SsmSecrets(aws.ssm, "/tillhook/encrypted").put_secrets(HOOK, signing_secrets("whsec_a"))
    parameter = aws.ssm.get_parameter(Name=f"/tillhook/encrypted/endpoints/{HOOK}")["Parameter"]
    assert parameter["Type"] == "SecureString"


def test_a_version_that_was_read_is_not_read_again(aws: Clients) -> None:
    secrets = SsmSecrets(aws.ssm, "/tillhook/cached")
    version = secrets.put_secrets(HOOK, signing_secrets("a"))
    secrets.get_secrets(HOOK, version)
    aws.ssm.delete_parameter(Name=f"/tillhook/cached/endpoints/{HOOK}")
    assert secrets.get_secrets(HOOK, version) == signing_secrets("a")


def test_stripes_keys_are_read_as_they_were_written(aws: Clients) -> None:
    write_stripe_keys(aws.ssm, "/tillhook/written", STRIPE)
    assert read_stripe_keys(aws.ssm, "/tillhook/written") == STRIPE


def test_stripes_keys_are_replaced_together(aws: Clients) -> None:
    later = StripeKeys(secret_key="sk_test_2", publishable_key="pk_test_2", webhook_secrets=["whsec_c"])
    write_stripe_keys(aws.ssm, "/tillhook/replaced", STRIPE)
    write_stripe_keys(aws.ssm, "/tillhook/replaced", later)
    assert read_stripe_keys(aws.ssm, "/tillhook/replaced") == later


def test_a_shop_without_stripes_keys_cannot_take_payments_and_its_log_says_why(
    aws: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ProviderUnavailable, match="can't take payments yet"):
        read_stripe_keys(aws.ssm, "/tillhook/none")
    assert "make stripe-keys" in caplog.text
