use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::path::Path;

use super::*;
use crate::access::trial::{RulingStanding, Simulated};
use crate::access::{GranteeRef, KeyRef, Purpose, UnresolvedRequest};
use crate::apply::clock::RunClock;
use crate::arn::{AccountId, EntityArn};
use crate::cloud::observer::observe;
use crate::cloud::sandbox::{Sandbox, WorldTime};
use crate::observation::OrganizationPolicies;

/// A cloud that refuses dry runs for a while, and knows some profiles.
struct Slow {
    sandbox: Sandbox,
    refusals: Cell<usize>,
    profiles: Vec<(&'static str, &'static str)>,
    acted: RefCell<Vec<String>>,
}

impl Prove for Slow {
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError> {
        let Actor::Profile(profile) = actor else { return self.sandbox.act_as(actor).await };
        match self.profiles.iter().find(|(name, _)| name == profile) {
            Some((_, arn)) => {
                let account: AccountId = arn.split(':').nth(4).unwrap().parse().unwrap();
                Ok(Caller { account, arn: (*arn).to_owned() })
            }
            None => self.sandbox.act_as(actor).await,
        }
    }

    async fn dry_run(&self, actor: &Actor, call: LaunchCall, key: &KeyArn) -> Result<(), CloudError> {
        self.acted.borrow_mut().push(actor.to_string());
        if self.refusals.get() > 0 && call == LaunchCall::Decrypt {
            self.refusals.set(self.refusals.get() - 1);
            let call = CloudError {
                kind: CloudErrorKind::AccessDenied,
                operation: "kms:Decrypt",
                resource: key.to_string(),
                account: None,
                region: None,
                profile: None,
                code: None,
                message: "not yet".to_owned(),
                request_id: None,
            };
            return Err(call);
        }
        match actor {
            Actor::Profile(_) => Ok(()),
            Actor::Account(_) | Actor::Role(_) => self.sandbox.dry_run(actor, call, key).await,
        }
    }

    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError> {
        self.sandbox.simulate(principal, key, actions).await
    }
}

/// What became of asking, in short.
struct Asked {
    trials: Vec<Trial>,
    waits: usize,
    elapsed: Duration,
    acted: Vec<String>,
}

impl Asked {
    fn standings(&self, grantee: usize) -> Vec<RulingStanding> {
        self.trials[grantee].rulings.iter().map(|ruling| ruling.standing).collect()
    }
}

fn asked_for(keys: Vec<KeyRef>, grantees: Vec<GranteeRef>) -> UnresolvedRequest {
    UnresolvedRequest::documented(keys, grantees)
}

async fn ask(world: &str, grantees: &[&str], cloud: impl Fn(Slow) -> Slow, profiles: &[&str]) -> Asked {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/worlds")).join(world);
    let sandbox = Sandbox::open(&file).unwrap();
    let defaults = sandbox.defaults();
    let grantees = if grantees.is_empty() {
        defaults.grantees
    } else {
        grantees.iter().map(|text| GranteeRef::Entity(text.parse().unwrap())).collect()
    };
    let asked = asked_for(defaults.keys, grantees);
    let (request, observation) = observe(&asked, &OrganizationPolicies::default(), &sandbox).await.unwrap();
    let cloud =
        cloud(Slow { sandbox, refusals: Cell::new(0), profiles: Vec::new(), acted: RefCell::default() });
    let clock = RunClock::World(WorldTime::default());
    let mut waits = 0;
    let may_wait = || {
        waits += 1;
        Ok::<_, Infallible>(waits <= 100)
    };
    let profiles: Vec<String> = profiles.iter().map(|profile| (*profile).to_owned()).collect();
    let Ok(trials) = by_dry_runs(&cloud, &clock, &request, &observation, &profiles, may_wait).await;
    Asked { trials, waits, elapsed: clock.elapsed(), acted: cloud.acted.into_inner() }
}

const USER: &str = "arn:aws:iam::444455556666:user/deployer";

use RulingStanding::{Proven, Refused, Unproven};

#[tokio::test]
async fn a_role_is_assumed_and_shows_all_but_grants() {
    let asked = ask("already-mended.json", &[], |cloud| cloud, &[]).await;
    // The account is stood for by whoever serves it, who has no policy for the key.
    assert_eq!(asked.standings(0), [Unproven; 6]);
    assert_eq!(asked.standings(1), [Unproven, Proven, Proven, Proven, Proven, Proven]);
    assert_eq!(asked.waits, 0);
}

#[tokio::test]
async fn a_refusal_is_given_time() {
    let role = ["arn:aws:iam::444455556666:role/app-instances"];
    let refusing = |count| move |cloud: Slow| Slow { refusals: Cell::new(count), ..cloud };
    let soon = ask("already-mended.json", &role, refusing(3), &[]).await;
    assert_eq!((soon.waits, soon.elapsed), (3, 3 * PAUSE));
    assert!(!soon.trials[0].is_refused());
    let never = ask("already-mended.json", &role, refusing(usize::MAX), &[]).await;
    assert_eq!(never.elapsed, PATIENCE);
    assert_eq!(never.standings(0), [Unproven, Refused, Proven, Proven, Proven, Proven]);
    let reason = never.trials[0].rulings[1].reason.as_deref().unwrap();
    assert!(reason.ends_with("not yet"), "{reason}");
}

#[tokio::test]
async fn a_user_is_acted_as_by_its_profile_alone() {
    let nobody = ask("group-member.json", &[USER], |cloud| cloud, &[]).await;
    assert_eq!(nobody.standings(0), [Unproven; 6]);
    assert!(nobody.acted.is_empty());
    let broken = ask("group-member.json", &[USER], |cloud| cloud, &["gone"]).await;
    let reason = broken.trials[0].rulings[0].reason.clone().unwrap();
    assert!(reason.contains("profile gone"), "{reason}");
    let other = |cloud| Slow { profiles: vec![("other", "arn:aws:iam::444455556666:user/other")], ..cloud };
    assert_eq!(ask("group-member.json", &[USER], other, &["other"]).await.standings(0), [Unproven; 6]);
    let known = |cloud| Slow { profiles: vec![("deployer", USER)], ..cloud };
    let shown = ask("group-member.json", &[USER], known, &["deployer"]).await;
    assert_eq!(shown.standings(0), [Unproven, Proven, Proven, Proven, Proven, Proven]);
    assert_eq!(shown.acted, ["profile deployer"; 4]);
}

#[tokio::test]
async fn a_simulation_tells_of_users_and_roles() {
    let sandbox = Sandbox::builtin();
    let defaults = sandbox.defaults();
    let asked = asked_for(defaults.keys, defaults.grantees);
    let (request, observation) = observe(&asked, &OrganizationPolicies::default(), &sandbox).await.unwrap();
    let trials = by_simulation(&sandbox, &request, &observation).await;
    let standings: Vec<RulingStanding> = trials.iter().map(|trial| trial.rulings[0].standing).collect();
    assert_eq!(standings, [Unproven, Refused]);
}

#[test]
fn every_action_of_a_launch_has_a_direct_call_but_grants() {
    let has_call = |action: &&KmsAction| LaunchCall::ALL.iter().any(|call| call.needs(**action));
    let untried: Vec<String> = needed_actions(Purpose::Launch)
        .iter()
        .filter(|action| !has_call(action))
        .map(ToString::to_string)
        .collect();
    assert_eq!(untried, ["kms:CreateGrant"]);
}
