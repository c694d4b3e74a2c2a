# The audit as a container image. First form: it runs as a numeric user without rights, and without a shell.
#
#   make image                                              (docs/guide.md: building behind a mirror or a proxy)
#   podman run --rm -v ./audit:/audit camera-auditor        (the demo: an emulated site inside the container)
#
# The build reads three optional secrets, of which nothing stays in a layer: `pip` (a pip.conf), `apt` (apt settings)
# and `ca` (a bundle of certificates that pip.conf or apt may name as /run/secrets/ca).
ARG BASE=debian:12-slim

FROM ${BASE} AS builder
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99build --mount=type=secret,id=ca \
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates python3.11 python3.11-venv
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off

# Build tools live in an environment of their own: the image carries neither pip nor setuptools.
COPY requirements/build.txt requirements/run.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python3.11 -m venv tools \
    && tools/bin/python -m pip install --quiet --quiet --require-hashes -r requirements/build.txt \
    && tools/bin/python -m pip wheel --quiet --quiet --require-hashes --no-build-isolation \
        --wheel-dir wheels -r requirements/run.txt \
    && python3.11 -m venv --without-pip /opt/auditor \
    && tools/bin/python -m pip --python /opt/auditor/bin/python install --quiet --quiet --no-index --no-deps wheels/*.whl

COPY pyproject.toml README.md LICENSE ./
COPY auditor auditor
COPY fingerprints fingerprints
COPY policies policies
COPY reports reports
COPY tests/lab tests/lab
RUN tools/bin/python -m pip wheel --quiet --quiet --no-index --no-deps --no-build-isolation --wheel-dir ours . \
    && tools/bin/python -m pip --python /opt/auditor/bin/python install --quiet --quiet --no-index --no-deps ours/*.whl \
    # Commands that come along with the libraries are left out: one of them can change the settings of a camera.
    && find /opt/auditor/bin -mindepth 1 ! -name auditor ! -name 'python*' -delete

FROM ${BASE}
# nmap is optional for the audit and comes under its own licence: WITH_NMAP=1 puts Debian's into the image.
ARG WITH_NMAP=0
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99build --mount=type=secret,id=ca \
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3.11 \
    && if [ "$WITH_NMAP" = 1 ]; then DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nmap; fi \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && install -d -m 0700 -o 65532 -g 65532 /audit
COPY --from=builder /opt/auditor /opt/auditor
ENV PATH=/opt/auditor/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /audit
VOLUME /audit
ENTRYPOINT ["/opt/auditor/bin/auditor"]
CMD ["demo"]
