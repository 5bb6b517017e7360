# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Results of a script in a guest, as TAP in /out/tap; in /out/times, the seconds since the one before.

tap_count=0
tap_failed=0
tap_last=$SECONDS

# tap NAME STATUS [DETAIL]
tap() {
	tap_count=$((tap_count + 1))
	local word=ok
	if [ "$2" -ne 0 ]; then
		word='not ok'
		# shellcheck disable=SC2034 # read by the script that sources this
		tap_failed=1
	fi
	echo "$word $tap_count - $1${3:+: $3}" | tee -a /out/tap
	echo "$((SECONDS - tap_last)) s: $1" >>/out/times
	tap_last=$SECONDS
}

# t NAME COMMAND...: passes when the command does; its output is shown when not
t() {
	local name=$1 said status
	shift
	said=$("$@" 2>&1)
	status=$?
	tap "$name" $status "$([ $status -eq 0 ] || echo "$said" | tail -n 3 | tr '\n' ' ')"
}

# refused NAME TEXT COMMAND...: passes when the command fails and says TEXT
refused() {
	local name=$1 text=$2 said
	shift 2
	if said=$("$@" 2>&1); then
		tap "$name" 1 "was accepted"
	elif case $said in *"$text"*) true ;; *) false ;; esac; then
		tap "$name" 0
	else
		tap "$name" 1 "wanted '$text', got '$(echo "$said" | tr '\n' ' ')'"
	fi
}

# says NAME TEXT COMMAND...: passes when the command does and says TEXT
says() {
	local name=$1 text=$2 said
	shift 2
	said=$("$@" 2>&1) || { tap "$name" 1 "$said"; return; }
	t "$name" grep -qF "$text" <<<"$said"
}
