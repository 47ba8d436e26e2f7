//! Ids of what instances launch from, and events of CloudTrail.

use std::path::Path;

use super::{is_piped, read_text};
use crate::access::chain::Refusal;
use crate::cli::LaunchArgs;
use crate::error::UsageError;
use crate::launch::Targets;
use crate::launch::trail::{self, TrailError};

/// A kind of ids: its flag, how its ids begin, and what it is called.
#[derive(Debug, Clone, Copy)]
struct Kind {
    flag: &'static str,
    prefix: &'static str,
    name: &'static str,
}

const IMAGE: Kind = Kind { flag: "ami", prefix: "ami-", name: "an AMI" };
const SNAPSHOT: Kind = Kind { flag: "snapshot", prefix: "snap-", name: "a snapshot" };
const VOLUME: Kind = Kind { flag: "volume", prefix: "vol-", name: "a volume" };
const INSTANCE: Kind = Kind { flag: "instance", prefix: "i-", name: "an instance" };
const KINDS: [Kind; 4] = [IMAGE, SNAPSHOT, VOLUME, INSTANCE];

/// What somebody has, from what was typed; and how many events were something else than a refusal by KMS.
pub(super) fn targets(args: &LaunchArgs, region: Option<&String>) -> Result<(Targets, usize), UsageError> {
    let (refusals, others) = match &args.cloudtrail {
        Some(file) => cloudtrail(file)?,
        None => (Vec::new(), 0),
    };
    let targets = Targets {
        region: region.cloned(),
        images: ids(IMAGE, &args.ami)?,
        snapshots: ids(SNAPSHOT, &args.snapshot)?,
        volumes: ids(VOLUME, &args.volume)?,
        instances: ids(INSTANCE, &args.instance)?,
        refusals,
    };
    Ok((targets, others))
}

fn ids(kind: Kind, typed: &[String]) -> Result<Vec<String>, UsageError> {
    let Kind { flag, prefix, name } = kind;
    let mut ids = Vec::new();
    for id in typed {
        match KINDS.iter().find(|kind| is_id(id, kind.prefix)) {
            Some(found) if found.flag == flag => {}
            Some(Kind { flag, name, .. }) => {
                return Err(UsageError::new(format!("`{id}` is the id of {name}"))
                    .hint(format!("give --{flag} {id}")));
            }
            None => {
                let example = format!("for example --{flag} {prefix}0123456789abcdef0");
                return Err(UsageError::new(format!("`{id}` is not the id of {name}")).hint(example));
            }
        }
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    Ok(ids)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn cloudtrail(file: &Path) -> Result<(Vec<Refusal>, usize), UsageError> {
    const FORM: &str = "--cloudtrail takes an event that KMS refused, a log file, or what `aws cloudtrail lookup-events \
                        --lookup-attributes AttributeKey=EventSource,AttributeValue=kms.amazonaws.com` prints";
    let name =
        if is_piped(file) { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let text = read_text(file)
        .map_err(|error| UsageError::new(format!("{name} can't be read for events: {error}")).hint(FORM))?;
    let trail = trail::parse(&text).map_err(|error| {
        let hint = if error == TrailError::Unrelated {
            "give the events of one principal, or those about one key, then the others"
        } else {
            FORM
        };
        UsageError::new(format!("{name}: {error}")).hint(hint)
    })?;
    Ok((trail.refusals, trail.others))
}
