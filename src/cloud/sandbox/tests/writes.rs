use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::arn::{EntityKind, EntityName, Partition};
use crate::cloud::CloudErrorKind;
use crate::policy::PolicyDocument;

/// A copy of a fixture that may be written to.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.json");
    fs::copy(worlds().join(name), &file).unwrap();
    (folder, file)
}

#[tokio::test]
async fn a_key_policy_reads_back_in_the_form_of_aws() {
    let sandbox = Sandbox::builtin();
    let principals = json!({"AWS": ["444455556666", "arn:aws:iam::444455556666:role/app-instances"]});
    let sent = key_policy_with(&allow(&principals)).to_string();
    let receipt = sandbox.perform(&put(&sent)).await.unwrap();
    assert!(receipt.request_id.is_some());
    let kept = sandbox.key_policy(&key()).await.unwrap();
    assert!(
        kept.starts_with("{\n  \"Version\" : \"2012-10-17\",\n  \"Statement\" : [ {\n    \"Effect\" : "),
        "{kept}"
    );
    assert!(
        kept.contains(
            "\"AWS\" : [ \"arn:aws:iam::444455556666:root\", \"arn:aws:iam::444455556666:role/app-instances\" ]"
        ),
        "{kept}"
    );
    let parse = |text: &str| PolicyDocument::parse(text).unwrap();
    assert!(parse(&sent).same_meaning(&parse(&kept), Partition::Aws));
}

#[tokio::test]
async fn iam_documents_read_back_as_sent() {
    let sandbox = fixture("shared-policy");
    for sent in [format!("{:#}\n", identity_policy()), identity_policy().to_string()] {
        sandbox.perform(&create_version(&sent)).await.unwrap();
        let found = sandbox.managed_policy(&policy(), None).await.unwrap().unwrap();
        assert_eq!(found.document, sent);
    }
}

#[tokio::test]
async fn versions_count_up_and_the_newest_is_in_force() {
    let sandbox = fixture("five-versions");
    sandbox.perform(&delete_version("v3")).await.unwrap();
    sandbox.perform(&create_version(&identity_policy())).await.unwrap();
    let found = sandbox.managed_policy(&policy(), None).await.unwrap().unwrap();
    let ids: Vec<_> =
        found.versions.iter().map(|version| (version.id.as_str(), version.is_default)).collect();
    assert_eq!(ids, [("v4", false), ("v5", false), ("v6", false), ("v7", false), ("v8", true)]);
}

#[tokio::test]
async fn create_and_attach() {
    let sandbox = Sandbox::builtin();
    sandbox.perform(&create("KmsKeyUsagePolicy", &identity_policy())).await.unwrap();
    for entity in ["user/deployer", "role/app-instances"] {
        sandbox.perform(&attach(entity)).await.unwrap();
        let once = text(&sandbox);
        sandbox.perform(&attach(entity)).await.unwrap();
        assert_eq!(text(&sandbox), once);
    }
    let found = sandbox.managed_policy(&policy(), None).await.unwrap().unwrap();
    let entity = |kind, name: &str| EntityName { kind, name: name.to_owned() };
    assert_eq!(
        found.attached_to,
        [entity(EntityKind::User, "deployer"), entity(EntityKind::Role, "app-instances")]
    );
}

#[tokio::test]
async fn the_file_changes_where_the_write_is_and_nowhere_else() {
    let (_folder, file) = copy("five-versions.json");
    let before = fs::read_to_string(&file).unwrap();
    let sandbox = Sandbox::open(&file).unwrap();
    sandbox.perform(&delete_version("v3")).await.unwrap();
    sandbox.perform(&create_version(&identity_policy())).await.unwrap();
    sandbox.perform(&attach("role/IamAdmin")).await.unwrap();

    let after = fs::read_to_string(&file).unwrap();
    let mut expected: Value = serde_json::from_str(&before).unwrap();
    let requester = &mut expected["accounts"]["444455556666"];
    requester["roles"]["IamAdmin"]["attached"].as_array_mut().unwrap().push(json!(POLICY));
    let managed = &mut requester["policies"]["KmsKeyUsagePolicy"];
    managed["default_version"] = json!("v8");
    managed["versions"].as_object_mut().unwrap().shift_remove("v3");
    managed["versions"]["v8"] = json!("HERE");
    let expected = format!("{expected:#}\n").replace("\"HERE\"", &identity_policy().to_string());
    assert_eq!(after, expected);

    let again = Sandbox::open(&file).unwrap();
    assert_eq!(text(&again), after);
}

#[tokio::test]
async fn a_write_replaces_the_file_at_once_and_keeps_its_mode() {
    let (folder, file) = copy("copied-ami.json");
    let link = folder.path().join("link.json");
    symlink(&file, &link).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let sandbox = Sandbox::open(&link).unwrap();
    let reader = fs::read_to_string(&file).unwrap();
    let mut open = fs::File::open(&file).unwrap();
    sandbox.perform(&create("P", &identity_policy())).await.unwrap();

    let mut seen = String::new();
    std::io::Read::read_to_string(&mut open, &mut seen).unwrap();
    assert_eq!(seen, reader, "who had opened the file still reads the whole old text");
    assert_ne!(fs::read_to_string(&file).unwrap(), reader);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left in the folder");
    assert_eq!(sandbox.place(), Some(fs::canonicalize(&file).unwrap().as_path()));
}

