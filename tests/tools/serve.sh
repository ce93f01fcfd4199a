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
# In a session of its own: a signal to the whole group (Ctrl-C, timeout) would reach it beside the one that is passed on
# here, and a second one is an order to end without letting clients have their replies.
setsid ./flagstone-server $conf --port "$port" "$@" &
server=$!
trap 'kill -TERM $server 2>/dev/null; trap : TERM HUP' TERM HUP
trap 'kill -INT $server 2>/dev/null' INT
wait $server
status=$?
while kill -0 $server 2>/dev/null; do
    wait $server
    status=$?
done
[ $status = 0 ] || { taken && hint; }
exit $status
