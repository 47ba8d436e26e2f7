//! Answers in the shape that EC2's API reference documents, as moto gives only some of them.

use super::*;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const NAMESPACE: &str = "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"";

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn items<P: Page + DeserializeOwned>(xml: &str) -> Vec<P::Item> {
    parse::<P>(xml).unwrap().into_parts().0
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>
#[test]
fn an_image_that_is_shared() {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
        <DescribeImagesResponse {NAMESPACE}>
          <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
          <imagesSet>
            <item>
              <imageId>ami-0123456789abcdef0</imageId>
              <imageLocation>111122223333/golden &amp; old</imageLocation>
              <imageState>available</imageState>
              <imageOwnerId>111122223333</imageOwnerId>
              <creationDate>2026-11-01T10:00:00.000Z</creationDate>
              <isPublic>false</isPublic>
              <architecture>arm64</architecture>
              <name>golden &amp; old</name>
              <rootDeviceType>ebs</rootDeviceType>
              <blockDeviceMapping>
                <item>
                  <deviceName>/dev/xvda</deviceName>
                  <ebs>
                    <snapshotId>snap-0aaaaaaaaaaaaaaaa</snapshotId>
                    <volumeSize>8</volumeSize>
                    <deleteOnTermination>true</deleteOnTermination>
                    <encrypted>true</encrypted>
                  </ebs>
                </item>
                <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item>
                <item><deviceName>/dev/sdc</deviceName><ebs><volumeSize>8</volumeSize></ebs></item>
              </blockDeviceMapping>
              <imageAllowed>true</imageAllowed>
            </item>
          </imagesSet>
          <nextToken/>
        </DescribeImagesResponse>"
    );
    let (items, next) = parse::<ImagesPage>(&xml).unwrap().into_parts();
    assert_eq!(next, None);
    let images: Vec<Image> = items.into_iter().map(|item| Image::try_from(item).unwrap()).collect();
    let expected = Image {
        id: "ami-0123456789abcdef0".to_owned(),
        owner: account("111122223333"),
        owner_alias: None,
        name: "golden & old".to_owned(),
        state: "available".to_owned(),
        is_public: false,
        snapshots: vec!["snap-0aaaaaaaaaaaaaaaa".to_owned()],
    };
    assert_eq!(images, [expected]);
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html>
#[test]
fn snapshots_and_volumes_tell_their_keys() {
    let snapshot = |key: &str| {
        let xml = format!(
            "<DescribeSnapshotsResponse {NAMESPACE}><snapshotSet><item>
               <snapshotId>snap-0aaaaaaaaaaaaaaaa</snapshotId><volumeId>vol-ffffffff</volumeId>
               <status>completed</status><progress>100%</progress><ownerId>111122223333</ownerId>
               <encrypted>{}</encrypted>{key}<storageTier>standard</storageTier>
             </item></snapshotSet></DescribeSnapshotsResponse>",
            !key.is_empty()
        );
        items::<SnapshotsPage>(&xml).remove(0).into_snapshot("eu-west-1")
    };
    let encrypted = snapshot(&format!("<kmsKeyId>{KEY}</kmsKeyId>")).unwrap();
    assert_eq!(encrypted.key.map(|key| key.to_string()).as_deref(), Some(KEY));
    assert!(encrypted.is_encrypted && encrypted.state == "completed");
    let by_id = snapshot("<kmsKeyId>1234abcd-12ab-34cd-56ef-1234567890ab</kmsKeyId>").unwrap();
    assert_eq!(by_id.key.map(|key| key.to_string()).as_deref(), Some(KEY));
    assert_eq!(snapshot("").unwrap().key, None);
    let strange = snapshot("<kmsKeyId>arn:aws:s3:::bucket</kmsKeyId>").unwrap_err().to_string();
    assert_eq!(strange, "`arn:aws:s3:::bucket` is not the ARN of a KMS key");

    let xml = format!(
        "<DescribeVolumesResponse {NAMESPACE}><volumeSet><item><volumeId>vol-0123456789abcdef0</volumeId>
         <snapshotId/><encrypted>true</encrypted><kmsKeyId>{KEY}</kmsKeyId></item></volumeSet></DescribeVolumesResponse>"
    );
    let volume =
        items::<VolumesPage>(&xml).remove(0).into_volume("eu-west-1", account("444455556666")).unwrap();
    assert_eq!((volume.snapshot, volume.key.map(|key| key.to_string()).as_deref()), (None, Some(KEY)));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
#[test]
fn a_terminated_instance_tells_its_reason() {
    let xml = format!(
        "<DescribeInstancesResponse {NAMESPACE}><reservationSet><item>
           <reservationId>r-1234567890abcdef0</reservationId><ownerId>444455556666</ownerId><groupSet/>
           <instancesSet><item>
             <instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0123456789abcdef0</imageId>
             <instanceState><code>48</code><name>terminated</name></instanceState>
             <reason>Server initiated (2026-11-24 10:00:00 GMT)</reason>
             <stateReason><code>Client.InternalError</code>
               <message>Client.InternalError: Client error on launch</message></stateReason>
             <blockDeviceMapping/>
             <tagSet><item><key>Name</key><value>web</value></item>
               <item><key>aws:autoscaling:groupName</key><value>web-asg</value></item></tagSet>
           </item></instancesSet><requesterId>940372691376</requesterId>
         </item></reservationSet></DescribeInstancesResponse>"
    );
    let [instance] = items::<ReservationsPage>(&xml).remove(0).into_instances().unwrap().try_into().unwrap();
    let instance: Instance = instance;
    assert_eq!((instance.owner, instance.state.as_str()), (account("444455556666"), "terminated"));
    let reason = instance.state_reason.unwrap();
    assert_eq!(
        (reason.code.as_str(), reason.message.as_str()),
        ("Client.InternalError", "Client.InternalError: Client error on launch")
    );
    assert_eq!((instance.volumes, instance.auto_scaling_group.as_deref()), (Vec::new(), Some("web-asg")));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotAttribute.html>
#[test]
fn whom_things_are_shared_with() {
    let shares = |list: &str| {
        let xml = format!("<R {NAMESPACE}><requestId>r</requestId><imageId>ami-1</imageId>{list}</R>");
        Shares::try_from(parse::<Attribute>(&xml).unwrap()).unwrap()
    };
    let image = shares(
        "<launchPermission><item><userId>444455556666</userId></item>
         <item><organizationArn>arn:aws:organizations::1:organization/o-1</organizationArn></item></launchPermission>",
    );
    assert_eq!(image.include(account("444455556666")), Some(true));
    assert_eq!(image.include(account("999988887777")), None);
    let public = shares("<createVolumePermission><item><group>all</group></item></createVolumePermission>");
    assert_eq!(public.include(account("999988887777")), Some(true));
    assert_eq!(shares("<launchPermission/>").include(account("444455556666")), Some(false));
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAllowedImagesSettings.html>
#[test]
fn what_accounts_set_for_themselves() {
    let xml = format!(
        "<GetAllowedImagesSettingsResponse {NAMESPACE}><requestId>r</requestId><state>enabled</state>
           <imageCriterionSet>
             <item><imageProviderSet><item>amazon</item><item>111122223333</item></imageProviderSet></item>
             <item><imageNameSet><item>golden-*</item></imageNameSet>
               <creationDateCondition><maximumDaysSinceCreated>300</maximumDaysSinceCreated></creationDateCondition></item>
           </imageCriterionSet><managedBy>account</managedBy></GetAllowedImagesSettingsResponse>"
    );
    let settings = AllowedImages::from(parse::<AllowedImagesSettings>(&xml).unwrap());
    assert_eq!((settings.state.as_str(), settings.managed_by.as_str()), ("enabled", "account"));
    let by_owner = ImageCriterion {
        providers: vec!["amazon".into(), "111122223333".into()],
        ..ImageCriterion::default()
    };
    let by_name = ImageCriterion {
        names: vec!["golden-*".into()],
        days_since_created: Some(300),
        ..ImageCriterion::default()
    };
    assert_eq!(settings.criteria, [by_owner, by_name]);
    let key = format!("<R {NAMESPACE}><kmsKeyId>{KEY}</kmsKeyId></R>");
    assert_eq!(parse::<EbsDefaultKey>(&key).unwrap().kms_key_id, KEY);
    let encryption = "<R><ebsEncryptionByDefault>true</ebsEncryptionByDefault></R>";
    assert!(parse::<EbsEncryption>(encryption).unwrap().ebs_encryption_by_default);
}

#[test]
fn hostile_answers_are_harmless() {
    let bomb = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><r><kmsKeyId>&b;</kmsKeyId></r>";
    assert!(parse::<EbsDefaultKey>(bomb).is_err(), "entities are not expanded");
    let file = "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><r><kmsKeyId>&a;</kmsKeyId></r>";
    assert!(parse::<EbsDefaultKey>(file).is_err(), "nothing is fetched");
    let deep = format!("<r>{}{}<kmsKeyId>k</kmsKeyId></r>", "<x>".repeat(200_000), "</x>".repeat(200_000));
    assert_eq!(parse::<EbsDefaultKey>(&deep).unwrap().kms_key_id, "k", "depth is passed over");
    for broken in ["", "<", "<r>", "<r><kmsKeyId>k</r>", "no XML", "<r/>", "{}"] {
        assert!(parse::<EbsDefaultKey>(broken).is_err(), "{broken}");
    }
}
