"""Logs and traces. Decisions know neither: both live at the edges.

Logs hold ids, never what a customer said or how he is reached. Traces are exported only when `SWITCHBOARD_OTLP` is set;
the W3C `traceparent` travels in record headers and is kept in the outbox either way.
"""

import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from faststream import BaseMiddleware
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.metrics import Metrics

SAMPLED = 0.05
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("switchboard")


def log_to_stderr(service: str, level: str) -> None:
    """One line per event: time, level, service, message. Libraries that repeat themselves get one line a second."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {service} %(name)s: %(message)s"))
    handler.addFilter(OncePerSecond())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "faststream", "pymongo", "httpx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)  # cries wolf at every start
    logging.captureWarnings(True)


class OncePerSecond(logging.Filter):
    """Lets a library's message through once a second; a broker that is away brings eighty."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._last = clock, dict[tuple[str, str], float]()

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(("aiokafka", "faststream")):
            return True
        now, what = self._clock(), (record.name, str(record.msg))
        if now - self._last.get(what, -1.0) < 1.0:
            return False
        self._last[what] = now
        return True


def export_traces(service: str, endpoint: str) -> None:
    """Send sampled traces to an OTLP collector; without an address nothing is recorded."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"switchboard-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(SAMPLED)),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def current_trace() -> str:
    """The `traceparent` of the span at work; empty if none is."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


class BatchSpan(BaseMiddleware):
    """One span per batch, linked to its records' traces; a span per record would cost two thirds of the speed."""

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> Any:
        links = [Link(context) for record in msg.raw_message for context in _contexts(record)]
        with _tracer.start_as_current_span("batch", kind=SpanKind.CONSUMER, links=links[:128]):
            return await call_next(msg)


def _contexts(record: Any) -> list[trace.SpanContext]:
    for name, value in record.headers:
        if name == "traceparent" and isinstance(value, bytes):
            context = _propagator.extract({"traceparent": value.decode(errors="replace")})
            return [trace.get_current_span(context).get_span_context()]
    return []


class HttpTelemetry:
    """ASGI middleware: a span and a duration for every request, by route, never by path (paths hold ids)."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def note_status(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            with _tracer.start_as_current_span(
                scope["method"], context=_propagator.extract(carrier), kind=SpanKind.SERVER
            ):
                await self._app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            seconds = time.perf_counter() - began
            self._metrics.http_request_duration_seconds.labels(route, scope["method"], status).observe(seconds)
