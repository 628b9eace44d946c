"""What `chalice package` makes of app.py: Chalice's own packager, run without the two things that are made otherwise here, its zip (one artifact serves all functions)
and its role (policies.py)."""

from __future__ import annotations

from typing import Any

import botocore.session
from chalice import Chalice
from chalice.awsclient import TypedAWSClient
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import BuildStage, InjectDefaults, SwaggerBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import PackageOptions, ResourceBuilder, SAMTemplateGenerator

from functions.manifest import Function, RestApi
from infra.aws.package import CHECKOUT

HANDLER = "APIHandler"  # how Chalice calls the application's function


def package(app: Chalice, function: Function) -> dict[str, Any]:
    """Chalice's template (of the Serverless Application Model) for this application, with the settings of its entry in the manifest. Nothing is asked of AWS."""
    assert isinstance(function.source, RestApi)
    stage = function.source.stage
    settings = {
        "app_name": app.app_name,
        "api_gateway_stage": stage,
        "api_gateway_endpoint_type": "REGIONAL",
        "lambda_timeout": function.timeout_seconds,
        "lambda_memory_size": function.memory_mb,
        "manage_iam_role": False,
        "iam_role_arn": "made otherwise",
    }
    config = Config(stage, user_provided_params={"chalice_app": app, "project_dir": str(CHECKOUT)}, config_from_disk={"version": "2.0", "stages": {stage: settings}})
    build = BuildStage([InjectDefaults(), SwaggerBuilder(CFNSwaggerGenerator())])
    built = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), build).construct_resources(config, stage)
    session = botocore.session.Session()
    session.set_config_variable("region", "us-east-1")  # it wants one; what it writes holds in all
    made: dict[str, Any] = SAMTemplateGenerator(config, PackageOptions(TypedAWSClient(session))).generate(built)
    return made
