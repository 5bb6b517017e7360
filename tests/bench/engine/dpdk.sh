#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/bench/engine/dpdk.sh unpack DEST
# tests/bench/engine/dpdk.sh run DEST CORE ARGS...
#
# DPDK's crypto_aesni_mb is libipsec-mb behind a queue of packets. Debian's dpdk-dev (USE bench of platform/packages)
# cannot be installed beside the platform's backported libelf-dev: `unpack` puts dpdk-test-crypto-perf and the
# libraries it loads under DEST (once, 14 MB), `run` starts it with its worker on core CORE; ARGS are the application's
# own. Inside the platform.

set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../../..")
command=$1
mkdir -p "$2"
dest=$(readlink -f "$2")
perf=$dest/usr/bin/dpdk-test-crypto-perf
plugins=(crypto_ipsec_mb mempool_ring)

# Sonames of the DPDK libraries the program is linked with, and of the plugins
sonames() {
	local linked abi plugin
	linked=$(readelf -d "$perf" | sed -n 's/.*\[\(librte_.*\.so\..*\)\]/\1/p')
	abi=$(sed -n 's/^librte_eal\.so\.//p' <<<"$linked")
	echo "$linked"
	for plugin in "${plugins[@]}"; do
		echo "librte_$plugin.so.$abi"
	done
}

unpack() {
	local packages
	[ ! -e "$dest/complete" ] || return 0
	mapfile -t packages < <(awk '$1 == "base" && $2 == "bench" { print $3 }' "$root/platform/packages")
	"$root/platform/unpack" "$dest" "${packages[@]}"
	# librte_eal.so.25 is in librte-eal25
	mapfile -t packages < <(sonames | sed 's/\.so\.//' | tr _ -)
	mapfile -t packages < <(apt-cache depends --recurse \
		--no-{recommends,suggests,conflicts,breaks,replaces,enhances} "${packages[@]}" |
		grep '^librte-' | sort -u)
	"$root/platform/unpack" "$dest" "${packages[@]}"
	touch "$dest/complete"
}

run() {
	local core=$1 libs load=() soname other
	shift
	libs=$(dirname "$(find "$dest/usr/lib" -name 'librte_eal.so.*' | head -1)")
	while read -r soname; do
		load+=(-d "$libs/$soname")
	done < <(sonames | tail -n "${#plugins[@]}")
	# The main lcore only waits: on another core, where there is one
	other=$((core > 0 ? core - 1 : ($(nproc) > 1 ? 1 : 0)))
	LD_LIBRARY_PATH=$libs exec "$perf" --lcores "0@$other,1@$core" --no-huge -m 512 --no-pci --no-telemetry \
		--log-level 3 "${load[@]}" --vdev crypto_aesni_mb0 -- \
		--devtype crypto_aesni_mb --ptest throughput --csv-friendly --silent "$@"
}

case $command in
unpack) unpack ;;
run) run "${@:3}" ;;
*) echo "usage: dpdk.sh unpack DEST | run DEST CORE ARGS..." >&2; exit 2 ;;
esac
