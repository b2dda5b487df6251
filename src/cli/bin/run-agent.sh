#!/bin/sh
# run-agent.sh AGENT CWD PROMPT_FILE
exec node "$(dirname -- "$(readlink -f -- "$0")")/../run-agent.cjs" sh "$@"
