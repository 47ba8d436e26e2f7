//! Ids of what instances launch from, and events of CloudTrail.

use std::io::{self, Read as _};
use std::path::Path;

use super::is_piped;
use crate::cli::LaunchArgs;
use crate::error::UsageError;
use crate::launch::Targets;
use crate::launch::trail::{self, MOST_BYTES, RecordsError, Trail, TrailError};
use crate::observation::template::TemplateRef;
use crate::shell;

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

/// What somebody has, from what was typed.
pub(super) struct Given {
    pub(super) targets: Targets,
    /// How many events were something else than a refusal by KMS.
    pub(super) other_events: usize,
    /// What does not tell the key that it is about.
    keyless: Option<String>,
}

impl Given {
    /// What a record does not tell has to be given.
    pub(super) fn check_keys(&self, is_key_named: bool) -> Result<(), UsageError> {
        match &self.keyless {
            Some(what) if !is_key_named && !self.targets.lead_to_keys() => Err(keyless(what)),
            _ => Ok(()),
        }
    }
}

/// A record does not tell the key that it is about, and nothing else does.
pub(crate) fn keyless(what: &str) -> UsageError {
    UsageError::new(format!("`{what}` does not tell which key it is about")).hint(
        "across accounts AWS leaves the key out: give it with --key, or what was to be launched with --ami",
    )
}

pub(super) fn given(args: &LaunchArgs, region: Option<&String>) -> Result<Given, UsageError> {
    let trail = args.cloudtrail.as_deref().map_or(Ok(Trail::default()), cloudtrail)?;
    let targets = Targets {
        region: region.cloned(),
        images: ids(IMAGE, &args.ami)?,
        snapshots: ids(SNAPSHOT, &args.snapshot)?,
        volumes: ids(VOLUME, &args.volume)?,
        instances: ids(INSTANCE, &args.instance)?,
        templates: templates(&args.launch_template)?,
        groups: groups(&args.auto_scaling_group)?,
        ..Targets::from(&trail)
    };
    Ok(Given { targets, other_events: trail.others, keyless: trail.keyless })
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

fn templates(typed: &[String]) -> Result<Vec<TemplateRef>, UsageError> {
    let mut templates = Vec::new();
    for text in typed {
        if let Some(Kind { flag, name, .. }) = KINDS.iter().find(|kind| is_id(text, kind.prefix)) {
            return Err(UsageError::new(format!("`{text}` is the id of {name}"))
                .hint(format!("give --{flag} {text}")));
        }
        let template = text.parse().map_err(|error| {
            UsageError::new(format!("{error}"))
                .hint("give an id or a name, with the version behind a colon: a number, default or latest")
        })?;
        if !templates.contains(&template) {
            templates.push(template);
        }
    }
    Ok(templates)
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html>
fn groups(typed: &[String]) -> Result<Vec<String>, UsageError> {
    let mut groups: Vec<String> = Vec::new();
    for text in typed {
        if text.starts_with("arn:") {
            let name = text.rsplit_once("autoScalingGroupName/").map_or("NAME", |(_, name)| name);
            return Err(UsageError::new(format!("`{text}` is an ARN, and a group is given by its name"))
                .hint(format!("give --auto-scaling-group {}", shell::quote(name))));
        }
        if text.is_empty() || text.chars().count() > 255 || text.contains(char::is_control) {
            return Err(UsageError::new(format!("`{text}` is not the name of an Auto Scaling group"))
                .hint("`aws autoscaling describe-auto-scaling-groups` shows the names"));
        }
        if !groups.contains(text) {
            groups.push(text.clone());
        }
    }
    Ok(groups)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn cloudtrail(file: &Path) -> Result<Trail, UsageError> {
    const FORM: &str = "--cloudtrail takes an event that KMS refused, a log file, or what `aws cloudtrail lookup-events \
                        --lookup-attributes AttributeKey=EventSource,AttributeValue=kms.amazonaws.com` prints; an event \
                        of EventBridge, and what queries and logs give, too";
    let name =
        if is_piped(file) { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let bytes = read(file)
        .map_err(|error| UsageError::new(format!("{name} can't be read for events: {error}")).hint(FORM))?;
    trail::parse(&bytes).map_err(|error| {
        let hint = match &error {
            TrailError::Unrelated => {
                "give the events of one principal, or those about one key, then the others".to_owned()
            }
            TrailError::Records(RecordsError::Utf16) => format!(
                "convert it first: iconv -f UTF-16 -t UTF-8 {}",
                if is_piped(file) {
                    "FILE".into()
                } else {
                    shell::quote(&file.display().to_string()).into_owned()
                }
            ),
            TrailError::Records(RecordsError::TooLarge(_)) => {
                "give those events alone that KMS refused, with the errorCode AccessDenied".to_owned()
            }
            TrailError::RefusedByEc2 { message, .. } => trail::how_to_decode(message),
            _ => FORM.to_owned(),
        };
        UsageError::new(format!("{name}: {error}")).hint(hint)
    })
}

/// A file's bytes; a little more than the most that is taken, where there are more.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let most = MOST_BYTES.saturating_add(1);
    let mut bytes = Vec::new();
    if is_piped(file) {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
