#!/usr/bin/env bash
# A PostgreSQL server for tests: a cluster of its own in one directory, on one free loopback port.
#
#     scripts/postgres.sh start DIR     makes the cluster and starts it; prints its address
#     scripts/postgres.sh stop DIR      stops it and removes DIR
#     scripts/postgres.sh halt DIR      stops it as a crash would
#     scripts/postgres.sh restart DIR   the same, and starts it on the same port
#
# Role and database are "temporal", the password is "temporal-password". The server's certificate is
# for "localhost", signed by DIR/ca.pem; DIR/other-ca.pem has signed nothing. POSTGRES_SETTINGS has
# further settings ("fsync=on shared_buffers=1GB"); by default nothing is synced to the disk, which
# survives everything but the end of the machine.
set -euo pipefail

usage() {
    sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 64
}

[[ $# -eq 2 ]] || usage
command="$1"
directory="$2"
data="$directory/data"

binaries="${POSTGRES_BINARIES:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)}"
if [[ ! -x "$binaries/initdb" ]]; then
    echo "postgres.sh: there is no PostgreSQL server; on Debian install postgresql" >&2
    exit 1
fi

# PostgreSQL refuses to run as root; the distribution's package has made a user for it.
unprivileged() {
    if [[ "$(id -u)" -ne 0 ]]; then
        "$@"
    else
        (cd / && exec setpriv --reuid postgres --regid postgres --init-groups "$@")
    fi
}

control() {
    unprivileged "$binaries/pg_ctl" --pgdata "$data" --silent --wait "$@" >&2
}

# A port nobody listens on now; somebody else may be faster, so the start is tried again.
free_port() {
    local port
    while true; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# A certificate authority of a name: DIR/NAME.pem and its key.
make_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" -keyout "$directory/$1.key" -out "$directory/$1.pem" 2>/dev/null
}

make_certificates() {
    make_authority ca
    make_authority other-ca
    local request="$directory/server.csr"
    unprivileged openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj /CN=localhost -keyout "$data/server.key" 2>/dev/null >"$request"
    openssl x509 -req -in "$request" -CA "$directory/ca.pem" -CAkey "$directory/ca.key" \
        -set_serial 1 -days 30 -extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null |
        unprivileged tee "$data/server.crt" >/dev/null
}

make_cluster() {
    mkdir -p "$directory"
    if [[ "$(id -u)" -eq 0 ]]; then chown postgres:postgres "$directory"; fi
    local secret="$directory/secret"
    (umask 077 && echo temporal-password >"$secret")
    if [[ "$(id -u)" -eq 0 ]]; then chown postgres:postgres "$secret"; fi
    unprivileged "$binaries/initdb" --pgdata "$data" --username temporal --pwfile "$secret" \
        --auth scram-sha-256 --encoding UTF8 --locale C --no-sync >"$directory/initdb.log"
    rm "$secret"
    make_certificates
    unprivileged tee -a "$data/postgresql.conf" >/dev/null <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 128MB
fsync = off
ssl = on
log_min_messages = warning
logging_collector = off
EOF
    local setting
    for setting in ${POSTGRES_SETTINGS:-}; do
        echo "${setting%%=*} = '${setting#*=}'" | unprivileged tee -a "$data/postgresql.conf" >/dev/null
    done
}

case "$command" in
start)
    make_cluster
    for attempt in 1 2 3 4 5; do
        port="$(free_port)"
        if control --log "$directory/server.log" --options "-p $port" start; then
            echo "$port" >"$directory/port"
            PGPASSWORD=temporal-password unprivileged "$binaries/psql" --quiet --no-psqlrc \
                "host=127.0.0.1 port=$port user=temporal dbname=postgres sslmode=disable" \
                --command 'CREATE DATABASE temporal' >&2
            echo "127.0.0.1:$port"
            exit 0
        fi
    done
    echo "postgres.sh: the server does not start:" >&2
    tail -5 "$directory/server.log" >&2
    exit 1
    ;;
stop)
    if [[ -e "$data/postmaster.pid" ]]; then control --mode immediate stop; fi
    rm -rf "$directory"
    ;;
halt) control --mode immediate stop ;;
restart)
    control --log "$directory/server.log" --mode immediate \
        --options "-p $(cat "$directory/port")" restart
    ;;
*) usage ;;
esac
