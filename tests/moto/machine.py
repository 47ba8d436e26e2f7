"""Runs the state machine of a fleet in moto's interpreter on a bucket with some records, and prints the commands of its jobs."""

import json
import logging
import sys
import time

import boto3
from moto import mock_aws

logging.disable(logging.WARNING)
BUCKET, PREFIX = "amzn-s3-demo-bucket", "fleets/2026.11"


def told(task):
    """A job that says what it would run."""
    return {"Type": "Pass", "Parameters": task["Parameters"], "End": True}


@mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
def main():
    with open(sys.argv[1], encoding="ascii") as file:
        machine = json.load(file)
    apply, status = machine["States"]["Apply"], machine["States"]["Status"]
    apply["ItemProcessor"]["States"]["Account"] = told(apply["ItemProcessor"]["States"]["Account"])
    apply["ResultPath"] = "$.jobs"
    machine["States"]["Status"] = {**told(status), "ResultPath": "$.last"}
    access = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    s3 = boto3.client("s3", **access)
    s3.create_bucket(Bucket=BUCKET)
    for name in sys.argv[2:]:
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"{}")
    engine = boto3.client("stepfunctions", **access)
    role = "arn:aws:iam::123456789012:role/machine"
    arn = engine.create_state_machine(name="fleet", definition=json.dumps(machine), roleArn=role)["stateMachineArn"]
    asked = {"queue": "Q", "definition": "D", "role": "ROLE", "bucket": BUCKET, "prefix": PREFIX, "digest": "DIGEST"}
    run = engine.start_execution(stateMachineArn=arn, input=json.dumps(asked))["executionArn"]
    for _ in range(240):
        ended = engine.describe_execution(executionArn=run)
        if ended["status"] != "RUNNING":
            break
        time.sleep(0.25)
    if ended["status"] != "SUCCEEDED":
        raise SystemExit(str(ended))
    output = json.loads(ended["output"])
    jobs = [*output["jobs"], output["last"]]
    print(json.dumps([job["ContainerOverrides"]["Command"] for job in jobs]))


main()
