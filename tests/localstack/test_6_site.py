"""The web app from S3, in a browser, talking to the API across origins."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from tests.localstack.stack import Stack
from tests.support.chromium import NoChromium, chromium
from tests.support.product import Reply
from tests.support.workflows import definition


def file(stack: Stack, path: str) -> Reply:
    """A file of the site, as a browser asks for it."""
    address = urllib.parse.urlsplit(stack.deployment.site_url)
    connection = http.client.HTTPConnection("127.0.0.1", int(address.port or 80), timeout=30)
    try:
        connection.request("GET", path, headers={"Host": address.netloc})
        response = connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def test_the_files_are_there_with_their_types(stack: Stack) -> None:
    page = file(stack, "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b'<div id="root">' in page.body
    assert file(stack, "/config.json").json() == {"apiUrl": stack.deployment.api_url}
    assert file(stack, "/nothing").status == 404
    # LocalStack's website keeps Cache-Control to itself; CloudFront does not.
    bucket, s3 = stack.deployment.outputs["SiteBucket"], stack.aws("s3")
    caching = {each["Key"]: s3.head_object(Bucket=bucket, Key=each["Key"])["CacheControl"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert {value for name, value in caching.items() if name.startswith("assets/")} == {"public, max-age=31536000, immutable"}
    assert {value for name, value in caching.items() if not name.startswith("assets/")} == {"no-cache"}


def test_the_api_answers_the_sites_origin_and_no_other(stack: Stack) -> None:
    origin = stack.deployment.site_url.rstrip("/")
    preflight = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,content-type"}
    allowed = stack.call("OPTIONS", "/workflows", key=False, Origin=origin, **preflight)
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, origin)
    assert "POST" in allowed.headers["access-control-allow-methods"]
    answer = stack.call("GET", "/workflows", Origin=origin)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in stack.call("GET", "/workflows", Origin="http://elsewhere.example").headers


def test_the_page_signs_in_and_works_in_a_browser(stack: Stack, tmp_path: Path) -> None:
    try:
        browser = chromium()
    except NoChromium as reason:
        pytest.fail(str(reason))
    workflow = stack.publish(definition({"id": "one", "type": "transform", "config": {"assign": {"n": "1"}}}), name="Seen in a browser")
    script = Path(__file__).with_name("page.mjs")
    words = {"url": stack.deployment.site_url, "api": stack.deployment.api_url, "key": stack.settings.bootstrap_key, "workflow": workflow}
    done = subprocess.run(
        ["node", str(script), json.dumps(words), str(tmp_path)],
        env={**os.environ, "CHROMIUM": str(browser)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["complaints"] == []
    assert seen["preflights"] >= 1
    assert seen["execution"].startswith("exe_")
    assert stack.ended(seen["execution"])["status"] == "succeeded"
