# One image for every Airflow service and for the simulator. Health checks stand in
# docker-compose.yaml, since each service has its own. In production pin the base by digest.
FROM python:3.11.14-slim-bookworm

WORKDIR /opt/concord
COPY requirements/runtime.txt requirements/runtime.txt
# pip compiles what it installs; without bytecode every start is two to three times slower.
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement requirements/runtime.txt

COPY LICENSE pyproject.toml ./
COPY docker docker
COPY config config
COPY include include
COPY expectations expectations
COPY plugins plugins
COPY dags dags
COPY simulator simulator

# Whoever runs a container (always with group 0) can write to its own folders and
# nowhere else. Bytecode is trusted unchecked: nothing in the image changes any more.
RUN python -m compileall -q --invalidation-mode unchecked-hash plugins dags simulator \
    && useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow/run concord \
    && install -d -o 50000 -g 0 -m 0700 /opt/airflow/run /opt/airflow/logs \
        /srv/agencies /srv/county \
    && install -d -o 50000 -g 0 -m 0750 /srv/concord /srv/concord/releases \
        /srv/concord/reports

ENV AIRFLOW_HOME=/opt/airflow/run \
    CONCORD_HOME=/srv/concord \
    CONCORD_PROJECT=/opt/concord \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/concord/config:/opt/concord/plugins:/opt/concord \
    PYTHONUNBUFFERED=1

USER 50000:0
ENTRYPOINT ["/opt/concord/docker/entrypoint"]
CMD ["airflow", "version"]
