# One image for web, worker, beat and the commands; see docs/deploying.md, also for images by digest.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS packages
RUN python -m venv /venv
COPY requirements/base.txt /requirements.txt
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /requirements.txt

FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# The settings require secrets: these exist only for this step.
RUN python -m compileall -q . \
    && DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -r /tmp/build \
    && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin service \
    && install --directory --mode 0700 --owner 10001 --group 10001 /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
# /dev/shm, because gunicorn's heartbeat must not wait for a disk.
CMD ["gunicorn", "--config", "config/gunicorn.py", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-tmp-dir", "/dev/shm", "config.wsgi"]
