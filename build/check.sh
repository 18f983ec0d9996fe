#!/usr/bin/env bash
# ./moss check: warnings are errors, known vulnerabilities too; the format holds; and how large the source is.
set -euo pipefail
cd "${MOSS_HOME:?is set by ./moss}"
export MSBUILDDISABLENODEREUSE=1

echo "Packages: looking for known vulnerabilities …"
dotnet restore -v q -p:NuGetAudit=true -p:NuGetAuditMode=all -p:WarningsNotAsErrors=NU1900
echo "Building, warnings as errors …"
dotnet build --no-restore -c Release -v q -nologo -warnaserror -p:UseSharedCompilation=false
echo "Checking the format …"
dotnet format --no-restore --verify-no-changes
if command -v shellcheck >/dev/null; then
    shellcheck moss .ci/run build/*.sh
    shellcheck -s bash src/Moss.Trainer/Local/*.sh
else
    echo "shellcheck is not installed; the scripts were not checked."
fi

# The aims are in docs: C# median 50, 95th percentile 200, longest 350 lines; .razor longest 120; src in all 12,000.
lines() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do [ -f "$file" ] && wc -l "$file"; done | sort -n; }
report() {
    lines "$2" | awk -v what="$1" '{ n[NR] = $1; sum += $1 } END {
        if (NR) printf "%-16s %5d files %7d lines   median %4d   p95 %4d   max %4d\n", what, NR, sum, n[int((NR + 1) / 2)], n[int((NR * 95 + 99) / 100)], n[NR] }'
}
echo
report "src, C#" 'src/*.cs'
report "src, razor" 'src/*.razor'
report "tests, C#" 'tests/*.cs'
for project in src/*/; do report "${project#src/}" "$project*.cs"; done
echo "The longest of src:"
lines 'src/*.cs' 'src/*.razor' | tail -n 5
echo "Everything holds."
