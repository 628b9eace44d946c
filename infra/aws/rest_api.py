"""API Gateway in front of the Chalice application: the REST API that `chalice package` makes (chalice_package.py), merged with what Chalice does not know.

What is below the path of a function of its own (`RestPaths` in the manifest) goes there, everything else to the application.

Every path takes every other method too and leaves it to the application, so a wrong method, a preflight or a media type is answered as everywhere else. All
bodies reach the application byte for byte (`*/*` is binary to API Gateway: base64 in the event), because signatures are made over bytes. What API Gateway answers by
itself has the form of the application's own errors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalice import Chalice
from chalice.package import TemplateDeepMerger

from chalicelib.core.errors import (
    BadRequest,
    Forbidden,
    MillraceError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    UnsupportedMediaType,
)
from functions.manifest import Function, RestPaths, started_by
from infra.aws.chalice_package import HANDLER, package
from infra.aws.expressions import function_arn, only_if, sub, title

PROBLEM = "application/problem+json"


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


def resources(function: Function, app: Chalice) -> dict[str, Any]:
    """The REST API, its deployment and stage, and the permission to call the function. Raises ValueError for routes API Gateway cannot tell apart.

    Chalice writes them as one AWS::Serverless::Api; here it stands as what CloudFormation's transform would make of that, so that the template needs no transform.
    """
    check_siblings(app.routes)
    packaged = package(app, function)["Resources"]
    chalices = packaged["RestAPI"]["Properties"]
    body = TemplateDeepMerger().merge(_additions(chalices["DefinitionBody"]["paths"]), chalices["DefinitionBody"])
    body = _calling(function, body)
    # A deployment is a snapshot: only one of another name takes what has changed.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:10]
    api = {"Ref": "RestApi"}
    return {
        "RestApi": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": sub("${AWS::StackName}"), "EndpointConfiguration": {"Types": [chalices["EndpointConfiguration"]]}, "Body": body},
        },
        f"RestApiDeployment{digest}": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": api, "Description": f"routes {digest}"},
        },
        "RestApiStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": api,
                "StageName": chalices["StageName"],
                "DeploymentId": {"Ref": f"RestApiDeployment{digest}"},
                "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True}],
            },
        },
    } | permission(function)


def permission(function: Function) -> dict[str, Any]:
    """That the REST API may call this function: by any route, or by those that are its own."""
    routes = f"*/*{function.source.below}*" if isinstance(function.source, RestPaths) else "*"
    return {
        f"RestApiMayInvoke{title(function.name)}": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "FunctionName": {"Ref": f"{title(function.name)}Function"},
                "SourceArn": sub(f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{RestApi}}/{routes}"),
            },
        }
    }


def _additions(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is merged into Chalice's document. CONDITIONS (template.py) say where gateway answers are not to be had; there a catch-all path stands in for them."""
    others: dict[str, Any] = {path: {"x-amazon-apigateway-any-method": _like(operations)} for path, operations in paths.items()}
    catch_all = _like(next(iter(paths.values()))) | {"parameters": [{"name": "proxy", "in": "path", "required": True, "type": "string"}]}
    others["/{proxy+}"] = only_if("OnLocalStack", {"x-amazon-apigateway-any-method": catch_all})
    return {
        "paths": others,
        "x-amazon-apigateway-binary-media-types": ["*/*"],
        # Not as resources of their own: an update of the body would remove those.
        "x-amazon-apigateway-gateway-responses": only_if("OnAws", {kind: _gateway_response(kind) for kind in GATEWAY_ANSWERS}),
    }


def _like(operations: Mapping[str, Any]) -> dict[str, Any]:
    """An operation that goes where a path's others go."""
    operation = next(iter(operations.values()))
    return {name: operation[name] for name in ("consumes", "responses", "parameters", "x-amazon-apigateway-integration") if name in operation}


def _calling(function: Function, body: dict[str, Any]) -> dict[str, Any]:
    """The document with our names of the functions, which do not tie the resources to each other, in place of Chalice's for its one."""
    return body | {"paths": {path: _named(operations, function_of(path, function)) for path, operations in body["paths"].items()}}


def function_of(path: str, otherwise: Function) -> Function:
    """The function that answers at a route."""
    own = [each for each in started_by(RestPaths) if isinstance(each.source, RestPaths) and path.startswith(each.source.below)]
    return own[0] if own else otherwise


def _named(operations: dict[str, Any], function: Function) -> dict[str, Any]:
    named: dict[str, Any] = json.loads(json.dumps(operations).replace(f"${{{HANDLER}.Arn}}", function_arn(function.name)["Fn::Sub"]))
    return named


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
