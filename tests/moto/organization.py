"""Makes an organization of many accounts, the last of them in an OU of an OU.

Usage: organization.py ENDPOINT MANAGEMENT-ACCOUNT REGION ACCOUNTS"""

import json
import sys

import boto3

endpoint, management, region, count = sys.argv[1:]
credentials = boto3.client(
    "sts",
    endpoint_url=endpoint,
    region_name=region,
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="secret",
).assume_role(RoleArn=f"arn:aws:iam::{management}:role/operator", RoleSessionName="test")["Credentials"]
organizations = boto3.client(
    "organizations",
    endpoint_url=endpoint,
    region_name=region,
    aws_access_key_id=credentials["AccessKeyId"],
    aws_secret_access_key=credentials["SecretAccessKey"],
    aws_session_token=credentials["SessionToken"],
)
organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
root = organizations.list_roots()["Roots"][0]["Id"]
above = organizations.create_organizational_unit(ParentId=root, Name="above")["OrganizationalUnit"]["Id"]
below = organizations.create_organizational_unit(ParentId=above, Name="below")["OrganizationalUnit"]["Id"]
for index in range(int(count)):
    made = organizations.create_account(Email=f"a{index}@example.com", AccountName=f"a{index}")
last = made["CreateAccountStatus"]["AccountId"]
organizations.move_account(AccountId=last, SourceParentId=root, DestinationParentId=below)
pages = len(list(organizations.get_paginator("list_accounts").paginate()))
print(json.dumps({"organization": organization, "root": root, "above": above, "below": below, "last": last, "pages": pages}))
