"""Create, list and revoke the keys that open a stage's admin API.

    python -m deploy.admin_key create --stage prod --name laptop
    python -m deploy.admin_key list --stage prod
    python -m deploy.admin_key revoke key_… --stage prod

A key is shown when it is created and never again: the table keeps a hash.
"""

import argparse
import secrets
import sys
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.domain.errors import KeyNotFound
from chalicelib.domain.keys import AdminKey
from chalicelib.services.admin_keys import create_key, revoke_key
from deploy.stack import Client, DeploymentFailed, deployed_outputs


def key_store(*, stage: str, client: Client) -> DynamoKeys:
    """The keys of a deployed stage. Raises `DeploymentFailed` if there is no such stage."""
    outputs = deployed_outputs(stage=stage, client=client)
    return DynamoKeys(Table(client("dynamodb"), outputs["TableName"]))


def _create(chosen: argparse.Namespace, *, store: DynamoKeys) -> str:
    record, key = create_key(chosen.name, store=store, entropy=secrets.token_bytes, now=datetime.now(UTC))
    return (
        f"{key}\n\n"
        f"This is the only time that the key is shown. It is called {record.name!r}, its id is {record.id}.\n"
        "Send it as `Authorization: Bearer …`."
    )


def _list(_chosen: argparse.Namespace, *, store: DynamoKeys) -> str:
    keys = sorted(store.list_keys(), key=lambda key: key.created_at)
    return "\n".join(map(_line, keys)) or "There is no admin key yet."


def _line(key: AdminKey) -> str:
    state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "live"
    return f"{key.id}  {key.created_at:%Y-%m-%d %H:%M} UTC  {key.name}  {state}"


def _revoke(chosen: argparse.Namespace, *, store: DynamoKeys) -> str:
    return f"Revoked: {_line(revoke_key(chosen.id, store=store, now=datetime.now(UTC)))}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.admin_key", description="Keep a stage's admin keys."
    )
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser("create", help="create a key and show it once")
    create.add_argument("--name", required=True, help="where the key will be used, such as laptop")
    create.set_defaults(run=_create)
    commands.add_parser("list", help="list the keys, without their secrets").set_defaults(run=_list)
    revoke = commands.add_parser("revoke", help="close a key for good")
    revoke.add_argument("id", help="the key's id, as `list` shows it")
    revoke.set_defaults(run=_revoke)
    for command in commands.choices.values():
        command.add_argument("--stage", required=True, help="name of the deployment, such as prod")
    return parser


def main() -> int:
    chosen = _parser().parse_args()
    try:
        answer = chosen.run(chosen, store=key_store(stage=chosen.stage, client=boto3.Session().client))
    except (DeploymentFailed, KeyNotFound, BotoCoreError, ClientError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
