"""Deploying to LocalStack as to AWS (docs/deploy/aws.md): artifact and settings, the stack by a change set, the migrations, the web app's files.

Everything can be called again: the same code and settings change nothing.
"""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.aws.package import MAIN, SANDBOX, build
from infra.aws.template import render
from infra.host.web.static import TYPES
from localstack.server import REGION

STACK = "millrace"
ARTIFACTS = "millrace-artifacts"
SECRET = "millrace-settings"  # noqa: S105 - a secret's name
MIGRATION_SECONDS = 300

Say = Callable[[str], None]


class CannotDeploy(Exception):
    """The stack could not be brought up; the message has CloudFormation's reasons."""


@dataclass(frozen=True)
class Target:
    """Which LocalStack. `endpoint` is where we reach it; `host` the host:port that its host names end in, in a browser."""

    endpoint: str
    host: str

    def client(self, service: str, *, seconds: float = 60.0) -> Any:
        """A client of this AWS service. LocalStack takes any credentials; these are its own custom."""
        options = Config(read_timeout=seconds, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
            config=options,
        )


@dataclass(frozen=True)
class Settings:
    """What an installation needs, with addresses as the functions see them."""

    database_url: str
    redis_url: str
    kafka_bootstrap_servers: str
    secret: str
    bootstrap_key: str
    topics: Sequence[str] = ()
    parameters: dict[str, str] = field(default_factory=dict)

    def secret_string(self) -> str:
        """The settings that are kept in Secrets Manager."""
        names = ("database_url", "redis_url", "secret", "bootstrap_key")
        return json.dumps({name: getattr(self, name) for name in names}, sort_keys=True)


@dataclass(frozen=True)
class Deployment:
    """What stands. `outputs` are the stack's."""

    stack: str
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        """The REST API, without a slash at its end."""
        return self.outputs["ApiUrl"]

    @property
    def site_url(self) -> str:
        """The web app."""
        return self.outputs["SiteUrl"] + "/"


def deploy(target: Target, settings: Settings, say: Say, *, out: Path, site: Path | None = None, stack: str = STACK) -> Deployment:
    """Bring everything up to date with this checkout. `out` is a folder for the artifact, `site` the web app as built (None: leave it out).

    Raises CannotDeploy, and CannotBuild (infra/aws) when the artifact cannot be built.
    """
    artifact, sandbox = (build(out, say, kit=kit) for kit in (MAIN, SANDBOX))
    s3 = target.client("s3", seconds=120)
    _bucket(s3)
    for each in (artifact, sandbox):
        say(f"The artifact {each.name} has {each.zipped / 1e6:.0f} MB, {each.unzipped / 1e6:.0f} MB unzipped")
        if not _exists(s3, each.key):
            s3.upload_file(str(each.path), ARTIFACTS, each.key)
    version = _secret(target.client("secretsmanager"), settings.secret_string())
    say("Deploying the stack")
    parameters = {
        "Home": "localstack",
        "LocalStackHost": target.host,
        "ArtifactBucket": ARTIFACTS,
        "ArtifactKey": artifact.key,
        "SandboxArtifactKey": sandbox.key,
        "SettingsSecretArn": version["ARN"],
        "SettingsSecretVersion": version["VersionId"],
        "KafkaBootstrapServers": settings.kafka_bootstrap_servers,
        **settings.parameters,
    }
    outputs = _stack(target, stack, render(topics=settings.topics), parameters, s3)
    say("Migrating the database")
    _migrate(target, outputs["MigrateFunction"])
    deployment = Deployment(stack, outputs)
    if site is not None:
        say(f"Uploading the web app ({upload_site(s3, deployment, site)} files)")
    return deployment


def _bucket(s3: Any) -> None:
    try:
        s3.create_bucket(Bucket=ARTIFACTS)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return


def _exists(s3: Any, key: str) -> bool:
    try:
        s3.head_object(Bucket=ARTIFACTS, Key=key)
    except ClientError:
        return False
    return True


