"""CloudFormation's expressions and IAM's statements, as the other modules here write them."""

from __future__ import annotations

from typing import Any

Statement = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}


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


def policy(name: str, statements: list[Statement]) -> dict[str, Any]:
    """A role's own policy."""
    return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
