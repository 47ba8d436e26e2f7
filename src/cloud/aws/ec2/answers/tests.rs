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
        devices: [("snap-0aaaaaaaaaaaaaaaa".to_owned(), "/dev/xvda".to_owned())].into(),
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
    let strange = snapshot("<kmsKeyId>arn:aws:s3:::bucket</kmsKeyId>").unwrap();
    assert_eq!((strange.key, strange.unknown), (None, vec!["arn:aws:s3:::bucket".to_owned()]));

    let xml = format!(
        "<DescribeVolumesResponse {NAMESPACE}><volumeSet><item><volumeId>vol-0123456789abcdef0</volumeId>
         <snapshotId/><encrypted>true</encrypted><kmsKeyId>{KEY}</kmsKeyId></item></volumeSet></DescribeVolumesResponse>"
    );
    let volume = items::<VolumesPage>(&xml).remove(0).into_volume("eu-west-1", account("444455556666"));
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
        Shares::from(parse::<Attribute>(&xml).unwrap())
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

/// Made-up words and elements: each is read, and what it hides is told.
#[test]
fn what_is_newer_about_a_snapshot() {
    const OTHER: &str = "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab";
    let item = |id: &str| format!("<item><kmsKeyId>{id}</kmsKeyId></item>");
    let own = format!("<encrypted>true</encrypted><kmsKeyId>{KEY}</kmsKeyId>");
    let associated = format!("<associatedKmsKeySet>{}{}</associatedKmsKeySet>", item(KEY), item(OTHER));
    let by_another_name = format!("<furtherKeys><member>{OTHER}</member></furtherKeys>");
    let cases: [(String, bool, &[&str], &[&str]); 12] = [
        (own.clone(), true, &[], &[]),
        (
            format!("{own}<sseType>sse-kms</sseType><dataEncryptionKeyId>d</dataEncryptionKeyId>"),
            true,
            &[],
            &[],
        ),
        (format!("{own}<sseType>sse-quantum</sseType>"), true, &[], &["sse-quantum"]),
        (format!("{own}<tier2><name>cold</name></tier2>"), true, &[], &[]),
        (format!("{own}{associated}"), true, &[KEY, OTHER], &[]),
        (format!("{own}{by_another_name}"), true, &[OTHER], &[]),
        (format!("{own}<associatedKmsKeySet/>"), true, &[], &[]),
        (format!("{own}<kmsKeyRing><ring>r-1</ring></kmsKeyRing>"), true, &[], &["kmsKeyRing"]),
        ("<encrypted>false</encrypted>".to_owned(), false, &[], &[]),
        ("<encrypted>false</encrypted><sseType>none</sseType>".to_owned(), false, &[], &[]),
        ("<encrypted>twice</encrypted>".to_owned(), true, &[], &["twice"]),
        ("<encrypted>true</encrypted><kmsKeyId>ring/1</kmsKeyId>".to_owned(), true, &[], &["ring/1"]),
    ];
    for (xml, is_encrypted, associated_keys, unknown) in cases {
        let xml = format!(
            "<R {NAMESPACE}><snapshotSet><item><snapshotId>snap-1</snapshotId><ownerId>111122223333</ownerId>\
             <status>thawing</status>{xml}</item></snapshotSet></R>"
        );
        let snapshot = items::<SnapshotsPage>(&xml).remove(0).into_snapshot("eu-west-1").unwrap();
        assert_eq!((snapshot.id.as_str(), snapshot.state.as_str()), ("snap-1", "thawing"));
        assert_eq!(snapshot.is_encrypted, is_encrypted, "{xml}");
        assert_eq!(
            (snapshot.associated_keys, snapshot.unknown),
            (texts(associated_keys), texts(unknown)),
            "{xml}"
        );
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_newer_about_images_instances_and_shares() {
    let xml = format!(
        "<R {NAMESPACE}><imagesSet><item><imageId>ami-1</imageId><imageOwnerId>111122223333</imageOwnerId>
           <imageState>hibernating</imageState><isPublic>partly</isPublic><watermarkSet><item>w</item></watermarkSet>
           <blockDeviceMapping><item><ebs><snapshotId>snap-1</snapshotId><kind><x/></kind></ebs></item></blockDeviceMapping>
         </item></imagesSet></R>"
    );
    let image = Image::try_from(items::<ImagesPage>(&xml).remove(0)).unwrap();
    assert_eq!((image.state.as_str(), image.is_public, image.snapshots.len()), ("hibernating", false, 1));
    let xml = format!(
        "<R {NAMESPACE}><reservationSet><item><ownerId>444455556666</ownerId><instancesSet><item>
           <instanceId>i-1</instanceId><instanceState><code>512</code><name>teleporting</name></instanceState>
           <stateReason><code>Client.Quantum</code><message>m</message><more/></stateReason>
         </item></instancesSet></item></reservationSet></R>"
    );
    let instance = items::<ReservationsPage>(&xml).remove(0).into_instances().unwrap().remove(0);
    assert_eq!((instance.state.as_str(), instance.image.as_str()), ("teleporting", ""));
    let xml = format!(
        "<R {NAMESPACE}><launchPermission><item><group>friends</group></item><item><userId>u-1</userId></item>
           <item><teamArn>arn:aws:teams::1:team/t</teamArn></item><item><userId>444455556666</userId></item>
         </launchPermission></R>"
    );
    let shares = Shares::from(parse::<Attribute>(&xml).unwrap());
    assert_eq!(shares.unknown, ["group friends", "userId u-1", "teamArn arn:aws:teams::1:team/t"]);
    assert_eq!(shares.include(account("444455556666")), Some(true));
    assert_eq!(shares.include(account("999988887777")), None);
}

#[test]
fn what_is_newer_about_allowed_images() {
    let criterion = |xml: &str| {
        let xml = format!("<R><state>s</state><imageCriterionSet><item>{xml}</item></imageCriterionSet></R>");
        AllowedImages::from(parse::<AllowedImagesSettings>(&xml).unwrap()).criteria.remove(0)
    };
    let providers = "<imageProviderSet><item>111122223333</item></imageProviderSet>";
    for (xml, unknown) in [
        (String::new(), &[][..]),
        (format!("{providers}<imageWatermarkSet><item>w</item></imageWatermarkSet>"), &["imageWatermarkSet"]),
        (format!("{providers}<attested>true</attested><x/>"), &["attested", "x"]),
        ("<creationDateCondition><minimumDays>3</minimumDays></creationDateCondition>".into(), &["minimumDays"]),
        (
            "<creationDateCondition><maximumDaysSinceCreated>P3D</maximumDaysSinceCreated></creationDateCondition>".into(),
            &["maximumDaysSinceCreated"],
        ),
        ("<imageNameSet><item><glob>a*</glob></item></imageNameSet>".into(), &["item"]),
    ] {
        assert_eq!(criterion(&xml).unknown, unknown, "{xml}");
    }
}

#[test]
fn hostile_answers_are_harmless() {
    let bomb = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><r><kmsKeyId>&b;</kmsKeyId></r>";
    assert!(parse::<EbsDefaultKey>(bomb).is_err(), "entities are not expanded");
    let file = "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><r><kmsKeyId>&a;</kmsKeyId></r>";
    assert!(parse::<EbsDefaultKey>(file).is_err(), "nothing is fetched");
    let deep = format!("<r>{}{}<kmsKeyId>k</kmsKeyId></r>", "<x>".repeat(200_000), "</x>".repeat(200_000));
    assert_eq!(parse::<EbsDefaultKey>(&deep).unwrap().kms_key_id, "k", "depth is passed over");
    let deep = format!(
        "<r><snapshotSet><item><snapshotId>s</snapshotId><ownerId>111122223333</ownerId>{}{}</item></snapshotSet></r>",
        "<key>".repeat(200_000),
        "</key>".repeat(200_000)
    );
    let snapshot = items::<SnapshotsPage>(&deep).remove(0).into_snapshot("eu-west-1").unwrap();
    assert_eq!(snapshot.unknown, Vec::<String>::new());
    for broken in ["", "<", "<r>", "<r><kmsKeyId>k</r>", "no XML", "<r/>", "{}"] {
        assert!(parse::<EbsDefaultKey>(broken).is_err(), "{broken}");
    }
}
