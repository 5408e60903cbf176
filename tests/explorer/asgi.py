"""The application asked without a server, a request at a time, each header and each byte as the test wants them."""

import asyncio
import json
from types import SimpleNamespace

HOST = "127.0.0.1:8000"


async def call(app, method, path, *parts, headers=(), host=HOST, patience=60):
    """One request whose body comes in these parts; its status, its headers and what is in its body."""
    named = [("host", host), ("content-type", "application/json"), *headers]
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts[:-1]]
    coming.append({"type": "http.request", "body": parts[-1] if parts else b"", "more_body": False})
    sent = []

    async def receive():
        return coming.pop(0) if coming else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(errors="replace")}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "client": None, "root_path": ""}
    scope["headers"] = [(name.encode(), value.encode("latin-1")) for name, value in named]
    await asyncio.wait_for(app(scope, receive, send), patience)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return SimpleNamespace(status=sent[0]["status"], headers=dict(sent[0]["headers"]), body=body)


def refused(answer):
    """The one sentence of a refusal: JSON with nothing else in it, on one line, and nothing of the inside."""
    found = json.loads(answer.body)
    assert set(found) == {"error"}
    assert 400 <= answer.status < 500, (answer.status, found)
    assert found["error"]
    assert "\n" not in found["error"]
    assert "Traceback" not in found["error"]
    assert len(found["error"]) <= 2100
    return found["error"]
