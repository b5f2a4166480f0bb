#!/bin/sh
# Fuzzes: tests/fuzz/run.sh BUILDDIR SECONDS [NAME ...]. Builds nothing: make fuzz-targets in a tree configured with
# --enable-fuzzing first. New inputs land in BUILDDIR/fuzz-corpus/NAME, crashes in BUILDDIR/fuzz-crashes.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 BUILDDIR SECONDS [NAME ...]" >&2; exit 2; }
build=$1
seconds=$2
shift 2
source=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$build/fuzz-crashes"
[ $# -gt 0 ] || set -- $(cd "$source" && ls fuzz_*.c | sed 's/^fuzz_//;s/\.c$//')
for name in "$@"; do
	mkdir -p "$build/fuzz-corpus/$name"
	dictionary=
	[ ! -f "$source/dictionaries/$name.dict" ] || dictionary=-dict=$source/dictionaries/$name.dict
	echo "== $name, $seconds s"
	FUZZ_TARGET=$name "$build/tests/fuzz/fuzz_all" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/fuzz-crashes/$name-" $dictionary \
		"$build/fuzz-corpus/$name" "$source/corpus/$name"
done
