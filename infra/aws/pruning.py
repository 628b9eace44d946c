"""What of the installed packages is left out of the artifact: files that no function ever reads. Paths are relative to the folder the packages stand in.

A rule that drops too much shows at once: the contract tests start every function from the artifact alone.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

# AWS services whose API descriptions stay in botocore; the other four hundred are 25 MB.
AWS_SERVICES = frozenset(
    "cloudwatch events kms lambda logs s3 scheduler secretsmanager ses sesv2 sns sqs ssm stepfunctions sts".split()  # noqa: SIM905 - reads better
)

DROPPED = (
    # Sources of compiled modules, type stubs, and commands.
    "*.c", "*.h", "*.pxd", "*.pyi", "*.pyx", "*.pth", "bin/*",
    # importlib.metadata needs METADATA and entry_points.txt and nothing else.
    "*.dist-info/licenses/*", "*.dist-info/LICENSE*", "*.dist-info/AUTHORS*", "*.dist-info/NOTICE*", "*.dist-info/INSTALLER",
    "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/WHEEL", "*.dist-info/direct_url.json", "*.dist-info/top_level.txt", "*.dist-info/sboms/*",
    # Tests and examples of others.
    "*/tests/*", "alembic/testing/*", "sqlalchemy/testing/*", "boto3/examples/*", "jsonschema/benchmarks/*", "kafka/benchmarks/*",
    # A stray build folder in the wheel, and CEL extensions that chalicelib/core/expressions does not load.
    "bazel-project/*", "cel_expr_python/ext/ext_bindings.*", "cel_expr_python/ext/ext_proto.*",
    # Resource interfaces (we use clients only); of Powertools the logger and the metrics are used.
    "boto3/data/*", "aws_lambda_powertools/event_handler/*",
    # SQLAlchemy Core is used, its object mapper is not.
    "sqlalchemy/orm/*", "alembic/templates/*", "kafka/cli/*", "mako/ext/*",
)  # fmt: skip

# Chalice is a command line tool of 80 modules around the one that runs in Lambda.
_CHALICE = frozenset({"chalice/__init__.py", "chalice/app.py"})
# Of Powertools' utilities the logger needs one.
_UTILITIES = frozenset({"__init__.py", "jmespath_utils"})


def is_dropped(path: PurePosixPath) -> bool:
    """Whether a file stays out."""
    text, parts = str(path), path.parts
    if parts[0] == "chalice":
        return text not in _CHALICE
    if parts[:2] == ("aws_lambda_powertools", "utilities"):
        return parts[2] not in _UTILITIES
    if parts[:2] == ("botocore", "data") and len(parts) > 3:
        return parts[2] not in AWS_SERVICES
    if text == "bin/monty":
        return False  # the one command that is run: the sandbox's Python
    return "__pycache__" in parts or any(fnmatch(text, pattern) for pattern in DROPPED)


def prune(folder: Path) -> int:
    """Delete what is dropped, and make the rest smaller where that changes nothing; returns how many files went."""
    gone = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_dropped(PurePosixPath(path.relative_to(folder).as_posix())):
            path.unlink()
            gone += 1
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    _compact(folder / "botocore" / "data" / "endpoints.json")
    return gone


def _compact(path: Path) -> None:
    """JSON without its indentation."""
    if path.is_file():
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")), separators=(",", ":")), "utf-8")
