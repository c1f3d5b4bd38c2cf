#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside: codex does one task, told by a model beside it. The task's command is the argument.
set -eu
if [ "${MODEL_URL:-}" = "" ]; then
	exec python3 /tmp/agent/fake_model.py ${MODEL_LOG:+--log "$MODEL_LOG"} "$1" -- sh "$0"
fi
export CODEX_HOME="$HOME/.codex" FAKE_KEY=none
mkdir -p "$CODEX_HOME"
cat > "$CODEX_HOME/config.toml" <<END
model = "fake-model"
model_provider = "fake"
[model_providers.fake]
name = "fake"
base_url = "$MODEL_URL"
env_key = "FAKE_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
END
# The sandbox is ours: codex's own would need namespaces, which are refused here.
exec /agents/node_modules/.bin/codex exec --skip-git-repo-check \
	--dangerously-bypass-approvals-and-sandbox 'Do the task.'
