#!/bin/bash
# Asks the completion script for bash what it offers: complete_test.sh PATH-OF-IMMURE
# Each row: what must be among the offers ("-": nothing is offered), then the words typed so far.
set -u
PATH=$(dirname "$1"):$PATH
IMMURE_HOME=$(mktemp -d) && export IMMURE_HOME
trap 'rm -rf "$IMMURE_HOME"' EXIT
source <("$1" completion bash) || exit 1
compopt() { :; } # only a real completion may call it
failures=0

check()
{
	local want=$1 reply
	shift
	COMP_WORDS=(immure "$@") COMP_CWORD=$# COMPREPLY=()
	_immure
	reply=" ${COMPREPLY[*]} "
	if [[ $want == - ]] && ((${#COMPREPLY[@]} == 0)); then
		return
	fi
	if [[ $want == - || $reply != *" $want "* ]]; then
		echo "immure $*: wanted '$want', got '${reply:0:200}'" >&2
		failures=$((failures + 1))
	fi
}

check run r
check --rpc --r
check --volume run --vo
check --image run -t --im
check standard run --image ''
check standard run --image = ''
check standard run --image = stan
check --tty run --image = standard --tt
check --tty run -v /a : /b : ro --tt
check /etc run -v /et
check /etc run --rootfs /et
check - run --memory ''
check - run --memory = ''
check HOME run -e HOM
check bash run bas
check bash run -t --memory 1G bas
check bash run -- bas
check /etc run bash /et # the program's own words
check - run bash --vol
check bash exec vm-00000001 bas
check KILL kill --signal K
check --signal kill vm-00000001 --s
check --json ls --j
check zsh completion ''
check doctor help doc
check rotate ca ''
check - nonsense ''
((failures == 0))
