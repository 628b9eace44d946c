"""The CloudFormation template: valid by cfn-lint, made of the whole manifest, and no role may do more than it must."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from chalice import Chalice

from chalicelib.core.config import Settings
from chalicelib.mirror.mappings import Source
from functions.manifest import FUNCTIONS, Function, Schedule, function
from infra.aws.__main__ import main
from infra.aws.chalice_package import package
from infra.aws.expressions import function_arn, title
from infra.aws.parameters import CONDITIONS, PARAMETERS
from infra.aws.rest_api import GATEWAY_ANSWERS, check_siblings
from infra.aws.template import render

ON_EVERYTHING = {  # what AWS grants on * or not at all
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs",
    "scheduler:ListSchedules", "lambda:ListEventSourceMappings",
}  # fmt: skip


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return render(topics=["orders", "pay.ments_X"])


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def strings(value: Any) -> Iterator[str]:
    """Every string in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every statement of a role, conditional ones too."""
    for policy in role["Properties"].get("Policies", ()):
        yield from (policy["Fn::If"][1] if "Fn::If" in policy else policy)["PolicyDocument"]["Statement"]


@pytest.mark.parametrize("topics", [[], ["orders", "pay.ments_X"]], ids=["no topics", "two topics"])
def test_cfn_lint_finds_nothing(topics: list[str]) -> None:
    found = lint(json.dumps(render(topics=topics)), config=ManualArgs(regions=["eu-central-1", "us-east-1"]))
    assert [f"{each.rule.id} {each.message} {each.path}" for each in found] == []


def test_cfn_lint_would_find_something(template: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(template))
    broken["Resources"]["EngineFunction"]["Properties"]["Timeout"] = 901
    broken["Resources"]["EngineFunction"]["Properties"]["Role"] = {"Ref": "Nobody"}
    assert len(lint(json.dumps(broken), config=ManualArgs(regions=["eu-central-1"]))) >= 2


@pytest.mark.parametrize("each", FUNCTIONS, ids=lambda each: each.name)
def test_every_function_is_there_as_the_manifest_says(template: dict[str, Any], each: Function) -> None:
    name = title(each.name)
    properties = template["Resources"][f"{name}Function"]["Properties"]
    assert (properties["Handler"], properties["Timeout"], properties["MemorySize"]) == (
        each.handler,
        each.timeout_seconds,
        each.memory_mb,
    )
    assert set(properties["Environment"]["Variables"]) == set(each.environment)
    assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert properties["Runtime"] == "python3.13"
    key = "SandboxArtifactKey" if each.walled else "ArtifactKey"
    assert properties["Code"] == {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": {"Ref": key}}
    if not each.walled:
        assert template["Resources"][f"{name}Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert (f"{name}Failures" in template["Resources"]) == each.asynchronous


def test_there_are_no_other_functions(template: dict[str, Any]) -> None:
    assert set(of_type(template, "AWS::Lambda::Function")) == {f"{title(each.name)}Function" for each in FUNCTIONS}
    assert set(of_type(template, "AWS::IAM::Role")) == {f"{title(each.name)}Role" for each in FUNCTIONS} | {"AlarmRole"}


def test_no_role_has_a_wildcard_that_it_can_do_without(template: dict[str, Any]) -> None:
    for role in of_type(template, "AWS::IAM::Role").values():
        for statement in statements(role):
            assert not any("*" in action for action in statement["Action"]), statement
            if statement["Effect"] == "Allow" and statement["Resource"] == "*":
                held = "lambda:FunctionArn" in str(statement.get("Condition")) and statement["Action"] == ["lambda:CreateEventSourceMapping"]
                assert held or set(statement["Action"]) <= ON_EVERYTHING, statement


def test_the_sandbox_has_no_rights_no_settings_and_no_way_into_our_vpc(template: dict[str, Any]) -> None:
    """In subnets of its own, where there is no way out, Lambda needs rights for its interfaces, which the code itself is denied."""
    (walled,) = (each for each in FUNCTIONS if each.walled)
    properties = template["Resources"][f"{title(walled.name)}Function"]["Properties"]
    ((condition, network, otherwise),) = (each["Fn::If"] for each in template["Resources"][f"{title(walled.name)}Role"]["Properties"]["Policies"])
    assert (condition, otherwise) == ("SandboxInVpc", {"Ref": "AWS::NoValue"})
    allowed, denied = ([each for each in network["PolicyDocument"]["Statement"] if each["Effect"] == effect] for effect in ("Allow", "Deny"))
    assert {action for each in allowed for action in each["Action"]} == set(denied[0]["Action"])
    assert denied[0]["Condition"]["ArnEquals"].keys() == {"lambda:SourceFunctionArn"}
    assert properties["Environment"]["Variables"] == {}
    own = {"SubnetIds": {"Ref": "SandboxSubnetIds"}, "SecurityGroupIds": {"Ref": "SandboxSecurityGroupIds"}}
    assert properties["VpcConfig"] == {"Fn::If": ["SandboxInVpc", own, {"Ref": "AWS::NoValue"}]}


def test_only_those_who_start_others_may(template: dict[str, Any]) -> None:
    may = {
        name
        for name, role in of_type(template, "AWS::IAM::Role").items()
        for statement in statements(role)
        if "lambda:InvokeFunction" in statement["Action"]
    }
    assert may == {f"{title(each.name)}Role" for each in FUNCTIONS if each.invokes} | {"AlarmRole"}
    assert may == {"ApiRole", "WebhookRole", "EngineRole", "SchedulerRole", "KafkaRole", "FireRole", "AlarmRole"}


def test_secrets_are_read_by_cloudformation_and_never_parameters(template: dict[str, Any]) -> None:
    for each in of_type(template, "AWS::Lambda::Function").values():
        for name, value in each["Properties"]["Environment"]["Variables"].items():
            if name in {"DATABASE_URL", "REDIS_URL", "MILLRACE_SECRET", "MILLRACE_BOOTSTRAP_KEY"}:
                assert value["Fn::Sub"].startswith("{{resolve:secretsmanager:${SettingsSecretArn}:SecretString:"), name


def test_parameters_and_conditions_come_with_what_needs_them(template: dict[str, Any]) -> None:
    assert set(template["Conditions"]) == set(CONDITIONS)
    assert set(template["Parameters"]) == set(PARAMETERS)
    without = render()
    assert "KafkaStartingPosition" not in without["Parameters"]
    assert "FromMsk" in without["Conditions"]  # the role of the Kafka function is there all the same


def rest_body(template: dict[str, Any]) -> dict[str, Any]:
    """The REST API's document."""
    body: dict[str, Any] = template["Resources"]["RestApi"]["Properties"]["Body"]
    return body


