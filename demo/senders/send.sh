#!/bin/sh
# Post one contact to Switchboard: send.sh "昨天支付了两次，请尽快退款"
# Posting the same id again is harmless: the answer is the same, and nothing happens twice.
set -eu
: "${SWITCHBOARD_KEY:?set it to an access key with the role channel (switchboard keys create)}"
: "${1:?usage: send.sh TEXT [ID]}"
text=$(printf '%s' "$1" | python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))')
id=${2:-$(date -u +%Y%m%dT%H%M%SZ)-$$}
curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
  -H "Authorization: Bearer $SWITCHBOARD_KEY" -H 'Content-Type: application/json' \
  -d "{\"source\": \"my-system\", \"id\": \"$id\", \"channel\": \"web\", \"text\": $text}" \
  "${INTAKE_URL:-http://127.0.0.1:8101}/v1/contacts"
echo
