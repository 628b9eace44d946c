"""What each function may do on AWS: one role per function, each statement on the one resource it is for.

Two kinds of access have no such resource and are given on `*` by AWS's own rule: describing network interfaces (a function in a VPC), and describing the
network on behalf of a Kafka mapping. Those statements stand alone, so that a reader sees that nothing else has `*`.
"""

from __future__ import annotations

from typing import Any

from functions.manifest import Function, KafkaRecords

Statement = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}
_EC2_OF_LAMBDA = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_EC2_DESCRIBE = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs")
_KAFKA_CLUSTER = ("kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers")


def sub(text: str) -> dict[str, str]:
    """Text with ${parameters}."""
    return {"Fn::Sub": text}


def only_if(condition: str, value: Any) -> dict[str, Any]:
    """A value that is there under a condition."""
    return {"Fn::If": [condition, value, NO_VALUE]}


def allow(*actions: str, on: Any) -> Statement:
    """One statement."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def function_arn(name: str) -> dict[str, str]:
    """The ARN of one of our functions, by its name, which does not tie the resources to each other."""
    return sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{AWS::StackName}}-{name}")


def credentials_key_arn() -> dict[str, Any]:
    """The KMS key that seals credentials: the one given, else the stack's own."""
    return {"Fn::If": ["OwnKmsKey", {"Fn::GetAtt": ["CredentialsKey", "Arn"]}, {"Ref": "KmsKeyArn"}]}


def title(name: str) -> str:
    """A function's name as part of a logical id."""
    return "".join(word.capitalize() for word in name.split("-"))


def role(function: Function) -> dict[str, Any]:
    """The role of one function, as a CloudFormation resource."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    if function.walled:
        return _role_resource(function, trust, [only_if("SandboxInVpc", _policy("network", _network_statements(function)))])
    policies = [_policy("own", _own_statements(function)), only_if("InVpc", _policy("network", _network_statements(function)))]
    if isinstance(function.source, KafkaRecords):
        policies += [
            only_if("FromMsk", _policy("msk", _msk_statements())),
            only_if(
                "WithKafkaSecret", _policy("kafka-secret", [allow("secretsmanager:GetSecretValue", on={"Ref": "KafkaSecretArn"})])
            ),
        ]
    return _role_resource(function, trust, policies)


def _role_resource(function: Function, trust: Statement, policies: list[Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "Description": sub(f"What the function ${{AWS::StackName}}-{function.name} may do"),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    return {"Type": "AWS::IAM::Role", "Properties": {**properties, **({"Policies": policies} if policies else {})}}


def _policy(name: str, statements: list[Statement]) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}


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
        allow(*_EC2_DESCRIBE, on="*"),
        allow(*_EC2_OF_LAMBDA, on=sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*")),
    ]


def _of_cluster(kind: str) -> dict[str, Any]:
    """All topics or groups of the cluster: arn:…:cluster/name/uuid becomes arn:…:topic/name/uuid/*."""
    halves = {"Fn::Split": [":cluster/", {"Ref": "MskClusterArn"}]}
    return {"Fn::Join": ["", [{"Fn::Select": ["0", halves]}, f":{kind}/", {"Fn::Select": ["1", halves]}, "/*"]]}