def _secret(secrets: Any, value: str) -> dict[str, str]:
    """Its ARN, and the id of the version with this value; a new version only when the value is new."""
    try:
        kept: dict[str, str] = secrets.get_secret_value(SecretId=SECRET)
    except secrets.exceptions.ResourceNotFoundException:
        created: dict[str, str] = secrets.create_secret(Name=SECRET, SecretString=value)
        return created
    if kept["SecretString"] == value:
        return kept
    changed: dict[str, str] = secrets.put_secret_value(SecretId=SECRET, SecretString=value)
    return changed


def _stack(target: Target, name: str, template: dict[str, Any], parameters: dict[str, str], s3: Any) -> dict[str, str]:
    """Create or update it by a change set and wait for the end; returns its outputs."""
    cloudformation = target.client("cloudformation")
    key = f"{name}/template.json"  # by address: as text CloudFormation takes 51,200 bytes only
    s3.put_object(Bucket=ARTIFACTS, Key=key, Body=json.dumps(template).encode())
    change = {"StackName": name, "ChangeSetName": f"change-{time.time_ns()}"}
    known = template["Parameters"]
    cloudformation.create_change_set(
        **change,
        ChangeSetType="UPDATE" if _stands(cloudformation, name) else "CREATE",
        TemplateURL=f"{target.endpoint}/{ARTIFACTS}/{key}",
        Parameters=[{"ParameterKey": each, "ParameterValue": value} for each, value in parameters.items() if each in known],
        Capabilities=["CAPABILITY_IAM"],
    )
    if _ready(cloudformation, change):
        cloudformation.execute_change_set(**change)
    status = _settled(cloudformation, name)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CannotDeploy("\n".join([f"the stack {name} ended as {status}:", *_reasons(cloudformation, name)]))
    described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _stands(cloudformation: Any, name: str) -> bool:
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return False
    return any(stack["StackStatus"] != "REVIEW_IN_PROGRESS" for stack in found)


def _ready(cloudformation: Any, change: dict[str, str]) -> bool:
    """Whether the change set has something to do. Raises CannotDeploy when CloudFormation cannot make it."""
    for described in _every_half_second(lambda: cloudformation.describe_change_set(**change), 120):
        if described["Status"] == "CREATE_COMPLETE":
            return True
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            if "didn't contain changes" in reason or "No updates" in reason:
                cloudformation.delete_change_set(**change)
                return False
            raise CannotDeploy(f"CloudFormation refuses the template: {reason}")
    raise CannotDeploy("CloudFormation did not look at the template within two minutes")


def _settled(cloudformation: Any, name: str) -> str:
    for described in _every_half_second(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0], 300):
        status = str(described["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
    raise CannotDeploy(f"the stack {name} was not done within five minutes")


def _every_half_second(look: Callable[[], dict[str, Any]], seconds: float) -> Iterator[dict[str, Any]]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield look()
        time.sleep(0.5)


def _reasons(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return [f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}" for event in reversed(failed)]


def _migrate(target: Target, function: str) -> None:
    answer = target.client("lambda", seconds=MIGRATION_SECONDS).invoke(FunctionName=function, Payload=b"{}")
    said = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise CannotDeploy(f"the migrations failed: {said}")


def upload_site(s3: Any, deployment: Deployment, folder: Path) -> int:
    """The web app's files, and the one that tells it where its API is; returns how many there are. index.html comes last: until then the old app goes on."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.name == "index.html")
    if not files:
        raise CannotDeploy(f"there is no web app in {folder}; `npm run build` in frontend/ makes it")
    for path in files:
        name = path.relative_to(folder).as_posix()
        body = json.dumps({"apiUrl": deployment.api_url}).encode() if name == "config.json" else path.read_bytes()
        s3.put_object(
            Bucket=deployment.outputs["SiteBucket"],
            Key=name,
            Body=body,
            ContentType=TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            CacheControl="public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache",
        )
    return len(files)
