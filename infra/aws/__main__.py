"""AWS from the command line.

python -m infra.aws package [--out build/]                              builds millrace.zip and sandbox.zip, prints their ten largest packages
python -m infra.aws template [--out FILE] [--topic NAME …]              renders the CloudFormation template (to the screen without --out)
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from infra.aws.dependencies import CannotBuild
from infra.aws.package import MAIN, SANDBOX, Kit, build


def _package(options: argparse.Namespace) -> int:
    return max(_build(kit, options.out) for kit in (MAIN, SANDBOX))


def _build(kit: Kit, out: Path) -> int:
    began = time.monotonic()
    try:
        artifact = build(out, lambda text: print(text, flush=True), kit=kit)
    except CannotBuild as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    print(
        f"\n{artifact.report()}\n\n{artifact.path}  sha256 {artifact.sha256}  ({time.monotonic() - began:.0f} s)\nkey for S3: {artifact.key}"
    )
    return 0


def _template(options: argparse.Namespace) -> int:
    from infra.aws.template import render

    text = json.dumps(render(topics=options.topic), indent=2) + "\n"
    if options.out is None:
        print(text, end="")
    else:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, "utf-8")
        print(options.out)
    return 0


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws", description="AWS as a home of Millrace: docs/deploy/aws.md")
    commands = parser.add_subparsers(required=True)
    package = commands.add_parser("package", help="build the artifacts: one zip for all functions, and one for the sandbox")
    package.add_argument("--out", type=Path, default=Path("build"), help="folder for the zips and what is noted about them (build/)")
    package.set_defaults(run=_package)
    template = commands.add_parser("template", help="render the CloudFormation template")
    template.add_argument("--out", type=Path, help="file to write; the screen when left out")
    template.add_argument("--topic", action="append", default=[], help="a Kafka topic to read; give it once for each")
    template.set_defaults(run=_template)
    options = parser.parse_args(arguments)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
