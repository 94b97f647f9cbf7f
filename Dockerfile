# One image for all services; which of them run is chosen by arguments and configuration.
FROM swift:6.3 AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
RUN swift package resolve
COPY scripts/build.sh scripts/
COPY Sources Sources
# The manifest names the test folders; no test code is built.
COPY Tests/Unit Tests/Unit
RUN scripts/build.sh temporal-server \
    && install -D .build/release/temporal-server /out/temporal-server \
    && strip --strip-debug /out/temporal-server

FROM swift:6.3-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 temporal \
    && useradd --system --uid 10001 --gid 10001 --home-dir /etc/temporal temporal \
    && install -d -o temporal -g temporal /etc/temporal/config /var/lib/temporal
COPY --from=build /out/temporal-server /usr/local/bin/temporal-server
COPY --chown=temporal:temporal config/docker/docker.yaml /etc/temporal/config/docker.yaml

USER 10001:10001
WORKDIR /etc/temporal
ENV TEMPORAL_ROOT=/etc/temporal \
    TEMPORAL_CONFIG_DIR=config \
    TEMPORAL_ENVIRONMENT=docker
VOLUME /var/lib/temporal
# gRPC ports, then membership ports: frontend, history, matching, internal-frontend, worker.
EXPOSE 7233 7234 7235 7236 7239 6933 6934 6935 6936 6939
ENTRYPOINT ["temporal-server"]
CMD ["start", "--namespace", "default"]