def gateway_answers(template: dict[str, Any]) -> dict[str, Any]:
    """What API Gateway answers by itself, which only AWS has."""
    condition, answers, otherwise = rest_body(template)["x-amazon-apigateway-gateway-responses"]["Fn::If"]
    assert (condition, otherwise) == ("OnAws", {"Ref": "AWS::NoValue"})
    found: dict[str, Any] = answers
    return found


def test_the_rest_api_is_what_chalice_packages(template: dict[str, Any]) -> None:
    """Chalice's own command makes the same document, but for the functions' names and what is merged into it."""
    from app import app

    body, packaged = rest_body(template), package(app, function("api"))["Resources"]
    chalices = packaged["RestAPI"]["Properties"]["DefinitionBody"]
    assert set(chalices["paths"]) == set(app.routes)
    own = {
        path: json.loads(json.dumps(operations).replace("${APIHandler.Arn}", function_arn("webhook" if path.startswith("/trigger/") else "api")["Fn::Sub"]))
        for path, operations in chalices["paths"].items()
    }
    merged = {path: {method: each for method, each in body["paths"][path].items() if method in operations} for path, operations in chalices["paths"].items()}
    assert merged == own
    assert (body["swagger"], body["definitions"]) == ("2.0", chalices["definitions"])
    permission = template["Resources"]["RestApiMayInvokeApi"]["Properties"]
    chalices_own = packaged["APIHandlerInvokePermission"]["Properties"]
    assert {name: permission[name] for name in ("Principal", "Action")} == {name: chalices_own[name] for name in ("Principal", "Action")}
    assert packaged["APIHandler"]["Properties"]["Handler"] == function("api").handler
    assert template["Resources"]["RestApiStage"]["Properties"]["StageName"] == "api"
    assert "APIHandler" not in json.dumps(template)


def test_deliveries_go_to_a_function_of_their_own_and_everything_else_to_the_application(template: dict[str, Any]) -> None:
    called = {
        path: {json.dumps(each["x-amazon-apigateway-integration"]["uri"]).rpartition("${AWS::StackName}-")[2].partition("/")[0] for each in operations.values()}
        for path, operations in rest_body(template)["paths"].items()
        if path != "/{proxy+}"
    }
    assert {path for path, names in called.items() if names == {"webhook"}} == {"/trigger/{path}", "/trigger/{path}/test/{token}"}
    assert {name for path, names in called.items() if not path.startswith("/trigger/") for name in names} == {"api"}
    sources = {each["Properties"]["FunctionName"]["Ref"]: each["Properties"]["SourceArn"]["Fn::Sub"] for name, each in template["Resources"].items() if name.startswith("RestApiMayInvoke")}
    assert {name: arn.partition("${RestApi}")[2] for name, arn in sources.items()} == {"ApiFunction": "/*", "WebhookFunction": "/*/*/trigger/*"}


