# SPDX-License-Identifier: Apache-2.0
# What a program inside can see of its walls; run by its shell. $1: a file of the host. Says
# "walls NAMESPACE... up" and ends with 7, or with 9 and what is missing.
missing() { echo "missing: $1"; exit 9; }

while read -r key value; do
	case $key in
	Seccomp:) [ "$value" = 2 ] || missing seccomp ;;
	NoNewPrivs:) [ "$value" = 1 ] || missing nnp ;;
	Cap*:) [ "$value" = 0000000000000000 ] || missing caps ;;
	esac
done </proc/self/status
captured=
while read -r _ address _; do
	case $address in *:0001) captured=yes ;; esac
done </proc/self/net/tcp6
[ "$captured" ] || missing capture
[ "$(ulimit -c)" = 0 ] || missing limits
read -r score </proc/self/oom_score_adj
[ "$score" -ge 900 ] || missing "oom_score_adj"
[ ! -e "$1" ] || missing root
[ ! -e /run/systemd ] || missing root
{ true >/usr/.x; } 2>/dev/null && missing "read-only /usr"
{ true >/etc/.x; } 2>/dev/null && missing "read-only /etc"
{ true >/proc/sys/kernel/core_pattern; } 2>/dev/null && missing proc
{ true </proc/1/environ; } 2>/dev/null && missing "dumpable init"
# the cover is an empty folder that anybody may read; the host's own is not
[ ! -d /etc/ssl/private ] || [ -r /etc/ssl/private ] || missing "a cover of /etc/ssl/private"
cd /proc/self/ns && echo walls $(readlink cgroup ipc mnt net pid time user uts) up
exit 7
