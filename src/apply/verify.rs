//! Asks AWS itself, after the writes, whether each grantee may do what a launch does. Nothing here writes.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::StreamExt as _;

use super::clock::Clock;
use crate::access::assessment::{Assessment, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::trial::{Method, Ruling, Trial, denied, direct_call, stands_for, untried};
use crate::access::{Grantee, Purpose, Request};
use crate::arn::{EntityKind, KeyArn};
use crate::cloud::abreast::abreast;
use crate::cloud::{Actor, CloudError, CloudErrorKind, LaunchCall, Prove};
use crate::observation::{Caller, Observation};
use crate::policy::KmsAction;

/// How long a refusal may be for the sake of a change that AWS has not heard of everywhere; it says "typically
/// seconds, sometimes minutes": <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms-apis.html>.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_secs(5);

/// Has KMS check the calls of a launch, each made as the grantee, for every grantee and key.
///
/// The caller of an account, a profile that is given, or a session of the grantee's own role makes them; who can't
/// be acted as is told as unproven. A call that our evaluation expects to succeed is made again while it is refused,
/// for two minutes at most and as long as `may_wait` says so, which is asked before each pause.
pub async fn by_dry_runs<P: Prove, E>(
    cloud: &P,
    clock: &impl Clock,
    request: &Request,
    observation: &Observation,
    profiles: &[String],
    mut may_wait: impl FnMut() -> Result<bool, E>,
) -> Result<Vec<Trial>, E> {
    let stage = Stage {
        cloud,
        expected: Evidence::new(observation, &direct_call()),
        company: company(cloud, observation, profiles).await,
        request,
    };
    let deadline = clock.elapsed() + PATIENCE;
    let pairs = request.keys.iter().flat_map(|key| request.needing(key).map(move |grantee| (key, grantee)));
    let mut trials: Vec<Trial> =
        abreast(pairs.map(|(key, grantee)| stage.trial(key, grantee))).collect().await;
    while trials.iter().any(Trial::is_refused) && clock.elapsed() < deadline && may_wait()? {
        clock.sleep(PAUSE).await;
        let refused = trials.iter_mut().filter(|trial| trial.is_refused());
        let again = refused.map(async |trial| *trial = stage.trial(&trial.key, &trial.grantee).await);
        abreast(again).collect::<Vec<()>>().await;
    }
    Ok(trials)
}

/// Who could act for a grantee: the callers at hand and those of the profiles that are given.
async fn company<P: Prove>(
    cloud: &P,
    observation: &Observation,
    profiles: &[String],
) -> Vec<(Actor, Result<Caller, CloudError>)> {
    let own = observation.callers.values();
    let own = own.map(|caller| (Actor::Account(caller.account), Ok(caller.clone())));
    let given = abreast(profiles.iter().map(async |profile| {
        let actor = Actor::Profile(profile.clone());
        let caller = cloud.act_as(&actor).await;
        (actor, caller)
    }));
    given.collect::<Vec<_>>().await.into_iter().chain(own).collect()
}

/// What all trials of a run have in common.
struct Stage<'p, P> {
    cloud: &'p P,
    /// What our evaluation says of direct calls.
    expected: Evidence,
    company: Vec<(Actor, Result<Caller, CloudError>)>,
    request: &'p Request,
}

