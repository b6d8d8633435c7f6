#!/usr/bin/env bash
# Starts and stops the servers that the tests of remotes talk to, on this machine alone.
#
#   scripts/servers.sh start    starts those that are installed, waits until they answer, prints what 'env' prints
#   scripts/servers.sh env      prints DSV_TEST_S3=http://127.0.0.1:PORT and so on, for those that run
#   scripts/servers.sh stop     stops them and removes their data
#
# scripts/setup-tests.sh installs them. All data, logs and process ids are below target/servers.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/tools
state=$target/servers

weed=$tools/bin/weed
bucket=dsv-test
azurite=$tools/node_modules/.bin/azurite-blob
fake_gcs() { find "$tools" -name 'fake-gcs-server-*' -type f -perm -u+x 2> /dev/null | head -n 1; }

# So many ports that are free now, and for weed's habit of adding 10000 for gRPC, low enough.
free_ports() {
    python3 - "$1" << 'EOF'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(21000, 32000)
    try:
        for number in (port, port + 10000):
            with socket.socket() as one:
                one.bind(("127.0.0.1", number))
    except OSError:
        continue
    if port not in found:
        found.append(port)
print(*found)
EOF
}

# Starts a program in the background: its name, then the command.
launch() {
    local name=$1
    shift
    mkdir -p "$state/$name"
    (cd "$state/$name" && exec setsid "$@" > "$state/$name.log" 2>&1 < /dev/null) &
    echo $! > "$state/$name.pid"
}

# Waits until a URL answers, with whatever status: the name of its server, the URL.
await() {
    for _ in $(seq 300); do
        if python3 - "$2" << 'EOF'
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=2)
except urllib.error.HTTPError as answer:
    sys.exit(answer.code >= 500)
except Exception:
    sys.exit(1)
EOF
        then return 0; fi
        kill -0 "$(cat "$state/$1.pid")" 2> /dev/null || break
        sleep 0.2
    done
    echo "the server '$1' did not come up; its last words:" >&2
    tail -n 20 "$state/$1.log" >&2
    return 1
}

# Makes a bucket: the URL, the body. A server that answers is not always ready to write yet.
post() {
    python3 - "$@" << 'EOF'
import sys, time, urllib.request
body = sys.argv[2].encode() if len(sys.argv) > 2 else None
kind = {"Content-Type": "application/json"} if body else {"Content-Length": "0"}
request = urllib.request.Request(sys.argv[1], body, kind, method="POST")
for left in reversed(range(50)):
    try:
        urllib.request.urlopen(request, timeout=10)
        break
    except OSError:
        if not left:
            raise
        time.sleep(0.2)
EOF
}

# Azure's containers are made by a signed request, with the key that every Azurite has.
make_container() {
    python3 - "$1" << 'EOF'
import base64, hashlib, hmac, sys, urllib.parse, urllib.request
from email.utils import formatdate
key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
url = sys.argv[1] + "?restype=container"
headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
path = urllib.parse.urlparse(url).path
lines = ["PUT"] + [""] * 11 + [f"{name}:{value}" for name, value in sorted(headers.items())]
lines += ["/devstoreaccount1" + path, "restype:container"]
mac = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
headers["Authorization"] = "SharedKey devstoreaccount1:" + base64.b64encode(mac).decode()
headers["Content-Length"] = "0"
urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="PUT"), timeout=10)
EOF
}

start_s3() {
    [ -x "$weed" ] || { echo 'not started: SeaweedFS (S3), which is not installed' >&2; return 0; }
    local master volume filer s3
    read -r master volume filer s3 <<< "$(free_ports 4)"
    cat > "$state/s3.json" << 'EOF'
{"identities": [
    {"name": "all", "credentials": [{"accessKey": "dsvtest", "secretKey": "dsvtest-secret"}],
     "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
    {"name": "reader", "credentials": [{"accessKey": "dsvreader", "secretKey": "dsvreader-secret"}],
     "actions": ["Read", "List"]}]}
EOF
    # Each part is bound to this machine, and none calls home.
    launch s3 "$weed" server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir=. -master.telemetry=false \
        -master.port="$master" -master.volumeSizeLimitMB=256 -volume.port="$volume" -volume.max=40 -volume.preStopSeconds=0 \
        -filer -filer.port="$filer" -s3 -s3.port="$s3" -s3.config="$state/s3.json" \
        -s3.port.iceberg=0 -s3.port.lance=0
    await s3 "http://127.0.0.1:$s3/" || return 1
    post "http://127.0.0.1:$filer/buckets/$bucket/" || return 1
    echo "DSV_TEST_S3=http://127.0.0.1:$s3" >> "$state/env"
}

start_gcs() {
    local program
    program=$(fake_gcs)
    [ -n "$program" ] || { echo 'not started: fake-gcs-server, which is not installed' >&2; return 0; }
    local port gateway
    read -r port gateway <<< "$(free_ports 2)"
    launch gcs "$program" -scheme http -host 127.0.0.1 -port "$port" -backend memory -log-level error \
        -public-host "127.0.0.1:$port" -external-url "http://127.0.0.1:$port"
    await gcs "http://127.0.0.1:$port/storage/v1/b?project=test" || return 1
    post "http://127.0.0.1:$port/storage/v1/b?project=test" "{\"name\": \"$bucket\"}" || return 1
    launch gateway python3 "$PWD/scripts/gcs_gateway.py" "$gateway" "http://127.0.0.1:$port"
    await gateway "http://127.0.0.1:$gateway/$bucket" || return 1
    echo "DSV_TEST_GCS=http://127.0.0.1:$gateway" >> "$state/env"
}

start_azure() {
    [ -x "$azurite" ] || { echo 'not started: Azurite, which is not installed' >&2; return 0; }
    local port
    port=$(free_ports 1)
    launch azure "$azurite" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence --silent \
        --disableTelemetry --skipApiVersionCheck
    await azure "http://127.0.0.1:$port/" || return 1
    make_container "http://127.0.0.1:$port/devstoreaccount1/$bucket" || return 1
    echo "DSV_TEST_AZURE=http://127.0.0.1:$port/devstoreaccount1" >> "$state/env"
}

stop() {
    local file pid
    for file in "$state"/*.pid; do
        [ -f "$file" ] || continue
        pid=$(cat "$file")
        # Each was made the leader of its own group, so that what it started ends with it.
        kill -TERM -- "-$pid" 2> /dev/null || true
        for _ in $(seq 50); do
            kill -0 -- "-$pid" 2> /dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$pid" 2> /dev/null || true
    done
    rm -rf "$state"
}

case ${1:-} in
    start)
        stop
        mkdir -p "$state"
        : > "$state/env"
        if ! { start_s3 && start_gcs && start_azure; }; then
            stop
            exit 1
        fi
        cat "$state/env"
        ;;
    env) [ ! -f "$state/env" ] || cat "$state/env" ;;
    stop) stop ;;
    *)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
esac
