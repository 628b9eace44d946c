"""Workload A on DBOS: a webhook answered at once, then four steps, each durable. Runs in an environment of its own, which tests/bench/peers/__main__.py makes.

    python dbos_app.py PORT DATABASE_URL ECHO_URL
"""

import sys

import aiohttp
import uvicorn
from dbos import DBOS
from fastapi import FastAPI

PORT, DATABASE_URL, ECHO_URL = int(sys.argv[1]), sys.argv[2], sys.argv[3]
app = FastAPI()
session: aiohttp.ClientSession | None = None


@DBOS.step()
async def cents(order: dict) -> dict:
    """The transform."""
    return {"cents": order["total"] * 100, "customer": order["customer"]}


@DBOS.step()
async def charge(body: dict) -> dict:
    """The HTTP call."""
    global session
    session = session or aiohttp.ClientSession()
    async with session.post(ECHO_URL, json=body) as response:
        return {"status": response.status, "body": await response.json()}


@DBOS.step()
async def large(answer: dict) -> bool:
    """The condition."""
    return answer["body"]["cents"] > 1000


@DBOS.step()
async def done(answer: dict) -> dict:
    """The last transform."""
    return {"charged": answer["body"]["cents"]}


@DBOS.workflow()
async def order(body: dict) -> dict:
    """All four."""
    answer = await charge(await cents(body))
    return await done(answer) if await large(answer) else {}


@app.post("/hook", status_code=202)
async def hook(body: dict) -> dict:
    """The webhook."""
    handle = await DBOS.start_workflow_async(order, body)
    return {"id": handle.get_workflow_id()}


if __name__ == "__main__":
    DBOS(config={"name": "bench", "system_database_url": DATABASE_URL, "log_level": "ERROR", "run_admin_server": False})
    DBOS.launch()
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error")
