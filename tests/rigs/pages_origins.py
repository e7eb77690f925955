"""Pages of other origins, and names that lead to the loopback: they read nothing, change nothing.

A page of another port and one of another host try every way in which a browser sends a request,
with the ids of runs known to them; so does a page that came by a rebound name. That nothing was
changed is seen in the journal, and in the models, which are not asked.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from browser import Browser
from leaving_home import Home, wait_for
from pages_server import PATIENCE, PagesHome, Serving
from typing_extensions import override

OTHER_HOST, REBOUND = "other.test", "rebound.test"

RULES = "--host-resolver-rules=" + ", ".join(
    f"MAP {name} 127.0.0.1" for name in (OTHER_HOST, REBOUND, f"{REBOUND}.")
)
"""For the browser: how names are rebound."""

ATTACK = """
async ({ target, ids, guess }) => {
  const read = [];
  const bounded = (promise) =>
    Promise.race([promise, new Promise((done) => setTimeout(done, 3000, null))]);
  const attempt = async (name, work) => {
    try {
      const found = await bounded(work());
      if (found) read.push(`${name}: ${String(found).slice(0, 80)}`);
    } catch {}
  };
  const text = async (...request) => (await fetch(...request)).text();
  const loads = (tag, set) => new Promise((done) => {
    const element = document.createElement(tag);
    element.onload = () => done(tag === 'iframe' ? null : 'it was loaded');
    element.onerror = () => done(null);
    set(element);
    document.body.append(element);
  });
  const bodies = {
    cancel: {}, resume: { max_explores: 20, max_cost_usd: 50, instruction: 'Say 17.' },
    explore: { count: 2 }, ask: { question: 'Why not 17?' },
  };
  const pages = [
    '/runs', '/stats', '/api/runs', '/api/stats', `/api/compare/${ids[0]}/${ids[1]}`,
    ...ids.flatMap((id) => [
      `/runs/${id}`, `/runs/${id}/transcript`, `/runs/${id}/file`, `/api/runs/${id}`,
    ]),
  ];
  await Promise.all(pages.map(async (page) => {
    const url = target + page;
    await Promise.all([
      attempt(`GET ${page}`, () => text(url)),
      attempt(`GET with credentials ${page}`, () => text(url, { credentials: 'include' })),
      attempt(`opaque GET ${page}`, () => text(url, { mode: 'no-cors' })),
      attempt(`HEAD ${page}`, async () => (await fetch(url, { method: 'HEAD' })).status),
      attempt(`script ${page}`, () => loads('script', (one) => { one.src = url; })),
      attempt(`picture ${page}`, () => loads('img', (one) => { one.src = url; })),
      attempt(`style ${page}`, () => loads('link', (one) => {
        one.rel = 'stylesheet'; one.href = url;
      })),
      attempt(`frame ${page}`, async () => {
        let frame;
        await bounded(loads('iframe', (one) => { frame = one; one.src = url; }));
        return frame.contentDocument?.body?.innerText;
      }),
      attempt(`events ${page}`, () => new Promise((done) => {
        const events = new EventSource(url);
        events.onopen = () => done('open');
        events.onerror = () => { events.close(); done(null); };
      })),
      attempt(`socket ${page}`, () => new Promise((done) => {
        const socket = new WebSocket(url.replace('http', 'ws'));
        socket.onopen = () => done('open');
        socket.onerror = () => done(null);
      })),
    ]);
  }));
  const opened = window.open(`${target}/runs/${ids[0]}`);
  await new Promise((done) => setTimeout(done, 500));
  await attempt('a window that was opened', async () => opened.document.body.innerText);
  try { opened.postMessage({ jsonrpc: '2.0', id: 1, method: 'tools/call' }, '*'); } catch {}
  for (const id of ids) {
    for (const [verb, body] of Object.entries(bodies)) {
      const url = `${target}/api/runs/${id}/${verb}`;
      const json = JSON.stringify(body);
      const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded'];
      await Promise.all([
        ...types.map((type) => attempt(`POST ${type}`, () => text(url, {
          method: 'POST', body: json, headers: { 'content-type': type },
        }))),
        attempt('POST with a guess', () => text(url, {
          method: 'POST', body: json,
          headers: { 'content-type': 'application/json', 'x-atlas-token': guess },
        })),
        ...types.slice(1).map((type) => attempt(`opaque POST ${type}`, () => text(url, {
          method: 'POST', mode: 'no-cors', body: json, headers: { 'content-type': type },
        }))),
        attempt('beacon', async () => { navigator.sendBeacon(url, json); }),
        attempt('GET for POST', () => text(`${url}?_method=POST`, { mode: 'no-cors' })),
        attempt('PUT', () => text(url, { method: 'PUT', body: json })),
      ]);
      for (const enctype of ['text/plain', 'multipart/form-data', types[2]]) {
        const frame = document.createElement('iframe');
        frame.name = `frame-${Math.random()}`;
        const form = document.createElement('form');
        Object.assign(form, { method: 'POST', action: url, target: frame.name, enctype });
        const input = document.createElement('input');
        Object.assign(input, { name: `${json.slice(0, -1)}${json === '{}' ? '' : ','}"x":"`,
          value: '"}' });
        form.append(input);
        document.body.append(frame, form);
        form.submit();
      }
    }
    const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call',
      params: { name: 'cancel_run', arguments: { run_id: id } } });
    await attempt('MCP', () => text(`${target}/mcp`, { method: 'POST', body: call,
      headers: { 'content-type': 'application/json' } }));
    await attempt('opaque MCP', () => text(`${target}/mcp`, { method: 'POST', body: call,
      mode: 'no-cors' }));
  }
  await new Promise((done) => setTimeout(done, 1000));
  return read;
}
"""
"""Tries all of it and returns what was read. An opaque answer is read as an empty text."""

REBOUND_ATTACK = """
async ({ ids }) => {
  const read = [];
  const look = async (path, options) => {
    try {
      const answer = await fetch(path, options);
      const text = await answer.text();
      if (answer.status !== 421 || text.length > 300 || ids.some((id) => text.includes(id)))
        read.push(`${options?.method ?? 'GET'} ${path}: ${answer.status}, ${text.slice(0, 80)}`);
    } catch {}
  };
  for (const path of ['/', '/runs', '/stats', '/api/runs', '/api/stats', '/favicon.ico'])
    await look(path);
  for (const id of ids) {
    for (const path of [`/runs/${id}`, `/api/runs/${id}`, `/runs/${id}/file`]) await look(path);
    for (const verb of ['cancel', 'resume', 'explore', 'ask'])
      await look(`/api/runs/${id}/${verb}`, { method: 'POST', body: '{"question": "Why?"}',
        headers: { 'content-type': 'application/json', 'x-atlas-token': '' } });
  }
  return read;
}
"""
"""The same from a page whose origin is the server under a rebound name."""


def check(browser: Browser, home: PagesHome, serving: Serving, ids: list[str]) -> Iterator[str]:
    """Yield what other origins read or change.

    Args:
        browser: Started with `RULES`.
        home: Holds runs with these ids, each of which one of the actions would change.
        serving: Serves their pages.
        ids: The ids.
    """
    before = _state(home)
    guess = "0" * 43
    with _other_page() as port:
        for host in ("127.0.0.1", "localhost", OTHER_HOST):
            with browser.tab("http://") as tab:
                tab.page.goto(f"http://{host}:{port}/")
                given = {"target": serving.address, "ids": ids, "guess": guess}
                for read in tab.page.evaluate(ATTACK, given):
                    yield f"a page of {host} reads: {read}"
    for host in (REBOUND, f"{REBOUND}."):
        with browser.tab("http://") as tab:
            address = f"http://{host}:{serving.port}"
            answer = tab.page.goto(f"{address}/runs/{ids[0]}")
            if answer.status != 421 or len(answer.body()) > 300:
                yield f"a rebound name gets {answer.status} and {len(answer.body())} bytes"
            for read in tab.page.evaluate(REBOUND_ATTACK, {"ids": ids}):
                yield f"a rebound name reads: {read}"
    # A change that was asked for may take a moment to be recorded.
    if wait_for(lambda: _state(home) != before, 2.0):
        yield f"something changed: {before} became {_state(home)}"


def _state(home: PagesHome) -> dict[str, int]:
    """Return the number of records of each run, and of the calls to models."""
    runs = {run.run_id: run.state.seq for run in Home(home.folder, home.environ).runs()}
    return runs | {"requests": home.api.requests}


class _Page(BaseHTTPRequestHandler):
    """Serves one page, and takes part in nothing."""

    def do_GET(self) -> None:
        content = b"<!doctype html><title>Other</title><body>A page of another origin."
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _other_page() -> Generator[int]:
    """Serve a page of another origin and yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(PATIENCE)
