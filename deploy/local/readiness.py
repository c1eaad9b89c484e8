from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

REPLICA_SET = "rs0"
NOT_YET_INITIATED = 94
# The first question of every Kafka client: length, api key 18, version 0, correlation 1, no client id.
API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)


def mongo_url(port: int) -> str:
    return f"mongodb://localhost:{port}/?replicaSet={REPLICA_SET}"


def wait_until(condition: Callable[[], bool], limit: float, hopeless: Callable[[], bool] = lambda: False) -> bool:
    """True once the condition holds; False after `limit` seconds, or at once when it can no longer come true."""
    end = time.monotonic() + limit
    while not condition():
        if hopeless() or time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def kafka_answers(bootstrap: str) -> bool:
    """Whether a broker there serves requests; an open port alone says less. `bootstrap` is host:port,..."""
    return any(_serves(*address.strip().rsplit(":", 1)) for address in bootstrap.split(","))


def _serves(host: str, port: str) -> bool:
    try:
        with socket.create_connection((host, int(port)), timeout=2) as broker:
            broker.sendall(API_VERSIONS)
            return len(broker.recv(8)) == 8
    except OSError:
        return False


def mongo_answers(url: str) -> bool:
    """Whether there is a primary that takes writes. Always by a new client: one made earlier knows another topology."""
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=1000) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def initiate(port: int) -> bool:
    """Makes the node at `port` a replica set of one, whatever port it had before. False while it does not answer."""
    return initiate_at(f"localhost:{port}", rename=True)


def initiate_at(member: str, rename: bool = False) -> bool:
    """Makes the node at `host:port` a replica set of one. False while it does not answer.

    A node that is in a set already is left alone, unless `rename`: then its first member gets this address.
    """
    try:
        with MongoClient[dict[str, Any]](
            f"mongodb://{member}/?directConnection=true", serverSelectionTimeoutMS=500
        ) as c:
            try:
                config = c.admin.command("replSetGetConfig")["config"]
            except OperationFailure as error:
                if error.code != NOT_YET_INITIATED:
                    raise
                c.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]})
                return True
            if rename and config["members"][0]["host"] != member:
                config["members"][0]["host"] = member
                config["version"] += 1
                c.admin.command("replSetReconfig", config, force=True)
            return True
    except PyMongoError:
        return False
