# Runs one program that dies with its supervisor: standard input is a pipe whose other end only the supervisor holds, so it closes
# however the supervisor ends, kill -9 included. Then the program gets TERM and, after the grace, it and all it started get KILL.
# keep-child.sh PID_FILE GRACE_SECONDS COMMAND…
pid_file=$1 grace=$2
shift 2

set -m              # a process group of its own: Ctrl-C in the terminal reaches only the supervisor, which stops in order
trap ':' INT HUP
exec 3<&0 </dev/null 2>&1

"$@" 3<&- &
pid=$!
trap 'kill -TERM "$pid" 2>/dev/null' TERM
printf '%s\n%s\n' "$pid" "$*" >"$pid_file"

# Waits until the whole group has ended; kills it when the grace is over. Gives up on what only waits to be reaped.
end_group() {
    local tenths=$((grace * 10))
    while kill -s 0 -- "-$pid" 2>/dev/null && [ "$tenths" -gt -20 ]; do
        [ $((tenths -= 1)) -eq 0 ] && kill -s KILL -- "-$pid" 2>/dev/null
        sleep 0.1
    done
}

(
    trap - INT HUP TERM
    while read -r _ <&3; do :; done
    kill -TERM "$pid" 2>/dev/null
    end_group
) >/dev/null 2>&1 &
guard=$!
exec 3<&-
set +m              # both have their groups; without this each end would be told into the program's log
disown "$guard"

# A trapped signal ends `wait` early; the program has ended only when it is gone.
while :; do
    wait "$pid"
    code=$?
    kill -0 "$pid" 2>/dev/null || break
done
kill -s TERM -- "-$pid" 2>/dev/null     # what it started and left behind
end_group
kill "$guard" 2>/dev/null
if read -r written <"$pid_file" && [ "$written" = "$pid" ]; then rm -f -- "$pid_file"; fi
exit "$code"