def test_every_path_takes_every_method_and_unknown_paths_are_problems(template: dict[str, Any]) -> None:
    from app import app

    body = rest_body(template)
    assert set(body["paths"]) == set(app.routes) | {"/{proxy+}"}
    for path, operations in body["paths"].items():
        if path != "/{proxy+}":
            assert set(operations) == {method.lower() for method in app.routes[path]} | {"x-amazon-apigateway-any-method"}
            assert len({json.dumps(each["x-amazon-apigateway-integration"]) for each in operations.values()}) == 1
            assert len({json.dumps(each.get("parameters")) for each in operations.values()}) == 1
    assert body["paths"]["/{proxy+}"]["Fn::If"][0] == "OnLocalStack"
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]
    unknown = gateway_answers(template)["MISSING_AUTHENTICATION_TOKEN"]
    assert unknown["statusCode"] == 404
    assert unknown["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert json.loads(unknown["responseTemplates"]["application/problem+json"])["code"] == "not_found"


def test_gateway_answers_are_problems_with_the_contracts_codes(template: dict[str, Any]) -> None:
    answers = gateway_answers(template)
    codes = {}
    for kind, answer in answers.items():
        problem = json.loads(answer["responseTemplates"]["application/problem+json"])
        assert set(problem) >= {"type", "title", "detail", "code"}
        assert problem.get("status") == answer.get("statusCode")
        codes[kind] = problem["code"]
    assert set(codes) == set(GATEWAY_ANSWERS)
    assert codes["REQUEST_TOO_LARGE"] == "payload_too_large"
    assert codes["UNSUPPORTED_MEDIA_TYPE"] == "unsupported_media_type"
    assert codes["THROTTLED"] == "rate_limited"
    assert "gatewayresponse.header.Retry-After" in answers["THROTTLED"]["responseParameters"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(codes)


def test_a_new_route_makes_a_new_deployment() -> None:
    def deployment(*paths: str) -> str:
        app = Chalice("routes")
        for path in paths:
            app.route(path, name=path)(dict)
        (name,) = of_type(render(app=app), "AWS::ApiGateway::Deployment")
        return name

    assert deployment("/a") == deployment("/a") != deployment("/a", "/b")


def test_routes_that_api_gateway_cannot_tell_apart_are_refused() -> None:
    check_siblings(["/a/{id}", "/a/{id}/b/{n}", "/a/c/{n}", "/b/{name}"])
    with pytest.raises(ValueError, match=r"both \{id\} and \{name\} below /a"):
        check_siblings(["/a/{id}", "/a/{name}/b"])


def test_each_rule_fires_the_function_of_its_schedule(template: dict[str, Any]) -> None:
    scheduled = {each.name: each.source.expression for each in FUNCTIONS if isinstance(each.source, Schedule)}
    rules = [rule["Properties"] for rule in of_type(template, "AWS::Events::Rule").values()]
    assert {rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]: rule["ScheduleExpression"] for rule in rules} == {
        f"{title(name)}Function": expression for name, expression in scheduled.items()
    }


def test_each_topic_has_a_mapping_for_either_kind_of_cluster(template: dict[str, Any]) -> None:
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping")
    found = {(each["Condition"], each["Properties"]["Topics"][0]) for each in mappings.values()}
    assert found == {(condition, topic) for condition in ("FromMsk", "FromBrokers") for topic in ("orders", "pay.ments_X")}
    assert not of_type(render(), "AWS::Lambda::EventSourceMapping")


def test_what_the_mirror_may_do_is_held_to_what_is_ours(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    kinds = ("scheduler:", "lambda:", "iam:")
    made = [each for each in statements(resources["MirrorRole"]) if each["Action"][0].startswith(kinds) and each["Resource"] != "*"]
    assert len(made) == 4
    assert all(any("${AWS::StackName}" in text or text == "AlarmRole" for text in strings([each["Resource"], each.get("Condition")])) for each in made)
    assert [statement["Condition"] for statement in made if "iam:PassRole" in statement["Action"]] == [{"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}]
    others = [role for name, role in of_type(template, "AWS::IAM::Role").items() if name != "MirrorRole"]
    assert not any("iam:PassRole" in action or "EventSourceMapping" in action for role in others for statement in statements(role) for action in statement["Action"])
    assert resources["Alarms"]["Condition"] == resources["AlarmRole"]["Condition"] == "OnAws"
    variables = resources["MirrorFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["MILLRACE_MIRROR"] == {"Fn::If": ["OnLocalStack", "rules", "scheduler"]}
    assert variables["MILLRACE_FIRE_FUNCTION"]["Fn::Sub"].endswith(":function:${AWS::StackName}-fire")


def settled(value: Any, parameters: dict[str, Any], conditions: dict[str, bool]) -> Any:
    """A value of the template as CloudFormation would see it, for the few functions that settings are made with."""
    match value:
        case {"Ref": name}:
            return parameters[name]
        case {"Fn::If": [condition, yes, no]}:
            return settled(yes if conditions[condition] else no, parameters, conditions)
        case {"Fn::Join": [between, parts]}:
            joined = settled(parts, parameters, conditions) if isinstance(parts, dict) else [settled(part, parameters, conditions) for part in parts]
            return between.join(joined)
        case {"Fn::Sub": text}:
            for name, given in parameters.items():
                text = text.replace(f"${{{name}}}", str(given))
            return text
    return value


@pytest.mark.parametrize(
    ("given", "true", "wanted"),
    [
        ({"MskClusterArn": "arn:msk"}, {"FromMsk", "InVpc"}, ("arn:msk", [])),
        (
            {"MskClusterArn": "arn:msk", "KafkaAuthentication": "SASL_SCRAM_512_AUTH", "KafkaSecretArn": "arn:secret"},
            {"FromMsk", "WithKafkaSecret"},
            ("arn:msk", ["SASL_SCRAM_512_AUTH=arn:secret"]),
        ),
        (
            {"KafkaAuthentication": "SASL_SCRAM_256_AUTH", "KafkaSecretArn": "arn:secret", "KafkaCaSecretArn": "arn:ca", "SubnetIds": ["s-1", "s-2"], "SecurityGroupIds": ["g-1"]},
            {"WithKafkaSecret", "WithKafkaCa", "BrokersInVpc"},
            ("", ["SASL_SCRAM_256_AUTH=arn:secret", "SERVER_ROOT_CA_CERTIFICATE=arn:ca", "VPC_SUBNET=subnet:s-1", "VPC_SUBNET=subnet:s-2", "VPC_SECURITY_GROUP=security_group:g-1"]),
        ),
        ({}, {"OnLocalStack"}, ("", ["VPC_SUBNET=subnet:any"])),
    ],
    ids=["MSK by IAM", "MSK by SCRAM", "brokers by name in a VPC", "LocalStack"],
)
def test_how_lambdas_pollers_sign_in(template: dict[str, Any], given: dict[str, Any], true: set[str], wanted: tuple[str, list[str]]) -> None:
    variables = template["Resources"]["MirrorFunction"]["Properties"]["Environment"]["Variables"]
    conditions = {name: name in true for name in template["Conditions"]}
    arn, access = (settled(variables[name], given, conditions) for name in ("KAFKA_SOURCE_ARN", "KAFKA_SOURCE_ACCESS"))
    assert (arn, [part for part in access.split(",") if part]) == wanted
    source = Source.of(Settings.from_env({"KAFKA_BOOTSTRAP_SERVERS": "b-1:9098,b-2:9098", "KAFKA_SOURCE_ARN": arn, "KAFKA_SOURCE_ACCESS": access}))
    assert source is not None
    assert [f"{each['Type']}={each['URI']}" for each in source.access] == wanted[1]


@pytest.mark.parametrize(("mechanism", "true", "username"), [("AWS_MSK_IAM", {"PublishBySasl"}, ""), ("SCRAM-SHA-512", {"PublishBySasl", "PublishByPassword"}, "secret"), ("none", set(), "")])
def test_how_functions_publish(template: dict[str, Any], mechanism: str, true: set[str], username: str) -> None:
    parameters = {"KafkaSecurityProtocol": "SASL_SSL" if true else "PLAINTEXT", "KafkaSaslMechanism": mechanism, "KafkaSecretArn": "arn:secret"}
    conditions = {name: name in true for name in template["Conditions"]}
    for name in ("Api", "Engine"):
        variables = template["Resources"][f"{name}Function"]["Properties"]["Environment"]["Variables"]
        found = {each: settled(variables[each], parameters, conditions) for each in variables if each.startswith("KAFKA_S")}
        assert found["KAFKA_SASL_USERNAME"] == ("{{resolve:secretsmanager:arn:secret:SecretString:username}}" if username else "")
        settings = Settings.from_env(found)  # refused when they do not go together
        assert settings.kafka_mechanism == (None if mechanism == "none" else mechanism)
        writes = [statement for statement in statements(template["Resources"][f"{name}Role"]) if "kafka-cluster:WriteData" in statement["Action"]]
        assert len(writes) == 1


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "--topic", "orders", "--out", str(tmp_path / "deep" / "template.json")]) == 0
    assert json.loads((tmp_path / "deep" / "template.json").read_text()) == render(topics=["orders"])
    capsys.readouterr()
    assert main(["template"]) == 0
    assert json.loads(capsys.readouterr().out) == render()
