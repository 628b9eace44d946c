"""What each function may do on AWS: one role per function, each statement on the one resource it is for.

Some access has no such resource and is given on `*` by AWS's own rule: describing network interfaces (a function in a VPC), describing the network on behalf of a
Kafka mapping, and what the mirror lists and makes. Those statements stand alone, so that a reader sees that nothing else has `*`.
"""

from __future__ import annotations

from typing import Any

from functions.manifest import Function, KafkaRecords
from infra.aws import mirror
from infra.aws.expressions import Statement, allow, credentials_key_arn, function_arn, only_if, policy, sub, title

_EC2_OF_LAMBDA = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_EC2_DESCRIBE = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs")
_KAFKA_CLUSTER = ("kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers")


def role(function: Function) -> dict[str, Any]:
    """The role of one function, as a CloudFormation resource."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    if function.walled:
        return _role_resource(function, trust, [only_if("SandboxInVpc", policy("network", _network_statements(function)))])
    policies = [policy("own", _own_statements(function)), only_if("InVpc", policy("network", _network_statements(function)))]
    if isinstance(function.source, KafkaRecords):
        policies += [
            only_if("FromMsk", policy("msk", _msk_statements())),
            only_if("WithKafkaSecret", policy("kafka-secret", [_may_read("KafkaSecretArn")])),
            only_if("WithKafkaSecretKey", policy("kafka-secret-key", [allow("kms:Decrypt", on={"Ref": "KafkaSecretKeyArn"})])),
            only_if("WithKafkaCa", policy("kafka-ca", [_may_read("KafkaCaSecretArn")])),
            only_if("BrokersInVpc", policy("brokers", _poller_network())),
        ]
    if "KAFKA_SASL_MECHANISM" in function.environment:
        policies.append(only_if("PublishByRole", policy("publish", _publish_statements())))
    if function.mirrors:
        policies += [policy("mirror", mirror.statements()), only_if("OnAws", policy("alarms", mirror.pass_role()))]
    return _role_resource(function, trust, policies)


def _role_resource(function: Function, trust: Statement, policies: list[Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "Description": sub(f"What the function ${{AWS::StackName}}-{function.name} may do"),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    return {"Type": "AWS::IAM::Role", "Properties": {**properties, **({"Policies": policies} if policies else {})}}




def _own_statements(function: Function) -> list[Statement]:
    logs = {"Fn::GetAtt": [f"{title(function.name)}Logs", "Arn"]}  # ends in :*, the streams of this one group
    statements = [allow("logs:CreateLogStream", "logs:PutLogEvents", on=logs)]
    if function.invokes:
        statements.append(allow("lambda:InvokeFunction", on=[function_arn(name) for name in function.invokes]))
    if function.opens_credentials:
        statements.append(allow("kms:Encrypt", "kms:Decrypt", on=credentials_key_arn()))
    if function.asynchronous:
        statements.append(allow("sqs:SendMessage", on={"Fn::GetAtt": [f"{title(function.name)}Failures", "Arn"]}))
    return statements


def _network_statements(function: Function) -> list[Statement]:
    """Lambda makes the network interfaces with the function's role; the function's own code is kept from doing so."""
    anything_here = sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*")
    from_the_code = {"ArnEquals": {"lambda:SourceFunctionArn": [function_arn(function.name)]}}
    return [
        allow(*_EC2_OF_LAMBDA, on=anything_here),
        allow(*_EC2_DESCRIBE, on="*"),
        {"Effect": "Deny", "Action": [*_EC2_OF_LAMBDA, *_EC2_DESCRIBE], "Resource": "*", "Condition": from_the_code},
    ]


def _msk_statements() -> list[Statement]:
    """Lambda's poller reads the cluster with the function's role. Topics and groups have the cluster's ARN with another type in it."""
    return [
        allow(*_KAFKA_CLUSTER, on={"Ref": "MskClusterArn"}),
        allow("kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration", on={"Ref": "MskClusterArn"}),
        allow("kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", on=_of_cluster("topic")),
        allow("kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup", on=_of_cluster("group")),
        *_poller_network(),
    ]


def _poller_network() -> list[Statement]:
    """Lambda's poller stands in the brokers' network, with the function's role."""
    return [allow(*_EC2_DESCRIBE, on="*"), allow(*_EC2_OF_LAMBDA, on=sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"))]


def _publish_statements() -> list[Statement]:
    """Writing to the cluster's topics, idempotently as our producer does."""
    return [
        allow("kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently", on={"Ref": "MskClusterArn"}),
        allow("kafka-cluster:DescribeTopic", "kafka-cluster:WriteData", on=_of_cluster("topic")),
    ]


def _may_read(secret: str) -> Statement:
    return allow("secretsmanager:GetSecretValue", on={"Ref": secret})


def _of_cluster(kind: str) -> dict[str, Any]:
    """All topics or groups of the cluster: arn:…:cluster/name/uuid becomes arn:…:topic/name/uuid/*."""
    halves = {"Fn::Split": [":cluster/", {"Ref": "MskClusterArn"}]}
    return {"Fn::Join": ["", [{"Fn::Select": ["0", halves]}, f":{kind}/", {"Fn::Select": ["1", halves]}, "/*"]]}
