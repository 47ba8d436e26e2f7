use std::path::Path;

use super::*;
use crate::access::Purpose;
use crate::access::assessment::needed_actions;
use crate::access::trial::Simulation;
use crate::cloud::CloudErrorKind;
use crate::cloud::sandbox::sheet::Sheet;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

fn world(name: &str) -> Sandbox {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/worlds"));
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    Sandbox::of(None, Sheet::read(text, Path::new(name)).unwrap())
}

fn role() -> EntityArn {
    ROLE.parse().unwrap()
}

async fn dry_run(world: &Sandbox) -> Result<(), CloudErrorKind> {
    let actor = Actor::Role(role());
    let ended = world.dry_run(&actor, LaunchCall::Decrypt, &KEY.parse().unwrap()).await;
    ended.map_err(|error| error.kind)
}

async fn simulate(world: &Sandbox) -> Vec<Simulation> {
    let answers =
        world.simulate(&role(), &KEY.parse().unwrap(), needed_actions(Purpose::Launch)).await.unwrap();
    answers.into_iter().map(|answer| answer.decision).collect()
}

#[tokio::test]
async fn access_as_the_world_has_it() {
    let mended = world("already-mended.json");
    assert_eq!(dry_run(&mended).await, Ok(()));
    assert_eq!(simulate(&mended).await, [Simulation::Allowed; 6]);
    let before = world("copied-ami.json");
    assert_eq!(dry_run(&before).await, Err(CloudErrorKind::AccessDenied));
    assert_eq!(simulate(&before).await, [Simulation::ImplicitDeny; 6]);
}

#[tokio::test]
async fn a_simulation_sees_the_boundary() {
    let world = world("boundary.json");
    let answers =
        world.simulate(&role(), &KEY.parse().unwrap(), needed_actions(Purpose::Launch)).await.unwrap();
    assert!(answers.iter().all(|answer| answer.allowed_by_boundary == Some(false)), "{answers:?}");
}

#[tokio::test]
async fn nobody_is_acted_as_without_credentials() {
    let world = world("no-requester-credentials.json");
    for actor in [Actor::Role(role()), Actor::Profile("app".to_owned()), Actor::Account(role().account)] {
        let error = world.act_as(&actor).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::NoCredentials, "{actor}");
    }
    let user: EntityArn = "arn:aws:iam::444455556666:user/nobody".parse().unwrap();
    let error = super::tests::world("copied-ami.json").act_as(&Actor::Role(user)).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::AccessDenied);
}
