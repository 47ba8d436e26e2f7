"""Whether a role may launch with a key, as an engineer would look it up with boto3: one call after the other.

Reads what `keymend check` and `keymend fix` read for one key and one role, and looks for both statements by name.
Prints what is missing, and on standard error the seconds since boto3 was imported.
"""

import argparse
import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

begun = time.perf_counter()
parser = argparse.ArgumentParser()
parser.add_argument("--key", required=True)
parser.add_argument("--role", required=True)
parser.add_argument("--key-profile")
parser.add_argument("--role-profile")
options = parser.parse_args()

USE = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}
GRANTS = {"kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"}


def listed(value):
    return value if isinstance(value, list) else [value]


def allowed(document, fits):
    actions = set()
    for statement in listed(document["Statement"]):
        if statement["Effect"] == "Allow" and fits(statement):
            actions.update(listed(statement.get("Action", [])))
    return actions


def missing(actions):
    if actions & {"*", "kms:*"}:
        return []
    return sorted((USE | GRANTS) - actions)


owner = boto3.Session(profile_name=options.key_profile)
kms = owner.client("kms", region_name=options.key.split(":")[3])
owner.client("sts").get_caller_identity()
state = kms.describe_key(KeyId=options.key)["KeyMetadata"]["KeyState"]
policy = json.loads(kms.get_key_policy(KeyId=options.key, PolicyName="default")["Policy"])
try:
    kms.get_key_policy(KeyId=options.key, PolicyName="AWS_RAM")
except ClientError:
    pass
grants = [grant for page in kms.get_paginator("list_grants").paginate(KeyId=options.key) for grant in page["Grants"]]
kms.list_resource_tags(KeyId=options.key)

requester = boto3.Session(profile_name=options.role_profile)
requester.client("sts").get_caller_identity()
iam = requester.client("iam")
name = options.role.rpartition("/")[2]
iam.get_account_summary()
iam.get_role(RoleName=name)
own = {policy["Arn"]: policy for page in iam.get_paginator("list_policies").paginate(Scope="Local") for policy in page["Policies"]}
attached = [
    policy["PolicyArn"]
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    for policy in page["AttachedPolicies"]
]
inline = [policy for page in iam.get_paginator("list_role_policies").paginate(RoleName=name) for policy in page["PolicyNames"]]
documents = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline]
for arn in attached:
    version = own[arn]["DefaultVersionId"] if arn in own else iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])

named = allowed(policy, lambda statement: options.role in listed(statement["Principal"].get("AWS", [])))
given = set()
for document in documents:
    given |= allowed(document, lambda statement: options.key in listed(statement["Resource"]) or "*" in listed(statement["Resource"]))
json.dump(
    {"state": state, "grants": len(grants), "key policy lacks": missing(named), "IAM lacks": missing(given)},
    sys.stdout,
    indent=2,
)
print(f"{time.perf_counter() - begun:.4f}", file=sys.stderr)
