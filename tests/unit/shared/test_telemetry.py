import logging
import re

import httpx
from fastapi import FastAPI, Request

from shared import telemetry
from shared.metrics import METRICS, Metrics
from shared.telemetry import HttpTelemetry, OncePerSecond


def line(logger: str, message: str = "away %s", *args: object) -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, "", 0, message, args, None)


def test_a_library_that_repeats_itself_is_heard_once_a_second() -> None:
    now = 100.0
    once = OncePerSecond(lambda: now)
    heard = []
    for tenth in range(25):
        now = 100.0 + tenth / 10
        heard.append(once.filter(line("aiokafka.conn", "away %s", tenth)))
    assert heard.count(True) == 3
    assert heard[0]


def test_other_messages_of_the_library_are_heard_beside_it() -> None:
    once = OncePerSecond(lambda: 0.0)
    assert [once.filter(line("aiokafka", m)) for m in ("a", "b", "a")] == [True, True, False]


def test_our_own_lines_are_never_held_back() -> None:
    once = OncePerSecond(lambda: 0.0)
    assert all(once.filter(line("shared.bus")) for _ in range(5))


def test_a_log_line_names_level_service_and_message_once(capsys) -> None:  # type: ignore[no-untyped-def]
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        telemetry.log_to_stderr("routing", "INFO")
        logging.getLogger("shared.bus").info("stopped %s", 3)
        logging.getLogger("pymongo").info("noise")
    finally:
        root.handlers[:], root.level = before, level
        logging.captureWarnings(False)
    written = capsys.readouterr().err
    assert re.search(r"^\S+ \S+ INFO routing shared\.bus: stopped 3$", written, re.M)
    assert "noise" not in written


def test_without_a_span_there_is_no_trace() -> None:
    assert telemetry.current_trace() == ""


async def test_a_trace_that_comes_in_over_http_goes_on() -> None:
    app, metrics = FastAPI(), Metrics("test")
    app.add_middleware(HttpTelemetry, metrics=metrics)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @app.get("/v1/things/{id_}")
    async def thing(id_: str, request: Request) -> str:
        return telemetry.current_trace()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        told = (await client.get("/v1/things/7", headers={"traceparent": trace})).json()
        await client.get("/v1/nothing")
    assert told.split("-")[1] == trace.split("-")[1]
    seen = {
        tuple(s.labels.values())
        for m in metrics.registry.collect()
        for s in m.samples
        if s.name.endswith("duration_seconds_count")
    }
    assert ("test", "/v1/things/{id_}", "GET", "200") in seen
    assert not any("/v1/things/7" in labels for labels in seen), "paths hold ids"
    assert any(m.name == "http_request_duration_seconds" for m in METRICS)
