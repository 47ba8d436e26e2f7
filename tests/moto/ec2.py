"""Makes what instances launch from, in one account of a moto server, and prints the ids as JSON.

Arguments: endpoint, account, region, the ARN of a key there, another account that everything is shared with.
"""

import json
import sys

import boto3

endpoint, account, region, key, other = sys.argv[1:]
sts = boto3.client(
    "sts", endpoint_url=endpoint, region_name=region, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret"
)
role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/operator", RoleSessionName="test")["Credentials"]


def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )


ec2 = client("ec2")
volume = ec2.create_volume(AvailabilityZone=f"{region}a", Size=1, Encrypted=True, KmsKeyId=key)["VolumeId"]
plain = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
snapshot = ec2.copy_snapshot(SourceRegion=region, SourceSnapshotId=plain, Encrypted=True, KmsKeyId=key)["SnapshotId"]
ec2.modify_snapshot_attribute(
    SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[other]
)
image = ec2.register_image(Name="golden & old")["ImageId"]
ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other}]})
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
ec2.terminate_instances(InstanceIds=[instance])
ec2.enable_ebs_encryption_by_default()
devices = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}]
template = ec2.create_launch_template(
    LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"}
)["LaunchTemplate"]["LaunchTemplateId"]
ec2.create_launch_template_version(
    LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"ImageId": image, "BlockDeviceMappings": devices}
)
groups = client("autoscaling")
groups.create_auto_scaling_group(
    AutoScalingGroupName="web & api",
    LaunchTemplate={"LaunchTemplateId": template, "Version": "2"},
    MinSize=0,
    MaxSize=0,
    AvailabilityZones=[f"{region}a"],
)
groups.create_launch_configuration(LaunchConfigurationName="old", ImageId=image, InstanceType="t3.micro")
print(
    json.dumps(
        {"volume": volume, "snapshot": snapshot, "image": image, "instance": instance, "template": template}
    )
)
