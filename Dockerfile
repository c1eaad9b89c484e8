# One file for the five images: docker build --build-arg SERVICE=intake -t switchboard-intake .
# They share every layer; SERVICE only says what starts. docs/decisions/0027-one-image.md
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS built
COPY requirements.runtime.lock /tmp/
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes -r /tmp/requirements.runtime.lock \
 && /opt/venv/bin/pip uninstall -qy pip setuptools
COPY deploy/switchboard /opt/venv/bin/
COPY cli /opt/switchboard/cli
COPY shared /opt/switchboard/shared
COPY services /opt/switchboard/services
COPY deploy /opt/switchboard/deploy
# Readable for any user whatever the umask of the checkout, and compiled, since nobody can write there later.
RUN chmod -R a+rX /opt/switchboard && chmod 755 /opt/venv/bin/switchboard && python3 -m compileall -q /opt/switchboard

FROM ${PYTHON_IMAGE}
# A named volume takes owner and mode of the directory it is first mounted on.
RUN mkdir -p /var/lib/switchboard/keys /var/lib/switchboard/outbox && chown -R 10001:10001 /var/lib/switchboard
COPY --from=built /opt/venv /opt/venv
COPY --from=built /opt/switchboard /opt/switchboard
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/switchboard PYTHONUNBUFFERED=1
WORKDIR /opt/switchboard
USER 10001:10001
ARG REVISION=unknown
ENV SWITCHBOARD_REVISION=${REVISION}
LABEL org.opencontainers.image.title=switchboard org.opencontainers.image.licenses=Apache-2.0 org.opencontainers.image.revision=${REVISION}
ARG SERVICE
ENV SERVICE=${SERVICE}
# Without SERVICE an image that can only be used for the `switchboard` command; `exec` hands SIGTERM to Python.
CMD ["sh", "-c", "exec python -m services.${SERVICE:?build with --build-arg SERVICE=intake, or another}.app"]
