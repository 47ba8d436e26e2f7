//! The calls themselves, against a server on this machine that answers what it is told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::arn::{AccountId, Child, OrganizationId};
use crate::cloud::Observe as _;
use crate::cloud::aws::{Aws, AwsOptions};
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::observation::usage::{NoReport, Usage, UsageReport};

const PROFILES: &str = "
[profile operator]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = secret
aws_session_token = token
region = eu-west-1
";

/// A server that gives these answers in turn, and the requests that came: head and form.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    fn answering(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let start = head.len();
                    reader.read_line(&mut head).unwrap();
                    let line = head[start..].to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut form = vec![0; length];
                reader.read_exact(&mut form).unwrap();
                log.lock().unwrap().push((head, String::from_utf8(form).unwrap()));
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Self { port, requests }
    }

    async fn connect(&self) -> (tempfile::TempDir, Aws) {
        let directory = tempfile::tempdir().unwrap();
        let config_file = directory.path().join("config");
        fs::write(&config_file, PROFILES).unwrap();
        let options = AwsOptions {
            profile: Some("operator".to_owned()),
            endpoint_url: Some(format!("http://127.0.0.1:{}", self.port)),
            config_file: Some(config_file),
            ..AwsOptions::default()
        };
        (directory, Aws::connect(&options).await.unwrap())
    }

    fn forms(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, form)| form.clone()).collect()
    }
}

fn error(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>said so</Message></Error></Errors>\
         <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    )
}

fn images(ids: &[&str], next: &str) -> String {
    let item =
        |id: &&str| format!("<item><imageId>{id}</imageId><imageOwnerId>111122223333</imageOwnerId></item>");
    let items: String = ids.iter().map(item).collect();
    format!("<R><imagesSet>{items}</imagesSet><nextToken>{next}</nextToken></R>")
}

async fn failing(status: u16, body: String) -> CloudError {
    let server = Server::answering(vec![(status, body)]);
    let (_directory, aws) = server.connect().await;
    aws.image(&Viewpoint::default(), "ami-0123456789abcdef0").await.unwrap_err()
}

