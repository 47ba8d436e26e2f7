//! Saved plans over the wire: two pipelines, each with the credentials of its own account.

use std::process::{Command, Output};

use crate::wire_emit::told;
use crate::wire_fix::Stage;

impl Stage {
    /// Applies an account's part of a plan with that account's credentials alone.
    fn apply_part(&self, plan: &str, account: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(["apply", plan, "--account", account, "--profile", account, "--yes"]);
        self.operator.run(&mut command).output().unwrap()
    }
}

#[tokio::test]
async fn two_pipelines_leave_what_fix_leaves() {
    let (direct, parted) = (Stage::new().await, Stage::new().await);
    assert_eq!(direct.fix(&["--yes"]).status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json").to_str().unwrap().to_owned();
    let saved = parted.fix(&["--dry-run", "--out", &plan]);
    assert_eq!(saved.status.code(), Some(0), "{}", told(&saved));
    let text = std::fs::read_to_string(&plan).unwrap();
    assert!(!text.contains("aws_secret") && !text.contains("SecretAccessKey"), "no secrets");

    for account in [parted.owner.id.to_string(), parted.launcher.id.to_string()] {
        // With the credentials of one account alone the other side can't be seen.
        let applied = parted.apply_part(&plan, &account);
        assert_eq!(applied.status.code(), Some(3), "{}", told(&applied));
        let again = parted.apply_part(&plan, &account);
        assert_eq!(again.status.code(), Some(3), "{}", told(&again));
        assert!(told(&again).contains("Everything was so already."), "{}", told(&again));
    }
    assert_eq!(parted.state().await, direct.state().await);

    let changed = parted.key_policy().await.replace("key-default-1", "somebody-elses");
    let put = parted.owner.kms.put_key_policy().key_id(&parted.key.id).policy_name("default");
    put.policy(&changed).send().await.unwrap();
    let stale = parted.apply_part(&plan, &parted.owner.id.to_string());
    assert_eq!(stale.status.code(), Some(6), "{}", told(&stale));
    assert!(told(&stale).contains("somebody-elses"), "how it differs: {}", told(&stale));
    assert_eq!(parted.key_policy().await, changed, "nothing is overwritten");
}
