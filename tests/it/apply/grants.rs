//! A grant waits for the key policy that lets it be created, but not for ever.

use std::time::Duration;

use keymend::access::NewGrant;
use keymend::apply::{Clock as _, StepResult};
use keymend::arn::KeyArn;
use keymend::cloud::{CloudErrorKind, Observe as _, Write as _};
use keymend::observation::KeyGrant;
use keymend::plan::Operation;

use super::cloud::Misfortune;
use super::{Stage, is_applied};

/// The change of a key policy, then the grant.
async fn stage(misfortunes: impl IntoIterator<Item = Misfortune>) -> Stage {
    let stage = Stage::of("autoscaling-across-accounts").await;
    assert_eq!(stage.plan.changes.len(), 2);
    stage.cloud.expect(misfortunes);
    stage
}

fn denied(times: usize) -> Vec<Misfortune> {
    let refusals = std::iter::repeat_n(Misfortune::Refused(CloudErrorKind::AccessDenied), times);
    std::iter::once(Misfortune::None).chain(refusals).collect()
}

fn planned(stage: &Stage) -> NewGrant {
    match &stage.plan.changes[1].operation {
        Operation::CreateGrant { grant, .. } => grant.clone(),
        other => panic!("{other:?}"),
    }
}

async fn grants(stage: &Stage) -> Vec<KeyGrant> {
    let key: KeyArn = planned(stage).key;
    stage.cloud.inner().grants(&key).await.unwrap()
}

async fn both(stage: &mut Stage) -> Vec<StepResult> {
    stage.carry_out(&[0, 1], &|| false, None).await.steps
}

#[tokio::test]
async fn it_is_tried_again_while_the_key_policy_spreads() {
    let mut stage = stage(denied(3)).await;
    let steps = both(&mut stage).await;
    assert!(steps.iter().all(is_applied), "{steps:?}");
    let retries: Vec<&String> = stage.told.iter().filter(|told| told.starts_with("retrying")).collect();
    assert_eq!(retries, ["retrying 1 after AccessDenied and 5 s"; 3]);
    let calls = stage.cloud.calls();
    assert!(
        calls.windows(2).all(|pair| pair != ["write", "write"]),
        "each attempt is after a fresh read: {calls:?}"
    );
    let made = grants(&stage).await;
    assert!(planned(&stage).became(&made[0]) && made.len() == 1, "{made:?}");
}

#[tokio::test]
async fn a_refusal_that_stays_ends_it() {
    let mut stage = stage(denied(1000)).await;
    let steps = both(&mut stage).await;
    assert!(is_applied(&steps[0]));
    assert!(matches!(&steps[1], StepResult::Failed(error) if error.kind == CloudErrorKind::AccessDenied));
    assert_eq!(stage.cloud.writes(), 1 + 25, "every five seconds for two minutes");
    assert!(stage.clock.elapsed() < Duration::from_secs(130));
    assert_eq!(grants(&stage).await, []);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_grant() {
    let mut stage = stage([Misfortune::None, Misfortune::AnswerLost]).await;
    assert!(both(&mut stage).await.iter().all(is_applied));
    assert_eq!(grants(&stage).await.len(), 1);
}

#[tokio::test]
async fn what_is_granted_already_is_not_granted_again() {
    let mut stage = stage([]).await;
    for change in &stage.plan.changes.clone() {
        stage.cloud.inner().perform(&change.operation).await.unwrap();
    }
    assert_eq!(both(&mut stage).await, [const { StepResult::AlreadyDone }; 2]);
    assert_eq!(stage.cloud.writes(), 0);
}

#[tokio::test]
async fn a_grant_that_is_revoked_is_gone() {
    let mut stage = stage([]).await;
    both(&mut stage).await;
    let (key, grant) = (planned(&stage).key, grants(&stage).await.remove(0));
    stage.plan.changes[1].operation = Operation::RevokeGrant { key: key.clone(), grant };
    let revoke = async |stage: &mut Stage| stage.carry_out(&[1], &|| false, None).await.steps[1].clone();
    assert!(is_applied(&revoke(&mut stage).await));
    assert_eq!(stage.cloud.inner().grants(&key).await.unwrap(), []);
    assert_eq!(revoke(&mut stage).await, StepResult::AlreadyDone);
}
