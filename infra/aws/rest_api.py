"""API Gateway in front of the Chalice application: its routes as an OpenAPI body, and what it says when it answers by itself.

Every path takes every method and leaves the rest to the application, so a wrong method, a preflight or a media type is answered as everywhere else. All
bodies reach the application byte for byte (`*/*` is binary to API Gateway: base64 in the event), because signatures are made over bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from chalicelib.core.errors import (
    BadRequest,
    Forbidden,
    MillraceError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    UnsupportedMediaType,
)
from functions.manifest import Function, RestApi
from infra.aws.policies import NO_VALUE, function_arn, sub

PROBLEM = "application/problem+json"
_VARIABLE = re.compile(r"\{(\w+)\}")


class GatewayTimeout(MillraceError):
    """The function takes longer than API Gateway waits."""

    status, code, title = 504, "timeout", "The answer took too long"


# What API Gateway answers by itself, in the words of the application's own errors.
GATEWAY_ANSWERS: dict[str, MillraceError] = {
    "MISSING_AUTHENTICATION_TOKEN": NotFound("there is nothing at this path"),  # its name for an unknown path
    "RESOURCE_NOT_FOUND": NotFound("there is nothing at this path"),
    "BAD_REQUEST_BODY": BadRequest("the request's body cannot be read"),
    "BAD_REQUEST_PARAMETERS": BadRequest("the request's parameters cannot be read"),
    "REQUEST_TOO_LARGE": PayloadTooLarge("the request is larger than API Gateway takes"),
    "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaType("this media type is not taken here"),
    "THROTTLED": RateLimited("too many requests at once; try again in a second"),
    "QUOTA_EXCEEDED": RateLimited("the quota of requests is used up", retry_after=3600),
    "ACCESS_DENIED": Forbidden("a policy of this installation refuses the request"),
    "WAF_FILTERED": Forbidden("a firewall rule of this installation refuses the request"),
    "INTEGRATION_FAILURE": MillraceError("the function behind this path did not answer; its log says why"),
    "INTEGRATION_TIMEOUT": GatewayTimeout("no answer came within 29 seconds; what was asked for may still happen"),
    "DEFAULT_4XX": BadRequest("API Gateway refuses this request"),
    "DEFAULT_5XX": MillraceError("this is a fault of ours; the log has it under the request's id"),
}


def resources(function: Function, paths: Iterable[str]) -> dict[str, Any]:
    """The REST API, its deployment and stage, and the permission to call the function. Raises ValueError for routes API Gateway cannot tell apart."""
    assert isinstance(function.source, RestApi)
    body = openapi_body(function, paths)
    # A deployment is a snapshot: only one of another name takes what has changed.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:10]
    api = {"Ref": "RestApi"}
    return {
        "RestApi": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": sub("${AWS::StackName}"), "EndpointConfiguration": {"Types": ["REGIONAL"]}, "Body": body},
        },
        f"RestApiDeployment{digest}": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": api, "Description": f"routes {digest}"},
        },
        "RestApiStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": api,
                "StageName": function.source.stage,
                "DeploymentId": {"Ref": f"RestApiDeployment{digest}"},
                "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True}],
            },
        },
        "RestApiMayInvoke": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "ApiFunction"},
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestApi}/*"),
            },
        },
    }


def openapi_body(function: Function, paths: Iterable[str]) -> dict[str, Any]:
    """The routes as API Gateway imports them; with a catch-all where gateway answers are not to be had (see CONDITIONS in template.py)."""
    known = sorted(paths)
    check_siblings(known)
    operations: dict[str, Any] = {path: _any_method(function, path) for path in known}
    catch_all = _any_method(function, "/{proxy+}")
    operations["/{proxy+}"] = {"Fn::If": ["OnLocalStack", catch_all, NO_VALUE]}
    return {
        "openapi": "3.0.1",
        "info": {"title": "Millrace", "version": "1"},
        "paths": operations,
        "x-amazon-apigateway-binary-media-types": ["*/*"],
        # Not as resources of their own: an update of the body would remove those.
        "x-amazon-apigateway-gateway-responses": {kind: _gateway_response(kind) for kind in GATEWAY_ANSWERS},
    }


def _any_method(function: Function, path: str) -> dict[str, Any]:
    arn = function_arn(function.name)["Fn::Sub"]
    operation: dict[str, Any] = {
        "responses": {},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "passthroughBehavior": "when_no_match",
            "uri": sub(f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{arn}/invocations"),
        },
    }
    names = _VARIABLE.findall(path)
    if names:
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return {"x-amazon-apigateway-any-method": operation}


def check_siblings(paths: Iterable[str]) -> None:
    """API Gateway allows one variable name below each path: /a/{id} and /a/{name}/b cannot both be. Raises ValueError naming the first clash."""
    names: dict[str, str] = {}
    for path in paths:
        segments = path.strip("/").split("/")
        for index, segment in enumerate(segments):
            if segment.startswith("{"):
                above = "/".join(segments[:index])
                if names.setdefault(above, segment) != segment:
                    raise ValueError(f"API Gateway cannot have both {names[above]} and {segment} below /{above}")


def _gateway_response(kind: str) -> dict[str, Any]:
    """A default stands for many kinds of answer, each with a status of its own, so it names none."""
    error, is_default = GATEWAY_ANSWERS[kind], kind.startswith("DEFAULT_")
    problem = error.problem() | {"request_id": "$context.requestId"}
    if is_default:
        del problem["status"]
    headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*", **error.headers}
    return {
        **({} if is_default else {"statusCode": error.status}),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {PROBLEM: json.dumps(problem)},
    }
