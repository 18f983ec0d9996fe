#!/usr/bin/env bash
# Runs the built test projects beside a throw-away PostgreSQL server: ./moss test [PROJECT…] (see ./moss). A project may be named in part.
# Ends with the line "N passed, N failed" and, if there are any, ", N skipped".
set -euo pipefail

home=${MOSS_HOME:?is set by ./moss}
[ -n "${MOSS_TEST_DB:-}" ] || { echo "MOSS_TEST_DB is not set: start this by ./moss test." >&2; exit 1; }
results="$home/.moss/test-results"
limit=900 # seconds for one project; the whole run is meant to take ten minutes
rm -rf "$results"
mkdir -p "$results"

projects=()
for project in "$home"/tests/*/*.csproj; do
    project=$(basename "$project" .csproj)
    for wanted in "${@:-}"; do case $project in *"$wanted"*) projects+=("$project"); break ;; esac; done
done
[ ${#projects[@]} -gt 0 ] || { echo "No test project is called like '$*'. There are: $(cd "$home/tests" && echo *)" >&2; exit 1; }

browser() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    fc-list ':lang=zh' 2>/dev/null | grep -q . || missing+=(fonts-noto-cjk fontconfig)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing what the browser tests need: ${missing[*]} …"
        if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
            >"$home/.moss/logs/apt.log" 2>&1; then return 0; fi
        tail -n 5 "$home/.moss/logs/apt.log" >&2
    fi
    echo "The browser tests need ${missing[*]}, which could not be installed. Get them: sudo apt-get install ${missing[*]}" >&2
    if [ "${CI:-}" = true ]; then echo "CI=true: nothing may be left out." >&2; exit 1; fi
}

total() { # total ATTRIBUTE FILE: the sum of an attribute over the <assembly> elements of a result file
    { grep -o '<assembly [^>]*' "$2" || true; } | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

passed=0 failed=0 skipped=0
run() {
    local name=$1 started=$SECONDS next=30 code=0 log="$home/.moss/logs/test-$1.log" xml="$results/$1.xml"
    (cd "$home" && exec dotnet "tests/$name/bin/Release/net10.0/$name.dll" -noColor -noLogo -result-xml "$xml") >"$log" 2>&1 </dev/null &
    local job=$!
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.2
        if [ $((SECONDS - started)) -ge $limit ]; then echo "$name: still running after $limit s, ended" | tee -a "$log"; kill -9 "$job"; fi
        if [ $((SECONDS - started)) -ge $next ]; then echo "  … $name, $((SECONDS - started)) s"; next=$((next + 30)); fi
    done
    wait "$job" || code=$?
    local ok=0 bad=0 left=0
    if [ -f "$xml" ]; then
        ok=$(total passed "$xml") left=$(total skipped "$xml")
        bad=$(($(total failed "$xml") + $(total errors "$xml")))
    fi
    local note=""
    if [ "$bad" = 0 ] && [ "$code" != 0 ]; then bad=1 note=" (ended with code $code: see the end of its log)"; fi
    [ $((ok + bad + left)) -gt 0 ] || note=" (has no tests)"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
    printf '%-24s %5d passed %4d failed %4d skipped %5d s%s\n' "$name" "$ok" "$bad" "$left" $((SECONDS - started)) "$note"
    if [ "$left" -gt 0 ]; then sed -n 's/^ *\(.*\[SKIP\].*\)/    \1/p' "$log"; fi
    if [ "$bad" -gt 0 ]; then
        echo "---- $log"
        if grep -q '\[FAIL\]' "$log"; then grep -A 25 '\[FAIL\]' "$log" | sed -n '1,300p'; else tail -n 60 "$log"; fi
        echo "----"
    fi
}

case " ${projects[*]} " in *EndToEnd*) browser ;; esac
for project in "${projects[@]}"; do run "$project"; done

if [ $((passed + failed + skipped)) = 0 ]; then echo "No test ran at all." >&2; failed=1; fi
summary="$passed passed, $failed failed"
if [ "$skipped" -gt 0 ]; then summary="$summary, $skipped skipped"; fi
echo "Took $SECONDS s; results and logs: .moss/test-results, .moss/logs"
echo "$summary"
[ "$failed" = 0 ]