impl<P: Prove> Stage<'_, P> {
    async fn trial(&self, key: &KeyArn, grantee: &Grantee) -> Trial {
        let purpose = self.request.terms(key).purpose;
        let (actor, caller) = match self.actor_for(grantee).await {
            Ok(found) => found,
            Err(reason) => {
                return Trial::unproven(key, grantee, purpose, Method::DryRun { made_by: None }, &reason);
            }
        };
        let actions = needed_actions(purpose);
        let expected = self.expected.assess(key, grantee, actions);
        let calls =
            LaunchCall::ALL.into_iter().filter(|call| actions.iter().any(|action| call.needs(*action)));
        let calls = calls.map(async |call| (call, self.cloud.dry_run(&actor, call, key).await));
        let answers = join_all(calls).await;
        let ruling = |action: &KmsAction| match answers.iter().find(|(call, _)| call.needs(*action)) {
            Some((_, answer)) => ruling(*action, answer, &expected),
            None => untried(*action),
        };
        let method = Method::DryRun { made_by: Some(caller.arn) };
        let rulings = actions.iter().map(ruling).collect();
        Trial { key: key.clone(), grantee: grantee.clone(), method, rulings }
    }

    /// Who makes the calls for a grantee; else why nobody does.
    async fn actor_for(&self, grantee: &Grantee) -> Result<(Actor, Caller), String> {
        let at_hand = self.company.iter().find_map(|(actor, caller)| {
            let caller = caller.as_ref().ok()?;
            stands_for(caller, grantee).then(|| (actor.clone(), caller.clone()))
        });
        if let Some(found) = at_hand {
            return Ok(found);
        }
        let broken = self.company.iter().find_map(|(_, caller)| caller.as_ref().err());
        let hint = broken.map_or_else(
            || "--as-profile names a profile with its credentials".to_owned(),
            CloudError::to_string,
        );
        match grantee {
            Grantee::Account { id, .. } => Err(format!("no credentials serve account {id}; {hint}")),
            Grantee::Entity(entity) if entity.kind == EntityKind::Group => {
                Err("a group makes no calls; ask about one of its users".to_owned())
            }
            Grantee::MembersRole(_) => {
                Err("each account makes its own role's grant; ask about one of them".to_owned())
            }
            Grantee::Members(_) => {
                Err("no call stands for all of an organization; ask about an account".to_owned())
            }
            Grantee::ServiceLinkedRole(_) => Err("only AWS can act as a service-linked role".to_owned()),
            Grantee::Entity(entity) if entity.kind == EntityKind::User => {
                Err(format!("nobody but the user can act as it; {hint}"))
            }
            Grantee::Entity(role) => {
                let actor = Actor::Role(role.clone());
                let caller = self.cloud.act_as(&actor).await;
                caller.map(|caller| (actor, caller)).map_err(|error| format!("{error}; {hint}"))
            }
        }
    }
}

fn ruling(action: KmsAction, answer: &Result<(), CloudError>, expected: &Assessment) -> Ruling {
    match answer {
        Ok(()) => Ruling::proven(action),
        Err(error) if error.kind == CloudErrorKind::AccessDenied => denied(action, expected, error),
        Err(error) => Ruling::unproven(action, error.to_string()),
    }
}

/// Has IAM simulate each grantee's own policies, for every key: the requester's side alone.
pub async fn by_simulation(cloud: &impl Prove, request: &Request, observation: &Observation) -> Vec<Trial> {
    let evidence = Evidence::new(observation, &Extras::default());
    let pairs = request.keys.iter().flat_map(|key| request.needing(key).map(move |grantee| (key, grantee)));
    abreast(pairs.map(|pair| simulation(cloud, pair, request.terms(pair.0).purpose, &evidence)))
        .collect()
        .await
}

async fn simulation(
    cloud: &impl Prove,
    (key, grantee): (&KeyArn, &Grantee),
    purpose: Purpose,
    evidence: &Evidence,
) -> Trial {
    let unproven = |reason: &str| Trial::unproven(key, grantee, purpose, Method::Simulation, reason);
    let entity = match grantee {
        Grantee::Account { .. } => {
            return unproven("an account has no IAM policies of its own; ask about its users and roles");
        }
        Grantee::Members(_) => {
            return unproven(
                "the IAM policies of an organization's accounts are theirs; ask about their users and roles",
            );
        }
        Grantee::ServiceLinkedRole(_) | Grantee::MembersRole(_) => {
            return unproven(
                "the key policy or a grant serves a service-linked role, and neither is simulated",
            );
        }
        Grantee::Entity(entity) => entity,
    };
    let actions = needed_actions(purpose);
    match cloud.simulate(entity, key, actions).await {
        Err(error) => unproven(&error.to_string()),
        Ok(answers) => {
            let evaluated = evidence.assess(key, grantee, actions);
            let ruling = |action: &KmsAction| {
                let answer = answers.iter().find(|answer| answer.action == *action);
                let silent = || Ruling::unproven(*action, "the simulation's answer does not speak of it");
                answer.map_or_else(silent, |answer| answer.ruling(&evaluated))
            };
            let rulings = actions.iter().map(ruling).collect();
            Trial { key: key.clone(), grantee: grantee.clone(), method: Method::Simulation, rulings }
        }
    }
}

#[cfg(test)]
mod tests;
