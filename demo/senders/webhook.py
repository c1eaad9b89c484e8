"""Send one contact to Switchboard as a signed webhook (standardwebhooks.com).

INTAKE=http://localhost:8101 SECRET=whsec_... python demo/senders/webhook.py my-shop "昨天支付了两次，请尽快退款"
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
import uuid

source, text = sys.argv[1:]
id_, now = f"msg_{uuid.uuid4()}", str(int(time.time()))
body = json.dumps({"channel": "app", "text": text}).encode()
secret = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
signature = base64.b64encode(hmac.digest(secret, f"{id_}.{now}.".encode() + body, hashlib.sha256)).decode()
headers = {"webhook-id": id_, "webhook-timestamp": now, "webhook-signature": f"v1,{signature}"}
address = f"{os.environ.get('INTAKE', 'http://localhost:8101')}/v1/contacts/webhook/{source}"
with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
    print(answer.read().decode())