#[tokio::test]
async fn reads_and_refused_writes_leave_the_file_alone() {
    let (_folder, file) = copy("copied-ami.json");
    let before = (fs::read_to_string(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    let sandbox = Sandbox::open(&file).unwrap();
    sandbox.key_policy(&key()).await.unwrap();
    sandbox.perform(&put("not JSON")).await.unwrap_err();
    let after = (fs::read_to_string(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    assert_eq!(before, after);
}

#[tokio::test]
async fn somebody_else_may_edit_the_file() {
    let (_folder, file) = copy("copied-ami.json");
    let sandbox = Sandbox::open(&file).unwrap();
    let edited = fs::read_to_string(&file).unwrap().replace("key-default-1", "key-by-hand");
    fs::write(&file, edited).unwrap();
    assert!(sandbox.key_policy(&key()).await.unwrap().contains("key-by-hand"));
    sandbox.perform(&create("P", &identity_policy())).await.unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("key-by-hand"));

    fs::write(&file, "{").unwrap();
    let error = sandbox.key_policy(&key()).await.unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[tokio::test]
async fn two_runs_on_one_file_lose_nothing_of_each_other() {
    let (_folder, file) = copy("copied-ami.json");
    let [one, other] = [Sandbox::open(&file).unwrap(), Sandbox::open(&file).unwrap()];
    for round in 0..3 {
        one.perform(&create(&format!("One{round}"), &identity_policy())).await.unwrap();
        other.perform(&create(&format!("Other{round}"), &identity_policy())).await.unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!((0..3).all(|round| {
        ["One", "Other"].iter().all(|name| written.contains(&format!("\"{name}{round}\"")))
    }));
}

#[tokio::test]
async fn what_was_made_of_an_older_text_is_not_written() {
    let (_folder, file) = copy("copied-ami.json");
    let sandbox = Sandbox::open(&file).unwrap();
    let older = Sheet::read(text(&sandbox).replace("copied", "moved"), &file).unwrap();
    let edited = text(&sandbox).replace("key-default-1", "key-by-hand");
    fs::write(&file, &edited).unwrap();
    assert_eq!(
        sandbox.replace(&World::new(sandbox.shared()), key().account, older.source).unwrap(),
        Replaced::Changed
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), edited);
}

#[tokio::test]
async fn a_world_that_can_not_be_written_stays_as_it_is() {
    let (folder, file) = copy("copied-ami.json");
    let sandbox = Sandbox::open(&file).unwrap();
    let before = text(&sandbox);
    let sheet = Sheet::read(before.replace("copied", "moved"), &file).unwrap();
    drop(folder);
    let refusal = sandbox.replace(&World::new(sandbox.shared()), key().account, sheet.source).unwrap_err();
    assert!(refusal.message.contains("can't be written"), "{}", refusal.message);
    assert_eq!(text(&sandbox), before);
}

#[tokio::test]
async fn what_was_made_can_be_taken_back() {
    let sandbox = fixture("five-versions");
    let document = identity_policy().to_string();
    let withdraw = |version: &str| Operation::WithdrawPolicyVersion {
        policy: policy(),
        version: version.to_owned(),
        before: document.clone(),
    };
    let set_default = |version: &str| Operation::SetDefaultVersion {
        policy: policy(),
        version: version.to_owned(),
        before: String::new(),
        after: String::new(),
    };
    let delete = Operation::DeletePolicy { policy: policy(), before: String::new() };
    let Operation::AttachPolicy { entity, .. } = attach("role/app-instances") else { panic!() };
    let fingerprint = PolicyDocument::parse("{\"Statement\": []}").unwrap().fingerprint(Partition::Aws);
    let detach = Operation::DetachPolicy { policy: policy(), entity, document: fingerprint };
    let code = async |write: &Operation| sandbox.perform(write).await.unwrap_err().code.unwrap();

    sandbox.perform(&delete_version("v3")).await.unwrap();
    let receipt = sandbox.perform(&create_version(&document)).await.unwrap();
    assert_eq!(receipt.version.as_deref(), Some("v8"));
    assert_eq!(code(&withdraw("v8")).await, "DeleteConflict", "it is in force");
    assert_eq!(code(&set_default("v3")).await, "NoSuchEntity");
    sandbox.perform(&set_default("v7")).await.unwrap();
    sandbox.perform(&withdraw("v8")).await.unwrap();
    assert_eq!(code(&delete).await, "DeleteConflict", "it is attached");
    sandbox.perform(&detach).await.unwrap();
    assert_eq!(code(&detach).await, "NoSuchEntity");
    assert_eq!(code(&delete).await, "DeleteConflict", "it has further versions");
    for version in ["v4", "v5", "v6"] {
        sandbox.perform(&withdraw(version)).await.unwrap();
    }
    sandbox.perform(&delete).await.unwrap();
    assert_eq!(sandbox.managed_policy(&policy(), None).await.unwrap(), None);
}

#[tokio::test]
async fn a_write_beyond_its_quota_is_refused_and_taken_a_second_later() {
    let sandbox = changed(|world| world["quotas"] = json!({"kms:PutKeyPolicy": 1}));
    let policies = ["444455556666", "777788889999"]
        .map(|account| key_policy_with(&allow(&json!({"AWS": [account, "111122223333"]}))).to_string());
    sandbox.perform(&put(&policies[0])).await.unwrap();
    let kept = sandbox.key_policy(&key()).await.unwrap();
    let error = sandbox.perform(&put(&policies[1])).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (CloudErrorKind::Throttled, Some("ThrottlingException")));
    assert_eq!(sandbox.key_policy(&key()).await.unwrap(), kept, "nothing is written");
    sandbox.time().pass(std::time::Duration::from_secs(1));
    sandbox.perform(&put(&policies[1])).await.unwrap();
    assert_ne!(sandbox.key_policy(&key()).await.unwrap(), kept);
}
