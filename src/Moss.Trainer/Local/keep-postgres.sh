# Runs PostgreSQL for as long as some process that uses it lives. Started by PostgresCluster, detached; outlives its starter.
# keep-postgres.sh USERS_FOLDER LOG FOLDER_TO_DELETE_AFTERWARDS COMMAND…      (the folder is '' for a cluster that stays)
users=$1 log=$2 delete=$3
shift 3
cd / || exit 1
exec </dev/null >>"$log" 2>&1

used() {
    local user
    for user in "$users"/*; do
        kill -0 "${user##*/}" 2>/dev/null && return 0
    done
    return 1
}

keep() {
    "$@" &
    local pid=$! tenths=600
    while kill -0 "$pid" 2>/dev/null && used; do sleep 0.5; done
    kill -INT "$pid" 2>/dev/null          # fast shutdown: roll back, write a checkpoint, end
    while kill -0 "$pid" 2>/dev/null; do
        [ $((tenths -= 1)) -eq 0 ] && kill -QUIT "$pid" 2>/dev/null
        sleep 0.1
    done
    if [ -n "$delete" ]; then rm -rf -- "$delete"; fi
}

# Keeper and server have process groups of their own: neither Ctrl-C in the terminal nor a kill of the starter's group reaches them.
set -m
trap ':' INT HUP
keep "$@" &
wait $!
