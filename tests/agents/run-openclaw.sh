#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside: openclaw does one task, told by a model beside it. The task's command is the argument.
set -eu
if [ "${MODEL_URL:-}" = "" ]; then
	exec python3 /tmp/agent/fake_model.py ${MODEL_LOG:+--log "$MODEL_LOG"} "$1" -- sh "$0"
fi
for node in /agents/node_modules/node-linux-*/bin; do
	export PATH="$node:$PATH"
done
openclaw=/agents/node_modules/.bin/openclaw
config="$HOME/.openclaw/openclaw.json"
"$openclaw" onboard --non-interactive --accept-risk --auth-choice custom-api-key \
	--custom-base-url "$MODEL_URL" --custom-model-id fake-model --custom-provider-id fake \
	--custom-compatibility openai --custom-api-key none --skip-channels --skip-daemon \
	--skip-health --skip-hooks --skip-search --skip-skills --skip-ui >&2
exec "$openclaw" agent exec --config "$config" --no-auth-env-only --model fake/fake-model \
	--json 'Do the task.'
