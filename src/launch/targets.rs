//! From what somebody starts.

use crate::access::chain::{Notice, Refusal, Stranger};
use crate::observation::template::TemplateRef;

/// What somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    /// The region; the configured one where none is named.
    pub region: Option<String>,
    /// `ami-…`
    pub images: Vec<String>,
    /// `snap-…`
    pub snapshots: Vec<String>,
    /// `vol-…`
    pub volumes: Vec<String>,
    /// `i-…`
    pub instances: Vec<String>,
    /// Launch templates.
    pub templates: Vec<TemplateRef>,
    /// Auto Scaling groups, by their names.
    pub groups: Vec<String>,
    /// Whether those whom the images are shared with are to be let in.
    pub shared: bool,
    /// Of those only the accounts that use the images.
    pub in_use: bool,
    /// What KMS refused, by CloudTrail.
    pub refusals: Vec<Refusal>,
    /// What it refused to callers that can be no grantees.
    pub strangers: Vec<Stranger>,
    /// What services tell of launches that failed.
    pub notices: Vec<Notice>,
}

impl Targets {
    /// Whether there is nothing to start from.
    pub fn is_empty(&self) -> bool {
        let is_nothing_told =
            self.refusals.is_empty() && self.strangers.is_empty() && self.notices.is_empty();
        is_nothing_told && !self.lead_to_keys()
    }

    /// Whether they tell who launches, or that it is nobody who can be let in, so that nobody has to be named.
    pub fn tell_who_launches(&self) -> bool {
        let is_told = self.notices.iter().any(|notice| notice.launcher.is_some());
        let is_asked = !(self.instances.is_empty() && self.groups.is_empty());
        is_told || is_asked || self.shared || !(self.refusals.is_empty() && self.strangers.is_empty())
    }

    /// Whether something that is given leads to keys, beside records.
    pub fn lead_to_keys(&self) -> bool {
        let lists = [&self.images, &self.snapshots, &self.volumes, &self.instances, &self.groups];
        !self.templates.is_empty() || lists.iter().any(|ids| !ids.is_empty())
    }

    /// Whether something that is given leads to images of which nobody has to have been launched.
    pub fn lead_to_images(&self) -> bool {
        !(self.images.is_empty() && self.templates.is_empty() && self.groups.is_empty())
    }

    /// Adds something by its id alone, whose beginning tells what it is; an Auto Scaling group, which has none, by its name
    /// after `group:`. A world was checked for ids that are none when it was read.
    pub fn add(&mut self, id: &str) {
        match id.split_once(['-', ':']) {
            Some(("ami", _)) => self.images.push(id.to_owned()),
            Some(("snap", _)) => self.snapshots.push(id.to_owned()),
            Some(("vol", _)) => self.volumes.push(id.to_owned()),
            Some(("lt", _)) => self.templates.extend(id.parse().ok()),
            Some(("group", name)) => self.groups.push(name.to_owned()),
            _ => self.instances.push(id.to_owned()),
        }
    }

    /// The options that name all of it again, each with its value; what CloudTrail told is named by keys and grantees.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let lists = [
            ("--ami", &self.images),
            ("--snapshot", &self.snapshots),
            ("--volume", &self.volumes),
            ("--instance", &self.instances),
            ("--auto-scaling-group", &self.groups),
        ];
        let region = self.region.iter().filter(|_| !self.is_empty());
        let ids = lists.into_iter().flat_map(|(option, ids)| ids.iter().map(move |id| (option, id.clone())));
        let templates = self.templates.iter().map(|template| ("--launch-template", template.to_string()));
        region.map(|region| ("--region", region.clone())).chain(ids).chain(templates)
    }
}
