"""Serves AWS's APIs on a free port of 127.0.0.1, prints the port, and ends with its standard input."""

import logging
import sys
import threading

from moto.kms.models import kms_backends
from moto.kms.responses import KmsResponse
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

own_backend = KmsResponse.kms_backend.fget


def backend_of_key(response):
    """CreateGrant works on another account's key by its ARN; moto looks in the caller's own account only."""
    parts = (response._get_param("KeyId") or "").split(":")
    if response._get_action() == "CreateGrant" and len(parts) == 6:
        return kms_backends[parts[4]][parts[3]]
    return own_backend(response)


KmsResponse.kms_backend = property(backend_of_key)

own_put_object = S3Response.put_object
turn = threading.Lock()


def put_object(response):
    """A condition and its write are one thing; moto serves several writers at a time."""
    with turn:
        return own_put_object(response)


S3Response.put_object = put_object
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
