"""AWS as two accounts see it, for one key and one role that has two policies, with answers that are ready: a server that is faster than moto.

Prints its port; on standard input it is told how many milliseconds each answer takes from then on, and ends with it.
"""

import asyncio
import json
import re
import sys
from urllib.parse import parse_qs, quote

KEY_ACCOUNT, REQUESTER = "111122223333", "444455556666"
# Whose an access key is.
CALLERS = {"AKIAIOSFODNN7KEYACCT": KEY_ACCOUNT, "AKIAIOSFODNN7REQUEST": REQUESTER}
KEY = f"arn:aws:kms:eu-west-1:{KEY_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{REQUESTER}:role/app-instances"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{KEY_ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}

# What the role may besides: it has an inline policy and a managed one.
OTHER = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}

delay = 0.0
calls = []


def kms(action, request):
    if action == "DescribeKey":
        return {
            "KeyMetadata": {
                "AWSAccountId": KEY_ACCOUNT,
                "KeyId": KEY.rpartition("/")[2],
                "Arn": KEY,
                "Enabled": True,
                "KeyManager": "CUSTOMER",
                "KeyState": "Enabled",
                "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT",
                "Origin": "AWS_KMS",
                "MultiRegion": False,
            }
        }
    if action == "GetKeyPolicy" and request.get("PolicyName", "default") == "default":
        return {"Policy": json.dumps(POLICY), "PolicyName": "default"}
    if action == "GetKeyPolicy":
        return None
    return {"ListGrants": {"Grants": [], "Truncated": False}, "ListResourceTags": {"Tags": [], "Truncated": False}}[action]


def query(action, account):
    if action == "GetCallerIdentity":
        return f"<Account>{account}</Account><Arn>arn:aws:iam::{account}:user/operator</Arn><UserId>AIDA</UserId>"
    if action == "GetRole":
        name = ROLE.rpartition("/")[2]
        document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"
        return (
            f"<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA</RoleId><Arn>{ROLE}</Arn>"
            f"<CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{document}</AssumeRolePolicyDocument></Role>"
        )
    arn = f"arn:aws:iam::{REQUESTER}:policy/app"
    document = quote(json.dumps({"Version": "2012-10-17", "Statement": [OTHER]}))
    own = f"<PolicyName>app</PolicyName><PolicyArn>{arn}</PolicyArn>"
    managed = (
        f"<PolicyName>app</PolicyName><PolicyId>ANPA</PolicyId><Arn>{arn}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId>"
        "<AttachmentCount>1</AttachmentCount><CreateDate>2026-01-01T00:00:00Z</CreateDate><UpdateDate>2026-01-01T00:00:00Z</UpdateDate>"
    )
    return {
        "GetAccountSummary": "<SummaryMap/>",
        "ListPolicies": f"<Policies><member>{managed}</member></Policies><IsTruncated>false</IsTruncated>",
        "ListAttachedRolePolicies": f"<AttachedPolicies><member>{own}</member></AttachedPolicies><IsTruncated>false</IsTruncated>",
        "ListRolePolicies": "<PolicyNames><member>logs</member></PolicyNames><IsTruncated>false</IsTruncated>",
        "GetRolePolicy": f"<RoleName>app-instances</RoleName><PolicyName>logs</PolicyName><PolicyDocument>{document}</PolicyDocument>",
        "GetPolicy": f"<Policy>{managed}</Policy>",
        "GetPolicyVersion": (
            f"<PolicyVersion><Document>{document}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>"
            "<CreateDate>2026-01-01T00:00:00Z</CreateDate></PolicyVersion>"
        ),
    }[action]


def answer(head, body):
    account = CALLERS[re.search(r"Credential=(\w+)/", head).group(1)]
    target = re.search(r"x-amz-target: *TrentService\.(\w+)", head, re.IGNORECASE)
    if target:
        calls.append(target.group(1))
        told = kms(target.group(1), json.loads(body))
        if told is None:
            return 400, "application/x-amz-json-1.1", json.dumps({"__type": "NotFoundException", "message": "No such policy"})
        return 200, "application/x-amz-json-1.1", json.dumps(told)
    action = parse_qs(body)["Action"][0]
    calls.append(action)
    result = query(action, account)
    return 200, "text/xml", f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length.group(1))) if length else b""
            status, kind, text = answer(head, body.decode())
            if delay:
                await asyncio.sleep(delay)
            text = text.encode()
            writer.write(f"HTTP/1.1 {status} .\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    global delay
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    # What was called since the last order is told with each.
    while order := await orders.readline():
        delay = float(order) / 1000
        print(" ".join(calls), flush=True)
        calls.clear()


asyncio.run(main())
