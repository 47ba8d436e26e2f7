//! A second writer at every point between two calls.

use std::cell::Cell;
use std::path::Path;

use futures_util::FutureExt as _;
use keymend::apply::recent::Recent;
use keymend::apply::{self, Now, Run, StepResult, Watcher};
use keymend::cloud::CloudErrorKind;
use keymend::plan::Fate;
use serde_json::{Value, json};

use super::Stage;
use super::cloud::Misfortune;

/// What the second writer does.
struct Rival {
    world: &'static str,
    /// The change of the plan that is raced.
    change: usize,
    act: fn(&mut Value),
    /// Whether what the rival did is still there.
    stands: fn(&Value) -> bool,
    /// Whether the rival leaves the change undone that is raced.
    bars: bool,
}

const POLICY: &str = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";

fn key(world: &Value) -> &Value {
    world["keys"].as_object().unwrap().values().next().unwrap()
}

fn policies(world: &mut Value) -> &mut serde_json::Map<String, Value> {
    world["accounts"]["444455556666"]["policies"].as_object_mut().unwrap()
}

fn change_key_policy(world: &mut Value) {
    let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
    let mut policy: Value = match &key["policy"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        policy => policy.clone(),
    };
    policy["Statement"].as_array_mut().unwrap().push(json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:ListAliases", "Resource": "*",
    }));
    key["policy"] = policy;
}

fn key_policy_is_theirs(world: &Value) -> bool {
    key(world)["policy"].to_string().contains("Theirs")
}

fn move_default_version(world: &mut Value) {
    policies(world)["KmsKeyUsagePolicy"]["default_version"] = json!("v6");
}

fn default_version_is_theirs(world: &Value) -> bool {
    // A version of ours may come after it; theirs is not lost.
    let policy = &world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
    policy["default_version"] == "v6"
}

fn delete_policy(world: &mut Value) {
    for role in world["accounts"]["444455556666"]["roles"].as_object_mut().unwrap().values_mut() {
        role["attached"] = json!([]);
    }
    policies(world).remove("KmsKeyUsagePolicy");
}

fn policy_is_gone(world: &Value) -> bool {
    world["accounts"]["444455556666"]["policies"].get("KmsKeyUsagePolicy").is_none()
}

fn attach_to_a_stranger(world: &mut Value) {
    world["accounts"]["444455556666"]["roles"]["stranger"] = json!({"attached": [POLICY]});
}

fn stranger_is_attached(world: &Value) -> bool {
    world["accounts"]["444455556666"]["roles"]["stranger"]["attached"] == json!([POLICY])
}

const RIVALS: [Rival; 4] = [
    Rival {
        world: "copied-ami",
        change: 0,
        act: change_key_policy,
        stands: key_policy_is_theirs,
        bars: true,
    },
    Rival {
        world: "five-versions",
        change: 2,
        act: move_default_version,
        stands: default_version_is_theirs,
        bars: true,
    },
    Rival { world: "five-versions", change: 2, act: delete_policy, stands: policy_is_gone, bars: true },
    Rival {
        world: "five-versions",
        change: 2,
        act: attach_to_a_stranger,
        stands: stranger_is_attached,
        bars: true,
    },
];

fn read(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("world.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn what_somebody_else_writes_before_the_last_look_is_never_lost() {
    for (index, rival) in RIVALS.iter().enumerate() {
        // The first look, and the last.
        for call in 0..2 {
            let mut stage = Stage::of(rival.world).await;
            let file = stage.folder.path().join("world.json");
            if rival.change == 2 {
                // The version that makes room is gone before.
                stage.carry_out(&[1], &|| false, None).await;
            }
            let made = stage.cloud.calls().len();
            let act = rival.act;
            stage.cloud.interfere(made + call, move || {
                let mut world: Value =
                    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
                act(&mut world);
                std::fs::write(&file, world.to_string()).unwrap();
            });
            let writes = stage.cloud.writes();
            let outcome = stage.carry_out(&[rival.change], &|| false, None).await;
            let result = &outcome.steps[rival.change];
            assert_eq!(
                matches!(result, StepResult::Stale(_)),
                rival.bars,
                "{index}, call {call}: {result:?}"
            );
            assert_eq!(stage.cloud.writes(), writes, "{index}: nothing is written over it");
            assert!((rival.stands)(&read(stage.folder.path())), "{index}");
        }
    }
}

/// After the write: told, and not written over.
#[tokio::test]
async fn what_somebody_else_writes_afterwards_is_told() {
    for call in 3..5 {
        let mut stage = Stage::of("copied-ami").await;
        let file = stage.folder.path().join("world.json");
        stage.cloud.interfere(call, move || {
            let mut world: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            change_key_policy(&mut world);
            std::fs::write(&file, world.to_string()).unwrap();
        });
        let result = stage.first().await;
        assert!(
            matches!(&result, StepResult::Overwritten(Now::Text(text)) if text.contains("Theirs")),
            "call {call}: {result:?}"
        );
        assert_eq!(stage.cloud.writes(), 1);
        assert!(key_policy_is_theirs(&read(stage.folder.path())));
    }
}

/// An attachment that goes, or a policy that changes, while it is attached.
#[tokio::test]
async fn a_policy_is_only_attached_as_it_was_planned() {
    for call in 0..2 {
        let mut stage = Stage::of("copied-ami").await;
        stage.carry_out(&[1], &|| false, None).await;
        let made = stage.cloud.calls().len();
        let file = stage.folder.path().join("world.json");
        // Each look reads the role and the policy.
        stage.cloud.interfere(made + 2 * call, move || {
            let mut world: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let versions = &mut policies(&mut world)["KmsKeyUsagePolicy"]["versions"];
            versions["v1"] = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
            std::fs::write(&file, world.to_string()).unwrap();
        });
        let writes = stage.cloud.writes();
        let outcome = stage.carry_out(&[2], &|| false, None).await;
        assert!(matches!(outcome.steps[2], StepResult::Stale(Now::Text(_))), "{outcome:?}");
        assert_eq!(stage.cloud.writes(), writes);
    }
}

/// Somebody else has taken the work over by the nth look: right before that write, after its last read.
#[tokio::test]
async fn what_was_taken_over_is_not_written() {
    for (misfortune, taken_over, calls, fate) in [
        (Misfortune::None, 0, vec!["read", "read"], Fate::NotStarted),
        // Whether the first attempt was made is not known; it is not made again.
        (
            Misfortune::Refused(CloudErrorKind::Transient),
            1,
            vec!["read", "read", "write", "read"],
            Fate::Unknown,
        ),
    ] {
        let stage = Stage::with([misfortune]).await;
        let looks = Cell::new(0);
        let may_write = || {
            looks.set(looks.get() + 1);
            async { looks.get() <= taken_over }.boxed_local()
        };
        let watcher =
            Watcher { progress: &mut |_| {}, is_interrupted: &|| false, may_write: Some(&may_write) };
        let run = Run::new(&stage.clock, None, Recent::default(), watcher);
        let selected = (0..stage.plan.changes.len()).collect();
        let outcome = apply::apply(&stage.plan, &selected, &stage.cloud, &run).await;
        assert_eq!(stage.cloud.calls(), calls);
        assert_eq!(looks.get(), taken_over + 1, "no further change begins");
        let fates: Vec<Fate> = outcome.steps.iter().map(StepResult::fate).collect();
        assert_eq!(fates, [fate, Fate::NotStarted, Fate::NotStarted]);
    }
}
