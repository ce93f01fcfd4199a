#!/bin/bash
# Starts the server for `make run`: serve.sh PORT [options ...]
port=$1
shift

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
hint() {
    echo "port $port is taken; choose another one:  make run PORT=$((port == 7000 ? 7001 : 7000))" >&2
    exit 1
}

taken && hint
# A copy of the defaults: CONFIG REWRITE writes to it, and what is under version control stays as it is.
conf=build/flagstone.conf
[ -e $conf ] || cp conf/flagstone.conf $conf
./flagstone-server $conf --port "$port" "$@" &
server=$!
# Ctrl-C reaches the server too, which ends by itself: wait for it.
trap 'kill -TERM $server 2>/dev/null' TERM
trap : INT
wait $server
status=$?
while kill -0 $server 2>/dev/null; do
    wait $server
    status=$?
done
[ $status = 0 ] || { taken && hint; }
exit $status
