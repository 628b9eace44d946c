"""A stand-in for AWS's runtime client, for tests of what starts it: the same loop in thirty lines, as a package `awslambdaric` in a folder by itself."""

from __future__ import annotations

from pathlib import Path

MAIN = '''
import importlib, json, os, sys, traceback, urllib.error, urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])


def post(path, value):
    urllib.request.urlopen(urllib.request.Request(f"{API}/{path}", json.dumps(value).encode(), method="POST")).read()


try:
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
except Exception as error:
    traceback.print_exc()
    post("init/error", {"errorType": type(error).__name__, "errorMessage": str(error)})
    sys.exit(1)
while True:
    with urllib.request.urlopen(f"{API}/invocation/next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    try:
        post(f"invocation/{request_id}/response", handler(event, dict(answer.headers)))
    except Exception as error:
        traceback.print_exc()
        post(f"invocation/{request_id}/error", {"errorType": type(error).__name__, "errorMessage": str(error)})
'''

FUNCTION = '''
import os, subprocess, sys, time

count = 0


def handler(event, headers):
    global count
    count += 1
    match event:
        case {"say": text}:
            print(text)
        case {"raise": text}:
            raise ValueError(text)
        case {"exit": status}:
            print("going")
            os._exit(status)
        case {"child": words}:
            return subprocess.Popen(words).pid
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"environment": True}:
            return {"variables": dict(os.environ), "path": sys.path, "folder": os.getcwd()}
    return {"count": count, "pid": os.getpid(), "headers": headers}
'''


def write(folder: Path) -> tuple[Path, Path]:
    """(folder with the runtime client, folder with a function `task.handler`)."""
    client, code = folder / "client", folder / "code"
    (client / "awslambdaric").mkdir(parents=True)
    (client / "awslambdaric" / "__init__.py").write_text("")
    (client / "awslambdaric" / "__main__.py").write_text(MAIN)
    code.mkdir()
    (code / "task.py").write_text(FUNCTION)
    return client, code
