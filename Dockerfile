# takeover and all that it needs, the lab's root file system included: for macOS, and for machines where nothing can be
# installed or no namespaces can be made. docs/docker.md says more.
#     docker build -t envoy-takeover .
#     docker run --rm --privileged -v "$PWD:/work" -v takeover:/root/.cache envoy-takeover \
#         check envoy.yaml --envoy 1.36.4,1.40.0
# Debian or Ubuntu, with a Python of 3.11 or newer. What of the packages below it has already is not fetched.
ARG BASE=debian:bookworm-slim

# What containers of the local engine see: the packages of takeover/engines/local/root_file_system.py.
FROM ${BASE} AS lab
ENV DEBIAN_FRONTEND=noninteractive
RUN packages="iptables nginx-light curl iproute2 dnsmasq-base python3"; \
    dpkg --status $packages >/dev/null 2>&1 || { apt-get update -q && \
    apt-get install -y -q --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*; }

FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN packages="python3 python3-venv ca-certificates"; \
    dpkg --status $packages >/dev/null 2>&1 || { apt-get update -q && \
    apt-get install -y -q --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*; }
COPY --from=lab / /opt/envoy-takeover/lab/root
# Where another package index is: pip's own names, as --build-arg.
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
COPY . /source
# Compiled by all cores; but what only a run on a cluster imports, which is most of it.
RUN cd /opt/envoy-takeover && python3 -m venv venv && venv/bin/python -m pip install --quiet --no-cache-dir \
    --no-compile --require-hashes -r /source/locks/run.txt \
    && venv/bin/python -m pip install --quiet --no-cache-dir --no-compile --no-deps /source \
    && venv/bin/python -m compileall -q -j 0 -x /kubernetes/ venv/lib \
    && venv/bin/python -m takeover.engines.local.prepared lab && rm -r /source
ENV PATH=/opt/envoy-takeover/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    TAKEOVER_LAB=/opt/envoy-takeover/lab
WORKDIR /work
ENTRYPOINT ["takeover"]
