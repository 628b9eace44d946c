"""The CloudFormation template, rendered from functions/manifest.py and the application's routes. Plain CloudFormation: no transform, no macro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalice import Chalice

from functions.manifest import FUNCTIONS, Alarms, Function, KafkaRecords, RestApi, RestPaths, Schedule
from infra.aws import functions, kafka, mirror, rest_api, rules, site
from infra.aws.expressions import sub
from infra.aws.parameters import CONDITIONS, PARAMETERS, named_in

Resources = dict[str, Any]


def render(*, topics: Sequence[str] = (), app: Chalice | None = None) -> dict[str, Any]:
    """The template. `topics` are the Kafka topics that the stack reads for all of their triggers (CloudFormation wants one mapping each); `app` is the REST API (default: app.py's)."""
    resources: Resources = _credentials_key() | site.resources()
    for function in FUNCTIONS:
        resources |= functions.resources(function)
        resources |= _event_source(function, topics, app)
    conditions = named_in(CONDITIONS, resources)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Millrace: workflow automation as functions. Rendered from functions/manifest.py; do not edit.",
        "Parameters": named_in(PARAMETERS, [resources, conditions]),
        "Conditions": conditions,
        "Resources": resources,
        "Outputs": {
            "ApiUrl": {"Value": {"Fn::Join": ["/", [site.api_origin(), {"Ref": "RestApiStage"}]]}, "Description": "The REST API"},
            "SiteUrl": {"Value": site.origin(), "Description": "The web app, once its files are in the bucket"},
            "SiteBucket": {"Value": {"Ref": "SiteBucket"}, "Description": "The bucket for the web app's files"},
            "RestApiId": {"Value": {"Ref": "RestApi"}, "Description": "Its id"},
            "MigrateFunction": {"Value": {"Ref": "MigrateFunction"}, "Description": "Invoke it after every deployment"},
        },
    }


def _credentials_key() -> Resources:
    """The key that seals credentials. It outlives the stack: without it they are lost. The account's own policies say who may use it."""
    account = {"Effect": "Allow", "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}, "Action": "kms:*", "Resource": "*"}
    properties = {
        "Description": sub("Seals the credentials of ${AWS::StackName}"),
        "EnableKeyRotation": True,
        "KeyPolicy": {"Version": "2012-10-17", "Statement": [account]},
    }
    return {
        "CredentialsKey": {
            "Type": "AWS::KMS::Key",
            "Condition": "OwnKmsKey",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": properties,
        }
    }


def _event_source(function: Function, topics: Sequence[str], app: Chalice | None) -> Resources:
    match function.source:
        case RestApi():
            return rest_api.resources(function, app or _application())
        case RestPaths():
            return rest_api.permission(function)
        case Schedule():
            return rules.resources(function)
        case Alarms():
            return mirror.resources(function)
        case KafkaRecords():
            return {name: mapping for topic in topics for name, mapping in kafka.mappings(function, topic).items()}
    return {}


def _application() -> Chalice:
    from app import app

    return app