#[tokio::test]
async fn calls_are_signed_with_the_accounts_credentials() {
    let server = Server::answering(vec![(200, images(&["ami-0123456789abcdef0"], ""))]);
    let (_directory, aws) = server.connect().await;
    let image = aws.image(&Viewpoint::default(), "ami-0123456789abcdef0").await.unwrap().unwrap();
    assert_eq!(image.owner, "111122223333".parse::<AccountId>().unwrap());
    let (head, form) = server.requests.lock().unwrap().remove(0);
    let head = head.to_ascii_lowercase();
    assert_eq!(form, "Action=DescribeImages&Version=2016-11-15&ImageId.1=ami-0123456789abcdef0");
    assert!(head.starts_with("post / http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
    assert!(head.contains("authorization: aws4-hmac-sha256 credential=akiaiosfodnn7example/"), "{head}");
    assert!(head.contains("/eu-west-1/ec2/aws4_request"), "{head}");
    assert!(head.contains("x-amz-security-token: token"), "{head}");
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    let pages = vec![(200, images(&[], "t/1+")), (200, images(&["ami-1"], ""))];
    let server = Server::answering(pages);
    let (_directory, aws) = server.connect().await;
    assert_eq!(aws.image(&Viewpoint::default(), "ami-1").await.unwrap().unwrap().id, "ami-1");
    let forms = server.forms();
    assert_eq!(forms[1], format!("{}&NextToken=t%2F1%2B", forms[0]));
}

/// Of a long list every page is read, and what is not told to be unencrypted may be encrypted.
#[tokio::test]
async fn the_images_of_an_account_are_listed_to_the_last_page() {
    let image = |id: &str, volumes: &[&str]| {
        let device =
            |encrypted: &&str| format!("<item><ebs><snapshotId>snap-1</snapshotId>{encrypted}</ebs></item>");
        let devices: String = volumes.iter().map(device).collect();
        format!(
            "<item><imageId>{id}</imageId><imageOwnerId>111122223333</imageOwnerId>\
             <blockDeviceMapping>{devices}</blockDeviceMapping></item>"
        )
    };
    let (yes, no) = ("<encrypted>true</encrypted>", "<encrypted>false</encrypted>");
    let page = |items: &[String], next: &str| {
        let items = items.concat();
        (200, format!("<R><imagesSet>{items}</imagesSet><nextToken>{next}</nextToken></R>"))
    };
    let first = [image("ami-plain", &[no]), image("ami-store", &[]), image("ami-both", &[no, yes])];
    let last = [image("ami-untold", &[""]), image("ami-plain-too", &[no, no])];
    let server = Server::answering(vec![page(&first, "t1"), page(&[], "t2"), page(&last, "")]);
    let (_directory, aws) = server.connect().await;
    let owned = aws.images_owned(&Viewpoint::default()).await.unwrap();
    assert_eq!(owned.iter().map(|image| image.id.as_str()).collect::<Vec<_>>(), ["ami-both", "ami-untold"]);
    let forms = server.forms();
    assert_eq!(forms[0], "Action=DescribeImages&Version=2016-11-15&Owner.1=self&MaxResults=1000");
    assert_eq!(forms[2], format!("{}&NextToken=t2", forms[0]));

    // What fails on the way is no short list.
    let denied = (403, error("UnauthorizedOperation"));
    let server = Server::answering(vec![page(&first, "t1"), denied]);
    let (_directory, aws) = server.connect().await;
    let refused = aws.images_owned(&Viewpoint::default()).await.unwrap_err();
    assert_eq!((refused.kind, refused.operation), (CloudErrorKind::AccessDenied, "ec2:DescribeImages"));
}

#[tokio::test]
async fn throttled_and_faulty_answers_are_asked_for_again() {
    let answers = vec![
        (503, error("RequestLimitExceeded")),
        (500, "<html/>".to_owned()),
        (200, images(&["ami-1"], "")),
    ];
    let server = Server::answering(answers);
    let (_directory, aws) = server.connect().await;
    assert!(aws.image(&Viewpoint::default(), "ami-1").await.unwrap().is_some());
    assert_eq!(server.forms().len(), 3);
}

#[tokio::test]
async fn errors_keep_code_and_request_id() {
    let refused = failing(403, error("UnauthorizedOperation")).await;
    assert_eq!(refused.kind, CloudErrorKind::AccessDenied);
    assert_eq!(
        refused.to_string(),
        "ec2:DescribeImages on `ami-0123456789abcdef0`, region eu-west-1 failed: UnauthorizedOperation: said so \
         (request id ea966190-f9aa-478e-9ede-example)"
    );
    let malformed = failing(400, error("InvalidAMIID.Malformed")).await;
    assert_eq!(
        (malformed.kind, malformed.code.as_deref()),
        (CloudErrorKind::Other, Some("InvalidAMIID.Malformed"))
    );
    let damaged = failing(200, "<R><imagesSet><item>".to_owned()).await;
    assert!(damaged.message.starts_with("unexpected answer: "), "{damaged}");
    let nameless =
        failing(200, "<R><imagesSet><item><imageId>ami-1</imageId></item></imagesSet></R>".to_owned()).await;
    assert!(nameless.message.contains("imageOwnerId"), "{nameless}");
}

#[tokio::test]
async fn what_does_not_exist_is_none() {
    for code in ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"] {
        let server = Server::answering(vec![(400, error(code))]);
        let (_directory, aws) = server.connect().await;
        assert_eq!(aws.image(&Viewpoint::default(), "ami-0123456789abcdef0").await, Ok(None), "{code}");
    }
}

/// moto has neither.
#[tokio::test]
async fn an_accounts_own_settings() {
    let server = Server::answering(vec![(
        200,
        "<R><state>audit-mode</state><imageCriterionSet/><managedBy>declarative-policy</managedBy></R>"
            .to_owned(),
    )]);
    let (_directory, aws) = server.connect().await;
    let allowed = aws.allowed_images(&Viewpoint::default()).await.unwrap();
    assert_eq!((allowed.state.as_str(), allowed.managed_by.as_str()), ("audit-mode", "declarative-policy"));
    // Both calls go at once, so both answers serve both.
    let both =
        "<R><kmsKeyId>alias/aws/ebs</kmsKeyId><ebsEncryptionByDefault>true</ebsEncryptionByDefault></R>";
    let server = Server::answering(vec![(200, both.to_owned()); 2]);
    let (_directory, aws) = server.connect().await;
    let defaults = aws.ebs_defaults(&Viewpoint::default()).await.unwrap();
    assert!(defaults.is_aws_managed() && defaults.is_always);
    let mut forms = server.forms();
    forms.sort();
    assert_eq!(
        forms,
        [
            "Action=GetEbsDefaultKmsKeyId&Version=2016-11-15",
            "Action=GetEbsEncryptionByDefault&Version=2016-11-15"
        ]
    );
}

/// As the API's reference has it; element names are those of the SDKs' model.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageUsageReportEntries.html>
#[tokio::test]
async fn the_newest_whole_usage_report_is_read_to_its_end() {
    const IMAGE: &str = "ami-0123456789abcdef0";
    let report = |id: &str, created: &str, accounts: &str| {
        format!(
            "<item><imageId>{IMAGE}</imageId><reportId>{id}</reportId><state>available</state><resourceTypeSet><item>\
             <resourceType>ec2:Instance</resourceType></item><item><resourceType>ec2:LaunchTemplate</resourceType>\
             <resourceTypeOptionSet><item><optionName>version-depth</optionName></item></resourceTypeOptionSet></item>\
             </resourceTypeSet><accountIdSet>{accounts}</accountIdSet><creationTime>{created}</creationTime></item>"
        )
    };
    let entry = |account: &str, count: u64| {
        format!(
            "<item><resourceType>ec2:Instance</resourceType><reportId>amiur-2</reportId><usageCount>{count}</usageCount>\
             <accountId>{account}</accountId><imageId>{IMAGE}</imageId></item>"
        )
    };
    let reports = |items: &[String], next: &str| {
        let items = items.concat();
        format!("<R><imageUsageReportSet>{items}</imageUsageReportSet><nextToken>{next}</nextToken></R>")
    };
    let entries = |items: &[String], next: &str| {
        let items = items.concat();
        format!(
            "<R><imageUsageReportEntrySet>{items}</imageUsageReportEntrySet><nextToken>{next}</nextToken></R>"
        )
    };
    let some = report("amiur-3", "2025-12-03T00:00:00.000Z", "<item>444455556666</item>");
    let (old, new) = (
        report("amiur-1", "2025-12-01T00:00:00.000Z", ""),
        report("amiur-2", "2025-12-02T10:20:30.405Z", ""),
    );
    let server = Server::answering(vec![
        (200, reports(&[old], "t")),
        (200, reports(&[new, some], "")),
        (200, entries(&[entry("444455556666", 2), entry("777788889999", 0)], "u")),
        (200, entries(&[entry("444455556666", 1)], "")),
        (200, reports(&[], "")),
        (200, reports(&[report("amiur-4", "yesterday", "")], "")),
    ]);
    let (_directory, aws) = server.connect().await;
    let usage = aws.image_usage(&Viewpoint::default(), IMAGE).await.unwrap();
    let Usage::Reported(UsageReport { id, age, accounts }) = usage else { panic!("{usage:?}") };
    assert_eq!(
        (id.as_str(), accounts),
        ("amiur-2", [("444455556666".parse::<AccountId>().unwrap(), 3)].into())
    );
    assert!(age > 86_400, "{age}");
    assert_eq!(
        server.forms(),
        [
            "Action=DescribeImageUsageReports&Version=2016-11-15&ImageId.1=ami-0123456789abcdef0",
            "Action=DescribeImageUsageReports&Version=2016-11-15&ImageId.1=ami-0123456789abcdef0&NextToken=t",
            "Action=DescribeImageUsageReportEntries&Version=2016-11-15&ReportId.1=amiur-2",
            "Action=DescribeImageUsageReportEntries&Version=2016-11-15&ReportId.1=amiur-2&NextToken=u",
        ]
    );
    let none = aws.image_usage(&Viewpoint::default(), IMAGE).await.unwrap();
    assert_eq!(none, Usage::Unreported(NoReport { is_pending: false, partial: 0 }));
    let strange = aws.image_usage(&Viewpoint::default(), IMAGE).await.unwrap_err();
    assert!(strange.message.contains("`yesterday` is no time"), "{strange}");
}

const WHO: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                   <Arn>arn:aws:iam::111122223333:user/operator</Arn><UserId>AIDAEXAMPLE</UserId>\
                   <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

const ORGANIZATION: &str = r#"{"Organization": {"Id": "o-a1b2c3d4e5", "MasterAccountId": "999988887777"}}"#;

fn refusal(code: &str) -> (u16, String) {
    (400, format!(r#"{{"__type": "com.amazonaws.organizations#{code}", "Message": "said so"}}"#))
}

fn parents(id: &str, kind: &str) -> (u16, String) {
    (200, format!(r#"{{"Parents": [{{"Id": "{id}", "Type": "{kind}"}}]}}"#))
}

/// A page of `ListAccounts`: ids with their states and paths.
fn accounts(listed: &[(&str, &str, &str)], next: &str) -> (u16, String) {
    let one = |(id, state, path): &(&str, &str, &str)| {
        let paths = if path.is_empty() { String::new() } else { format!(r#", "Paths": ["{path}"]"#) };
        format!(r#"{{"Id": "{id}", "State": "{state}", "Status": "ACTIVE"{paths}}}"#)
    };
    let listed: Vec<String> = listed.iter().map(one).collect();
    let next = if next.is_empty() { "null".to_owned() } else { format!("\"{next}\"") };
    (200, format!(r#"{{"Accounts": [{}], "NextToken": {next}}}"#, listed.join(", ")))
}

/// A reader of AWS Organizations with these answers, who is asked for no more.
async fn organizations(answers: &[(u16, String)]) -> (Server, tempfile::TempDir, Aws) {
    let server = Server::answering([vec![(200, WHO.to_owned())], answers.to_vec()].concat());
    let (directory, aws) = server.connect().await;
    (server, directory, aws)
}

const OTHER: &str = "444455556666";

#[tokio::test]
async fn the_organization_of_an_account_is_read_as_far_as_the_caller_may() {
    let described = (200, ORGANIZATION.to_owned());
    let (own, other) = ("111122223333", OTHER);
    let unlisted = accounts(&[("777788889999", "ACTIVE", "")], "");
    for (account, answers, expected) in [
        (own, vec![described.clone()], Ok(Some("o-a1b2c3d4e5"))),
        (own, vec![refusal("AWSOrganizationsNotInUseException")], Ok(None)),
        (own, vec![refusal("AccessDeniedException")], Err("organizations:DescribeOrganization")),
        // Of another account, the caller's organization alone tells nothing.
        (other, vec![described.clone(), refusal("AccessDeniedException")], Err("organizations:ListAccounts")),
        (other, vec![refusal("AWSOrganizationsNotInUseException")], Err("organizations:ListAccounts")),
        (other, vec![described.clone(), unlisted], Err("organizations:ListAccounts")),
        (
            other,
            vec![described.clone(), accounts(&[(other, "CLOSED", "")], "")],
            Err("organizations:ListAccounts"),
        ),
        (other, vec![described.clone(), accounts(&[(other, "SUSPENDED", "")], "")], Ok(Some("o-a1b2c3d4e5"))),
        // An empty page is not the last one, and none is read beyond what is looked for.
        (
            other,
            vec![described.clone(), accounts(&[], "t1"), accounts(&[(other, "ACTIVE", "")], "t2")],
            Ok(Some("o-a1b2c3d4e5")),
        ),
    ] {
        let (server, _directory, aws) = organizations(&answers).await;
        let found = aws.organization(account.parse().unwrap()).await;
        let found = found.as_ref().map(|found| found.as_ref().map(OrganizationId::as_str));
        assert_eq!(found.map_err(|error| error.operation), expected, "{answers:?}");
        let requests = server.requests.lock().unwrap().clone();
        assert_eq!(requests.len(), answers.len() + 1);
        let (head, body) = &requests[1];
        let head = head.to_ascii_lowercase();
        assert!(head.contains("x-amz-target: awsorganizationsv20161128.describeorganization"), "{head}");
        assert!(head.contains("content-type: application/x-amz-json-1.1"), "{head}");
        assert!(head.contains("/us-east-1/organizations/aws4_request"), "{head}");
        assert_eq!(body, "{}");
        let pages: Vec<&str> = requests[2..].iter().map(|(_, body)| body.as_str()).collect();
        assert_eq!(pages, ["{}", r#"{"NextToken":"t1"}"#][..pages.len()]);
    }
}

#[tokio::test]
async fn accounts_are_listed_once_and_refusals_are_kept() {
    let described = (200, ORGANIZATION.to_owned());
    let listed = accounts(&[(OTHER, "ACTIVE", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/444455556666/")], "");
    let (_server, _directory, aws) = organizations(&[described.clone(), listed]).await;
    let organization = aws.organization(OTHER.parse().unwrap()).await.unwrap().unwrap();
    // The path came along.
    let path = aws.organization_path(&organization, &Child::Account(OTHER.parse().unwrap())).await.unwrap();
    assert_eq!(path, "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/");
    let stranger = aws.organization("777788889999".parse().unwrap()).await.unwrap_err();
    assert_eq!(stranger.message, "account 777788889999 is no member of o-a1b2c3d4e5");

    let denied = refusal("AccessDeniedException");
    let (server, _directory, aws) = organizations(&[described, denied.clone(), denied]).await;
    for account in [OTHER, "777788889999"] {
        let error = aws.organization(account.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("AccessDeniedException"));
        let error = aws.organization_path(&organization, &Child::Account(account.parse().unwrap())).await;
        assert_eq!(error.unwrap_err().operation, "organizations:ListParents");
    }
    assert_eq!(server.requests.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn the_accounts_of_the_organization_are_listed_to_the_last_page() {
    let described = (200, ORGANIZATION.to_owned());
    let (own, gone) = ("111122223333", "777788889999");
    let pages = [
        accounts(&[(OTHER, "ACTIVE", ""), (gone, "CLOSED", "")], "t1"),
        accounts(&[], "t2"),
        accounts(&[(own, "ACTIVE", "")], ""),
    ];
    let (server, _directory, aws) = organizations(&[vec![described.clone()], pages.to_vec()].concat()).await;
    let expected = [own, OTHER].map(|id| id.parse::<AccountId>().unwrap());
    for _ in 0..2 {
        let (organization, listed) = aws.organization_accounts().await.unwrap();
        assert_eq!((organization.as_str(), listed.as_slice()), ("o-a1b2c3d4e5", &expected[..]));
    }
    assert_eq!(server.requests.lock().unwrap().len(), 5, "they are known by then");

    let (_server, _directory, aws) = organizations(&[refusal("AWSOrganizationsNotInUseException")]).await;
    let alone = aws.organization_accounts().await.unwrap_err();
    assert_eq!(alone.message, "account 111122223333 is of no organization");
    let cut =
        [described, pages[0].clone(), refusal("TooManyRequestsException"), refusal("AccessDeniedException")];
    let (_server, _directory, aws) = organizations(&cut).await;
    assert!(aws.organization_accounts().await.is_err(), "half of them is no list");
}

#[tokio::test]
async fn paths_are_read_up_to_the_root_and_shared_parts_once() {
    let organization: OrganizationId = "o-a1b2c3d4e5".parse().unwrap();
    let (server, _directory, aws) = organizations(&[
        (200, ORGANIZATION.to_owned()),
        parents("ou-ab12-22222222", "ORGANIZATIONAL_UNIT"),
        parents("ou-ab12-11111111", "ORGANIZATIONAL_UNIT"),
        parents("r-ab12", "ROOT"),
        parents("ou-ab12-22222222", "ORGANIZATIONAL_UNIT"),
        refusal("ChildNotFoundException"),
    ])
    .await;
    let account = |id: &str| Child::Account(id.parse().unwrap());
    for (child, expected) in [
        (account(OTHER), "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"),
        (account("777788889999"), "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"),
    ] {
        assert_eq!(aws.organization_path(&organization, &child).await.unwrap(), expected);
    }
    let unknown = aws.organization_path(&organization, &Child::Unit("ou-ab12-99999999".to_owned())).await;
    assert_eq!(unknown.unwrap_err().code.as_deref(), Some("ChildNotFoundException"));
    let bodies: Vec<String> = server.forms().split_off(2);
    assert_eq!(
        bodies,
        ["444455556666", "ou-ab12-22222222", "ou-ab12-11111111", "777788889999", "ou-ab12-99999999"]
            .map(|id| format!(r#"{{"ChildId":"{id}"}}"#))
    );
    // Nothing is asked about an organization of which the caller is no member.
    let foreign = aws.organization_path(&"o-zzzzzzzzzz".parse().unwrap(), &account(OTHER)).await.unwrap_err();
    assert_eq!(foreign.message, "account 111122223333 is no member of o-zzzzzzzzzz");
}
